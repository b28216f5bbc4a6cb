"""Many rows: seconds, memory and relative error of the Jacobian.

A smooth function of 50 inputs (ten pairs of which interact), noise-free, is learnt by
the mini-batch solver: from an array by `fit`, and out of core by `partial_fit` from a
memory map on disk. Every row of the table is measured in a process of its own, whose
peak of memory is the operating system's. "extra" is what the fit needed beyond the
data, in units of the data. A second table is of the default fit, on the most rows for
which "auto" is lm, noise-free.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from _functions import Problem

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv._training import (
    ADAM_ACTIVATION,
    ADAM_HIDDEN,
    ADAM_LEARNING_RATE,
    adam_batch_size,
    adam_epochs,
)

N_IN = 50
PART = 20_000  # rows of a part, out of core


def function(X):
    """Return y and its derivative at X, uniform on [-1, 1]."""
    a, b, c = X[:, :10], X[:, 10:20], X[:, 20:]
    weight = 1 / np.arange(1, c.shape[1] + 1)
    y = (np.sin(2 * a) * b).sum(axis=1) + (weight * np.exp(c)).sum(axis=1)
    return y, np.hstack([2 * np.cos(2 * a) * b, np.sin(2 * a), weight * np.exp(c)])


def error(model):
    """Return the relative error in scaled units, on 2,000 new points."""
    X = np.random.default_rng(1).uniform(-1, 1, size=(2000, N_IN))
    truth = function(X)[1]
    return np.linalg.norm(model.predict_jacobian(X) - truth) / np.linalg.norm(truth)


def make(n, dtype, epochs):
    hidden, activation = ADAM_HIDDEN, ADAM_ACTIVATION
    batch = adam_batch_size(n)
    return DifferentiableRegressor(
        solver="adam",
        hidden_layer_sizes=hidden,
        activation=activation,
        batch_size=batch,
        learning_rate_init=ADAM_LEARNING_RATE,
        max_iter=epochs or adam_epochs(n, batch),
        dtype=dtype,
        random_state=0,
    )


def draw(n, seed):
    X = np.random.default_rng(seed).uniform(-1, 1, size=(n, N_IN))
    # in parts, lest this be the peak of memory
    y = [function(X[i : i + PART])[0] for i in range(0, n, PART)]
    return X, np.concatenate(y)


def peak():
    """Return the peak of this process's memory in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(way, n, dtype, epochs):
    """Fit in this process, and print what it took as JSON."""
    warm = draw(300, 2)
    make(300, dtype, 1).fit(*warm)
    with tempfile.TemporaryDirectory() as folder:
        if way == "partial_fit":
            X, y = on_disk(n, Path(folder))
        else:
            X, y = draw(n, 0)
        before, begin, model = peak(), time.process_time(), make(n, dtype, epochs)
        if way == "partial_fit":
            out_of_core(model, X, y, model.max_iter)
        else:
            model.fit(X, y)
        result = {
            "seconds": time.process_time() - begin,
            "peak": peak(),
            "extra": (peak() - before) / (X.nbytes / 1e6),
            "epochs": model.max_iter,
            "error": error(model),
        }
        del X, y
    print(json.dumps(result))


def on_disk(n, folder):
    """Write the rows part by part; return them as memory maps."""
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", shape=(n, N_IN))
    y = np.lib.format.open_memmap(folder / "y.npy", "w+", shape=(n,))
    for start in range(0, n, PART):
        rows = slice(start, min(start + PART, n))
        X[rows], y[rows] = draw(rows.stop - start, start)
    del X, y
    return [np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("X", "y")]


def out_of_core(model, X, y, epochs):
    """Visit the parts in a new order every epoch, with a smaller step each time."""
    order, largest = np.random.default_rng(0), model.learning_rate_init
    for epoch in range(epochs):
        rate = largest * (1 + np.cos(np.pi * epoch / epochs)) / 2
        model.set_params(learning_rate_init=rate)
        for start in order.permutation(np.arange(0, len(X), PART)):
            # a copy, lest the pages of the file count as memory of the process
            rows = slice(start, start + PART)
            model.partial_fit(np.array(X[rows]), np.array(y[rows]))


def default(names, n):
    """Print what the default fit needs and reaches."""
    print(
        "\nfunction   rows    solver hidden layers activation    CPU s  relative error"
    )
    for name in names:
        problem = Problem(name, n)
        begin, model = time.process_time(), DifferentiableRegressor(random_state=0)
        model.fit(problem.X, problem.y.ravel())
        seconds, X = time.process_time() - begin, problem.X_test
        slopes = model.predict_jacobian(X)[:, None]
        _, wrong = problem.errors(model.predict(X)[:, None], slopes)
        print(
            f"{name:<10} {n:<7,} {model.solver_:<6} {model.hidden_layer_sizes_!s:<13} "
            f"{model.activation_:<13} {seconds:>5.1f}  {wrong:.1e}",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.measure:
        way, n, dtype, epochs = arguments.measure
        return measure(way, int(n), dtype, int(epochs))
    runs = [
        ("fit", 10_000, "float64", 0),
        ("fit", 10_000, "float32", 0),
        ("fit", 50_000, "float32", 0),
        ("fit", 1_000_000, "float64", 0),
        ("fit", 1_000_000, "float32", 0),
        ("partial_fit", 1_000_000, "float32", 0),
    ]
    if arguments.quick:
        runs = [("fit", 5_000, "float32", 15), ("partial_fit", 40_000, "float32", 2)]
    print(
        "way          rows       dtype    epochs  CPU s  peak MB  extra  relative error"
    )
    for way, n, dtype, epochs in runs:
        command = [sys.executable, __file__, "--measure", way, n, dtype, epochs]
        done = subprocess.run(
            [str(part) for part in command], check=True, capture_output=True, text=True
        )
        r = json.loads(done.stdout)
        print(
            f"{way:<12} {n:<10,} {dtype:<8} {r['epochs']:>6} {r['seconds']:>6.1f} "
            f"{r['peak']:>8.0f} {r['extra']:>6.2f}  {r['error']:.1e}",
            flush=True,
        )
    # at the end: processes inherit the peak of the one that starts them
    return default(["borehole", "robot"], 100 if arguments.quick else 10_000)


if __name__ == "__main__":
    main()
