"""Converted maps against scikit-learn's own output and against central differences."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from scipy import special
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklearn_nnderiv import register_converter
from sklearn_nnderiv._converters import check_agreement, convert
from sklearn_nnderiv._converters._lookup import REGISTRY as _REGISTRY
from sklearn_nnderiv._elementwise.ufuncs import SMOOTH_UFUNCS
from sklearn_nnderiv._engines import evaluate
from sklearn_nnderiv._maps import Affine, Elementwise, RowFunction, Sequential
from sklearn_nnderiv.exceptions import (
    ConversionMismatchError,
    DerivativeWarning,
    NotConvertibleError,
)

from .oracles import central_differences, relative_difference

TRANSFORMERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    StandardScaler(with_mean=False, with_std=False),
    MinMaxScaler(),
    MinMaxScaler(feature_range=(-3, 5)),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False, quantile_range=(10, 90), unit_variance=True),
    RobustScaler(with_scaling=False),
    PowerTransformer(),
    PowerTransformer(standardize=False),
    PowerTransformer(method="box-cox"),
    PowerTransformer(method="box-cox", standardize=False),
    FunctionTransformer(),
    FunctionTransformer(np.log, np.exp),
    FunctionTransformer(np.sqrt, np.square),
    make_pipeline(FunctionTransformer(np.log1p, np.expm1), StandardScaler()),
    make_pipeline("passthrough", MinMaxScaler(), None, PowerTransformer()),
]
PIECEWISE = [
    MinMaxScaler(clip=True),
    QuantileTransformer(n_quantiles=20),
    QuantileTransformer(n_quantiles=20, output_distribution="normal"),
]


def positive_data(rng, n=200):
    """Three positive columns: skewed, large with a small spread, constant."""
    return np.column_stack(
        [rng.gamma(2.0, size=n), 300 + 0.05 * rng.random(n), np.full(n, 7.0)]
    )


def value(function, X):
    out = np.empty((len(X), function.n_out))
    evaluate(function, np.asarray(X, dtype=np.float64), {"values": out})
    return out


def derivative(function, X):
    out = np.empty((len(X), function.n_out, function.n_in))
    evaluate(function, X, {"jacobian": out})
    return out


@pytest.mark.parametrize("transformer", TRANSFORMERS + PIECEWISE, ids=repr)
def test_values_are_those_of_scikit_learn(transformer, rng):
    X = positive_data(rng)
    if isinstance(transformer, PowerTransformer):
        # Box-Cox refuses a constant column, and so does Yeo-Johnson before 1.8; both
        # collapse the second
        X = X[:, :1]
    fitted = transformer.fit(X)
    Z = fitted.transform(X)
    forward = convert(fitted, "transform")
    backward = convert(fitted, "inverse_transform")
    sizes = (forward.n_in, forward.n_out, backward.n_in, backward.n_out)
    assert sizes == (X.shape[1],) * 4
    # 1e-12 of the inputs' size, seen through the scale: column 1 varies by 2e-4 of it
    np.testing.assert_allclose(value(forward, X), Z, rtol=1e-12, atol=1e-8)
    check_agreement(forward, X[:50], Z[:50], "it")
    np.testing.assert_allclose(
        value(backward, Z), fitted.inverse_transform(Z), rtol=1e-8
    )
    check_agreement(backward, Z[:50], fitted.inverse_transform(Z[:50]), "it")


@pytest.mark.newest
def test_yeo_johnson_of_a_constant_column():
    X = np.full((5, 1), 7.0)
    fitted = PowerTransformer().fit(X)
    np.testing.assert_allclose(
        value(convert(fitted, "transform"), X + 1), fitted.transform(X + 1), rtol=1e-12
    )


@pytest.mark.parametrize("transformer", TRANSFORMERS, ids=repr)
def test_derivatives_are_central_differences(transformer, rng):
    # away from the kink of Yeo-Johnson's second derivative at 0
    X = positive_data(rng)[:, :1]
    fitted = transformer.fit(X)
    Z = fitted.transform(X)
    inner = X[(X[:, 0] > 0.3)][:40]
    assert (
        relative_difference(
            derivative(convert(fitted, "transform"), inner),
            central_differences(fitted.transform, inner, scale=0.1),
        )
        < 1e-6
    )
    inner = np.sort(Z, axis=0)[20:-20]
    assert (
        relative_difference(
            derivative(convert(fitted, "inverse_transform"), inner),
            central_differences(fitted.inverse_transform, inner, scale=np.std(Z) / 10),
        )
        < 1e-6
    )


@pytest.mark.parametrize("transformer", PIECEWISE, ids=repr)
def test_piecewise_derivatives_between_the_kinks(transformer, rng):
    X = positive_data(rng)[:, :1]
    fitted = transformer.fit(X)
    inner = np.sort(X, axis=0)[20:-20:7]
    if isinstance(fitted, QuantileTransformer):
        far = abs(inner - fitted.quantiles_[:, 0]).min(axis=1) > 1e-3
        inner = inner[far]
        assert len(inner) > 5
    forward = convert(fitted, "transform")
    assert forward.smoothness == "piecewise"
    assert (
        relative_difference(
            derivative(forward, inner),
            central_differences(fitted.transform, inner, scale=1e-4),
        )
        < 1e-6
    )


def test_clipping_has_no_derivative_outside_and_its_inverse_does_not_clip(rng):
    X = positive_data(rng)[:, :1]
    outside = np.array([[X.min() - 1], [X.max() + 1]])
    scalers = [MinMaxScaler(clip=True)]
    if "clip" in MaxAbsScaler().get_params():  # since scikit-learn 1.9
        scalers.append(MaxAbsScaler(clip=True))
        outside = outside[1:]
    for scaler in scalers:
        forward = convert(scaler.fit(X), "transform")
        assert (derivative(forward, outside) == 0).all()
        np.testing.assert_array_equal(
            value(forward, outside), scaler.transform(outside)
        )
        backward = convert(scaler, "inverse_transform")
        np.testing.assert_allclose(
            value(backward, [[2.0]]), scaler.inverse_transform([[2.0]])
        )


def test_quantile_map_outside_the_data_is_constant(rng):
    X = positive_data(rng)[:, :1]
    for distribution in ("uniform", "normal"):
        fitted = QuantileTransformer(
            n_quantiles=20, output_distribution=distribution
        ).fit(X)
        forward = convert(fitted, "transform")
        outside = np.array([[-5.0], [X.min()], [X.max()], [100.0]])
        np.testing.assert_allclose(
            value(forward, outside), fitted.transform(outside), rtol=1e-12
        )
        assert (derivative(forward, outside[[0, 3]]) == 0).all()
        backward = convert(fitted, "inverse_transform")
        Z = np.array([[-9.0], [-0.1], [0.0], [0.4], [1.0], [1.5], [9.0]])
        np.testing.assert_allclose(
            value(backward, Z), fitted.inverse_transform(Z), rtol=1e-12
        )


def test_quantile_map_takes_the_mean_of_repeated_quantiles():
    X = np.r_[np.zeros(10), np.arange(1, 11), np.full(10, 11.0)].reshape(-1, 1)
    fitted = QuantileTransformer(n_quantiles=30).fit(X)
    forward = convert(fitted, "transform")
    np.testing.assert_allclose(value(forward, X), fitted.transform(X), rtol=1e-12)


def test_quantile_map_of_a_single_row():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = QuantileTransformer().fit([[3.0]])
        forward = convert(fitted, "transform")
    X = np.array([[2.0], [3.0], [4.0]])
    np.testing.assert_array_equal(value(forward, X), fitted.transform(X))


def test_as_many_quantiles_as_rows_warn(rng):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = QuantileTransformer().fit(rng.normal(size=(50, 1)))
    with pytest.warns(DerivativeWarning, match="50 quantiles, for as many"):
        convert(fitted, "transform")


def over(lmbda, u):
    """Return (exp(lmbda u) - 1) / lmbda."""
    return np.expm1(lmbda * u) / lmbda if lmbda else u


@pytest.mark.parametrize(
    "lmbda", [-2.0, -1e-9, 0.0, 1e-12, 0.5, 1.0, 2 - 1e-10, 2.0, 4]
)
def test_yeo_johnson_by_its_formula_near_the_special_exponents(lmbda):
    fitted = PowerTransformer(standardize=False).fit([[0.0], [1.0], [2.0]])
    fitted.lambdas_ = np.array([lmbda])
    X = np.array([[-3.0], [-0.7], [-1e-9], [0.0], [1e-9], [0.4], [5.0]])
    forward = convert(fitted, "transform")
    u = np.log1p(abs(X))
    truth = np.where(X >= 0, over(lmbda, u), -over(2 - lmbda, u))
    np.testing.assert_allclose(value(forward, X), truth, rtol=1e-12)
    slope = np.where(X >= 0, (1 + abs(X)) ** (lmbda - 1), (1 + abs(X)) ** (1 - lmbda))
    np.testing.assert_allclose(derivative(forward, X)[..., 0], slope, rtol=1e-12)
    backward = convert(fitted, "inverse_transform")
    Z = value(forward, X)
    np.testing.assert_allclose(value(backward, Z), X, rtol=1e-10, atol=1e-15)
    np.testing.assert_allclose(derivative(backward, Z)[..., 0], 1 / slope, rtol=1e-10)


def test_power_transformer_that_collapses_a_column_warns(rng):
    X = np.column_stack([rng.normal(size=40), 5 + 0.01 * rng.normal(size=40)])
    fitted = PowerTransformer().fit(X)
    fitted.lambdas_[1] = -17.0
    fitted._scaler.fit(np.column_stack([X[:, 0], 1 / 17 + 1e-17 * X[:, 1]]))
    fitted._scaler.var_[1] = 1e-33
    with pytest.warns(
        DerivativeWarning, match=r"columns \[1\] constant up to rounding"
    ):
        convert(fitted, "transform")


def test_inverse_power_map_is_nan_outside_its_range():
    fitted = PowerTransformer(standardize=False).fit([[0.0], [1.0], [2.0]])
    fitted.lambdas_ = np.array([-1.0])  # bounded by 1 above
    backward = convert(fitted, "inverse_transform")
    assert np.isnan(value(backward, [[1.5]])).all()
    assert np.isnan(derivative(backward, np.array([[1.5]]))).all()
    assert np.isfinite(derivative(backward, np.array([[0.5]]))).all()


@pytest.mark.parametrize(
    "ufunc", [f for f in SMOOTH_UFUNCS if f is not None], ids=lambda f: f.__name__
)
def test_every_ufunc_of_the_table(ufunc):
    X = np.linspace(0.1, 0.9, 9).reshape(-1, 1)
    if ufunc is np.arccosh:
        X = X + 1
    fitted = FunctionTransformer(ufunc).fit(X)
    forward = convert(fitted, "transform")
    np.testing.assert_allclose(value(forward, X), ufunc(X), rtol=1e-12)
    assert (
        relative_difference(
            derivative(forward, X), central_differences(ufunc, X, scale=0.05)
        )
        < 1e-6
    )
    assert (value(pickle.loads(pickle.dumps(forward)), X) == value(forward, X)).all()


def test_logit_and_expit_undo_each_other():
    X = np.array([[0.2]])
    fitted = FunctionTransformer(special.logit, special.expit).fit(X)
    Z = value(convert(fitted, "transform"), X)
    np.testing.assert_allclose(value(convert(fitted, "inverse_transform"), Z), X)


def cube(x, offset=0.0):
    return x**3 + offset


@pytest.mark.parametrize(
    "transformer",
    [FunctionTransformer(cube), FunctionTransformer(np.log, kw_args={"where": True})],
)
def test_unknown_functions_are_refused(transformer):
    fitted = transformer.fit(np.array([[1.0]]))
    with pytest.raises(NotConvertibleError, match="Use one of numpy's or"):
        convert(fitted, "transform")


def test_function_transformer_of_unknown_width_is_refused():
    fitted = FunctionTransformer().fit([1.0])
    with pytest.raises(NotConvertibleError, match="Fit it on an array"):
        convert(fitted, "transform")


class Unknown(TransformerMixin, BaseEstimator):
    """Has no converter."""

    def transform(self, X):
        return X


def test_unknown_class_is_refused_with_the_remedy():
    with pytest.raises(
        NotConvertibleError,
        match=r"test_converters.Unknown .*@register_converter\(Unknown, 'transform'",
    ):
        convert(Unknown(), "transform")
    with pytest.raises(
        NotConvertibleError, match=r"Known are: .*DifferentiableRegressor.*Ridge"
    ):
        convert(PCA().fit([[0.0], [1.0]]), "predict")


def test_pipeline_of_nothing_is_refused():
    fitted = make_pipeline("passthrough").fit([[1.0]])
    with pytest.raises(NotConvertibleError, match="no step but 'passthrough'"):
        convert(fitted, "transform")


class Doubling(StandardScaler):
    """Overrides what its parent's converter knows."""

    def transform(self, X):
        return 2 * super().transform(X)


