"""The derivative functions of fitted estimators: what they take and refuse."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PowerTransformer,
    StandardScaler,
)
from torch import nn

from sklearn_nnderiv import DifferentiableRegressor, functional
from sklearn_nnderiv._engines import evaluate
from sklearn_nnderiv._maps import Affine
from sklearn_nnderiv._scaling import SCALERS
from sklearn_nnderiv.exceptions import DerivativeWarning

from .oracles import all_derivatives, central_differences
from .test_engine import as_map, assert_close, check, evaluated, in_float64, network

NAMES = ("jacobian", "hessian", "laplacian", "jvp", "vjp", "hvp")


def regressor(**parameters):
    parameters = {"hidden_layer_sizes": (6,), "max_iter": 10, **parameters}
    return DifferentiableRegressor(random_state=0, **parameters)


def called(fitted, X, V, U):
    along = {"jvp": [V], "hvp": [V], "vjp": [U]}
    return {n: getattr(functional, n)(fitted, X, *along.get(n, [])) for n in NAMES}


FITTED = {
    "regressor": regressor(),
    "pipeline": make_pipeline(StandardScaler(), PowerTransformer(), regressor()),
    "target": TransformedTargetRegressor(
        make_pipeline(MinMaxScaler(), regressor()),
        func=np.arcsinh,
        inverse_func=np.sinh,
    ),
    "linear": Ridge(),
}


@pytest.mark.parametrize("flat", [True, False])
@pytest.mark.parametrize("name", FITTED)
def test_the_laws_between_the_results(name, flat, data, rng):
    X, y = data
    X = X / X.std(axis=0)
    y = y[:, 0] if flat else y
    fitted = FITTED[name].fit(X, y)
    V, U = rng.normal(size=X.shape), rng.normal(size=y.shape)
    r = called(fitted, X, V, U)
    J, H = r["jacobian"], r["hessian"]
    shapes = {"laplacian": y, "jvp": y, "vjp": X, "hvp": J, "jacobian": J}
    assert {n: r[n].shape for n in shapes} == {n: a.shape for n, a in shapes.items()}
    assert H.shape == (*y.shape, 3, 3)
    truth = {
        "hvp": np.einsum("n...jl,nl->n...j", H, V),
        "jvp": np.einsum("n...j,nj->n...", J, V),
        "laplacian": np.trace(H, axis1=-2, axis2=-1),
        "vjp": np.einsum("n...j,n...->n...j", J, U).reshape(40, -1, 3).sum(axis=1),
    }
    assert_close({n: r[n] for n in truth}, truth, 1e-11)
    adjoint = (U * r["jvp"]).reshape(40, -1).sum(axis=1)
    np.testing.assert_allclose((V * r["vjp"]).sum(axis=1), adjoint, rtol=1e-7)
    differences = central_differences(lambda X: functional.jacobian(fitted, X), X)
    assert abs(H - differences).max() <= 1e-5 * abs(H).max() + 1e-9 * abs(J).max()


@pytest.mark.parametrize("flat", [True, False])
def test_wrong_shapes_are_refused(flat, data):
    X, y = data
    fitted = Ridge().fit(X, y[:, 0] if flat else y)
    bad = [X[:-1], X[:, :2], X[:, 0], X[None]]
    for name, letter in (("jvp", "V"), ("hvp", "V"), ("vjp", "U")):
        function = getattr(functional, name)
        for wrong in [*bad, y] if letter == "V" else [X, y[:-1], y[:, :1]]:
            with pytest.raises(ValueError, match=f"{letter} must have the shape"):
                function(fitted, X, wrong)
        with pytest.raises(ValueError, match=f"Input {letter} contains NaN"):
            function(fitted, X, np.full(X.shape, np.nan))


@pytest.mark.parametrize("name", NAMES)
def test_bad_rows_are_refused(name, data):
    X, y = data
    V, U = np.ones_like(X), np.ones_like(y)
    fitted = regressor(max_iter=1).fit(X, y)
    along = {"jvp": [V], "hvp": [V], "vjp": [U]}.get(name, [])
    function = getattr(functional, name)
    for wrong, message in (
        (X * np.nan, "Input X contains NaN"),
        (X[:, :2], "X has 2 features, but DifferentiableRegressor is expecting 3"),
        (X[0], "Expected 2D array"),
    ):
        with pytest.raises(ValueError, match=message):
            function(fitted, wrong, *along)


class Centred(nn.Module):
    def forward(self, x):
        return x - x.mean(dim=0)


class Squeezed(nn.Module):
    def forward(self, x):
        return (x**3).sum(dim=1, keepdim=True).squeeze()


def test_modules_that_are_no_functions_of_rows(rng):
    X = rng.normal(size=(6, 4))
    with pytest.raises(ValueError, match="Centred couples the rows"):
        functional.hessian(Centred(), X)
    with pytest.raises(ValueError, match="must return a tensor of shape"):
        functional.hessian(nn.Unflatten(1, (2, 2)), X)
    for n in (6, 1):
        result = functional.laplacian(Squeezed(), X[:n])
        np.testing.assert_allclose(result, 6 * X[:n].sum(axis=1))


@pytest.mark.parametrize("flat", [True, False])
def test_rows_without_a_value_have_no_derivatives(flat, rng):
    X = rng.gamma(2.0, size=(50, 2)) + 0.1
    y = X[:, 0] if flat else X
    pipe = make_pipeline(FunctionTransformer(np.log, validate=True), Ridge())
    pipe.fit(X, y)
    X[7, 1] = -1.0
    for name in NAMES:
        along = {"jvp": [X], "hvp": [X], "vjp": [y]}.get(name, [])
        with pytest.warns(DerivativeWarning, match="1 of 50 predictions are NaN"):
            result = getattr(functional, name)(pipe, X, *along)
        bad = np.isnan(result).reshape(50, -1)
        assert bad[7].all()
        assert not np.delete(bad, 7, axis=0).any()


def test_one_output_without_a_value(rng):
    """As many outputs as inputs, one of them outside the range of its scaler."""
    X, Y = rng.normal(size=(40, 2)), rng.gamma(1.0, size=(40, 2)) ** 3
    model = regressor(y_scaler=PowerTransformer()).fit(X, Y)
    with torch.no_grad():
        model.module_.get_parameter("maps.1.module.layers.2.bias")[1] += 20.0
    values = functional.to_torch(model)(torch.tensor(X)).detach().numpy()
    np.testing.assert_array_equal(np.isnan(values).mean(axis=0), [0, 1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DerivativeWarning)
        results = called(model, X, X, X)
    for name, result in results.items():
        unknown = np.isnan(result)
        if name == "vjp":
            assert unknown.all()
        else:
            assert not unknown[:, 0].any()
            assert unknown[:, 1].all()


def memories(X):
    frozen = X.copy()
    frozen.flags.writeable = False
    wide = np.zeros((len(X), 2 * X.shape[1]))
    wide[:, ::2] = X
    return {
        "read-only": frozen,
        "Fortran": np.asfortranarray(X),
        "every other column": wide[:, ::2],
        "backwards": X[::-1].copy()[::-1],
        "frame": pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])]),
        "list": X.tolist(),
        "tensor": torch.tensor(X).numpy(),
    }


@pytest.mark.filterwarnings("ignore:X has feature names")
@pytest.mark.parametrize("kind", ["regressor", "module", "stack"])
def test_any_memory(kind, data, rng):
    X, y = data
    V, U = rng.normal(size=X.shape), rng.normal(size=y.shape)
    fitted = {
        "regressor": regressor(max_iter=1),
        "module": nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)),
        "stack": nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)),
    }[kind]
    fitted = fitted.fit(X, y) if kind == "regressor" else fitted.double()
    truth = called(fitted, X, V, U)
    inputs = [memories(a) for a in (X, V, U)]
    for name in inputs[0]:
        results = called(fitted, *(one[name] for one in inputs))
        for one, result in results.items():
            np.testing.assert_array_equal(result, truth[one], err_msg=f"{name} {one}")


def test_any_out(data, tmp_path):
    X, y = data
    X, y = np.tile(X, (30, 1)), np.tile(y, (30, 1))
    model = regressor(max_iter=2).fit(X, y)
    truth = model.predict_jacobian(X)
    shape = truth.shape
    outs = [
        np.empty(shape[::-1]).T,
        np.empty((shape[0], 4, 3))[:, ::2],
        np.empty(shape)[::-1],
        np.memmap(tmp_path / "a", dtype=np.float64, mode="w+", shape=shape),
        np.memmap(tmp_path / "b", dtype=np.float32, mode="w+", shape=shape),
        np.empty(shape, np.float32)[:, ::-1],
    ]
    for out in outs:
        assert model.predict_jacobian(X, out=out) is out
        np.testing.assert_array_equal(out, truth.astype(out.dtype))


@pytest.mark.parametrize("shift", [0, 1, 700])
def test_out_over_the_rows(shift, data):
    X, y = data
    X = np.tile(X, (30, 1))
    model = regressor(max_iter=2).fit(X, np.tile(y[:, 0], 30))
    truth = model.predict_jacobian(X)
    memory = np.zeros((len(X) + shift, 3))
    rows, out = memory[: len(X)], memory[shift:]
    rows[:] = X
    np.testing.assert_array_equal(model.predict_jacobian(rows, out=out), truth)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_feature_one_row_and_constant_columns(dtype, rng):
    X = rng.normal(size=(30, 1))
    for rows in (X, np.column_stack([np.full(30, 3.0), X, np.zeros(30)])):
        model = regressor(dtype=dtype).fit(rows, np.sin(X[:, 0]))
        d = rows.shape[1]
        assert model.predict_hessian(rows[:1]).shape == (1, d, d)
        check(model.module_, rows, 1e-10 if dtype == "float64" else 2e-5)


# ------------------------------------------------------------ unusual numbers


@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
@pytest.mark.parametrize("scalers", [["standard"], ["minmax"], ["maxabs", "standard"]])
def test_a_large_offset_in_single_precision(solver, scalers, rng):
    u = rng.uniform(-1, 1, size=(60, 2))
    X = 1e8 + u
    model = regressor(
        x_scaler=make_pipeline(*(SCALERS[name]() for name in scalers)),
        dtype="float32",
        solver=solver,
        max_iter=50,
    ).fit(X, np.sin(u[:, 0]) + u[:, 1])
    check_single(model.module_, X)


def check_single(function, X, tolerance=1e-5):
    rng = np.random.default_rng(2)
    V, U = rng.normal(size=X.shape), rng.normal(size=(len(X), function.n_out))
    truth = all_derivatives(in_float64(function), X, V, U)
    assert_close(evaluated(function, X, V, U), truth, tolerance)


@pytest.mark.parametrize("unit", [1e-30, 1e-20, 1e-9, 1e9, 1e20, 1e30])
@pytest.mark.parametrize("end", ["x", "y"])
def test_units_of_any_size_in_single_precision(unit, end, rng):
    u = rng.normal(size=(9, 3)).astype(np.float32).astype(float)
    lead = [Affine(np.full(3, 1 / unit))] if end == "x" else []
    trail = [Affine(np.full(2, unit))] if end == "y" else []
    function = as_map(network(3, (5,), 2), 3, 2, torch.float32, lead, trail)
    check_single(function, u * unit if end == "x" else u)


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-150, 1e150, 1e300])
def test_extreme_rows(size, rng):
    X = rng.choice([-1.0, 0.0, 1.0], size=(7, 4)) * size
    for activation in ("tanh", "softplus", "logistic", "silu", "relu", "elu"):
        function = as_map(network(4, (5, 5), 2, activation, skip=True), 4, 2)
        check(function, X)
        values, jacobian = np.empty((1, 2)), np.empty((1, 2, 4))
        evaluate(function, X[:1], {"values": values, "jacobian": jacobian})
        truth = all_derivatives(function, X[:1], X[:1], X[:1, :2])
        one = {"values": values, "jacobian": jacobian}
        assert_close(one, truth, 1e-10)


def test_zero_weights(rng):
    for skip in (False, True):
        net = network(4, (5, 6), 2, skip=skip)
        nn.utils.vector_to_parameters(torch.zeros(1000), net.parameters())
        check(as_map(net, 4, 2), rng.normal(size=(7, 4)))
