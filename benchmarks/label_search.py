"""Choosing an architecture where derivatives are known: which guide finds the best.

The guides choose among six architectures, all trained on values and derivatives. Three
are scores of five-fold cross-validation with routed labels: R2 of the Jacobian, as the
plain mean over the inputs and weighted by variance; and R2 of the values. The fourth is
the log evidence of fits to all rows. The truth is the relative error of the Jacobian,
||J - J_true|| / ||J_true||, of these, on 2,000 new points. Shown is the error of each
choice in units of that of the best architecture.
"""

import os

# before numpy is loaded, which reads them once
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import warnings

import numpy as np
import sklearn
import torch
from _contestants import ravel_one
from _functions import FUNCTIONS, Problem
from derivative_labels import NAMES
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ParameterGrid

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv.metrics import jacobian_r2_scorer

GRID = {
    "hidden_layer_sizes": [(4,), (24,), (12, 12)],
    "activation": ["tanh", "softplus"],
}
QUICK_GRID = {"hidden_layer_sizes": [(2,), (8,)], "activation": ["tanh"]}
SCORING = {
    "Jacobian": jacobian_r2_scorer,
    "weighted": clone(jacobian_r2_scorer).set_params(multioutput="variance_weighted"),
    "R2": "r2",
}
# a choice is good if its error is at most this many times that of the best
LIMIT = 1.5


def search(model, grid, problem, y, labels, n_jobs):
    """Return the architecture that each score of a search by cross-validation takes."""
    model = clone(model).set_fit_request(jacobian=True)
    found = GridSearchCV(
        model,
        grid,
        scoring=SCORING,
        refit=False,
        n_jobs=n_jobs,
        error_score="raise",
    ).fit(problem.X, y, jacobian=labels)
    results = found.cv_results_
    return {
        name: results["params"][int(np.argmin(results[f"rank_test_{name}"]))]
        for name in SCORING
    }


def refit(model, grid, problem, y, labels):
    """Return the log evidence and the true error of each architecture."""
    evidence, errors = [], []
    for parameters in grid:
        fitted = clone(model).set_params(**parameters)
        fitted.fit(problem.X, y, jacobian=labels)
        X = problem.X_test
        values = fitted.predict(X).reshape(problem.y_test.shape)
        jacobian = fitted.predict_jacobian(X).reshape(problem.jacobian_test.shape)
        errors.append(problem.errors(values, jacobian)[1])
        evidence.append(fitted.log_evidence_)
    return evidence, errors


def choose(name, seed, options):
    """Return the errors on the grid, and that of the choice of each guide."""
    n, grid = options.per_input * FUNCTIONS[name].n_inputs, options.grid
    problem = Problem(name, n, seed=seed)
    y, labels = ravel_one(problem.y), problem.jacobian
    labels = labels[:, 0] if y.ndim == 1 else labels
    model = DifferentiableRegressor(random_state=seed)
    combinations = list(ParameterGrid(grid))
    evidence, errors = refit(model, combinations, problem, y, labels)
    chosen = {"evidence": combinations[int(np.argmax(evidence))]}
    chosen |= search(model, grid, problem, y, labels, options.n_jobs)
    places = {guide: combinations.index(one) for guide, one in chosen.items()}
    return errors, {guide: errors[i] for guide, i in places.items()}


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--functions", nargs="+", choices=NAMES, default=NAMES, metavar="NAME")
    add("--per-input", type=int, default=20, help="rows per input")
    add("--seeds", nargs="+", type=int, default=[0])
    add("--quick", action="store_true", help="one function, two architectures")
    options = parser.parse_args()
    options.grid, options.n_jobs = GRID, 2
    if options.quick:
        options.functions, options.per_input = ["branin"], 10
        options.grid, options.n_jobs = QUICK_GRID, 1
    return options


def main():
    options = parse()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    guides = [*SCORING, "evidence"]
    print(f"relative error of the Jacobian, {options.per_input} rows per input")
    print("best and worst of the grid; then the choices, in units of the best\n")
    print("| function | seed | best | worst | " + " | ".join(guides) + " |")
    print("|---" * (4 + len(guides)) + "|")
    ratios = {guide: [] for guide in guides}
    for name in options.functions:
        for seed in options.seeds:
            errors, chosen = choose(name, seed, options)
            best, worst = min(errors), max(errors)
            for guide in guides:
                ratios[guide].append(chosen[guide] / best)
            shown = " | ".join(f"{ratios[guide][-1]:.2f}" for guide in guides)
            print(
                f"| {name} | {seed} | {best:.1e} | {worst:.1e} | {shown} |", flush=True
            )
    print()
    for guide, found in ratios.items():
        n_good = sum(ratio <= LIMIT for ratio in found)
        print(
            f"by {guide}: within {LIMIT} times of the best in {n_good} of {len(found)}"
        )


if __name__ == "__main__":
    sklearn.set_config(enable_metadata_routing=True)
    main()
