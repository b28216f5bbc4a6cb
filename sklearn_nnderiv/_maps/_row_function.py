"""Functions of the user's."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from ._base import Map, Smoothness


class RowFunction(Map):
    """A function of rows that was written elsewhere.

    Parameters
    ----------
    function : callable
        From (n, n_in) to (n, n_out), row by row.
    keywords : dict
        Further arguments of the function.
    n_in, n_out : int
        Numbers of columns.
    smoothness : {"smooth", "piecewise", "constant"}
        That of the function.
    """

    def __init__(
        self,
        function: Callable[..., Tensor],
        keywords: dict[str, Any],
        n_in: int,
        n_out: int,
        smoothness: Smoothness,
    ) -> None:
        super().__init__(n_in, n_out, smoothness)
        self.function = function
        self.keywords = keywords

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        # the function may know only one batch axis
        y = self.function(x.reshape(-1, self.n_in), **self.keywords)
        return y.reshape(*x.shape[:-1], self.n_out)
