"""Checks of arrays, weights and devices, each with a message that says what to do."""

import math
import sys
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_array

from ._sklearn_compat import check_sample_weight
from .exceptions import DerivativeWarning

Array = NDArray[np.float64]
Index = NDArray[np.int64]


def dense(result: Any) -> Array:
    """Return what a transformer or a regressor returned as an array of float64."""
    if hasattr(result, "toarray"):  # sparse
        result = result.toarray()
    return np.asarray(result, dtype=np.float64)


def check_weights(sample_weight: Any, X: Array) -> Array:
    """Return finite, non-negative weights of shape (n_samples,), not all zero."""
    weight = check_sample_weight(sample_weight, X)
    if weight.min() < 0:
        raise ValueError(
            "Negative values in data passed to `sample_weight`: the smallest is "
            f"{weight.min():g}. Sample weights must be non-negative."
        )
    if not weight.any():
        raise ValueError(
            "Sample weights must contain at least one non-zero number: all "
            f"{len(weight)} of them are zero, which leaves no row."
        )
    return weight


def unmasked(labels: Any) -> Any:
    """Return what is given, with NaN for what is masked."""
    if not np.ma.isMaskedArray(labels):
        return labels
    dtype = np.result_type(labels.dtype, np.float32)  # NaN is a float
    return np.ma.filled(labels.astype(dtype), np.nan)


def check_jacobian(jacobian: Any, n_features: int, y: Any, names: Any) -> Array | None:
    """Return known derivatives (n_samples, n_outputs, n_features), NaN where unknown.

    None if there are none at all.
    """
    if jacobian is None:
        return None
    columns = getattr(jacobian, "columns", None)
    if columns is not None and names is not None and list(columns) != list(names):
        raise ValueError(
            "The columns of `jacobian` must be those of X, in the same order. Expected "
            f"{list(names)}, got {list(columns)}."
        )
    labels = check_array(
        unmasked(jacobian),
        dtype=np.float64,
        ensure_all_finite=False,
        ensure_2d=False,
        allow_nd=True,
        ensure_min_samples=0,
        ensure_min_features=0,
        input_name="jacobian",
    )
    expected = (*np.shape(y), n_features)
    if labels.shape != expected:
        raise ValueError(
            f"`jacobian` must have the shape of predict_jacobian(X), {expected}: that "
            f"of y, {np.shape(y)}, with the features appended. Got {labels.shape} "
            "instead." + _shape_hint(labels.shape, expected)
        )
    n_infinite = int(np.isinf(labels).sum())
    if n_infinite:
        raise ValueError(
            f"`jacobian` contains infinity in {n_infinite} of {labels.size} entries. "
            "Derivatives must be finite, or NaN where they are unknown."
        )
    if np.isnan(labels).all():
        warn(
            "All of `jacobian` is NaN, so that no derivative is known: the fit is that "
            "without it.",
            UserWarning,
        )
        return None
    return labels.reshape(len(labels), -1, n_features)


def check_label_weight(weight: Any, shape: tuple[int, ...]) -> Array | None:
    """Return relative weights of derivatives of a shape, None where all are 1.

    Raises
    ------
    ValueError
        Unless they broadcast to the shape, and are finite and non-negative.
    """
    if isinstance(weight, str):  # "auto"
        return None
    table = np.asarray(weight, dtype=np.float64)
    if not (np.isfinite(table).all() and (table >= 0).all()):
        raise ValueError(
            "The 'jacobian_weight' parameter of DifferentiableRegressor must hold "
            f"finite, non-negative numbers. Got {weight!r} instead."
        )
    try:
        return np.broadcast_to(table, shape).reshape(shape[0], -1, shape[-1])
    except ValueError as error:
        raise ValueError(
            "The 'jacobian_weight' parameter of DifferentiableRegressor must be "
            "'auto', a number, or an array that broadcasts to the shape of the labels, "
            f"{shape}. Got an array of shape {table.shape} instead."
        ) from error


def _shape_hint(given: tuple[int, ...], expected: tuple[int, ...]) -> str:
    if len(given) == 3 and len(expected) == 2 and given[1] == 1:
        return " With a y of one dimension, pass jacobian[:, 0]."
    if len(given) == 2 and len(expected) == 3 and expected[1] == 1:
        return " With a y of one column, pass jacobian[:, None], or y.ravel()."
    if sorted(given) == sorted(expected) and given[0] == expected[0]:
        return " Are outputs and features the other way round?"
    return ""


def check_out(out: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the array to write a result of `shape` into, checked or fresh."""
    if out is None:
        return np.empty(shape)
    if not isinstance(out, np.ndarray):
        raise TypeError(
            f"`out` must be a numpy array of shape {shape}. Got "
            f"{type(out).__name__} instead."
        )
    if out.shape != shape or out.dtype not in (np.float32, np.float64):
        raise ValueError(
            f"`out` must have shape {shape} and dtype float32 or float64. Got shape "
            f"{out.shape} and dtype {out.dtype} instead."
        )
    if not out.flags.writeable:
        raise ValueError("`out` is read-only. Pass a writeable array.")
    return out


def check_device(device: str) -> torch.device:
    """Return the torch device that `device` names, if this machine has it."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
    except RuntimeError:
        resolved = torch.device("meta")
    if resolved.type not in ("cpu", "cuda"):
        raise ValueError(
            "The 'device' parameter of DifferentiableRegressor must be 'cpu', 'cuda', "
            f"'cuda:<index>' or 'auto'. Got {device!r} instead."
        )
    if resolved.type == "cuda" and (resolved.index or 0) >= torch.cuda.device_count():
        raise ValueError(
            f"device={device!r} was asked for, but torch finds "
            f"{torch.cuda.device_count()} CUDA devices here. Use device='cpu', or "
            "device='auto' to take a GPU only where there is one."
        )
    return resolved


_WITHIN = ("sklearn.", "sklearn_nnderiv.", "functools")


def warn(message: str, category: type[Warning]) -> None:
    """Warn at the line of the user's that called the package or scikit-learn."""
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").startswith(_WITHIN):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def is_ready(X: Any, n_features: int) -> bool:
    """Whether X is what scikit-learn's validation would make of it, at little cost.

    Anything else may still be valid.
    """
    return (
        type(X) is np.ndarray
        and X.dtype in (np.float64, np.float32)
        and X.ndim == 2
        and X.shape[1] == n_features
        and X.shape[0] > 0
        and X.flags.c_contiguous
        and math.isfinite(X.sum())  # NaN and infinity stay in a sum
    )


def warn_of_nan(n_bad: int, n: int) -> None:
    """Warn if predictions are NaN."""
    if n_bad:
        warn(
            f"{n_bad} of {n} predictions are NaN: these rows of X lie "
            "outside the domain of a scaler, or the network's output for them outside "
            "the range of the target's. Their derivatives are NaN too.",
            DerivativeWarning,
        )
