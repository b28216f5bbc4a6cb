"""Jacobians of pipelines against central differences through `predict`.

CPU time of one thread, medians of interleaved rounds; differences take the values twice
for every input. Errors are relative, against differences of fourth order at some rows.
Memory is what a call needs at its peak beyond what is there before, with its result.
"""

import os

# before numpy is loaded, which reads them once
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import warnings

import numpy as np
from _engines_clock import seconds_of
from _memory import forget_peak, peak_bytes, traced_peak
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.svm import SVR

from sklearn_nnderiv import DifferentiableRegressor, jacobian
from sklearn_nnderiv.exceptions import NotConvertibleError

N_IN, N_FIT, N_CHECKED = 8, 500, 100
BOUND = 1e-6


def models():
    """Return the pipelines by name."""
    kernel = ConstantKernel(1.0) * RBF(np.full(N_IN, 2.0)) + WhiteKernel(0.01)
    net = DifferentiableRegressor(solver="lbfgs", max_iter=50, random_state=0)
    mlp = MLPRegressor(
        hidden_layer_sizes=(64, 64), activation="tanh", max_iter=50, random_state=0
    )
    return {
        "scaler, polynomial, network": make_pipeline(
            StandardScaler(), PolynomialFeatures(2), net
        ),
        "Gaussian process": make_pipeline(
            StandardScaler(), GaussianProcessRegressor(kernel, optimizer=None)
        ),
        "scaler, SVR": make_pipeline(StandardScaler(), SVR(C=10.0)),
        "scaler, MLPRegressor": make_pipeline(StandardScaler(), mlp),
        "scaler, 5 neighbours": make_pipeline(
            StandardScaler(), KNeighborsRegressor(weights="distance")
        ),
    }


def problem(n, seed):
    rng = np.random.default_rng(seed)
    units = 10.0 ** np.arange(-3, N_IN - 3)
    u = rng.uniform(-1, 1, size=(n, N_IN))
    y = np.sin(2 * u[:, 0]) + u[:, 1] * u[:, 2] + u[:, 3] ** 2 + u[:, 4:].sum(axis=1)
    return (u + 3) * units, y


def by_differences(model, X, steps):
    """Return the Jacobian by central differences."""
    result = np.empty(X.shape)
    for j, step in enumerate(steps):
        shifted = X.copy()
        shifted[:, j] += step
        above = model.predict(shifted)
        shifted[:, j] -= 2 * step
        result[:, j] = (above - model.predict(shifted)) / (2 * step)
    return result


def truth(model, X, steps):
    """Return differences of fourth order."""
    near = by_differences(model, X, 100 * steps)
    far = by_differences(model, X, 200 * steps)
    return (4 * near - far) / 3


def error(result, expected):
    """Return the median over the rows of the largest relative error in each."""
    size = abs(expected).max(axis=0)
    return float(np.median((abs(result - expected) / size).max(axis=1)))


def grown(call):
    """Return bytes that a call needs at its peak, resident and of NumPy's arrays."""
    forget_peak()
    before = peak_bytes()
    call()
    return max(peak_bytes() - before, 0), traced_peak(call)


def measure(name, model, X, n_rounds):
    steps = 1e-5 * X.std(axis=0)
    calls = {
        "jacobian": lambda: jacobian(model, X),
        "differences": lambda: by_differences(model, X, steps),
    }
    try:
        head = {way: call()[:N_CHECKED] for way, call in calls.items()}
    except NotConvertibleError as reason:
        print(f"{name:28} skipped: {str(reason).split(',')[0]}")
        return
    expected = truth(model, X[:N_CHECKED], steps)
    errors = {way: error(result, expected) for way, result in head.items()}
    if not errors["jacobian"] < BOUND:
        raise AssertionError(f"{name}: relative error {errors['jacobian']:.1e}")
    times = {way: [] for way in calls}
    for _ in range(n_rounds):
        for way, call in calls.items():
            times[way].append(seconds_of(call)[1])
    seconds = {way: np.median(found) for way, found in times.items()}
    ratio = seconds["differences"] / seconds["jacobian"]
    for way, call in calls.items():
        resident, traced = grown(call)
        last = f"{ratio:6.1f}" if way == "jacobian" else ""
        print(
            f"{name:28} {way:12} {seconds[way]:8.3f} {last:6} {errors[way]:15.0e} "
            f"{resident / 2**20:9.1f} {traced / 2**20:8.1f}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rows, one round")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")
    X_fit, y = problem(N_FIT, 0)
    X, _ = problem(500 if quick else 10_000, 1)
    print(f"{len(X):,} rows of {N_IN} inputs, fits of {N_FIT} rows; MiB of memory")
    head = f"{'pipeline':28} {'way':12} {'CPU s':>8} {'ratio':>6}"
    head += f" {'relative error':>15}"
    print(f"{head} {'resident':>9} {'traced':>8}")
    for name, model in models().items():
        measure(name, model.fit(X_fit, y), X, 1 if quick else 5)


if __name__ == "__main__":
    main()
