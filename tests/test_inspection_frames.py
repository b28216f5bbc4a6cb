"""Labelled derivatives: names, order and libraries, and numbers by closed forms."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.compose import make_column_transformer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures

from sklearn_nnderiv import DifferentiableRegressor, value_and_jacobian
from sklearn_nnderiv.inspection import (
    _model,
    extrapolation_score,
    jacobian_frame,
    jacobian_xarray,
)

NAMES = ["age", "dose"]


def values(X):
    """Two outputs: a squared, and a times b plus 3 b."""
    a, b = np.asarray(X, dtype=float).T
    return np.column_stack([a**2, a * b + 3 * b])


def truth(X):
    a, b = np.asarray(X, dtype=float).T
    zero = np.zeros(len(a))
    return np.stack([np.stack([2 * a, zero], 1), np.stack([b, a + 3], 1)], axis=1)


@pytest.fixture
def X(rng):
    labels = pd.Index([f"p{i}" for i in range(30)], name="person")
    return pd.DataFrame(rng.normal(size=(30, 2)), columns=NAMES, index=labels)


@pytest.fixture
def model(X):
    return make_pipeline(PolynomialFeatures(2), LinearRegression()).fit(X, values(X))


def test_wide(model, X):
    frame = jacobian_frame(model, X, output_names=["risk", "cost"])
    expected = ["drisk/dage", "drisk/ddose", "dcost/dage", "dcost/ddose"]
    assert list(frame.columns) == expected
    assert frame.index.equals(X.index)
    assert frame.index.name == "person"
    np.testing.assert_allclose(frame, truth(X).reshape(30, 4), atol=1e-12)


def test_long(model, X):
    frame = jacobian_frame(model, X, layout="long")
    assert list(frame.columns) == ["sample", "output", "feature", "derivative"]
    assert len(frame) == 30 * 2 * 2
    table = frame.pivot(
        index="sample", columns=["output", "feature"], values="derivative"
    )
    for k in range(2):
        for j, name in enumerate(NAMES):
            found = table.loc[X.index, (f"y{k}", name)]
            np.testing.assert_allclose(found, truth(X)[:, k, j], atol=1e-12)


def test_wide_and_long_hold_the_same(model, X):
    wide = jacobian_frame(model, X)
    long = jacobian_frame(model, X, layout="long")
    np.testing.assert_array_equal(long["derivative"], wide.to_numpy().ravel())


def test_array_gives_pandas_with_default_names(X):
    line = LinearRegression().fit(X.to_numpy(), X.to_numpy() @ [2.0, -1.0])
    frame = jacobian_frame(line, X.to_numpy())
    assert list(frame.columns) == ["dy/dx0", "dy/dx1"]
    np.testing.assert_allclose(frame, np.tile([2.0, -1.0], (30, 1)))
    long = jacobian_frame(line, X.to_numpy()[:3], layout="long")
    assert long["sample"].tolist() == [0, 0, 1, 1, 2, 2]


def test_names_of_the_fit_are_taken_for_an_array(X):
    line = LinearRegression().fit(X, X["age"])
    with pytest.warns(UserWarning, match="feature names"):
        frame = jacobian_frame(line, X.to_numpy())
    assert list(frame.columns) == ["dy/dage", "dy/ddose"]


def test_polars_in_polars_out(model, X):
    frame = jacobian_frame(model, pl.from_pandas(X))
    assert isinstance(frame, pl.DataFrame)
    np.testing.assert_allclose(frame.to_numpy(), truth(X).reshape(30, 4), atol=1e-12)
    long = jacobian_frame(model, pl.from_pandas(X), layout="long")
    assert long["sample"].to_list() == np.repeat(np.arange(30), 4).tolist()


@pytest.mark.parametrize(
    "index",
    [
        pd.MultiIndex.from_product([["a", "b"], range(15)], names=["group", "day"]),
        pd.date_range("2026-01-01", periods=30, tz="Europe/Berlin"),
        pd.Index([7] * 30),
    ],
    ids=["levels", "dates", "repeated"],
)
def test_index_of_any_kind(model, X, index):
    X = X.set_axis(index)
    assert jacobian_frame(model, X).index.equals(index)
    long = jacobian_frame(model, X, layout="long")
    assert long["sample"].tolist() == [label for label in index for _ in range(4)]


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_categories_and_missing_cells_are_nan(rng, library):
    data = {"dose": rng.normal(size=40), "sort": rng.choice(["a", "b"], 40)}
    columns = make_column_transformer(
        (SimpleImputer(), ["dose"]),
        (OneHotEncoder(sparse_output=False, drop="first"), ["sort"]),
    )
    regressor = make_pipeline(columns, LinearRegression())
    y = 3 * data["dose"] + (data["sort"] == "b")
    regressor.fit(library(data), y)
    data["dose"][4] = np.nan
    frame = jacobian_frame(regressor, library(data))
    assert list(frame.columns) == ["dy/ddose", "dy/dsort"]
    expected = np.full((40, 2), np.nan)
    expected[:, 0] = 3
    expected[4, 0] = np.nan
    np.testing.assert_allclose(frame.to_numpy(), expected)


def test_rows_beyond_the_training_data_are_told(model, X):
    rows = pd.DataFrame({"age": [0.0, 9.0], "dose": [0.0, 0.0]}, index=["in", "out"])
    wide = jacobian_frame(model, rows, X_train=X)
    assert wide.columns[-1] == "extrapolates"
    assert wide["extrapolates"].tolist() == [False, True]
    assert wide["extrapolates"].dtype == bool
    long = jacobian_frame(model, rows, X_train=X, layout="long")
    assert long["extrapolates"].tolist() == [False] * 4 + [True] * 4
    assert "extrapolates" not in jacobian_frame(model, rows)


def test_rows_that_a_fit_has_kept_tell_them(rng):
    X = rng.uniform(size=(60, 1))
    regressor = DifferentiableRegressor(
        hidden_layer_sizes=(4,), max_iter=20, solver="lbfgs", random_state=0
    ).fit(X, X[:, 0] ** 2)
    rows = np.array([[0.5], [0.9], [3.0], [-2.0]])
    flag = jacobian_frame(regressor, rows)["extrapolates"]
    np.testing.assert_array_equal(flag, extrapolation_score(regressor, rows) > 1)
    assert flag.tolist() == [False, False, True, True]


def test_standard_deviations(rng):
    X = rng.uniform(size=(20, 2))
    process = GaussianProcessRegressor(RBF(0.5), alpha=1e-4, optimizer=None)
    process.fit(X, np.sin(3 * X[:, 0]))
    _, slope, _, std = value_and_jacobian(process, X, return_std=True)
    wide = jacobian_frame(process, X, return_std=True)
    names = ["dy/dx0", "dy/dx1", "std dy/dx0", "std dy/dx1"]
    assert list(wide.columns) == names
    np.testing.assert_allclose(wide, np.hstack([slope, std]))
    long = jacobian_frame(process, X, return_std=True, layout="long")
    np.testing.assert_allclose(long["std"], std.ravel())
    with pytest.raises(ValueError, match="return_std=True needs a"):
        jacobian_frame(LinearRegression().fit(X, X[:, 0]), X, return_std=True)


def test_torch_module(X):
    class Square(torch.nn.Module):
        def forward(self, x):
            return x**2

    frame = jacobian_frame(Square(), X.to_numpy(), layout="long")
    table = frame.pivot(index="sample", columns=["output", "feature"])["derivative"]
    np.testing.assert_allclose(table["y0", "x0"], 2 * X["age"])
    np.testing.assert_allclose(table["y1", "x0"], 0)


def test_chunks_do_not_show(model, X, monkeypatch):
    whole = jacobian_frame(model, X)
    monkeypatch.setattr(_model, "_CHUNK_SIZE", 28)
    np.testing.assert_allclose(jacobian_frame(model, X), whole, atol=1e-14)


def test_names_that_would_collide_are_refused(X):
    line = LinearRegression().fit(X, values(X))
    names = {"feature_names": ["c", "b/dc"], "output_names": ["a/db", "a"]}
    with pytest.raises(ValueError, match="the same name"):
        jacobian_frame(line, X, **names)
    with pytest.raises(ValueError, match="must be distinct"):
        jacobian_frame(line, X, feature_names=["c", "c"])
    with pytest.raises(ValueError, match="must be 'wide' or 'long'"):
        jacobian_frame(line, X, layout="tall")


def test_xarray(model, X):
    pytest.importorskip("xarray")
    J = jacobian_xarray(model, X, X_train=X[:10], output_names=["risk", "cost"])
    assert J.dims == ("sample", "output", "feature")
    np.testing.assert_allclose(J.values, truth(X), atol=1e-12)
    one = J.sel(sample="p3", output="cost", feature="age")
    assert float(one) == pytest.approx(X.loc["p3", "dose"])
    score = extrapolation_score(model, X, X_train=X[:10])
    np.testing.assert_array_equal(J["extrapolates"], score > 1)
    assert J["extrapolates"].dims == ("sample",)
    assert J.where(~J.extrapolates, drop=True).shape[0] == (score <= 1).sum()
    assert "extrapolates" not in jacobian_xarray(model, X).coords


def test_missing_xarray_is_named(model, X, monkeypatch):
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(ImportError, match="pip install xarray"):
        jacobian_xarray(model, X)


BLOCKED = """
import sys
from importlib.abc import MetaPathFinder

class Absent(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {"matplotlib", "openmdao", "pandas", "xarray"}:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, Absent())
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn_nnderiv.inspection import JacobianHeatmapDisplay, jacobian_frame

line = LinearRegression().fit(np.eye(3), np.arange(3))
for function, needed in (
    (jacobian_frame, "needs pandas"),
    (JacobianHeatmapDisplay.from_estimator, "requires matplotlib"),
):
    try:
        function(line, np.eye(3))
    except ImportError as error:
        assert needed in str(error), error
    else:
        raise AssertionError(needed)
"""


def test_works_without_what_is_optional():
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
