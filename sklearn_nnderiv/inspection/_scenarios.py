"""At which rows effects are taken, and of which groups."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._table import Table, table_of
from .._validation import Array, Index
from ._model import Model
from ._terms import Change

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Groups:
    """Groups of rows.

    Attributes
    ----------
    names : list of str
        By what they are grouped.
    keys : list of tuple
        The values of each group.
    codes : ndarray of int of shape (n,)
        The group of each row.
    """

    names: list[str]
    keys: list[tuple[Any, ...]]
    codes: Codes


@dataclass(frozen=True)
class Scenario:
    """Rows as they are, or with some columns set.

    Attributes
    ----------
    labels : dict
        The values of the columns that are set.
    table : Table
        The rows as they are.
    weight : ndarray of shape (n,)
    codes : ndarray of int of shape (n,)
        The group of each row.
    changes : tuple of callable
        What sets the columns.
    """

    labels: dict[str, Any]
    table: Table
    weight: Array
    codes: Codes
    changes: tuple[Change, ...] = ()

    @property
    def groups(self) -> list[int]:
        """Return the groups that occur."""
        return np.unique(self.codes).tolist()

    def set(self, part: Table) -> Table:
        """Return a part of the rows with the columns set."""
        for change in self.changes:
            part = change(part)
        return part


def groups_of(model: Model, by: Any) -> Groups:
    """Return the groups of `by`: names of columns, or values for every row.

    Raises
    ------
    ValueError
        If `by` is neither, or a value is missing.
    """
    n = len(model.table)
    if by is None:
        return Groups([], [()], np.zeros(n, dtype=np.int64))
    names, columns = _named_columns(model, by)
    parts = []
    for name, table in zip(names, columns, strict=True):
        if len(table) != n:
            raise ValueError(
                f"`by` must have {n} values, as X has rows. Got {len(table)}."
            )
        parts.append(_codes(table, name))
    codes, keys = np.zeros(n, dtype=np.int64), list(product(*(p[0] for p in parts)))
    for levels, own in parts:
        codes = codes * len(levels) + own
    present, codes = np.unique(codes, return_inverse=True)
    return Groups(names, [keys[i] for i in present], codes)


def _named_columns(model: Model, by: Any) -> tuple[list[str], list[Table]]:
    if hasattr(by, "columns") or not np.iterable(by):
        raise ValueError(
            "`by` must be names of columns of X, or one value for every row. Got "
            f"{type(by).__name__}."
        )
    given = [by] if isinstance(by, str) else list(by)
    are_words = all(isinstance(name, str) for name in given)
    if are_words and set(given) <= set(model.feature_names):
        places = [model.feature_index(name) for name in given]
        return given, [_column(model.table, j) for j in places]
    if are_words and len(given) != len(model.table):
        raise ValueError(
            f"`by` names no column of X, or not only such: {by!r}. These are "
            f"{model.feature_names}. Otherwise give a value for every row."
        )
    values = np.asarray(by)
    if values.ndim != 1:
        raise ValueError(
            "`by` must be names of columns of X, or one value for every row. Got an "
            f"array of shape {values.shape}."
        )
    name = str(getattr(by, "name", None) or "group")
    return [name], [table_of(values.reshape(-1, 1))]


def _column(table: Table, j: int) -> Table:
    X = table.X
    if hasattr(X, "iloc"):
        return type(table)(X.iloc[:, [j]])
    return type(table)(X[:, [j]])


def _codes(table: Table, name: str) -> tuple[list[Any], Codes]:
    """Return the levels of a column, and which of them each row has."""
    levels = list(table.levels(0))
    place = {level: i for i, level in enumerate(levels)}
    values = table.column(0)
    try:
        codes = np.array([place[value] for value in values], dtype=np.int64)
    except KeyError as error:
        raise ValueError(
            f"`by` has missing values in {name!r}. Leave those rows out, or give them "
            "a group."
        ) from error
    return levels, codes


def scenarios_of(
    model: Model, at: Any, weight: Array, groups: Groups
) -> list[Scenario]:
    """Return where effects are taken.

    Parameters
    ----------
    model : Model
    at : {"each", "mean", "median"} or dict
    weight : ndarray of shape (n,)
    groups : Groups

    Raises
    ------
    ValueError
        If `at` is none of these, or names what X has not.
    """
    if isinstance(at, dict):
        return _with_values(model, at, weight, groups)
    if not isinstance(at, str):
        raise ValueError(_WHERE.format(at))
    if at == "each":
        return [Scenario({}, model.table, weight, groups.codes)]
    if at in ("mean", "median"):
        total = np.bincount(groups.codes, weights=weight)
        empty = [key for key, sum_ in zip(groups.keys, total, strict=True) if not sum_]
        if empty:
            raise ValueError(
                f"at={at!r} needs a row of positive weight in every group of `by`. "
                f"There is none in {empty}."
            )
        rows = [
            _typical(model, np.flatnonzero(groups.codes == g), weight, at)
            for g in range(len(groups.keys))
        ]
        ones = np.ones(1)
        return [
            Scenario({}, row, ones, np.array([g], dtype=np.int64))
            for g, row in enumerate(rows)
        ]
    raise ValueError(_WHERE.format(repr(at)))


_WHERE = (
    "`at` must be 'each', 'mean', 'median', or a dict from features to values. Got {}."
)


def _with_values(
    model: Model, at: dict[Any, Any], weight: Array, groups: Groups
) -> list[Scenario]:
    columns = {model.feature_index(feature): values for feature, values in at.items()}
    choices = {j: _listed(values) for j, values in columns.items()}
    empty = [model.feature_names[j] for j, values in choices.items() if not values]
    if empty:
        raise ValueError(f"`at` has no value for {empty}.")
    found = []
    for values in product(*choices.values()):
        labels = {
            model.feature_names[j]: value
            for j, value in zip(choices, values, strict=True)
        }
        changes = tuple(
            _setter(model, j, value) for j, value in zip(choices, values, strict=True)
        )
        found.append(Scenario(labels, model.table, weight, groups.codes, changes))
    return found


def _listed(values: Any) -> list[Any]:
    is_single = isinstance(values, str) or not hasattr(values, "__iter__")
    return [values] if is_single else list(values)


def _setter(model: Model, column: int, value: Any) -> Change:
    table, name = model.table, model.feature_names[column]
    if table.is_number[column] and model.has_slopes[column]:
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"Column {name!r} is of numbers. Got {value!r}."
            ) from error
        return lambda part: part.replaced(
            np.array([column]), np.full((len(part), 1), number)
        )
    levels = table.levels(column)
    if value not in levels:
        raise ValueError(
            f"{value!r} does not occur in column {name!r}, whose levels are "
            f"{list(levels)}."
        )
    cell = table.cell(levels[value], column)
    return lambda part: part.with_cell(column, cell)


def _typical(model: Model, rows: Index, weight: Array, at: str) -> Table:
    """Return one row of means or medians, and of the most frequent levels."""
    group, weight = model.table.take(rows), weight[rows]
    is_level = ~(group.is_number & model.has_slopes)
    average = _mean if at == "mean" else _median
    row = group.take(slice(0, 1))
    places = np.flatnonzero(~is_level)
    numbers = group.numbers()
    values = [average(numbers[:, j], weight) for j in places]
    if len(places):
        row = row.replaced(places, np.array([values]))
    for j in np.flatnonzero(is_level).tolist():
        levels = group.levels(j)
        if levels:
            place = {level: i for i, level in enumerate(levels)}
            totals = np.zeros(len(levels))
            for value, w in zip(group.column(j), weight, strict=True):
                if value in place:
                    totals[place[value]] += w
            most = list(levels)[int(totals.argmax())]
            row = row.with_cell(j, group.cell(levels[most], j))
    return row


def _mean(values: Array, weight: Array) -> float:
    known = ~np.isnan(values) & (weight > 0)
    return (
        float(np.average(values[known], weights=weight[known]))
        if known.any()
        else np.nan
    )


def _median(values: Array, weight: Array) -> float:
    """Return the weighted median: midway where the weights on both sides are equal."""
    known = ~np.isnan(values) & (weight > 0)
    if not known.any():
        return np.nan
    order = np.argsort(values[known])
    ordered, total = values[known][order], np.cumsum(weight[known][order])
    half = total[-1] / 2
    # a sum of weights that is a half may differ from it by rounding
    ends = half * (1 + np.array([-1, 1]) * len(total) * np.finfo(float).eps)
    low, high = np.searchsorted(total, ends)
    return float(ordered[low] + ordered[min(high, len(ordered) - 1)]) / 2
