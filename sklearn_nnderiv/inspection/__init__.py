"""Marginal effects, sensitivities and pictures of fitted models, by derivatives."""

from ._active_subspace import ActiveSubspace, active_subspace
from ._derivative_check import DerivativeCheckDisplay
from ._dgsm import DGSM, dgsm
from ._extrapolation import extrapolation_score
from ._heatmap import JacobianHeatmapDisplay
from ._interactions import InteractionStrength, interaction_strength
from ._labelled import jacobian_frame, jacobian_xarray
from ._linearization import Linearization
from ._linearize import linearize
from ._marginal_effects import marginal_effects
from ._marginal_effects_display import MarginalEffectsDisplay
from ._marginal_effects_result import MarginalEffects
from ._openmdao import openmdao_component
from ._optimize import ScipyFunctions, as_scipy
from ._partial_derivative import PartialDerivativeDisplay
from ._sensitivity_display import SensitivityDisplay

__all__ = [
    "DGSM",
    "ActiveSubspace",
    "DerivativeCheckDisplay",
    "InteractionStrength",
    "JacobianHeatmapDisplay",
    "Linearization",
    "MarginalEffects",
    "MarginalEffectsDisplay",
    "PartialDerivativeDisplay",
    "ScipyFunctions",
    "SensitivityDisplay",
    "active_subspace",
    "as_scipy",
    "dgsm",
    "extrapolation_score",
    "interaction_strength",
    "jacobian_frame",
    "jacobian_xarray",
    "linearize",
    "marginal_effects",
    "openmdao_component",
]
