"""Kernels of the inner product of x and y."""

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


class LinearKernel(KernelFunction):
    """x y + offset.

    Parameters
    ----------
    offset : float
    """

    def __init__(self, offset: float = 0.0) -> None:
        super().__init__()
        self.offset = offset

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        return x @ y.T + self.offset

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return |x|^2 + offset, x and the identity."""
        t = (x * x).sum(dim=-1) + self.offset
        return _of_product(x, 1.0, t, torch.ones_like(t), torch.zeros_like(t))


class PolynomialKernel(KernelFunction):
    """(gamma x y + offset)**degree.

    Parameters
    ----------
    gamma, offset, degree : float
    """

    def __init__(self, gamma: float, offset: float, degree: float) -> None:
        super().__init__()
        self.gamma = gamma
        self.offset = offset
        self.degree = degree

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        return (self.gamma * (x @ y.T) + self.offset) ** self.degree

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return the derivatives by the chain rule."""
        p, t = self.degree, self.gamma * (x * x).sum(dim=-1) + self.offset
        first = scaled_power(t, p, p - 1)
        second = scaled_power(t, p * (p - 1), p - 2)
        return _of_product(x, self.gamma, t**p, first, second)


class SigmoidKernel(KernelFunction):
    """tanh(gamma x y + offset).

    Parameters
    ----------
    gamma, offset : float
    """

    def __init__(self, gamma: float, offset: float) -> None:
        super().__init__()
        self.gamma = gamma
        self.offset = offset

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        return torch.tanh(self.gamma * (x @ y.T) + self.offset)

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return the derivatives by the chain rule."""
        k = torch.tanh(self.gamma * (x * x).sum(dim=-1) + self.offset)
        first = 1 - k * k
        return _of_product(x, self.gamma, k, first, -2 * k * first)


class CosineKernel(KernelFunction):
    """The inner product of x / |x| and y / |y|; 0 where x or y is."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        return (x / _length(x)) @ (y / _length(y)).T

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return 1, 0 and the projection across x, over |x|^2."""
        length = _length(x)
        unit = x / length
        across = (diagonal(x) - outer(unit, unit)) / per_matrix(length[..., 0] ** 2)
        return Coincidence(
            (unit * unit).sum(dim=-1),
            torch.zeros_like(x),
            across,
            torch.zeros_like(x, dtype=torch.bool),
        )


def _length(x: Tensor) -> Tensor:
    """Return the lengths (..., 1), 1 in place of 0."""
    square = (x * x).sum(dim=-1, keepdim=True)
    return torch.where(square > 0, square, 1.0).sqrt()


def _of_product(
    x: Tensor, gamma: float, value: Tensor, first: Tensor, second: Tensor
) -> Coincidence:
    """Return the coincidence of f(gamma x y), given f and its derivatives."""
    return Coincidence(
        value,
        gamma * first.unsqueeze(-1) * x,
        gamma * per_matrix(first) * diagonal(x)
        + gamma**2 * per_matrix(second) * outer(x, x),
        torch.zeros_like(x, dtype=torch.bool),
    )
