"""Composition of maps."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn

from ._base import Map, Smoothness

_FROM_BEST_TO_WORST: tuple[Smoothness, ...] = ("smooth", "piecewise", "constant")


class Sequential(Map):
    """One map after the other; as smooth as the worst of them.

    Parameters
    ----------
    maps : iterable of Map
        In the order in which they are applied.
    n_in : int
        Number of columns of the input.
    """

    def __init__(self, maps: Iterable[Map], n_in: int) -> None:
        flat: list[Any] = []
        for part in maps:
            flat.extend(getattr(part, "maps", [part]))
        worst = max(
            (part.smoothness for part in flat),
            key=_FROM_BEST_TO_WORST.index,
            default=_FROM_BEST_TO_WORST[0],
        )
        super().__init__(n_in, flat[-1].n_out if flat else n_in, worst)
        self.maps = nn.ModuleList(flat)
        if flat:
            relative = max(part.tolerance[0] for part in flat)
            self.tolerance = (relative, flat[-1].tolerance[1])

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        for part in self.maps:
            x = part(x)
        return x
