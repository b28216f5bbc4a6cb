"""jacobian and to_torch of pipelines, searches and transformed targets."""

import pickle
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy
import torch
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import BaggingRegressor, RandomForestRegressor
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.manifold import Isomap
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PowerTransformer,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVR

from sklearn_nnderiv import DifferentiableRegressor, jacobian, to_torch
from sklearn_nnderiv._converters import check_agreement
from sklearn_nnderiv._converters._lookup import REGISTRY as _REGISTRY
from sklearn_nnderiv._derivatives._samples import places_of, training_rows
from sklearn_nnderiv._maps import Affine
from sklearn_nnderiv.exceptions import (
    ConversionMismatchError,
    DerivativeWarning,
    NotConvertibleError,
)

from .oracles import central_differences, relative_difference


def network():
    # columns that do not matter keep slopes that differences resolve
    return DifferentiableRegressor(
        hidden_layer_sizes=(8,), solver="lbfgs", max_iter=30, random_state=0
    )


def pipeline(regressor=None):
    return make_pipeline(StandardScaler(), regressor or network())


FITTED = {
    "regressor": network(),
    "linear": LinearRegression(),
    "pipeline": pipeline(),
    "pipeline with passthrough": make_pipeline(
        "passthrough", PowerTransformer(), MinMaxScaler(), None, network()
    ),
    "grid search": GridSearchCV(
        pipeline(), {"differentiableregressor__alpha": [1e-4, 1.0]}, cv=2
    ),
    "randomized search": RandomizedSearchCV(
        pipeline(Ridge()), {"ridge__alpha": [1e-4, 1.0]}, n_iter=2, cv=2
    ),
    "target by transformer": TransformedTargetRegressor(
        pipeline(), transformer=PowerTransformer()
    ),
    "target by functions": TransformedTargetRegressor(
        pipeline(), func=np.arcsinh, inverse_func=np.sinh
    ),
    "target alone": TransformedTargetRegressor(network()),
    "nested": GridSearchCV(
        TransformedTargetRegressor(
            make_pipeline(
                make_pipeline(StandardScaler(), PowerTransformer()), network()
            ),
            transformer=make_pipeline(StandardScaler(), MinMaxScaler()),
        ),
        {"regressor__differentiableregressor__activation": ["tanh", "silu"]},
        cv=2,
    ),
}


@pytest.mark.parametrize("n_outputs", [None, 1, 2])
@pytest.mark.parametrize("name", FITTED)
def test_jacobian_is_central_differences_of_predict(name, n_outputs, data):
    X, y = data
    y = y[:, 0] if n_outputs is None else y[:, :n_outputs]
    fitted = clone(FITTED[name]).fit(X, y)
    low, high = np.quantile(X, [0.3, 0.7], axis=0)
    points = low + (high - low) * np.random.default_rng(1).random((15, 3))
    result = jacobian(fitted, points)
    assert result.shape == (*fitted.predict(points).shape, 3)
    truth = central_differences(fitted.predict, points, scale=X.std(axis=0))
    assert relative_difference(result, truth) < 1e-6


def test_the_mistake_that_jacobian_avoids(data):
    X, y = data
    pipe = pipeline().fit(X, y[:, 0])
    mistaken = pipe[-1].predict_jacobian(pipe[:-1].transform(X))
    np.testing.assert_allclose(jacobian(pipe, X), mistaken / pipe[0].scale_, rtol=1e-10)
    assert abs(mistaken - jacobian(pipe, X)).max() > 0.5 * abs(mistaken).max()


def test_jacobian_of_the_regressor_is_its_own(data):
    X, y = data
    model = network().fit(X, y)
    np.testing.assert_array_equal(jacobian(model, X), model.predict_jacobian(X))


def test_jacobian_takes_dataframes_and_checks_their_names(data):
    X, y = data
    frame = pd.DataFrame(X, columns=list("abc"))
    pipe = pipeline().fit(frame, y[:, 0])
    on_arrays = jacobian(pipeline().fit(X, y[:, 0]), X)
    np.testing.assert_allclose(jacobian(pipe, frame), on_arrays, rtol=1e-6)
    with pytest.raises(ValueError, match="feature names"):
        jacobian(pipe, frame[["b", "a", "c"]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64])
