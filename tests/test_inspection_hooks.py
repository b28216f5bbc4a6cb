"""Hooks for optimisers, controllers and OpenMDAO."""

import builtins
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy.optimize import approx_fprime, minimize
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from sklearn_nnderiv import DifferentiableRegressor, hessian, jacobian
from sklearn_nnderiv.exceptions import NotConvertibleError
from sklearn_nnderiv.inspection import as_scipy, linearize, openmdao_component

NAMES = ["a", "b", "c"]
rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, size=(150, 3)) * [1, 2, 3] + [0, 10, 0]
BOWL = ((X - [0.2, 10.5, -1.0]) ** 2) @ [1.0, 2.0, 0.5]
BOTH = np.column_stack([BOWL, X[:, 0] * X[:, 2]])
CENTRE = np.array([0.2, 10.5, -1.0])


def quadratic():
    """Return an estimator that fits the targets exactly."""
    return make_pipeline(StandardScaler(), PolynomialFeatures(2), LinearRegression())


def net(**parameters):
    options = {"hidden_layer_sizes": (12,), "activation": "tanh", "max_iter": 150}
    return DifferentiableRegressor(
        **{"solver": "lbfgs", "random_state": 0, **options, **parameters}
    )


@pytest.fixture(scope="module")
def bowl():
    return net().fit(X, BOWL)


@pytest.fixture(scope="module")
def both():
    return net().fit(pd.DataFrame(X, columns=NAMES), BOTH)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "Newton-CG", "trust-exact"])
def test_minimize_finds_the_optimum(method):
    fun, jac, hess = as_scipy(quadratic().fit(X, BOWL))
    second = hess if method in ("Newton-CG", "trust-exact") else None
    found = minimize(fun, [0, 9, 1], jac=jac, hess=second, method=method)
    np.testing.assert_allclose(found.x, CENTRE, atol=1e-4)
    opposite = as_scipy(quadratic().fit(X, -BOWL), maximize=True)
    found = minimize(opposite.fun, [0, 9, 1], jac=opposite.jac, method="BFGS")
    np.testing.assert_allclose(found.x, CENTRE, atol=1e-4)


def test_functions_are_those_of_the_estimator(bowl):
    fun, jac, hess = as_scipy(bowl)
    for x in X[:5]:
        value = fun(x)
        assert type(value) is float
        assert value == pytest.approx(bowl.predict([x])[0], rel=1e-12)
        np.testing.assert_allclose(jac(x), bowl.predict_jacobian([x])[0], rtol=1e-12)
        np.testing.assert_allclose(jac(x), approx_fprime(x, fun, 1e-7), rtol=1e-4)
        np.testing.assert_allclose(hess(x), bowl.predict_hessian([x])[0], rtol=1e-9)
    turned = as_scipy(bowl, maximize=True)
    assert turned.fun(x) == -fun(x)
    np.testing.assert_array_equal(turned.jac(x), -jac(x))
    np.testing.assert_array_equal(turned.hess(x), -hess(x))


@pytest.mark.parametrize(("target", "place"), [(0, 0), (1, 1), (-1, 1), ("y1", 1)])
def test_one_of_several_outputs(both, target, place):
    fun, jac, hess = as_scipy(both, target=target)  # a warning of names is an error
    frame = pd.DataFrame(X[:1], columns=NAMES)
    assert fun(X[0]) == pytest.approx(both.predict(frame)[0, place])
    np.testing.assert_allclose(jac(X[0]), jacobian(both, frame)[0, place])
    np.testing.assert_allclose(hess(X[0]), hessian(both, frame)[0, place])


def test_targets_that_are_not_there(both):
    with pytest.raises(ValueError, match=r"2 outputs.*Say which one by `target`"):
        as_scipy(both)
    with pytest.raises(ValueError, match="There is no target 'y2'"):
        as_scipy(both, target="y2")


def test_what_was_kept_is_not_what_is_changed(bowl):
    fun, jac, _ = as_scipy(bowl)
    x = X[0].copy()
    first = fun(x), jac(x)
    jac(x)[:] = 0
    np.testing.assert_array_equal(jac(x), first[1])
    x += 0.1  # in place, as optimisers do
    assert fun(x) != first[0]
    assert (jac(x) != first[1]).all()
    np.testing.assert_array_equal(jac(X[0]), first[1])
    np.testing.assert_array_equal(jac(X[0].tolist()), first[1])