class Renamed(StandardScaler):
    """Overrides nothing."""


def test_subclass_is_converted_only_if_it_does_not_override_the_method(rng):
    X = rng.normal(size=(5, 2))
    with pytest.raises(NotConvertibleError, match="Doubling overrides 'transform' of"):
        convert(Doubling().fit(X), "transform")
    assert convert(Doubling().fit(X), "inverse_transform").n_in == 2
    fitted = Renamed().fit(X)
    np.testing.assert_allclose(
        value(convert(fitted, "transform"), X), fitted.transform(X)
    )


@pytest.fixture
def registry():
    """Take back what a test registers."""
    before = {role: dict(table) for role, table in _REGISTRY.items()}
    yield
    for role, table in before.items():
        _REGISTRY[role].clear()
        _REGISTRY[role].update(table)


@pytest.mark.usefixtures("registry")
def test_registration_by_class_and_by_name(rng):
    X = rng.normal(size=(5, 2))

    def converter(fitted):
        return Affine(2 / fitted.scale_, center=fitted.mean_)

    for cls in (Doubling, f"{__name__}.Doubling"):
        assert register_converter(cls, "transform")(converter) is converter
        fitted = Doubling().fit(X)
        np.testing.assert_allclose(
            value(convert(fitted, "transform"), X), fitted.transform(X)
        )
        del _REGISTRY["transform"][cls]
    register_converter("not_installed.module.Scaler", "transform")(converter)
    with pytest.raises(NotConvertibleError, match="Doubling overrides"):
        convert(Doubling().fit(X), "transform")


