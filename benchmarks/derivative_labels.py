"""Training on derivatives too: errors and CPU time against peers and against values.

All are given the same rows, on one thread. Shown are the error of the values, in units
of their standard deviation, and the relative error of the Jacobian,
||J - J_true|| / ||J_true||, on 2,000 new points, every input in units of its range and
every output in units of its standard deviation; medians over the seeds.

The settings of every peer are chosen in its favour: by the error of the Jacobian on the
very points it is then judged on, for each function. Only the fit itself is timed.

Rows are kept in a file, and a second run computes only what is not there.
"""

import os

# before numpy is loaded, which reads them once
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import json
import sys
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from _functions import FUNCTIONS, Problem, to_differences
from _label_contestants import (
    CONTESTANTS,
    MISSING,
    OURS,
    PEERS,
    QUICK_SEARCH,
    SEARCH,
)
from _label_report import report, report_settings

NAMES = [
    "branin",
    "otl",
    "borehole",
    "rosenbrock-2",
    "two-link",
    "piston",
    "rosenbrock-5",
    "wing",
]
PER_INPUT = [10, 20, 50]
# a peer is tuned on the first seed of this size
TUNED_AT = 20
STEPS = [1e-2, 3e-3, 1e-3, 1e-4, 1e-5]


class Job(NamedTuple):
    """One fit, as it is found again in the file of rows."""

    function: str
    n: int
    seed: int
    contestant: str
    settings: str = "{}"


def fit(job):
    problem = Problem(job.function, job.n, seed=job.seed)
    make, choose = CONTESTANTS[job.contestant]
    labels, settings = choose(problem), json.loads(job.settings)
    start = time.process_time()
    predict, jacobian = make(problem, labels, **settings)
    seconds = time.process_time() - start
    X = problem.X_test
    value_error, error = problem.errors(predict(X), jacobian(X))
    if not np.isfinite([value_error, error]).all():
        raise FloatingPointError("a result is not finite")
    return {
        "error": error,
        "value_error": value_error,
        "to_differences": to_differences(predict, jacobian, X[:5], STEPS),
        "seconds": round(seconds, 4),
    }


def fit_or_failure(job):
    """Return the row of a fit, or of the failure of a peer; ours is to raise."""
    try:
        return {**job._asdict(), **fit(job)}
    except Exception as failure:
        if job.contestant in OURS:
            raise
        return {**job._asdict(), "failure": repr(failure)[:300]}


class Table:
    """The rows by their jobs, computed where they are not there, and kept on disk."""

    def __init__(self, path):
        self.path = path
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        rows = [json.loads(line) for line in lines]
        self.rows = {Job(*(row[field] for field in Job._fields)): row for row in rows}

    def row(self, job):
        """Return the row of a job."""
        if job not in self.rows:
            if sys.stderr.isatty():
                shown = f"\r{job.function} {job.n} {job.contestant}"
                print(f"{shown:50}", end="", file=sys.stderr, flush=True)
            row = self.rows[job] = fit_or_failure(job)
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        return self.rows[job]


def tune(table, function, contestant, search):
    """Return the settings of the least error, one setting sought after the other.

    Settings that the file has from other searches count too.
    """
    best = {name: values[0] for name, values in search.items()}
    n = TUNED_AT * FUNCTIONS[function].n_inputs
    for name, values in search.items():
        tried = [{**best, name: value} for value in values]
        jobs = [Job(function, n, 0, contestant, json.dumps(one)) for one in tried]
        errors = [table.row(job).get("error", np.inf) for job in jobs]
        best = tried[int(np.argmin(errors))]
    wanted = function, n, 0, contestant
    jobs = [job for job in table.rows if job[:4] == wanted]
    return min(jobs, key=lambda job: table.rows[job].get("error", np.inf)).settings


def compute(table, function, options):
    """Return the jobs of the report, computed: peers of one function, then ours."""
    d, jobs = FUNCTIONS[function].n_inputs, []
    for name in options.contestants:
        settings, sizes = "{}", options.per_input
        if name in PEERS:
            settings = tune(table, function, name, options.search[name])
        if name == "values":
            sizes = sorted({*sizes, *(3 * size for size in sizes)})
        jobs += [
            Job(function, size * d, seed, name, settings)
            for size in sizes
            for seed in options.seeds
        ]
    for job in jobs:
        table.row(job)
    return jobs


def warm_up(contestants):
    """Fit once, lest what is imported on first use counts as time of a fit."""
    for name in contestants:
        search = QUICK_SEARCH.get(name, {})
        first = json.dumps({key: values[0] for key, values in search.items()})
        fit(Job("branin", 20, 0, name, first))


def check_derivatives(rows):
    """Say which derivatives are not those of their fit; raise if one is of ours.

    Kriging of points that lie close together may leave few digits in its predictions; a
    wrong formula would still be off by more than a tenth.
    """
    wrong = [
        row
        for row in rows
        if not row.get("to_differences", 0)
        < (0.1 if row["contestant"] == "gekpls" else 1e-4)
    ]
    for row in wrong:
        if row["contestant"] in OURS:
            raise AssertionError(f"This derivative is not that of its fit: {row}")
        shown = ("contestant", "function", "n", "seed", "to_differences")
        print("not the derivative of its fit:", {key: row[key] for key in shown})
    if not wrong:
        print("\nall derivatives agree with central differences of the predictions")


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--part", choices=["peers", "ours", "all"], default="all")
    add("--functions", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    add("--per-input", nargs="+", type=int, default=PER_INPUT, help="rows per input")
    add("--seeds", nargs="+", type=int, default=[0, 1, 2])
    add("--results", type=Path, default=Path("output/derivative_labels.jsonl"))
    add("--quick", action="store_true", help="one small function, short fits")
    options = parser.parse_args()
    options.search = SEARCH
    if options.quick:
        options.functions, options.per_input = ["branin"], [10]
        options.seeds, options.search = [0], QUICK_SEARCH
    parts = {"peers": PEERS, "ours": OURS, "all": CONTESTANTS}
    options.contestants = [name for name in parts[options.part] if name not in MISSING]
    return options


def main():
    options = parse()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    for name in MISSING:
        print(f"{name} is left out: its package is not installed, or takes no labels")
    with tempfile.TemporaryDirectory() as temporary:
        # a quick run leaves nothing that a real one would take for its own
        path = Path(temporary) / "rows.jsonl" if options.quick else options.results
        path.parent.mkdir(parents=True, exist_ok=True)
        table, jobs = Table(path), []
        if not options.quick:
            warm_up(options.contestants)
        for function in options.functions:
            jobs += compute(table, function, options)
        rows = [table.row(job) for job in jobs]
        report(rows, options)
        report_settings(rows)
        check_derivatives(rows)
        for row in table.rows.values():
            if "failure" in row:
                print(f"failed: {row}")


if __name__ == "__main__":
    main()
