"""What every differentiable map promises."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn

Smoothness = Literal["smooth", "piecewise", "constant"]


class Map(nn.Module, ABC):
    """A function of the last axis, from (..., n_in) to (..., n_out).

    Parameters
    ----------
    n_in, n_out : int
        Length of the last axis before and after.
    smoothness : {"smooth", "piecewise", "constant"}
        "smooth" if the derivative is continuous, "piecewise" if it jumps somewhere,
        "constant" if it is zero wherever it exists.

    Attributes
    ----------
    tolerance : (float, float), default=(1e-12, 0.0)
        How far scikit-learn's own output may be off by rounding: relative, absolute.
    spread : float, default=0.0
        How far every output may be off for the rounding of the largest one, relative to
        that.
    numbers_per_row : int, default=0
        Numbers that a gradient needs of every row, if they are many.
    """

    tolerance: tuple[float, float] = (1e-12, 0.0)
    spread: float = 0.0
    numbers_per_row: int = 0

    def __init__(self, n_in: int, n_out: int, smoothness: Smoothness) -> None:
        super().__init__()
        self.training = False  # a map is the same in both modes
        self.n_in = n_in
        self.n_out = n_out
        self.smoothness: Smoothness = smoothness

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""

    def _constant(self, name: str, value: Any) -> None:
        """Keep a float64 array that moves with the module and is never trained."""
        self.register_buffer(name, None if value is None else float64(value))


def float64(value: Any) -> Tensor:
    """Return a copy as a tensor, not on torch's default device, the user's to set."""
    return torch.tensor(value, dtype=torch.float64, device="cpu")


def module_list(maps: Iterable[nn.Module]) -> nn.ModuleList:
    """Return a list of maps, whose modes stay as they are."""
    result = nn.ModuleList(maps)
    result.training = False
    return result


def device_of(function: nn.Module) -> torch.device:
    """Return the device that a map computes on: that of its network, if it has one."""
    for tensor in (*function.parameters(), *function.buffers()):
        return tensor.device
    return torch.device("cpu")
