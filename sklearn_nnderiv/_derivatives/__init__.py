"""The way of all derivatives: convert, check, run, and shape like predictions."""

from ._evaluation import derivatives
from ._methods import METHODS
from ._to_map import to_map

__all__ = ["METHODS", "derivatives", "to_map"]
