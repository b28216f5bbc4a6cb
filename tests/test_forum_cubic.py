"""The story that the package started with."""

import numpy as np
import pytest

from sklearn_nnderiv import DifferentiableRegressor

POINTS = np.array(
    [
        [1.872678462764552],
        [2.4448616490329247],
        [4.4445634270474565],
        [6.139904037163629],
        [2.571250050248884],
        [2.817382806029692],
        [3.332011539496338],
        [7.201266008061427],
        [2.04220977299413],
        [5.550606341194321],
    ]
)


def errors(model, seed):
    X = np.random.default_rng(seed).uniform(1.5, 7.5, size=(100, 1))
    model.set_params(random_state=seed).fit(X, X[:, 0] ** 3 + 7 - 3 * X[:, 0])
    truth = 3 * POINTS**2 - 3
    return abs(model.predict_jacobian(POINTS) - truth) / truth


@pytest.mark.parametrize("seed", range(5))
def test_derivative_at_the_ten_points(seed):
    assert errors(DifferentiableRegressor(), seed).max() < 1e-4


@pytest.mark.parametrize("seed", range(3))
def test_derivative_at_the_ten_points_by_lbfgs(seed):
    model = DifferentiableRegressor(
        x_scaler="minmax",
        y_scaler="minmax",
        solver="lbfgs",
        alpha=0,
        max_iter=2000,
        tol=1e-4,
    )
    error = errors(model, seed)
    assert error.max() < 0.01
    assert np.median(error) < 0.001
