"""FunctionTransformer: the table of functions, and functions that users register."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from torch.func import jacfwd, jacrev, vmap

from sklearn_nnderiv import DifferentiableRegressor, jacobian, register_function
from sklearn_nnderiv._converters import convert
from sklearn_nnderiv._converters._lookup import FUNCTIONS
from sklearn_nnderiv._elementwise.ufuncs import (
    CONSTANT_UFUNCS,
    PIECEWISE_UFUNCS,
    SMOOTH_UFUNCS,
)
from sklearn_nnderiv.exceptions import ConversionMismatchError, NotConvertibleError

from .names import stable_name
from .oracles import central_differences, relative_difference
from .test_transformers import jacobian as slopes
from .test_transformers import results, value

# by the first use of forward mode, within torch
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")


def names(table):
    return [f for f in table if f is not None]


@pytest.mark.parametrize("ufunc", names(SMOOTH_UFUNCS), ids=stable_name)
def test_second_derivatives_of_smooth_functions(ufunc):
    X = np.linspace(0.1, 0.9, 9).reshape(-1, 1) + (ufunc is np.arccosh)
    function = convert(FunctionTransformer(ufunc).fit(X), "transform")
    assert function.smoothness == "smooth"
    (H,) = results(function, X, "hessian")
    second = central_differences(lambda Z: slopes(function, Z), X, scale=0.05)
    np.testing.assert_allclose(H, second, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    "ufunc", names(PIECEWISE_UFUNCS | CONSTANT_UFUNCS), ids=stable_name
)
def test_functions_with_kinks_and_jumps(ufunc):
    X = np.array([[-1.5], [-1.0], [-0.2], [0.0], [0.3], [0.5], [1.0], [2.5]])
    function = convert(FunctionTransformer(ufunc).fit(X), "transform")
    np.testing.assert_array_equal(value(function, X), ufunc(X))
    constant = ufunc in CONSTANT_UFUNCS
    assert function.smoothness == ("constant" if constant else "piecewise")
    right = 0 if constant else np.where(X < 0, -1, 1)  # of 0, from the right
    np.testing.assert_array_equal(slopes(function, X)[..., 0], right + 0 * X)


@pytest.mark.parametrize(
    ("function", "keywords"),
    [
        (np.clip, {"a_min": -1, "a_max": 2}),
        (np.clip, {"a_min": None, "a_max": 0.5}),
        (np.clip, {"a_min": [0.0, -1.0], "a_max": None}),
        (partial(np.clip, a_min=-1, a_max=1), {}),
        (partial(np.clip, a_min=-1, a_max=1), {"a_max": 2}),
    ],
)
def test_clip_with_its_keywords(function, keywords, rng):
    X = 2 * rng.normal(size=(20, 2))
    fitted = FunctionTransformer(function, kw_args=keywords).fit(X)
    converted = convert(fitted, "transform")
    np.testing.assert_array_equal(value(converted, X), fitted.transform(X))
    inside = fitted.transform(X) == X
    np.testing.assert_array_equal(slopes(converted, X), inside[..., None] * np.eye(2))
    assert converted.smoothness == "piecewise"


def ratio(X, power=1.0):
    """Four columns of two."""
    X = np.asarray(X)
    first, second = X[:, :1], X[:, 1:]
    return np.hstack([X, (first / second) ** power, first * second])


def torch_ratio(x, power=1.0):
    first, second = x[:, :1], x[:, 1:]
    return torch.hstack([x, (first / second) ** power, first * second])


def cube(x):
    return x**3


def root(x):
    return abs(x) ** (1 / 3)


def cut(x):
    return torch.tensor(x.detach().numpy() ** 3)


def half_cut(x):
    return x.detach() * x**2


def coupled(x):
    return x - x.mean(dim=0)


def flat(x):
    return x.sum(dim=1)


@pytest.fixture(autouse=True)
def registry():
    """Take back what a test registers."""
    before = dict(FUNCTIONS)
    yield
    FUNCTIONS.clear()
    FUNCTIONS.update(before)


@pytest.fixture
def positive(rng):
    return 1 + rng.random((30, 2))


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_registered_function_of_rows(wrapped, positive):
    register_function(ratio)(torch_ratio)
    if wrapped:
        transformer = FunctionTransformer(partial(ratio, power=1.5))
    else:
        transformer = FunctionTransformer(ratio, kw_args={"power": 1.5})
    fitted = transformer.fit(positive)
    function = convert(fitted, "transform")
    truth = ratio(positive, power=1.5)
    np.testing.assert_allclose(value(function, positive), truth, rtol=1e-14)
    first = central_differences(fitted.transform, positive)
    assert relative_difference(slopes(function, positive), first) < 1e-6
    x = torch.tensor(positive)
    for transform in (jacrev, jacfwd):
        found = vmap(transform(function))(x)
        np.testing.assert_allclose(found, slopes(function, positive), rtol=1e-12)
    assert function(x.reshape(5, 6, 2)).shape == (5, 6, 4)
    assert function(x[0]).shape == (4,)
    again = pickle.loads(pickle.dumps(function))
    np.testing.assert_array_equal(again(x), function(x))
    exported = torch.export.export(function, (x,)).module()
    np.testing.assert_array_equal(exported(x), function(x))


def test_a_pipeline_with_a_registered_function(positive):
    assert register_function(ratio)(torch_ratio) is torch_ratio
    steps = FunctionTransformer(ratio), StandardScaler(), Ridge()
    pipe = make_pipeline(*steps).fit(positive, positive[:, 0] * positive[:, 1])
    truth = central_differences(pipe.predict, positive)
    assert relative_difference(jacobian(pipe, positive), truth) < 1e-6


def test_a_function_may_be_its_own_counterpart_and_scale_a_target(rng):
    register_function(cube, "piecewise")(cube)
    register_function(root)(root)
    X = rng.uniform(1, 2, size=(60, 1))
    scaler = FunctionTransformer(root, cube)
    model = DifferentiableRegressor(
        hidden_layer_sizes=(4,), solver="lbfgs", y_scaler=scaler, random_state=0
    ).fit(X, X[:, 0] ** 3)
    truth = central_differences(model.predict, X)
    assert relative_difference(model.predict_jacobian(X), truth) < 1e-6
    assert model.module_.smoothness == "piecewise"


def test_a_registered_function_goes_before_the_table(rng):
    X = rng.random((5, 1))
    register_function(np.exp)(torch.sin)
    function = convert(FunctionTransformer(np.exp).fit(X), "transform")
    np.testing.assert_allclose(value(function, X), np.sin(X))


@pytest.mark.parametrize("counterpart", [cut, half_cut])
def test_a_counterpart_that_cuts_the_graph_is_refused(counterpart, rng):
    X = rng.uniform(1, 2, size=(30, 2))
    register_function(cube)(counterpart)
    pipe = make_pipeline(FunctionTransformer(cube), LinearRegression())
    with pytest.raises(ConversionMismatchError, match="wrong gradient"):
        jacobian(pipe.fit(X, X[:, 0]), X)


def test_a_counterpart_with_other_values_is_refused(rng):
    X = rng.uniform(1, 2, size=(30, 2))
    register_function(cube)(torch.square)
    pipe = make_pipeline(FunctionTransformer(cube), LinearRegression())
    with pytest.raises(ConversionMismatchError, match="differs from"):
        jacobian(pipe.fit(X, X[:, 0]), X)


@pytest.mark.parametrize(
    ("counterpart", "message"),
    [
        (coupled, "couples the rows"),
        (flat, r"\(n_samples, n_columns\). Got \(3,\) for \(3, 2\)"),
        (lambda x: x.numpy(), "Got ndarray for"),
    ],
)
def test_counterparts_of_another_kind_are_refused(counterpart, message, positive):
    register_function(cube)(counterpart)
    fitted = FunctionTransformer(cube).fit(positive)
    with pytest.raises(NotConvertibleError, match=message):
        convert(fitted, "transform")


def test_a_counterpart_without_the_keyword_says_so(positive):
    register_function(ratio)(cube)
    fitted = FunctionTransformer(ratio, kw_args={"power": 2}).fit(positive)
    with pytest.raises(
        NotConvertibleError, match="unexpected keyword argument 'power'"
    ):
        convert(fitted, "transform")


class Unhashable:
    __hash__ = None

    def __call__(self, x):
        return x


@pytest.mark.parametrize("function", [None, "log", Unhashable()])
def test_what_cannot_be_looked_up_is_not_registered(function):
    with pytest.raises(TypeError, match="function must be a callable that is hashable"):
        register_function(function)


def test_registration_checks_the_smoothness():
    with pytest.raises(ValueError, match="smoothness must be one of"):
        register_function(cube, "rough")


@pytest.mark.parametrize(
    ("function", "keywords"),
    [
        (cube, None),
        (Unhashable(), None),
        (partial(np.power, 2.0), None),
        (np.log, {"where": True}),
        (partial(np.exp, dtype=float), None),
    ],
)
def test_other_functions_are_refused_with_the_remedy(function, keywords, positive):
    fitted = FunctionTransformer(function, kw_args=keywords).fit(positive)
    with pytest.raises(NotConvertibleError, match="with @register_function"):
        convert(fitted, "transform")
