"""How the tangents of many rows, one for each input and unit, lie in memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from .._elementwise.libraries import Library

# inputs from which it pays that those of a unit lie together
_MANY_INPUTS = 16


class Layout(ABC):
    """Tangents (n, width, n_in), or (n, n_in, width), and what is done with them.

    Parameters
    ----------
    lib : Library
    """

    def __init__(self, lib: Library) -> None:
        self.lib = lib

    @abstractmethod
    def shape(self, n_in: int, width: int) -> tuple[int, int]:
        """Return the shape of the tangents of a row."""

    @abstractmethod
    def lowest(self, weight: Any) -> Any:
        """Return the tangents of a first product, the same for all rows."""

    @abstractmethod
    def part(self, T: Any, start: int, stop: int) -> Any:
        """Return the tangents of some units."""

    @abstractmethod
    def scale(self, T: Any, factor: Any, out: Any) -> None:
        """Write the tangents times a factor (n, width)."""

    @abstractmethod
    def scale_inputs(self, T: Any, factor: Any) -> Any:
        """Return the tangents times a factor (n, n_in)."""

    @abstractmethod
    def drive(self, weight: Any, T: Any, out: Any) -> None:
        """Write the tangents of a product with a weight (n_out, width)."""

    @abstractmethod
    def combine(self, pairs: Any, factor: Any, out: Any) -> None:
        """Write the sum over units of a factor (n, n_units) times what each gives.

        That is `pairs` (n_units, width, n_in), the same for all rows.
        """

    @abstractmethod
    def jacobian(self, weight: Any, T: Any, out: Any) -> None:
        """Write the product with weights, for all rows or each, as (n, n_out, n_in)."""

    @abstractmethod
    def gram(self, T: Any, S: Any, out: Any) -> None:
        """Write the sum over units (n, n_in, n_in) of products of tangents."""

    @abstractmethod
    def sum_of_squares(self, T: Any, out: Any) -> Any:
        """Return the sum over inputs (n, width), with scratch memory as large as T."""


class ByUnit(Layout):
    """(n, width, n_in)."""

    def shape(self, n_in: int, width: int) -> tuple[int, int]:
        """Return the shape of the tangents of a row."""
        return width, n_in

    def lowest(self, weight: Any) -> Any:
        """Return the tangents of a first product, the same for all rows."""
        return weight[None]

    def part(self, T: Any, start: int, stop: int) -> Any:
        """Return the tangents of some units."""
        return T[:, start:stop]

    def scale(self, T: Any, factor: Any, out: Any) -> None:
        """Write the tangents times a factor (n, width)."""
        self.lib.multiply(T, factor[:, :, None], out=out)

    def scale_inputs(self, T: Any, factor: Any) -> Any:
        """Return the tangents times a factor (n, n_in)."""
        return T * factor[:, None]

    def drive(self, weight: Any, T: Any, out: Any) -> None:
        """Write the tangents of a product with a weight (n_out, width)."""
        self.lib.matmul(weight, T, out=out)

    def combine(self, pairs: Any, factor: Any, out: Any) -> None:
        """Write the sum over units of a factor (n, n_units) times what each gives."""
        table = pairs.reshape(len(pairs), -1)
        self.lib.matmul(factor, table, out=out.reshape(len(out), -1))

    def jacobian(self, weight: Any, T: Any, out: Any) -> None:
        """Write the product with weights, for all rows or each, as (n, n_out, n_in)."""
        self.lib.matmul(weight, T, out=out)

    def gram(self, T: Any, S: Any, out: Any) -> None:
        """Write the sum over units (n, n_in, n_in) of products of tangents."""
        self.lib.matmul(T.swapaxes(1, 2), S, out=out)

    def sum_of_squares(self, T: Any, out: Any) -> Any:
        """Return the sum over inputs (n, width), with scratch memory as large as T."""
        self.lib.multiply(T, T, out=out)
        flat = out.reshape(-1, out.shape[2])
        # several times faster than a sum over short rows
        return (flat @ self.lib.ones(out.shape[2], out)).reshape(out.shape[:2])


class ByInput(Layout):
    """(n, n_in, width)."""

    def shape(self, n_in: int, width: int) -> tuple[int, int]:
        """Return the shape of the tangents of a row."""
        return n_in, width

    def lowest(self, weight: Any) -> Any:
        """Return the tangents of a first product, the same for all rows."""
        return weight.T[None]

    def part(self, T: Any, start: int, stop: int) -> Any:
        """Return the tangents of some units."""
        return T[:, :, start:stop]

    def scale(self, T: Any, factor: Any, out: Any) -> None:
        """Write the tangents times a factor (n, width)."""
        self.lib.multiply(T, factor[:, None], out=out)

    def scale_inputs(self, T: Any, factor: Any) -> Any:
        """Return the tangents times a factor (n, n_in)."""
        return T * factor[:, :, None]

    def drive(self, weight: Any, T: Any, out: Any) -> None:
        """Write the tangents of a product with a weight (n_out, width)."""
        rows = T.reshape(-1, T.shape[-1])
        self.lib.matmul(rows, weight.T, out=out.reshape(-1, out.shape[-1]))

    def combine(self, pairs: Any, factor: Any, out: Any) -> None:
        """Write the sum over units of a factor (n, n_units) times what each gives."""
        table = pairs.swapaxes(1, 2).reshape(len(pairs), -1)
        self.lib.matmul(factor, table, out=out.reshape(len(out), -1))

    def jacobian(self, weight: Any, T: Any, out: Any) -> None:
        """Write the product with weights, for all rows or each, as (n, n_out, n_in)."""
        self.lib.matmul(weight, T.swapaxes(1, 2), out=out)

    def gram(self, T: Any, S: Any, out: Any) -> None:
        """Write the sum over units (n, n_in, n_in) of products of tangents."""
        self.lib.matmul(T, S.swapaxes(1, 2), out=out)

    def sum_of_squares(self, T: Any, out: Any) -> Any:
        """Return the sum over inputs (n, width), with scratch memory as large as T."""
        self.lib.multiply(T, T, out=out)
        return (self.lib.ones(out.shape[1], out)[None] @ out)[:, 0]


def layout_of(lib: Library, n_in: int) -> Layout:
    """Return the layout that is the faster."""
    return (ByUnit if n_in >= _MANY_INPUTS else ByInput)(lib)
