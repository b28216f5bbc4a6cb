"""Configurations of transformers, with the kind of data that each is fitted on."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.cluster import (
    Birch,
    BisectingKMeans,
    FeatureAgglomeration,
    KMeans,
    MiniBatchKMeans,
)
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression
from sklearn.decomposition import (
    NMF,
    PCA,
    DictionaryLearning,
    FactorAnalysis,
    FastICA,
    IncrementalPCA,
    MiniBatchDictionaryLearning,
    MiniBatchNMF,
    MiniBatchSparsePCA,
    SparseCoder,
    SparsePCA,
    TruncatedSVD,
)
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
    f_regression,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_approximation import (
    AdditiveChi2Sampler,
    PolynomialCountSketch,
    RBFSampler,
    SkewedChi2Sampler,
)
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    Normalizer,
    PolynomialFeatures,
    SplineTransformer,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection

N = 60
_RNG = np.random.default_rng(0)
_NORMAL = _RNG.normal(size=(N, 4)) * [1, 2, 0.5, 1] + [1, 3, 0, -2]
_MISSING = np.where(_RNG.random((N, 4)) < [0.2, 0.2, 0, 0.2], np.nan, _NORMAL)
DATA = {
    "normal": _NORMAL,
    "positive": abs(_RNG.normal(size=(N, 4))) + 0.1,
    "wide": np.column_stack([_NORMAL, _NORMAL[:, :3] ** 2]),
    "one": _NORMAL[:, :1],
    "missing": _MISSING,
    "empty": np.where(np.arange(4) == 1, np.nan, _MISSING),
    "zeros": np.where(np.isnan(_MISSING), 0.0, _NORMAL),
}
_Y = _NORMAL[:, 0] + 0.1 * _RNG.normal(size=N)
TARGETS = {
    None: None,
    "one": _Y,
    "column": _Y[:, None],
    "many": np.column_stack([_Y, _NORMAL[:, 1], _RNG.normal(size=N)]),
    "classes": _RNG.integers(0, 3, N),
}


@dataclass
class Case:
    """An unfitted transformer and the names of its data."""

    estimator: Any
    data: str = "normal"
    target: str | None = None

    def __str__(self) -> str:
        name = " ".join(f"{self.estimator!r}-{self.data}".split())
        # addresses differ from one process to the next
        return re.sub(r"<function (\w+) at \w+>", r"\1", name)

    @property
    def X(self) -> Any:
        return DATA[self.data]

    @property
    def y(self) -> Any:
        return TARGETS[self.target]


_POLYNOMIALS = [
    PolynomialFeatures(),
    PolynomialFeatures(0),
    PolynomialFeatures(5, interaction_only=True),
    PolynomialFeatures((2, 3), include_bias=False, order="F"),
    PolynomialFeatures((3, 4), interaction_only=True),
    PolynomialFeatures((0, 1), include_bias=False),
]
_SPLINES = [
    SplineTransformer(degree=degree, extrapolation=extrapolation, n_knots=5, **options)
    for degree, extrapolation, options in [
        (0, "constant", {}),
        (0, "periodic", {}),
        (1, "constant", {"include_bias": False}),
        (1, "continue", {}),
        (2, "linear", {"knots": "quantile"}),
        (2, "periodic", {"knots": "quantile"}),
        (3, "constant", {}),
        (3, "continue", {"knots": "quantile"}),
        (3, "linear", {"include_bias": False}),
        (3, "error", {}),
        (3, "periodic", {"include_bias": False}),
        (5, "linear", {}),
    ]
]
_BINS = [
    KBinsDiscretizer(
        3, encode=encode, strategy=strategy, quantile_method="averaged_inverted_cdf"
    )
    for encode, strategy in [
        ("ordinal", "uniform"),
        ("onehot-dense", "quantile"),
        ("onehot", "quantile"),
    ]
]
_PREPROCESSING = [
    *(Case(Normalizer(norm=norm)) for norm in ("l1", "l2", "max")),
    *(Case(transformer) for transformer in _POLYNOMIALS + _SPLINES + _BINS),
    Case(PolynomialFeatures(3), "one"),
    Case(Binarizer(threshold=0.5)),
    Case(FunctionTransformer(np.absolute, np.floor)),
    Case(FunctionTransformer(np.clip, kw_args={"a_min": -1.0, "a_max": 2.0})),
    Case(FunctionTransformer(np.sign, validate=True)),
    Case(TfidfTransformer(), "positive"),
    Case(TfidfTransformer(norm="l1", use_idf=False, sublinear_tf=True), "positive"),
    Case(TfidfTransformer(norm=None, smooth_idf=False), "positive"),
]
_IMPUTERS = [
    Case(SimpleImputer(), "missing"),
    Case(SimpleImputer(strategy="median", add_indicator=True), "missing"),
    Case(SimpleImputer(strategy="most_frequent", add_indicator=True), "empty"),
    Case(SimpleImputer(strategy="constant", fill_value=7.5), "missing"),
    Case(SimpleImputer(strategy=np.ptp), "missing"),
    Case(SimpleImputer(keep_empty_features=True, add_indicator=True), "empty"),
    Case(SimpleImputer(missing_values=0, add_indicator=True), "zeros"),
    Case(SimpleImputer(add_indicator=True)),
    Case(MissingIndicator(), "missing"),
    Case(MissingIndicator(features="all", sparse=True), "missing"),
    Case(MissingIndicator(missing_values=0, error_on_new=False), "zeros"),
]
_SPARSE = {"fit_algorithm": "cd", "max_iter": 3, "random_state": 0}
_SPARSE |= {"transform_algorithm": "threshold"}
_DICTIONARY = np.array([[1.0, 0.5, 0.0, 0.0], [0.0, -0.5, 1.0, 0.2]])
_DECOMPOSITIONS = [
    Case(PCA()),
    Case(PCA(2, whiten=True)),
    Case(PCA(whiten=True), "one"),
    Case(PCA(2, svd_solver="covariance_eigh", whiten=True), "wide"),
    Case(IncrementalPCA(2)),
    Case(IncrementalPCA(3, whiten=True)),
    Case(TruncatedSVD(2)),
    Case(FastICA(2, random_state=0)),
    Case(FastICA(whiten="arbitrary-variance", random_state=0)),
    Case(FastICA(whiten=False, random_state=0)),
    Case(FactorAnalysis(2)),
    Case(SparsePCA(3, max_iter=5, random_state=0)),
    Case(SparsePCA(6, alpha=3, ridge_alpha=0.5, max_iter=5, random_state=0)),
    Case(SparsePCA(2, ridge_alpha=0, alpha=5, max_iter=5, random_state=0)),
    Case(MiniBatchSparsePCA(2, max_iter=5, random_state=0)),
    Case(NMF(2, max_iter=500), "positive"),
    Case(MiniBatchNMF(2), "positive"),
    Case(DictionaryLearning(3, alpha=0.3, **_SPARSE)),
    Case(DictionaryLearning(2, transform_alpha=0, positive_code=True, **_SPARSE)),
    Case(MiniBatchDictionaryLearning(3, split_sign=True, **_SPARSE)),
    Case(
        MiniBatchDictionaryLearning(3, split_sign=True, positive_code=True, **_SPARSE)
    ),
    Case(SparseCoder(_DICTIONARY, transform_algorithm="threshold", split_sign=True)),
    Case(
        SparseCoder(_DICTIONARY, transform_algorithm="threshold", transform_alpha=0.2)
    ),
]
_PROJECTIONS = [
    Case(GaussianRandomProjection(2, random_state=0)),
    Case(GaussianRandomProjection(1, random_state=0, compute_inverse_components=True)),
    Case(SparseRandomProjection(3, density=0.5, random_state=0)),
    Case(PLSRegression(2), target="many"),
    Case(PLSRegression(1, scale=False), target="one"),
    Case(PLSRegression(1), "one", "column"),
    Case(PLSCanonical(2), target="many"),
    Case(PLSCanonical(1, algorithm="svd"), target="one"),
    Case(CCA(2, scale=False), target="many"),
    Case(PLSSVD(2), target="many"),
    Case(PLSSVD(1, scale=False), target="one"),
    Case(LinearDiscriminantAnalysis(), target="classes"),
    Case(LinearDiscriminantAnalysis("eigen", n_components=1), target="classes"),
    Case(NeighborhoodComponentsAnalysis(2, max_iter=3, init="pca"), target="classes"),
]
_REGRESSION = LinearRegression()
_SELECTORS = [
    Case(VarianceThreshold(0.5)),
    Case(GenericUnivariateSelect(f_regression), target="one"),
    Case(SelectKBest(f_regression, k=2), target="one"),
    Case(SelectPercentile(f_regression, percentile=50), target="one"),
    Case(SelectFpr(f_regression), target="one"),
    Case(SelectFdr(f_regression), target="one"),
    Case(SelectFwe(f_regression), target="one"),
    Case(SelectFromModel(_REGRESSION, threshold="median"), target="one"),
    Case(RFE(_REGRESSION, n_features_to_select=2), target="one"),
    Case(RFECV(_REGRESSION, cv=2), target="one"),
    Case(
        SequentialFeatureSelector(_REGRESSION, n_features_to_select=1, cv=2),
        target="one",
    ),
]
_POOLING = (np.mean, np.sum, np.max, np.min, np.median)
_KERNELS = [
    Case(RBFSampler(gamma="scale", n_components=7, random_state=0)),
    Case(RBFSampler(gamma=0.1, n_components=1, random_state=0), "one"),
    Case(SkewedChi2Sampler(skewedness=0.5, n_components=5, random_state=0), "positive"),
    *(Case(AdditiveChi2Sampler(sample_steps=n), "positive") for n in (1, 2, 3)),
    Case(AdditiveChi2Sampler(sample_steps=4, sample_interval=0.3), "positive"),
    *(
        Case(
            PolynomialCountSketch(
                gamma=0.7, degree=degree, coef0=coef0, n_components=n, random_state=0
            )
        )
        for degree, coef0, n in [
            (1, 0, 9),
            (1, 1, 9),
            (2, 0, 9),
            (3, 1.5, 8),
            (2, 1, 1),
        ]
    ),
]
_OTHERS = [
    *(Case(FeatureAgglomeration(2, pooling_func=f), "wide") for f in _POOLING),
    Case(FeatureAgglomeration(4)),
    Case(KMeans(3, n_init=1, random_state=0)),
    Case(MiniBatchKMeans(1, n_init=1, random_state=0)),
    Case(BisectingKMeans(3, random_state=0), "one"),
    Case(Birch(n_clusters=None, threshold=1.5)),
    Case(Birch(n_clusters=2, threshold=1.5)),
    Case(BernoulliRBM(3, n_iter=2, random_state=0), "positive"),
    *(
        Case(IsotonicRegression(out_of_bounds=how), "one", "one")
        for how in ("nan", "clip", "raise")
    ),
    Case(
        IsotonicRegression(increasing=False, y_min=0.5, out_of_bounds="clip"),
        "one",
        "one",
    ),
]
CASES = [
    *_PREPROCESSING,
    *_IMPUTERS,
    *_DECOMPOSITIONS,
    *_PROJECTIONS,
    *_SELECTORS,
    *_KERNELS,
    *_OTHERS,
]
