"""Edges of converted transformers: kinks, missing values, odd columns, refusals."""

import warnings

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.cluster import Birch, FeatureAgglomeration, KMeans
from sklearn.decomposition import (
    NMF,
    PCA,
    DictionaryLearning,
    FactorAnalysis,
    SparseCoder,
    SparsePCA,
    TruncatedSVD,
)
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.dummy import DummyRegressor
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import (
    SelectKBest,
    SelectorMixin,
    VarianceThreshold,
    f_regression,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_approximation import AdditiveChi2Sampler, SkewedChi2Sampler
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    KBinsDiscretizer,
    Normalizer,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from sklearn.random_projection import SparseRandomProjection

from sklearn_nnderiv import DifferentiableRegressor, jacobian, to_torch
from sklearn_nnderiv._converters import check_agreement, convert
from sklearn_nnderiv._maps import Affine, Concatenate, Elementwise
from sklearn_nnderiv.exceptions import NotConvertibleError

from .oracles import central_differences
from .test_transformers import dense, results, value
from .test_transformers import jacobian as slopes

ROUNDED = np.round(2 * np.random.default_rng(0).normal(size=(60, 2)))


def agrees(fitted, X, role="transform", **tolerances):
    """The map, after its values have been held against scikit-learn's."""
    function = convert(fitted, role)
    truth = dense(getattr(fitted, role)(X))
    kept = {"rtol": 1e-12, "atol": 1e-13} | tolerances
    np.testing.assert_allclose(value(function, X), truth, **kept)
    check_agreement(function, np.asarray(X, dtype=float), truth, "it")
    return function


@pytest.mark.parametrize(
    "extrapolation", ["constant", "continue", "linear", "periodic"]
)
@pytest.mark.parametrize("knots", ["uniform", "quantile"])
@pytest.mark.parametrize("degree", [2, 3, 4])
def test_splines_at_knots_and_beyond(extrapolation, knots, degree):
    # quantiles of rounded data coincide, within and at the ends
    X = np.vstack([ROUNDED, [[9.0, 9.0]] * 15])
    fitted = SplineTransformer(
        n_knots=6, degree=degree, knots=knots, extrapolation=extrapolation
    ).fit(X)
    inner = [spline.t[degree : len(spline.t) - degree] for spline in fitted.bsplines_]
    edges = np.column_stack(inner)
    rows = np.vstack([edges, X[:5], 1.7 * X, np.nextafter(edges, np.inf)])
    function = agrees(fitted, rows)
    repeated = any((np.diff(column) == 0).any() for column in inner)
    smooth = extrapolation != "constant" and not repeated
    assert function.smoothness == ("smooth" if smooth else "piecewise")
    far = edges[-1:] + np.array([[3.3, 4.4]])
    first = central_differences(fitted.transform, far, scale=0.01)
    np.testing.assert_allclose(slopes(function, far), first, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    "extrapolation", ["constant", "continue", "linear", "periodic"]
)
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_splines_of_a_constant_column(extrapolation, degree):
    if extrapolation == "linear" and degree < 2:
        return
    X = np.column_stack([np.full(20, 3.0), np.arange(20.0)])
    fitted = SplineTransformer(degree=degree, extrapolation=extrapolation).fit(X)
    rows = np.array([[3.0, 4.5], [2.0, 3.3], [2.9, 0.0], [3.0, 19.0]])
    if degree or extrapolation != "constant":  # where scikit-learn raises
        rows = np.vstack([rows, [[4.0, 1.0]]])
    agrees(fitted, rows)


@pytest.mark.parametrize("degree", [0, 1])
def test_linear_extrapolation_of_low_degrees_is_refused(degree):
    fitted = SplineTransformer(degree=degree, extrapolation="linear").fit(ROUNDED)
    with pytest.raises(NotConvertibleError, match=f"degree={degree} returns wrong"):
        convert(fitted, "transform")


def test_splines_are_nan_where_scikit_learn_raises():
    for options in ({"extrapolation": "error"}, {"degree": 0}):
        fitted = SplineTransformer(**options).fit(ROUNDED)
        above = ROUNDED.max(axis=0) + np.array([1.0, 0.0])
        with pytest.raises(ValueError, match=r"beyond the limits|shape mismatch"):
            fitted.transform(above[None])
        found = value(convert(fitted, "transform"), above[None])[0]
        first, second = np.split(found, 2)
        assert np.isnan(first).all()
        edge = fitted.transform(ROUNDED.max(axis=0)[None])[0, len(second) :]
        np.testing.assert_allclose(second, edge, atol=1e-15)


@pytest.mark.newest
def test_missing_values_of_splines_are_zeros():
    X = np.where(ROUNDED == 2, np.nan, ROUNDED)
    fitted = SplineTransformer(handle_missing="zeros").fit(X)
    function = agrees(fitted, X)
    x = torch.tensor(X)
    first = torch.func.vmap(torch.func.jacrev(function))(x)
    assert torch.isfinite(first).all()
    assert (first[torch.isnan(x[:, 0])][..., 0] == 0).all()


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_short_rows_are_left_by_the_normalizer(norm):
    X = np.array([[0.0, 0.0], [1e-16, -1e-16], [1e-15, 3e-15], [3.0, 4.0], [0.0, 2.0]])
    fitted = Normalizer(norm=norm).fit(X)
    function = agrees(fitted, X, atol=0)
    J, H = results(function, X, "jacobian", "hessian")
    np.testing.assert_array_equal(J[:2], [np.eye(2)] * 2)
    assert np.isfinite(H).all()
    assert abs(J[2]).max() > 1e12


def test_distances_at_a_center_and_far_from_the_origin():
    X = 1e6 + np.random.default_rng(0).normal(size=(5, 3))
    fitted = KMeans(5, n_init=1, random_state=0).fit(X)
    function = convert(fitted, "transform")
    centers = fitted.cluster_centers_
    exact = np.linalg.norm(X[:, None] - centers, axis=2)
    np.testing.assert_allclose(value(function, X), exact, rtol=1e-14)
    check_agreement(function, X, fitted.transform(X), "it")
    J, H = results(function, X, "jacobian", "hessian")
    own = exact == 0
    assert own.sum() == 5
    assert (J[own] == 0).all()
    assert np.isfinite(H).all()
    unit = (X[:, None] - centers)[~own] / exact[~own][:, None]
    np.testing.assert_allclose(J[~own], unit, rtol=1e-12)


def test_roots_have_an_infinite_derivative_at_zero():
    X = np.array([[0.0, 2.0], [1.0, 0.5]])
    sampler = AdditiveChi2Sampler(sample_steps=2).fit(X)
    function = agrees(sampler, X)
    J = slopes(function, X)
    assert np.isfinite(J[1]).all()
    assert not np.isfinite(J[0, ::2, 0]).any()
    assert np.isfinite(J[0, :, 1]).all()
    assert np.isnan(value(function, [[-1.0, 1.0]])[0, ::2]).all()
    damped = TfidfTransformer(sublinear_tf=True, norm=None).fit(X)
    function = agrees(damped, X)
    assert not np.isfinite(slopes(function, X)[0, 0, 0])
    np.testing.assert_allclose(slopes(function, X)[1, 0, 0], damped.idf_[0])


def test_skewed_samples_are_nan_where_scikit_learn_raises():
    sampler = SkewedChi2Sampler(skewedness=0.5).fit([[0.0]])
    assert np.isnan(value(convert(sampler, "transform"), [[-0.5], [-1.0]])).all()


def isotonic(dtype=float, **options):
    x = np.array([0.1, 1.0, 2.0, 2.0, 3.0, 4.1], dtype=dtype)
    return IsotonicRegression(**options).fit(x, [0, 1, 1, 4, 3, 9.0])


@pytest.mark.parametrize("out_of_bounds", ["clip", "nan", "raise"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_isotonic_regression_at_its_ends(out_of_bounds, dtype):
    fitted = isotonic(dtype, out_of_bounds=out_of_bounds)
    ends = np.array([[0.1], [4.1]])  # between two numbers of float32
    inside = np.vstack([ends, [[0.7], [2.0], [3.3]]])
    function = agrees(fitted, inside, "predict", rtol=1e-12 if dtype is float else 1e-6)
    first = slopes(function, [[0.5], [3.5]]).ravel()
    np.testing.assert_allclose(first, [1 / 0.9, 6 / 1.1], rtol=1e-6)
    outside = np.array([[0.0], [9.0]])
    if out_of_bounds == "clip":
        agrees(fitted, outside, rtol=1e-6)
        assert (slopes(function, outside) == 0).all()
    else:
        assert np.isnan(value(function, outside)).all()
        assert np.isnan(slopes(function, outside)).all()


def test_isotonic_regression_of_one_number():
    fitted = IsotonicRegression().fit([2.0, 2.0], [1.0, 3.0])
    function = agrees(fitted, np.array([[1.0], [2.0], [5.0]]))
    assert function.smoothness == "constant"
    assert (slopes(function, np.array([[1.0]])) == 0).all()


@pytest.mark.parametrize("encode", ["ordinal", "onehot", "onehot-dense"])
@pytest.mark.parametrize("dtype", [None, np.float32, np.float64])
def test_bins_at_their_edges(encode, dtype):
    X = np.column_stack([ROUNDED / 10, np.full(60, 7.0)])
    options = {"encode": encode, "strategy": "uniform", "dtype": dtype}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = KBinsDiscretizer(3, **options).fit(X)
    edges = np.column_stack([np.resize(e[1:-1], 4) for e in fitted.bin_edges_[:2]])
    rows = np.column_stack([edges, np.full(4, 9.0)])
    rows = np.vstack([rows, np.nextafter(rows, -9), X[:9], 99 * X[:9]])
    forward = agrees(fitted, rows)
    assert forward.smoothness == "constant"
    with np.errstate(invalid="ignore"):  # a constant column has no center
        agrees(fitted, dense(fitted.transform(rows)), "inverse_transform")


def test_bins_that_do_not_exist():
    fitted = KBinsDiscretizer(3, encode="ordinal", strategy="uniform").fit(ROUNDED)
    function = convert(fitted, "inverse_transform")
    inside = np.array([[0.9, 2.9], [-0.9, 1.0], [-1.0, -3.9]])
    agrees(fitted, inside, "inverse_transform")
    outside = np.array([[3.0, 1.0], [-4.0, 1e99]])
    with pytest.raises(IndexError):
        fitted.inverse_transform(outside)
    np.testing.assert_array_equal(
        np.isnan(value(function, outside)), [[True, False], [True, True]]
    )
    fitted = KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform").fit(ROUNDED)
    function = convert(fitted, "inverse_transform")
    rows = np.array([[0.2, 0.5, 0.5, 1.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 2.0, 0.0]])
    agrees(fitted, rows[:1], "inverse_transform")
    np.testing.assert_array_equal(
        np.isnan(value(function, rows)), [[False, False], [True, False]]
    )


def test_thresholds_are_not_above_themselves():
    X = np.array([[0.5], [np.nextafter(0.5, 1)], [-1.0]])
    function = agrees(Binarizer(threshold=0.5).fit(X), X)
    assert function.smoothness == "constant"
    x = torch.tensor(X, requires_grad=True)
    (first,) = torch.autograd.grad(function(x).sum(), x)
    assert (first == 0).all()


def test_imputed_cells_do_not_move():
    X = np.array([[1.0, np.nan], [np.nan, 5.0], [3.0, 7.0]])
    function = convert(SimpleImputer(add_indicator=True).fit(X), "transform")
    x = torch.tensor(X)
    first = torch.func.vmap(torch.func.jacrev(function))(x)
    known = torch.diag_embed((~torch.isnan(x)).double())
    torch.testing.assert_close(first[:, :2], known)
    assert (first[:, 2:] == 0).all()


def test_missing_values_of_a_frame():
    frame = pd.DataFrame({"a": [1, None, 3], "b": [4, 5, None]}, dtype="Int64")
    rows = frame.to_numpy(dtype=float, na_value=np.nan)
    fitted = SimpleImputer(missing_values=pd.NA).fit(frame)
    found = value(convert(fitted, "transform"), rows)
    np.testing.assert_array_equal(found, dense(fitted.transform(frame)))


@pytest.mark.parametrize(
    ("imputer", "X", "message"),
    [
        (
            SimpleImputer(missing_values=None, strategy="most_frequent"),
            [[1.0], [None]],
            "missing_values=None",
        ),
        (
            SimpleImputer(missing_values="?", strategy="most_frequent"),
            [["?"], ["a"]],
            r"missing_values='\?'",
        ),
        (SimpleImputer(strategy="constant"), [["b"], ["a"]], "something else than num"),
        (MissingIndicator(missing_values=None), [[1.0], [None]], "missing_values=None"),
    ],
)
def test_what_is_no_number_is_refused(imputer, X, message):
    fitted = imputer.fit(np.array(X, dtype=object))
    with pytest.raises(NotConvertibleError, match=message):
        convert(fitted, "transform")


def test_what_an_imputer_left_behind_is_refused():
    fitted = SimpleImputer(add_indicator=True).fit([[1.0], [np.nan]])
    with pytest.raises(NotConvertibleError, match="depends on the other rows"):
        convert(fitted, "inverse_transform")
    # as scikit-learn itself shows: a single row loses its column
    with pytest.raises(IndexError):
        fitted.inverse_transform(np.array([[1.0, 1.0]]))


def test_an_imputer_rounds_what_it_fills_in_as_it_was_fitted():
    X = np.array([[np.nan], [1.0]], dtype=np.float32)
    fitted = SimpleImputer(strategy="constant", fill_value=0.1).fit(X)
    agrees(fitted, np.array([[np.nan], [0.1]]), atol=0)


class Every(SelectorMixin, BaseEstimator):
    """Takes the columns that it is told."""

    def __init__(self, mask):
        self.mask = mask

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def _get_support_mask(self):
        return np.array(self.mask)


def test_selectors_of_others_and_of_nothing(rng):
    X = rng.normal(size=(6, 3))
    fitted = Every([True, False, True]).fit(X)
    agrees(fitted, X, atol=0)
    back = agrees(fitted, X[:, :2], "inverse_transform", atol=0)
    assert isinstance(back, Affine)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nothing = Every([False] * 3).fit(X)
        assert value(convert(nothing, "transform"), X).shape == (6, 0)
        pipe = make_pipeline(nothing, DummyRegressor()).fit(X, X[:, 0])
        assert pipe.predict(X).shape == (6,)


@pytest.mark.parametrize(
    ("fitted", "role", "message"),
    [
        (DictionaryLearning(2, max_iter=1), "transform", "end of an iteration"),
        (SparseCoder(np.eye(4)), "transform", "transform_algorithm='omp'"),
        (LinearDiscriminantAnalysis("lsqr"), "transform", "Use solver='svd'"),
        (FeatureAgglomeration(2, pooling_func=np.ptp), "transform", "np.median"),
        (NMF(2, max_iter=500), "transform", "NMF"),
        (FactorAnalysis(2), "inverse_transform", "FactorAnalysis"),
    ],
)
def test_what_has_no_map_is_refused(fitted, role, message, rng):
    X, y = abs(rng.normal(size=(20, 4))), rng.integers(0, 3, 20)
    with pytest.raises(NotConvertibleError, match=message):
        convert(fitted.fit(X, y), role)


def test_fitted_on_sparse_arrays(rng):
    X = np.where(rng.random((40, 5)) < 0.5, 0, rng.normal(size=(40, 5)))
    for transformer in (
        PCA(2, svd_solver="arpack", random_state=0),  # negative strides
        TruncatedSVD(2, random_state=0),
        SparseRandomProjection(2, density=0.6, random_state=0),
        VarianceThreshold(),
        KMeans(3, n_init=1, random_state=0),
        SimpleImputer(),
        PolynomialFeatures(2),
        Normalizer(),
        Birch(n_clusters=None, threshold=0.5),
    ):
        agrees(transformer.fit(sparse.csr_array(X)), X, rtol=1e-7, atol=1e-7)


def test_frames_and_their_output(rng):
    frame = pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "c"])
    y = frame["a"] * frame["b"]
    for transformer in (
        PolynomialFeatures(2, include_bias=False),
        SplineTransformer(extrapolation="linear"),
        PCA(2, whiten=True),
        SelectKBest(f_regression, k=2),
    ):
        pipe = make_pipeline(StandardScaler(), transformer, LinearRegression())
        for output in ("default", "pandas"):
            pipe.set_output(transform=output).fit(frame, y)
            inner = 0.9 * frame  # a spline's curvature jumps at its ends
            found = jacobian(pipe, inner)
            truth = central_differences(
                lambda X, pipe=pipe: pipe.predict(
                    pd.DataFrame(X, columns=frame.columns)
                ),
                inner.to_numpy(),
            )
            np.testing.assert_allclose(found, truth, rtol=1e-6, atol=1e-6)


def test_pipelines_of_many_steps(rng):
    X = 300 + rng.normal(size=(60, 4))
    y = X[:, 0] * X[:, 1]
    for steps in (
        (StandardScaler(), PolynomialFeatures(3), PCA(5), KMeans(3, n_init=1)),
        (KMeans(60, n_init=1),),  # the distance of every row to itself
        (Normalizer(), StandardScaler(), TruncatedSVD(2)),
        (StandardScaler(), FeatureAgglomeration(2, pooling_func=np.median)),
    ):
        pipe = make_pipeline(*steps, Ridge()).fit(X, y)
        rows = X + 0.01 * rng.normal(size=X.shape)
        found = jacobian(pipe, rows)
        module = to_torch(pipe)
        # scikit-learn's own distances are too rough to be differenced
        truth = central_differences(
            lambda X, m=module: m(torch.tensor(X)).numpy(), rows
        )
        # some may be at a kink
        close = abs(found - truth[:, 0]).max(axis=1) < 1e-5 * abs(truth).max()
        assert close.mean() > 0.95
    assert to_torch(pipe).smoothness == "piecewise"


def test_side_by_side_is_constant_only_if_all_parts_are():
    smooth = Affine([1.0])
    step = Elementwise(torch.sign, 1, smoothness="constant")
    kinds = [Concatenate(parts).smoothness for parts in ([smooth] * 2, [step] * 2)]
    assert kinds == ["smooth", "constant"]
    assert Concatenate([smooth, step]).smoothness == "piecewise"


def test_penalised_codes_without_penalty(rng):
    # zero components, which the equations leave open
    X = rng.normal(size=(30, 4))
    fitted = SparsePCA(2, alpha=1.0, ridge_alpha=0, random_state=0).fit(X)
    agrees(fitted, X, rtol=1e-10)
    fitted.components_[1] = 0
    function = convert(fitted, "transform")
    assert np.isfinite(value(function, X)).all()


def test_scalers_whose_output_is_sparse(rng):
    X = rng.normal(size=(50, 2))
    results = []
    for sparse_output in (False, True):
        scaler = SplineTransformer(sparse_output=sparse_output)
        model = DifferentiableRegressor(
            hidden_layer_sizes=(3,),
            solver="lbfgs",
            max_iter=5,
            x_scaler=scaler,
            random_state=0,
        )
        results.append(model.fit(X, X[:, 0]).predict_jacobian(X))
    np.testing.assert_array_equal(*results)
    assert abs(results[0]).max() > 0.1


@pytest.mark.filterwarnings("ignore:No features were selected:UserWarning")
@pytest.mark.parametrize(
    "nothing",
    [
        PolynomialFeatures((2, 3), interaction_only=True, include_bias=False),
        SplineTransformer(2, degree=0, extrapolation="constant", include_bias=False),
        SplineTransformer(2, degree=1, extrapolation="periodic", include_bias=False),
        SelectKBest(f_regression, k=0),
        MissingIndicator(),
    ],
    ids=lambda transformer: type(transformer).__name__,
)
def test_no_columns_of_one_beside_those_of_another(rng, nothing):
    X = rng.normal(size=(20, 1))
    model = make_pipeline(
        StandardScaler(), make_union(nothing, StandardScaler()), Ridge()
    ).fit(X, 3 * X[:, 0])
    (_, nothing), (_, other) = model[1].transformer_list
    assert nothing.transform(X).shape == (20, 0)
    slope = model[-1].coef_ / model[0].scale_ / other.scale_
    np.testing.assert_allclose(jacobian(model, X), np.tile(slope, (20, 1)))
    with pytest.raises(NotConvertibleError, match="returns no columns"):
        jacobian(nothing, X)
