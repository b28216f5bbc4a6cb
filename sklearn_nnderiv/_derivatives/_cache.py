"""Bound maps of fitted objects, kept from one call to the next."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from sklearn import get_config
from torch import nn

from .._converters import Bound, registered
from .._table import Table
from ._state import State

# fitted objects, and kinds of rows of each, that are remembered
_MOST_OBJECTS, _MOST_KINDS = 16, 4


class _Kept(NamedTuple):
    state: State
    registry: tuple[Any, ...]
    results: dict[Any, tuple[Bound, bool]]


_kept: WeakKeyDictionary[Any, _Kept] = WeakKeyDictionary()
_lock = threading.Lock()


def remembered(
    fitted: Any, role: str, table: Table, make: Callable[[], tuple[Bound, bool]]
) -> tuple[Bound, bool]:
    """Return the bound map of a fitted object, and whether its output is 1-D.

    It is made unless it was made before, for rows of the same kind, of the object as it
    is now.
    """
    try:
        kept = _kept.get(fitted)
    except TypeError:  # it cannot be referred to weakly, or has no hash
        return make()
    if isinstance(fitted, nn.Module):
        return make()  # its map would keep it alive
    key = (role, *_kind(table))
    current = registered()
    if kept is None or kept.registry != current or not kept.state.is_that_of(fitted):
        kept = _Kept(State(fitted), current, {})
    result = kept.results.get(key)
    if result is not None:
        return result
    result = make()
    if kept.state.is_known:
        with _lock:
            if len(kept.results) >= _MOST_KINDS:
                kept.results.clear()
            kept.results[key] = result
            if len(_kept) >= _MOST_OBJECTS:
                _kept.clear()
            _kept[fitted] = kept
    return result


def _kind(table: Table) -> tuple[Any, ...]:
    """Return what a conversion depends on of the rows."""
    X = table.X
    names = None if table.names is None else tuple(table.names)
    dtype = str(getattr(X, "dtype", ""))
    output = get_config().get("transform_output")
    return type(X), dtype, names, table.is_number.tobytes(), output
