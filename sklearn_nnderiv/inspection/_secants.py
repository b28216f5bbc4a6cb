"""Slopes between rows, to hold derivatives against where no true ones are known."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from .._sklearn_compat import columns_of
from .._table import Table
from .._validation import Array, Index
from ._model import Model
from ._sampled_rows import beyond
from ._spread import std_of


class Observed(NamedTuple):
    """Rows with observations of an output, of which pairs are made.

    Parameters
    ----------
    model : Model
    target : int
        The output.
    table : Table
        Of n rows without missing numbers.
    y : ndarray of shape (n,)
    weight : ndarray of shape (n,)
        Positive.
    """

    model: Model
    target: int
    table: Table
    y: Array
    weight: Array

    @classmethod
    def of(
        cls, model: Model, target: int, y: Array, weight: Array, rows: Index
    ) -> Observed:
        """Return some rows, of those that are complete."""
        table = model.table.take(rows)
        whole = ~np.isnan(table.numbers()).any(axis=1) & ~np.isnan(y[rows])
        if whole.sum() < 2:
            raise ValueError(
                "Secant slopes need at least two rows of positive weight without "
                f"missing numbers. Of {len(rows)} rows, {whole.sum()} are such."
            )
        rows = rows[whole]
        return cls(
            model, target, table.take(np.flatnonzero(whole)), y[rows], weight[rows]
        )


def secants(
    seen: Observed, step: float, noise_std: float | None, X_train: Any
) -> list[Bunch]:
    """Return secant slopes and derivatives at their midpoints, of every feature.

    Parameters
    ----------
    seen : Observed
    step : float
        What pairs aim at, in standard deviations of a feature.
    noise_std : float or None
        Of y; None estimates it.
    X_train : array-like or DataFrame
        By which midpoints beyond the data are told.

    Returns
    -------
    results : list of Bunch
        With `feature`, and of its pairs `true`, `predicted`, `weight`, `noise_std` and
        `is_beyond`.
    """
    fitted, jacobian = seen.model.with_jacobian(seen.table)
    moves = ~np.isnan(jacobian[:, seen.target]).all(axis=0)
    numbers = seen.table.numbers()
    unit = std_of(numbers, seen.weight)
    moves &= unit > 0
    scaled = numbers[:, moves] / unit[moves]
    nearest, along = _partners(scaled, _groups(seen.table, moves), step)
    if noise_std is None:
        between = _Pairs(seen, nearest, moves).residual / np.sqrt(2)
        residuals = seen.y - fitted[:, seen.target]
        # both hold errors of the fit beside the noise, so that the lower one is nearer
        noise_std = min(
            np.sqrt(np.nanmean(part**2))
            for part in (residuals, between)
            if not np.isnan(part).all()
        )
    chosen = dict(zip(np.flatnonzero(moves).tolist(), along, strict=True))
    none = np.empty((0, 2), dtype=np.int64)
    return [
        _Pairs(seen, chosen.get(j, none), moves).along(j, noise_std, X_train)
        for j in range(len(moves))
    ]


class _Pairs:
    """Pairs of rows with the derivative halfway between them.

    Parameters
    ----------
    seen : Observed
    pairs : ndarray of int of shape (m, 2)
    moves : ndarray of bool of shape (n_features,)
        The features in which pairs may differ.
    """

    def __init__(self, seen: Observed, pairs: Index, moves: NDArray[np.bool_]) -> None:
        first, second = pairs.T
        numbers, columns = seen.table.numbers(), np.flatnonzero(moves)
        self.difference = numbers[second] - numbers[first]
        middle = (numbers[first] + numbers[second])[:, columns] / 2
        self._table, self._model = seen.table.take(first), seen.model
        self.jacobian = np.empty((0, len(moves)))
        if len(pairs):
            self._table = self._table.replaced(columns, middle)
            self.jacobian = seen.model.jacobian(self._table)[:, seen.target]
        change = (self.jacobian * self.difference)[:, columns].sum(axis=1)
        self.residual = seen.y[second] - seen.y[first] - change
        # of the difference of two observations with these weights, per variance of one
        self._variance = 1 / seen.weight[first] + 1 / seen.weight[second]

    def along(self, j: int, noise_std: float, X_train: Any) -> Bunch:
        """Return secants along a feature, the derivative by it, and their noise.

        What the other features have changed on the way is taken off by the model.
        """
        known = ~np.isnan(self.residual)
        step, predicted = self.difference[known, j], self.jacobian[known, j]
        variance, flag = self._variance[known], None
        if known.any():
            flag = beyond(self._model, self._table, X_train)
        return Bunch(
            feature=j,
            true=predicted + self.residual[known] / step,
            predicted=predicted,
            weight=step**2 / variance,
            noise_std=noise_std * np.sqrt(variance) / abs(step),
            is_beyond=None if flag is None else flag[known],
        )


def _groups(table: Table, moves: NDArray[np.bool_]) -> Index:
    """Return codes (n,) of all that pairs have to agree in."""
    codes = np.zeros(len(table), dtype=np.int64)
    for j in np.flatnonzero(~moves):
        column = np.asarray(columns_of(table.X, int(j)), dtype=object)
        words = np.unique([str(value) for value in column], return_inverse=True)[1]
        both = np.column_stack([codes, words.ravel()])
        codes = np.unique(both, axis=0, return_inverse=True)[1].ravel()
    return codes


def _partners(scaled: Array, groups: Index, step: float) -> tuple[Index, list[Index]]:
    """Return pairs (m, 2) of nearest rows, and those that suit each of the columns.

    A pair suits a column by its step along it over the sum of `step` squared and its
    squared length. It is left out if the column has less than an equal share in it.
    """
    n, d = scaled.shape
    places = np.arange(n)
    nearest, best = np.full(n, -1), np.full((d, n), -1)
    for i in places:
        moved = abs(scaled - scaled[i])
        squares = (moved**2).sum(axis=1)
        others = (groups == groups[i]) & (places != i)
        if others.any():
            nearest[i] = np.where(others, squares, np.inf).argmin()
        is_fair = others[:, None] & (moved > 0) & (d * moved**2 >= squares[:, None])
        suits = np.where(is_fair, moved / (step**2 + squares[:, None]), 0.0)
        best[:, i] = np.where(is_fair.any(axis=0), suits.argmax(axis=0), -1)
    return _pairs(nearest), [_pairs(partners) for partners in best]


def _pairs(partners: Index) -> Index:
    """Return distinct pairs (m, 2) of rows and their partners, -1 for none."""
    places = np.arange(len(partners))
    pairs = np.sort(np.column_stack([places, partners]), axis=1)
    return np.unique(pairs[partners >= 0], axis=0)
