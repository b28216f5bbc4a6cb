"""Random transformers, with the parameters that data of a given shape allow."""

from functools import partial

import numpy as np
from hypothesis import strategies as st
from sklearn.cluster import (
    Birch,
    BisectingKMeans,
    FeatureAgglomeration,
    KMeans,
    MiniBatchKMeans,
)
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression
from sklearn.decomposition import (
    PCA,
    DictionaryLearning,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    KernelPCA,
    MiniBatchDictionaryLearning,
    MiniBatchSparsePCA,
    SparseCoder,
    SparsePCA,
    TruncatedSVD,
)
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_selection import (
    RFE,
    SelectFromModel,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
    f_regression,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import (
    AdditiveChi2Sampler,
    Nystroem,
    PolynomialCountSketch,
    RBFSampler,
    SkewedChi2Sampler,
)
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

from .random_kinds import SEEDS, YES_OR_NO, kind, one_of, unit, up_to_columns

SOME = st.integers(1, 5)
UFUNCS = one_of(np.tanh, np.arcsinh, np.sin, np.arctan, np.exp, np.square, np.negative)
OF_POSITIVE = one_of(np.log, np.sqrt, np.log1p, np.reciprocal, np.cbrt, np.log2)
projection = partial(unit, n_components=up_to_columns, random_state=SEEDS)
coder = partial(
    projection,
    transform_algorithm=st.just("threshold"),
    transform_alpha=one_of(0.1, 0.5),
    split_sign=YES_OR_NO,
)


def dictionaries(n, d):
    return SEEDS.map(lambda seed: np.random.default_rng(seed).normal(size=(3, d)))


SCALERS = [
    kind(StandardScaler, with_mean=YES_OR_NO, with_std=YES_OR_NO),
    kind(MinMaxScaler, feature_range=one_of((0, 1), (-3, 5)), clip=YES_OR_NO),
    kind(MaxAbsScaler, clip=YES_OR_NO),
    kind(
        RobustScaler,
        with_centering=YES_OR_NO,
        quantile_range=one_of((25, 75), (10, 95)),
        unit_variance=YES_OR_NO,
    ),
    unit(Normalizer, norm=one_of("l1", "l2", "max"), least=2),
    unit(PowerTransformer, standardize=YES_OR_NO),
    kind(
        PowerTransformer, "positive", method=st.just("box-cox"), standardize=YES_OR_NO
    ),
    kind(
        QuantileTransformer,
        n_quantiles=st.integers(2, 8),
        output_distribution=one_of("uniform", "normal"),
    ),
]
EXPANSIONS = [
    unit(
        PolynomialFeatures,
        most=4,
        degree=one_of(1, 2, 3, (2, 3)),
        interaction_only=YES_OR_NO,
        include_bias=YES_OR_NO,
        order=one_of("C", "F"),
    ),
    kind(
        SplineTransformer,
        most=4,
        n_knots=st.integers(2, 5),
        degree=st.integers(1, 3),
        knots=one_of("uniform", "quantile"),
        extrapolation=one_of("constant", "continue", "periodic"),
        include_bias=YES_OR_NO,
    ),
    kind(
        SplineTransformer,
        most=4,
        degree=st.integers(2, 3),
        extrapolation=st.just("linear"),
    ),
    unit(FunctionTransformer, func=UFUNCS, validate=st.just(True)),
    kind(FunctionTransformer, "positive", func=OF_POSITIVE, validate=st.just(True)),
]
CONSTANT = [
    # not near what values are exactly
    unit(Binarizer, threshold=one_of(-0.47, 0.29, 0.83)),
    kind(
        KBinsDiscretizer,
        n_bins=st.integers(2, 4),
        encode=one_of("ordinal", "onehot-dense"),
        strategy=one_of("uniform", "quantile"),
        quantile_method=st.just("averaged_inverted_cdf"),
    ),
]
IMPUTERS = [
    kind(SimpleImputer, strategy=one_of("mean", "median", "most_frequent")),
    kind(MissingIndicator, features=st.just("all")),
]
PROJECTIONS = [
    projection(PCA, whiten=YES_OR_NO, svd_solver=one_of("full", "covariance_eigh")),
    projection(IncrementalPCA, whiten=YES_OR_NO),
    projection(TruncatedSVD, algorithm=st.just("randomized")),
    projection(
        FastICA, whiten=one_of("unit-variance", "arbitrary-variance"), max_iter=SOME
    ),
    projection(FactorAnalysis, max_iter=st.just(50)),
    projection(SparsePCA, max_iter=SOME, alpha=one_of(0.01, 0.1)),
    projection(MiniBatchSparsePCA, max_iter=SOME, alpha=one_of(0.01, 0.1)),
    coder(DictionaryLearning, max_iter=SOME),
    coder(MiniBatchDictionaryLearning, max_iter=SOME),
    unit(
        SparseCoder,
        dictionary=dictionaries,
        transform_algorithm=st.just("threshold"),
        transform_alpha=one_of(0.1, 0.5),
        split_sign=YES_OR_NO,
    ),
    projection(GaussianRandomProjection),
    projection(SparseRandomProjection, density=one_of(0.5, 1.0)),
    unit(PLSRegression, n_components=up_to_columns, scale=YES_OR_NO),
    unit(PLSCanonical, n_components=st.just(1), scale=YES_OR_NO),
    unit(CCA, n_components=st.just(1), scale=YES_OR_NO),
    unit(PLSSVD, n_components=st.just(1), scale=YES_OR_NO),
    unit(LinearDiscriminantAnalysis, solver=one_of("svd", "eigen")),
    projection(NeighborhoodComponentsAnalysis, max_iter=SOME),
]
KERNELS = [
    unit(
        KernelPCA,
        n_components=st.integers(1, 4),
        kernel=one_of("linear", "poly", "rbf", "cosine"),
        gamma=one_of(None, 0.3),
        eigen_solver=st.just("dense"),
        fit_inverse_transform=YES_OR_NO,
    ),
    unit(
        Nystroem,
        n_components=SOME,
        kernel=one_of("rbf", "laplacian"),
        gamma=one_of(None, 0.3),
        random_state=SEEDS,
    ),
    unit(
        RBFSampler,
        n_components=SOME,
        gamma=one_of("scale", 0.1, 1.0),
        random_state=SEEDS,
    ),
    kind(
        SkewedChi2Sampler,
        "positive",
        n_components=SOME,
        skewedness=one_of(0.1, 1.0),
        random_state=SEEDS,
    ),
    kind(
        AdditiveChi2Sampler,
        "positive",
        most=6,
        sample_steps=one_of(1, 2, 3),
    ),
    unit(
        PolynomialCountSketch,
        n_components=SOME,
        degree=one_of(1, 2, 3),
        gamma=one_of(0.5, 1.0),
        coef0=one_of(0, 1),
        random_state=SEEDS,
    ),
]
CLUSTERS = [
    unit(KMeans, n_clusters=SOME, n_init=st.just(1), random_state=SEEDS),
    unit(MiniBatchKMeans, n_clusters=SOME, n_init=st.just(1), random_state=SEEDS),
    unit(BisectingKMeans, n_clusters=SOME, random_state=SEEDS),
    unit(Birch, n_clusters=st.none(), threshold=one_of(1.0, 2.0)),
    kind(FeatureAgglomeration, least=2, n_clusters=up_to_columns),
    kind(
        BernoulliRBM,
        "fraction",
        n_components=SOME,
        n_iter=st.just(2),
        random_state=SEEDS,
    ),
]
RIDGES = st.builds(Ridge, alpha=one_of(0.1, 1.0))
SELECTORS = [
    kind(VarianceThreshold),
    kind(SelectKBest, score_func=st.just(f_regression), k=up_to_columns),
    kind(SelectPercentile, score_func=st.just(f_regression), percentile=one_of(50, 99)),
    unit(SelectFromModel, estimator=RIDGES, threshold=one_of("mean", -np.inf)),
    unit(RFE, least=2, estimator=st.builds(LinearRegression)),
    unit(
        SequentialFeatureSelector,
        least=2,
        most=4,
        estimator=RIDGES,
        n_features_to_select=st.just(1),
        cv=st.just(2),
    ),
]
STEPS = [
    SCALERS,
    EXPANSIONS,
    CONSTANT + IMPUTERS,
    PROJECTIONS,
    KERNELS,
    CLUSTERS,
    SELECTORS,
]
# fit_transform returns the scores of the targets besides, which unions cannot take
WITH_SCORES = (PLSRegression, PLSCanonical, CCA, PLSSVD)
# fitted on classes
BY_CLASS = (LinearDiscriminantAnalysis, NeighborhoodComponentsAnalysis)
