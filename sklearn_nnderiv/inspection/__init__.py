"""Marginal effects, sensitivities and pictures of fitted models, by derivatives."""

from ._active_subspace import ActiveSubspace, active_subspace
from ._dgsm import DGSM, dgsm
from ._extrapolation import extrapolation_score
from ._interactions import InteractionStrength, interaction_strength
from ._marginal_effects import MarginalEffects, marginal_effects
from ._marginal_effects_display import MarginalEffectsDisplay
from ._sensitivity_display import SensitivityDisplay

__all__ = [
    "DGSM",
    "ActiveSubspace",
    "InteractionStrength",
    "MarginalEffects",
    "MarginalEffectsDisplay",
    "SensitivityDisplay",
    "active_subspace",
    "dgsm",
    "extrapolation_score",
    "interaction_strength",
    "marginal_effects",
]
