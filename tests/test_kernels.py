"""Kernels and what is made of them, against scikit-learn and central differences."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.decomposition import KernelPCA
from sklearn.gaussian_process import kernels as gpk
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import pairwise_kernels
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KernelCenterer, StandardScaler
from sklearn.svm import SVR, NuSVR
from torch.func import jacfwd, jacrev, vmap

from sklearn_nnderiv import hessian, jacobian
from sklearn_nnderiv._converters import check_agreement, convert, process_kernel
from sklearn_nnderiv._converters._kernels import given_kernel
from sklearn_nnderiv._engines import evaluate
from sklearn_nnderiv._engines._engine import Engine
from sklearn_nnderiv._maps import KernelMap
from sklearn_nnderiv.exceptions import NotConvertibleError

from .names import stable_name
from .oracles import all_derivatives, central_differences, relative_difference

# torch's own, when its forward mode is first used
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")

LENGTHS = [0.7, 1.5, 0.9]
OF_PROCESSES = [
    gpk.RBF(0.8),
    gpk.RBF([0.8]),
    gpk.RBF(LENGTHS),
    gpk.Matern(LENGTHS, nu=0.5),
    gpk.Matern(1.1, nu=1.5),
    gpk.Matern(LENGTHS, nu=1.5),
    gpk.Matern(LENGTHS, nu=2.5),
    gpk.Matern(LENGTHS, nu=np.inf),
    gpk.RationalQuadratic(0.9, alpha=0.7),
    gpk.ExpSineSquared(1.2, periodicity=2.3),
    gpk.DotProduct(0.6),
    gpk.DotProduct(0.0),
    gpk.ConstantKernel(2.0),
    gpk.WhiteKernel(0.3),
    gpk.RBF(0.8) + gpk.WhiteKernel(0.1),
    2.0 * gpk.RBF(LENGTHS) * gpk.Matern(2.0, nu=2.5) + 0.3,
    gpk.DotProduct(0.6) ** 2 + gpk.RBF(0.8) * gpk.WhiteKernel(0.5),
    (gpk.Matern(1.1, nu=1.5) + 0.2) ** 1.7 * gpk.DotProduct(0.1),
    gpk.RBF(0.8) ** 0,
    (gpk.RBF(0.8) + gpk.WhiteKernel(0.1)) ** 2,
    gpk.WhiteKernel(0.1) ** 0.5 + gpk.RBF(),
    gpk.PairwiseKernel(gamma=0.3, metric="rbf"),
    gpk.PairwiseKernel(gamma=0.3, metric="laplacian"),
    gpk.PairwiseKernel(gamma=0.3, metric="poly"),
    gpk.PairwiseKernel(
        gamma=0.3, metric="polynomial", pairwise_kernels_kwargs={"degree": 2}
    ),
    gpk.PairwiseKernel(metric="linear"),
    gpk.PairwiseKernel(metric="cosine"),
    gpk.PairwiseKernel(gamma=0.05, metric="sigmoid"),
    gpk.PairwiseKernel(gamma=0.3, metric="chi2"),
    gpk.PairwiseKernel(metric="additive_chi2"),
]
ROUGH = ("nu=0.5", "laplacian")
NAMED = [
    ("linear", {}),
    ("poly", {}),
    ("poly", {"gamma": 0.4, "degree": 2, "coef0": -0.5}),
    ("polynomial", {"degree": 1, "coef0": 0}),
    ("poly", {"degree": 2.5}),
    ("rbf", {}),
    ("rbf", {"gamma": 0.7}),
    ("rbf", {"gamma": 0}),
    ("sigmoid", {}),
    ("sigmoid", {"gamma": 0.05, "coef0": -0.2}),
    ("laplacian", {}),
    ("laplacian", {"gamma": 0.6}),
    ("cosine", {}),
    ("chi2", {}),
    ("chi2", {"gamma": 0.4}),
    ("additive_chi2", {}),
]


def two_sets(rng, n=12, m=9, d=3):
    """Rows and other rows, of positive numbers, without any in common."""
    return rng.uniform(0.2, 2.0, (n, d)), rng.uniform(0.2, 2.0, (m, d))


def value(function, X):
    out = np.empty((len(X), function.n_out))
    evaluate(function, np.asarray(X, dtype=np.float64), {"values": out})
    return out


def derivative(function, X):
    out = np.empty((len(X), function.n_out, function.n_in))
    evaluate(function, np.asarray(X, dtype=np.float64), {"jacobian": out})
    return out


def second(function, X):
    out = np.empty((len(X), function.n_out, function.n_in, function.n_in))
    evaluate(function, np.asarray(X, dtype=np.float64), {"hessian": out})
    return out


def assert_derivatives(function, original, X, scale=0.3):
    """Hold first derivatives against the original, second against the first."""
    truth = central_differences(original, X, scale=scale).reshape(len(X), -1)
    own = derivative(function, X)
    size = max(abs(truth).max(), 1e-6)
    assert abs(own.reshape(truth.shape) - truth).max() < 1e-6 * size
    truth = central_differences(lambda x: derivative(function, x), X, scale=scale)
    size = max(abs(truth).max(), 1e-6)
    assert abs(second(function, X) - truth).max() < 1e-4 * size


@pytest.mark.parametrize("kernel", OF_PROCESSES, ids=stable_name)
def test_kernels_of_processes(kernel, rng):
    X, Y = two_sets(rng)
    function = KernelMap(process_kernel(kernel, 3), Y)
    np.testing.assert_allclose(value(function, X), kernel(X, Y), rtol=1e-12, atol=1e-15)
    assert_derivatives(function, lambda x: kernel(x, Y), X)


@pytest.mark.parametrize(("name", "parameters"), NAMED)
def test_kernels_by_name(name, parameters, rng):
    X, Y = two_sets(rng)
    function = KernelMap(given_kernel(name, parameters, 3, "It"), Y)

    def original(x):
        return pairwise_kernels(x, Y, metric=name, **parameters)

    np.testing.assert_allclose(value(function, X), original(X), rtol=1e-12)
    assert_derivatives(function, original, X)


@pytest.mark.parametrize("kernel", OF_PROCESSES, ids=stable_name)
def test_what_a_kernel_is_where_both_rows_are_one(kernel, rng):
    X, _ = two_sets(rng, n=4)
    function = process_kernel(kernel, 3)
    x = torch.tensor(X)
    np.testing.assert_allclose(
        function.variance(x).numpy(), kernel.diag(X), rtol=1e-12, atol=1e-15
    )
    limit = function.coincidence(x)
    rough = any(name in repr(kernel) for name in ROUGH)
    assert bool(limit.rough.all()) == bool(limit.rough.any()) == rough
    for i, row in enumerate(X):
        near = [row + 1e-7 * np.array(s) for s in ((1, 2, -1), (-1, 0, 3))]
        np.testing.assert_allclose(
            limit.value[i],
            kernel(near[0][None], near[1][None])[0, 0],
            rtol=1e-5,
            atol=1e-9,
        )
        if not rough:
            slope, curvature = differences(
                kernel, row, second_order="nu=1.5" in repr(kernel)
            )
            np.testing.assert_allclose(limit.slope[i], slope, atol=1e-6, rtol=1e-6)
            np.testing.assert_allclose(
                limit.curvature[i], curvature, atol=1e-4, rtol=1e-4
            )


def differences(kernel, row, second_order):
    """dk / dx and d2k / dx dy at x = y = row, by differences of the kernel.

    Matern's kernel of nu=1.5 has a term |x - y|^3, whose contribution falls with the
    step only; the two steps remove it.
    """

    def at_step(h):
        d = len(row)
        steps = h * np.concatenate(
            [np.eye(d), -np.eye(d), 2 * np.eye(d), -2 * np.eye(d)]
        )
        weight = np.concatenate([c * np.eye(d) for c in (8, -8, -1, 1)]) / (12 * h)
        # not the very rows, at which there would be white noise
        k = kernel(row + steps, row + steps + 0.0)
        slope = weight.T @ kernel(row + steps, row[None])[:, 0]
        return slope, weight.T @ k @ weight

    slope, curvature = at_step(1e-3)
    if second_order:
        other_slope, other = at_step(2e-3)
        slope, curvature = 2 * slope - other_slope, 2 * curvature - other
    return slope, curvature


@pytest.mark.parametrize("kernel", OF_PROCESSES, ids=stable_name)
def test_kernels_under_the_transforms_of_torch(kernel, rng):
    X, Y = two_sets(rng, n=5)
    X[0] = Y[0]
    function = KernelMap(process_kernel(kernel, 3), Y).eval()
    x = torch.tensor(X)
    jac = derivative(function, X)
    np.testing.assert_allclose(vmap(jacrev(function))(x), jac, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(vmap(jacfwd(function))(x), jac, rtol=1e-10, atol=1e-12)
    twice = vmap(jacfwd(jacrev(function)))(x)
    np.testing.assert_allclose(twice, second(function, X), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(vmap(jacrev(jacrev(function)))(x), twice, atol=1e-9)
    exported = torch.export.export(function, (x,)).module()
    torch.testing.assert_close(exported(x), function(x))
    for other in (copy.deepcopy(function), pickle.loads(pickle.dumps(function))):
        torch.testing.assert_close(other(x), function(x))
    batch = torch.stack([x, x + 0.1])
    torch.testing.assert_close(function(batch)[0], function(x))
    torch.testing.assert_close(function(x[0]), function(x)[0])


def test_all_seven_derivatives(rng):
    X, Y = two_sets(rng)
    function = KernelMap(process_kernel(2.0 * gpk.Matern(LENGTHS, nu=2.5), 3), Y)
    V, U = rng.normal(size=(12, 3)), rng.normal(size=(12, 9))
    for name, truth in all_derivatives(function, X, V, U).items():
        out = np.empty_like(truth)
        evaluate(function, X, {name: out}, U if name == "vjp" else V)
        np.testing.assert_allclose(out, truth, rtol=1e-10, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("kernel", OF_PROCESSES, ids=stable_name)
def test_nothing_is_nan_at_a_training_row(kernel, rng):
    Y = two_sets(rng)[1]
    function = KernelMap(process_kernel(kernel, 3), Y)
    for shift in (0.0, 1e-300, 1e-16, 1e-9, 1e-7):
        X = Y + shift
        assert np.isfinite(derivative(function, X)).all()
        assert np.isfinite(second(function, X)).all()


@pytest.mark.parametrize(
    ("kernel", "factor"),
    [
        (gpk.RBF(LENGTHS), 1),
        (gpk.Matern(LENGTHS, nu=1.5), 3),
        (gpk.Matern(LENGTHS, nu=2.5), 5 / 3),
        (gpk.RationalQuadratic(0.5, 2.0), 1),
        (gpk.ExpSineSquared(0.5, 3.0), (2 * np.pi / 3) ** 2),
    ],
)
def test_second_derivatives_around_a_training_row(kernel, factor):
    Y = np.array([[0.3, -0.2, 0.5]])
    function = KernelMap(process_kernel(kernel, 3), Y)
    truth = -factor * np.diag(np.ones(3) / np.square(kernel.length_scale))
    for shift in (0.0, 3e-9, 1e-7):  # on both sides of where series take over
        hess = second(function, Y + shift * np.array([1.0, -1.0, 0.5]))[0, 0]
        np.testing.assert_allclose(hess, truth, rtol=1e-5, atol=1e-5 * abs(truth).max())


def test_kinks_have_the_mean_of_both_sides_derivatives():
    Y = np.array([[0.3, 0.2]])
    for kernel in (gpk.Matern(nu=0.5), gpk.PairwiseKernel(metric="laplacian")):
        function = KernelMap(process_kernel(kernel, 2), Y)
        assert function.smoothness == "piecewise"
        assert (derivative(function, Y) == 0).all()


def plain_laplacian(Y, gamma):
    """The kernel by its formula, which torch differentiates term by term."""
    y = torch.tensor(Y)
    return lambda x: torch.exp(-gamma * (x.unsqueeze(-2) - y).abs().sum(dim=-1))


@pytest.mark.parametrize("gamma", [0.3, 0.0])
@pytest.mark.parametrize("d", [1, 3, 8, 11])
def test_laplacian_against_its_formula(d, gamma, rng):
    X, Y = two_sets(rng, d=d)
    X[0] = Y[0]
    X[1:4, 0] = Y[1:4, 0]
    function = KernelMap(given_kernel("laplacian", {"gamma": gamma}, d, "It"), Y)
    V, U = rng.normal(size=(12, d)), rng.normal(size=(12, 9))
    truth = all_derivatives(plain_laplacian(Y, gamma), X, V, U)
    for name, expected in truth.items():
        out = np.empty_like(expected)
        evaluate(function, X, {name: out}, U if name == "vjp" else V)
        np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-13, err_msg=name)


@pytest.mark.filterwarnings("ignore:Please use .torch.vmap:FutureWarning")
def test_laplacian_in_every_mode_of_torch(rng):
    X, Y = two_sets(rng, n=4, m=5)
    function = KernelMap(given_kernel("laplacian", {"gamma": 0.3}, 3, "It"), Y)
    x = torch.tensor(X, requires_grad=True)
    modes = {"check_forward_ad": True, "check_batched_grad": True}
    assert torch.autograd.gradcheck(
        function, x, **modes, check_batched_forward_grad=True
    )
    assert torch.autograd.gradgradcheck(function, x, check_fwd_over_rev=True)
    turned = x.detach().T.contiguous().T.requires_grad_()
    assert not turned.is_contiguous()
    expected = torch.autograd.grad(function(x).sum(), x)
    torch.testing.assert_close(
        torch.autograd.grad(function(turned).sum(), turned), expected
    )
    assert function(x[:0]).shape == (0, 5)
    # a third derivative, and rows of x that are batched twice
    plain = plain_laplacian(Y, 0.3)
    for again in (jacrev, jacfwd):
        third = vmap(again(jacfwd(jacrev(function))))(x.detach())
        expected = vmap(jacrev(jacrev(jacrev(plain))))(x.detach())
        torch.testing.assert_close(third, expected)
    batch = x.detach().reshape(2, 2, 3)
    nested = vmap(vmap(jacrev(function)))(batch)
    torch.testing.assert_close(nested, vmap(vmap(jacrev(plain)))(batch))


@pytest.mark.parametrize("strict", [False, True])
def test_laplacian_exported_is_differentiable_twice(strict, rng):
    X, Y = two_sets(rng)
    function = KernelMap(given_kernel("laplacian", {"gamma": 0.3}, 3, "It"), Y)
    x = torch.tensor(X)
    exported = torch.export.export(function, (x,), strict=strict).module()
    torch.testing.assert_close(exported(x), function(x))
    both = []
    for module in (exported, function):
        rows = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(module(rows).sum(), rows, create_graph=True)
        both.append((slope, *torch.autograd.grad(slope.square().sum(), rows)))
    torch.testing.assert_close(*both)


def test_laplacian_of_rows_that_are_not_finite():
    Y = np.array([[0.0, 1.0], [2.0, 0.0]])
    function = KernelMap(given_kernel("laplacian", {"gamma": 0.5}, 2, "It"), Y)
    X = np.array([[np.nan, 0.5], [np.inf, 0.5], [0.5, 0.5]])
    results = {"values": np.empty((3, 2)), "jacobian": np.empty((3, 2, 2))}
    assert evaluate(function, X, results) == 1
    assert np.isnan(results["values"][0]).all()
    assert np.isnan(results["jacobian"][0]).all()
    assert (results["values"][1] == 0).all()
    assert (results["jacobian"][1] == 0).all()
    assert np.isfinite(results["jacobian"][2]).all()


def test_chi2_at_the_edge_of_its_domain():
    Y = np.array([[0.0, 1.0], [2.0, 0.0]])
    X = np.array([[0.0, 0.5]])
    for name, parameters in (("chi2", {"gamma": 0.4}), ("additive_chi2", {})):
        function = KernelMap(given_kernel(name, parameters, 2, "It"), Y)
        h = 1e-7
        ahead = pairwise_kernels(X + np.array([h, 0]), Y, metric=name, **parameters)
        here = pairwise_kernels(X, Y, metric=name, **parameters)
        np.testing.assert_allclose(value(function, X), here, rtol=1e-12)
        np.testing.assert_allclose(
            derivative(function, X)[0, :, 0], ((ahead - here) / h)[0], rtol=1e-5
        )
        assert np.isnan(value(function, [[-1.0, 1.0]])).all()
        assert np.isnan(derivative(function, np.array([[-1.0, 1.0]]))).all()


def test_cosine_of_a_zero_row():
    Y = np.array([[0.0, 0.0], [1.0, 2.0]])
    function = KernelMap(given_kernel("cosine", {}, 2, "It"), Y)
    X = np.array([[0.0, 0.0], [3.0, 4.0]])
    np.testing.assert_allclose(value(function, X), pairwise_kernels(X, Y, "cosine"))
    assert np.isfinite(second(function, X)).all()


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_derivatives_keep_their_digits_far_from_the_origin(offset, rng):
    # held against the formula in long double
    Y = rng.random((200, 3)) + offset
    X = rng.random((30, 3)) + offset
    X[:10] = Y[:10]
    weight = rng.normal(size=200)
    length = 0.05
    function = KernelMap(process_kernel(gpk.RBF(length), 3), Y)
    exact = (X.astype(np.longdouble)[:, None] - Y) / np.longdouble(length)
    k = np.exp(-(exact**2).sum(axis=-1) / 2)
    truth = -np.einsum("nm,m,nmj->nj", k, weight, exact) / length
    own = np.einsum("nmj,m->nj", derivative(function, X), weight)
    assert abs(own - truth).max() < 1e-11 * abs(truth).max()


def test_memory_is_bounded():
    """Rows of a chunk become fewer with more training rows."""

    def chunk(kernel, m, d=4):
        function = KernelMap(process_kernel(kernel, d), np.zeros((m, d)))
        return Engine(function).chunk(1)

    assert chunk(gpk.RBF(), 10) == 1024
    assert chunk(gpk.RBF(), 1000) * 1000 <= 2**17
    assert chunk(gpk.RBF() + gpk.WhiteKernel(), 1000) == chunk(gpk.RBF(), 1000)
    assert chunk(gpk.RBF() * gpk.RBF() + gpk.DotProduct(), 1000) * 3000 <= 2**17
    laplacian = gpk.PairwiseKernel(metric="laplacian")
    assert chunk(laplacian, 500, d=10) == chunk(gpk.RBF(), 500)
    assert chunk(gpk.RBF(), 10**6) == 16


REGRESSORS = [
    SVR(),
    SVR(gamma="auto", C=10.0, epsilon=0.01),
    SVR(gamma=0.3),
    SVR(kernel="linear"),
    SVR(kernel="poly", degree=2, coef0=0.5),
    SVR(kernel="poly", degree=0),
    SVR(kernel="sigmoid", gamma=0.01, coef0=0.1),
    NuSVR(C=3.0),
    NuSVR(kernel="poly", coef0=1.0),
    KernelRidge(),
    KernelRidge(kernel="rbf", gamma=0.4, alpha=0.1),
    KernelRidge(kernel="rbf"),
    KernelRidge(kernel="poly", degree=2, coef0=2),
    KernelRidge(kernel="sigmoid", gamma=0.01),
    KernelRidge(kernel="laplacian", gamma=0.2),
    KernelRidge(kernel="cosine"),
    KernelRidge(kernel="chi2", gamma=0.3, alpha=0.1),
    KernelRidge(kernel="additive_chi2", alpha=50.0),
    KernelRidge(kernel=gpk.RBF(LENGTHS) + gpk.WhiteKernel(0.1), alpha=0.1),
    KernelRidge(kernel=gpk.ExpSineSquared(1.0, 4.0), alpha=1.0),
]


def regression(rng, n=40, d=3):
    X = rng.uniform(0.2, 2.0, (n, d))
    return X, np.sin(2 * X[:, 0]) + X[:, -1] ** 2


@pytest.mark.parametrize("regressor", REGRESSORS, ids=stable_name)
def test_regressors(regressor, rng):
    X, y = regression(rng)
    fitted = clone(regressor).fit(X, y)
    points = rng.uniform(0.3, 1.9, (10, 3))
    function = convert(fitted, "predict")
    check_agreement(function, X, fitted.predict(X), "it")
    np.testing.assert_allclose(
        value(function, points)[:, 0], fitted.predict(points), rtol=1e-11, atol=1e-12
    )
    assert_derivatives(function, fitted.predict, points, scale=0.05)
    assert jacobian(fitted, points).shape == (10, 3)
    assert jacobian(fitted, points[:1]).shape == (1, 3)


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_kernel_ridge_of_several_outputs(n_outputs, rng):
    X, y = regression(rng)
    Y = np.column_stack([y, y**2])[:, :n_outputs]
    fitted = KernelRidge(kernel="rbf", gamma=0.4, alpha=[0.1, 0.2][:n_outputs])
    fitted.fit(X, Y, sample_weight=rng.uniform(0.5, 2, len(X)))
    truth = central_differences(fitted.predict, X, scale=0.3)
    result = jacobian(fitted, X)
    assert result.shape == (40, n_outputs, 3)
    assert relative_difference(result, truth) < 1e-6


@pytest.mark.parametrize("regressor", [SVR(), NuSVR(kernel="linear"), KernelRidge()])
def test_regressors_of_one_column_float32_frames_and_sparse_rows(regressor, rng):
    X, y = regression(rng)
    one = clone(regressor).fit(X[:, :1], y)
    truth = central_differences(one.predict, X[:, :1], scale=0.1)
    assert relative_difference(jacobian(one, X[:, :1]), truth) < 1e-6
    single = clone(regressor).fit(X.astype(np.float32), y)
    truth = central_differences(single.predict, X, scale=0.1)
    assert relative_difference(jacobian(single, X.astype(np.float32)), truth) < 2e-6
    frame = pd.DataFrame(X, columns=list("abc"))
    named = clone(regressor).fit(frame, y)
    np.testing.assert_allclose(
        jacobian(named, frame), jacobian(clone(regressor).fit(X, y), X), rtol=1e-10
    )
    X[X < 0.6] = 0
    sparse = clone(regressor).fit(sp.csr_matrix(X), y)
    truth = central_differences(
        lambda x: sparse.predict(sp.csr_matrix(x)), X, scale=0.1
    )
    assert (
        relative_difference(derivative(convert(sparse, "predict"), X)[:, 0], truth)
        < 1e-6
    )


def test_support_vectors_may_be_none(rng):
    X, y = regression(rng)
    fitted = SVR(epsilon=100.0).fit(X, y)
    assert len(fitted.support_) == 0
    function = convert(fitted, "predict")
    np.testing.assert_array_equal(value(function, X)[:, 0], fitted.predict(X))
    assert (jacobian(fitted, X) == 0).all()
    assert (hessian(fitted, X) == 0).all()


def test_linear_kernels_are_affine_maps(rng):
    X, y = regression(rng)
    for regressor in (SVR(kernel="linear"), KernelRidge(alpha=0.1)):
        fitted = regressor.fit(X, y)
        assert Engine(convert(fitted, "predict")).plan is not None
    fitted = SVR(kernel="linear").fit(X, y)
    np.testing.assert_allclose(jacobian(fitted, X[:1]), fitted.coef_, rtol=1e-12)


TRANSFORMERS = [
    Nystroem(n_components=8, random_state=0),
    Nystroem(kernel="poly", n_components=6, degree=2, random_state=0),
    Nystroem(kernel="poly", kernel_params={"coef0": 0.3, "degree": 2}, n_components=6),
    Nystroem(kernel="sigmoid", gamma=0.01, coef0=1.0, n_components=3, random_state=0),
    Nystroem(kernel="laplacian", gamma=0.3, n_components=40, random_state=0),
    Nystroem(kernel="chi2", n_components=5, random_state=0),
    Nystroem(kernel="additive_chi2", n_components=5, random_state=0),
    Nystroem(kernel="cosine", n_components=2, random_state=0),
    Nystroem(kernel="linear", n_components=3, random_state=0),
    Nystroem(kernel=gpk.Matern(nu=2.5), n_components=8, random_state=0),
    KernelPCA(n_components=2, fit_inverse_transform=True),
    KernelPCA(n_components=5, kernel="rbf", gamma=0.5, fit_inverse_transform=True),
    KernelPCA(kernel="rbf"),
    KernelPCA(1, kernel="poly", degree=2, coef0=0.5, fit_inverse_transform=True),
    KernelPCA(3, kernel="sigmoid", gamma=0.05, fit_inverse_transform=True, alpha=0.1),
    KernelPCA(2, kernel="cosine", fit_inverse_transform=True),
    KernelPCA(n_components=5, eigen_solver="arpack", remove_zero_eig=True),
    KernelPCA(3, kernel=gpk.RBF(0.9), fit_inverse_transform=True),
]


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=stable_name)
def test_transformers(transformer, rng):
    X, _ = regression(rng)
    fitted = clone(transformer).fit(X)
    Z = fitted.transform(X)
    forward = convert(fitted, "transform")
    check_agreement(forward, X, Z, "it")
    # where large terms cancel, scikit-learn's own rounding is larger than 1e-12
    allowed = max(1e-12, forward.tolerance[0])
    assert allowed < 1e-7
    points = rng.uniform(0.3, 1.9, (10, 3))
    T = fitted.transform(points)
    assert abs(value(forward, points) - T).max() < 10 * allowed * abs(T).max()
    # by components, which differ in size
    scale, original = abs(Z).max(axis=0), fitted.transform
    truth = central_differences(lambda x: original(x) / scale, points, scale=0.2)
    own = derivative(forward, points) / scale[:, None]
    assert abs(own - truth).max() < max(1e-6, 100 * allowed) * abs(truth).max()
    truth = central_differences(lambda x: derivative(forward, x), points, scale=0.2)
    size = abs(truth).max()
    assert abs(second(forward, points) - truth).max() < 1e-4 * size + 1e-12
    if not getattr(fitted, "fit_inverse_transform", False):
        return
    backward = convert(fitted, "inverse_transform")
    assert (backward.n_in, backward.n_out) == (Z.shape[1], 3)
    check_agreement(backward, Z, fitted.inverse_transform(Z), "it")
    truth = central_differences(fitted.inverse_transform, Z, scale=0.05)
    own = derivative(backward, Z)
    assert abs(own - truth).max() < 1e-6 * abs(truth).max()


def test_components_of_eigenvalue_zero_are_zero(rng):
    X, _ = regression(rng)
    with np.errstate(all="ignore"):
        fitted = KernelPCA(n_components=6).fit(X)
    assert (fitted.eigenvalues_ == 0).sum() >= 3
    function = convert(fitted, "transform")
    np.testing.assert_allclose(value(function, X), fitted.transform(X), atol=1e-12)
    assert (derivative(function, X)[:, 3:] == 0).all()


def test_feature_maps_of_float32_and_sparse_rows(rng):
    X, _ = regression(rng)
    X[X < 0.6] = 0
    for transformer in (Nystroem(n_components=8, random_state=0), KernelPCA(2)):
        dense = derivative(convert(transformer.fit(X), "transform"), X)
        sparse = transformer.fit(sp.csr_matrix(X))
        if isinstance(transformer, Nystroem):
            function = convert(sparse, "transform")
            np.testing.assert_allclose(derivative(function, X), dense, rtol=1e-8)
        function = convert(sparse, "transform")
        np.testing.assert_allclose(
            value(function, X), sparse.transform(sp.csr_matrix(X)), atol=1e-10
        )
        single = transformer.fit(X.astype(np.float32))
        function = convert(single, "transform")
        check_agreement(function, X, single.transform(X), "it")


def test_kernel_centerer(rng):
    X, _ = regression(rng, n=15)
    K = pairwise_kernels(X, metric="rbf")
    fitted = KernelCenterer().fit(K)
    rows = pairwise_kernels(rng.random((4, 3)), X, metric="rbf")
    function = convert(fitted, "transform")
    assert (function.n_in, function.n_out) == (15, 15)
    np.testing.assert_allclose(
        value(function, rows), fitted.transform(rows), rtol=1e-12, atol=1e-14
    )
    truth = central_differences(fitted.transform, rows, scale=1.0)
    np.testing.assert_allclose(derivative(function, rows), truth, atol=1e-10)


def test_feature_maps_within_pipelines(rng):
    X, y = regression(rng)
    for step in (Nystroem(n_components=10, random_state=0), KernelPCA(4, kernel="rbf")):
        pipe = make_pipeline(StandardScaler(), step, Ridge(1e-3)).fit(X, y)
        truth = central_differences(pipe.predict, X, scale=0.1)
        assert relative_difference(jacobian(pipe, X), truth) < 1e-6


@pytest.mark.parametrize("offset", [1e3, 1e5])
def test_rows_far_from_the_origin_are_converted_nevertheless(offset, rng):
    """There, scikit-learn's own kernel "rbf" has lost digits."""
    X, y = regression(rng)
    X = X + offset
    for fitted, rows in (
        (KernelRidge(kernel="rbf", gamma=0.4, alpha=0.1).fit(X, y), X),
        (SVR(gamma=0.4).fit(X, y), None),
    ):
        rows = fitted.support_vectors_ if rows is None else rows
        apart = X.astype(np.longdouble)[:, None] - rows
        k = np.exp(-0.4 * (apart**2).sum(axis=-1)) * fitted.dual_coef_.ravel()
        truth = -0.8 * np.einsum("nm,nmj->nj", k, apart)
        np.testing.assert_allclose(
            jacobian(fitted, X), truth.astype(float), rtol=1e-10, atol=1e-12
        )


