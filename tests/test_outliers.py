"""Gross errors of y, and what only looks like them."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv._assembly import _evidence
from sklearn_nnderiv._training import Architecture, Data, Run, is_better, stack_for
from sklearn_nnderiv._training._candidates import initial_parameters


def product(X):
    return np.sin(2 * X[:, 0]) * X[:, 1]


def product_slopes(X):
    a, b = X.T
    return np.stack([2 * np.cos(2 * a) * b, np.sin(2 * a)], axis=1)


def small(**parameters):
    return DifferentiableRegressor(
        **{
            "hidden_layer_sizes": (10,),
            "activation": "softplus+tanh",
            "n_candidates": 1,
            "max_iter": 100,
            "random_state": 0,
            **parameters,
        }
    )


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (100, 2))
    return X, product(X) + 0.005 * rng.standard_normal(100)


@pytest.fixture
def spoilt(rows):
    """The rows with three gross errors, and which these are."""
    X, y = rows
    wrong = np.array([10, 40, 70])
    spoilt = y.copy()
    spoilt[wrong] += [4.0, -5.0, 3.0]
    return X, spoilt, wrong


def slope_error(model, X):
    error = model.predict_jacobian(X) - product_slopes(X)
    return np.sqrt(np.square(error).mean())


def silent_fit(model, *args):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*args)


def test_gross_errors_are_left_out(rows, spoilt):
    X, y, wrong = spoilt
    with pytest.warns(UserWarning, match="3 of 100 rows were left out"):
        model = small().fit(X, y)
    good = np.delete(np.arange(100), wrong)
    other = small().fit(X[good], y[good])
    np.testing.assert_allclose(
        model.predict_jacobian(X), other.predict_jacobian(X), atol=2e-3
    )
    _, std = model.predict(X[:5], return_std=True)
    assert std.max() < 0.01


def test_the_default_race_is_repeated_without_them(spoilt):
    X, y, _ = spoilt
    with pytest.warns(UserWarning, match="left out of the fit as gross errors"):
        model = DifferentiableRegressor(random_state=0).fit(X, y)
    assert slope_error(model, X) < 0.1


def test_warm_start_goes_on_without_them(spoilt):
    X, y, _ = spoilt
    model = small(warm_start=True)
    for _ in range(2):
        with pytest.warns(UserWarning, match="3 of 100 rows"):
            model.fit(X, y)
    assert slope_error(model, X) < 0.1


def test_a_weight_is_a_repetition_with_errors_too(spoilt):
    X, y, wrong = spoilt
    weight = np.ones(100)
    weight[[wrong[0], 3]] = 2
    twice = np.repeat(np.arange(100), weight.astype(int))
    with pytest.warns(UserWarning, match="3 of 100 rows"):
        one = small().fit(X, y, weight)
    with pytest.warns(UserWarning, match="3 of 100 rows"):
        other = small().fit(X[twice], y[twice])
    np.testing.assert_array_equal(one.predict_jacobian(X), other.predict_jacobian(X))


def test_a_row_is_left_out_for_one_wrong_output(rows, spoilt):
    X, y, _ = spoilt
    both = np.stack([rows[1], y], axis=1)
    with pytest.warns(UserWarning, match="rows were left out"):
        model = small().fit(X, both)
    error = model.predict_jacobian(X) - product_slopes(X)[:, None]
    assert np.sqrt(np.square(error).mean()) < 0.1


def test_at_most_a_part_is_left_out(spoilt, monkeypatch):
    X, y, _ = spoilt
    monkeypatch.setattr(_evidence, "_LEAST_PART", 0.98)
    silent_fit(small(), X, y)


def test_a_number_as_alpha_fits_all_rows(spoilt):
    X, y, _ = spoilt
    silent_fit(small(alpha=1e-2), X, y)


@pytest.mark.parametrize(
    "function",
    [
        lambda X: np.exp(-np.square(X).sum(axis=1) / 0.02),
        lambda X: np.abs(X[:, 0]) + X[:, 1],
        lambda X: np.tanh(20 * X[:, 0]) * X[:, 1],
        lambda X: (np.arange(len(X)) % 40 == 0).astype(float),
    ],
    ids=["peak", "kink", "step", "rare events"],
)
def test_hard_rows_are_no_errors(function):
    X = np.random.default_rng(1).uniform(-1, 1, (200, 2))
    silent_fit(small(hidden_layer_sizes=(16,)), X, function(X))


def test_the_evidence_has_to_gain_by_leaving_rows_out(rows, spoilt):
    X, y, wrong = spoilt
    kept = np.delete(np.arange(100), wrong)
    for values, expected in ((y, True), (rows[1], False)):
        scale = values.std(keepdims=True)
        data = Data(X, values[:, None] / scale, np.ones(100), 100.0)
        stack = stack_for(Architecture((10,), "softplus+tanh"), 2, 1)
        theta = initial_parameters(stack, X, [0])
        whole = Run(stack, theta, data).advance(100).finish()
        theta, hyper = whole.point.theta, whole.state
        some = Run(stack, theta, data.rows(kept), None, hyper, 100).advance(50)
        assert is_better(some.finish(), scale, whole, scale) == expected
