"""Maps side by side."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ._base import Map
from ._sequential import worst_smoothness


class Concatenate(Map):
    """The outputs of several maps of the same input, one after the other.

    Parameters
    ----------
    maps : iterable of Map
        All of the same n_in; at least one.
    """

    def __init__(self, maps: Iterable[Map]) -> None:
        parts: list[Any] = list(maps)
        n_out = sum(part.n_out for part in parts)
        super().__init__(parts[0].n_in, n_out, worst_smoothness(parts))
        self.maps = nn.ModuleList(parts)
        self.maps.training = False
        # a registered map need not know of tolerances
        known = [getattr(part, "tolerance", Map.tolerance) for part in parts]
        self.tolerance = (max(r for r, _ in known), max(a for _, a in known))

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        return torch.cat([part(x) for part in self.maps], dim=-1)
