"""Accuracy of the derivative, and the CPU time of the fit, against other ways to fit.

All contestants see values of the function only, on one thread. Shown is the relative
error of the Jacobian, ||J - J_true|| / ||J_true|| on 2,000 new points, every output in
units of its standard deviation. The derivative of every fit is held against central
differences of its own predictions, so that the errors are those of the fits.

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
from _accuracy_report import draw, report
from _contestants import CONTESTANTS, MISSING, MOST_ROWS
from _functions import APART, FUNCTIONS, USUAL, Problem, to_differences

SIZES = ["main", "second"]
# rows from which one seed is enough for a short run: half a minute a fit
ONE_SEED = {"gp": 500}
NOISY = ["branin", "otl", "friedman"]
QUICK = ["mlp-32", "mlp-64", "gp", "krg", "poly-3", "ours"]
KERNELS = {"gp", "krg", "kpls"}
# a very short step rarely meets one of the kinks of ReLU; sums over a kernel have large
# terms of both signs, and lose digits in differences
SHORT, LONG = [1e-8], [1e-1, 3e-2, 1e-2, 3e-3, 1e-3]


class Job(NamedTuple):
    """One fit, as it is found again in the file of rows."""

    function: str
    n: int
    noise: float
    seed: int
    contestant: str


def check_derivatives(rows):
    """Raise if a derivative is not that of its fit, else print how near all are.

    Kriging without noise may leave few digits in its predictions, where the weights
    are 1e10 times the values; a wrong formula would still be off by more than a tenth.
    """
    groups = {False: [], True: []}
    for row in rows:
        kernel = row["contestant"] in KERNELS
        if not row["to_differences"] < (0.1 if kernel else 1e-4):
            raise AssertionError(f"This derivative is not that of its fit: {row}")
        groups[kernel].append(row["to_differences"])
    print(
        "\nderivatives of all contestants agree with central differences: "
        f"relative error at most {max(groups[False], default=0):.1e}"
    )
    if groups[True]:
        median, worst = np.median(groups[True]), max(groups[True])
        print(f"(GP and kriging, which lose digits: median {median:.1e}, {worst:.1e})")


def fit(job):
    problem = Problem(*job[:4])
    start = time.process_time()
    predict, jacobian = CONTESTANTS[job.contestant](problem)
    seconds = time.process_time() - start
    X, steps = problem.X_test, LONG if job.contestant in KERNELS else SHORT
    value_error, error = problem.errors(predict(X), jacobian(X))
    return {
        **job._asdict(),
        "error": error,
        "value_error": value_error,
        "to_differences": to_differences(predict, jacobian, X[:5], steps),
        "seconds": round(seconds, 4),
    }


def read(path):
    """Return the rows of a file by their jobs; of equal ones the last."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    rows = [json.loads(line) for line in lines]
    return {Job(*(row[field] for field in Job._fields)): row for row in rows}


def run(jobs, path, fresh):
    """Compute the rows that are not in the file, add them to it, return all asked."""
    known = {} if fresh else read(path)
    rows = {}
    for i, job in enumerate(jobs):
        if job not in known:
            row = known[job] = fit(job)
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            if sys.stderr.isatty():
                shown = f"\r{i + 1}/{len(jobs)} {job.function} {job.contestant}"
                print(f"{shown:50}", end="", file=sys.stderr, flush=True)
        rows[job] = known[job]
    return rows


def plan(options):
    """Return the jobs by their block of the table, (size, noise)."""
    blocks = {}
    for noise in options.noise:
        for size in options.sizes:
            functions = options.noisy if noise else options.functions
            blocks[size, noise] = [
                Job(name, n, noise, seed, contestant)
                for name in functions
                for n in [FUNCTIONS[name].sizes[SIZES.index(size)]]
                for seed in range(options.seeds)
                for contestant in options.contestants
                if n <= MOST_ROWS.get(contestant, n)
                if seed == 0 or options.full or n < ONE_SEED.get(contestant, n + 1)
            ]
    return blocks


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--functions", nargs="+", choices=FUNCTIONS, metavar="NAME")
    add("--contestants", nargs="+", choices=CONTESTANTS, metavar="NAME")
    add("--noise", nargs="+", type=float, help="in units of the function's deviation")
    add("--sizes", nargs="+", choices=SIZES)
    add("--seeds", type=int, default=3, help="how many")
    add("--full", action="store_true", help="both sizes, all noises, all seeds")
    add("--quick", action="store_true", help="two small functions, few contestants")
    add("--fresh", action="store_true", help="compute rows again that are there")
    add("--output", type=Path, metavar="FOLDER", help="default: output/accuracy")
    return complete(parser.parse_args())


def complete(options):
    """Fill in what was not given and leave out what is not installed."""
    given = options.functions or options.noise or options.full
    if options.quick:
        options.seeds = 1
        options.sizes = options.sizes or ["second"]
        options.noise = options.noise or [0.0]
        options.functions = options.functions or ["cubic", "table-grid", "table-even"]
        options.contestants = options.contestants or QUICK
    options.sizes = options.sizes or (SIZES if options.full else SIZES[:1])
    options.noise = options.noise or [0.0, 0.02, 0.1]
    options.functions = options.functions or list(FUNCTIONS)
    options.noisy = options.functions if given else NOISY
    asked = options.contestants or list(CONTESTANTS)
    options.contestants = [name for name in asked if name not in MISSING]
    for name in asked:
        if name in MISSING:
            print(f"{name} is left out: its package is not installed")
    for name in ONE_SEED.keys() & set(asked) if not options.full else ():
        print(f"{name} is run on one seed from {ONE_SEED[name]} rows on, as it is slow")
    return options


def main():
    options = parse()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        # a quick run leaves nothing that a real one would take for its own
        default = temporary if options.quick else "output/accuracy"
        folder = Path(options.output or default)
        folder.mkdir(parents=True, exist_ok=True)
        blocks = plan(options)
        jobs = [job for block in blocks.values() for job in block]
        rows = run(jobs, folder / "rows.jsonl", options.fresh)
        for (size, noise), block in blocks.items():
            print(f"\n{size} sizes, noise {noise:.0%}: relative error of the Jacobian")
            report([rows[job] for job in block], options.contestants, USUAL, APART)
        (size, noise), block = next(iter(blocks.items()))
        first, label = [rows[job] for job in block], f"{size} sizes, noise {noise:.0%}"
        draw(first, options.contestants, USUAL, label, folder / "accuracy.png")
        check_derivatives(rows.values())
        if folder != Path(temporary):
            print(f"rows and picture are in {folder}")


if __name__ == "__main__":
    main()
