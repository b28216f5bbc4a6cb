"""The training rows that a fit keeps, to tell later which rows lie beyond them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ._validation import Array, Index

MAX_REFERENCE_ROWS = 2_000


@dataclass(frozen=True)
class Reference:
    """A random sample of the training rows, and the range of all of them.

    Attributes
    ----------
    rows : ndarray of shape (n_rows, n_scaled)
        The sample, in scaled units.
    low, high : ndarray of shape (n_features,)
        The range of all rows, in raw units: a scaler may clip.
    n_seen : int
        The number of rows that the sample stands for.
    """

    rows: Array
    low: Array
    high: Array
    n_seen: int

    @classmethod
    def of(cls, X: Array, scale: Callable[[Array], Array]) -> Reference:
        """Return the reference of raw rows.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        scale : callable
            From raw rows to scaled ones.
        """
        rows = scale(X[sampled(len(X), 0)[1]])
        return cls(rows, X.min(axis=0), X.max(axis=0), len(X))

    def with_more(self, X: Array, scale: Callable[[Array], Array]) -> Reference:
        """Return the reference of all rows so far and of more."""
        place, source = sampled(len(X), self.n_seen)
        more = scale(X[source])
        n_rows = max(len(self.rows), int(place.max(initial=-1)) + 1)
        rows = np.empty((n_rows, self.rows.shape[1]))
        rows[: len(self.rows)] = self.rows
        rows[place] = more
        low, high = np.minimum(self.low, X.min(0)), np.maximum(self.high, X.max(0))
        return Reference(rows, low, high, self.n_seen + len(X))


def sampled(n: int, n_seen: int) -> tuple[Index, Index]:
    """Return the places that some of n rows take in a sample, and which rows these are.

    Reservoir sampling: of all rows that have come, each is in the sample with the same
    probability. It draws from a generator of its own, so that nothing else changes.
    """
    time = np.arange(n_seen, n_seen + n)
    drawn = np.random.default_rng(n_seen).integers(0, time + 1)
    place = np.where(time < MAX_REFERENCE_ROWS, time, drawn)
    kept = np.flatnonzero(place < MAX_REFERENCE_ROWS)
    last = dict(zip(place[kept].tolist(), kept.tolist(), strict=True))
    return np.array([*last], dtype=int), np.array([*last.values()], dtype=int)
