"""Marginal effects, sensitivities and pictures of fitted models, by derivatives."""

from ._extrapolation import extrapolation_score

__all__ = ["extrapolation_score"]
