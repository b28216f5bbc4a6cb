"""From fitted scikit-learn objects to differentiable maps."""

from . import (  # they fill the registry
    _cluster,
    _cross_decomposition,
    _decomposition,
    _discretization,
    _discriminant_analysis,
    _feature_extraction,
    _feature_selection,
    _impute,
    _isotonic,
    _kernel_approximation,
    _linear_model,
    _meta,
    _neighbors,
    _neural_network,
    _polynomial,
    _preprocessing,
    _quantile,
    _random_projection,
)
from ._agreement import N_SAMPLE_ROWS, check_agreement, check_slope
from ._function_transformer import register_function
from ._registry import convert, register_converter

__all__ = [
    "N_SAMPLE_ROWS",
    "check_agreement",
    "check_slope",
    "convert",
    "register_converter",
    "register_function",
]

del (
    _cluster,
    _cross_decomposition,
    _decomposition,
    _discretization,
    _discriminant_analysis,
    _feature_extraction,
    _feature_selection,
    _impute,
    _isotonic,
    _kernel_approximation,
    _linear_model,
    _meta,
    _neighbors,
    _neural_network,
    _polynomial,
    _preprocessing,
    _quantile,
    _random_projection,
)
