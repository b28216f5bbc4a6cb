"""Marginal effects, sensitivities and pictures of fitted models, by derivatives."""

from ._extrapolation import extrapolation_score
from ._marginal_effects import MarginalEffects, marginal_effects
from ._plot_marginal_effects import MarginalEffectsDisplay

__all__ = [
    "MarginalEffects",
    "MarginalEffectsDisplay",
    "extrapolation_score",
    "marginal_effects",
]
