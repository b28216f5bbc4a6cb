"""Derivatives by the columns that a bound map takes, among all columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from .._converters import Bound
from .._table import ArrayTable, Table
from .._validation import Array
from ._undefined import mark_undefined

# rows at a time, unless they are many numbers
MOST_ROWS, MOST_NUMBERS = 2**16, 2**23


def chunks(table: Table, bound: Bound, numbers: int) -> Iterator[slice]:
    """Yield rows that can be computed at a time in bounded memory.

    Parameters
    ----------
    table : Table
    bound : Bound
    numbers : int
        Of each row, besides what the map is given.
    """
    n, size = len(table), len(table)
    is_ready = isinstance(table, ArrayTable) and table.X.dtype == np.float64
    if not (bound.is_plain and is_ready):
        numbers += table.width + bound.function.n_in
        size = int(np.clip(MOST_NUMBERS // numbers, 1, MOST_ROWS))
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))


def in_columns(
    bound: Bound, table: Table, compute: Callable[[Array], tuple[Array, Array]]
) -> tuple[Array, Array]:
    """Return values (n, k), and what there is of them by all columns (n, k, d).

    Parameters
    ----------
    bound : Bound
    table : Table
    compute : callable
        From inputs of the map to values (n, k) and (n, k, n_in).
    """
    values, every = [], []
    a = len(bound.active)
    for rows in chunks(table, bound, 2 * bound.function.n_in * bound.function.n_out):
        part = table.take(rows)
        numbers = part.numbers()
        value, by_input = compute(bound.inputs(part, numbers))
        whole = np.zeros((*value.shape, table.width))
        whole[..., bound.active] = by_input[..., :a]
        mark_undefined("jacobian", whole, bound.undefined(part, numbers), None)
        whole[np.isnan(value)] = np.nan
        values.append(value)
        every.append(whole)
    return np.concatenate(values), np.concatenate(every)
