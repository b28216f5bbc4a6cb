"""Kernels that are sums of differences, column by column."""

from __future__ import annotations

from collections.abc import Callable

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
        return torch.exp(-self.gamma * _summed(_absolute_difference, x, y))

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return that a process has no derivative."""
        return normalized(x, diagonal(x, 0.0), rough=self.gamma > 0)

    def numbers_kept(self, n_columns: int) -> int:
        """Return how many numbers a gradient needs of every pair."""
        return 1 + n_columns


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