def test_value_and_gradient_share_one_pass(monkeypatch, bowl):
    from sklearn_nnderiv.inspection import _point

    calls = []

    def counted(*given):
        calls.append(given)
        return original(*given)

    original = _point.evaluate
    monkeypatch.setattr(_point, "evaluate", counted)
    fun, jac, _ = as_scipy(bowl)
    found = minimize(fun, X[0], jac=jac, method="BFGS")
    assert len(calls) <= found.nfev


def test_many_threads(bowl):
    fun, jac, _ = as_scipy(bowl)
    expected = [(fun(x), jac(x)) for x in X]
    places = [i for _ in range(10) for i in range(len(X))]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: (fun(X[i]), jac(X[i])), places))
    for i, (value, gradient) in zip(places, found, strict=True):
        assert value == expected[i][0]
        np.testing.assert_array_equal(gradient, expected[i][1])


def test_an_estimator_with_kinks_has_no_second_derivatives():
    with pytest.warns(UserWarning, match="relu"):
        model = net(activation="relu").fit(X, BOWL)
    assert as_scipy(model).hess is None


def test_modules():
    class Product(torch.nn.Module):
        def forward(self, x):
            return x[:, 0] * x[:, 1] ** 2

    fun, jac, hess = as_scipy(Product())
    assert fun([2.0, 3.0]) == 18
    np.testing.assert_allclose(jac([2.0, 3.0]), [9, 12])
    np.testing.assert_allclose(hess([2.0, 3.0]), [[0, 6], [6, 4]])
    with pytest.raises(ValueError, match="2 outputs"):
        as_scipy(torch.nn.Linear(2, 2).double()).fun([1.0, 2.0])


def test_x_of_another_shape(bowl):
    fun, _, _ = as_scipy(bowl)
    for x in (X[0, :2], X[:2], 1.0):
        with pytest.raises(ValueError, match=r"shape \(3,\) of one row of Differenti"):
            fun(x)


def test_columns_that_are_not_numbers():
    frame = pd.DataFrame({"a": X[:, 0], "k": np.where(X[:, 1] > 10, "u", "v")})
    step = make_column_transformer((OneHotEncoder(), ["k"]), remainder="passthrough")
    model = make_pipeline(step, LinearRegression()).fit(frame, BOWL)
    with pytest.raises(NotConvertibleError, match="OneHotEncoder"):
        as_scipy(model)


def test_linearization_of_a_quadratic():
    model = quadratic().fit(X, BOWL)
    found = linearize(model, CENTRE + 0.1, radius=[0.1, 0.2, 0.3])
    np.testing.assert_allclose(found.A, [0.2, 0.4, 0.1], rtol=1e-8)
    assert found.y0 == pytest.approx(0.035)
    # at a corner: the sum of curvature times radius squared
    assert found.error == pytest.approx(0.01 + 2 * 0.04 + 0.5 * 0.09)
    rows = found.x0 + rng.uniform(-1, 1, size=(50, 3)) * found.radius
    np.testing.assert_allclose(found(rows), rows @ found.A + found.b)
    np.testing.assert_array_equal(found.predict(rows), found(rows))
    assert (abs(model.predict(rows) - found(rows)) <= found.error).all()
    assert found.score is None


def test_error_is_found_at_the_centre_of_a_face_too():
    saddle = X[:, 0] ** 2 - (X[:, 1] - 10) ** 2
    model = quadratic().fit(X, saddle)
    found = linearize(model, [0, 10, 0], radius={"x0": 0.3, "x1": 0.3})
    assert found.error == pytest.approx(0.09)
    np.testing.assert_array_equal(found.radius, [0.3, 0.3, 0])


def test_radius_is_a_part_of_the_range(bowl):
    size = np.ptp(X, axis=0)
    for given, part in ((None, 0.05), (0.2, 0.2), (1, 1)):
        found = linearize(bowl, CENTRE, radius=given)
        np.testing.assert_allclose(found.radius, part * size)
        assert (found.score > 1) == (part == 1)
    pipe = quadratic().fit(X, BOWL)
    found = linearize(pipe, CENTRE, X_train=X)
    np.testing.assert_allclose(found.radius, 0.05 * size)
    assert found.score < 1
    with pytest.raises(ValueError, match="range of the training data is not known"):
        linearize(pipe, CENTRE)
    with pytest.raises(ValueError, match="range of the training data is not known"):
        linearize(make_pipeline(StandardScaler(), net()).fit(X, BOWL), CENTRE)


