"""How the fit of a network may move: joint doubt of values and derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .._converters import bind
from .._derivatives import in_columns
from .._intervals import Intervals
from .._regressor import DifferentiableRegressor
from .._table import Table
from .._validation import Array
from ._chain import chain_of, nearest, regressor_of
from ._network import between_maps

# rows by which maps are bound
_N_ROWS = 100


def has_posterior(fitted: Any) -> bool:
    """Whether there is a network with a posterior at the end of what is fitted."""
    regressor = regressor_of(fitted)
    known = nearest({DifferentiableRegressor: True}, regressor)
    return bool(known) and getattr(regressor, "_posterior", None) is not None


class Moves:
    """Directions in which the values and derivatives of a fit may move.

    Parameters
    ----------
    fitted : estimator
        One for which `has_posterior` holds.
    head : Table
        Some rows, by which categories and the like become known.
    """

    def __init__(self, fitted: Any, head: Table) -> None:
        with torch.inference_mode(False):
            head = head.take(slice(0, _N_ROWS))
            self._bound = bind(fitted, head, "predict")
            chain = chain_of(regressor_of(fitted), self._bound)
            inputs = self._bound.inputs(head, head.numbers())
            self._intervals: Intervals = between_maps(chain, inputs)
            self._bound.forget_rows()

    @property
    def n_directions(self) -> int:
        """Return their number, for every output."""
        return self._intervals.n_directions

    def gradients(self, table: Table) -> tuple[Array, Array]:
        """Return how values and Jacobian move in every direction.

        Returns
        -------
        of_values : ndarray of shape (n, n_outputs, n_directions)
        of_jacobian : ndarray of shape (n, n_outputs, n_directions, n_features)
        """

        def flat(X: Array) -> tuple[Array, Array]:
            of_values, of_jacobian = self._intervals.gradients(X)
            return (
                of_values.reshape(len(X), -1),
                of_jacobian.reshape(len(X), -1, of_jacobian.shape[-1]),
            )

        with torch.inference_mode(False):
            of_values, of_jacobian = in_columns(self._bound, table, flat)
        q = self.n_directions
        n, width = len(table), table.width
        return of_values.reshape(n, -1, q), of_jacobian.reshape(n, -1, q, width)

    def std(self, output: int, moved: Array) -> Array:
        """Return standard deviations (m,) of combinations (m, n_directions)."""
        return self._intervals.std(output, np.ascontiguousarray(moved))
