"""Neural-network regression with exact derivatives in the units of the data."""

from . import exceptions, inspection, metrics
from ._converters import register_converter, register_function
from ._pipeline import DifferentiablePipeline
from ._regressor import DifferentiableRegressor
from .functional import (
    hessian,
    hvp,
    jacobian,
    jvp,
    laplacian,
    to_torch,
    value_and_jacobian,
    vjp,
)

__version__ = "0.1.0"

__all__ = [
    "DifferentiablePipeline",
    "DifferentiableRegressor",
    "exceptions",
    "hessian",
    "hvp",
    "inspection",
    "jacobian",
    "jvp",
    "laplacian",
    "metrics",
    "register_converter",
    "register_function",
    "to_torch",
    "value_and_jacobian",
    "vjp",
]
