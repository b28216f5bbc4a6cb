"""CPU seconds of the default fit, by rows, inputs and outputs.

A smooth function without noise is fitted on one thread. "exponent" is the growth from
the row of the table before: the p of seconds ~ size**p. Networks, candidates and
iterations change with the data, so that it is not constant. "relative error" is that of
the Jacobian on 1,000 new points.
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

from sklearn_nnderiv import DifferentiableRegressor

SWEEPS = {
    "rows": [100, 200, 500, 1_000, 2_000, 5_000, 10_000],
    "inputs": [1, 2, 5, 10, 20, 50, 100, 200],
    "outputs": [1, 2, 5, 10, 20],
}
QUICK = {"rows": [50, 100], "inputs": [1, 2], "outputs": [1, 2]}
BASE = {"rows": 500, "inputs": 8, "outputs": 1}


def function(X, n_outputs):
    """Return y and its Jacobian; the effect of input j falls with 1/j."""
    n, d = X.shape
    unit = 1 / np.arange(1, d + 1)
    z, second = X * unit, min(1, d - 1)
    total = z.sum(axis=1)
    y, jacobian = np.empty((n, n_outputs)), np.empty((n, n_outputs, d))
    for i in range(n_outputs):
        own = i % d
        y[:, i] = np.sin(total + 0.3 * i) + z[:, 0] * z[:, second] + 0.1 * i * z[:, own]
        slopes = np.repeat(np.cos(total + 0.3 * i)[:, None], d, axis=1)
        slopes[:, 0] += z[:, second]
        slopes[:, second] += z[:, 0]
        slopes[:, own] += 0.1 * i
        jacobian[:, i] = slopes * unit
    return y, jacobian


def fit(sizes, max_iter):
    """Return the fitted model, its CPU seconds, and the error of its Jacobian."""
    rng = np.random.default_rng(0)
    rows, d, k = sizes["rows"], sizes["inputs"], sizes["outputs"]
    X, X_test = rng.uniform(-2, 2, (rows, d)), rng.uniform(-2, 2, (1000, d))
    y, _ = function(X, k)
    model = DifferentiableRegressor(max_iter=max_iter, random_state=0)
    start = time.process_time()
    model.fit(X, y[:, 0] if k == 1 else y)
    seconds = time.process_time() - start
    _, truth = function(X_test, k)
    wrong = model.predict_jacobian(X_test).reshape(truth.shape) - truth
    return model, seconds, np.linalg.norm(wrong) / np.linalg.norm(truth)


def sweep(name, values, max_iter):
    others = ", ".join(f"{n} {other}" for other, n in BASE.items() if other != name)
    print(f"\nby {name}; {others}")
    print(
        f"{name:>8} {'CPU s':>8} {'exponent':>9}  relative error  solver  hidden layers"
    )
    found = []
    for value in values:
        model, seconds, error = fit({**BASE, name: value}, max_iter)
        shown = ""
        if found:
            ratio = np.log(seconds / found[-1]) / np.log(value / values[len(found) - 1])
            shown = f"{ratio:.2f}"
        found.append(seconds)
        print(
            f"{value:8,} {seconds:8.2f} {shown:>9}  {error:14.1e}  {model.solver_:6}  "
            f"{model.hidden_layer_sizes_}",
            flush=True,
        )
    slope = np.polyfit(np.log(values), np.log(found), 1)[0]
    print(f"exponent over all: {slope:.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small and short fits")
    parser.add_argument("--by", nargs="+", choices=SWEEPS, default=list(SWEEPS))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    fit({**BASE, "rows": 50}, 5)
    for name in options.by:
        values = (QUICK if options.quick else SWEEPS)[name]
        sweep(name, values, 20 if options.quick else "auto")


if __name__ == "__main__":
    main()
