"""The built-in network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils import skip_init


class FeedForward(nn.Module):
    """Linear layers with an elementwise activation between them.

    Parameters
    ----------
    n_in, n_out : int
        Numbers of inputs and outputs.
    hidden : sequence of int
        Widths of the hidden layers.
    activation : callable
        Makes a torch.nn.Module.
    dtype : torch.dtype
        Dtype of the parameters.
    seed : int
        Of the initial parameters, which are those of Glorot and Bengio (2010).
    skip : bool, default=False
        Whether the outputs are linear in the inputs besides; that part begins at 0.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        hidden: Sequence[int],
        activation: Callable[[], nn.Module],
        dtype: torch.dtype,
        seed: int,
        skip: bool = False,
    ) -> None:
        super().__init__()
        sizes = [n_in, *hidden, n_out]
        generator = torch.Generator("cpu").manual_seed(seed)
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(sizes):
            layers += [_glorot(fan_in, fan_out, dtype, generator), activation()]
        self.layers = nn.Sequential(*layers[:-1])
        self.skip: nn.Linear | None = None
        if skip:
            self.skip = skip_init(
                nn.Linear, n_in, n_out, bias=False, dtype=dtype, device="cpu"
            )
            nn.init.zeros_(self.skip.weight)
        self.to(dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs (..., n_out)."""
        y = self.layers(x)
        return y if self.skip is None else y + self.skip(x)

    @property
    def input_weights(self) -> list[Tensor]:
        """Return the matrices that multiply the inputs themselves."""
        first = self.layers.get_parameter("0.weight")
        return [first] if self.skip is None else [first, self.skip.weight]


def _glorot(
    fan_in: int, fan_out: int, dtype: torch.dtype, generator: torch.Generator
) -> nn.Linear:
    # nn.Linear's own initialisation would draw from torch's global generator
    layer = skip_init(nn.Linear, fan_in, fan_out, dtype=dtype, device="cpu")
    bound = (6 / (fan_in + fan_out)) ** 0.5
    with torch.no_grad():
        for parameter in (layer.weight, layer.bias):
            # in float64, so that the start is the same for every dtype
            draw = torch.empty(parameter.shape, dtype=torch.float64, device="cpu")
            parameter.copy_(draw.uniform_(-bound, bound, generator=generator))
    return layer
