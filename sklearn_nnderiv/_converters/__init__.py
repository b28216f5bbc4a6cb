"""From fitted scikit-learn objects to differentiable maps."""

from . import _linear_model, _meta, _preprocessing, _quantile  # they fill the registry
from ._agreement import N_SAMPLE_ROWS, check_agreement, check_slope
from ._registry import convert, register_converter

__all__ = [
    "N_SAMPLE_ROWS",
    "check_agreement",
    "check_slope",
    "convert",
    "register_converter",
]

del _linear_model, _meta, _preprocessing, _quantile
