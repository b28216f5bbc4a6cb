"""lm, lbfgs and adam in equal time, by the number of rows.

All fit the borehole function with what "auto" means for them. lm runs first; lbfgs and
adam are given as many iterations or epochs as take the same time. Shown is the relative
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


def fit(X, y, solver, max_iter="auto"):
    model = DifferentiableRegressor(
        solver=solver, max_iter=max_iter, tol=1e-3 if solver == "lm" else 0
    )
    start = time.perf_counter()
    model.set_params(random_state=0).fit(X, y)
    return model, time.perf_counter() - start


def in_time(X, y, solver, budget):
    """Fit with as many iterations as take about `budget` seconds."""
    fit(X, y, solver, 1)
    _, trial = fit(X, y, solver, 4)
    return fit(X, y, solver, max(1, round(4 * budget / trial)))


def error(model, X, truth):
    unit = X.std(axis=0)
    difference = (model.predict_jacobian(X) - truth) * unit
    return np.linalg.norm(difference) / np.linalg.norm(truth * unit)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rows and epochs")
    quick = parser.parse_args().quick
    sizes = [200] if quick else [1_000, 5_000, 10_000]
    warnings.simplefilter("ignore", ConvergenceWarning)
    X_new, _, truth = rows(2000, seed=1)
    print(f"{'rows':>7} {'solver':>7} {'seconds':>8} {'relative error':>15}")
    for n in sizes:
        X, y, _ = rows(n, seed=0)
        fits = [fit(X, y, "lm", 20 if quick else "auto")]
        fits += [in_time(X, y, solver, fits[0][1]) for solver in ("lbfgs", "adam")]
        for model, spent in fits:
            shown = f"{spent:8.1f} {error(model, X_new, truth):15.4f}"
            print(f"{n:7} {model.solver_:>7} {shown}")


if __name__ == "__main__":
    main()
