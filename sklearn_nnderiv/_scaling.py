"""Scalers by name or by instance: fitted, converted, and held against themselves."""

from __future__ import annotations

from typing import Any

import numpy as np
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
from ._validation import Array, warn
from .exceptions import DerivativeWarning, NotConvertibleError

SCALERS: dict[str, type] = {
    "standard": StandardScaler,
    "minmax": MinMaxScaler,
    "robust": RobustScaler,
    "maxabs": MaxAbsScaler,
    "passthrough": FunctionTransformer,
}


def fit_scaler(scaler: Any, data: Array, weight: Array, parameter: str) -> Any:
    """Return a fitted clone of the scaler, or of the one that a name stands for."""
    fitted = SCALERS[scaler]() if isinstance(scaler, str) else clone(scaler)
    if hasattr(fitted, "set_output"):
        fitted.set_output(transform="default")  # whatever the global configuration
    weights = {"sample_weight": weight}
    try:
        takes_weights = has_fit_parameter(fitted, "sample_weight")
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


def scale_inputs(fitted: Any, function: Map, X: Array) -> Array:
    """Return the scaled rows, checked against the map that predictions will use."""
    scaled = np.asarray(fitted.transform(X), dtype=np.float64)
    _check_finite(scaled, "x_scaler", "X", fitted)
    _warn_of_tiny(scaled, X, "x_scaler", "X", fitted)
    head = slice(N_SAMPLE_ROWS)
    check_agreement(function, X[head], scaled[head], f"x_scaler={fitted!r}")
    return scaled


def scale_targets(fitted: Any, function: Map, y: Array) -> Array:
    """Return the scaled targets, checked to come back as y."""
    scaled = np.asarray(fitted.transform(y), dtype=np.float64)
    _check_finite(scaled, "y_scaler", "y", fitted)
    _warn_of_tiny(scaled, y, "y_scaler", "y", fitted)
    head = slice(N_SAMPLE_ROWS)
    back = np.asarray(fitted.inverse_transform(scaled[head]), dtype=np.float64)
    check_agreement(function, scaled[head], back, f"y_scaler={fitted!r}")
    _check_round_trip(fitted, y, y[head], back)
    return scaled


def _check_finite(scaled: Array, parameter: str, name: str, fitted: Any) -> None:
    n_bad = (~np.isfinite(scaled)).any(axis=1).sum()
    if n_bad:
        raise ValueError(
            f"{parameter}={fitted!r} turned {n_bad} of {len(scaled)} rows of {name} "
            f"into NaN or infinity; {name} itself is finite. Use a scaler whose domain "
            f"holds all of {name}."
        )


def _warn_of_tiny(
    scaled: Array, data: Array, parameter: str, name: str, fitted: Any
) -> None:
    """Warn of columns that vary, yet not in any unit that a network can see."""
    varies = np.ptp(data, axis=0) > 1e-12 * abs(data).max(axis=0)
    tiny = varies & (np.ptp(scaled, axis=0) < 1e-8) if varies.any() else varies
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
