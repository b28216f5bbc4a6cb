"""The additive chi-squared kernel's approximate feature map."""

import math

import torch
from torch import Tensor

from ._base import Map


class AdditiveChi2(Map):
    """Samples of the Fourier transform of the additive chi-squared kernel.

    The derivative at 0 is infinite.

    Parameters
    ----------
    n : int
        Number of columns, which are not negative.
    steps : int
        Number of samples.
    interval : float
        Distance of the samples.
    """

    def __init__(self, n: int, steps: int, interval: float) -> None:
        super().__init__(n, n * (2 * steps - 1), "smooth")
        self.steps = steps
        self.interval = interval

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        zero = x == 0
        root = torch.sqrt(x * self.interval)
        # at 0 the root takes the place of the wave, for its infinite derivative
        edge = torch.sqrt(torch.where(zero, x, 1.0))
        inner = torch.where(zero, 1.0, x)
        phase = self.interval * torch.log(inner)
        parts = [root]
        for j in range(1, self.steps):
            height = math.sqrt(
                2 * self.interval / math.cosh(math.pi * j * self.interval)
            )
            wave = height * torch.sqrt(inner)
            turns = torch.cos(j * phase), torch.sin(j * phase)
            parts += [torch.where(zero, edge, wave * turn) for turn in turns]
        return torch.cat(parts, dim=-1)
