"""Columns in another order, or some of them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._base import Map


class Select(Map):
    """x[..., columns].

    Parameters
    ----------
    columns : array of int of shape (n_out,)
        Which columns to take, in the order in which they come out.
    n_in : int
        Number of columns of the input.
    """

    columns: Tensor

    def __init__(self, columns: Any, n_in: int) -> None:
        columns = np.asarray(columns, dtype=np.int64).reshape(-1)
        super().__init__(n_in, len(columns), "smooth")
        self.register_buffer("columns", torch.tensor(columns, device="cpu"))

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        return x.index_select(-1, self.columns)