class Cut(torch.nn.Module):
    """A careless converter's result: right values, but the graph is cut."""

    n_in = n_out = 2
    smoothness = "smooth"

    def __init__(self, how):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
        self.how = how

    def forward(self, x):
        cut = torch.tensor(x.detach().numpy())
        if self.how == "all":
            return cut
        return cut * self.weight if self.how == "input" else (x + cut) / 2


class Halves(torch.nn.Module):
    """Not a composition, although it keeps parts under the name of one's."""

    smoothness = "smooth"

    def __init__(self, n):
        super().__init__()
        self.n_in = self.n_out = n
        self.maps = torch.nn.ModuleList([Affine([1.0] * n), Affine([1.0] * n)])

    def forward(self, x):
        return self.maps[0](x) + self.maps[1](x)


@pytest.mark.usefixtures("registry")
def test_a_registered_module_is_not_taken_apart(rng):
    X = rng.normal(size=(5, 2))
    register_converter(Doubling, "transform")(lambda s: Halves(2))
    fitted = make_pipeline(Doubling(with_mean=False, with_std=False)).fit(X)
    np.testing.assert_allclose(value(convert(fitted, "transform"), X), 2 * X)


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    "result",
    [None, lambda x: x, torch.nn.Identity(), Cut("all").requires_grad_(False)],
)
def test_a_converter_that_returns_something_else_is_refused(result):
    if isinstance(result, Cut):
        result.smoothness = "rough"
    register_converter(Doubling, "transform")(lambda s: result)
    with pytest.raises(TypeError, match=r"must return a torch.nn.Module with"):
        convert(Doubling().fit([[0.0, 1.0]]), "transform")


