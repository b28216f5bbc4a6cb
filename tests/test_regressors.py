"""Converted regressors against their own predictions and differences of these."""

import copy
import itertools
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import linear_model, neighbors
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel
from sklearn.linear_model import (
    GammaRegressor,
    Lasso,
    LinearRegression,
    PoissonRegressor,
    RANSACRegressor,
    Ridge,
    RidgeClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.neighbors import KNeighborsRegressor, RadiusNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, SplineTransformer, StandardScaler
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection
from sklearn.svm import LinearSVR
from sklearn.utils import get_tags

from sklearn_nnderiv import DifferentiableRegressor, hessian, jacobian, to_torch
from sklearn_nnderiv._converters import check_agreement, convert
from sklearn_nnderiv._engines._engine import engine_of
from sklearn_nnderiv.exceptions import (
    ConversionMismatchError,
    DerivativeWarning,
    NotConvertibleError,
)

from .oracles import central_differences, relative_difference, steady_differences

LINEAR = [
    LinearRegression(),
    LinearRegression(fit_intercept=False, positive=True),
    Ridge(fit_intercept=False),
    Ridge(positive=True, solver="lbfgs"),
    linear_model.RidgeCV(),
    linear_model.RidgeCV(cv=2, fit_intercept=False),
    Lasso(alpha=0.01),
    Lasso(alpha=100.0),
    linear_model.LassoCV(cv=2, alphas=3),
    linear_model.ElasticNet(alpha=0.01, positive=True),
    linear_model.ElasticNet(alpha=0.01, fit_intercept=False),
    linear_model.ElasticNetCV(cv=2, alphas=[0.01, 0.1]),
    linear_model.MultiTaskLasso(alpha=0.01),
    linear_model.MultiTaskElasticNet(alpha=0.01, fit_intercept=False),
    linear_model.MultiTaskLassoCV(cv=2, alphas=[0.01, 0.1]),
    linear_model.MultiTaskElasticNetCV(cv=2, alphas=[0.01, 0.1]),
    linear_model.Lars(),
    linear_model.Lars(n_nonzero_coefs=1, fit_path=False, fit_intercept=False),
    linear_model.LarsCV(cv=2),
    linear_model.LassoLars(alpha=0.01),
    linear_model.LassoLarsCV(cv=2),
    linear_model.LassoLarsIC(),
    linear_model.OrthogonalMatchingPursuit(n_nonzero_coefs=2),
    linear_model.OrthogonalMatchingPursuit(n_nonzero_coefs=1, fit_intercept=False),
    linear_model.OrthogonalMatchingPursuitCV(cv=2),
    linear_model.BayesianRidge(),
    linear_model.ARDRegression(threshold_lambda=1.0),
    linear_model.ARDRegression(fit_intercept=False),
    linear_model.HuberRegressor(),
    linear_model.HuberRegressor(fit_intercept=False),
    linear_model.QuantileRegressor(alpha=0.01, quantile=0.3),
    linear_model.QuantileRegressor(alpha=0.0, fit_intercept=False),
    linear_model.TheilSenRegressor(max_subpopulation=50, random_state=0),
    SGDRegressor(random_state=0),
    SGDRegressor(loss="huber", penalty="l1", average=True, random_state=0),
    SGDRegressor(fit_intercept=False, random_state=0),
    LinearSVR(random_state=0),
    LinearSVR(fit_intercept=False, random_state=0),
    RANSACRegressor(random_state=0),
    RANSACRegressor(Ridge(), min_samples=9, random_state=0),
    TweedieRegressor(power=0),
    TweedieRegressor(power=1.5, link="identity", alpha=0.1),
]
GENERALIZED = [
    PoissonRegressor(),
    PoissonRegressor(fit_intercept=False, alpha=0),
    PoissonRegressor(solver="newton-cholesky"),
    GammaRegressor(alpha=0.01),
    TweedieRegressor(power=1.5),
    TweedieRegressor(power=3, link="log"),
    TweedieRegressor(power=0, link="log"),
]


def network(hidden=(8,), **parameters):
    parameters["hidden_layer_sizes"] = hidden
    return MLPRegressor(max_iter=20, random_state=0, **parameters)


NETWORKS = [
    network(activation="tanh", solver="lbfgs"),
    network(activation="logistic", solver="lbfgs"),
    network(activation="identity", solver="lbfgs"),
    network(activation="relu", solver="lbfgs"),
    network((), activation="tanh"),
    network(5, activation="tanh"),
    network((7, 3, 5), activation="tanh"),
    network([4, 6], activation="logistic", early_stopping=True),
    network(activation="tanh", loss="poisson"),
    network(activation="relu", loss="poisson", solver="sgd"),
]
CONSTANT = [
    DummyRegressor(),
    DummyRegressor(strategy="median"),
    DummyRegressor(strategy="quantile", quantile=0.3),
    KNeighborsRegressor(),
    KNeighborsRegressor(1),
    KNeighborsRegressor(3, weights=None),
    RadiusNeighborsRegressor(radius=1.5),
]
METRICS = [
    {},
    {"p": 1},
    {"p": 3},
    {"p": 1.5},
    {"metric": "chebyshev"},
    {"metric": "l1"},
    {"algorithm": "brute"},
    {"algorithm": "brute", "p": 3},
    {"algorithm": "brute", "metric": "cityblock"},
    {"algorithm": "ball_tree"},
    {"algorithm": "ball_tree", "p": 4, "metric_params": {"w": [1.0, 2.0, 0.5]}},
]
BY_DISTANCE = [
    *(KNeighborsRegressor(weights="distance", **metric) for metric in METRICS),
    *(RadiusNeighborsRegressor(3, weights="distance", **m) for m in METRICS),
]
SMOOTH = LINEAR + GENERALIZED + NETWORKS
ALL = SMOOTH + CONSTANT + BY_DISTANCE


def problem(estimator, n=60, dtype=np.float64):
    """Return rows and positive targets: one, or two where the estimator takes them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3))
    y = 2 + np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2] / 4])
    y = (abs(y) + 0.1 * rng.random((n, 2))).astype(dtype)
    tags = get_tags(estimator).target_tags
    return X.astype(dtype), y if tags.multi_output else y[:, 0]


def fit(estimator, X, y):
    with warnings.catch_warnings():
        # of targets without effect, deprecations and fits that stop early
        warnings.simplefilter("ignore")
        return clone(estimator).fit(X, y)


def value(function, X):
    return function(torch.tensor(np.asarray(X, dtype=np.float64))).numpy()


def between(X):
    """Rows between the given ones, at which neighbours do not change."""
    return 0.8 * X[:12] + 0.2 * X[12:24]


@pytest.mark.parametrize("estimator", ALL, ids=repr)
def test_values_are_predictions(estimator):
    X, y = problem(estimator)
    fitted = fit(estimator, X, y)
    function = convert(fitted, "predict")
    points = np.vstack([X, between(X), [[9.0, -9.0, 0.0]]])
    if isinstance(fitted, RadiusNeighborsRegressor):
        points = points[:-1]
    expected = fitted.predict(points).reshape(len(points), -1)
    # scikit-learn's brute force keeps half the digits of small distances
    relative = max(1e-12, function.tolerance[0])
    largest = abs(expected).max(axis=0)
    assert (abs(value(function, points) - expected) <= relative * largest).all()
    assert (function.n_in, function.n_out) == (3, expected.shape[1])


@pytest.mark.parametrize("estimator", ALL, ids=repr)
def test_jacobian_is_central_differences(estimator):
    X, y = problem(estimator)
    fitted = fit(estimator, X, y)
    points = between(X)
    truth, error = steady_differences(fitted.predict, points, scale=0.1)
    result = jacobian(fitted, points)
    assert result.shape == truth.shape == (*fitted.predict(points).shape, 3)
    size = abs(truth).max(initial=1e-9, where=error < 1e-7)
    known = error < 1e-7 * size
    assert known.mean() > (0.9 if estimator in BY_DISTANCE else 0.99)
    assert (abs(result - truth)[known] < 1e-6 * size).all()


@pytest.mark.parametrize("estimator", GENERALIZED + NETWORKS + BY_DISTANCE, ids=repr)
def test_hessian_is_central_differences(estimator):
    X, y = problem(estimator)
    fitted = fit(estimator, X, y)
    points = between(X)[:8]

    def slopes(rows):
        return central_differences(fitted.predict, rows, scale=0.3)

    slope, kinks = steady_differences(fitted.predict, points, scale=0.3)
    truth, error = steady_differences(slopes, points, scale=0.1)
    known = (error < 1e-6) & (kinks < 1e-9 * abs(slope).max())[..., None]
    if getattr(fitted, "activation", None) != "relu":
        assert known.mean() > 0.6
    size = max(abs(truth).max(initial=0, where=known), abs(slope).max())
    assert (abs(hessian(fitted, points) - truth)[known] < 1e-4 * size).all()


@pytest.mark.parametrize("estimator", SMOOTH, ids=repr)
def test_linear_models_and_networks_have_plans(estimator):
    fitted = fit(estimator, *problem(estimator))
    function = convert(fitted, "predict")
    relu = getattr(fitted, "activation", None) == "relu"
    assert function.smoothness == ("piecewise" if relu else "smooth")
    assert engine_of(function).plan is not None


@pytest.mark.parametrize("estimator", CONSTANT, ids=repr)
def test_what_is_constant_says_so(estimator):
    X, y = problem(estimator)
    fitted = fit(estimator, X, y)
    assert convert(fitted, "predict").smoothness == "constant"
    assert (jacobian(fitted, between(X)) == 0).all()
    assert (hessian(fitted, X[:3]) == 0).all()


@pytest.mark.parametrize("estimator", ALL, ids=repr)
@pytest.mark.parametrize("kind", [np.asarray, pd.DataFrame, "one column"])
def test_fits_of_single_precision_on_frames_and_on_one_column(estimator, kind):
    X, y = problem(estimator, dtype=np.float32)
    if isinstance(kind, str):
        if getattr(estimator, "metric_params", None) or "Matching" in repr(estimator):
            return  # more weights or coefficients than columns
        X = X[:, :1]
    else:
        X = kind(X)
    fitted = fit(estimator, X, y)
    for rows in (X[:9], X[:1]):
        result = jacobian(fitted, rows)
        assert result.shape == (*fitted.predict(rows).shape, X.shape[1])
        if kind is pd.DataFrame:
            rows = rows.to_numpy()
        expected = jacobian(to_torch(fitted), rows)
        np.testing.assert_array_equal(result.reshape(expected.shape), expected)


@pytest.mark.parametrize(
    "estimator",
    [LINEAR[0], GENERALIZED[0], NETWORKS[0], *CONSTANT[2:4], *BY_DISTANCE[:2]],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of torch by itself
def test_maps_are_ordinary_modules(estimator):
    X, y = problem(estimator)
    fitted = fit(estimator, X, y)
    module = to_torch(fitted)
    points = between(X)
    x = torch.tensor(points)
    expected = jacobian(fitted, points).reshape(12, -1, 3)
    for transform in (torch.func.jacrev, torch.func.jacfwd):
        found = torch.func.vmap(transform(module))(x).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(x), module(x))
    batch = module(x.reshape(3, 4, 3))
    torch.testing.assert_close(batch.reshape(12, -1), module(x), rtol=1e-12, atol=0)
    sizes = ({0: torch.export.Dim("n", min=2)},)
    exported = torch.export.export(module, (x,), dynamic_shapes=sizes).module()
    torch.testing.assert_close(exported(x[:5]), module(x[:5]), rtol=1e-12, atol=0)


def test_sparse_coefficients(rng):
    X, y = problem(SGDRegressor())
    fitted = SGDRegressor(penalty="l1", alpha=0.1, random_state=0).fit(X, y)
    slopes = jacobian(fitted, X)
    fitted.sparsify()
    assert not isinstance(fitted.coef_, np.ndarray)
    np.testing.assert_array_equal(jacobian(fitted, X), slopes)


class Squared(Lasso):
    """Overrides what the converter of its base class knows."""

    def predict(self, X):
        return super().predict(X) ** 2


class Shifted(Lasso):
    """Overrides what `predict` calls."""

    def _decision_function(self, X):
        return super()._decision_function(X) + X[:, 0]


def test_subclasses_that_override_are_refused():
    X, y = problem(Lasso())
    with pytest.raises(
        NotConvertibleError, match=r"Squared overrides 'predict' of .*LinearModel"
    ):
        jacobian(Squared().fit(X, y[:, 0]), X)
    with pytest.raises(ConversionMismatchError, match="map of Shifted differs"):
        jacobian(Shifted().fit(X, y[:, 0]), X)
    with pytest.raises(NotConvertibleError, match=r"RidgeClassifier.*predicts cla"):
        jacobian(RidgeClassifier().fit(X, y[:, 0] > 2), X)


def test_ransac_of_any_regressor():
    X, y = problem(RANSACRegressor())
    inner = DifferentiableRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=9)
    fitted = RANSACRegressor(inner, min_samples=40, max_trials=2, random_state=0)
    fitted.fit(X, y)
    own = fitted.estimator_.predict_jacobian(X)
    np.testing.assert_array_equal(jacobian(fitted, X), own)


def test_link_that_was_chosen_at_fit_counts():
    X, y = problem(TweedieRegressor())
    fitted = TweedieRegressor(power=1.5).fit(X, y).set_params(link="identity")
    truth = central_differences(fitted.predict, X, scale=0.1)
    assert relative_difference(jacobian(fitted, X), truth) < 1e-6


class Probit:
    """A link that the package does not know."""

    def inverse(self, raw):
        return raw


def test_unknown_links_and_activations_are_refused():
    X, y = problem(TweedieRegressor())
    fitted = TweedieRegressor().fit(X, y)
    fitted._base_loss.link = Probit()
    with pytest.raises(NotConvertibleError, match="the link function Probit, which"):
        to_torch(fitted)
    fitted = fit(network(), X, y)
    fitted.out_activation_ = "softmax"
    with pytest.raises(NotConvertibleError, match="of the outputs 'softmax' cannot"):
        to_torch(fitted)
    fitted.activation = "swish"
    with pytest.raises(NotConvertibleError, match=r"Known are: identity, logistic, r"):
        to_torch(fitted)


def test_a_process_with_a_kernel_of_anything():
    X, y = problem(LinearRegression())
    kernel = ConstantKernel(2.0) + WhiteKernel(0.1)
    fitted = GaussianProcessRegressor(kernel, optimizer=None).fit(X, y)
    assert not hasattr(fitted, "n_features_in_")
    expected = fitted.predict(X)
    np.testing.assert_allclose(value(to_torch(fitted), X), expected, rtol=1e-12)
    assert (jacobian(fitted, X) == 0).all()


def test_periodic_splines_of_constant_columns_beside_others():
    X, y = problem(LinearRegression())
    X = np.hstack([X, np.ones((len(X), 1))])
    pipe = make_pipeline(SplineTransformer(extrapolation="periodic"), Ridge())
    fitted = pipe.fit(X, y)
    expected = fitted.predict(X)
    np.testing.assert_allclose(value(to_torch(fitted), X), expected, rtol=1e-12)
    truth = central_differences(fitted.predict, X[:5], scale=0.1)
    assert relative_difference(jacobian(fitted, X[:5]), truth) < 1e-6


@pytest.mark.parametrize("cls", [GaussianRandomProjection, SparseRandomProjection])
def test_projections_that_are_not_sparse(cls):
    X, y = problem(LinearRegression())
    options = {"density": 1.0} if cls is SparseRandomProjection else {}
    pipe = make_pipeline(cls(2, random_state=0, **options), Ridge()).fit(X, y)
    slopes = pipe[-1].coef_ @ pipe[0].components_
    np.testing.assert_allclose(jacobian(pipe, X)[0], slopes, rtol=1e-12)


@pytest.mark.parametrize("constant", [3, [3.0], [3.0, -1.0], [[1], [2]]])
def test_dummy_constants(constant, rng):
    X, y = rng.normal(size=(2, 9, 2))
    y = y[:, : np.size(constant)]
    fitted = DummyRegressor(strategy="constant", constant=constant).fit(X, y)
    expected = fitted.predict(X).reshape(9, -1)
    np.testing.assert_array_equal(value(convert(fitted, "predict"), X), expected)
    assert (jacobian(fitted, X) == 0).all()


def test_dummy_of_rows_it_did_not_see_is_refused():
    fitted = DummyRegressor().fit([1.0, 2.0], [3.0, 4.0])
    with pytest.raises(NotConvertibleError, match="Fit it on an array"):
        to_torch(fitted)


def test_dummy_is_constant_where_the_step_before_is_not_even_a_number():
    X = np.arange(1.0, 9.0).reshape(-1, 1)
    pipe = make_pipeline(PowerTransformer("box-cox"), DummyRegressor()).fit(X, X[:, 0])
    assert value(to_torch(pipe), [[-1.0]]) == 4.5


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("algorithm", ["brute", "kd_tree", "ball_tree"])
def test_neighbours_at_the_training_rows(weights, algorithm, rng):
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    X = np.vstack([X, X[:10]])  # some of them twice, with other targets
    y = np.r_[y, rng.normal(size=10)]
    for cls in (KNeighborsRegressor, RadiusNeighborsRegressor):
        fitted = cls(weights=weights, algorithm=algorithm, leaf_size=50).fit(X, y)
        function = convert(fitted, "predict")
        np.testing.assert_allclose(value(function, X)[:, 0], fitted.predict(X), 1e-7)
        assert np.isfinite(jacobian(fitted, X)).all()
        assert np.isfinite(hessian(fitted, X)).all()
        if weights == "distance":
            assert (jacobian(fitted, X) == 0).all()


@pytest.mark.parametrize("algorithm", ["brute", "kd_tree"])
def test_one_neighbour_of_repeated_rows_is_that_of_scikit_learn(algorithm, rng):
    X = np.repeat(rng.normal(size=(12, 2)), 2, axis=0)[rng.permutation(24)]
    fitted = KNeighborsRegressor(1, algorithm=algorithm).fit(X, np.arange(24.0))
    found = value(convert(fitted, "predict"), X + 0.01)[:, 0]
    np.testing.assert_array_equal(found, fitted.predict(X + 0.01))


def grid(scale):
    return scale * np.array(list(itertools.product(range(5), repeat=3)))


@pytest.mark.parametrize("algorithm", ["brute", "kd_tree"])
@pytest.mark.parametrize("scale", [1.0, 0.1])
@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_rows_as_far_from_several_others_are_announced(weights, algorithm, scale, rng):
    X = grid(scale)
    y = rng.normal(size=len(X))
    middle = X[:50] + scale / 2
    options = {"weights": weights, "algorithm": algorithm}
    for model in (
        KNeighborsRegressor(3, **options),
        RadiusNeighborsRegressor(0.75**0.5, **options),
    ):
        pipe = make_pipeline(StandardScaler(), model)
        if isinstance(model, RadiusNeighborsRegressor):
            model.radius /= X[:, 0].std() / scale
        function = to_torch(pipe.fit(X, y))
        part = function.maps[-1]
        rows = torch.tensor(pipe[0].transform(middle))
        assert part.undecided(rows).all()
        assert not part.undecided(rows + torch.tensor([0.01, 0.003, 0.001])).any()
        other = value(function, middle) + 1  # a choice that may be scikit-learn's
        with pytest.warns(DerivativeWarning, match=r"50 of 50 sample rows are as far"):
            check_agreement(function, middle, other, "it")
        near = middle[:7] + scale * np.array([0.01, 0.003, 0.001])
        other = value(function, near) + 1
        with pytest.raises(ConversionMismatchError, match="1 on 7 of 7 sample rows"):
            check_agreement(function, near, other, "it")


def test_neighbours_on_a_large_offset(rng):
    X = 300 + 0.05 * rng.normal(size=(80, 2))
    y = np.sin(20 * X[:, 0])
    points = between(X)
    for algorithm in ("brute", "kd_tree"):
        model = KNeighborsRegressor(weights="distance", algorithm=algorithm)
        result = jacobian(model.fit(X, y), points)
        truth = central_differences(
            model.set_params(algorithm="kd_tree").fit(X, y).predict, points, 0.005
        )
        assert relative_difference(result, truth) < 1e-6


def test_no_neighbour_within_the_radius_is_nan(rng):
    X = rng.normal(size=(20, 2))
    fitted = RadiusNeighborsRegressor(1.0).fit(X, X[:, 0])
    rows = np.vstack([X[:3], [[99.0, 99.0]]])
    with pytest.warns(DerivativeWarning, match="1 of 4 predictions are NaN"):
        result = jacobian(fitted, rows)
    np.testing.assert_array_equal(np.isnan(result).all(axis=1), [0, 0, 0, 1])


def test_neighbours_of_a_row_that_is_no_number_are_none():
    X = np.arange(1.0, 9.0).reshape(-1, 1)
    pipe = make_pipeline(PowerTransformer("box-cox"), KNeighborsRegressor(2))
    assert np.isnan(value(to_torch(pipe.fit(X, X[:, 0])), [[-1.0]]))


def test_a_tree_may_be_given_in_place_of_rows(rng):
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    fitted = KNeighborsRegressor(weights="distance")
    fitted.fit(neighbors.KDTree(X), y)
    assert value(convert(fitted, "predict"), X[:1]) == y[0]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"weights": np.reciprocal}, r"weights=<ufunc 'reciprocal'> cannot be"),
        ({"metric": "canberra"}, "the metric 'canberra' and its parameters {} cannot"),
        ({"metric": np.dot}, "cannot be converted to torch. Use 'euclidean', 'man"),
        ({"p": 0.5, "algorithm": "brute"}, r"parameters {'p': 0.5.* with p at least"),
        ({"metric": "seuclidean", "metric_params": {"V": [1.0, 2.0]}}, "seuclidean"),
    ],
)
def test_other_neighbours_are_refused(parameters, message, rng):
    X = abs(rng.normal(size=(20, 2)))
    fitted = fit(KNeighborsRegressor(**parameters), X, X[:, 0])
    with pytest.raises(NotConvertibleError, match=message):
        to_torch(fitted)
