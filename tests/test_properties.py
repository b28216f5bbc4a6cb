"""Laws that hold for every network and every pair of scalers."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from sklearn_nnderiv import DifferentiableRegressor, jacobian
from sklearn_nnderiv._converters import convert
from sklearn_nnderiv._engines import evaluate

from .oracles import central_differences, relative_difference

SCALERS = st.sampled_from(
    [
        StandardScaler(),
        MinMaxScaler(feature_range=(-1, 1)),
        RobustScaler(),
        MaxAbsScaler(),
        # not on raw columns: far from 0, its values keep few digits, and differences
        # of them see rounding
        make_pipeline(StandardScaler(), PowerTransformer()),
    ]
)
ACTIVATIONS = st.sampled_from(["tanh", "silu", "softplus", "gelu", "logistic", "sin"])


@st.composite
def problems(draw):
    """Draw a regressor and its data, in units of all sizes."""
    seed = draw(st.integers(0, 2**31 - 1))
    rng = np.random.default_rng(seed)
    d, k = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    n = draw(st.integers(8, 40))
    X = rng.normal(size=(n, d)) * 10.0 ** rng.integers(-4, 4, size=d)
    X += abs(X).max(axis=0) * rng.integers(-2, 3, size=d)
    y = rng.normal(size=(n, k)) * 10.0 ** rng.integers(-4, 4, size=k)
    solver = draw(st.sampled_from(["lm", "lbfgs"]))
    # without any penalty, lm finds coefficients so large that differences of the
    # values see rounding
    alphas = ["auto", 1e-3, 1.0] if solver == "lm" else [0, 1e-3, 1.0]
    model = DifferentiableRegressor(
        hidden_layer_sizes=draw(st.lists(st.integers(1, 12), max_size=3)),
        activation=draw(ACTIVATIONS),
        x_scaler=draw(SCALERS),
        y_scaler=draw(SCALERS),
        solver=solver,
        alpha=draw(st.sampled_from(alphas)),
        max_iter=draw(st.integers(1, 10)),
        random_state=seed,
    )
    return model, X, y if k > 1 else y[:, 0]


def check_central_differences(problem):
    model, X, y = problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
        points = np.quantile(X, [0.3, 0.4, 0.5, 0.6, 0.7], axis=0)
        values = model.predict(points)
        if np.isnan(values).any():  # outside the range of a power transformation
            assert np.isnan(model.predict_jacobian(points)).any()
            return
        truth = central_differences(model.predict, points, scale=0.3 * X.std(axis=0))
    result = model.predict_jacobian(points)
    # in units in which both the inputs and the outputs are of size one
    unit = X.std(axis=0) / np.reshape(y, (len(y), -1)).std(axis=0)[:, None]
    shape = (len(points), -1, X.shape[1])
    difference = (result - truth).reshape(shape) * unit
    size = max(1.0, abs(result.reshape(shape) * unit).max())
    assert abs(difference).max() < 1e-6 * size


def check_chain_rule(problem):
    """A pipeline's Jacobian is its last step's, times the scale of the first."""
    model, X, y = problem
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipe = make_pipeline(StandardScaler(), model).fit(X, y)
        result = jacobian(pipe, X)
        inner = model.predict_jacobian(pipe[0].transform(X))
    np.testing.assert_allclose(result, inner / pipe[0].scale_, rtol=1e-7)


def check_round_trip(scaler, seed):
    rng = np.random.default_rng(seed)
    X = rng.gamma(2.0, size=(30, 2)) * 10.0 ** rng.integers(-2, 3, size=2)
    fitted = scaler.fit(X)
    forward, backward = (
        convert(fitted, role) for role in ("transform", "inverse_transform")
    )
    there = np.empty((30, 2, 2))
    back = np.empty((30, 2, 2))
    Z, again = np.empty((2, 30, 2))
    evaluate(forward, X, {"values": Z, "jacobian": there})
    evaluate(backward, Z, {"values": again, "jacobian": back})
    np.testing.assert_allclose(again, X, rtol=1e-8)
    identity = np.broadcast_to(np.eye(2), (30, 2, 2))
    np.testing.assert_allclose(back @ there, identity, atol=1e-7)


def few(n):
    return settings(
        max_examples=n,
        deadline=None,
        derandomize=n < 100,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@few(40)
@given(problems())
def test_central_differences(problem):
    check_central_differences(problem)


@few(20)
@given(problems())
def test_chain_rule(problem):
    check_chain_rule(problem)


@few(40)
@given(SCALERS | st.just(PowerTransformer()), st.integers(0, 2**31 - 1))
def test_round_trip(scaler, seed):
    check_round_trip(scaler, seed)


@pytest.mark.slow
@few(1500)
@given(problems())
def test_central_differences_long(problem):
    check_central_differences(problem)


@pytest.mark.slow
@few(800)
@given(problems())
def test_chain_rule_long(problem):
    check_chain_rule(problem)


@pytest.mark.slow
@few(2000)
@given(SCALERS | st.just(PowerTransformer()), st.integers(0, 2**31 - 1))
def test_round_trip_long(scaler, seed):
    check_round_trip(scaler, seed)


def test_relative_difference_sees_a_difference():
    """The oracle itself."""
    x = np.linspace(1, 2, 5).reshape(-1, 1)
    truth = central_differences(lambda v: v[:, 0] ** 3, x)
    assert relative_difference(3 * x**2, truth) < 1e-9
    assert relative_difference(3.001 * x**2, truth) > 1e-4
