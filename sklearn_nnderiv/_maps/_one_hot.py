"""One column for every bin of another."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .._elementwise.piecewise import constant
from ._base import Map


class OneHot(Map):
    """For every column, as many as it has bins: 1 in that of its number, else 0.

    Parameters
    ----------
    sizes : sequence of int
        How many bins every column has.
    """

    columns: Tensor
    bins: Tensor

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__(len(sizes), sum(sizes), "constant")
        columns = torch.tensor(np.repeat(np.arange(len(sizes)), sizes), device="cpu")
        self.register_buffer("columns", columns)
        self._constant("bins", np.concatenate([np.arange(size) for size in sizes]))

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        x = x.index_select(-1, self.columns)
        return constant((x == self.bins).to(x.dtype), x)


class HotIndex(Map):
    """For every group of columns, which one is the largest; NaN if they add up to 0.

    Parameters
    ----------
    sizes : sequence of int
        How many columns every group has.
    """

    def __init__(self, sizes: Sequence[int]) -> None:
        super().__init__(sum(sizes), len(sizes), "constant")
        self.sizes = [int(size) for size in sizes]

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        found = []
        for group in x.split(self.sizes, dim=-1):
            total = group.sum(dim=-1)
            index = group.argmax(dim=-1).to(x.dtype)
            found.append(constant(torch.where(total == 0, torch.nan, index), total))
        return torch.stack(found, dim=-1)
