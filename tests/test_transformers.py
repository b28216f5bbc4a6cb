"""Every converted transformer against scikit-learn's own output, in every role."""

import copy
import pickle
import warnings
from functools import cache

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from torch.func import jacfwd, jacrev, vmap

from sklearn_nnderiv._converters import check_agreement, convert
from sklearn_nnderiv._engines import evaluate
from sklearn_nnderiv._maps import CountSketch

from .oracles import central_differences
from .transformer_cases import CASES

# roles of those that have no map, by design
NO_TRANSFORM = ("NMF", "MiniBatchNMF")
PREDICT = ("PLSRegression", "PLSCanonical", "CCA", "IsotonicRegression", "RFE", "RFECV")
# scikit-learn expands the squares of distances
LOOSE = {"KMeans": 1e-9, "MiniBatchKMeans": 1e-9, "BisectingKMeans": 1e-9}
LOOSE |= {"Birch": 1e-9, "SparsePCA": 1e-11}


def dense(result):
    """Whatever a transformer returns as an array of rows."""
    result = result.toarray() if sparse.issparse(result) else np.asarray(result)
    return result.reshape(len(result), -1).astype(float)


@cache
def fitted_of(i):
    case = CASES[i]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(case.estimator).fit(case.X, case.y)


def roles_of(case):
    name = type(case.estimator).__name__
    inverse = hasattr(case.estimator, "inverse_transform")
    inverse &= name not in ("SimpleImputer", "SelectorMixin")
    if name not in NO_TRANSFORM:
        yield "transform"
    if inverse:
        yield "inverse_transform"
    if name in PREDICT:
        yield "predict"


ALL = [(i, role) for i, case in enumerate(CASES) for role in roles_of(case)]
each = pytest.mark.parametrize(
    ("i", "role"), ALL, ids=[f"{CASES[i]}-{role}" for i, role in ALL]
)


def method_of(i, role):
    fitted = fitted_of(i)

    def method(rows):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of columns without observations
            return dense(getattr(fitted, role)(rows))

    return method


def inputs_of(i, role, *, n=16, noise=0.02):
    """Rows near those of the fit, as the role takes them, within every domain."""
    X = CASES[i].X[:n]
    rng = np.random.default_rng(1)
    rows = X * (1 + noise * rng.random(X.shape))
    known = np.nan_to_num(CASES[i].X)
    rows = np.clip(rows, known.min(axis=0), known.max(axis=0))
    if role != "inverse_transform":
        return rows
    if type(CASES[i].estimator).__name__ in NO_TRANSFORM:
        return rows[:, : fitted_of(i).n_components_]
    return method_of(i, "transform")(rows)


def results(function, X, *names):
    n, k, d = len(X), function.n_out, function.n_in
    shapes = {"values": (n, k), "jacobian": (n, k, d), "hessian": (n, k, d, d)}
    found = {name: np.full(shapes[name], 0.5) for name in names}
    evaluate(function, np.ascontiguousarray(X), found)
    return found.values()


def value(function, X):
    (found,) = results(function, X, "values")
    return found


def jacobian(function, X):
    (found,) = results(function, X, "jacobian")
    return found


def scaled(difference, truth):
    """Differences in units of the largest entry of their output and column."""
    size = np.nanmax(abs(truth), axis=0)
    return abs(difference) / np.where(size > 1e-8, size, 1)


@each
def test_values(i, role):
    X, method = inputs_of(i, role), method_of(i, role)
    function = convert(fitted_of(i), role)
    truth, found = method(X), value(function, X)
    assert found.shape == truth.shape
    np.testing.assert_array_equal(np.isnan(found), np.isnan(truth))
    tolerance = LOOSE.get(type(CASES[i].estimator).__name__, 1e-12)
    size = max(1.0, np.nanmax(abs(truth)))
    # one row must be computed as many are
    np.testing.assert_allclose(found, truth, rtol=tolerance, atol=tolerance * size)
    np.testing.assert_allclose(
        value(function, X[:1]), truth[:1], rtol=tolerance, atol=tolerance * size
    )
    check_agreement(function, X, truth, "it")


def smooth_at(differences, X, scale):
    """Differences at X, and where those of two steps agree: away from kinks."""
    first, second = (differences(X, s) for s in (scale, scale / 3))
    return first, scaled(first - second, first) < 3e-7


