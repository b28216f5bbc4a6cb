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
@register_converter(SparseRandomProjection, "transform")
def _projection(fitted: Any) -> Map:
    components = fitted.components_
    # those of a SparseRandomProjection are not sparse if its density is 1
    is_sparse = hasattr(components, "toarray")
    return Affine(components.toarray() if is_sparse else components)


@register_converter(GaussianRandomProjection, "inverse_transform")
@register_converter(SparseRandomProjection, "inverse_transform")
def _inverse(fitted: Any) -> Map:
    return Affine(random_projection_inverse(fitted))
