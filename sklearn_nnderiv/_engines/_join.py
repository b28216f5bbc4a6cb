"""Maps side by side, as one part of a stack."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from .._maps import Affine
from .._validation import Array


class SideBySide(nn.Module):
    """Elementwise maps, each of some neighbouring columns.

    Parameters
    ----------
    branches : sequence of sequence of Module
        What is done to the columns of each branch, in turn.
    sizes : sequence of int
        The numbers of their columns.
    """

    def __init__(
        self, branches: Sequence[Sequence[nn.Module]], sizes: Sequence[int]
    ) -> None:
        super().__init__()
        # copies share their tensors: an engine must not keep its own map alive
        self.branches = nn.ModuleList(
            nn.Sequential(*map(copy.copy, branch)) for branch in branches
        )
        self.sizes = list(sizes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the values at x (n, n_columns)."""
        columns = x.split(self.sizes, dim=1)
        pairs = zip(self.branches, columns, strict=True)
        return torch.cat([branch(part) for branch, part in pairs], dim=1)


def composed(parts: Sequence[Any], n_in: int) -> tuple[Array, Array, Array]:
    """Return center, weight and offset of affine parts that follow one another.

    The weight is a matrix, or the diagonal of one.
    """
    weight, center, offset = np.ones(n_in), np.zeros(n_in), np.zeros(n_in)
    for i, part in enumerate(parts):
        if part.center is not None:
            if i:
                offset = offset - part.center
            else:
                center = part.center
        product = np.multiply if part.weight.ndim == 1 else np.matmul
        offset = product(part.weight, offset)
        if part.offset is not None:
            offset = offset + part.offset
        if part.weight.ndim == 2 and weight.ndim == 2:
            weight = part.weight @ weight
        elif weight.ndim == 2:
            weight = part.weight[:, None] * weight
        else:
            weight = part.weight * weight
    return center, weight, offset


def block_affine(branches: Sequence[Sequence[Any]], sizes: Sequence[int]) -> Affine:
    """Return the affine map that the branches are together."""
    found = [composed(*pair) for pair in zip(branches, sizes, strict=True)]
    centers, weights, offsets = zip(*found, strict=True)
    if all(weight.ndim == 1 for weight in weights):
        weight = np.concatenate(weights)
    else:
        weight = _block_diagonal([w if w.ndim == 2 else np.diag(w) for w in weights])
    return Affine(weight, np.concatenate(centers), np.concatenate(offsets))


def _block_diagonal(blocks: Sequence[Array]) -> Array:
    ends = np.cumsum([(0, 0), *(block.shape for block in blocks)], axis=0)
    whole = np.zeros(ends[-1])
    for (i, j), (k, m), block in zip(ends[:-1], ends[1:], blocks, strict=True):
        whole[i:k, j:m] = block
    return whole
