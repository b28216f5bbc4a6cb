"""Matrix decompositions."""

from typing import Any

import numpy as np
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

from .._elementwise.piecewise import excess, soft_threshold
from .._maps import Affine, Elementwise, Map, Sequential
from ..exceptions import NotConvertibleError
from ._registry import register_converter
from ._rounding import rounded_as


@register_converter(PCA, "transform")
@register_converter(IncrementalPCA, "transform")
def _pca(fitted: Any) -> Map:
    weight = np.asarray(fitted.components_, dtype=np.float64)
    if fitted.whiten:
        scale = np.sqrt(fitted.explained_variance_)
        weight = weight / np.maximum(scale, np.finfo(scale.dtype).eps)[:, None]
    function = Affine(weight, center=fitted.mean_)
    return rounded_as(function, fitted.components_)


@register_converter(PCA, "inverse_transform")
@register_converter(IncrementalPCA, "inverse_transform")
def _pca_inverse(fitted: Any) -> Map:
    weight = fitted.components_
    if fitted.whiten:
        # not clamped as on the way in
        weight = np.sqrt(fitted.explained_variance_)[:, None] * weight
    return Affine(weight.T, offset=fitted.mean_)


@register_converter(TruncatedSVD, "transform")
def _truncated_svd(fitted: TruncatedSVD) -> Map:
    return Affine(fitted.components_)


@register_converter(TruncatedSVD, "inverse_transform")
@register_converter(NMF, "inverse_transform")
@register_converter(MiniBatchNMF, "inverse_transform")
def _product_with_components(fitted: Any) -> Map:
    return Affine(fitted.components_.T)


@register_converter(FastICA, "transform")
def _fast_ica(fitted: FastICA) -> Map:
    mean = fitted.mean_ if fitted.whiten else None
    return Affine(fitted.components_, center=mean)


@register_converter(FastICA, "inverse_transform")
def _fast_ica_inverse(fitted: FastICA) -> Map:
    mean = fitted.mean_ if fitted.whiten else None
    return Affine(fitted.mixing_, offset=mean)


@register_converter(FactorAnalysis, "transform")
def _factor_analysis(fitted: FactorAnalysis) -> Map:
    components = np.asarray(fitted.components_, dtype=np.float64)
    over_noise = components / fitted.noise_variance_
    precision = np.eye(len(components)) + over_noise @ components.T
    weight = np.linalg.solve(precision.T, over_noise)
    function = Affine(weight, center=fitted.mean_)
    condition = float(np.linalg.cond(precision))
    return rounded_as(function, fitted.components_, condition=condition)


@register_converter(SparsePCA, "transform")
@register_converter(MiniBatchSparsePCA, "transform")
def _sparse_pca(fitted: Any) -> Map:
    components = np.asarray(fitted.components_, dtype=np.float64)
    left, sizes, right = np.linalg.svd(components, full_matrices=False)
    damped = sizes**2 + fitted.ridge_alpha
    # components of zeros, as there may be, stay out where there is no penalty either
    factors = np.divide(sizes, damped, out=np.zeros_like(sizes), where=sizes > 1e-15)
    function = Affine((left * factors) @ right, center=fitted.mean_)
    condition = damped.max() / damped[sizes > 1e-15].min(initial=damped.max())
    return rounded_as(function, fitted.components_, condition=condition)


@register_converter(SparsePCA, "inverse_transform")
@register_converter(MiniBatchSparsePCA, "inverse_transform")
def _sparse_pca_inverse(fitted: Any) -> Map:
    return Affine(fitted.components_.T, offset=fitted.mean_)


def _dictionary(fitted: Any) -> Any:
    own = isinstance(fitted, SparseCoder)
    return fitted.dictionary if own else fitted.components_


def _penalty(fitted: Any) -> float:
    penalty = fitted.transform_alpha
    if penalty is None:
        penalty = getattr(fitted, "alpha", None)
    return 1.0 if penalty is None else penalty


@register_converter(SparseCoder, "transform")
@register_converter(DictionaryLearning, "transform")
@register_converter(MiniBatchDictionaryLearning, "transform")
def _sparse_code(fitted: Any) -> Map:
    algorithm = fitted.transform_algorithm
    if algorithm != "threshold":
        raise NotConvertibleError(
            f"'transform' of {type(fitted).__name__} with transform_algorithm="
            f"{algorithm!r} is the end of an iteration, whose derivative is not known. "
            "Use transform_algorithm='threshold', or PCA."
        )
    weight, penalty = np.asarray(_dictionary(fitted)), _penalty(fitted)
    function = excess if fitted.positive_code or fitted.split_sign else soft_threshold
    if fitted.split_sign:
        # the negative parts of a positive code are zero
        weight = np.vstack([weight, weight * (0 if fitted.positive_code else -1)])
    code = Elementwise(function, len(weight), penalty, smoothness="piecewise")
    return Sequential([Affine(weight), code], weight.shape[1])


@register_converter(SparseCoder, "inverse_transform")
@register_converter(DictionaryLearning, "inverse_transform")
@register_converter(MiniBatchDictionaryLearning, "inverse_transform")
def _sparse_code_inverse(fitted: Any) -> Map:
    weight = np.asarray(_dictionary(fitted))
    if fitted.split_sign:
        weight = np.vstack([weight, -weight])
    return Affine(weight.T)
