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
        found = [places[product] for product in products]
        # where they are side by side they need no look-up
        in_order = found == list(range(found[0], found[0] + n_out))
        self.first = found[0] if in_order else None
        self._index("places", found)

    def _index(self, name: str, values: list[int]) -> None:
        index = torch.tensor(values, dtype=torch.int64, device="cpu")
        self.register_buffer(name, index)

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        # the first axis is several times faster to index than the last
        columns = x.movedim(-1, 0).contiguous()
        level = torch.ones_like(columns[:1])
        levels = [level]
        for degree in range(1, self.degree + 1):
            factors = columns.index_select(0, self.get_buffer(f"factors{degree}"))
            parents = self.get_buffer(f"parents{degree}")
            level = level.index_select(0, parents) * factors
            levels.append(level)
        products = torch.cat(levels)
        if self.first is None:
            products = products.index_select(0, self.get_buffer("places"))
        else:
            products = products[self.first : self.first + self.n_out]
        return products.movedim(0, -1)


def _levels(products: list[tuple[int, ...]]) -> list[list[tuple[int, ...]]]:
    """Return products by their degree, with all that they are formed from."""
    degree = max(len(product) for product in products)
    levels: list[list[tuple[int, ...]]] = []
    needed: set[tuple[int, ...]] = set()
    for d in range(degree, 0, -1):
        needed = {p[:-1] for p in needed} | {p for p in products if len(p) == d}
        levels.append(sorted(needed))
    return [[()], *levels[::-1]]
