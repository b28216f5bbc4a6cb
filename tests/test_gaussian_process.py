"""Gaussian processes: their derivatives, and the standard deviations of these."""

import copy
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import (
    RBF,
    ConstantKernel,
    DotProduct,
    ExpSineSquared,
    Matern,
    PairwiseKernel,
    RationalQuadratic,
    WhiteKernel,
)
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, StandardScaler

from sklearn_nnderiv import (
    DifferentiableRegressor,
    hessian,
    jacobian,
    register_converter,
    to_torch,
    value_and_jacobian,
)
from sklearn_nnderiv._converters import convert
from sklearn_nnderiv._converters._lookup import REGISTRY as _REGISTRY
from sklearn_nnderiv._maps import Affine
from sklearn_nnderiv._uncertainty import _spread
from sklearn_nnderiv.exceptions import (
    ConversionMismatchError,
    DerivativeWarning,
    NotConvertibleError,
)

from .oracles import central_differences, relative_difference

LENGTHS = np.array([0.7, 70.0, 0.01])
NOISE = WhiteKernel(1e-2)
KERNELS = [
    2.0 * RBF(LENGTHS) + NOISE,
    Matern(LENGTHS, nu=1.5) + NOISE,
    3.0 * Matern(LENGTHS, nu=2.5) * RBF(2 * LENGTHS) + NOISE,
    Matern(LENGTHS, nu=np.inf) + NOISE,
    (RBF(LENGTHS) + 0.5) ** 2 + NOISE,
    DotProduct(0.1) * RBF(LENGTHS) * 1e-4 + NOISE,
]


def rows(rng, n=40):
    """Three columns in very different units, and what depends on them."""
    u = rng.uniform(-1, 1, (n, 3))
    X = u * [1.0, 100.0, 0.01] + [0.0, 300.0, 0.05]
    y = np.column_stack([np.sin(2 * u[:, 0]) + u[:, 1], u[:, 1] * u[:, 2] + 3.0])
    return X, y


def fixed(kernel, **parameters):
    """A process whose kernel is not tuned."""
    return GaussianProcessRegressor(kernel, optimizer=None, **parameters)


def without_noise(fitted):
    """The same process of which no noise is observed any more."""
    fitted = copy.deepcopy(fitted)
    for name in fitted.kernel_.get_params():
        if name.endswith("noise_level"):
            fitted.kernel_.set_params(**{name: 1e-300})
    return fitted


def std_of_difference(fitted, points, step, before=lambda x: x):
    """The std of a difference quotient, from scikit-learn's joint covariance.

    Of five points, whose error falls with the fourth power of the step, as long as the
    process is smooth.
    """
    process = without_noise(fitted)
    result = []
    for j, h in enumerate(step):
        weight = np.array([8, -8, -1, 1]) / (12 * h)
        column = []
        for x in points:
            stencil = np.repeat(x[None], 4, axis=0)
            stencil[:, j] += h * np.array([1, -1, 2, -2])
            covariance = process.predict(before(stencil), return_cov=True)[1]
            covariance = covariance.reshape(4, 4, -1)
            column.append(np.einsum("i,ijk,j->k", weight, covariance, weight))
        result.append(column)
    return np.sqrt(np.array(result).transpose(1, 2, 0))  # (n, k, d)


@pytest.mark.parametrize("normalize_y", [False, True])
@pytest.mark.parametrize("kernel", [None, *KERNELS], ids=repr)
def test_mean_and_derivatives(kernel, normalize_y, rng):
    X, y = rows(rng)
    X = X / LENGTHS if kernel is None else X
    fitted = fixed(kernel, normalize_y=normalize_y, alpha=1e-6).fit(X, y[:, 0])
    points = rows(rng, n=10)[0]
    points = points / LENGTHS if kernel is None else points
    value, slope = value_and_jacobian(fitted, points)
    np.testing.assert_allclose(value, fitted.predict(points), rtol=1e-10)
    scale = 0.3 * X.std(axis=0)
    truth = central_differences(fitted.predict, points, scale=scale)
    assert relative_difference(slope, truth) < 1e-6
    truth = central_differences(lambda x: jacobian(fitted, x), points, scale=scale)
    result = hessian(fitted, points).reshape(10, 9)
    assert relative_difference(result, truth.reshape(10, 9)) < 1e-4


