"""Columns of any kind as numbers whose largest difference is a distance."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._reference import sampled
from .._sklearn_compat import columns_of
from .._table import Table, is_missing, table_of
from .._validation import Array

# how far apart two categories are, in standard deviations: as the two values of a
# number that takes both equally often
_APART = 2.0
# numbers of a chunk of rows
_CHUNK_SIZE = 2**21


class Columns:
    """The columns of a table of training rows, as numbers.

    Numbers are standardised, a missing one is the mean. The categories of a column are
    numbered and written in binary, so that any two differ by `_APART` somewhere.

    Parameters
    ----------
    X : array-like or frame of shape (n_samples, n_features)
        Training rows.

    Attributes
    ----------
    rows : ndarray of shape (n_rows, n_numbers)
        A sample of the rows.
    """

    def __init__(self, X: Any) -> None:
        table = table_of(X)
        self._names, self._is_number = table.names, table.is_number
        self._categories = {
            j: _categories(table, j) for j in np.flatnonzero(~table.is_number).tolist()
        }
        self.low, self.high = _range(table)
        some = table.take(sampled(len(table), 0)[1])
        numbers = some.numbers()
        numbers[~np.isfinite(numbers)] = np.nan
        known = ~np.isnan(numbers)
        n_known = np.maximum(known.sum(axis=0), 1)
        self._mean = np.where(known, numbers, 0.0).sum(axis=0) / n_known
        off = np.where(known, numbers - self._mean, 0.0)
        self._spread = np.sqrt((off**2).sum(axis=0) / n_known)
        self.rows = self.scaled(some)

    def checked(self, X: Any) -> Table:
        """Return the table of other rows.

        Raises
        ------
        ValueError
            If its columns are not those of the training rows.
        """
        table = table_of(X)
        width = len(self._is_number)
        if table.width != width:
            raise ValueError(
                f"X has {table.width} columns, but `X_train` has {width}. Both need "
                "the columns that the estimator takes."
            )
        if None not in (table.names, self._names) and table.names != self._names:
            raise ValueError(
                "The columns of X must be those of `X_train`, in the same order. "
                f"Expected {self._names}, got {table.names}."
            )
        words = np.flatnonzero(self._is_number & ~table.is_number)
        if len(words):
            raise ValueError(
                f"The columns {words.tolist()} of X are not numbers, but those of "
                "`X_train` are."
            )
        return table

    def numbers(self, table: Table) -> Array:
        """Return raw numbers (n, n_features), zeros in columns of categories."""
        return np.where(self._is_number, table.numbers(), 0.0)

    def scaled(self, table: Table) -> Array:
        """Return numbers (n, n_numbers), infinite for what has not been seen."""
        varies = self._spread > 0
        numbers = self.numbers(table)[:, varies]
        numbers = np.where(np.isnan(numbers), self._mean[varies], numbers)
        parts = [(numbers - self._mean[varies]) / self._spread[varies]]
        parts += [
            _binary(column_values(table, j), codes)
            for j, codes in self._categories.items()
        ]
        return np.hstack(parts)


def column_values(table: Table, j: int) -> list[Any]:
    """Return the values of a column as Python's, None where they are missing."""
    column = columns_of(table.X, j)
    values = np.asarray(column, dtype=object).tolist()
    return [None if is_missing(value) else value for value in values]


def _categories(table: Table, j: int) -> dict[Any, int]:
    codes: dict[Any, int] = {}
    for value in column_values(table, j):
        codes.setdefault(value, len(codes))
    return codes


def _binary(values: list[Any], codes: dict[Any, int]) -> Array:
    """Return the digits of the numbers of categories, infinite for unknown ones."""
    n_digits = max(1, (len(codes) - 1).bit_length())
    number = np.array([codes.get(value, -1) for value in values])
    digits = (number[:, None] >> np.arange(n_digits)) & 1
    return np.where(number[:, None] < 0, np.inf, _APART * digits)


def _range(table: Table) -> tuple[Array, Array]:
    low, high = np.full((2, table.width), np.nan)
    size = max(1, _CHUNK_SIZE // table.width)
    for start in range(0, len(table), size):
        part = table.numbers(slice(start, start + size))
        part[~np.isfinite(part)] = np.nan
        low = np.fmin(low, np.fmin.reduce(part, axis=0))
        high = np.fmax(high, np.fmax.reduce(part, axis=0))
    return low, high
