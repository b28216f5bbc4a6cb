"""Effects of single rows, and how they move with the parameters of the fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from .._table import Table
from .._validation import Array, Index
from ._model import Model
from ._terms import Change, Term

KINDS = ("dydx", "eyex", "eydx", "dyex")


class Doubt(Protocol):
    """Directions in which a fit may move, for each of its outputs."""

    @property
    def n_directions(self) -> int:
        """Return their number."""

    def gradients(self, table: Table) -> tuple[Array, Array]:
        """Return how values and Jacobian move in every direction.

        The shapes are (n, n_outputs, n_directions) and, with the features appended,
        (n, n_outputs, n_directions, n_features).
        """

    def std(self, output: int, moved: Array) -> Array:
        """Return standard deviations (m,) of combinations (m, n_directions)."""


class Effects:
    """Effects of rows.

    Parameters
    ----------
    model : Model
    terms : list of Term
    kind : {"dydx", "eyex", "eydx", "dyex"}

    Attributes
    ----------
    n_without : int
        How many values of `of` are NaN for a prediction of 0, or a change of its sign.
    """

    def __init__(self, model: Model, terms: Sequence[Term], kind: str) -> None:
        self._model = model
        self.terms = terms
        self.kind = kind
        self._slopes = np.array([i for i, t in enumerate(terms) if t.ends is None], int)
        self._features: Index = np.array([terms[i].feature for i in self._slopes], int)
        self._by_x = kind in ("eyex", "dyex")
        self._by_y = kind in ("eyex", "eydx")
        self.n_without = 0

    def of(self, table: Table) -> Array:
        """Return effects (n, n_outputs, n_terms), NaN where there is none."""
        found = np.empty((len(table), self._model.n_outputs, len(self.terms)))
        if len(self._slopes):
            values, jacobian = self._model.with_jacobian(table)
            found[..., self._slopes] = self._scaled(
                table, values, jacobian[..., self._features]
            )
        for i, term in enumerate(self.terms):
            if term.ends is not None:
                low, high = (self._model.values(end(table)) for end in term.ends)
                found[..., i] = self._log_ratio(high, low) if self._by_y else high - low
                found[term.is_without(table), :, i] = np.nan
        return found

    def _log_ratio(self, high: Array, low: Array) -> Array:
        positive = high * low > 0
        self.n_without += int((~positive & np.isfinite(high * low)).sum())
        return np.log(
            np.divide(high, low, out=np.full_like(high, np.nan), where=positive)
        )

    def _scaled(self, table: Table, values: Array, jacobian: Array) -> Array:
        if self._by_x:
            jacobian = jacobian * table.numbers()[:, None, self._features]
        if self._by_y:
            self.n_without += int((values == 0).sum())
            jacobian = jacobian / np.where(values == 0, np.nan, values)[..., None]
        return jacobian

    def gradients(self, table: Table, doubt: Doubt) -> Array:
        """Return how effects move, (n, n_outputs, n_terms, n_directions)."""
        k, m = self._model.n_outputs, len(self.terms)
        found = np.empty((len(table), k, m, doubt.n_directions))
        if len(self._slopes):
            of_values, of_jacobian = doubt.gradients(table)
            moved = of_jacobian[..., self._features].swapaxes(-1, -2)
            found[:, :, self._slopes] = self._scaled_gradients(table, of_values, moved)
        for i, term in enumerate(self.terms):
            if term.ends is not None:
                found[:, :, i] = self._difference(term.ends, table, doubt)
                found[term.is_without(table), :, i] = np.nan
        return found

    def _scaled_gradients(self, table: Table, of_values: Array, moved: Array) -> Array:
        if self._by_x:
            moved = moved * table.numbers()[:, None, self._features, None]
        if self._by_y:
            values, jacobian = self._model.with_jacobian(table)
            effect = self._scaled(table, values, jacobian[..., self._features])
            moved = moved - effect[..., None] * of_values[:, :, None]
            moved = moved / np.where(values == 0, np.nan, values)[..., None, None]
        return moved

    def _difference(self, ends: Sequence[Change], table: Table, doubt: Doubt) -> Array:
        """Return how a difference moves, (n, n_outputs, n_directions)."""
        low, high = (end(table) for end in ends)
        moved = [doubt.gradients(rows)[0] for rows in (low, high)]
        if not self._by_y:
            return moved[1] - moved[0]
        values = [self._model.values(rows) for rows in (low, high)]
        positive = values[0] * values[1] > 0
        parts = [
            of / np.where(positive, value, np.nan)[..., None]
            for of, value in zip(moved, values, strict=True)
        ]
        return parts[1] - parts[0]
