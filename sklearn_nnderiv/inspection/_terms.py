"""What is asked of each feature: its slope, or differences between its levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._table import Table
from ._model import Model

# levels of a column beyond which it is taken for a name, not for a category
_MOST_LEVELS = 100

Change = Callable[[Table], Table]


@dataclass(frozen=True)
class Term:
    """One effect of a feature.

    Attributes
    ----------
    feature : int
    label : str
        What the effect is, "" for a slope.
    ends : tuple of two callables, or None
        What the rows become before and after a difference; None for a slope.
    is_step : bool
        Whether the difference is from where a row is, so that a missing cell has none.
    """

    feature: int
    label: str = ""
    ends: tuple[Change, Change] | None = None
    is_step: bool = False

    def is_without(self, table: Table) -> NDArray[np.bool_]:
        """Return which rows (n,) have no effect."""
        if not self.is_step:
            return np.zeros(len(table), dtype=bool)
        return np.isnan(table.numbers()[:, self.feature])


def terms_of(model: Model, features: Any, discrete: Any) -> list[Term]:
    """Return the effects of features, in the order of the columns.

    Parameters
    ----------
    model : Model
    features : sequence or None
        Names or places; None for all.
    discrete : "auto", None or sequence
        Which of them are not differentiated. Those that are not numbers, or that an
        encoder takes for categories, never are.
    """
    table = model.table
    chosen = _places(model, features, range(model.n_features))
    if isinstance(discrete, str):
        if discrete != "auto":
            raise ValueError(
                "`discrete` must be 'auto', None, or a sequence of features. Got "
                f"{discrete!r}."
            )
        is_discrete = table.are_discrete()
    else:
        is_discrete = np.zeros(model.n_features, dtype=bool)
        is_discrete[_places(model, discrete, [])] = True
    terms: list[Term] = []
    for j in chosen:
        name = model.feature_names[j]
        if not (table.is_number[j] and model.has_slopes[j]):
            terms += _between_levels(table, j, _few_levels(table, j, name))
        elif is_discrete[j]:
            terms += _of_numbers(table, j)
        else:
            terms.append(Term(j))
    if not terms:
        names = [model.feature_names[j] for j in chosen]
        raise ValueError(
            f"There is no effect to estimate of the features {names}: none are asked "
            "for, or their columns have a single level."
        )
    return terms


def _places(model: Model, given: Any, default: Sequence[int]) -> list[int]:
    if given is None:
        return list(default)
    if isinstance(given, str) or not np.iterable(given):
        given = [given]
    return sorted({model.feature_index(feature) for feature in given})


def _few_levels(table: Table, column: int, name: str) -> dict[Any, int]:
    levels = table.levels(column)
    if len(levels) > _MOST_LEVELS:
        raise ValueError(
            f"Column {name!r} has {len(levels)} levels, each of which would be "
            f"compared with the first; at most {_MOST_LEVELS} are. Leave it out by "
            "`features`."
        )
    return levels


def _between_levels(table: Table, column: int, levels: dict[Any, int]) -> list[Term]:
    """Return the differences between all levels and the first."""
    cells = {level: table.cell(row, column) for level, row in levels.items()}
    first, *others = cells or [None]
    return [
        Term(
            column,
            f"{other} - {first}",
            (_constant(column, cells[first]), _constant(column, cells[other])),
        )
        for other in others
    ]


def _of_numbers(table: Table, column: int) -> list[Term]:
    """Return the difference of two numbers, or that of a step of 1."""
    numbers = np.unique(table.numbers()[:, column])
    numbers = numbers[~np.isnan(numbers)]
    if len(numbers) <= 2:
        levels = table.levels(column)
        is_truth = all(isinstance(level, bool) for level in levels)
        if len(numbers) == 2 or is_truth:
            return _between_levels(table, column, levels)
    ends = partial(_shifted, column, 0.0), partial(_shifted, column, 1.0)
    return [Term(column, "+1", ends, is_step=True)]


def _constant(column: int, cell: Any) -> Change:
    return lambda table: table.with_cell(column, cell)


def _shifted(column: int, step: float, table: Table) -> Table:
    if step == 0:
        return table
    numbers = table.numbers()[:, [column]]
    return table.replaced(np.array([column]), numbers + step)
