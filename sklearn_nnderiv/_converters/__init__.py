"""From fitted scikit-learn objects to differentiable maps."""

# these fill the registry
from . import (
    _cluster,
    _compose,
    _cross_decomposition,
    _decomposition,
    _discretization,
    _discriminant_analysis,
    _dummy,
    _ensemble,
    _feature_extraction,
    _feature_selection,
    _gaussian_process,
    _impute,
    _isotonic,
    _kernel_approximation,
    _kernel_methods,
    _linear_model,
    _model_selection,
    _modules,
    _multioutput,
    _neighbors,
    _neural_network,
    _pipeline,
    _polynomial,
    _preprocessing,
    _quantile,
    _random_projection,
)
from ._agreement import N_SAMPLE_ROWS, check_agreement, check_slope
from ._bind import Bound, bind
from ._function_transformer import register_function
from ._kernels import process_kernel
from ._lookup import Role
from ._modules import dtype_of as module_dtype
from ._modules import module_output
from ._registry import convert, register_converter, registered
from ._source import Source

__all__ = [
    "N_SAMPLE_ROWS",
    "Bound",
    "Role",
    "Source",
    "bind",
    "check_agreement",
    "check_slope",
    "convert",
    "module_dtype",
    "module_output",
    "process_kernel",
    "register_converter",
    "register_function",
    "registered",
]

del (
    _cluster,
    _compose,
    _cross_decomposition,
    _decomposition,
    _discretization,
    _discriminant_analysis,
    _dummy,
    _ensemble,
    _feature_extraction,
    _feature_selection,
    _gaussian_process,
    _impute,
    _isotonic,
    _kernel_approximation,
    _kernel_methods,
    _linear_model,
    _model_selection,
    _modules,
    _multioutput,
    _neighbors,
    _neural_network,
    _pipeline,
    _polynomial,
    _preprocessing,
    _quantile,
    _random_projection,
)
