"""Means over rows that come in chunks, with their standard errors."""

from __future__ import annotations

import numpy as np

from .._validation import Array


class Moments:
    """Weighted means of quantities over rows, where NaN counts as absent.

    The standard error of a weighted mean m of independent rows is
    sqrt(sum w^2 (v - m)^2) / sum w.
    """

    def __init__(self) -> None:
        self._shift: Array | None = None

    def update(self, values: Array, weight: Array) -> None:
        """Take values (n, ...) of rows with weights (n,)."""
        known = ~np.isnan(values)
        if self._shift is None:
            # sums of squares would cancel around a distant mean
            n_known = known.sum(axis=0)
            total = np.where(known, values, 0.0).sum(axis=0)
            self._shift = total / np.maximum(n_known, 1)
            shape = self._shift.shape
            self._total, self._first, self._second, self._count = np.zeros((4, *shape))
            self._w2, self._w2v, self._w2v2 = np.zeros((3, *shape))
        moved = np.where(known, values - self._shift, 0.0)
        w = known * weight.reshape(-1, *[1] * (values.ndim - 1))
        self._count += (w > 0).sum(axis=0)
        self._total += w.sum(axis=0)
        self._first += (w * moved).sum(axis=0)
        self._second += (w * moved**2).sum(axis=0)
        self._w2 += (w**2).sum(axis=0)
        self._w2v += (w**2 * moved).sum(axis=0)
        self._w2v2 += (w**2 * moved**2).sum(axis=0)

    @property
    def mean(self) -> Array:
        """Return the means, NaN of nothing."""
        shift, offset = self._shift_and_offset()
        return shift + offset

    @property
    def variance(self) -> Array:
        """Return the variances, which one row leaves at 0, NaN of nothing."""
        _, m = self._shift_and_offset()
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.maximum(self._second / self._total - m**2, 0.0)

    @property
    def std_error(self) -> Array:
        """Return the standard errors of the means, NaN of fewer than two rows."""
        _, m = self._shift_and_offset()
        spread = self._w2v2 - 2 * m * self._w2v + m**2 * self._w2
        with np.errstate(invalid="ignore", divide="ignore"):
            error = np.sqrt(np.maximum(spread, 0.0)) / self._total
        return np.where(self._count > 1, error, np.nan)

    def _shift_and_offset(self) -> tuple[Array, Array]:
        assert self._shift is not None
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._shift, self._first / self._total
