"""A fitted estimator as a function of numbers, with few calls between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from torch import nn

from .._derivatives import derivatives
from .._engines import evaluate
from .._validation import Array
from ..functional import to_torch


class Function:
    """A fitted estimator as a function from numbers to numbers.

    What it was fitted to may have had names; here columns go by their places.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        Anything that `to_torch` takes, or a module.

    Attributes
    ----------
    n_features, n_outputs : int or None
        None if it is a module, of which only rows tell.
    is_smooth : bool
    """

    def __init__(self, estimator: Any) -> None:
        self._estimator = estimator
        self.name = type(estimator).__name__
        self._map: Any = None
        if not isinstance(estimator, nn.Module):
            self._map = to_torch(estimator)
        self.n_features: int | None = None
        self.n_outputs: int | None = None
        if self._map is not None:
            self.n_features, self.n_outputs = self._map.n_in, self._map.n_out
        # a module is taken to be, as nothing is known of it
        self.is_smooth = self._map is None or self._map.smoothness == "smooth"

    def __call__(self, X: Array, order: int) -> Sequence[Array]:
        """Return values (n, k), with their derivatives of orders up to 2 at will."""
        n, d = X.shape
        names = ("values", "jacobian", "hessian")[: order + 1]
        if self._map is None:
            found = derivatives(self._estimator, X, *names)
            shapes = [(n, -1, *[d] * i) for i in range(order + 1)]
            return [a.reshape(s) for a, s in zip(found, shapes, strict=True)]
        k = self._map.n_out
        results = {name: np.empty((n, k, *[d] * i)) for i, name in enumerate(names)}
        evaluate(self._map, X, results)
        return list(results.values())
