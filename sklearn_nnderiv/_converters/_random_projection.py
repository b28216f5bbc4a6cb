"""Random projections."""

from typing import Any

from sklearn.random_projection import (
    GaussianRandomProjection,
    SparseRandomProjection,
)

from .._maps import Affine, Map
from .._sklearn_compat import random_projection_inverse
from ._registry import register_converter


@register_converter(GaussianRandomProjection, "transform")
def _gaussian(fitted: GaussianRandomProjection) -> Map:
    return Affine(fitted.components_)


@register_converter(SparseRandomProjection, "transform")
def _sparse(fitted: SparseRandomProjection) -> Map:
    return Affine(fitted.components_.toarray())


@register_converter(GaussianRandomProjection, "inverse_transform")
@register_converter(SparseRandomProjection, "inverse_transform")
def _inverse(fitted: Any) -> Map:
    return Affine(random_projection_inverse(fitted))