def plain_kernel(x, y):
    return x @ y


@pytest.mark.parametrize(
    ("fitted", "role", "message"),
    [
        (SVR(kernel="precomputed"), "predict", "SVR with kernel='precomputed'"),
        (SVR(kernel=lambda a, b: a @ b.T), "predict", "SVR with kernel='<lambda>'"),
        (KernelRidge(kernel="precomputed"), "predict", "KernelRidge with kernel='prec"),
        (KernelRidge(kernel=plain_kernel), "predict", "the function plain_kernel as"),
        (KernelPCA(kernel="precomputed"), "transform", "KernelPCA with kernel='prec"),
        (KernelPCA(), "inverse_transform", "fit_inverse_transform=True"),
        (Nystroem(plain_kernel, n_components=3), "transform", "function plain_kernel"),
        (KernelRidge(kernel=gpk.Matern(nu=0.7)), "predict", "Use nu=0.5, 1.5, 2.5 or"),
    ],
    ids=stable_name,
)
def test_what_is_refused(fitted, role, message, rng):
    X, y = regression(rng, n=10)
    if "precomputed" in str(fitted):
        X = X @ X.T
    fitted = clone(fitted).fit(X, y)
    with pytest.raises(NotConvertibleError, match=message):
        convert(fitted, role)


class OwnKernel(gpk.RBF):
    """Another function than its parent."""

    def __call__(self, X, Y=None, eval_gradient=False):
        return 2 * super().__call__(X, Y, eval_gradient)


@pytest.mark.parametrize(
    "kernel",
    [
        OwnKernel(),
        1.0 + OwnKernel(),
        gpk.CompoundKernel([gpk.RBF(), gpk.RBF()]),
        gpk.PairwiseKernel(metric=plain_kernel),
        gpk.PairwiseKernel(metric="precomputed"),
        gpk.Matern(nu=3.5),
    ],
    ids=stable_name,
)
def test_kernels_that_are_refused(kernel):
    with pytest.raises(NotConvertibleError, match="cannot be converted to torch"):
        process_kernel(kernel, 2)
