"""Piecewise linear interpolation, one table a column."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._base import Map


def _interpolate(x: Tensor, knots: Tensor, values: Tensor, right: bool) -> Tensor:
    """Like `numpy.interp` for x of shape (d, n) and tables of shape (d, m).

    `right` says which of two equal knots is taken: the last or the first.
    """
    last = knots.shape[-1] - 1
    found = torch.searchsorted(knots, x.detach().contiguous(), right=right) - 1
    lower = found.clamp(0, last - 1)
    x0, x1 = knots.gather(-1, lower), knots.gather(-1, lower + 1)
    y0, y1 = values.gather(-1, lower), values.gather(-1, lower + 1)
    width = x1 - x0
    flat = width <= 0
    slope = torch.where(flat, 0.0, (y1 - y0) / torch.where(flat, 1.0, width))
    return y0 + slope * (x - x0)


class Interpolation(Map):
    """Monotone piecewise linear table look-up, constant beyond its ends.

    Parameters
    ----------
    knots : array of shape (n_columns, n_knots)
        Ascending abscissae of every column.
    values : array of shape (n_columns, n_knots)
        Ascending ordinates of every column.
    edge : float, default=0.0
        Inputs this close to the first or last knot count as lying on it.
    two_sided : bool, default=True
        Whether equal knots give the mean of the first and the last of their values;
        otherwise the last.
    """

    knots: Tensor
    values: Tensor

    def __init__(
        self, knots: Any, values: Any, *, edge: float = 0.0, two_sided: bool = True
    ) -> None:
        knots, values = np.asarray(knots), np.asarray(values)
        if knots.shape[1] == 1:  # a single knot: a constant
            knots, values = np.repeat(knots, 2, axis=1), np.repeat(values, 2, axis=1)
        super().__init__(len(knots), len(knots), "piecewise")
        self._constant("knots", knots)
        self._constant("values", values)
        self.edge = edge
        self.two_sided = two_sided

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        columns = x.reshape(-1, self.n_in).T
        y = _interpolate(columns, self.knots, self.values, right=True)
        if self.two_sided:
            left = _interpolate(columns, self.knots, self.values, right=False)
            y = (y + left) / 2
        first, last = self.knots[:, :1], self.knots[:, -1:]
        y = torch.where(columns + self.edge >= last, self.values[:, -1:], y)
        y = torch.where(columns - self.edge <= first, self.values[:, :1], y)
        return y.T.reshape(x.shape)
