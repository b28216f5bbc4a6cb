"""Affine maps."""

from typing import Any

import numpy as np
from torch import Tensor

from ._base import Map


class Affine(Map):
    """(x - center) * weight + offset, or (x - center) @ weight.T + offset.

    The center is subtracted first: folding it into the offset loses digits where x is
    large and varies little.

    Parameters
    ----------
    weight : array of shape (n,) or (n_out, n_in)
        The diagonal of the derivative, or the derivative itself.
    center : array of shape (n_in,), default=None
        Subtracted from the input.
    offset : array of shape (n_out,), default=None
        Added to the output.
    """

    weight: Tensor
    center: Tensor | None
    offset: Tensor | None

    def __init__(self, weight: Any, center: Any = None, offset: Any = None) -> None:
        weight = np.asarray(weight, dtype=np.float64)
        super().__init__(weight.shape[-1], weight.shape[0], "smooth")
        self._constant("weight", weight)
        self._constant("center", center)
        self._constant("offset", offset)

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        if self.center is not None:
            x = x - self.center
        x = x * self.weight if self.weight.ndim == 1 else x @ self.weight.T
        return x if self.offset is None else x + self.offset
