"""Derivative labels carried from raw units to those of the network."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._engines import evaluate
from .._maps import Map
from .._scaling import CHUNK_SIZE
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
    step = _steps(rows, known) if before is None else before[0]
    tangents = _tangents(estimator._x_map, rows, index, features) * step[features, None]
    raw = rows.jacobian[index][:, :, features] * step[features]
    slopes = _slopes(estimator._y_map, y[index], raw)
    own = known[index].transpose(0, 2, 1)[:, features]
    endless = ~np.isfinite(tangents).all(axis=2, keepdims=True)
    own = np.where(endless | ~np.isfinite(slopes), 0.0, own)
    if not own.any():
        return None
    slopes = np.where(own > 0, slopes, 0.0)
    if before is None:
        whole = weight[index, None, None] * own
        values, by_row = y.astype(np.float64), weight.astype(np.float64)
        factor = balance(values, by_row, slopes, whole, known.shape[2])
        estimator._label_units = (step, factor)
    tables = (index, np.nan_to_num(tangents), slopes, own)
    return Labels.of(tables, estimator._label_units[1], known.shape[2])


def _weights(weight: Array | None, jacobian: Array) -> Array:
    """Return the weight of every label, 0 where there is none."""
    return np.where(np.isnan(jacobian), 0.0, 1.0 if weight is None else weight)


def _steps(rows: Rows, known: Array) -> Array:
    """Return a typical step of every feature, the unit of the slopes along it.

    It is the standard deviation; of a feature that is constant, what would change y by
    its standard deviation. Directions have their length already.
    """
    if rows.directions is not None:
        return np.ones(known.shape[2])
    part = (rows.weight / rows.weight.sum())[:, None]
    step = np.sqrt((part * (rows.X - (part * rows.X).sum(axis=0)) ** 2).sum(axis=0))
    constant = (rows.X[:1] == rows.X).all(axis=0)
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
    along: Array = np.matmul(rows.directions[index][:, features], tangents)
    return along


def _moved(x_map: Map, X: Array, features: Index) -> Array:
    size = max(1, CHUNK_SIZE // (x_map.n_in * x_map.n_out))
    parts = []
    for start in range(0, len(X), size):
        some = X[start : start + size]
        jacobian = np.empty((len(some), x_map.n_out, x_map.n_in))
        evaluate(x_map, some, {"jacobian": jacobian})
        part = jacobian.transpose(0, 2, 1)[:, features]
        parts.append((part[:1] if (part == part[:1]).all() else part, len(some)))
    first = parts[0][0][:1]
    if all(len(part) == 1 and (part == first).all() for part, _ in parts):
        return first
    shape = (len(features), x_map.n_out)
    return np.concatenate([np.broadcast_to(part, (n, *shape)) for part, n in parts])


def _slopes(y_map: Map, y: NDArray[Any], raw: Array) -> Array:
    """Return derivatives (n, n_features, n_out) of scaled y, from raw ones.

    NaN where unknown, or where the scaler of y has no slope.
    """
    after = np.empty((len(y), y_map.n_out, y_map.n_in))
    evaluate(y_map, y.astype(np.float64), {"jacobian": after})
    own = np.einsum("ijj->ij", after)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if not (after * (1 - np.eye(y_map.n_in))).any():
            scaled: Array = raw / own[:, :, None]
            return scaled.transpose(0, 2, 1)
    after[np.linalg.det(after) == 0] = np.nan
    # an unknown label of one output leaves all scaled ones unknown
    return np.asarray(np.linalg.solve(after, raw), np.float64).transpose(0, 2, 1)
