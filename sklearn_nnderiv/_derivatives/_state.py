"""What tells whether a fitted object has changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import skorch
from torch import nn

from .._engines import Stamp

# of what is compared at every call; larger objects are taken anew
_MOST_ITEMS = 20_000
_MOST_BYTES = 2**22

# whose instances without attributes are not written to, or do not matter
_KNOWN_LIBRARIES = {"builtins", "numpy", "scipy", "sklearn", "torch"}
# what stands for the whole object, by library
_DELEGATES = {"sklearn": "best_estimator_", __name__.partition(".")[0]: "module_"}
_ATOMS = (bool, int, float, complex, str, bytes, type(None), np.generic)


class _UnknownStateError(Exception):
    pass


class State:
    """Everything that a fitted object consists of, to be compared later.

    Parameters
    ----------
    fitted : object

    Attributes
    ----------
    is_known : bool
        Whether the object is small and of a kind whose changes are noticed.
    """

    def __init__(self, fitted: Any) -> None:
        self.is_known = True
        self._items: list[Any] = []
        self._stamps: list[Stamp] = []
        size = 0
        try:
            for item in _items(fitted):
                self._items.append(item)
                size += len(item) if isinstance(item, bytes) else 0
                if size > _MOST_BYTES or len(self._items) > _MOST_ITEMS:
                    raise _UnknownStateError
                if isinstance(item, nn.Module):
                    self._stamps.append(Stamp(item))
        except _UnknownStateError:
            self.is_known = False

    def is_that_of(self, fitted: Any) -> bool:
        """Whether the object has not been fitted again or written to."""
        mine = iter(self._items)
        try:
            for item in _items(fitted):
                other = next(mine, self)
                if other is not item and not _are_equal(other, item):
                    return False
        except _UnknownStateError:
            return False
        is_shorter = next(mine, self) is not self
        return not is_shorter and all(stamp.is_current for stamp in self._stamps)


def _are_equal(one: Any, other: Any) -> bool:
    """Whether two constants are equal; other objects have to be the same."""
    return type(one) is type(other) and isinstance(one, _ATOMS) and bool(one == other)


def _items(fitted: Any) -> Iterator[Any]:
    """Yield the constants, contents of arrays and identities of a fitted object."""
    # not the object itself, which would be kept alive
    yield type(fitted)
    yield from _attributes(fitted, {id(fitted)})


def _attributes(value: Any, seen: set[int]) -> Iterator[Any]:
    if isinstance(value, skorch.NeuralNet):
        raise _UnknownStateError  # much of it is torch's
    own = getattr(value, "__dict__", None)
    if own is None:
        raise _UnknownStateError
    delegate = _DELEGATES.get(type(value).__module__.partition(".")[0])
    if delegate in own:
        yield from _parts(own[delegate], seen)
        return
    for name, part in own.items():
        yield name
        yield from _parts(part, seen)


def _parts(value: Any, seen: set[int]) -> Iterator[Any]:
    if isinstance(value, _ATOMS):
        yield value
        return
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, np.ndarray):
        yield from _contents(value, seen)
    elif isinstance(value, list | tuple | set | frozenset):
        yield type(value)
        yield len(value)
        for part in value:
            yield from _parts(part, seen)
    elif isinstance(value, dict):
        yield len(value)
        for key, part in value.items():
            yield from _parts(key, seen)
            yield from _parts(part, seen)
    else:
        yield value
        yield from _of_object(value, seen)


def _contents(array: Any, seen: set[int]) -> Iterator[Any]:
    yield array.dtype.str
    yield str(array.shape)
    if array.dtype.hasobject:
        for part in array.ravel().tolist():
            yield from _parts(part, seen)
    elif array.nbytes > _MOST_BYTES:
        raise _UnknownStateError
    else:
        yield np.asarray(array).tobytes()


def _of_object(value: Any, seen: set[int]) -> Iterator[Any]:
    library = type(value).__module__.partition(".")[0]
    if isinstance(value, nn.Module | type):
        return
    if hasattr(value, "__dict__"):
        yield from _attributes(value, seen)
    elif library not in _KNOWN_LIBRARIES:
        raise _UnknownStateError
