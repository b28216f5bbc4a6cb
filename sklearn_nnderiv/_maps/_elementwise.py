"""Maps that treat every column on its own."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ._base import Map, Smoothness


class Elementwise(Map):
    """function(x, *parameters), column by column.

    Parameters
    ----------
    function : callable
        From x of shape (..., n) and the parameters to shape (..., n).
    n : int
        Number of columns.
    *parameters : float or array of shape (n,)
        Further arguments of the function.
    smoothness : {"smooth", "piecewise", "constant"}, default="smooth"
        That of the function.
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        n: int,
        *parameters: Any,
        smoothness: Smoothness = "smooth",
    ) -> None:
        super().__init__(n, n, smoothness)
        self.function = function
        for i, value in enumerate(parameters):
            self._constant(f"parameter{i}", value)

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        return self.function(x, *self.buffers())