@pytest.mark.parametrize("normalize_y", [False, True])
@pytest.mark.parametrize("n_outputs", [None, 1, 2])
def test_shapes_are_those_of_predict(n_outputs, normalize_y, rng):
    X, y = rows(rng)
    y = y[:, 0] if n_outputs is None else y[:, :n_outputs]
    fitted = fixed(KERNELS[0], normalize_y=normalize_y).fit(X, y)
    value, slope, value_std, slope_std = value_and_jacobian(fitted, X, return_std=True)
    mean, std = fitted.predict(X, return_std=True)
    assert slope.shape == slope_std.shape == (*mean.shape, 3)
    np.testing.assert_allclose(value, mean, rtol=1e-11)
    np.testing.assert_allclose(value_std, std, rtol=1e-10)
    truth = std_of_difference(fitted, X[:5], 0.02 * LENGTHS)
    np.testing.assert_allclose(
        slope_std[:5].reshape(truth.shape), truth, rtol=1e-5, err_msg="derivative"
    )


@pytest.mark.parametrize("kernel", KERNELS, ids=repr)
def test_std_of_the_derivative_is_that_of_a_difference(kernel, rng):
    X, y = rows(rng)
    fitted = fixed(kernel).fit(X, y[:, 0])
    points = np.vstack([X[:4], rows(rng, n=4)[0]])
    *_, value_std, slope_std = value_and_jacobian(fitted, points, return_std=True)
    np.testing.assert_allclose(
        value_std, fitted.predict(points, return_std=True)[1], rtol=1e-10
    )
    step = 0.02 * LENGTHS
    truth = std_of_difference(fitted, points, step)[:, 0]
    if "nu=1.5" in repr(kernel):
        # |h|^3 in the kernel: its contribution falls with the first power of the step
        smaller = std_of_difference(fitted, points, step / 16)[:, 0]
        assert (abs(smaller / slope_std - 1) < 0.2 * abs(truth / slope_std - 1)).all()
        np.testing.assert_allclose(slope_std, smaller, rtol=5e-3)
    else:
        tolerance = 1e-3 if "nu=2.5" in repr(kernel) else 1e-5
        np.testing.assert_allclose(slope_std, truth, rtol=tolerance)


@pytest.mark.parametrize(
    ("kernel", "rtol"),
    [
        (PairwiseKernel(gamma=0.4, metric="poly") + NOISE, 1e-4),
        (PairwiseKernel(metric="cosine") + NOISE, 1e-6),
        (PairwiseKernel(gamma=0.5, metric="chi2") + NOISE, 1e-5),
        (RationalQuadratic(0.8, alpha=0.5) + NOISE, 1e-4),
        (PairwiseKernel(metric="additive_chi2") + 30.0 + NOISE, 1e-4),
        (PairwiseKernel(gamma=0.4, metric="rbf") + NOISE, 1e-6),
        (DotProduct() ** 3 + NOISE, 1e-4),
        (DotProduct() + NOISE, 1e-5),
        (ExpSineSquared(1.5, 4.0) + WhiteKernel(1.0), 1e-5),
    ],
    ids=repr,
)
def test_std_of_other_kernels(kernel, rtol, rng):
    X = rng.uniform(0.5, 2.0, (30, 2))
    y = np.sin(2 * X[:, 0]) + X[:, 1]
    if "ExpSine" in repr(kernel):  # a covariance in one column only
        X = X[:, :1]
    fitted = fixed(kernel).fit(X, y)
    *_, slope_std = value_and_jacobian(fitted, X[:6] + 0.01, return_std=True)
    truth = std_of_difference(fitted, X[:6] + 0.01, np.full(X.shape[1], 0.02))[:, 0]
    np.testing.assert_allclose(slope_std, truth, rtol=rtol)


