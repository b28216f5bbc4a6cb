"""From fitted scikit-learn objects to differentiable maps."""

from . import (  # they fill the registry
    _gaussian_process,
    _kernel_methods,
    _linear_model,
    _meta,
    _preprocessing,
    _quantile,
)
from ._agreement import N_SAMPLE_ROWS, check_agreement, check_slope
from ._kernels import process_kernel
from ._registry import convert, register_converter

__all__ = [
    "N_SAMPLE_ROWS",
    "check_agreement",
    "check_slope",
    "convert",
    "process_kernel",
    "register_converter",
]

del _gaussian_process, _kernel_methods, _linear_model, _meta, _preprocessing, _quantile
