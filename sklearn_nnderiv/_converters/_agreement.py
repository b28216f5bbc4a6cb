"""The checks that a map reproduces what it was converted from."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.overrides import TorchFunctionMode

from .._maps import Map, RowFunction, device_of
from .._validation import Array, dense, warn
from ..exceptions import ConversionMismatchError, DerivativeWarning

N_SAMPLE_ROWS = 32
# how often the last digits are changed, and how many such changes to allow for
_N_ROUNDED, _ROUNDINGS = 8, 32


def check_agreement(
    function: Map,
    X: Array,
    expected: Any,
    name: str,
    what: str = "sample rows",
    *,
    are_made_up: bool = False,
) -> None:
    """Raise unless function(X) equals `expected` up to rounding.

    `what` says in a message where the rows are from. Nothing is announced of rows that
    are made up.

    Rounding is judged by the function's own sensitivity: a difference that a relative
    change of the inputs by the tolerance would cause too is not one of substance.
    """
    expected = dense(expected).reshape(len(X), -1)
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
    relative, absolute = getattr(function, "tolerance", Map.tolerance)
    with np.errstate(all="ignore"):
        difference = abs(value - expected)
        size = np.where(np.isfinite(expected), abs(expected), 0.0)
        size = size.max(axis=0, initial=0)
        absolute += getattr(function, "spread", 0.0) * size.max(initial=0)
        allowed = relative * size + absolute
        wrong = ~((difference <= allowed) | _same_special(value, expected))
        if wrong.any():
            allowed = allowed + _rounding(function, X, value)
            wrong &= ~(difference <= allowed)
        if wrong.any():
            # a part that is constant, or terms that cancel, hide what rounding does
            wrong &= ~(difference <= allowed + _rounding_within(function, X, value))
            is_open = _left_open(function, X)
            wrong &= ~is_open[:, None]
            if is_open.any() and not are_made_up:
                _warn_of_choices(is_open, name)
    if wrong.any():
        difference = np.where(wrong, difference, -np.inf)
        row, column = np.unravel_index(np.argmax(difference), difference.shape)
        raise ConversionMismatchError(
            f"The torch map of {name} differs from {name} itself by up to "
            f"{difference[row, column]:.3g} on {wrong.any(axis=1).sum()} of {len(X)} "
            f"{what}, most in output {column}, where {name} returns "
            f"{expected[row, column]:.6g}: its derivative would be that of another "
            "function. If a converter was registered for it, correct that; otherwise "
            "please report this."
        )
    if any(_is_foreign(part) for part in function.modules()):
        check_slope(function, X, f"The torch map of {name}")


def _is_foreign(part: nn.Module) -> bool:
    """Whether a part was written elsewhere; the package's own are differentiable."""
    is_map = hasattr(part, "smoothness")
    return isinstance(part, RowFunction) or (is_map and not isinstance(part, Map))


def check_slope(function: Map, X: Array, subject: str) -> None:
    """Raise if autograd and differences disagree along one direction, on most rows.

    It finds graphs that are cut, in whole or in part. A difference counts only if it is
    well above rounding and the same for three steps of very different size, so that
    kinks, jumps and noise do not mislead. The rows are moved a little inwards, for they
    may lie on the edges of a clip.
    """
    X = X.mean(axis=0) + 0.9 * (X - X.mean(axis=0))
    rng = np.random.default_rng(0)
    eps = max((torch.finfo(p.dtype).eps for p in function.parameters()), default=0.0)
    eps = max(eps, np.finfo(float).eps)
    direction = eps ** (1 / 3) * X.std(axis=0) * rng.choice([-1.0, 1.0], X.shape[1])
    weight = rng.choice([-1.0, 1.0], function.n_out)
    values, slope = _slope(function, X, weight)
    differences, by_autograd = [], []
    with np.errstate(all="ignore"):
        for part in (1, 1 / 2, 1 / 64):
            up, down = X + part * direction, X - part * direction
            change = (_evaluate(function, up) - _evaluate(function, down)) @ weight
            differences.append(change / part)
            # by the step as it came out, for X may be large and vary little
            by_autograd.append(((up - down) * slope).sum(axis=1) / part)
        size = abs(differences[0])
        telling = size > 1e4 * eps * abs(values).sum(axis=1)
        telling &= np.ptp(differences, axis=0) < 0.01 * size
        telling &= np.ptp(by_autograd, axis=0) < 0.01 * size
        wrong = telling & (abs(by_autograd[0] - differences[0]) > 0.05 * size)
    if wrong.sum() > max(1, len(X) / 2):
        raise ConversionMismatchError(
            f"{subject} passes a wrong gradient to its input, on {wrong.sum()} of "
            f"{len(X)} sample rows. Use torch operations on tensors throughout: NumPy, "
            "Tensor.detach and Tensor.data cut the graph."
        )