def test_derivative_without_data_nearby_is_that_of_the_prior(rng):
    X, y = rows(rng)
    fitted = fixed(4.0 * RBF(LENGTHS) + NOISE).fit(X, y[:, 0])
    *_, value_std, std = value_and_jacobian(fitted, X[:2] + 1e4, return_std=True)
    np.testing.assert_allclose(std, np.tile(2.0 / LENGTHS, (2, 1)), rtol=1e-12)
    np.testing.assert_allclose(value_std, np.sqrt(4.01), rtol=1e-12)


def test_the_std_holds_errors_of_the_derivative(rng):
    """Of functions that are drawn from the prior itself."""
    x = np.linspace(0, 5, 30).reshape(-1, 1)
    points = np.linspace(0.5, 4.5, 9).reshape(-1, 1)
    h = 1e-4
    every = np.vstack([x, points + h, points - h])
    kernel = RBF(0.8)
    draws = rng.multivariate_normal(np.zeros(len(every)), kernel(every), 120).T
    errors = []
    for f in draws.T:
        noisy = f[:30] + 0.1 * rng.standard_normal(30)
        fitted = fixed(kernel, alpha=0.01).fit(x, noisy)
        _, slope, _, std = value_and_jacobian(fitted, points, return_std=True)
        truth = (f[30:39] - f[39:]) / (2 * h)
        errors.append((slope[:, 0] - truth) / std[:, 0])
    assert 0.9 < np.std(errors) < 1.1


@pytest.mark.parametrize("n_outputs", [None, 2])
def test_std_through_a_pipeline(n_outputs, rng):
    X, y = rows(rng)
    y = y[:, 0] if n_outputs is None else y
    pipe = make_pipeline(
        StandardScaler(),
        Nystroem(gamma=0.2, n_components=4, random_state=0),
        fixed(RBF(np.full(4, 0.5)) + NOISE, normalize_y=True),
    ).fit(X, y)
    points = rows(rng, n=6)[0]
    value, slope, value_std, slope_std = value_and_jacobian(
        pipe, points, return_std=True
    )
    assert value.shape == value_std.shape
    np.testing.assert_allclose(
        value_std, pipe.predict(points, return_std=True)[1], rtol=1e-9
    )
    truth = std_of_difference(pipe[-1], points, 0.02 * LENGTHS, pipe[:-1].transform)
    np.testing.assert_allclose(slope_std.reshape(truth.shape), truth, rtol=1e-5)
    assert slope_std.shape == slope.shape


def test_std_through_a_linear_transformer_of_the_target(rng):
    X, y = rows(rng)
    process = fixed(KERNELS[0])
    for target in (y[:, 0], y):
        scaler = MinMaxScaler((0, 5))
        fitted = TransformedTargetRegressor(process, transformer=scaler).fit(X, target)
        plain = fitted.regressor_
        results = value_and_jacobian(fitted, X, return_std=True)
        inner = value_and_jacobian(plain, X, return_std=True)
        scale = fitted.transformer_.scale_
        scale = scale[0] if target.ndim == 1 else scale
        np.testing.assert_allclose(results[0], fitted.predict(X), rtol=1e-10)
        np.testing.assert_allclose(results[2], inner[2] / scale, rtol=1e-12)
        scale = np.reshape(scale, (-1, 1)) if target.ndim == 2 else scale
        np.testing.assert_allclose(results[3], inner[3] / scale, rtol=1e-12)


class Mixer(TransformerMixin, BaseEstimator):
    """Sums and differences of the outputs."""

    def fit(self, y):
        self.fitted_ = True
        return self

    def transform(self, y):
        return y @ np.array([[1.0, 1.0], [1.0, -1.0]]) / 2

    def inverse_transform(self, y):
        return y @ np.array([[1.0, 1.0], [1.0, -1.0]])


