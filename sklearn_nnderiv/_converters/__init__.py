"""From fitted scikit-learn objects to differentiable maps."""

# these fill the registry
from . import (
    _compose,
    _ensemble,
    _feature_selection,
    _linear_model,
    _model_selection,
    _modules,
    _multioutput,
    _pipeline,
    _preprocessing,
    _quantile,
)
from ._agreement import N_SAMPLE_ROWS, check_agreement, check_slope
from ._bind import Bound, bind
from ._lookup import Role, registered
from ._modules import dtype_of as module_dtype
from ._modules import module_output
from ._registry import convert, register_converter
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
    "register_converter",
    "registered",
]

del _compose, _ensemble, _feature_selection, _linear_model, _model_selection
del _modules, _multioutput, _pipeline, _preprocessing, _quantile