def test_bad_registrations_are_refused():
    with pytest.raises(ValueError, match=r"role must be one of .* Got 'fit' instead"):
        register_converter(Doubling, "fit")
    with pytest.raises(
        TypeError, match="class_or_name must be a class or its dotted name"
    ):
        register_converter(Doubling(), "transform")


def test_disagreement_is_refused(rng):
    X = rng.normal(size=(5, 2))
    with pytest.raises(
        ConversionMismatchError, match=r"differs from S itself by up to"
    ):
        check_agreement(Affine([1.0, 1.0]), X, X * [1, 1 + 1e-9], "S")
    with pytest.raises(
        ConversionMismatchError, match=r"returns 2 columns, where S its"
    ):
        check_agreement(Affine([1.0, 1.0]), X, X[:, :1], "S")
    with pytest.raises(
        ConversionMismatchError, match=r"has n_in=3, but S itself takes"
    ):
        check_agreement(Affine([1.0] * 3), X, X, "S")
    check_agreement(Affine([1.0, 1.0]), X, X * (1 + 1e-15), "S")


def test_rounding_behind_a_constant_part_is_no_disagreement():
    clip = Elementwise(torch.clamp, 2, 0.0, 1.0, smoothness="piecewise")
    function = Sequential([clip, Affine([[3.0, -1.0]], offset=[-2.0])], 2)
    X = np.array([[5.0, 5.0]])  # clipped, and of value 0
    check_agreement(function, X, np.array([4e-16]), "S")
    with pytest.raises(ConversionMismatchError, match="differs from S itself"):
        check_agreement(function, X, np.array([1e-9]), "S")