@pytest.mark.parametrize("radius", [[1, 2], [1, -1, 1], [np.inf, 1, 1], {"a": np.nan}])
def test_bad_radius(bowl, radius):
    with pytest.raises(ValueError, match="`radius` must hold a finite number"):
        linearize(bowl, CENTRE, radius=radius, feature_names=NAMES)


def test_nothing_to_move(bowl):
    with pytest.raises(ValueError, match="leaves no feature to move"):
        linearize(bowl, CENTRE, radius=0)
    with pytest.raises(ValueError, match="must be one row"):
        linearize(bowl, X[:2])
    with pytest.raises(ValueError, match="There is no feature 'z'"):
        linearize(bowl, CENTRE, radius={"z": 1})


def test_linearization_mirrors_predict(both):
    found = linearize(both, CENTRE)
    frame = pd.DataFrame([CENTRE], columns=NAMES)
    np.testing.assert_allclose(found.A, both.predict_jacobian(frame)[0])
    np.testing.assert_allclose(found.y0, both.predict(frame)[0])
    np.testing.assert_allclose(found.A @ CENTRE + found.b, found.y0)
    assert found.A.shape == (2, 3)
    assert found.b.shape == found.error.shape == (2,)
    assert found.predict(frame).shape == (1, 2)
    assert found.feature_names == NAMES
    assert found.frame.shape == (6, 5)
    assert found.frame["slope"].to_list() == found.A.ravel().tolist()
    text = repr(linearize(both, CENTRE, radius=0.9, output_names=["cost", "mass"]))
    assert "cost = " in text
    assert "mass = " in text
    assert "Beyond the training data" in text
    again = linearize(both, CENTRE)
    np.testing.assert_array_equal(again.error, found.error)
    with pytest.raises(ValueError, match="X has 2 features"):
        found.predict(X[:, :2])


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_categories_stay_as_they_are(library):
    kind = np.where(X[:, 1] > 10, "u", "v")
    columns = {"kind": kind, "a": X[:, 0], "c": X[:, 2]}
    step = make_column_transformer(
        (OneHotEncoder(sparse_output=False), ["kind"]),
        (PolynomialFeatures(2), ["a", "c"]),
    )
    y = X[:, 0] ** 2 + X[:, 2] + 5 * (kind == "u")
    frame = library(columns)
    model = make_pipeline(step, LinearRegression()).fit(frame, y)
    row = library({"kind": ["u"], "a": [0.5], "c": [1.0]})
    found = linearize(model, row, radius={"a": 0.1})
    np.testing.assert_allclose(found.A, [np.nan, 1, 1], atol=1e-9)
    assert np.isnan(found.x0[0])
    assert found.b == pytest.approx(5 - 0.25)
    assert found.error == pytest.approx(0.01)
    moved = library({"kind": ["u"], "a": [0.6], "c": [3.0]})
    assert found.predict(moved)[0] == pytest.approx(5 + 0.6 - 0.25 + 3.0)


def test_linearization_of_a_module():
    class Product(torch.nn.Module):
        def forward(self, x):
            return x[:, 0] * x[:, 1]

    found = linearize(Product(), [2.0, 3.0], radius=[0.5, 0.5])
    np.testing.assert_allclose(found.A, [3, 2])
    assert found.error == pytest.approx(0.25)


def test_openmdao_is_named_where_it_is_missing(monkeypatch, bowl):
    from sklearn_nnderiv.inspection import _openmdao

    def without(name, *rest, **given):
        if name.startswith("openmdao"):
            raise ImportError(name)
        return original(name, *rest, **given)

    original = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without)
    _openmdao._component_class.cache_clear()
    with pytest.raises(ImportError, match=r"pip install 'sklearn-nnderiv\[openmdao\]'"):
        openmdao_component(bowl)


@pytest.fixture
def om(monkeypatch):
    monkeypatch.setenv("OPENMDAO_REPORTS", "0")
    return pytest.importorskip("openmdao.api")


