"""From fitted scikit-learn objects to differentiable maps."""

from . import (  # they fill the registry
    _dummy,
    _linear_model,
    _meta,
    _neighbors,
    _neural_network,
    _preprocessing,
    _quantile,
)
from ._agreement import N_SAMPLE_ROWS, check_agreement, check_slope
from ._registry import convert, register_converter

__all__ = [
    "N_SAMPLE_ROWS",
    "check_agreement",
    "check_slope",
    "convert",
    "register_converter",
]

del _dummy, _linear_model, _meta, _neighbors, _neural_network, _preprocessing, _quantile
