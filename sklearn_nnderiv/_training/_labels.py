"""Known derivatives of the network, as residuals beside those of its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from .._validation import Array


@dataclass(frozen=True)
class Labels:
    """Derivatives of the network at some rows, along directions of its inputs.

    A direction is a step of one standard deviation in one raw feature, so that all
    slopes are in the unit of the values.

    Attributes
    ----------
    index : Tensor of int of shape (n_at,)
        The rows, in order.
    tangents : Tensor of shape (n_at or 1, n_tangents, n_in)
        Directions; a single set of them is that of all rows.
    slopes : Tensor of shape (n_at, n_tangents, n_out)
        Targets; 0 where unknown.
    weight : Tensor of shape (n_at, n_tangents, n_out)
        Relative weight of each target, without those of the rows; 0 where unknown.
    balance : float
        What a squared residual is multiplied by, see `balance`.
    n_features : int
        The number of raw features, labelled or not.
    """

    index: Tensor
    tangents: Tensor
    slopes: Tensor
    weight: Tensor
    balance: float
    n_features: int

    @classmethod
    def of(
        cls, tables: Sequence[NDArray[Any]], balance: float, n_features: int
    ) -> Labels:
        """Make tensors of the arrays, which are in the order of the attributes."""
        index, tangents, slopes, weight = map(torch.from_numpy, tables)
        return cls(index, tangents, slopes, weight, balance, n_features)

    def take(self, rows: Tensor, n: int) -> Labels | None:
        """Return the labels of `rows` of n in their order; None if there are none."""
        place = torch.full((n,), -1, device=self.index.device)
        place[self.index] = torch.arange(len(self.index), device=self.index.device)
        own = place[rows]
        at = torch.nonzero(own >= 0)[:, 0]
        if not len(at):
            return None
        own = own[at]
        return replace(
            self,
            index=at,
            tangents=self.tangents if len(self.tangents) == 1 else self.tangents[own],
            slopes=self.slopes[own],
            weight=self.weight[own],
        )

    def to(self, dtype: torch.dtype, device: torch.device) -> Labels:
        """Return the labels in another dtype on another device."""
        parts = {
            name: getattr(self, name).to(device, dtype)
            for name in ("tangents", "slopes", "weight")
        }
        return replace(self, index=self.index.to(device), **parts)

    def weighted_square(self, slopes: Tensor, weight: Tensor) -> Tensor:
        """Return the sum of weighted squared errors of slopes.

        Parameters
        ----------
        slopes : Tensor of shape (n_at, n_tangents, n_out)
        weight : Tensor of shape (n_samples,)
            Of all rows.
        """
        own = weight[self.index][:, None, None] * self.weight
        return self.balance * (own * (slopes - self.slopes).square()).sum()


def balance(
    y: Array, row_weight: Array, slopes: Array, weight: Array, n_features: int
) -> float:
    """Return what makes slopes weigh as much as values, on average.

    If slopes along all features were known, their mean square would be at least about
    the variance of y over the number of features, by the inequality of Poincare. Where
    only small ones are known, they do not weigh more than that allows.

    Parameters
    ----------
    y : ndarray of shape (n_samples, n_out)
    row_weight : ndarray of shape (n_samples,)
    slopes, weight : ndarray of one shape
        Targets and their whole weights.
    n_features : int
        Of the raw data.

    Returns
    -------
    balance : float
        The variance of y over the mean square of the slopes, either of which is taken
        as 1 where it is zero; at most `n_features` where neither is.
    """
    part = (row_weight / row_weight.sum())[:, None]
    deviation = y - (part * y).sum(axis=0)
    variance = float((part * deviation**2).sum()) / y.shape[1]
    square = float((weight * slopes**2).sum() / weight.sum())
    if variance == 0 or square == 0:
        return 1.0 / (square or 1.0)
    return min(variance / square, float(n_features))
