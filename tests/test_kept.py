"""Bound maps are kept between calls, and made anew when anything has changed."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import skorch
import torch
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import StackingRegressor
from sklearn.linear_model import LinearRegression, Ridge, SGDRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_nnderiv import (
    DifferentiableRegressor,
    jacobian,
    register_converter,
    value_and_jacobian,
)
from sklearn_nnderiv._converters._lookup import REGISTRY
from sklearn_nnderiv._derivatives import _cache, _evaluation, _state
from sklearn_nnderiv._derivatives._state import State
from sklearn_nnderiv._maps import Affine


@pytest.fixture
def made(monkeypatch):
    """Return a list that grows with every conversion."""
    calls = []
    bind = _evaluation.bind
    monkeypatch.setattr(_evaluation, "bind", lambda *a: calls.append(a[0]) or bind(*a))
    return calls


@pytest.fixture
def problem(rng):
    X = rng.normal(size=(30, 3))
    return X, X[:, 0] - 2 * X[:, 1]


def test_refits_and_writes_are_noticed(problem, made):
    X, y = problem
    pipe = make_pipeline(StandardScaler(), Ridge()).fit(X, y)
    J = jacobian(pipe, X)
    for rows in (X, X[:1], X.tolist()):
        np.testing.assert_array_equal(jacobian(pipe, rows), J[: len(rows)])
    assert len(made) == 1
    pipe[-1].coef_ *= 2
    np.testing.assert_allclose(jacobian(pipe, X), 2 * J)
    pipe[0].with_mean = False
    assert abs(value_and_jacobian(pipe, X)[0] - pipe.predict(X)).max() < 1e-12
    pipe.set_params(standardscaler="passthrough")
    np.testing.assert_allclose(jacobian(pipe, X)[0], pipe[-1].coef_)
    pipe.fit(X, 3 * y)
    np.testing.assert_allclose(jacobian(pipe, X)[0], pipe[-1].coef_)
    pipe[-1].added = 1
    jacobian(pipe, X)
    del pipe[-1].added
    jacobian(pipe, X)
    assert len(made) == 7


def test_partial_fits_in_place_are_noticed(problem):
    X, y = problem
    model = SGDRegressor().partial_fit(X, y)
    for _ in range(3):
        before = model.coef_
        np.testing.assert_allclose(jacobian(model, X[:1])[0], model.coef_)
        model.partial_fit(X, y)
        assert model.coef_ is before  # written in place


def test_searches_and_networks(problem, made):
    X, y = problem
    network = DifferentiableRegressor(hidden_layer_sizes=(3,), solver="lbfgs")
    search = GridSearchCV(make_pipeline(StandardScaler(), network), {}, cv=2)
    search.fit(X, y)
    J = jacobian(search, X)
    np.testing.assert_array_equal(jacobian(search, X), J)
    assert len(made) == 1
    best = search.best_estimator_[-1]
    with torch.no_grad():
        for parameter in best.net_.module_.parameters():
            parameter.mul_(0.5)
    assert abs(jacobian(search, X) - J).max() > 0.1 * abs(J).max()
    best.fit(X, y)
    jacobian(search, X)
    assert len(made) == 3


def test_other_rows_and_methods_are_other_maps(problem, made):
    X, y = problem
    stack = StackingRegressor([("r", Ridge())], Ridge(), cv=2).fit(X, y)
    jacobian(stack, X)
    jacobian(stack, X, method="transform")
    jacobian(stack, X.astype(np.float32))
    frame = pd.DataFrame(X, columns=list("abc"))
    named = make_pipeline(FunctionTransformer(), Ridge()).fit(frame, y)
    jacobian(named, frame)
    jacobian(named, frame[:2])
    with pytest.raises(ValueError, match="feature names"):
        jacobian(named, frame[["b", "a", "c"]])
    assert len(made) == 5


def test_registrations_are_noticed(problem, monkeypatch):
    X, y = problem
    model = LinearRegression().fit(X, y)
    before = jacobian(model, X)
    monkeypatch.setitem(REGISTRY["predict"], LinearRegression, None)
    calls = []

    def converter(fitted):
        calls.append(fitted)
        return Affine(fitted.coef_[None], offset=[fitted.intercept_])

    register_converter(LinearRegression, "predict")(converter)
    np.testing.assert_allclose(jacobian(model, X), before)
    assert calls == [model]


def test_nothing_is_kept_alive(problem):
    X, y = problem
    pipe = make_pipeline(StandardScaler(), Ridge()).fit(X, y)
    module = torch.nn.Linear(3, 1)
    jacobian(pipe, X)
    jacobian(module, X)
    references = [weakref.ref(pipe), weakref.ref(pipe[-1]), weakref.ref(module)]
    del pipe, module
    gc.collect()
    assert [reference() for reference in references] == [None] * 3


def test_only_some_are_kept(problem, made):
    X, y = problem
    models = [Ridge().fit(X, y) for _ in range(_cache._MOST_OBJECTS + 1)]
    for model in models:
        jacobian(model, X)
    assert len(_cache._kept) <= _cache._MOST_OBJECTS
    frames = [pd.DataFrame(X, columns=[*"ab", c]) for c in "cdefgh"]
    plain = Ridge().fit(X, y)
    for frame in frames:
        with pytest.warns(UserWarning, match="fitted without feature names"):
            jacobian(plain, frame)
    assert len(_cache._kept[plain].results) <= _cache._MOST_KINDS


class Slotted:
    __slots__ = ("scale",)


class Strange(RegressorMixin, BaseEstimator):
    """Of an unknown kind: equal to nothing, without a hash, or with odd parts."""

    def fit(self, X, y=None, part=None):
        self.coef_ = np.ones(X.shape[1])
        self.part_ = part
        return self

    def predict(self, X):
        return X @ self.coef_


class Unhashable(Strange):
    __hash__ = None

    def __eq__(self, other):
        return False


@pytest.fixture
def strange():
    @register_converter(Strange, "predict")
    def _convert(fitted):
        return Affine(fitted.coef_[None])

    yield
    del REGISTRY["predict"][Strange]


@pytest.mark.usefixtures("strange")
@pytest.mark.parametrize("cls", [Strange, Unhashable])
@pytest.mark.parametrize(
    ("part", "is_known"),
    [
        (None, True),
        (Slotted(), False),
        ({"a": [Slotted()]}, False),
        (np.array([1.0, "a", None], dtype=object), True),
        ({1, 2.5}, True),
        (np.zeros(2**20), False),
        (np.zeros(2**17), True),
        ([*range(30_000)], False),
        (skorch.NeuralNetRegressor(torch.nn.Linear), False),
        (np.random.RandomState(0), True),
        (float("nan"), True),
        (np.sin, True),
    ],
    ids=lambda value: type(value).__name__,
)
def test_objects_of_any_kind(cls, part, is_known, problem):
    X, _ = problem
    model = cls().fit(X, part=part)
    state = State(model)
    assert state.is_known is is_known
    assert not is_known or state.is_that_of(model)
    for factor in (1.0, 3.0):
        model.coef_ *= factor
        np.testing.assert_array_equal(jacobian(model, X)[0], model.coef_)
    assert not state.is_that_of(model)


@pytest.mark.usefixtures("strange")
@pytest.mark.parametrize("name", ["module_", "best_estimator_"])
def test_names_mean_nothing_in_classes_of_others(name, problem):
    X, _ = problem
    model = Strange().fit(X)
    setattr(model, name, torch.nn.Linear(2, 1))
    for factor in (1.0, 3.0):
        model.coef_ *= factor
        np.testing.assert_array_equal(jacobian(model, X)[0], model.coef_)


def test_objects_that_contain_themselves(problem):
    X, y = problem
    model = Ridge().fit(X, y)
    model.own_ = [model, {"again": model}]
    assert State(model).is_that_of(model)
    assert np.isfinite(jacobian(model, X)).all()


def test_objects_without_attributes():
    assert not State(Slotted()).is_known
    assert not State(0.5).is_that_of(Slotted())


def test_threads(problem):
    X, y = problem
    models = [make_pipeline(StandardScaler(), Ridge(a)).fit(X, y) for a in range(1, 40)]
    expected = [jacobian(model, X) for model in models]
    with ThreadPoolExecutor(8) as pool:
        results = pool.map(lambda i: jacobian(models[i % 39], X), range(390))
        for i, result in enumerate(results):
            np.testing.assert_array_equal(result, expected[i % 39])


def test_the_limits_are_those_of_the_guide():
    assert _state._MOST_BYTES == 4 * 2**20
