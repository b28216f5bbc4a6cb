"""The check that a map reproduces what it was converted from."""

import numpy as np
import torch

from .._maps import Map, device_of
from .._validation import Array
from ..exceptions import ConversionMismatchError

N_SAMPLE_ROWS = 32
_STEP = 1e-6


@torch.no_grad()
def _evaluate(function: Map, X: Array) -> Array:
    return function(torch.tensor(X, device=device_of(function))).cpu().numpy()


def check_agreement(function: Map, X: Array, expected: Array, name: str) -> None:
    """Raise unless function(X) equals `expected` up to rounding.

    Rounding is judged by the function's own sensitivity: a difference that a relative
    change of the inputs by the tolerance would cause too is not one of substance.
    """
    expected = np.asarray(expected, dtype=np.float64).reshape(len(X), -1)
    value = _evaluate(function, X)
    if value.shape != expected.shape:
        raise ConversionMismatchError(
            f"The torch map of {name} returns {value.shape[1]} columns where "
            f"{name} itself returns {expected.shape[1]}. Its converter is wrong."
        )
    spread = np.zeros_like(value)
    for step in (-_STEP, _STEP):
        spread += abs(_evaluate(function, X * (1 + step)) - value)
    relative, absolute = getattr(function, "tolerance", Map.tolerance)
    size = np.nanmax(abs(expected), axis=0, initial=0) + np.nan_to_num(spread) / _STEP
    allowed = relative * size + absolute
    wrong = ~((abs(value - expected) <= allowed) | _same_special(value, expected))
    if wrong.any():
        difference = abs(value - expected)[wrong].max()
        raise ConversionMismatchError(
            f"The torch map of {name} differs from {name} itself by up to "
            f"{difference:.3g} on {wrong.any(axis=1).sum()} of {len(X)} sample rows: "
            "its derivative would be that of another function. If a converter was "
            "registered for it, correct that; otherwise please report this."
        )
    _check_graph(function, X, spread, name)


def _check_graph(function: Map, X: Array, spread: Array, name: str) -> None:
    """Raise if the values change with X and the gradient says that they do not."""
    x = torch.tensor(X, device=device_of(function), requires_grad=True)
    y = function(x)
    if y.requires_grad:
        (gradient,) = torch.autograd.grad(y.sum(), x, allow_unused=True)
        if gradient is not None:
            return
    if np.any(spread > 0):
        raise ConversionMismatchError(
            f"The torch map of {name} passes no gradient to its input. Write its "
            "converter with torch operations on tensors throughout: NumPy and "
            "Tensor.detach cut the graph."
        )


def _same_special(value: Array, expected: Array) -> Array:
    """Where both are NaN or the same infinity."""
    return (value == expected) | (np.isnan(value) & np.isnan(expected))
