"""The way of all derivatives: convert, check, run, and shape like predictions."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_array, check_is_fitted
from torch import nn

from ._converters import N_SAMPLE_ROWS, check_agreement, convert
from ._elementwise.activations import has_kinks
from ._engines import evaluate
from ._maps import Map, Network, Smoothness, device_of
from ._validation import Array, warn_of_nan


def derivatives(fitted: Any, X: Any, *names: str, along: Any = None) -> list[Array]:
    """Return what `evaluate` computes under these names, in the shapes of predict.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
    X : array-like of shape (n, n_in)
    *names : str
        Keys of what `evaluate` computes.
    along : array-like, default=None
        Directions or cotangents, if there are any.
    """
    function, rows, is_flat = _function(fitted, X)
    n, k, d = len(rows), function.n_out, function.n_in
    if along is not None:
        along = _check_along(along, names[0], (n, k, d), is_flat=is_flat)
    shapes = {
        "values": (n, k),
        "jacobian": (n, k, d),
        "hessian": (n, k, d, d),
        "laplacian": (n, k),
        "jvp": (n, k),
        "vjp": (n, d),
        "hvp": (n, k, d),
    }
    results = {name: np.empty(shapes[name]) for name in names}
    warn_of_nan(evaluate(function, rows, results, along), n)
    return [
        result[:, 0] if is_flat and name != "vjp" else result
        for name, result in results.items()
    ]


def _check_along(
    along: Any, name: str, sizes: tuple[int, int, int], *, is_flat: bool
) -> Array:
    """Return directions or cotangents, checked to have one for every row."""
    n, k, d = sizes
    letter = "U" if name == "vjp" else "V"
    along = check_array(
        along,
        dtype=np.float64,
        order="C",
        ensure_2d=False,
        allow_nd=True,
        input_name=letter,
    )
    expected: tuple[int, ...] = (n, d)
    if name == "vjp":
        expected = (n,) if is_flat else (n, k)
    if along.shape != expected:
        of = "the predictions" if name == "vjp" else "X"
        raise ValueError(
            f"{letter} must have the shape {expected} of {of}. Got {along.shape} "
            "instead."
        )
    return along.reshape(n, -1)


def _function(fitted: Any, X: Any) -> tuple[Map, Array, bool]:
    """Return the map of a regressor or module, rows, and whether y is 1-D.

    The map is held against the regressor's own predictions.
    """
    rows = checked_rows(X)
    if isinstance(fitted, nn.Module) and not isinstance(fitted, Map):
        return _module_function(fitted, rows)
    function = fitted if isinstance(fitted, Map) else to_map(fitted)
    if rows.shape[1] != function.n_in:
        raise ValueError(
            f"X has {rows.shape[1]} features, but {type(fitted).__name__} is expecting "
            f"{function.n_in} features as input."
        )
    if isinstance(fitted, Map):  # a `module_`, or what `to_torch` returned
        return function, rows, False
    head = rows[:N_SAMPLE_ROWS]
    values = np.empty((len(head), function.n_out))
    evaluate(function, head, {"values": values})
    # fitted.predict may refuse a row outside its domain, so not these
    inside = np.isfinite(values).all(axis=1)
    head = head[inside] if inside.any() else head[:1]
    expected = np.asarray(fitted.predict(_like(X, head)))
    check_agreement(function, head, expected, type(fitted).__name__)
    return function, rows, expected.ndim == 1


def checked_rows(X: Any) -> Array:
    """Return finite rows of float64."""
    # torch takes no negative strides
    rows: Array = check_array(X, dtype=np.float64, order="C", input_name="X")
    return rows


def _module_function(module: nn.Module, rows: Array) -> tuple[Map, Array, bool]:
    """Return the map of a module of rows, checked to keep the rows apart."""
    tensors = [*module.parameters(), *module.buffers()]
    dtypes = [tensor.dtype for tensor in tensors if tensor.is_floating_point()]
    dtype = dtypes[0] if dtypes else torch.float64
    smoothness: Smoothness = "piecewise" if has_kinks(module) else "smooth"
    name = type(module).__name__
    with torch.inference_mode(False), torch.no_grad():
        evaluated = copy.deepcopy(module).eval() if _trains(module) else module
        x = torch.tensor(rows[:N_SAMPLE_ROWS], dtype=dtype, device=device_of(module))
        y = evaluated(x)
        if isinstance(y, torch.Tensor) and len(x) == y.numel() == 1:
            y = y.reshape(1, -1) if y.ndim > 1 else y.reshape(1)  # may be squeezed
        if not isinstance(y, torch.Tensor) or y.ndim not in (1, 2) or len(y) != len(x):
            raise ValueError(
                f"{name} must return a tensor of shape (n,) or (n, n_outputs) for "
                f"n={len(x)} rows. Got {_described(y)} instead."
            )
        alone = torch.stack([evaluated(row[None]).reshape(y.shape[1:]) for row in x])
    spread = (y - y.mean(dim=0)).abs().max() + y.abs().max()
    if (y - alone).abs().max() > 1e3 * torch.finfo(dtype).eps * spread:
        raise ValueError(
            f"{name} couples the rows: its output for {len(x)} rows together is not "
            "that of each row alone, so rows have no derivatives of their own. Use a "
            "module that treats rows independently in eval mode."
        )
    n_out = 1 if y.ndim == 1 else y.shape[1]
    function = Network(evaluated, rows.shape[1], n_out, dtype, smoothness)
    return function, rows, y.ndim == 1


def _trains(module: nn.Module) -> bool:
    return any(part.training for part in module.modules())


def _described(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"the shape {tuple(value.shape)}"
    return type(value).__name__


def _like(X: Any, rows: Array) -> Any:
    """Return rows of float64 in a frame of X's kind and names, if X is a frame."""
    columns = getattr(X, "columns", None)
    if columns is None:
        return rows
    names = "columns" if hasattr(X, "iloc") else "schema"  # pandas, polars
    return type(X)(rows, **{names: list(columns)})


def to_map(fitted: Any) -> Map:
    """Return the map of a fitted regressor."""
    check_is_fitted(fitted)
    with torch.inference_mode(False):  # whose tensors could not be differentiated
        function = convert(fitted, "predict")
        return function.to(device_of(function))  # scalers follow the network
