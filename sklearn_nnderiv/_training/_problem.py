"""What a solver is given: scaled rows, weights and the penalty."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .._validation import Array, Index
from ._labels import Labels
from ._slopes import values_and_slopes

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
    jacobian : ndarray of shape (n_samples, n_outputs, n_labelled) or None
        Derivatives of y, NaN where unknown.
    directions : ndarray of shape (n_samples or 1, n_labelled, n_features) or None
        Along which the derivatives are; a single set of them is that of all rows.
        Along each feature if None.
    label_weight : ndarray of the shape of jacobian, or None
        Relative weights of the derivatives; 1 if None.
    """

    X: Array
    y: Array
    weight: Array
    jacobian: Array | None = None
    directions: Array | None = None
    label_weight: Array | None = None

    @property
    def n_residuals(self) -> int:
        """Return the number of values and of known derivatives."""
        known = 0 if self.jacobian is None else int(np.isfinite(self.jacobian).sum())
        return self.y.size + known

    def of_positive_weight(self) -> Rows:
        """Leave out the rows of weight zero."""
        kept = self.weight > 0
        return self if kept.all() else self.take(np.flatnonzero(kept))

    def take(self, rows: Index) -> Rows:
        """Return some of the rows."""
        along = self.directions
        if along is not None and len(along) > 1:
            along = along[rows]
        parts = (self.jacobian, self.label_weight)
        jacobian, own = (part if part is None else part[rows] for part in parts)
        return Rows(self.X[rows], self.y[rows], self.weight[rows], jacobian, along, own)

    def merged(self) -> Rows:
        """Return the distinct rows in canonical order, with their summed weights.

        An iterative solver amplifies rounding, so a weight of 2 equals a repeated row
        only if both are the same problem bit by bit.
        """
        table = [self.X, self.y]
        if self.jacobian is not None:
            flat = self.jacobian.reshape(len(self.X), -1)
            unknown = np.isnan(flat)  # which are not equal to one another
            table += [np.where(unknown, 0.0, flat), unknown]
        for part in (self.directions, self.label_weight):
            if part is not None and len(part) == len(self.X):
                table.append(part.reshape(len(self.X), -1))
        if sum(part.size for part in table) > MAX_MERGED_SIZE:
            return self
        _, first, group = np.unique(
            np.hstack(table), axis=0, return_index=True, return_inverse=True
        )
        weight = np.zeros(len(first))
        np.add.at(weight, group.ravel(), self.weight)
        return replace(self.take(first), weight=weight)


@dataclass(frozen=True)
class Problem:
    """A weighted least-squares problem in scaled units.

    The objective is ``sum(w * |f(x) - y|^2) / (2 sum(w))`` plus
    ``alpha / (2 sum(w))`` times the squared entries of the weight matrices, biases
    free, as in scikit-learn's MLPRegressor. Errors of labelled derivatives are squared
    and summed beside those of values.

    Attributes
    ----------
    X : Tensor of shape (n_samples, n_in)
    y : Tensor of shape (n_samples, n_outputs)
    weight : Tensor of shape (n_samples,)
    alpha : float
        Strength of the L2 penalty, in the unit of the weights.
    n_rows : float
        The sum of the weights in their own unit: a weight of 2 counts as two rows.
    labels : Labels or None
        What is known of the network's derivatives.
    """

    X: Tensor
    y: Tensor
    weight: Tensor
    alpha: float
    n_rows: float
    labels: Labels | None = None

    def take(self, rows: Tensor) -> Problem:
        """Return some of the rows, in the same units."""
        labels = self.labels and self.labels.take(rows, len(self.X))
        X, y, weight = self.X[rows], self.y[rows], self.weight[rows]
        return replace(self, X=X, y=y, weight=weight, labels=labels)

    def rows(self, kept: NDArray[np.bool_]) -> Problem:
        """Return the problem of some of the rows."""
        mask = torch.as_tensor(kept, device=self.X.device)
        some = self.take(torch.nonzero(mask)[:, 0])
        part = float(some.weight.sum() / self.weight.sum())
        return replace(some, n_rows=self.n_rows * part)

    def loss(self, module: nn.Module) -> Tensor:
        """Return the objective on all rows."""
        total = self.weight.sum()
        error = weighted_square(module, self.X, self.y, self.weight, self.labels)
        return error / (2 * total) + penalty(module, self.alpha / float(total))


def weighted_square(
    module: nn.Module, X: Tensor, y: Tensor, weight: Tensor, labels: Labels | None
) -> Tensor:
    """Return the sum of weighted squared errors over rows and outputs, and slopes."""
    if labels is None:
        return _weighted_square(module(X), y, weight)
    if len(labels.index) == len(X):  # in order: one sweep serves both
        values, slopes = values_and_slopes(module, X, labels.tangents)
    else:
        values = module(X)
        at = X[labels.index]
        slopes = values_and_slopes(module, at, labels.tangents)[1]
    error = _weighted_square(values, y, weight)
    return error + labels.weighted_square(slopes, weight)


def _weighted_square(prediction: Tensor, y: Tensor, weight: Tensor) -> Tensor:
    return (weight * (prediction - y).square().sum(1)).sum()


def penalty(module: nn.Module, strength: float) -> Tensor | float:
    """Return strength / 2 times the squared entries of the weight matrices."""
    if strength == 0:
        return 0.0
    squares = [p.square().sum() for p in module.parameters() if p.ndim > 1]
    return strength / 2 * torch.stack(squares).sum()
