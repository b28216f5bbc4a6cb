"""Mean outer products of gradients, and of bootstrap samples of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from .._validation import Array

# groups of rows that are resampled, and numbers kept of all of them
_MOST_GROUPS, _FEWEST_GROUPS, _MOST_NUMBERS = 2000, 50, 2**22


class OuterProducts:
    """Sums of outer products of gradients, in groups of rows that are resampled.

    Parameters
    ----------
    n_features, n_rows : int
    rng : RandomState
    """

    def __init__(self, n_features: int, n_rows: int, rng: Any) -> None:
        self.n_rows, self.rng, self.n_seen = n_rows, rng, 0
        # of columns with a derivative in some row
        self.used = np.zeros(n_features, dtype=bool)
        self.upper = np.triu_indices(n_features)
        n_pairs = len(self.upper[0])
        most = min(_MOST_GROUPS, max(_FEWEST_GROUPS, _MOST_NUMBERS // n_pairs))
        self.products = np.zeros((min(n_rows, most), n_pairs))
        self.weight = np.zeros(len(self.products))

    def update(self, gradient: Array, weight: Array) -> None:
        """Take gradients (n, n_features) of rows with weights (n,)."""
        n, n_groups = len(gradient), len(self.products)
        if self.n_rows == n_groups:
            group = np.arange(self.n_seen, self.n_seen + n)
        else:
            group = self.rng.randint(n_groups, size=n)
        self.n_seen += n
        known = ~np.isnan(gradient)
        used = known[weight > 0].any(axis=0)
        if (used & ~self.used).any():
            # so far no row had them all
            self.used |= used
            self.products[:], self.weight[:] = 0.0, 0.0
        weight = np.where(known[:, self.used].all(axis=1), weight, 0.0)
        gradient = np.where(known, gradient, 0.0)
        i, j = self.upper
        place = group, np.arange(n)
        member = csr_array((weight, place), shape=(n_groups, n))
        self.products += member @ (gradient[:, i] * gradient[:, j])
        self.weight += member.sum(axis=1)

    def eigen(self, n_resamples: int, level: float) -> tuple[Array, Array, Array]:
        """Return eigenvalues (n_used,), eigenvectors and intervals (2, n_used)."""
        filled = self.weight > 0
        if not (self.used.any() and filled.any()):
            raise ValueError(
                "No row has derivatives by all features that have any, so that there "
                "is no gradient. Fill in missing values, or leave those features out."
            )
        products, weight = self.products[filled], self.weight[filled]
        values, vectors = np.linalg.eigh(self._mean(products, weight))
        values, vectors = _in_order(values, vectors)
        full = np.full((len(self.used), len(values)), np.nan)
        full[self.used] = vectors
        interval = np.full((2, len(values)), np.nan)
        if len(weight) > 1:
            part = np.full(len(weight), 1 / len(weight))
            count = self.rng.multinomial(len(weight), part, size=n_resamples)
            resampled = [
                np.linalg.eigvalsh(self._mean(products, weight, c))[::-1] for c in count
            ]
            tails = [(1 - level) / 2, (1 + level) / 2]
            interval = np.quantile(_rounded(np.array(resampled)), tails, axis=0)
        return values, full, interval

    def _mean(self, products: Array, weight: Array, count: Any = 1.0) -> Array:
        """Return the mean outer product of groups that are counted several times."""
        count = np.broadcast_to(count, weight.shape)
        matrix = np.zeros((len(self.used), len(self.used)))
        matrix[self.upper] = count @ products / (count @ weight)
        matrix = matrix + np.triu(matrix, 1).T
        return matrix[np.ix_(self.used, self.used)]


def _in_order(values: Array, vectors: Array) -> tuple[Array, Array]:
    """Return the largest eigenvalue first, and vectors with a fixed sign."""
    values, vectors = _rounded(values[::-1]), vectors[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    sign = np.sign(vectors[largest, np.arange(len(values))])
    return values, vectors * sign


def _rounded(values: Array) -> Array:
    """Return eigenvalues (..., n), in descending order, 0 for rounding errors."""
    rounding = values.shape[-1] * np.finfo(float).eps * values[..., :1]
    return np.where(values > rounding, values, 0.0)