@pytest.fixture
def mixer():
    """Have the converter of `Mixer` registered."""
    before = dict(_REGISTRY["inverse_transform"])
    register_converter(Mixer, "inverse_transform")(
        lambda fitted: Affine([[1.0, 1.0], [1.0, -1.0]])
    )
    yield Mixer()
    _REGISTRY["inverse_transform"].clear()
    _REGISTRY["inverse_transform"].update(before)


def test_std_through_a_transformer_that_mixes_outputs(mixer, rng):
    X, y = rows(rng)
    process = fixed(KERNELS[0], normalize_y=True)
    fitted = TransformedTargetRegressor(process, transformer=mixer).fit(X, y)
    *_, value_std, slope_std = value_and_jacobian(fitted, X, return_std=True)
    *_, own_value, own_slope = value_and_jacobian(fitted.regressor_, X, return_std=True)
    # the outputs of a process are independent, given its kernel
    for std, own in ((value_std, own_value), (slope_std, own_slope)):
        sums = np.sqrt((own**2).sum(axis=1))
        np.testing.assert_allclose(std, np.stack([sums, sums], axis=1), rtol=1e-10)


def test_std_through_a_transformer_that_is_not_linear(rng):
    """It is that of the tangent, right where the std is small: held against draws."""
    x = np.linspace(0, 3, 25).reshape(-1, 1)
    process = fixed(RBF(0.8) + WhiteKernel(1e-6, "fixed"))
    fitted = TransformedTargetRegressor(process, func=np.log, inverse_func=np.exp)
    fitted.fit(x, np.exp(np.sin(2 * x[:, 0])))
    points = np.array([[0.13], [1.4], [2.9]])
    value, _, value_std, slope_std = value_and_jacobian(fitted, points, return_std=True)
    inner = fitted.regressor_
    expected = value * inner.predict(points, return_std=True)[1]
    np.testing.assert_allclose(value_std, expected, rtol=1e-9)
    h = 0.01
    for i, point in enumerate(points):
        stencil = point + h * np.array([[1], [-1], [2], [-2]])
        mean = inner.predict(stencil)
        covariance = without_noise(inner).predict(stencil, return_cov=True)[1]
        draws = np.exp(rng.multivariate_normal(mean, covariance, 100_000))
        slopes = draws @ (np.array([8, -8, -1, 1]) / (12 * h))
        np.testing.assert_allclose(slope_std[i, 0], slopes.std(), rtol=0.02)


def test_std_of_searches_nested_in_each_other(rng):
    X, y = rows(rng)
    pipe = make_pipeline(None, StandardScaler(), fixed(RBF() + WhiteKernel(0.1)))
    grid = {"regressor__gaussianprocessregressor__alpha": [1e-3]}
    target = TransformedTargetRegressor(pipe, transformer=StandardScaler())
    search = GridSearchCV(target, grid, cv=2).fit(X, y[:, 0])
    *_, value_std, slope_std = value_and_jacobian(search, X, return_std=True)
    inner = search.best_estimator_.regressor_
    spread = search.best_estimator_.transformer_.scale_[0]
    *_, own = value_and_jacobian(inner[-1], inner[:-1].transform(X), return_std=True)
    np.testing.assert_allclose(slope_std, own * spread / inner[1].scale_, rtol=1e-12)
    std = inner.predict(X, return_std=True)[1]
    np.testing.assert_allclose(value_std, std * spread, rtol=1e-11)


