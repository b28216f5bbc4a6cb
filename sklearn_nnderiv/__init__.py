"""Neural-network regression with exact derivatives in the units of the data."""

from . import exceptions
from ._converters import register_converter
from ._regressor import DifferentiableRegressor
from .functional import jacobian, to_torch

__version__ = "0.1.0"

__all__ = [
    "DifferentiableRegressor",
    "exceptions",
    "jacobian",
    "register_converter",
    "to_torch",
]
