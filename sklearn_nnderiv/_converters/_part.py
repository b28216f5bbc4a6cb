"""Maps that take some of what a step is given, and how they are put together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._elementwise.ufuncs import identity
from .._maps import Affine, Concatenate, Elementwise, Map, Select, Sequential
from ..exceptions import NotConvertibleError


@dataclass(frozen=True)
class Part:
    """A map of some of the columns that a step is given, and of constants.

    Attributes
    ----------
    width : int
        The number of columns that the step is given.
    columns : tuple of int
        What the map takes, in this order: places among those columns, and ~i for
        constant i of the binding.
    function : Map or None
        None returns what it is given.
    is_number : ndarray of bool of shape (n_out,)
        Which outputs are numbers. What is none is 0 here.
    """

    width: int
    columns: tuple[int, ...]
    function: Map | None
    is_number: NDArray[np.bool_]

    @classmethod
    def of(cls, function: Map) -> Part:
        """Return the part that takes all columns."""
        columns = tuple(range(function.n_in))
        return cls(function.n_in, columns, function, np.ones(function.n_out, bool))

    @classmethod
    def selecting(
        cls, columns: Iterable[int], width: int, is_number: NDArray[np.bool_]
    ) -> Part:
        """Return the part that returns columns, or constants, as they are."""
        return cls(width, tuple(columns), None, is_number)

    @property
    def n_out(self) -> int:
        """Return the number of outputs."""
        return len(self.is_number)

    @property
    def constants(self) -> list[int]:
        """Return ~i for each constant i that the map takes, without repetition."""
        return sorted({c for c in self.columns if c < 0}, reverse=True)

    def placed(self, columns: Sequence[int], width: int) -> Part:
        """Return the part as one of a step that is given more columns.

        Parameters
        ----------
        columns : sequence of int
            Where the part's own columns are among those.
        width : int
            The number of those.
        """
        places = tuple(columns[c] if c >= 0 else c for c in self.columns)
        return replace(self, width=width, columns=places)

    def weighted(self, weight: float | None) -> Part:
        """Return the part times a number."""
        if weight is None:
            return self
        return composed(self, Part.of(Affine(np.full(self.n_out, weight))))

    def over(self, columns: Sequence[int]) -> Map:
        """Return the map of given columns and constants, which include its own."""
        places = {c: i for i, c in enumerate(columns)}
        selected = [places[c] for c in self.columns]
        return _chain([*_select(selected, len(columns)), self.function], len(columns))

    @property
    def whole(self) -> Map:
        """Return the map of all columns, where it takes no constants."""
        return self.over(range(self.width))


def composed(first: Part, second: Part) -> Part:
    """Return the second part after the first."""
    if first.function is None:
        # nothing to compute: only the places change
        return second.placed(first.columns, first.width)
    constants = second.constants
    if constants:
        passed = Part.selecting(constants, first.width, np.ones(len(constants), bool))
        first = beside([first, passed])
    places = [*range(second.width), *constants]
    second_map = second.over(places)
    function = _chain([first.function, second_map], len(first.columns))
    return Part(first.width, first.columns, function, second.is_number)


def beside(parts: Sequence[Part], width: int | None = None) -> Part:
    """Return parts of the same columns side by side.

    Parameters
    ----------
    parts : sequence of Part
    width : int, default=None
        The number of columns, if it is known without them.
    """
    if not parts:
        if width is None:
            raise NotConvertibleError("It returns no columns.")
        return Part.selecting([], width, np.ones(0, bool))
    if len(parts) == 1:
        return parts[0]
    width = parts[0].width
    is_number = np.concatenate([part.is_number for part in parts])
    everything = [c for part in parts for c in part.columns]
    if all(part.function is None for part in parts):
        return Part.selecting(everything, width, is_number)
    # columns in their order, then constants in theirs
    columns = sorted(set(everything), key=lambda c: (c < 0, abs(c)))
    filled = [part for part in parts if part.n_out] or parts
    function = Concatenate([part.over(columns) for part in filled])
    return Part(width, tuple(columns), function, is_number)


def _select(columns: Sequence[int], n_in: int) -> list[Map]:
    return [] if list(columns) == list(range(n_in)) else [Select(columns, n_in)]


def _chain(maps: Iterable[Map | None], n_in: int) -> Map:
    chain: list[Any] = [part for part in maps if part is not None]
    if not chain:
        return Elementwise(identity, n_in)
    return chain[0] if len(chain) == 1 else Sequential(chain, n_in)
