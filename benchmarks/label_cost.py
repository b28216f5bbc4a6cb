"""What derivative labels cost, what noise does to them, and who notices wrong units.

Cost is CPU time of an iteration or epoch on one thread, with labels of all derivatives
against without, the two fits taking turns; medians. Noise of the values is in units of
their standard deviation, that of the labels in units of the root mean square of each
column; shown is the relative error of the Jacobian, ||J - J_true|| / ||J_true||, on
2,000 new points, medians over the seeds. Units are wrong where labels are with respect
to scaled inputs, or of scaled outputs.
"""

import os

# before numpy is loaded, which reads them once
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import time
import warnings

import numpy as np
import torch
from _contestants import ravel_one
from _functions import FUNCTIONS, Problem
from derivative_labels import NAMES
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv.exceptions import DerivativeWarning

# one output and two
COSTS = ["wing", "two-link"]
SOLVERS = {
    "lbfgs": {"solver": "lbfgs", "max_iter": 100},
    "adam": {"solver": "adam", "max_iter": 20},
    "adam, float32": {"solver": "adam", "max_iter": 20, "dtype": "float32"},
    "lm": {
        "solver": "lm",
        "max_iter": 30,
        "hidden_layer_sizes": (12, 12),
        "activation": "softplus",
        "n_candidates": 1,
    },
}
# of the values and of the labels
NOISE = [(0.05, 0), (0.1, 0), (0.05, 0.2), (0.1, 0.1), (0.1, 0.5), (0, 0.2), (0, 0.5)]
# labels that are right all the same, and the part of them that is known
RIGHT = [(0, 0, 1), (0.1, 0, 1), (0, 0.3, 1), (0.1, 0.5, 1), (0.5, 0, 1), (0, 0, 0.5)]
SCALERS = {
    "standard": StandardScaler,
    "minmax": MinMaxScaler,
    "robust": RobustScaler,
    "maxabs": MaxAbsScaler,
}
SIDES = {"both": (True, True), "inputs": (True, False), "outputs": (False, True)}


def known(labels):
    return labels[:, 0] if labels.shape[1] == 1 else labels


def milliseconds(problem, labels, settings):
    """Return the CPU time of an iteration of a fit."""
    model = DifferentiableRegressor(random_state=0, tol=0, **settings)
    start = time.process_time()
    model.fit(problem.X, ravel_one(problem.y), jacobian=labels)
    return 1e3 * (time.process_time() - start) / model.n_iter_


def report_costs(n, repeats):
    print(f"\nCPU milliseconds of an iteration or epoch, {n} rows\n")
    print("| function | inputs | outputs | solver | values | labels | ratio |")
    print("|---|---|---|---|---|---|---|")
    for name in COSTS:
        problem = Problem(name, n)
        k, d = problem.jacobian.shape[1:]
        for solver, settings in SOLVERS.items():
            kinds = [None, known(problem.jacobian)]
            rows = [
                [milliseconds(problem, labels, settings) for labels in kinds]
                for _ in range(repeats + 1)
            ]
            # the first turn loads what is loaded once
            values, both = np.median(rows[1:] if repeats > 1 else rows, axis=0)
            shown = f"{values:.2f} | {both:.2f} | {both / values:.1f}"
            print(f"| {name} | {d} | {k} | {solver} | {shown} |", flush=True)


def noisy(labels, noise, rng):
    spread = np.sqrt((labels**2).mean(axis=0))
    return labels + noise * spread * rng.standard_normal(labels.shape)


def jacobian_error(problem, labels, **settings):
    model = DifferentiableRegressor(random_state=problem.seed, **settings)
    model.fit(problem.X, ravel_one(problem.y), jacobian=labels)
    X, shape = problem.X_test, problem.jacobian_test.shape
    values = model.predict(X).reshape(len(X), -1)
    return problem.errors(values, model.predict_jacobian(X).reshape(shape))[1]