def run(om, component, **values):
    """Return a problem of one component that has run."""
    problem = om.Problem(reports=False)
    problem.model.add_subsystem("net", component, promotes=["*"])
    problem.setup()
    for name, value in values.items():
        problem.set_val(name, value)
    problem.run_model()
    return problem


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("n_points", [1, 4])
@pytest.mark.parametrize("vector", [False, True])
def test_openmdao_partials(om, both, vector, n_points):
    component = openmdao_component(both, vector=vector, n_points=n_points)
    rows = X[:n_points]
    values = {"x": rows.squeeze()} if vector else dict(zip(NAMES, rows.T, strict=True))
    problem = run(om, component, **values)
    frame = pd.DataFrame(rows, columns=NAMES)
    names = ["y"] if vector else ["y0", "y1"]
    found = [problem.get_val(name).reshape(n_points, -1) for name in names]
    np.testing.assert_allclose(np.hstack(found), both.predict(frame), rtol=1e-12)
    checked = problem.check_partials(out_stream=None, form="central", step=1e-5)
    pairs = checked["net"]
    assert len(pairs) == (1 if vector else 6)
    for pair in pairs.values():
        assert abs(pair["J_fwd"]).max() > 1e-3
        np.testing.assert_allclose(pair["J_fwd"], pair["J_fd"], atol=1e-7)
    total = problem.compute_totals(of=names, wrt=list(values))
    assert all(np.isfinite(part).all() for part in total.values())


@pytest.mark.filterwarnings("ignore")
def test_openmdao_optimum_with_units(om):
    model = quadratic().fit(X, BOWL)
    component = openmdao_component(
        model,
        feature_names=["width", "height", "load"],
        output_names=["cost"],
        units={"width": "mm", "load": "kN"},
        x0=[0.0, 9.0, 1.0],
    )
    problem = om.Problem(reports=False)
    problem.model.add_subsystem("net", component, promotes=["*"])
    problem.model.add_design_var("width", units="m", ref=1e-3)
    problem.model.add_design_var("height")
    problem.model.add_design_var("load", units="N", ref=1000)
    problem.model.add_objective("cost")
    problem.driver = om.ScipyOptimizeDriver(optimizer="SLSQP", tol=1e-9, disp=False)
    problem.setup()
    assert problem.get_val("height") == 9
    problem.run_driver()
    assert problem.get_val("width", units="mm") == pytest.approx(0.2, abs=1e-3)
    assert problem.get_val("load", units="N") == pytest.approx(-1000, abs=1)


@pytest.mark.filterwarnings("ignore")
def test_openmdao_begins_in_the_middle_of_the_data(om, bowl):
    problem = run(om, openmdao_component(bowl))
    middle = (X.min(axis=0) + X.max(axis=0)) / 2
    np.testing.assert_allclose([problem["x0"][0], problem["x1"][0]], middle[:2])


@pytest.mark.filterwarnings("ignore")
def test_openmdao_of_a_module(om):
    class Product(torch.nn.Module):
        def forward(self, x):
            return x[:, 0] * x[:, 1]

    with pytest.raises(ValueError, match="Give their names as `feature_names`"):
        openmdao_component(Product())
    problem = run(om, openmdao_component(Product(), feature_names=["u", "v"]), u=2, v=3)
    assert problem["y"] == 6


@pytest.mark.filterwarnings("ignore")
def test_openmdao_refuses_complex_numbers(om, bowl):
    problem = om.Problem(reports=False)
    problem.model.add_subsystem("net", openmdao_component(bowl), promotes=["*"])
    problem.setup(force_alloc_complex=True)
    problem.run_model()
    with pytest.raises(ValueError, match="Use method='fd'"):
        problem.check_partials(out_stream=None, method="cs")


def test_openmdao_names(om, bowl):
    with pytest.raises(ValueError, match=r"Got \['width \(mm\)'\]"):
        openmdao_component(bowl, feature_names=["width (mm)", "b", "c"])
    with pytest.raises(ValueError, match="must have distinct names"):
        openmdao_component(bowl, feature_names=["y", "b", "c"])
    with pytest.raises(ValueError, match=r"`units` has \['z'\]"):
        openmdao_component(bowl, units={"z": "mm"})
    with pytest.raises(ValueError, match="`x0` must have the shape"):
        openmdao_component(bowl, x0=[1.0])
