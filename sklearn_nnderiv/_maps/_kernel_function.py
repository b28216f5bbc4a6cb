"""Kernels k(x, y), and the map of a kernel with fixed rows y."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ._base import Map, Smoothness, float64


class Coincidence(NamedTuple):
    """A kernel k(x, y) and its derivatives where y is x.

    Attributes
    ----------
    value : Tensor of shape (...)
    slope : Tensor of shape (..., d)
        dk / dx.
    curvature : Tensor of shape (..., d, d)
        d2k / dx dy, the covariance of the derivatives of a process.
    rough : Tensor of bool of shape (..., d)
        By which columns a process has no derivative. `curvature` is 0 there.
    """

    value: Tensor
    slope: Tensor
    curvature: Tensor
    rough: Tensor


class KernelFunction(nn.Module, ABC):
    """A function k(x, y) of x (..., d) and of fixed rows y (m, d).

    Parameters
    ----------
    smoothness : {"smooth", "piecewise", "constant"}
        In x.
    """

    def __init__(self, smoothness: Smoothness = "smooth") -> None:
        super().__init__()
        self.smoothness: Smoothness = smoothness

    @abstractmethod
    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y), of shape (..., m) or what broadcasts to that.

        It is differentiable in x alone.
        """

    @abstractmethod
    def coincidence(self, x: Tensor) -> Coincidence:
        """Return the limit where y comes near x, which has no white noise in it."""

    def variance(self, x: Tensor) -> Tensor:
        """Return k(x, x), with what white noise there is in it."""
        return self.coincidence(x).value

    def numbers_kept(self, n_columns: int) -> int:
        """Return how many numbers a gradient needs of every pair (x, y)."""
        return 1

    def _constant(self, name: str, value: Any) -> None:
        """Keep a float64 array that moves with the module and is never trained."""
        self.register_buffer(name, float64(value))


class KernelMap(Map):
    """k(x, y_i) of x with every one of some rows.

    Parameters
    ----------
    kernel : KernelFunction
    rows : array of shape (n_out, n_in)
        The y_i.
    """

    rows: Tensor

    def __init__(self, kernel: KernelFunction, rows: Any) -> None:
        m, d = np.shape(rows)
        super().__init__(d, m, kernel.smoothness)
        self.kernel = kernel
        self._constant("rows", rows)
        self.numbers_per_row = m * kernel.numbers_kept(d)

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        return self.kernel(x, self.rows).expand(*x.shape[:-1], self.n_out)


def normalized(x: Tensor, curvature: Tensor, *, rough: bool = False) -> Coincidence:
    """Return the coincidence of a kernel that has its maximum 1 at x."""
    return Coincidence(
        torch.ones_like(x[..., 0]),
        torch.zeros_like(x),
        curvature,
        torch.full_like(x, rough, dtype=torch.bool),
    )


def diagonal(x: Tensor, entries: Tensor | float = 1.0) -> Tensor:
    """Return diagonal matrices (..., d, d), of entries (..., d) or the same for all."""
    return torch.diag_embed(torch.ones_like(x) * entries)


def outer(a: Tensor, b: Tensor) -> Tensor:
    """Return the matrices a b^T."""
    return a.unsqueeze(-1) * b.unsqueeze(-2)


def per_matrix(a: Tensor) -> Tensor:
    """Return factors (...) in the shape (..., 1, 1)."""
    return a[..., None, None]


def scaled_power(x: Tensor, factor: float, exponent: float) -> Tensor:
    """Return factor * x**exponent, 0 where factor is, whatever x."""
    return factor * x**exponent if factor else torch.zeros_like(x)
