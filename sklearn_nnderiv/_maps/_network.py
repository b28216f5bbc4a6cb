"""A trained network as a map."""

import torch
from torch import Tensor, nn

from ._base import Map, Smoothness


class Network(Map):
    """A torch module between float64 maps: casts to its dtype and back.

    Parameters
    ----------
    module : torch.nn.Module
        From (n, n_in) to (n, n_out), or to (n,) where n_out is 1.
    n_in, n_out : int
        Numbers of columns.
    dtype : torch.dtype
        The dtype of the module's parameters.
    smoothness : {"smooth", "piecewise", "constant"}
        That of the module.
    """

    def __init__(
        self,
        module: nn.Module,
        n_in: int,
        n_out: int,
        dtype: torch.dtype,
        smoothness: Smoothness,
    ) -> None:
        super().__init__(n_in, n_out, smoothness)
        self.module = module
        self.dtype = dtype
        # inputs that differ in their last bit may differ more once they are cast
        relative = max(1e-12, 32 * torch.finfo(dtype).eps)
        if any(type(part) is nn.Softplus for part in module.modules()):
            relative = max(relative, 1e-8)  # it is linear beyond 20, the engine is not
        self.tolerance = (relative, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        # modules of the user's may know only one batch axis
        rows = x.reshape(-1, self.n_in).to(self.dtype)
        y = self.module(rows).to(torch.float64)
        return y.reshape(*x.shape[:-1], self.n_out)