def cancelling(x):
    return (x + 1e6) - 1e6


def cancelling_in_place(x):
    y = torch.zeros(len(x), 2, dtype=x.dtype)
    y[:, 0].copy_(x[:, 0])
    y.add_(1e6).neg_()
    return -y[:, :1] - 1e6


@pytest.mark.parametrize("identity", [cancelling, cancelling_in_place])
def test_rounding_of_terms_that_cancel_is_no_disagreement(rng, identity):
    X = rng.normal(size=(20, 1))
    function = RowFunction(identity, {}, 1, 1, "smooth")
    assert 1e-11 < abs(function(torch.tensor(X)).numpy() - X).max() < 1e-9
    check_agreement(function, X, X, "S")
    with pytest.raises(ConversionMismatchError, match="differs from S itself"):
        check_agreement(function, X, X + 1e-7, "S")


@pytest.mark.parametrize("how", ["all", "input", "half"])
def test_a_cut_graph_is_refused(rng, how):
    X = rng.normal(size=(5, 2))
    with pytest.raises(
        ConversionMismatchError, match="S passes a wrong gradient to its"
    ):
        check_agreement(Cut(how), X, X, "S")


def test_a_constant_map_has_derivative_zero():
    function = Cut("all")
    function.forward = lambda x: torch.ones(x.shape, dtype=torch.float64)
    X = np.zeros((3, 2))
    check_agreement(function, X, np.ones((3, 2)), "S")
    assert (derivative(function, X) == 0).all()


def test_many_quantiles_of_many_rows_warn(rng):
    fitted = QuantileTransformer().fit(rng.normal(size=(2000, 1)))
    with pytest.warns(DerivativeWarning, match="1000 quantiles, for at most 10000"):
        convert(fitted, "transform")


@pytest.mark.parametrize("regressor", [LinearRegression(), Ridge(fit_intercept=False)])
@pytest.mark.parametrize("n_outputs", [None, 1, 3])
def test_linear_regressors(regressor, n_outputs, rng):
    X = rng.normal(size=(20, 4))
    y = rng.normal(size=20 if n_outputs is None else (20, n_outputs))
    fitted = regressor.fit(X, y)
    function = convert(fitted, "predict")
    np.testing.assert_allclose(
        value(function, X), fitted.predict(X).reshape(20, -1), rtol=1e-12, atol=1e-14
    )
    np.testing.assert_array_equal(
        derivative(function, X[:1])[0], np.atleast_2d(fitted.coef_)
    )


def test_maps_differentiate_twice(rng):
    fitted = PowerTransformer().fit(rng.gamma(2.0, size=(50, 1)))
    function = convert(fitted, "inverse_transform")
    x = torch.tensor([[0.3]], dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(lambda v: function(v).sum(), x)
    h = 1e-4
    second = sum(c * function(x + s * h) for c, s in ((1, 1), (-2, 0), (1, -1))) / h**2
    np.testing.assert_allclose(
        hessian.numpy().ravel(), second.numpy().ravel(), rtol=1e-5
    )