def _slope(function: Map, X: Array, weight: Array) -> tuple[Array, Array]:
    """Return function(X), and the gradient of its columns' combination by autograd."""
    with torch.inference_mode(False), torch.enable_grad():
        x = torch.tensor(X, device=device_of(function), requires_grad=True)
        y = function(x)
        slope = torch.zeros_like(x)
        if y.requires_grad:
            combined = (y * torch.tensor(weight, device=y.device)).sum()
            (slope,) = torch.autograd.grad(combined, x, materialize_grads=True)
    return y.detach().cpu().numpy(), slope.detach().cpu().numpy()


def _evaluate(function: Map, X: Array) -> Array:
    with torch.inference_mode(False), torch.no_grad():
        return function(torch.tensor(X, device=device_of(function))).cpu().numpy()


def _left_open(function: Map, X: Array) -> NDArray[np.bool_]:
    """Return at which rows a part says that scikit-learn may choose otherwise."""
    rows = np.zeros(len(X), dtype=np.bool_)

    def note(part: Any, inputs: Any) -> None:
        is_open = part.undecided(inputs[0]).reshape(len(X), -1).any(dim=1)
        rows[:] |= is_open.cpu().numpy()

    parts = [part for part in function.modules() if hasattr(part, "undecided")]
    hooks = [part.register_forward_pre_hook(note) for part in parts]
    try:
        _evaluate(function, X)
    finally:
        for hook in hooks:
            hook.remove()
    return rows


def _warn_of_choices(is_open: NDArray[np.bool_], name: str) -> None:
    warn(
        f"{is_open.sum()} of {len(is_open)} sample rows are as far from one training "
        f"row as from others, of which {name} takes those that its search meets first. "
        "It jumps there, and the values of its torch map may be of another choice.",
        DerivativeWarning,
    )


def _rounding(function: Map, X: Array, value: Array) -> Array:
    """Return the differences that a rounding of the inputs may cause."""
    relative, _ = getattr(function, "tolerance", Map.tolerance)
    rng = np.random.default_rng(0)
    change = np.zeros_like(value)
    # several combinations of signs, lest the columns' contributions cancel
    for signs in np.vstack([np.ones(X.shape[1]), rng.choice([-1, 1], (3, X.shape[1]))]):
        for step in (-relative, relative):
            moved = _evaluate(function, X * (1 + step * signs))
            change = np.fmax(change, abs(moved - value))
    return 2 * change


class _Rounded(TorchFunctionMode):
    """Changes the last digit of every number that torch computes."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.rng = np.random.default_rng(seed)

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Return what the function does, but for a last digit."""
        result = func(*args, **(kwargs or {}))
        if not (isinstance(result, torch.Tensor) and result.is_floating_point()):
            return result
        if result._base is not None or any(result is given for given in args):
            return result  # it, or another tensor in part, may be written to
        sign = torch.tensor(self.rng.choice([-1.0, 1.0], result.shape))
        return result * (1 + torch.finfo(result.dtype).eps * sign).to(result)


def _rounding_within(function: Map, X: Array, value: Array) -> Array:
    """Return the differences that rounding within the function may cause.

    That is what its values tell of the last digits of all that it computes on the way.
    """
    change = np.zeros_like(value)
    for seed in range(_N_ROUNDED):
        with _Rounded(seed):
            change = np.fmax(change, abs(_evaluate(function, X) - value))
    return _ROUNDINGS * change


def _same_special(value: Array, expected: Array) -> NDArray[np.bool_]:
    """Where both are NaN or the same infinity."""
    return (value == expected) | (np.isnan(value) & np.isnan(expected))
