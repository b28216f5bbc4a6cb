"""Scalers by name or by instance: fitted, converted, and held against themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils.validation import has_fit_parameter

from ._converters import N_SAMPLE_ROWS, check_agreement, convert
from ._maps import Map
from ._validation import Array, dense, warn
from .exceptions import DerivativeWarning, NotConvertibleError

SCALERS: dict[str, type] = {
    "standard": StandardScaler,
    "minmax": MinMaxScaler,
    "robust": RobustScaler,
    "maxabs": MaxAbsScaler,
    "passthrough": FunctionTransformer,
}

# numbers that are scaled at a time
CHUNK_SIZE = 2_000_000
# whose fit would make copies of all rows, and whose partial_fit gives the same
_FITTED_IN_CHUNKS = (StandardScaler, MinMaxScaler, MaxAbsScaler)


def fit_scaler(scaler: Any, data: Array, weight: Array, parameter: str) -> Any:
    """Return a fitted clone of the scaler, or of the one that a name stands for."""
    fitted = SCALERS[scaler]() if isinstance(scaler, str) else clone(scaler)
    if hasattr(fitted, "set_output"):
        fitted.set_output(transform="default")  # whatever the global configuration
    weights = {"sample_weight": weight}
    try:
        takes_weights = has_fit_parameter(fitted, "sample_weight")
        if data.size > CHUNK_SIZE and type(fitted) in _FITTED_IN_CHUNKS:
            for rows in _chunks(data):
                part = {"sample_weight": weight[rows]} if takes_weights else {}
                fitted.partial_fit(data[rows], **part)
            return fitted
        return fitted.fit(data, **(weights if takes_weights else {}))
    except ValueError as error:
        raise ValueError(f"{parameter}={scaler!r} cannot be fitted: {error}") from error


def input_map(fitted: Any) -> Map:
    """Convert the forward transformation of a fitted x_scaler."""
    return _convert(fitted, "x_scaler", "transform")


def output_map(fitted: Any) -> Map:
    """Convert the inverse transformation of a fitted y_scaler."""
    return _convert(fitted, "y_scaler", "inverse_transform")


def _convert(fitted: Any, parameter: str, role: Any) -> Map:
    try:
        return convert(fitted, role)
    except NotConvertibleError as error:
        raise NotConvertibleError(f"{parameter}: {error}") from error


def scale_inputs(
    fitted: Any, function: Map, X: Array, dtype: str = "float64"
) -> NDArray[Any]:
    """Return the scaled rows, checked against the map that predictions will use."""
    scaled, head = _scale(fitted, X, dtype, "x_scaler", "X")
    check_agreement(function, X[: len(head)], head, f"x_scaler={fitted!r}")
    return scaled


def scale_targets(
    fitted: Any, function: Map, y: Array, dtype: str = "float64"
) -> NDArray[Any]:
    """Return the scaled targets, checked to come back as y."""
    scaled, head = _scale(fitted, y, dtype, "y_scaler", "y")
    back = dense(fitted.inverse_transform(head))
    check_agreement(function, head, back, f"y_scaler={fitted!r}")
    _check_round_trip(fitted, y, y[: len(head)], back)
    return scaled


def _scale(
    fitted: Any, data: Array, dtype: str, parameter: str, name: str
) -> tuple[NDArray[Any], Array]:
    """Return the scaled rows in `dtype`, and a copy of the first few in float64.

    The rows are scaled chunk by chunk, so that a single copy of them is in memory.
    """
    parts = (dense(fitted.transform(data[rows])) for rows in _chunks(data))
    n_bad = 0
    for rows, part in zip(_chunks(data), parts, strict=True):
        n_bad += int((~np.isfinite(part)).any(axis=1).sum())
        if rows.start == 0:
            scaled, head = np.empty((len(data), *part.shape[1:]), dtype), part
            low, high = part.min(axis=0), part.max(axis=0)
        scaled[rows] = part
        low, high = np.minimum(low, part.min(axis=0)), np.maximum(high, part.max(0))
    if n_bad:
        raise ValueError(
            f"{parameter}={fitted!r} turned {n_bad} of {len(data)} rows of {name} "
            f"into NaN or infinity; {name} itself is finite. Use a scaler whose domain "
            f"holds all of {name}."
        )
    _warn_of_tiny(high - low, data, parameter, name, fitted)
    return scaled, head[:N_SAMPLE_ROWS].copy()


def constant_columns(X: Array) -> NDArray[np.bool_]:
    """Tell which columns are constant, up to rounding."""
    low, high = X.min(axis=0), X.max(axis=0)
    rounding = 8 * np.finfo(np.float64).eps
    with np.errstate(over="ignore"):
        return high - low <= rounding * np.maximum(abs(low), abs(high))


def _chunks(data: Array) -> list[slice]:
    size = max(1, CHUNK_SIZE // data.shape[1])
    return [slice(i, i + size) for i in range(0, len(data), size)]


def _warn_of_tiny(
    spread: Array, data: Array, parameter: str, name: str, fitted: Any
) -> None:
    """Warn of columns that vary, yet not in any unit that a network can see."""
    if len(spread) != data.shape[1]:
        return  # columns before and after do not belong together
    low, high = data.min(axis=0), data.max(axis=0)
    varies = high - low > 1e-12 * np.maximum(abs(low), abs(high))
    tiny = varies & (spread < 1e-8) if varies.any() else varies
    if tiny.any():
        warn(
            f"{parameter}={fitted!r} leaves columns {np.flatnonzero(tiny).tolist()} of "
            f"{name} with a range below 1e-8, which a network cannot see. Give {name} "
            "in smaller units, or use another scaler.",
            DerivativeWarning,
        )


def _check_round_trip(fitted: Any, y: Array, head: Array, back: Array) -> None:
    """Raise if inverse_transform does not undo transform, on most rows."""
    spread = np.ptp(y, axis=0)
    spread = np.where(spread > 0, spread, np.maximum(abs(y[0]), 1))
    if np.median(abs(back - head) / spread) > 1e-3:
        raise ValueError(
            f"inverse_transform of y_scaler={fitted!r} does not undo its transform, so "
            "predictions would not be in the units of y. For a FunctionTransformer, "
            "give both func and inverse_func; if it is rounding, rescale y first."
        )
