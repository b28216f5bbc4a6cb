"""Maps that do not depend on their input."""

from typing import Any

import numpy as np
from torch import Tensor

from ._base import Map


class Constant(Map):
    """The same value everywhere.

    Parameters
    ----------
    value : array of shape (n_out,)
        What to return for every row.
    n_in : int
        Number of columns of the input.
    """

    value: Tensor

    def __init__(self, value: Any, n_in: int) -> None:
        value = np.asarray(value, dtype=np.float64)
        super().__init__(n_in, len(value), "constant")
        self._constant("value", value)

    def forward(self, x: Tensor) -> Tensor:
        """Return the value, once for every row of x."""
        return self.value.expand(*x.shape[:-1], self.n_out)