def report_noise(names, per_input, seeds, settings):
    print(f"\nrelative error of the Jacobian, {per_input} rows per input\n")
    print("| function | noise of values | of labels | values | labels | weight 1 |")
    print("|---|---|---|---|---|---|")
    for name in names:
        n = per_input * FUNCTIONS[name].n_inputs
        for of_values, of_labels in NOISE:
            rows = []
            for seed in seeds:
                problem = Problem(name, n, noise=of_values, seed=seed)
                rng = np.random.default_rng(seed + 17)
                labels = known(noisy(problem.jacobian, of_labels, rng))
                kinds = [(None, "auto"), (labels, "auto"), (labels, 1.0)]
                rows.append(
                    [
                        jacobian_error(problem, own, jacobian_weight=w, **settings)
                        for own, w in kinds
                    ]
                )
            shown = " | ".join(f"{error:.1e}" for error in np.median(rows, axis=0))
            print(f"| {name} | {of_values} | {of_labels} | {shown} |", flush=True)


def is_noticed(X, y, labels):
    """Whether a fit warns of the units of its labels."""
    model = DifferentiableRegressor(
        solver="lbfgs", hidden_layer_sizes=(2,), max_iter=1, random_state=0
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DerivativeWarning)
        model.fit(X, ravel_one(y), jacobian=known(labels))
    return any("differences of y" in str(w.message) for w in caught)


def in_units(problem):
    """Return the problem with columns in units, and from origins, of their own."""
    rng = np.random.default_rng(problem.seed + 5)
    unit = 10 ** rng.uniform(-3, 3, problem.X.shape[1])
    X = unit * (problem.X + rng.uniform(-1, 1, len(unit)))
    return X, 100 * problem.y, 100 * problem.jacobian / unit


def scale_of(scaler, table):
    """Return by how much a scaler's step is longer than one of the data."""
    fitted = scaler().fit(table)
    return 1 / fitted.scale_ if scaler is MinMaxScaler else fitted.scale_


def wrong_labels(X, y, jacobian):
    """Yield labels in the units of scalers where all factors are at least two."""
    for name, scaler in SCALERS.items():
        for side, (of_x, of_y) in SIDES.items():
            by_x = scale_of(scaler, X) if of_x else np.ones(X.shape[1])
            by_y = scale_of(scaler, y) if of_y else np.ones(y.shape[1])
            factor = by_x / by_y[:, None]
            if (abs(np.log2(factor)) > 1).all():
                yield f"{name}, {side}", jacobian * factor


def report_units(names, per_input, seeds):
    right, wrong = [], {}
    for name in names:
        for size in per_input:
            for seed in seeds:
                n = size * FUNCTIONS[name].n_inputs
                X, y, jacobian = in_units(Problem(name, n, seed=seed))
                rng = np.random.default_rng(seed)
                for of_values, of_labels, part in RIGHT:
                    labels = noisy(jacobian, of_labels, rng)
                    labels[rng.random(labels.shape) >= part] = np.nan
                    moved = of_values * y.std(axis=0) * rng.standard_normal(y.shape)
                    right.append(is_noticed(X, y + moved, labels))
                for kind, labels in wrong_labels(X, y, jacobian):
                    wrong.setdefault(kind, []).append(is_noticed(X, y, labels))
    print("\nWarnings of units, per 100 sets of labels\n")
    print("| labels | sets | warned of, per 100 |")
    print("|---|---|---|")
    for kind, noticed in {"right, or noisy": right, **wrong}.items():
        print(f"| {kind} | {len(noticed)} | {100 * np.mean(noticed):.1f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few fits, short ones")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    if quick:
        report_costs(30, 1)
        short = {"n_candidates": 1, "max_iter": 5}
        report_noise(["branin"], 5, [0], short)
        report_units(["branin"], [10], [0])
        return
    report_costs(500, 5)
    report_noise(["branin", "otl", "piston"], 20, [0, 1, 2], {})
    report_units(NAMES, [10, 20, 50], [0, 1, 2])


if __name__ == "__main__":
    main()
