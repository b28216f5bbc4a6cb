"""Kernels made of kernels, and those that do not look at x."""

from __future__ import annotations

import torch
from torch import Tensor

from ._kernel_function import (
    Coincidence,
    KernelFunction,
    diagonal,
    outer,
    per_matrix,
    scaled_power,
)
from ._sequential import worst_smoothness


class ConstantKernel(KernelFunction):
    """A number.

    Parameters
    ----------
    value : float
    """

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return the number."""
        return torch.full_like(y[:1, 0], self.value)

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return the number, without slope or curvature."""
        return _flat(x, self.value)

    def numbers_kept(self, n_columns: int) -> int:
        """Return 0."""
        return 0


class WhiteKernel(KernelFunction):
    """The variance of noise that rows do not share.

    Parameters
    ----------
    level : float
    """

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = level

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return 0: x is no row of y, although it may be equal to one."""
        return torch.zeros_like(y[:1, 0])

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return zeros."""
        return _flat(x, 0.0)

    def variance(self, x: Tensor) -> Tensor:
        """Return the variance of the noise."""
        return torch.full_like(x[..., 0], self.level)

    def numbers_kept(self, n_columns: int) -> int:
        """Return 0."""
        return 0


class SumKernel(KernelFunction):
    """k1(x, y) + k2(x, y).

    Parameters
    ----------
    first, second : KernelFunction
    """

    def __init__(self, first: KernelFunction, second: KernelFunction) -> None:
        super().__init__(worst_smoothness([first, second]))
        self.first = first
        self.second = second

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        return self.first(x, y) + self.second(x, y)

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return the sums."""
        a, b = self.first.coincidence(x), self.second.coincidence(x)
        return Coincidence(
            a.value + b.value,
            a.slope + b.slope,
            a.curvature + b.curvature,
            a.rough | b.rough,
        )

    def variance(self, x: Tensor) -> Tensor:
        """Return k(x, x), with white noise."""
        return self.first.variance(x) + self.second.variance(x)

    def numbers_kept(self, n_columns: int) -> int:
        """Return how many numbers a gradient needs of every pair."""
        return self.first.numbers_kept(n_columns) + self.second.numbers_kept(n_columns)


class ProductKernel(KernelFunction):
    """k1(x, y) * k2(x, y).

    Parameters
    ----------
    first, second : KernelFunction
    """

    def __init__(self, first: KernelFunction, second: KernelFunction) -> None:
        super().__init__(worst_smoothness([first, second]))
        self.first = first
        self.second = second

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        return self.first(x, y) * self.second(x, y)

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return the derivatives by the product rule."""
        a, b = self.first.coincidence(x), self.second.coincidence(x)
        u, v = a.value.unsqueeze(-1), b.value.unsqueeze(-1)
        crossed = outer(a.slope, b.slope)
        return Coincidence(
            a.value * b.value,
            a.slope * v + u * b.slope,
            a.curvature * v.unsqueeze(-1)
            + u.unsqueeze(-1) * b.curvature
            + crossed
            + crossed.mT,
            # a rough factor does not matter where the other one vanishes
            (a.rough & (v != 0)) | (b.rough & (u != 0)),
        )

    def variance(self, x: Tensor) -> Tensor:
        """Return k(x, x), with white noise."""
        return self.first.variance(x) * self.second.variance(x)

    def numbers_kept(self, n_columns: int) -> int:
        """Return how many numbers a gradient needs of every pair."""
        return self.first.numbers_kept(n_columns) + self.second.numbers_kept(n_columns)


class PowerKernel(KernelFunction):
    """k(x, y) ** exponent.

    Parameters
    ----------
    base : KernelFunction
    exponent : float
    """

    def __init__(self, base: KernelFunction, exponent: float) -> None:
        super().__init__(base.smoothness)
        self.base = base
        self.exponent = exponent

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        return self.base(x, y) ** self.exponent

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return the derivatives by the chain rule."""
        a, p = self.base.coincidence(x), self.exponent
        first = scaled_power(a.value, p, p - 1)
        second = scaled_power(a.value, p * (p - 1), p - 2)
        return Coincidence(
            a.value**p,
            _times(first.unsqueeze(-1), a.slope),
            _times(per_matrix(first), a.curvature)
            + _times(per_matrix(second), outer(a.slope, a.slope)),
            a.rough & (first != 0).unsqueeze(-1),
        )

    def variance(self, x: Tensor) -> Tensor:
        """Return k(x, x), with white noise."""
        return self.base.variance(x) ** self.exponent

    def numbers_kept(self, n_columns: int) -> int:
        """Return how many numbers a gradient needs of every pair."""
        return 1 + self.base.numbers_kept(n_columns)


def _flat(x: Tensor, value: float) -> Coincidence:
    return Coincidence(
        torch.full_like(x[..., 0], value),
        torch.zeros_like(x),
        diagonal(x, 0.0),
        torch.zeros_like(x, dtype=torch.bool),
    )


def _times(factor: Tensor, a: Tensor) -> Tensor:
    """Return the product, 0 where a is, even if the factor is infinite."""
    return torch.where(a == 0, 0.0, factor * a)
