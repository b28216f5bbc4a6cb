"""Partial least squares and canonical correlation."""

from typing import Any

from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression

from .._maps import Affine, Map
from .._sklearn_compat import pls_scaling
from ._registry import register_converter


@register_converter(PLSRegression, "transform")
@register_converter(PLSCanonical, "transform")
@register_converter(CCA, "transform")
def _scores(fitted: Any) -> Map:
    mean, scale = pls_scaling(fitted)
    return Affine(fitted.x_rotations_.T / scale, center=mean)


@register_converter(PLSRegression, "inverse_transform")
@register_converter(PLSCanonical, "inverse_transform")
@register_converter(CCA, "inverse_transform")
def _scores_inverse(fitted: Any) -> Map:
    mean, scale = pls_scaling(fitted)
    return Affine(scale[:, None] * fitted.x_loadings_, offset=mean)


@register_converter(PLSRegression, "predict")
@register_converter(PLSCanonical, "predict")
@register_converter(CCA, "predict")
def _predict(fitted: Any) -> Map:
    mean, _ = pls_scaling(fitted)
    return Affine(fitted.coef_, center=mean, offset=fitted.intercept_)


@register_converter(PLSSVD, "transform")
def _pls_svd(fitted: PLSSVD) -> Map:
    mean, scale = pls_scaling(fitted)
    return Affine(fitted.x_weights_.T / scale, center=mean)
