"""Kernels of the distance between x and y."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from ._kernel_function import Coincidence, KernelFunction, diagonal, normalized

# squared distances below which a series takes the place of a formula in the distance
_SMALL = 1e-12
# the same for the square of a sine's argument, whose series goes further
_SMALL_ANGLE = 1e-4


def squared_distance(
    x: Tensor, y: Tensor, scale: Tensor, factor: float = 1.0
) -> Tensor:
    """Return factor * |(x - y) / scale|^2, of shape (..., m), for fixed rows y."""
    center = y.mean(dim=0)
    x, y = (x - center) / scale, ((y - center) / scale).detach()
    here = x.detach()
    value = _summed_squares(here, y.T.contiguous(), factor)
    # its Taylor series about x as it is, which ends here, as one product of matrices:
    # it adds 0, and makes derivatives products too, in place of passes column by column
    moved = factor * (x - here)
    square = (moved * (2 * here + (x - here))).sum(dim=-1, keepdim=True)
    series = torch.cat([moved, square], dim=-1)
    return value + series @ torch.cat([-2 * y, torch.ones_like(y[:, :1])], dim=-1).T


def _summed_squares(x: Tensor, columns: Tensor, factor: float) -> Tensor:
    """Return factor times the sum of (x - y)^2, within two arrays (..., m)."""
    difference = x[..., :1] - columns[0]
    total = (factor * difference).mul_(difference)
    for i in range(1, len(columns)):
        difference.copy_(x[..., i : i + 1]).sub_(columns[i])
        total.addcmul_(difference, difference, value=factor)
    return total


class RadialKernel(KernelFunction):
    """exp(-q / 2) of the squared distance q.

    Parameters
    ----------
    scale : float or array of shape (d,)
        What distances are measured in, by column.
    """

    scale: Tensor

    def __init__(self, scale: Any) -> None:
        super().__init__()
        self._constant("scale", scale)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        return torch.exp(squared_distance(x, y, self.scale, -0.5))

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return 1, 0 and the inverse squares of the scale."""
        return normalized(x, diagonal(x, self.scale**-2))


class ExponentialKernel(KernelFunction):
    """exp(-r) of the distance r: Matern's kernel of nu=0.5.

    It has a kink at r=0, where its derivative counts as 0.

    Parameters
    ----------
    scale : float or array of shape (d,)
        What distances are measured in, by column.
    """

    scale: Tensor

    def __init__(self, scale: Any) -> None:
        super().__init__("piecewise")
        self._constant("scale", scale)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        q = squared_distance(x, y, self.scale)
        apart = q > 0
        r = torch.where(apart, q, 1.0).sqrt()
        return torch.where(apart, torch.exp(-r), 1.0)

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return that a process has no derivative."""
        return normalized(x, diagonal(x, 0.0), rough=True)


class OnceDifferentiableKernel(KernelFunction):
    """Matern's kernel of nu=1.5, (1 + s) exp(-s) with s = sqrt(3) r.

    Parameters
    ----------
    scale : float or array of shape (d,)
        What distances are measured in, by column.
    """

    scale: Tensor

    def __init__(self, scale: Any) -> None:
        super().__init__()
        self._constant("scale", scale)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        t = squared_distance(x, y, self.scale, 3.0)
        near = t < _SMALL
        s = torch.where(near, 1.0, t).sqrt()
        return torch.where(near, 1 - t / 2, (1 + s) * torch.exp(-s))

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return 1, 0 and 3 over the squares of the scale."""
        return normalized(x, diagonal(x, 3 * self.scale**-2))


class TwiceDifferentiableKernel(KernelFunction):
    """Matern's kernel of nu=2.5, (1 + s + s^2 / 3) exp(-s) with s = sqrt(5) r.

    Parameters
    ----------
    scale : float or array of shape (d,)
        What distances are measured in, by column.
    """

    scale: Tensor

    def __init__(self, scale: Any) -> None:
        super().__init__()
        self._constant("scale", scale)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        t = squared_distance(x, y, self.scale, 5.0)
        near = t < _SMALL
        s = torch.where(near, 1.0, t).sqrt()
        series = 1 - t / 6 * (1 - t / 4)
        return torch.where(near, series, (1 + s + s * s / 3) * torch.exp(-s))

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return 1, 0 and 5/3 over the squares of the scale."""
        return normalized(x, diagonal(x, 5 / 3 * self.scale**-2))


class RationalQuadraticKernel(KernelFunction):
    """(1 + q / (2 alpha))**-alpha of the squared distance q.

    Parameters
    ----------
    scale : float
        What distances are measured in.
    alpha : float
    """

    scale: Tensor

    def __init__(self, scale: float, alpha: float) -> None:
        super().__init__()
        self._constant("scale", scale)
        self.alpha = alpha

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        q = squared_distance(x, y, self.scale, 0.5 / self.alpha)
        return (1 + q) ** -self.alpha

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return 1, 0 and the inverse square of the scale."""
        return normalized(x, diagonal(x, self.scale**-2))


class PeriodicKernel(KernelFunction):
    """exp(-2 (sin(pi r / period) / length)^2) of the distance r.

    Parameters
    ----------
    length, period : float
    """

    period: Tensor

    def __init__(self, length: float, period: float) -> None:
        super().__init__()
        self._constant("period", period)
        self.length = length

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Return k(x, y)."""
        # the square of the sine's argument
        t = squared_distance(x, y, self.period, math.pi**2)
        near = t < _SMALL_ANGLE
        sine = torch.sin(torch.where(near, 1.0, t).sqrt())
        series = t * (1 - t / 3 * (1 - t * (2 / 15) * (1 - t / 14)))
        square = torch.where(near, series, sine * sine)
        return torch.exp(-2 / self.length**2 * square)

    def coincidence(self, x: Tensor) -> Coincidence:
        """Return 1, 0 and the square of 2 pi / (period length)."""
        rate = 2 * math.pi / (self.period * self.length)
        return normalized(x, diagonal(x, rate**2))
