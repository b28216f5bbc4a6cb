"""Products of columns."""

from itertools import chain, pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ._base import Map


class Monomials(Map):
    """Products of powers of the columns.

    Each is a product of one of a degree less and a column, so that nothing is raised to
    the power of 0 and no product is formed twice.

    Parameters
    ----------
    powers : array of int of shape (n_out, n_in)
        Of every column in every product.
    """

    places: Tensor

    def __init__(self, powers: Any) -> None:
        powers = np.asarray(powers, dtype=np.int64)
        n_out, n_in = powers.shape
        super().__init__(n_in, n_out, "smooth")
        products = [tuple(np.repeat(np.arange(n_in), p).tolist()) for p in powers]
        levels = _levels(products)
        self.degree = len(levels) - 1
        for degree, (below, level) in enumerate(pairwise(levels), start=1):
            parents = {product: i for i, product in enumerate(below)}
            self._index(f"parents{degree}", [parents[p[:-1]] for p in level])
            self._index(f"factors{degree}", [p[-1] for p in level])
        places = {p: i for i, p in enumerate(chain.from_iterable(levels))}
        self._index("places", [places[product] for product in products])

    def _index(self, name: str, values: list[int]) -> None:
        index = torch.tensor(values, dtype=torch.int64, device="cpu")
        self.register_buffer(name, index)

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        level = torch.ones_like(x[..., :1])
        levels = [level]
        for degree in range(1, self.degree + 1):
            factors = x.index_select(-1, self.get_buffer(f"factors{degree}"))
            parents = self.get_buffer(f"parents{degree}")
            level = level.index_select(-1, parents) * factors
            levels.append(level)
        return torch.cat(levels, dim=-1).index_select(-1, self.places)


def _levels(products: list[tuple[int, ...]]) -> list[list[tuple[int, ...]]]:
    """Return products by their degree, with all that they are formed from."""
    degree = max(len(product) for product in products)
    levels: list[list[tuple[int, ...]]] = []
    needed: set[tuple[int, ...]] = set()
    for d in range(degree, 0, -1):
        needed = {p[:-1] for p in needed} | {p for p in products if len(p) == d}
        levels.append(sorted(needed))
    return [[()], *levels[::-1]]
