"""Selected columns in front of a network, in closed form."""

import numpy as np
import pytest
import torch
from sklearn.feature_selection import VarianceThreshold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv._engines import evaluate
from sklearn_nnderiv._engines._columns import ColumnsPass
from sklearn_nnderiv._engines._engine import engine_of
from sklearn_nnderiv._engines._fold import make_plan
from sklearn_nnderiv._maps import Affine, Elementwise, Network, Select, Sequential

from .oracles import all_derivatives, central_differences, relative_difference
from .test_engine import (
    assert_close,
    directions,
    evaluated,
    in_float64,
    network,
)

SCALER = Affine([2.0, 0.5, 1.0, 3.0], center=[0.1, 0.2, 0.3, 0.4], offset=[1.0] * 4)
MATRIX = Affine(
    np.random.default_rng(0).normal(size=(5, 4)), center=[1.0] * 4, offset=[0.5] * 5
)
LEADS = {
    "select": [Select([2, 0], 4)],
    "one": [Select([1], 4)],
    "twice": [Select([3, 1, 0], 4), Select([2, 0], 3)],
    "scaler after": [Select([3, 1], 4), Affine([2.0, 0.5], center=[0.3, 0.1])],
    "scaler before": [SCALER, Select([3, 1], 4)],
    "scalers around": [SCALER, Select([0, 2], 4), Affine([3.0, 1.0])],
    "matrix before": [MATRIX, Select([4, 1], 5)],
    "matrix and scaler": [MATRIX, Affine([2.0] * 5, offset=[1.0] * 5), Select([0], 5)],
    "repeated in a matrix": [MATRIX, Select([4, 4], 5)],
    "elementwise after": [Select([3, 1], 4), Elementwise(torch.sinh, 2)],
    "repeated and dropped": [Select([3, 3, 1], 4), Select([2, 1], 3)],
}
REFUSED = {
    "repeated": [Select([2, 2], 4)],
    "none": [Select([], 4)],
    "elementwise before": [Elementwise(torch.sinh, 4), Select([3, 1], 4)],
}


def stack(lead, dtype=torch.float64, skip=False):
    m = lead[-1].n_out
    net = network(m, (4, 3), 3, skip=skip).to(dtype)
    return Sequential([*lead, Network(net, m, 3, dtype, "smooth")], 4).eval()


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("name", LEADS)
def test_all_derivatives(name, skip):
    function = stack(LEADS[name], skip=skip)
    assert make_plan(function) is not None
    X = np.random.default_rng(1).normal(size=(9, 4))
    V, U = directions(function, 9)
    results = evaluated(function, X, V, U)
    assert_close(results, all_derivatives(function, X, V, U), 1e-12)
    single = evaluated(function, X[:1], V[:1], U[:1])
    for key, result in single.items():
        np.testing.assert_allclose(result, results[key][:1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", REFUSED)
def test_other_selections_are_left_to_autodiff(name):
    function = Sequential([*REFUSED[name], Affine(np.ones(REFUSED[name][-1].n_out))], 4)
    assert make_plan(function) is None


def test_columns_are_taken_out_and_not_multiplied_by_zero():
    function = stack(LEADS["scaler before"])
    X = np.random.default_rng(1).normal(size=(4, 4))
    V, U = directions(function, 4)
    truth = evaluated(function, X, V, U)
    X[:, 0], X[:, 2] = np.nan, np.inf
    engine = engine_of(function)
    assert isinstance(engine.passes(0, 4)(engine.borrow(4), X), ColumnsPass)
    for key, result in evaluated(function, X, V, U).items():
        np.testing.assert_array_equal(result, truth[key])


def test_nan_in_a_taken_column_has_no_derivative():
    function = Sequential([Select([0, 2], 4), Affine([[1.0, 2.0], [0.0, 1.0]])], 4)
    X = np.array([[1.0, 2.0, 3.0, 4.0], [np.nan, 2.0, 3.0, 4.0]])
    V, U = directions(function, 2)
    results = evaluated(function, X, V, U)
    for name in ("jacobian", "hessian", "vjp", "hvp"):
        assert not np.isnan(results[name][0]).any(), name
        assert np.isnan(results[name][1]).all(), name


@pytest.mark.parametrize("name", ["scaler after", "scaler before", "select"])
def test_float32_is_centred_before_it_is_cast(name):
    lead = LEADS[name]
    if name != "select":
        center, weight = np.full(4, 300.0), np.full(4, 20.0)
        scaler = Affine(weight, center=center)
        lead = [scaler, Select([3, 1], 4)]
        if name == "scaler after":
            lead = [Select([3, 1], 4), Affine(weight[:2], center=center[:2])]
    function = stack(lead, torch.float32)
    assert make_plan(function) is not None
    X = np.random.default_rng(1).normal(size=(20, 4))
    if name != "select":
        X = 300 + 0.05 * X
    V, U = directions(function, 20)
    truth = all_derivatives(in_float64(function), X, V, U)
    for key, result in evaluated(function, X, V, U).items():
        size = abs(truth[key]).max()
        assert abs(result - truth[key]).max() < 3e-6 * size, key


def test_a_matrix_in_front_of_float32_is_left_to_autodiff():
    # it may cancel what float32 would round
    function = stack(LEADS["matrix before"], torch.float32)
    assert make_plan(function) is None
    X = 1e4 + np.random.default_rng(1).normal(size=(20, 4))
    V, U = directions(function, 20)
    truth = all_derivatives(in_float64(function), X, V, U)
    found = evaluated(function, X, V, U)
    np.testing.assert_allclose(found["values"], truth["values"], atol=1e-5)


def test_a_regressor_behind_a_selector():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=60), np.full(60, 3.0), rng.normal(size=60)])
    model = DifferentiableRegressor(
        hidden_layer_sizes=(4,),
        activation="tanh",
        solver="lbfgs",
        max_iter=20,
        x_scaler=make_pipeline(VarianceThreshold(), StandardScaler()),
        random_state=0,
    ).fit(X, np.sin(X[:, 0]) + X[:, 2])
    plan = engine_of(model.module_).plan
    assert plan.columns.tolist() == [0, 2]
    J = model.predict_jacobian(X)
    assert (J[:, 1] == 0).all()
    assert relative_difference(J, central_differences(model.predict, X)) < 1e-6


def test_results_may_be_float32():
    function = stack(LEADS["select"])
    X = np.random.default_rng(1).normal(size=(3, 4))
    exact, out = np.empty((3, 3, 4)), np.empty((3, 3, 4), np.float32)
    evaluate(function, X, {"jacobian": exact})
    evaluate(function, X, {"jacobian": out})
    np.testing.assert_allclose(out, exact, rtol=1e-6)
