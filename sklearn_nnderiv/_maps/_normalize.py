"""Rows over their norm."""

import torch
from torch import Tensor

from .._elementwise.piecewise import magnitude
from ._base import Map


def _squares(x: Tensor) -> Tensor:
    return (x * x).sum(dim=-1, keepdim=True)


def _total(x: Tensor) -> Tensor:
    return magnitude(x).sum(dim=-1, keepdim=True)


def _largest(x: Tensor) -> Tensor:
    return magnitude(x).max(dim=-1, keepdim=True).values


_SIZES = {"l1": _total, "l2": _squares, "max": _largest}


class Normalize(Map):
    """Rows divided by their norm.

    Parameters
    ----------
    norm : {"l1", "l2", "max"}
        Sum of the magnitudes, root of the sum of squares, or largest magnitude.
    n : int
        Number of columns.
    least : float
        Rows of a smaller norm are left as they are, and those of norm 0.
    """

    def __init__(self, norm: str, n: int, least: float) -> None:
        super().__init__(n, n, "piecewise")
        self.norm = norm
        self.least = least

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        size = _SIZES[self.norm](x)
        least = self.least**2 if self.norm == "l2" else self.least
        size = torch.where((size < least) | (size == 0), 1.0, size)
        return x / (torch.sqrt(size) if self.norm == "l2" else size)
