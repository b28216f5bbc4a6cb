"""Standard deviations of values and derivatives of any regressor that has them."""

from ._deviations import standard_deviations
from ._moves import Moves, has_posterior

__all__ = ["Moves", "has_posterior", "standard_deviations"]
