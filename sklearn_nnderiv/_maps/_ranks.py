"""Columns by their rank."""

from typing import Any

from torch import Tensor

from ._base import Map


class Ranks(Map):
    """The columns in ascending order, weighted and added up.

    Parameters
    ----------
    weight : array of shape (n_in,)
        Of the smallest column, ..., the largest.
    """

    weight: Tensor

    def __init__(self, weight: Any) -> None:
        super().__init__(len(weight), 1, "piecewise")
        self._constant("weight", weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        return (x.sort(dim=-1).values * self.weight).sum(dim=-1, keepdim=True)
