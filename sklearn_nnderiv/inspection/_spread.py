"""Where the columns of X lie, and the scale that derivatives are measured in."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._validation import Array
from ._model import Model
from ._moments import Moments


class Spread(NamedTuple):
    """What is known of every column (n_features,), NaN of those that are not numbers.

    Missing cells count as absent, and so do rows of weight 0.
    """

    mean: Array
    std: Array
    low: Array
    high: Array


def spread_of(model: Model, weight: Array, verbose: int | bool = 0) -> Spread:
    """Return where the columns of a model's rows lie, in one pass over these."""
    moments = Moments()
    low = np.full(model.n_features, np.inf)
    high = -low
    for rows, table in model.chunks("columns of X", verbose):
        numbers = table.numbers()
        moments.update(numbers, weight[rows])
        numbers = numbers[weight[rows] > 0]
        low = np.fmin(low, np.fmin.reduce(numbers, axis=0, initial=np.inf))
        high = np.fmax(high, np.fmax.reduce(numbers, axis=0, initial=-np.inf))
    std = np.where(low == high, 0.0, np.sqrt(moments.variance))  # of a constant, too
    is_known = model.table.is_number & (low <= high)
    return Spread(
        *(np.where(is_known, a, np.nan) for a in (moments.mean, std, low, high))
    )


def std_of(values: Array, weight: Array) -> Array:
    """Return weighted standard deviations (m,) of columns (n, m), leaving out NaN."""
    moments = Moments()
    moments.update(values, weight)
    values = values[weight > 0]
    is_constant = np.fmax.reduce(values) == np.fmin.reduce(values)
    return np.where(is_constant, 0.0, np.sqrt(moments.variance))


def check_scale(scale: Any, n_features: int) -> Any:
    """Return the scale, "std" or an array, checked before any work.

    Raises
    ------
    ValueError
        Unless it is "std", None, or a positive number for every feature.
    """
    if isinstance(scale, str) and scale == "std":
        return scale
    if scale is None:
        return np.ones(n_features)
    wanted = f"`scale` must be 'std', None or {n_features} positive numbers."
    if isinstance(scale, str):
        raise ValueError(f"{wanted} Got {scale!r}.")
    try:
        array = np.asarray(scale, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{wanted} Got {scale!r}.") from error
    if array.shape != (n_features,):
        raise ValueError(f"{wanted} Got an array of shape {array.shape}.")
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise ValueError(f"{wanted} Got {array}.")
    return array


def resolved_scale(scale: Any, spread: Spread) -> Array:
    """Return a checked scale (n_features,), with standard deviations for "std".

    Raises
    ------
    ValueError
        If no column has one.
    """
    if not isinstance(scale, str):
        return scale
    if not np.nan_to_num(spread.std).any():
        raise ValueError(
            "scale='std' divides by the standard deviations of the columns of X, none "
            "of which varies. Give rows that differ, or the scale of every feature, or "
            "scale=None."
        )
    return spread.std
