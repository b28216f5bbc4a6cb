"""Exactness of the derivatives, against the truth and against central differences.

First the forum's ten points, where the error is that of the fit. Then the Jacobian
against fourth-order central differences of `predict`, where it is that of the
differentiation. Last, eight threads against one.
"""

import argparse
import itertools
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklearn_nnderiv import DifferentiableRegressor, jacobian

POINTS = [1.872678462764552, 2.4448616490329247, 4.4445634270474565]
POINTS += [6.139904037163629, 2.571250050248884, 2.817382806029692]
POINTS += [3.332011539496338, 7.201266008061427, 2.04220977299413, 5.550606341194321]
POINTS = np.array(POINTS).reshape(-1, 1)

SCALERS = [
    "standard",
    "minmax",
    "robust",
    "maxabs",
    "passthrough",
    MinMaxScaler(feature_range=(-2, 3), clip=True),
    RobustScaler(with_centering=False),
    MaxAbsScaler(),
    PowerTransformer(),
    PowerTransformer(method="box-cox", standardize=False),
    QuantileTransformer(n_quantiles=6),
    QuantileTransformer(n_quantiles=6, output_distribution="normal"),
    FunctionTransformer(np.log, np.exp),
    make_pipeline(FunctionTransformer(np.log1p, np.expm1), StandardScaler()),
]


def difference(result, predict, X, steps):
    """Return the largest relative difference to central differences, by column."""
    columns = []
    for j, step in enumerate(np.broadcast_to(steps, X.shape[1])):
        h = step * np.eye(X.shape[1])[j]
        near, far = (predict(X + i * h) - predict(X - i * h) for i in (1, 2))
        columns.append((8 * near - far) / (12 * step))
    truth = np.stack(columns, axis=-1)
    return (abs(result - truth).max(axis=0) / abs(truth).max(axis=0)).max()


def small(**parameters):
    # not lm: it makes slopes by inputs without effect smaller than differences can tell
    return DifferentiableRegressor(
        solver="lbfgs",
        hidden_layer_sizes=(8,),
        max_iter=50,
        random_state=0,
        **parameters,
    )


def ten_points(seeds, max_iter):
    truth = 3 * POINTS**2 - 3
    for seed in seeds:
        X = np.random.default_rng(seed).uniform(1.5, 7.5, size=(100, 1))
        model = DifferentiableRegressor(max_iter=max_iter, random_state=seed)
        model.fit(X, X[:, 0] ** 3 + 7 - 3 * X[:, 0])
        result = model.predict_jacobian(POINTS)
        error = abs(result / truth - 1)
        by_differences = difference(result, model.predict, POINTS, 1e-3)
        print(
            f"ten points, seed {seed}: relative error at most {error.max():.1e}, "
            f"median {np.median(error):.1e}; to differences {by_differences:.1e}"
        )


def six_by_three(rng):
    units = 10.0 ** np.arange(-3, 3)
    X = (rng.normal(size=(80, 6)) + 1) * units
    y = np.column_stack([np.sin(X[:, 5] / 100), X[:, 0] * 1e5, np.cos(X[:, 2])])
    model = small().fit(X, y)
    result = difference(model.predict_jacobian(X), model.predict, X, 1e-3 * units)
    print(f"6 inputs, 3 outputs: {result:.1e}")


def scaler_pairs(rng, scalers):
    X = rng.gamma(3.0, size=(60, 2)) + 0.1
    y = 2 + np.sin(X[:, 0]) + 0.1 * X[:, 1]
    low, high = np.quantile(X, [0.3, 0.7], axis=0)
    points = low + (high - low) * rng.random((30, 2))
    worst, step = 0.0, 1e-4
    for x_scaler, y_scaler in itertools.product(scalers, repeat=2):
        model = small(x_scaler=x_scaler, y_scaler=y_scaler).fit(X, y)
        slopes = model.predict_jacobian(points)
        # away from kinks: where the slopes on both sides are nearly the same
        before, after = (model.predict_jacobian(points + i * step) for i in (-2, 2))
        smooth = (abs(before - after) < 0.01 * abs(slopes).max()).all(axis=1)
        one = difference(slopes[smooth], model.predict, points[smooth], step)
        worst = max(worst, one)
    print(f"{len(scalers) ** 2} pairs of scalers: at most {worst:.1e}")


def around_the_regressor(rng):
    X = rng.normal(size=(60, 3)) * [1, 100, 0.01] + [0, 300, 0.05]
    y = np.sin(X[:, 0]) * 100 + X[:, 1]
    pipe = make_pipeline(StandardScaler(), small())
    grid = {"differentiableregressor__activation": ["silu", "softplus"]}
    around = {
        "Pipeline": clone(pipe),
        "GridSearchCV": GridSearchCV(pipe, grid, cv=3, n_jobs=2),
        "TransformedTargetRegressor": TransformedTargetRegressor(
            pipe, transformer=PowerTransformer()
        ),
    }
    for name, model in around.items():
        model.fit(X, y)
        steps = 1e-3 * X.std(axis=0)
        result = difference(jacobian(model, X), model.predict, X, steps)
        print(f"jacobian({name}): {result:.1e}")


def eight_threads(rng, n_calls):
    X = rng.normal(size=(1500, 5))
    model = small().fit(X[:200], np.sin(X[:200, :2]))
    sizes = [1, 7, 300, 1100, 1500]
    expected = [(model.predict(X[:n]), model.predict_jacobian(X[:n])) for n in sizes]

    def call(i):
        rows = X[: sizes[i % 5]]
        results = model.predict(rows), model.predict_jacobian(rows)
        return all(map(np.array_equal, results, expected[i % 5]))

    with ThreadPoolExecutor(8) as pool:
        n_equal = sum(pool.map(call, range(8 * n_calls)))
    print(f"8 threads, calls with the bits of one thread: {n_equal} of {8 * n_calls}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small part of each")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore", ConvergenceWarning)
    rng = np.random.default_rng(0)
    ten_points(range(1 if quick else 5), 50 if quick else "auto")
    six_by_three(rng)
    scaler_pairs(rng, SCALERS[:2] if quick else SCALERS)
    around_the_regressor(rng)
    eight_threads(rng, 5 if quick else 200)


if __name__ == "__main__":
    main()
