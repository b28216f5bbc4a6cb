"""Marginal effects, sensitivities and pictures of fitted models, by derivatives."""

from ._derivative_check import DerivativeCheckDisplay
from ._extrapolation import extrapolation_score
from ._heatmap import JacobianHeatmapDisplay
from ._labelled import jacobian_frame, jacobian_xarray
from ._partial_derivative import PartialDerivativeDisplay

__all__ = [
    "DerivativeCheckDisplay",
    "JacobianHeatmapDisplay",
    "PartialDerivativeDisplay",
    "extrapolation_score",
    "jacobian_frame",
    "jacobian_xarray",
]
