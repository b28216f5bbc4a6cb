"""The number of rows from which adam beats lbfgs, in equal time.

Both fit the borehole function with the default network. Adam runs for a number of
epochs, then lbfgs for as many iterations as take the same time. Shown is the relative
error of the derivative on 2,000 new rows.
"""

import argparse
import time
import warnings

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

from sklearn_nnderiv import DifferentiableRegressor

LOW = [0.05, 100, 63070, 990, 63.1, 700, 1120, 9855]
HIGH = [0.15, 50000, 115600, 1110, 116, 820, 1680, 12045]


def borehole(x):
    rw, r, tu, hu, tl, hl, length, kw = x.T
    log = torch.log(r / rw)
    loss = 1 + 2 * length * tu / (log * rw**2 * kw) + tu / tl
    return 2 * torch.pi * tu * (hu - hl) / (log * loss)


def rows(n, seed):
    X = np.random.default_rng(seed).uniform(LOW, HIGH, size=(n, 8))
    x = torch.tensor(X, requires_grad=True)
    y = borehole(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    return X, y.detach().numpy(), gradient.numpy()


def fit(X, y, solver, max_iter):
    model = DifferentiableRegressor(
        solver=solver, max_iter=max_iter, tol=0, random_state=0
    )
    start = time.perf_counter()
    model.fit(X, y)
    return model, time.perf_counter() - start


def error(model, X, truth):
    unit = X.std(axis=0)
    difference = (model.predict_jacobian(X) - truth) * unit
    return np.linalg.norm(difference) / np.linalg.norm(truth * unit)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows and epochs")
    quick = parser.parse_args().quick
    sizes, epochs = ([500], 3) if quick else ([5_000, 10_000, 20_000, 40_000], 60)
    warnings.simplefilter("ignore", ConvergenceWarning)
    X_new, _, truth = rows(2000, seed=1)
    print(f"{'rows':>7} {'solver':>7} {'seconds':>8} {'relative error':>15}")
    for n in sizes:
        X, y, _ = rows(n, seed=0)
        adam, budget = fit(X, y, "adam", epochs)
        _, ten = fit(X, y, "lbfgs", 10)
        lbfgs, seconds = fit(X, y, "lbfgs", max(1, round(10 * budget / ten)))
        for model, spent in ((adam, budget), (lbfgs, seconds)):
            shown = f"{spent:8.1f} {error(model, X_new, truth):15.4f}"
            print(f"{n:7} {model.solver_:>7} {shown}")


if __name__ == "__main__":
    main()
