"""Standard deviations of values and derivatives of any regressor that has them."""

from ._deviations import standard_deviations

__all__ = ["standard_deviations"]
