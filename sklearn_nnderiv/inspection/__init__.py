"""Marginal effects, sensitivities and pictures of fitted models, by derivatives."""

from ._dgsm import DGSM, dgsm
from ._extrapolation import extrapolation_score
from ._sensitivity_display import SensitivityDisplay

__all__ = ["DGSM", "SensitivityDisplay", "dgsm", "extrapolation_score"]
