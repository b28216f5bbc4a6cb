"""The figures of the inspection module: errors, coverage, flags, memory and time.

Derivative-based sensitivities of Ishigami's function against their closed form; how
often intervals of average marginal effects hold the truth; how many new rows like the
training rows are flagged as beyond them, and from how far out nine in ten are; and what
rows by the million cost beside the rows themselves.
"""

import argparse
import time
import warnings

import numpy as np
from _functions import Problem
from _memory import forget_peak, peak_bytes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv.inspection import (
    active_subspace,
    dgsm,
    extrapolation_score,
    marginal_effects,
)

PI = np.pi
# of Ishigami's function on [-pi, pi]^3, with a = 7 and b = 0.1
ISHIGAMI = np.array([0.5 + 0.1 * PI**4 / 5 + 0.005 * PI**8 / 9, 24.5, 0.08 * PI**6 / 7])
DRAWS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.uniform(-np.sqrt(3), np.sqrt(3), shape),
}


def sensitivities(n):
    problem = Problem("ishigami", n)
    model = DifferentiableRegressor(random_state=0).fit(problem.X, problem.y)
    found = dgsm(model, distributions=[(0, 1)] * 3, random_state=0).dgsm.ravel()
    error = found / (2 * PI) ** 2 / ISHIGAMI - 1
    print(f"DGSM of a network on {n} rows, relative error {np.round(error, 6)}")


def smooth(X):
    """Return values and derivatives of a function of three features."""
    a, b, c = X.T
    slopes = 2 * np.cos(2 * a) * b, np.sin(2 * a), 2 * c
    return np.sin(2 * a) * b + c**2, np.column_stack(slopes)


def coverage(n_fits):
    inside, errors = [], []
    for seed in range(n_fits):
        rng = np.random.default_rng(seed)
        X = rng.uniform(0, 1, (300, 3))
        y, slopes = smooth(X)
        truth = slopes.mean(axis=0)
        y += 0.05 * y.std() * rng.standard_normal(300)
        found = marginal_effects(DifferentiableRegressor(random_state=0).fit(X, y), X)
        inside.append((found.ci_low <= truth) & (truth <= found.ci_high))
        errors.append(abs(found.estimate / truth - 1))
    print(
        f"average marginal effects, {n_fits} fits: 95% intervals hold the truth in "
        f"{np.mean(inside):.1%}, relative error {np.median(errors, axis=0).round(4)}"
    )


def flags(sizes):
    print("new rows above 1, and the distance beyond the range, in standard deviations")
    for n in sizes:
        for d in (1, 5, 20):
            for name, draw in DRAWS.items():
                rng, shares, far = np.random.default_rng(0), [], []
                steps = np.arange(0, 4.01, 0.1)
                for _ in range(max(2, 400 // n)):
                    X = draw(rng, (n, d))
                    model = LinearRegression().fit(X, X[:, 0])
                    rows = draw(rng, (400, d))
                    shares.append(_beyond(model, rows, X))
                    far.append([_beyond(model, _out(rows, X, s), X) for s in steps])
                above = np.mean(far, axis=0) >= 0.9
                reach = f"{steps[above.argmax()]:.1f}" if above.any() else "more"
                print(f"{n:6} rows {d:3} {name:8} {np.mean(shares):7.1%} {reach:>6}")


def _beyond(model, rows, X):
    return np.mean(extrapolation_score(model, rows, X_train=X) > 1)


def _out(rows, X, step):
    """Return rows that lie beyond the largest number of the first feature."""
    out = rows.copy()
    out[:, 0] = X[:, 0].max() + step * X[:, 0].std()
    return out


def large(sizes):
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 1, (600, 20))
    y = smooth(X[:, :3])[0] + 0.1 * X[:, 3:].sum(axis=1)
    y += 0.05 * rng.standard_normal(600)
    model = DifferentiableRegressor(random_state=0, max_iter=30).fit(X, y)
    calls = {
        "marginal_effects": lambda X: marginal_effects(model, X),
        "dgsm": lambda X: dgsm(model, X),
        "active_subspace": lambda X: active_subspace(model, X, random_state=0),
        "extrapolation_score": lambda X: extrapolation_score(model, X),
    }
    for name, call in calls.items():
        call(X)
        for n in sizes:
            rows = rng.uniform(0, 1, (n, 20))
            forget_peak()
            before = peak_bytes()
            begun = time.process_time()
            call(rows)
            seconds, more = time.process_time() - begun, peak_bytes() - before
            print(f"{name:20} {n:9,} rows {seconds:7.1f} s {more / 2**20:7.0f} MiB")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rows and fits")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore", ConvergenceWarning)
    sensitivities(200 if quick else 2000)
    coverage(2 if quick else 100)
    flags([20] if quick else [20, 200, 5000])
    large([1000] if quick else [100_000, 1_000_000])


if __name__ == "__main__":
    main()
