"""The checks that a bound map does what it was converted from does."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import nn

from .._converters import N_SAMPLE_ROWS, Bound, Role, check_agreement
from .._engines import evaluate
from .._maps import Map
from .._table import Table
from .._validation import Array, Index
from ._methods import exact_output_of, output_of
from ._samples import outlying_rows


def values_of(function: Map, inputs: Array) -> Array:
    """Return the values (n, n_out) of a map."""
    values = np.empty((len(inputs), function.n_out))
    evaluate(function, inputs, {"values": values})
    return values


def check_rows(fitted: Any, role: Role, bound: Bound, given: Table, what: str) -> Array:
    """Hold a bound map against the fitted object, and return what the object says."""
    # but for columns that are constants too, in double precision
    numbers = given.numbers()
    exact = given.replaced(bound.active, numbers[:, bound.active])
    expected = exact_output_of(fitted, role, exact, given)
    if not isinstance(fitted, nn.Module):
        inputs = bound.inputs(exact, numbers)
        check_agreement(bound.function, inputs, expected, type(fitted).__name__, what)
    return expected


def check_bound(fitted: Any, role: Role, bound: Bound, table: Table) -> bool:
    """Hold a bound map against the fitted object, and return whether y is 1-D.

    It is held against the first rows, and rows at their edges and beyond.
    """
    head = table.take(slice(N_SAMPLE_ROWS))
    numbers = head.numbers()
    inputs = bound.inputs(head, numbers)
    # the fitted object may refuse a row outside its domain, so not these
    inside = np.isfinite(values_of(bound.function, inputs)).all(axis=1)
    inside &= np.isfinite(numbers).all(axis=1)
    rows = np.flatnonzero(inside) if inside.any() else np.array([0])
    head = head.take(rows)
    expected = check_rows(fitted, role, bound, head, "first rows")
    if inside.any() and len(bound.active) and not isinstance(fitted, nn.Module):
        _check_beyond(fitted, role, bound, head)
    return expected.ndim == 1


def _check_beyond(fitted: Any, role: Role, bound: Bound, head: Table) -> None:
    """Hold the map against the fitted object at the edges of the rows and beyond."""
    outlying = outlying_rows(head.numbers(), bound.leaves)[:, bound.active]
    base = head.take(np.arange(len(outlying)) % len(head))
    table = base.replaced(bound.active, outlying)
    inputs = bound.inputs(table, table.numbers())
    inside = np.isfinite(values_of(bound.function, inputs)).all(axis=1)
    rows = np.flatnonzero(inside)
    places, expected = accepted(fitted, role, table.take(rows))
    if len(places):
        check_agreement(
            bound.function,
            inputs[rows[places]],
            expected,
            type(fitted).__name__,
            "rows at the edges of the first and beyond",
            are_made_up=True,
        )


def accepted(fitted: Any, role: Role, table: Table) -> tuple[Index, Array]:
    """Return which rows a fitted object takes, and its output for these."""
    places: list[int] = []
    outputs: list[Array] = []
    with np.errstate(all="ignore"):
        try:
            return np.arange(len(table)), output_of(fitted, role, table)
        except Exception:
            pass  # it may be about some of the rows only
        for i in range(len(table)):
            try:
                outputs.append(output_of(fitted, role, table.take([i])))
            except Exception:
                continue
            places.append(i)
    joined = np.concatenate(outputs) if outputs else np.empty(0)
    return np.array(places, dtype=np.int64), joined
