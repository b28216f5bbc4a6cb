"""Kernels that are sums of differences, column by column."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ._kernel_function import Coincidence, KernelFunction, diagonal, normalized


class LaplacianKernel(KernelFunction):
    """exp(-gamma times the sum of absolute differences).

    It has kinks, where its derivative counts as the mean of both sides'.

    Parameters
    ----------
    gamma : float
    """

    def __init__(self, gamma: float) -> None:
        super().__init__("piecewise")
        self.gamma = gamma

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        # graphs keep no gradients of ours, and torch's own has no derivative
        if torch.compiler.is_compiling():
            return torch.exp(-self.gamma * _summed(_absolute_difference, x, y))
        rows = x.reshape(-1, x.shape[-1])
        k = torch.exp(_Manhattan.apply(rows, y, -self.gamma))
        return k.reshape(*x.shape[:-1], len(y))

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return that a process has no derivative."""
        return normalized(x, diagonal(x, 0.0), rough=self.gamma > 0)


class AdditiveChi2Kernel(KernelFunction):
    """Minus the sum of (x - y)^2 / (x + y), of numbers that are not negative."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y), NaN where x has negative numbers."""
        return -_summed(_chi2_term, _in_domain(x), y)

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return 0, 0 and 1 / x; a process has no derivative where x is 0."""
        x = _in_domain(x)
        one = normalized(x, diagonal(x, _inverse(x)))
        return one._replace(value=torch.zeros_like(one.value), rough=x == 0)

    def numbers_kept(self, n_columns: int) -> int:
        """Return how many numbers a gradient needs of every pair."""
        return 3 * n_columns


class Chi2Kernel(KernelFunction):
    """exp(-gamma times the sum of (x - y)^2 / (x + y)).

    Parameters
    ----------
    gamma : float
    """

    def __init__(self, gamma: float) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y), NaN where x has negative numbers."""
        return torch.exp(-self.gamma * _summed(_chi2_term, _in_domain(x), y))

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return 1, 0 and gamma / x; a process has no derivative where x is 0."""
        x = _in_domain(x)
        one = normalized(x, diagonal(x, self.gamma * _inverse(x)))
        return one._replace(rough=x == 0)

    def numbers_kept(self, n_columns: int) -> int:
        """Return how many numbers a gradient needs of every pair."""
        return 3 * n_columns


def _summed(term: Callable[[Tensor, Tensor], Tensor], x: Tensor, y: Tensor) -> Tensor:
    """Return the sum over columns (..., m), without an array of all differences."""
    total = torch.zeros_like(x[..., :1])
    for a, b in zip(x.unbind(-1), y.unbind(-1), strict=True):
        total = total + term(a.unsqueeze(-1), b)
    return total


class _Manhattan(torch.autograd.Function):
    """Sums of |x - y| times a factor (n, m), of rows x (n, d) and fixed rows y (m, d).

    Torch has these and their gradient, but no derivative of that.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, y: Tensor, factor: float) -> Tensor:
        return torch.cdist(x, y, p=1.0).mul_(factor)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        x, y, ctx.factor = inputs
        ctx.save_for_backward(x, y)
        ctx.save_for_forward(x, y)

    @staticmethod
    def backward(ctx: Any, weights: Tensor) -> tuple[Tensor, None, None]:
        signs = _WeightedSigns.apply(weights, *ctx.saved_tensors)
        return ctx.factor * signs, None, None

    @staticmethod
    def jvp(ctx: Any, moved: Tensor, *_: None) -> Tensor:
        x, y = ctx.saved_tensors
        return _summed_signs(x, y, ctx.factor * moved)


class _WeightedSigns(torch.autograd.Function):
    """Signs of x - y (n, d), summed over rows y with weights (n, m)."""

    @staticmethod
    def forward(weights: Tensor, x: Tensor, y: Tensor) -> Tensor:
        weights = weights.contiguous()
        # the distances, which it asks for at last, are not used for p=1
        return torch.ops.aten._cdist_backward(weights, x, y, 1.0, weights)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[1:])
        ctx.save_for_forward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, factors: Tensor) -> tuple[Tensor, None, None]:
        x, y = ctx.saved_tensors
        return _summed_signs(x, y, factors), None, None

    @staticmethod
    def jvp(ctx: Any, moved: Tensor, *_: None) -> Tensor:
        return _WeightedSigns.apply(moved, *ctx.saved_tensors)

    @staticmethod
    def vmap(info: Any, dims: tuple[Any, ...], *inputs: Tensor) -> tuple[Tensor, int]:
        # torch's own rule for its gradient returns zeros
        pairs = zip(inputs, dims, strict=True)
        weights, x, y = (a if i is None else a.movedim(i, 0) for a, i in pairs)
        columns = zip(x.unbind(-1), y.unbind(-1), strict=True)
        signs = ((a.unsqueeze(-1) - b.unsqueeze(-2)).sign() for a, b in columns)
        return torch.stack([(weights * s).sum(dim=-1) for s in signs], dim=-1), 0


def _summed_signs(x: Tensor, y: Tensor, factors: Tensor) -> Tensor:
    """Return the sum of the signs of x - y over columns, times factors, as (n, m)."""
    total = torch.zeros_like(x[..., :1])
    for a, b, c in zip(x.unbind(-1), y.unbind(-1), factors.unbind(-1), strict=True):
        total = total + (a.unsqueeze(-1) - b).sign() * c.unsqueeze(-1)
    return total


def _absolute_difference(a: Tensor, b: Tensor) -> Tensor:
    return (a - b).abs()


def _chi2_term(a: Tensor, b: Tensor) -> Tensor:
    difference, total = a - b, a + b
    empty = total == 0
    term = difference * difference / torch.where(empty, 1.0, total)
    return torch.where(empty, a, term)  # 0, with the slope from above


def _in_domain(x: Tensor) -> Tensor:
    return torch.where(x < 0, torch.nan, x)


def _inverse(x: Tensor) -> Tensor:
    """Return 1 / x, 0 in place of infinity."""
    return torch.where(x == 0, 0.0, 1 / torch.where(x == 0, 1.0, x))
