"""Columns and cells by which there is no derivative.

A derivative by such a column is NaN, and so is what is made of it: a product with a
direction that leads along the column, a second derivative, a Laplacian.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._validation import Array

Mask = NDArray[np.bool_]


def without_undefined(V: Array, undefined: Mask) -> Array:
    """Return directions that do not lead along columns without a derivative."""
    return np.where(undefined, 0.0, V)


def mark_undefined(name: str, out: Array, undefined: Mask, V: Array | None) -> None:
    """Write NaN where a result depends on a derivative that is not there.

    Parameters
    ----------
    name : str
        Of the result.
    out : ndarray
        The result of n rows.
    undefined : ndarray of bool of shape (n, d)
        By which columns there is no derivative.
    V : ndarray of shape (n, d) or None
        Directions, where there are any.
    """
    by_column = undefined[:, None]
    if name in ("jacobian", "hvp"):
        np.copyto(out, np.nan, where=by_column)
    elif name == "vjp":
        np.copyto(out, np.nan, where=undefined)
    elif name == "hessian":
        np.copyto(out, np.nan, where=by_column[..., None] | by_column[..., None, :])
    elif name == "laplacian":
        out[undefined.any(axis=1)] = np.nan
    if name in ("jvp", "hvp") and V is not None:
        out[(undefined & (V != 0)).any(axis=1)] = np.nan


def mark_unknown(name: str, out: Array, unknown: Mask) -> None:
    """Write NaN where a value (n, n_out) is NaN, also by columns without influence."""
    if unknown.any():
        out[unknown.any(axis=1) if name == "vjp" else unknown] = np.nan
