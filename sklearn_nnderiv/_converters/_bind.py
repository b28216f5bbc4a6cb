"""From a fitted object and rows to a map of numbers, some of which are constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._maps import Map, device_of
from .._table import Table
from .._validation import Array, Index
from ..exceptions import NotConvertibleError
from ._agreement import N_SAMPLE_ROWS
from ._binding import Binding
from ._lookup import Role
from ._source import Source


@dataclass(frozen=True)
class Bound:
    """A map of columns that it can be differentiated by, then of other numbers.

    Attributes
    ----------
    function : Map
        Of the columns `active`, then `others`, then of constants.
    active : ndarray of int
        The columns of the rows that it is differentiated by.
    others : ndarray of int
        Columns of numbers that scikit-learn makes constants of, too.
    constants : ndarray of int
        Which constants of the binding it takes.
    is_undefined : ndarray of bool of shape (width,)
        By which columns of the rows there is no derivative.
    binding : Binding
    leaves : list of (object, columns)
        What is given raw columns, and which.
    maps : list of (object, Map)
        What has no parts, and its map.
    """

    function: Map
    active: Index
    others: Index
    constants: Index
    is_undefined: NDArray[np.bool_]
    binding: Binding
    leaves: list[tuple[Any, Any]]
    maps: list[tuple[Any, Map]]

    @property
    def is_plain(self) -> bool:
        """Whether the map takes the columns of the rows, all and in their order."""
        return len(self.active) == len(self.is_undefined) and not len(self.constants)

    def forget_rows(self) -> None:
        """Let go of the rows that it was made with, and of what was converted."""
        self.binding.forget_rows()
        self.leaves.clear()
        self.maps.clear()

    def undefined(self, table: Table, numbers: Array) -> NDArray[np.bool_]:
        """Return by which columns (n, width) rows have no derivative.

        Parameters
        ----------
        table : Table
            Rows.
        numbers : ndarray of shape (n, width)
            Their numbers.
        """
        undefined = np.broadcast_to(self.is_undefined, numbers.shape)
        if np.isnan(numbers.sum()):
            undefined = undefined | np.isnan(numbers)
        if self.binding.gaps:
            undefined = undefined | self.binding.gaps_of(table.X)
        return undefined

    def inputs(self, table: Table, numbers: Array) -> Array:
        """Return what the map takes.

        Parameters
        ----------
        table : Table
            Rows.
        numbers : ndarray of shape (n, width)
            Their numbers.
        """
        if self.is_plain:
            return numbers
        parts = [numbers[:, self.active], numbers[:, self.others]]
        if len(self.constants):
            constants = self.binding.constants(table.X)
            parts.append(constants[:, self.constants])
        return np.concatenate(parts, axis=1)


def bind(fitted: Any, table: Table, role: Role) -> Bound:
    """Return a fitted object's method as a map, with what it needs of the rows.

    What has no derivative, such as an encoder of categories, is evaluated by
    scikit-learn, and its output enters the map as constants of each row. By the columns
    that go into it there is no derivative; by all others it is exact.
    """
    binding = Binding(table.take(slice(N_SAMPLE_ROWS)))
    source = Source.of_rows(binding, table.is_number)
    part = source.part(fitted, role)
    if not part.is_number.all():
        raise NotConvertibleError(
            f"{role!r} of {type(fitted).__name__} returns columns that are not "
            f"numbers: {np.flatnonzero(~part.is_number).tolist()}."
        )
    if not part.n_out:
        raise NotConvertibleError(
            f"{role!r} of {type(fitted).__name__} returns no columns."
        )
    is_undefined = ~table.is_number
    for c in part.constants:
        is_undefined = is_undefined | binding.reach[~c]
    taken = sorted({c for c in part.columns if c >= 0})
    active = [c for c in taken if not is_undefined[c]]
    others = [c for c in taken if is_undefined[c]]
    function = part.over([*active, *others, *part.constants])
    return Bound(
        function.to(device_of(function)),  # scalers follow the network
        np.array(active, dtype=np.int64),
        np.array(others, dtype=np.int64),
        np.array([~c for c in part.constants], dtype=np.int64),
        is_undefined,
        binding,
        source.trail.leaves,
        source.trail.maps,
    )
