"""Frames of the library that the rows came in."""

from __future__ import annotations

from typing import Any


def frame_like(X: Any, columns: dict[str, Any]) -> Any:
    """Return columns as a frame of the library of X, or of pandas for an array.

    Raises
    ------
    ImportError
        If pandas is needed and not installed.
    """
    if hasattr(X, "columns") and hasattr(X, "shape"):
        return type(X)(columns)
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "A labelled table needs pandas, which is not installed here: "
            "pip install pandas. Rows in a frame of polars give tables of polars."
        ) from error
    return pd.DataFrame(columns)


def empty_like(X: Any) -> Any:
    """Return a frame with the columns of X and no rows, None if X is an array."""
    if not (hasattr(X, "columns") and hasattr(X, "shape")):
        return None
    # a slice would keep the rows
    return type(X)({name: [] for name in X.columns})
