"""Metric learning."""

from sklearn.neighbors import NeighborhoodComponentsAnalysis

from .._maps import Affine, Map
from ._registry import register_converter


@register_converter(NeighborhoodComponentsAnalysis, "transform")
def _neighborhood_components(fitted: NeighborhoodComponentsAnalysis) -> Map:
    return Affine(fitted.components_)
