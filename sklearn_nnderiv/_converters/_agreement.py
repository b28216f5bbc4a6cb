"""The checks that a map reproduces what it was converted from."""

import numpy as np
import torch
from numpy.typing import NDArray

from .._maps import Map, device_of
from .._validation import Array
from ..exceptions import ConversionMismatchError

N_SAMPLE_ROWS = 32
_STEP = 1e-6


def check_agreement(function: Map, X: Array, expected: Array, name: str) -> None:
    """Raise unless function(X) equals `expected` up to rounding, and has its slope.

    Rounding is judged by the function's own sensitivity: a difference that a relative
    change of the inputs by the tolerance would cause too is not one of substance.
    """
    expected = np.asarray(expected, dtype=np.float64).reshape(len(X), -1)
    if X.shape[1] != function.n_in:
        raise ConversionMismatchError(
            f"The torch map of {name} has n_in={function.n_in}, but {name} itself "
            f"takes {X.shape[1]} columns. Its converter is wrong."
        )
    value = _evaluate(function, X)
    if not value.shape[1] == expected.shape[1] == function.n_out:
        raise ConversionMismatchError(
            f"The torch map of {name} has n_out={function.n_out} and returns "
            f"{value.shape[1]} columns, where {name} itself returns "
            f"{expected.shape[1]}. Its converter is wrong."
        )
    allowed = _rounding(function, X, value, expected)
    wrong = ~((abs(value - expected) <= allowed) | _same_special(value, expected))
    if wrong.any():
        difference = abs(value - expected)[wrong].max()
        raise ConversionMismatchError(
            f"The torch map of {name} differs from {name} itself by up to "
            f"{difference:.3g} on {wrong.any(axis=1).sum()} of {len(X)} sample rows: "
            "its derivative would be that of another function. If a converter was "
            "registered for it, correct that; otherwise please report this."
        )
    check_slope(function, X, f"The torch map of {name}")


def check_slope(function: Map, X: Array, subject: str) -> None:
    """Raise if autograd and differences disagree along one direction, on most rows.

    It finds graphs that are cut, in whole or in part. A kink or rounding may spoil a
    difference on single rows, so it takes the majority of those that say something,
    and goes a little inwards from the rows, which may lie on the edges of a clip.
    """
    if len(X) < 2:
        return
    X = X.mean(axis=0) + 0.9 * (X - X.mean(axis=0))
    rng = np.random.default_rng(0)
    eps = max((torch.finfo(p.dtype).eps for p in function.parameters()), default=0.0)
    step = max(eps, np.finfo(float).eps) ** (1 / 3)
    direction = step * X.std(axis=0) * rng.choice([-1.0, 1.0], X.shape[1])
    weight = rng.choice([-1.0, 1.0], function.n_out)
    with torch.inference_mode(False), torch.enable_grad():
        x = torch.tensor(X, device=device_of(function), requires_grad=True)
        y = function(x)
        slope = torch.zeros_like(x)
        if y.requires_grad:
            combined = (y * torch.tensor(weight, device=y.device)).sum()
            (slope,) = torch.autograd.grad(combined, x, materialize_grads=True)
    values = y.detach().cpu().numpy()
    ratios = []
    with np.errstate(all="ignore"):
        for part in (1.0, 0.5):
            up, down = X + part * direction, X - part * direction
            difference = (_evaluate(function, up) - _evaluate(function, down)) @ weight
            # by the steps as they came out, for X may be large and vary little
            ratios.append((difference, ((up - down) * slope.cpu().numpy()).sum(axis=1)))
        (whole, by_autograd), (half, by_autograd_half) = ratios
        larger = np.maximum(abs(by_autograd), abs(whole))
        noise = max(eps, np.finfo(float).eps) * abs(values).sum(axis=1)
        telling = (larger > 1e4 * noise) & (abs(whole - 2 * half) < 0.01 * larger)
        telling &= abs(by_autograd - 2 * by_autograd_half) < 0.01 * larger
        wrong = telling & (abs(by_autograd - whole) > 0.05 * larger)
    if 2 * wrong.sum() > telling.sum():
        raise ConversionMismatchError(
            f"{subject} passes a wrong gradient to its input, on {wrong.sum()} of "
            f"{len(X)} sample rows. Use torch operations on tensors throughout: NumPy, "
            "Tensor.detach and Tensor.data cut the graph."
        )


def _evaluate(function: Map, X: Array) -> Array:
    with torch.inference_mode(False), torch.no_grad():
        return function(torch.tensor(X, device=device_of(function))).cpu().numpy()


def _rounding(function: Map, X: Array, value: Array, expected: Array) -> Array:
    """Return the differences that rounding may cause."""
    rng = np.random.default_rng(0)
    sensitivity = np.zeros_like(value)
    # several combinations of signs, lest the columns' contributions cancel
    for signs in np.vstack([np.ones(X.shape[1]), rng.choice([-1, 1], (3, X.shape[1]))]):
        for step in (-_STEP, _STEP):
            change = abs(_evaluate(function, X * (1 + step * signs)) - value)
            sensitivity = np.fmax(sensitivity, change / _STEP)
    relative, absolute = getattr(function, "tolerance", Map.tolerance)
    size = np.nanmax(abs(expected), axis=0, initial=0) + 2 * sensitivity
    return relative * size + absolute


def _same_special(value: Array, expected: Array) -> NDArray[np.bool_]:
    """Where both are NaN or the same infinity."""
    return (value == expected) | (np.isnan(value) & np.isnan(expected))