@each
def test_derivatives_are_central_differences(i, role):
    X, method = inputs_of(i, role, noise=0.1), method_of(i, role)
    X = X[~np.isnan(X).any(axis=1)]
    function = convert(fitted_of(i), role)
    if len(X) == 0:
        assert CASES[i].data == "empty"
        return
    between = X + 0.3  # the integers that bins have
    # inside, where a step does not leave the domain
    center = np.nanmedian(X, axis=0)
    X = center + 0.95 * (X - center)
    if function.smoothness == "constant":
        X = between if role == "inverse_transform" else X
        assert (jacobian(function, X) == 0).all()
        assert (central_differences(method, X, scale=1e-7) == 0).mean() > 0.9
        return
    scale = 0.003 * np.ptp(X, axis=0) + 1e-3 * (np.ptp(X, axis=0) == 0)
    first, smooth = smooth_at(lambda Z, s: central_differences(method, Z, s), X, scale)
    J, H = results(function, X, "jacobian", "hessian")
    assert smooth.mean() > 0.8
    assert scaled(J - first, first)[smooth].max() < 1e-6

    def slopes(Z):
        return jacobian(function, Z)

    second, smooth = smooth_at(lambda Z, s: central_differences(slopes, Z, s), X, scale)
    assert smooth.mean() > 0.8
    assert scaled(H - second, second)[smooth].max() < 1e-4


@each
def test_any_shape_copies_and_torch_func(i, role):
    X = inputs_of(i, role, n=6)
    function = convert(fitted_of(i), role)
    x = torch.tensor(X)
    found = function(x)
    # torch's Fourier transform takes no empty tensor
    n_least = 1 if isinstance(function, CountSketch) else 0
    shapes = [x[0], x.reshape(2, 3, -1), x[:n_least]]
    for rows in shapes:
        assert function(rows).shape == (*rows.shape[:-1], function.n_out)
    torch.testing.assert_close(
        function(shapes[1]).reshape(6, -1),
        found,
        rtol=1e-12,
        atol=1e-12,
        equal_nan=True,
    )
    for other in (copy.deepcopy(function), pickle.loads(pickle.dumps(function))):
        np.testing.assert_array_equal(other(x).numpy(), found.numpy())
        assert other.tolerance == function.tolerance
        assert other.spread == function.spread
    J, H = results(function, X, "jacobian", "hessian")
    known = ~np.isnan(J).any(axis=(1, 2))
    if CASES[i].data in ("missing", "zeros"):
        assert torch.isfinite(vmap(jacrev(function))(x)).all()
    for transform in (jacrev, jacfwd):
        torch.testing.assert_close(
            vmap(transform(function))(x)[known],
            torch.tensor(J)[known],
            rtol=1e-9,
            atol=1e-9,
        )
    twice = vmap(jacfwd(jacrev(function)))(x)
    torch.testing.assert_close(
        twice[known], torch.tensor(H)[known], rtol=1e-8, atol=1e-8
    )


EXPORTED = [
    next(k for k, (i, role) in enumerate(ALL) if name in f"{CASES[i]!s}-{role}")
    for name in (
        "Normalizer(norm='max')",
        "PolynomialFeatures(degree=(2, 3)",
        "SplineTransformer(extrapolation='periodic'",
        "SplineTransformer(extrapolation='error'",
        "KBinsDiscretizer(n_bins=3)-normal-transform",
        "KBinsDiscretizer(n_bins=3)-normal-inverse_transform",
        "clip",
        "sublinear_tf",
        "SimpleImputer(add_indicator=True, missing_values=0",
        "MissingIndicator()",
        "PCA(n_components=2, whiten=True)",
        "split_sign=True",
        "SelectKBest(k=2",
        "AdditiveChi2Sampler(sample_steps=3)",
        "PolynomialCountSketch(coef0=1.5",
        "median",
        "KMeans(n_clusters=3",
        "IsotonicRegression()",
    )
]


@pytest.mark.parametrize("k", EXPORTED, ids=lambda k: str(CASES[ALL[k][0]]))
def test_export(k):
    i, role = ALL[k]
    x = torch.tensor(inputs_of(i, role, n=8))
    function = convert(fitted_of(i), role)
    rows = {0: torch.export.Dim.DYNAMIC}
    exported = torch.export.export(function, (x,), dynamic_shapes=(rows,))
    torch.testing.assert_close(
        exported.module()(x[:5]),
        function(x[:5]),
        rtol=1e-12,
        atol=1e-12,
        equal_nan=True,
    )


FLOAT32 = [
    i
    for i, case in enumerate(CASES)
    if type(case.estimator).__name__ not in ("MissingIndicator", "FunctionTransformer")
]


@pytest.mark.parametrize("i", FLOAT32, ids=lambda i: str(CASES[i]))
def test_fitted_on_float32(i):
    case = CASES[i]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = clone(case.estimator).fit(case.X.astype(np.float32), case.y)
        for role in roles_of(case):
            X = inputs_of(i, role, n=10)
            truth = dense(getattr(fitted, role)(X))
            check_agreement(convert(fitted, role), X, truth, "it")
