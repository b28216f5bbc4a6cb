"""Piecewise polynomials of single columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._base import Map, Smoothness


class PiecewisePolynomial(Map):
    """Several piecewise polynomials of every column, column by column.

    Parameters
    ----------
    breaks : sequence of arrays of shape (n_breaks,)
        For every column, ascending, where a piece ends and the next begins.
    origins : sequence of arrays of shape (n_breaks + 1,)
        What is subtracted from the column before powers are taken, for every piece.
    coefficients : sequence of arrays of shape (n_breaks + 1, order, n_functions)
        For every column, of the powers from 0 up.
    smoothness : {"smooth", "piecewise", "constant"}
        That of the polynomials.
    period : (array, array), each of shape (n_columns,), default=None
        Where a period of every column begins, and its length.
    nan_is_zero : bool, default=False
        Whether the value at NaN is 0, instead of NaN.
    """

    breaks: Tensor
    origins: Tensor
    coefficients: Tensor
    first: Tensor
    start: Tensor | None
    length: Tensor | None
    # where one function goes to 0, others are of the size of its coefficients
    spread = 1e-14

    def __init__(
        self,
        breaks: Sequence[Any],
        origins: Sequence[Any],
        coefficients: Sequence[Any],
        smoothness: Smoothness,
        *,
        period: tuple[Any, Any] | None = None,
        nan_is_zero: bool = False,
    ) -> None:
        n, n_functions = len(breaks), coefficients[0].shape[-1]
        super().__init__(n, n * n_functions, smoothness)
        most = max(len(b) for b in breaks)
        padded = np.full((n, most), np.inf)
        for row, column in zip(padded, breaks, strict=True):
            row[: len(column)] = column
        sizes = [len(piece) for piece in coefficients]
        self._constant("breaks", padded)
        self._constant("origins", np.concatenate(list(origins)))
        self._constant("coefficients", np.concatenate(list(coefficients)))
        first = torch.tensor(np.cumsum([0, *sizes[:-1]]), device="cpu")
        self.register_buffer("first", first)
        start, length = period if period is not None else (None, None)
        self._constant("start", start)
        self._constant("length", length)
        self.nan_is_zero = nan_is_zero

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        rows = x.reshape(-1, self.n_in)
        unknown = torch.isnan(rows)
        if self.nan_is_zero:
            rows = torch.where(unknown, 0.0, rows)
        if self.start is not None and self.length is not None:
            rows = self.start + torch.remainder(rows - self.start, self.length)
        y = self._polynomials(rows)
        if self.nan_is_zero:
            y = torch.where(unknown.reshape(-1, 1), 0.0, y)
        return y.reshape(*x.shape[:-1], self.n_out)

    def _polynomials(self, rows: Tensor) -> Tensor:
        """Return the values of (n, n_in) as (n * n_in, n_functions)."""
        # not torch.searchsorted, which copies, with a warning, under vmap
        piece = (rows.unsqueeze(-1) >= self.breaks).sum(dim=-1)
        place = (piece + self.first).reshape(-1)
        u = (rows.reshape(-1) - self.origins.index_select(0, place)).unsqueeze(-1)
        *lower, y = self.coefficients.index_select(0, place).unbind(dim=1)
        for coefficient in reversed(lower):
            y = y * u + coefficient
        return y + 0 * u  # a graph, and NaN for NaN, for constants too
