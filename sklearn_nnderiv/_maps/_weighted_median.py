"""The weighted median of all columns."""

from typing import Any

import numpy as np
from torch import Tensor

from ._base import Map


class WeightedMedian(Map):
    """The least column that half of the weight is not above.

    Parameters
    ----------
    weights : array of shape (n_in,)
        Weights of the columns.
    """

    weights: Tensor

    def __init__(self, weights: Any) -> None:
        weights = np.asarray(weights)
        super().__init__(
            len(weights), 1, "smooth" if len(weights) == 1 else "piecewise"
        )
        self._constant("weights", weights)

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        order = x.detach().argsort(dim=-1)
        below = self.weights[order].cumsum(dim=-1)
        is_above = below >= 0.5 * below[..., -1:]
        # the first of them; argmax of bool is not known to all torch versions
        first = is_above.double().argmax(dim=-1, keepdim=True)
        return x.gather(-1, order.gather(-1, first))