def test_frames_and_float32(rng):
    X, y = rows(rng)
    frame = pd.DataFrame(X, columns=list("abc"))
    named, plain = fixed(KERNELS[0]).fit(frame, y), fixed(KERNELS[0]).fit(X, y)
    for one, other in zip(
        value_and_jacobian(named, frame, return_std=True),
        value_and_jacobian(plain, X, return_std=True),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    single = fixed(KERNELS[0]).fit(X.astype(np.float32), y[:, 0])
    value, slope, value_std, _ = value_and_jacobian(single, X, return_std=True)
    mean, std = single.predict(X, return_std=True)
    np.testing.assert_allclose(value, mean, rtol=1e-10)
    np.testing.assert_allclose(value_std, std, rtol=1e-6)
    truth = central_differences(single.predict, X, scale=0.2 * X.std(axis=0))
    assert relative_difference(slope, truth) < 1e-6


def test_one_row_and_one_column(rng):
    X, y = rows(rng)
    fitted = fixed(RBF(0.7) + NOISE).fit(X[:, :1], y[:, 0])
    every = value_and_jacobian(fitted, X[:, :1], return_std=True)
    one = value_and_jacobian(fitted, X[:1, :1], return_std=True)
    for a, b in zip(every, one, strict=True):
        np.testing.assert_allclose(a[:1], b, rtol=1e-9)
    alone = fixed(RBF(0.7)).fit(X[:1], y[:1, 0])  # a single training row
    assert np.isfinite(value_and_jacobian(alone, X, return_std=True)[3]).all()


@pytest.mark.parametrize(
    "context", [torch.inference_mode, torch.no_grad, lambda: torch.device("meta")]
)
def test_settings_of_torch_do_not_matter(context, rng):
    X, y = rows(rng)
    pipe = make_pipeline(StandardScaler(), fixed(RBF() + NOISE)).fit(X, y)
    expected = value_and_jacobian(pipe, X, return_std=True)
    with context():
        results = value_and_jacobian(pipe, X, return_std=True)
    for one, other in zip(results, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_chunks_of_any_size_give_the_same(monkeypatch, rng):
    X, y = rows(rng)
    fitted = fixed(KERNELS[2]).fit(X, y)
    whole = value_and_jacobian(fitted, X, return_std=True)
    for numbers in (1, 40 * 5 * 7):
        monkeypatch.setattr(_spread, "_NUMBERS", numbers)
        for a, b in zip(
            whole, value_and_jacobian(fitted, X, return_std=True), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-9)


@pytest.mark.parametrize("kernel", [Matern(nu=0.5), PairwiseKernel(metric="laplacian")])
def test_a_process_without_a_derivative_has_an_infinite_std(kernel, rng):
    X, y = rows(rng)
    process = fixed(1.0 + 0.5 * kernel + RBF() + NOISE)
    scaler = MinMaxScaler((-1, 1), clip=True)
    pipe = make_pipeline(scaler, process).fit(X, y[:, 0])
    X[0, 1] = 1000.0  # clipped: no sensitivity
    _, slope, value_std, slope_std = value_and_jacobian(pipe, X, return_std=True)
    assert slope_std[0, 1] == slope[0, 1] == 0
    assert np.isinf(np.delete(slope_std.ravel(), 1)).all()
    np.testing.assert_allclose(
        value_std, pipe.predict(X, return_std=True)[1], rtol=1e-10
    )
    fitted = TransformedTargetRegressor(pipe, func=np.arcsinh, inverse_func=np.sinh)
    std = value_and_jacobian(fitted.fit(X, y), X, return_std=True)[3]
    assert std.shape == (40, 2, 3)
    assert np.isinf(std[1:]).all()


def test_a_kernel_that_does_not_look_at_x(rng):
    X, y = rows(rng)
    for kernel in (ConstantKernel() + NOISE, NOISE, RBF() ** 0 + NOISE):
        fitted = fixed(kernel).fit(X, y)
        _, slope, value_std, slope_std = value_and_jacobian(fitted, X, return_std=True)
        assert (slope == 0).all()
        assert (slope_std == 0).all()
        std = fitted.predict(X, return_std=True)[1]
        np.testing.assert_allclose(value_std, std, rtol=1e-10)


def test_variances_below_rounding_are_zero_and_warned_of(rng):
    X = rng.uniform(size=(30, 1))
    fitted = fixed(1e5 * RBF(1.0)).fit(X, X[:, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (fitted.predict(X, return_std=True)[1] == 0).any()
    with pytest.warns(DerivativeWarning, match=r"At \d+ of 30 rows the variance"):
        *_, value_std, slope_std = value_and_jacobian(fitted, X, return_std=True)
    assert np.isfinite(value_std).all()
    assert np.isfinite(slope_std).all()


def test_the_std_is_held_against_scikit_learn(rng):
    X, y = rows(rng)
    fitted = fixed(KERNELS[0]).fit(X, y)
    fitted.predict = lambda X, return_std=False: (
        (np.ones((len(X), 2)), np.full((len(X), 2), 2.0))
        if return_std
        else GaussianProcessRegressor.predict(fitted, X)
    )
    with pytest.raises(ConversionMismatchError, match="variance of GaussianProcessReg"):
        value_and_jacobian(fitted, X, return_std=True)


def test_rows_outside_the_domain_of_a_step_are_nan(rng):
    X, y = rows(rng)
    pipe = make_pipeline(FunctionTransformer(np.log), fixed(RBF(0.3) + NOISE))
    pipe.fit(abs(X) + 0.1, y[:, 0])
    X = abs(X) + 0.1
    X[3, 0] = -1.0
    with pytest.warns(DerivativeWarning, match="1 of 40 predictions are NaN"):
        results = value_and_jacobian(pipe, X, return_std=True)
    for result in results:
        assert np.isnan(result[3]).all()
        assert np.isfinite(np.delete(result, 3, axis=0)).all()


def test_rows_outside_the_domain_of_a_kernel_are_nan(rng):
    X = rng.uniform(0.5, 2.0, (30, 2))
    fitted = fixed(PairwiseKernel(gamma=0.5, metric="chi2") + NOISE).fit(X, X[:, 0])
    X[3, 0] = -1.0
    with pytest.warns(DerivativeWarning, match="1 of 30 predictions are NaN"):
        results = value_and_jacobian(fitted, X, return_std=True)
    for result in results:
        assert np.isnan(result[3]).all()
        assert np.isfinite(np.delete(result, 3, axis=0)).all()


def test_ill_conditioned_processes_are_converted(rng):
    """Their predictions are sums of large terms, and rounded accordingly."""
    X = rng.uniform(size=(60, 2))
    fitted = GaussianProcessRegressor(RBF(3.0), optimizer=None, alpha=1e-10)
    fitted.fit(X, np.sin(4 * X[:, 0]))
    assert abs(fitted.alpha_).max() > 1e5
    function = convert(fitted, "predict")
    assert 1e-12 < function.tolerance[0] < 1e-4
    apart = X.astype(np.longdouble)[:, None] - X
    terms = np.exp(-(apart**2).sum(axis=-1) / 18) * fitted.alpha_
    truth = -np.einsum("nm,nmj->nj", terms, apart) / 9
    assert relative_difference(jacobian(fitted, X), truth.astype(float)) < 1e-7


def test_tuned_process(rng):
    X, y = rows(rng)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = GaussianProcessRegressor(
            1.0 * RBF(LENGTHS, (1e-4, 1e4)) + WhiteKernel(), normalize_y=True
        ).fit(X, y.sum(axis=1))
    truth = central_differences(fitted.predict, X, scale=0.2 * X.std(axis=0))
    assert relative_difference(jacobian(fitted, X), truth) < 1e-6


def test_the_module_of_a_process(rng):
    X, y = rows(rng)
    module = to_torch(fixed(KERNELS[0]).fit(X, y))
    assert module.smoothness == "smooth"
    x = torch.tensor(X)
    exported = torch.export.export(
        module, (x,), dynamic_shapes=({0: torch.export.Dim("n", min=2)},)
    ).module()
    for rows_ in (x, x[:7]):
        rows_ = rows_.clone().requires_grad_()
        (slope,) = torch.autograd.grad(exported(rows_)[:, 0].sum(), rows_)
        (truth,) = torch.autograd.grad(module(rows_)[:, 0].sum(), rows_)
        torch.testing.assert_close(slope, truth)


def test_processes_of_other_things_than_numbers_are_refused():
    fitted = fixed(ConstantKernel() + WhiteKernel()).fit(["a", "b"], [0.0, 1.0])
    with pytest.raises(NotConvertibleError, match="something else than rows of numb"):
        convert(fitted, "predict")


def test_unfitted_processes_are_refused(rng):
    X = rows(rng)[0]
    with pytest.raises(NotFittedError):
        jacobian(GaussianProcessRegressor(RBF()), X)
    with pytest.raises(NotFittedError):
        convert(GaussianProcessRegressor(RBF()), "predict")


class OwnProcess(GaussianProcessRegressor):
    """Predicts something else."""

    def predict(self, X, return_std=False, return_cov=False):
        return np.zeros(len(X))


def test_what_has_no_std_is_refused(rng):
    X, y = rows(rng)
    for fitted, name in (
        (Ridge(), "Ridge"),
        (make_pipeline(StandardScaler(), Ridge()), "Ridge"),
        (TransformedTargetRegressor(Ridge()), "Ridge"),
    ):
        with pytest.raises(ValueError, match=f"return_std=True needs .*Got {name}"):
            value_and_jacobian(fitted.fit(X, y), X, return_std=True)
    with pytest.raises(ValueError, match="Got Linear instead"):
        value_and_jacobian(torch.nn.Linear(3, 1).double(), X, return_std=True)
    with pytest.raises(NotConvertibleError, match="OwnProcess overrides 'predict'"):
        value_and_jacobian(OwnProcess().fit(X, y), X, return_std=True)


def network(**parameters):
    return DifferentiableRegressor(
        hidden_layer_sizes=(4,), activation="tanh", random_state=0, **parameters
    )


def test_std_of_the_regressor_is_its_own(rng):
    X, y = rows(rng)
    for target in (y[:, 0], y):
        model = network(max_iter=5, n_candidates=1).fit(X, target)
        value, slope, *stds = value_and_jacobian(model, X, return_std=True)
        np.testing.assert_array_equal(value, model.predict(X))
        np.testing.assert_array_equal(slope, model.predict_jacobian(X))
        np.testing.assert_array_equal(stds[0], model.predict(X, return_std=True)[1])
        own = model.predict_jacobian(X, return_std=True)[1]
        np.testing.assert_array_equal(stds[1], own)


def test_std_of_the_regressor_among_others(mixer, rng):
    X, y = rows(rng)
    model = network(max_iter=5, n_candidates=1)
    pipe = make_pipeline(MinMaxScaler(), model)
    fitted = TransformedTargetRegressor(pipe, transformer=StandardScaler()).fit(X, y)
    *_, value_std, slope_std = value_and_jacobian(fitted, X, return_std=True)
    scaler, inner = fitted.regressor_
    Z, spread = scaler.transform(X), fitted.transformer_.scale_
    own_value = inner.predict(Z, return_std=True)[1]
    own_slope = inner.predict_jacobian(Z, return_std=True)[1]
    np.testing.assert_allclose(value_std, own_value * spread, rtol=1e-9)
    np.testing.assert_allclose(
        slope_std, own_slope * spread[:, None] * scaler.scale_, rtol=1e-9
    )
    fitted = TransformedTargetRegressor(clone(pipe), transformer=mixer).fit(X, y)
    with pytest.raises(ValueError, match="leaves outputs apart"):
        value_and_jacobian(fitted, X, return_std=True)


def test_std_of_a_regressor_without_a_posterior_is_refused(rng):
    X, y = rows(rng)
    fitted = make_pipeline(StandardScaler(), network(solver="lbfgs", max_iter=3))
    with pytest.raises(ValueError, match="return_std needs the posterior of a fit by"):
        value_and_jacobian(fitted.fit(X, y), X, return_std=True)
