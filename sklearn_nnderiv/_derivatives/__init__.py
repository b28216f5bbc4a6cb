"""The way of all derivatives: convert, check, run, and shape like predictions."""

from ._columns import in_columns
from ._evaluation import derivatives
from ._to_map import named_rows, to_map

__all__ = ["derivatives", "in_columns", "named_rows", "to_map"]
