"""What scikit-learn evaluates for the rows at hand, to be entered as constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._table import Table, plain_table
from .._validation import Array
from ._reach import Reach


@dataclass(frozen=True, eq=False)
class Feed:
    """How scikit-learn makes what a step is given of what the first step is given.

    Attributes
    ----------
    before : Feed or None
        None for the first step.
    make : callable or None
        From the rows of `before` to these.
    """

    before: Feed | None = None
    make: Callable[[Any], Any] | None = None

    def then(self, make: Callable[[Any], Any]) -> Feed:
        """Return what a function makes of these rows."""
        return Feed(self, make)

    def rows(self, X: Any, known: dict[Feed, Any]) -> Any:
        """Return the rows, made of X unless they are known."""
        if self.before is None or self.make is None:
            return X
        if self not in known:
            known[self] = self.make(self.before.rows(X, known))
        return known[self]


class _Piece(NamedTuple):
    feed: Feed
    is_number: NDArray[np.bool_]


class Binding:
    """The constants of a map, row by row.

    Parameters
    ----------
    head : Table
        Some rows, by which the outputs of scikit-learn's steps become known.

    Attributes
    ----------
    reach : list of ndarray
        For each constant, which of the columns it depends on.
    gaps : list of (Feed, ndarray)
        Rows that are NaN where something is missing, and for each of their columns, by
        which of the first step's there is no derivative then.
    """

    def __init__(self, head: Table) -> None:
        self._head: Table | None = head
        self._known: dict[Feed, Any] = {}
        self._pieces: list[_Piece] = []
        self.reach: list[Reach] = []
        self.gaps: list[tuple[Feed, Reach]] = []

    def head(self, feed: Feed) -> Any:
        """Return the first rows as a step is given them."""
        assert self._head is not None
        return feed.rows(self._head.X, self._known)

    def add(self, feed: Feed, reach: Reach) -> tuple[list[int], NDArray[np.bool_]]:
        """Take up columns of constants.

        Parameters
        ----------
        feed : Feed
            What makes them.
        reach : ndarray of bool
            Which of the first step's columns they depend on.

        Returns
        -------
        columns : list of int
            ~i for each of these constants i.
        is_number : ndarray of bool
            Which of them are numbers. The others are entered as 0.
        """
        is_number = plain_table(self.head(feed)).is_number
        first = len(self.reach)
        self._pieces.append(_Piece(feed, is_number))
        self.reach += [reach] * len(is_number)
        return [~i for i in range(first, len(self.reach))], is_number

    def forget_rows(self) -> None:
        """Let go of the first rows."""
        self._head = None
        self._known.clear()

    def gaps_of(self, X: Any) -> Reach:
        """Return by which columns (n, d) rows have no derivative for something missing.

        There has to be at least one entry in `gaps`.
        """
        known: dict[Feed, Any] = {}
        parts = []
        for feed, reach in self.gaps:
            numbers = plain_table(feed.rows(X, known)).numbers()
            # products of floats are faster than those of bools
            is_missing = np.isnan(numbers).astype(np.float32)
            parts.append(is_missing @ reach.astype(np.float32) > 0)
        return np.logical_or.reduce(parts)

    def constants(self, X: Any) -> Array:
        """Return the constants (n, n_constants) of some rows."""
        known: dict[Feed, Any] = {}
        parts = [
            plain_table(feed.rows(X, known), is_number).numbers()
            for feed, is_number in self._pieces
        ]
        return np.concatenate(parts, axis=1) if parts else np.empty((len(X), 0))
