"""Composition of maps."""

from collections.abc import Iterable
from typing import Any

from torch import Tensor

from ._base import Map, Smoothness, module_list

_FROM_BEST_TO_WORST: tuple[Smoothness, ...] = ("smooth", "piecewise", "constant")


def worst_smoothness(maps: Iterable[Any]) -> Smoothness:
    """Return the smoothness of maps that are composed, that of the worst of them."""
    return max((part.smoothness for part in maps), key=_FROM_BEST_TO_WORST.index)


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
            flat.extend(part.parts() if isinstance(part, Sequential) else [part])
        super().__init__(n_in, flat[-1].n_out, worst_smoothness(flat))
        self.maps = module_list(flat)
        # a registered map need not know of tolerances
        known = [getattr(part, "tolerance", Map.tolerance) for part in flat]
        self.tolerance = (max(relative for relative, _ in known), known[-1][1])

    def parts(self) -> list[Any]:
        """Return the maps in the order in which they are applied."""
        return list(self.maps)

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        for part in self.maps:
            x = part(x)
        return x
