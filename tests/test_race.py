"""The candidates for many rows, and residuals of rows left out."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv._training import Architecture, Data, Run, candidates, stack_for
from sklearn_nnderiv._training._candidates import _DEEP, initial_parameters
from sklearn_nnderiv._training._posterior import left_out_residuals

# of many rows, all layers are twice as wide
DEEP = tuple(2 * width for width in _DEEP.hidden)


def rows(rng, noise, n=60):
    X = rng.uniform(-2, 2, size=(n, 2))
    y = np.sin(X[:, 0]) * X[:, 1]
    return X, y + noise * y.std() * rng.standard_normal(n)


def run_of(architecture, X, y, *, alpha=None):
    y = y.reshape(len(X), -1)
    stack = stack_for(architecture, X.shape[1], y.shape[1])
    data = Data(X, y, np.ones(len(X)), float(y.size))
    return Run(stack, initial_parameters(stack, X, [0]), data, alpha)


def test_left_out_residuals_are_those_of_other_fits(rng):
    """Of a linear network exactly, as the penalty is given."""
    X = rng.normal(size=(15, 3))
    y = X[:, :2] + 0.3 * rng.normal(size=(15, 2))
    whole = run_of(Architecture((), "identity"), X, y, alpha=0.1).advance(20)
    result = left_out_residuals(whole)
    for i in range(15):
        kept = np.arange(15) != i
        part = run_of(Architecture((), "identity"), X[kept], y[kept], alpha=0.1)
        part.advance(20)
        values = part.stack.forward(part.point.theta, X[i : i + 1]).values
        np.testing.assert_allclose(result[i], values[0] - y[i], rtol=1e-4)


def test_residuals_of_a_network_too_large_are_its_own(rng, monkeypatch):
    X, y = rows(rng, 0.2)
    run = run_of(Architecture((4,), "tanh"), X, y).advance(20)
    assert (abs(left_out_residuals(run)) > abs(run.point.residual)).all()
    path = "sklearn_nnderiv._training._posterior.MAX_POSTERIOR_PARAMETERS"
    monkeypatch.setattr(path, 10)
    np.testing.assert_array_equal(left_out_residuals(run), run.point.residual)


def test_three_layers_are_tried_first_on_many_rows():
    few, many = candidates(8, 8, 3_999), candidates(9, 8, 4_000)
    assert few[0] == Architecture((32,), "softplus+sin", skip=True)
    assert all(len(one.hidden) < 3 for one in [*few, *many[1:]])
    assert many[0].hidden == DEEP
    assert many[0].activation == "tanh"
    assert len(set(many)) == 9


@pytest.mark.parametrize(
    ("hidden", "activation", "expected"),
    [
        ((7,), None, ((7,), "tanh")),
        (None, "silu", (DEEP, "silu")),
        ((), None, ((), "identity")),
    ],
)
def test_what_is_fixed_is_kept_on_many_rows(hidden, activation, expected):
    first = candidates(3, 8, 10_000, hidden, activation)[0]
    assert (first.hidden, first.activation) == expected


def test_the_deep_network_is_in_the_race(rng, monkeypatch):
    path = "sklearn_nnderiv._training._candidates._WIDER_FROM"
    monkeypatch.setattr(path, 60)
    X, y = rows(rng, 0.0)
    model = DifferentiableRegressor(max_iter=3, random_state=0).fit(X, y)
    shapes = set(model.candidates_["hidden_layer_sizes"])
    assert shapes >= {DEEP, (64,), (24, 24)}


def test_noise_is_not_taken_for_details():
    """Of these rows, no network explains more than a straight line."""
    X, y = load_diabetes(return_X_y=True, scaled=False)
    train, test = train_test_split(np.arange(len(X)), test_size=0.5, random_state=3)
    model = DifferentiableRegressor(random_state=0).fit(X[train], y[train])
    ridge = make_pipeline(StandardScaler(), Ridge(10.0)).fit(X[train], y[train])
    assert model.hidden_layer_sizes_ == ()
    assert model.score(X[test], y[test]) > ridge.score(X[test], y[test]) - 0.02
    evidence = model.candidates_["log_evidence"]
    assert model.log_evidence_ == evidence[0] > max(evidence[2:]) + 30


def test_plain_networks_join_only_where_much_is_unexplained(rng):
    X = rng.uniform(-1, 1, size=(60, 2))
    exact = X[:, 0] * X[:, 1]
    shapes = [
        DifferentiableRegressor(random_state=0, max_iter=20, **fixed)
        .fit(X, exact + noise * rng.standard_normal(60))
        .candidates_["hidden_layer_sizes"]
        for noise, fixed in (
            (0.0, {}),
            (1.0, {}),
            (1.0, {"hidden_layer_sizes": (8,)}),
            (1.0, {"activation": "tanh"}),
        )
    ]
    assert [() in found for found in shapes] == [False, True, False, False]