@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame, pl.DataFrame])
def test_jacobian_takes_rows_of_any_dtype(data, dtype, kind):
    X, y = data
    pipe = make_pipeline(StandardScaler(), MinMaxScaler(), network()).fit(X, y[:, 0])
    rows = (X * [1, 1, 100]).astype(dtype)
    names = {"columns": list("abc")} if kind is pd.DataFrame else {}
    names = {"schema": list("abc")} if kind is pl.DataFrame else names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the pipeline was fitted without names
        result = jacobian(pipe, kind(rows, **names))
    np.testing.assert_array_equal(result, jacobian(pipe, rows.astype(float)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_jacobian_of_a_single_precision_net_behind_a_scaler(data, dtype):
    X, y = data
    model = DifferentiableRegressor(
        hidden_layer_sizes=(8,), max_iter=30, random_state=0, dtype=dtype
    )
    pipe = make_pipeline(StandardScaler(), MinMaxScaler(), model).fit(X, y)
    assert jacobian(pipe, X).shape == (40, 2, 3)


def test_jacobian_of_lists_and_of_one_row(data):
    X, y = data
    pipe = pipeline().fit(X, y[:, 0])
    np.testing.assert_allclose(
        jacobian(pipe, X[:1].tolist()), jacobian(pipe, X)[:1], rtol=1e-12
    )


def test_to_torch_is_predict_and_shares_nothing(data):
    X, y = data
    pipe = pipeline().fit(X, y[:, 0])
    before = jacobian(pipe, X)
    module = to_torch(pipe)
    assert not module.training
    out = module(torch.tensor(X))
    assert out.shape == (40, 1)
    assert out.dtype == torch.float64
    np.testing.assert_allclose(out.detach().numpy()[:, 0], pipe.predict(X), rtol=1e-12)
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.zero_()
    np.testing.assert_array_equal(jacobian(pipe, X), before)


def test_what_to_torch_returns_is_differentiated_like_any_module(data):
    X, y = data
    pipe = pipeline().fit(X, y[:, 0])
    found = jacobian(to_torch(pipe), X)
    np.testing.assert_array_equal(found[:, 0], jacobian(pipe, X))
    with pytest.raises(ValueError, match="features"):
        jacobian(to_torch(pipe), X[:, :1])


def test_to_torch_can_be_pickled(data):
    X, y = data
    model = TransformedTargetRegressor(
        pipeline(), transformer=FunctionTransformer(np.arcsinh, np.sinh)
    ).fit(X, y)
    module = to_torch(model)
    other = pickle.loads(pickle.dumps(module))
    assert torch.equal(other(torch.tensor(X)), module(torch.tensor(X)))


def test_unfitted_estimators_are_refused(data):
    X, _ = data
    for unfitted in (network(), pipeline(), Ridge(), GridSearchCV(Ridge(), {})):
        with pytest.raises(NotFittedError):
            jacobian(unfitted, X)
        with pytest.raises(NotFittedError):
            to_torch(unfitted)


def test_search_without_refit_is_refused(data):
    X, y = data
    search = GridSearchCV(Ridge(), {"alpha": [1.0]}, cv=2, refit=False).fit(X, y)
    with pytest.raises(NotFittedError):
        to_torch(search)


def test_unconvertible_parts_are_named(data):
    X, y = data
    with pytest.raises(
        NotConvertibleError, match="RandomForestRegressor cannot be conv"
    ):
        jacobian(RandomForestRegressor(2).fit(X, y), X)
    isomap = Isomap(n_neighbors=10)
    with pytest.raises(NotConvertibleError, match="Isomap"):
        jacobian(make_pipeline(isomap, Ridge()).fit(X, y), X)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[:, :2], "X has 2 features, but Pipeline is expecting 3 features"),
        (lambda X: X[0], "Expected 2D array, got 1D array instead"),
        (lambda X: X * np.nan, "Input X contains NaN"),
        (lambda X: X[:0], "Found array with 0 sample"),
        (lambda X: X * 1j, "Complex data not supported"),
        (lambda X: np.full(X.shape, "word"), "could not convert string"),
    ],
)
def test_bad_input(data, change, message):
    X, y = data
    pipe = pipeline().fit(X, y)
    with pytest.raises(ValueError, match=message):
        jacobian(pipe, change(X.astype(complex) if "omplex" in message else X))


def test_nan_is_announced_wherever_it_is(rng):
    X = rng.gamma(2.0, size=(50, 1)) + 0.1
    pipe = make_pipeline(FunctionTransformer(np.log, validate=True), Ridge())
    pipe.fit(X, X[:, 0])
    for bad in (40, 3):
        rows = X.copy()
        rows[bad] = -1.0
        with pytest.warns(DerivativeWarning, match="1 of 50 predictions are NaN"):
            result = jacobian(pipe, rows)
        np.testing.assert_array_equal(np.flatnonzero(np.isnan(result)), [bad])


def test_a_wrong_converter_is_found_out(data, monkeypatch):
    X, y = data
    fitted = Ridge().fit(X, y)
    monkeypatch.setitem(
        _REGISTRY["predict"], Ridge, lambda fitted: Affine(fitted.coef_ * 1.0001)
    )
    with pytest.raises(ConversionMismatchError, match="The torch map of Ridge differs"):
        jacobian(fitted, X)


