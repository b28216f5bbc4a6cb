"""Means of what is known at the rows nearby."""

import math
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ._base import Map


class NeighborMean(Map):
    """The mean of the targets of rows nearby: the nearest, or all within a radius.

    It is NaN where no row is within the radius.

    Parameters
    ----------
    rows : array of shape (n_rows, n_in)
        Where targets are known. Of rows at one distance, the first is preferred.
    targets : array of shape (n_rows, n_out)
    p : float
        Of Minkowski's distance, at least 1; may be infinite.
    weight : array of shape (n_in,), default=None
        Multiplies the powers of the columns' differences.
    by_distance : bool
        Whether targets are weighted by the inverse of the distance. At a known row,
        only those are taken that are at distance 0.
    n_neighbors : int, default=None
        How many rows to take.
    radius : float, default=None
        The largest distance, in place of their number.
    """

    rows: Tensor
    targets: Tensor
    weight: Tensor | None

    def __init__(
        self,
        rows: Any,
        targets: Any,
        p: float,
        weight: Any = None,
        *,
        by_distance: bool,
        n_neighbors: int | None = None,
        radius: float | None = None,
    ) -> None:
        n_in, n_out = np.shape(rows)[1], np.shape(targets)[1]
        super().__init__(n_in, n_out, "piecewise" if by_distance else "constant")
        self._constant("rows", rows)
        self._constant("targets", targets)
        self._constant("weight", weight)
        self.p = p
        self.by_distance = by_distance
        self.n_neighbors = n_neighbors
        self.radius = radius

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        reduced = self._reduced(x.detach())
        if self.radius is not None:
            bound = self.radius if math.isinf(self.p) else self.radius**self.p
            return self._mean(x, self.rows, self.targets, reduced <= bound)
        nearest = self._nearest(reduced)
        shape, flat = nearest.shape, nearest.reshape(-1)
        rows = self.rows.index_select(0, flat).reshape(*shape, self.n_in)
        targets = self.targets.index_select(0, flat).reshape(*shape, self.n_out)
        return self._mean(x, rows, targets, torch.ones_like(nearest, dtype=torch.bool))

    def _nearest(self, reduced: Tensor) -> Tensor:
        """Return the places of the nearest rows, the first of those that are equal."""
        k = min(cast(int, self.n_neighbors), len(self.rows))
        farthest = reduced.topk(k, largest=False).values[..., -1:]
        nearer, equal = reduced < farthest, reduced == farthest
        vacant = k - nearer.sum(dim=-1, keepdim=True)
        taken = nearer | (equal & (equal.cumsum(dim=-1) <= vacant))
        return taken.to(torch.uint8).topk(k).indices

    def undecided(self, x: Tensor) -> Tensor:
        """Return where rounding decides which rows are taken (...,)."""
        distance = self._reduced(x.detach())
        if not math.isinf(self.p):
            distance = distance ** (1 / self.p)
        largest = max(float(self.rows.abs().max()), float(x.abs().max()))
        doubt = self.tolerance[0] * largest * self.n_in
        if self.radius is not None:
            return ((distance - self.radius).abs() <= doubt).any(dim=-1)
        k = cast(int, self.n_neighbors)
        if k >= len(self.rows):
            return x.new_zeros(x.shape[:-1], dtype=torch.bool)
        pair = distance.topk(k + 1, largest=False).values[..., -2:]
        return pair[..., 1] - pair[..., 0] <= doubt

    def _power(self, size: Tensor, j: int | None = None) -> Tensor:
        """Return the weighted power of differences, of one column or of all."""
        power = size * size if self.p == 2 else size**self.p
        if self.weight is None:
            return power
        return power * (self.weight if j is None else self.weight[j])

    def _reduced(self, x: Tensor) -> Tensor:
        """Return what orders all rows by distance (..., n_rows).

        Summed up column by column, as in scikit-learn's trees, so that the digits by
        which nearly equal distances differ are theirs.
        """
        total = torch.zeros_like(x[..., :1])
        for j in range(self.n_in):
            size = (x[..., j : j + 1] - self.rows[:, j]).abs_()
            if math.isinf(self.p):
                total = torch.maximum(total, size)
            else:
                total = self._power(size, j).add_(total)
        return total

    def _distance(self, difference: Tensor) -> Tensor:
        """Return the norm of the last axis, with derivatives 0 where it is 0."""
        if math.isinf(self.p):
            return difference.abs().amax(dim=-1)
        zero = difference == 0
        power = self._power(torch.where(zero, 1.0, difference).abs())
        total = torch.where(zero, 0.0, power).sum(dim=-1)
        zero = total == 0
        return torch.where(zero, 0.0, torch.where(zero, 1.0, total) ** (1 / self.p))

    def _mean(self, x: Tensor, rows: Tensor, targets: Tensor, taken: Tensor) -> Tensor:
        """Return the mean of targets (..., n_rows, n_out) where rows are taken."""
        weight = taken.to(x.dtype)
        if self.by_distance:
            distance = self._distance(x.unsqueeze(-2) - rows)
            # also of distances whose inverse is beyond all numbers
            zero = taken & torch.isinf(1 / distance.detach())
            inverse = 1 / torch.where(zero | ~taken, 1.0, distance)
            hit = zero.any(dim=-1, keepdim=True)
            weight = weight * torch.where(hit, zero.to(x.dtype), inverse)
        total = weight.sum(dim=-1, keepdim=True)
        mean = (weight.unsqueeze(-2) @ targets).squeeze(-2) / total
        return torch.where(x.isnan().any(dim=-1, keepdim=True), math.nan, mean)
