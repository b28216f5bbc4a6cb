"""Maps side by side."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ._base import Map, Smoothness, module_list


def _joint_smoothness(maps: Iterable[Map]) -> Smoothness:
    """Return the smoothness of maps side by side: constant only if all of them are."""
    kinds = {part.smoothness for part in maps}
    return kinds.pop() if len(kinds) == 1 else "piecewise"


class Concatenate(Map):
    """The outputs of several maps of the same input, one after the other.

    It is as smooth as the worst of them, but "constant" only if all are.

    Parameters
    ----------
    maps : iterable of Map
        All of the same n_in; at least one.
    """

    def __init__(self, maps: Iterable[Map]) -> None:
        parts: list[Any] = list(maps)
        n_out = sum(part.n_out for part in parts)
        super().__init__(parts[0].n_in, n_out, _joint_smoothness(parts))
        self.maps = module_list(parts)
        # a registered map need not know of tolerances
        known = [getattr(part, "tolerance", Map.tolerance) for part in parts]
        self.tolerance = (max(r for r, _ in known), max(a for _, a in known))

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        return torch.cat([part(x) for part in self.maps], dim=-1)
