"""Rows on which a converted map is held against what it was converted from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._validation import Array

# what fitted objects say of their training data, in units of their input
_PLACES = (
    "data_min_",
    "data_max_",
    "center_",
    "mean_",
    "statistics_",
    "quantiles_",
    "X_train_",
    "X_fit_",
    "support_vectors_",
    "cluster_centers_",
    "subcluster_centers_",
)
# of one object
_MOST_PLACES = 8
_MOST_COLUMNS = 8
_MOST_ROWS = 6
# how far beyond the range, in spreads, and in ranges
_FAR, _BEYOND = 3.0, 0.25


def places_of(fitted: Any, n_in: int) -> Array:
    """Return rows (m, n_in) where a fitted object says that its training data were.

    The last two are a little beyond these, if there are any.
    """
    fitted = getattr(fitted, "x_scaler_", fitted)
    found = [_rows(getattr(fitted, name, None), n_in) for name in _PLACES]
    scale = _rows(getattr(fitted, "scale_", None), n_in)
    for name in ("center_", "mean_"):
        center = _rows(getattr(fitted, name, None), n_in)
        if len(center) == len(scale) == 1:
            found += [center - _FAR * scale, center + _FAR * scale]
    places = np.concatenate(found)
    if not len(places):
        return places
    low, high = places.min(axis=0), places.max(axis=0)
    beyond = _BEYOND * (high - low)
    return np.vstack([places, low - beyond, high + beyond])


def _rows(value: Any, n_in: int) -> Array:
    """Return an attribute as a few rows, none if it is something else."""
    nothing = np.empty((0, n_in))
    if hasattr(value, "toarray"):
        value = value.toarray()
    try:
        rows = np.atleast_2d(np.asarray(value, dtype=np.float64))
    except (TypeError, ValueError):
        return nothing
    if value is None or rows.ndim != 2 or rows.shape[1] != n_in or not len(rows):
        return nothing
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), _MOST_PLACES)).astype(int)
    rows = rows[chosen]
    return rows[np.isfinite(rows).all(axis=1)]


def training_rows(leaves: Sequence[tuple[Any, Any]], width: int) -> Array:
    """Return rows like those that fitted objects say they were fitted on.

    Parameters
    ----------
    leaves : sequence of (object, columns)
        What is given raw columns, and which.
    width : int
        The number of raw columns.

    Returns
    -------
    rows : ndarray of shape (n, width)
        Standard normal in columns that nothing is said of; some rows positive, and some
        between 0 and 1, for functions of a smaller domain.
    """
    center, spread = np.zeros(width), np.ones(width)
    corners = []
    for leaf, columns in leaves:
        n_in = len(center[columns])
        places = places_of(leaf, n_in)
        if len(places):
            center[columns] = places.mean(axis=0)
            spread[columns] = np.where(np.ptp(places, axis=0) > 0, places.std(0), 1.0)
            corners.append((places, columns))
    rng = np.random.default_rng(0)
    rows = center + spread * rng.standard_normal((16, width))
    return np.concatenate(
        [rows, abs(rows[:8]), rng.random((8, width)), _placed(corners, center)]
    )


def _placed(corners: Sequence[tuple[Array, Any]], center: Array) -> Array:
    """Return rows that take places in some columns, and the center in the others."""
    rows = [np.empty((0, len(center)))]
    for places, columns in corners:
        rows.append(np.tile(center, (len(places), 1)))
        rows[-1][:, columns] = places
    return np.concatenate(rows)


def outlying_rows(numbers: Array, leaves: Sequence[tuple[Any, Any]]) -> Array:
    """Return rows at the edges of some rows, beyond them, and where data once were.

    Parameters
    ----------
    numbers : ndarray of shape (n, width)
    leaves : sequence of (object, columns)
    """
    width = numbers.shape[1]
    center, spread = numbers.mean(axis=0), numbers.std(axis=0)
    size = np.where(center == 0, 1.0, abs(center) / 10)
    spread = np.where(spread > 0, spread, size)
    low, high = numbers.min(axis=0), numbers.max(axis=0)
    rows = [center, low, high, low - _FAR * spread, high + _FAR * spread]
    rows += list(center + _FAR * (numbers[:_MOST_ROWS] - center))
    for j in range(min(width, _MOST_COLUMNS)):
        for edge in (low[j], high[j], low[j] - spread[j], high[j] + spread[j]):
            rows.append(center.copy())
            rows[-1][j] = edge
    corners = [(places_of(leaf, len(center[c])), c) for leaf, c in leaves]
    return np.concatenate([np.array(rows), _placed(corners, center)])