def test_maps_are_compared_beyond_the_rows_and_at_edges(data, monkeypatch):
    """Inside the range a converter that forgets the clip is right."""
    X, y = data
    scaler = MinMaxScaler(clip=True).fit(X)
    inner = X.mean(axis=0) + 0.3 * (X - X.mean(axis=0))

    def forgetful(fitted):
        return Affine(fitted.scale_, center=fitted.data_min_)

    monkeypatch.setitem(_REGISTRY["transform"], MinMaxScaler, forgetful)
    check_agreement(forgetful(scaler), inner, scaler.transform(inner), "it")
    message = r"differs from MinMaxScaler .* rows at the edges .*, most in output \d"
    with pytest.raises(ConversionMismatchError, match=message):
        jacobian(scaler, inner)
    with pytest.raises(ConversionMismatchError, match=r"up to [\d.]+ on \d+ of \d+ s"):
        to_torch(scaler)
    pipe = make_pipeline(StandardScaler(), scaler, Ridge()).fit(X, y)
    with pytest.raises(ConversionMismatchError, match="The torch map of Pipeline diff"):
        to_torch(pipe)


@pytest.mark.parametrize("absent", [[], ["pandas"], ["pandas", "polars"]])
def test_to_torch_of_what_was_fitted_on_a_frame(data, absent, monkeypatch):
    X, y = data
    columns = ColumnTransformer([("s", StandardScaler(), ["c", "a"])])
    pipe = make_pipeline(columns, Ridge()).fit(pd.DataFrame(X, columns=list("abc")), y)
    for name in absent:
        monkeypatch.setitem(sys.modules, name, None)
    module = to_torch(pipe)
    monkeypatch.undo()
    expected = pipe.predict(pd.DataFrame(X, columns=list("abc")))
    found = module(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_places_that_fitted_objects_speak_of(data):
    X, y = data
    scaler = StandardScaler().fit(X)
    places = places_of(scaler, 3)
    assert (places.min(axis=0) < scaler.mean_ - 2 * scaler.scale_).all()
    assert (places.max(axis=0) > scaler.mean_ + 2 * scaler.scale_).all()
    sparse = SVR().fit(scipy.sparse.csr_array(X), y[:, 0])
    assert places_of(sparse, 3).shape == (10, 3)
    words = SimpleImputer(strategy="most_frequent").fit([["a"], ["b"]])
    assert len(places_of(words, 1)) == 0
    model = network().fit(X, y)
    np.testing.assert_allclose(places_of(model, 3), places)
    rows = training_rows([(scaler, slice(None))], 3)
    assert abs(rows[:16].mean(axis=0) - scaler.mean_).max() < 2 * scaler.scale_.max()
    rows = training_rows([(scaler, np.array([4, 0, 2]))], 5)
    assert abs(rows[:16, [1, 3]]).max() < 5


def test_rows_that_are_refused_are_left_out(data):
    X, _ = data
    strict = SplineTransformer(extrapolation="error").fit(X)
    assert jacobian(strict, X).shape == (40, strict.n_features_out_, 3)
    positive = PowerTransformer(method="box-cox").fit(abs(X) + 0.1)
    module = to_torch(positive)
    with torch.no_grad():
        values = module(torch.tensor(abs(X) + 0.1)).numpy()
    np.testing.assert_allclose(values, positive.transform(abs(X) + 0.1), rtol=1e-9)


def test_frames_without_rows_or_of_the_wrong_width(data):
    X, y = data
    frame = pd.DataFrame(X, columns=list("abc"))
    bagging = BaggingRegressor(Ridge(), 2).fit(frame, y[:, 0])
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        jacobian(bagging, frame[:0])
    with pytest.raises(ValueError, match="X has 2 features, but 3 are expected"):
        jacobian(bagging, frame[["a", "b"]])
    with pytest.raises(ValueError, match="X has 2 features, but StandardScaler is exp"):
        jacobian(StandardScaler().fit(frame), frame[["a", "b"]])


def test_modules_take_missing_values_if_they_make_numbers_of_them(data):
    X, y = data
    X = np.where(np.arange(120).reshape(40, 3) % 7 == 0, np.nan, X)
    pipe = make_pipeline(SimpleImputer(), StandardScaler(), Ridge()).fit(X, y)
    J = jacobian(to_torch(pipe), X)
    np.testing.assert_array_equal(np.isnan(J).any(axis=1), np.isnan(X))
    np.testing.assert_allclose(J, jacobian(pipe, X), rtol=1e-12)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        jacobian(torch.nn.Linear(3, 1), X)
