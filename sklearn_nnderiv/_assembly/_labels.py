"""Derivative labels carried from raw units to those of the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._engines import evaluate
from .._maps import Map
from .._scaling import CHUNK_SIZE, constant_columns
from .._training import Labels, Rows, balance
from .._validation import Array, Index


def scaled_labels(
    estimator: Any, rows: Rows, y: NDArray[Any], weight: NDArray[Any], *, go_on: bool
) -> Labels | None:
    """Return what labels say of the network, through the derivatives of the scalers.

    The derivative by a raw feature is that of the network along the direction in which
    the scaled inputs move with the feature, whatever the scaler of X does.

    Parameters
    ----------
    estimator : DifferentiableRegressor
        With fitted scalers.
    rows : Rows
    y : ndarray of shape (n_samples, n_outputs)
        Scaled.
    weight : ndarray of shape (n_samples,)
    go_on : bool
        Whether the units are those of an earlier batch, if it had labels.

    Returns
    -------
    labels : Labels or None
        None if nothing is known.
    """
    before = getattr(estimator, "_label_units", None) if go_on else None
    estimator._label_units = before
    if rows.jacobian is None:
        return None
    known = _weights(rows.label_weight, rows.jacobian)
    if not known.any():
        return None
    index = np.flatnonzero(known.any(axis=(1, 2)))
    features = np.flatnonzero(known.any(axis=(0, 1)))
    step = typical_steps(rows, known) if before is None else before[0]
    tangents = _tangents(estimator._x_map, rows, index, features) * step[features, None]
    raw = rows.jacobian[index][:, :, features] * step[features]
    slopes = _slopes(estimator._y_map, y[index], raw)
    own = known[index].transpose(0, 2, 1)[:, features]
    # no network can follow along a direction of no length, or of infinite length
    endless = ~np.isfinite(tangents).all(axis=2, keepdims=True)
    unusable = ~np.isfinite(slopes) | endless | ~tangents.any(axis=2, keepdims=True)
    own = np.where(unusable, 0.0, own)
    if not own.any():
        return None
    slopes = np.where(own > 0, slopes, 0.0)
    if before is None:
        whole = weight[index, None, None] * own
        values, by_row = y.astype(np.float64), weight.astype(np.float64)
        factor = balance(values, by_row, slopes, whole, known.shape[2])
        if not constant_columns(rows.X).all():  # or it says nothing of later batches
            estimator._label_units = (step, factor)
    else:
        factor = before[1]
    tables = (index, np.nan_to_num(tangents), slopes, own)
    return Labels.of(tables, factor, known.shape[2])


def _weights(weight: Array | None, jacobian: Array) -> Array:
    """Return the weight of every label, 0 where there is none."""
    return np.where(np.isnan(jacobian), 0.0, 1.0 if weight is None else weight)


def typical_steps(rows: Rows, known: Array) -> Array:
    """Return a typical step of every feature, the unit of the slopes along it.

    It is the standard deviation; of a feature that is constant, what would change y by
    its standard deviation. Directions have their length already.
    """
    if rows.directions is not None:
        return np.ones(known.shape[2])
    part = (rows.weight / rows.weight.sum())[:, None]
    constant = constant_columns(rows.X)
    # a power of two, in which squares neither overflow nor vanish
    unit = np.ldexp(1.0, np.frexp(np.ptp(rows.X, axis=0))[1] - 1)
    deviation = (rows.X - (part * rows.X).sum(axis=0)) / unit
    step = unit * np.sqrt((part * deviation**2).sum(axis=0))
    if constant.any():
        assert rows.jacobian is not None
        squares = np.where(known > 0, np.nan_to_num(rows.jacobian) ** 2, 0.0)
        slope = np.sqrt(
            squares.sum(axis=(0, 1)) / np.maximum(known.sum(axis=(0, 1)), 1)
        )
        usual = np.where(slope > 0, rows.y.std() / np.where(slope > 0, slope, 1), 0)
        step = np.where(constant, np.where(usual > 0, usual, 1.0), step)
    return step


def _tangents(x_map: Map, rows: Rows, index: Index, features: Index) -> Array:
    """Return how the scaled inputs move with raw features, or along directions.

    Of shape (n, n_features, n_in), or (1, ...) if that is the same for all rows.
    """
    if rows.directions is None:
        return _moved(x_map, rows.X[index], features)
    every = np.arange(rows.X.shape[1])
    tangents = _moved(x_map, rows.X[index], every)
    along = rows.directions if len(rows.directions) == 1 else rows.directions[index]
    return np.matmul(along[:, features], tangents)


def _moved(x_map: Map, X: Array, features: Index) -> Array:
    def moving(some: slice) -> Array:
        part = X[some]
        jacobian = np.empty((len(part), x_map.n_out, x_map.n_in))
        evaluate(x_map, part, {"jacobian": jacobian})
        return jacobian.transpose(0, 2, 1)[:, features]

    return by_chunks(moving, len(X), x_map.n_in * x_map.n_out)


def by_chunks(compute: Callable[[slice], Array], n: int, size: int) -> Array:
    """Return arrays of n rows computed chunk by chunk; a single one if all are equal.

    Parameters
    ----------
    compute : callable
        From rows to arrays, one for each.
    n : int
        At least 1.
    size : int
        Of the numbers of a row.
    """
    step = max(1, CHUNK_SIZE // size)
    chunks = [slice(start, min(start + step, n)) for start in range(0, n, step)]
    parts = []
    for chunk in chunks:
        part = compute(chunk)
        parts.append(part[:1] if (part == part[:1]).all() else part)
    first = parts[0][:1]
    if all(len(part) == 1 and (part == first).all() for part in parts):
        return first
    whole = np.empty((n, *first.shape[1:]))
    for chunk, part in zip(chunks, parts, strict=True):
        whole[chunk] = part
    return whole


def _slopes(y_map: Map, y: NDArray[Any], raw: Array) -> Array:
    """Return derivatives (n, n_features, n_out) of scaled y, from raw ones.

    NaN where unknown, or where the scaler of y has no slope.
    """
    after = np.empty((len(y), y_map.n_out, y_map.n_in))
    evaluate(y_map, y.astype(np.float64), {"jacobian": after})
    return scaled_slopes(after, raw).transpose(0, 2, 1)


def scaled_slopes(after: Array, raw: Array) -> Array:
    """Return derivatives of scaled y, NaN where unknown or where there is no slope.

    Parameters
    ----------
    after : ndarray of shape (n, n_out, n_out)
        Those of raw y by scaled y.
    raw : ndarray of shape (n, n_out, n_features)
        Those of raw y.
    """
    own = np.einsum("ijj->ij", after)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if not (after * (1 - np.eye(after.shape[1]))).any():
            scaled: Array = raw / own[:, :, None]
            return scaled
    after[np.linalg.slogdet(after)[0] == 0] = np.nan
    # an unknown label of one output leaves all scaled ones unknown
    return np.asarray(np.linalg.solve(after, raw), np.float64)
