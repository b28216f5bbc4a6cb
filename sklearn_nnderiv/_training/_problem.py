"""What a solver is given: scaled rows, weights and the penalty."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .._validation import Array

# beyond this many numbers in X and y, sorting the rows costs more than it brings
MAX_MERGED_SIZE = 10_000_000


@dataclass(frozen=True)
class Rows:
    """Raw training rows with positive weights.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, n_outputs)
    weight : ndarray of shape (n_samples,)
    """

    X: Array
    y: Array
    weight: Array

    @classmethod
    def of(cls, X: Array, y: Array, weight: Array) -> Rows:
        """Leave out the rows of weight zero."""
        kept = weight > 0
        if kept.all():
            return cls(X, y, weight)
        return cls(X[kept], y[kept], weight[kept])

    def merged(self) -> Rows:
        """Return the distinct rows in canonical order, with their summed weights.

        An iterative solver amplifies rounding, so a weight of 2 equals a repeated row
        only if both are the same problem bit by bit.
        """
        if self.X.size + self.y.size > MAX_MERGED_SIZE:
            return self
        table = np.hstack([self.X, self.y])
        _, first, group = np.unique(
            table, axis=0, return_index=True, return_inverse=True
        )
        weight = np.zeros(len(first))
        np.add.at(weight, group.ravel(), self.weight)
        return Rows(self.X[first], self.y[first], weight)


@dataclass(frozen=True)
class Problem:
    """A weighted least-squares problem in scaled units.

    The objective is ``sum(w * |f(x) - y|^2) / (2 sum(w))`` plus
    ``alpha / (2 sum(w))`` times the squared entries of the weight matrices, biases
    free, as in scikit-learn's MLPRegressor.

    Attributes
    ----------
    X : Tensor of shape (n_samples, n_in)
    y : Tensor of shape (n_samples, n_outputs)
    weight : Tensor of shape (n_samples,)
    alpha : float
        Strength of the L2 penalty, in the unit of the weights.
    n_rows : float
        The sum of the weights in their own unit: a weight of 2 counts as two rows.
    """

    X: Tensor
    y: Tensor
    weight: Tensor
    alpha: float
    n_rows: float

    def rows(self, kept: NDArray[np.bool_]) -> Problem:
        """Return the problem of some of the rows."""
        mask = torch.as_tensor(kept, device=self.X.device)
        weight = self.weight[mask]
        part = float(weight.sum() / self.weight.sum())
        X, y = self.X[mask], self.y[mask]
        return replace(self, X=X, y=y, weight=weight, n_rows=self.n_rows * part)

    def loss(self, module: nn.Module) -> Tensor:
        """Return the objective on all rows."""
        total = self.weight.sum()
        fit = weighted_square(module(self.X), self.y, self.weight) / (2 * total)
        return fit + penalty(module, self.alpha / float(total))


def weighted_square(prediction: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    """Return the sum of weighted squared errors over rows and outputs."""
    return (weight * (prediction - y).square().sum(1)).sum()


def penalty(module: nn.Module, strength: float) -> Tensor | float:
    """Return strength / 2 times the squared entries of the weight matrices."""
    if strength == 0:
        return 0.0
    squares = [p.square().sum() for p in module.parameters() if p.ndim > 1]
    return strength / 2 * torch.stack(squares).sum()
