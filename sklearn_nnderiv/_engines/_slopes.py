"""Derivatives of the outputs along directions of the inputs, as rows of a problem."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._validation import Array, Index
from ._moved import Moved
from ._sweep import Forward, Tangent

# largest change of a parameter in differences of second order, of slopes that are
# analytic in parameters of order one: truncation and rounding are below 1e-4
_STEP = 0.02


@dataclass(frozen=True)
class Slopes:
    """Where derivatives are wanted, and along what.

    They are as many rows as there are pairs of a row of X and a direction, the
    directions of a row together.

    Attributes
    ----------
    index : ndarray of int of shape (n_at,)
        Rows of X.
    tangents : ndarray of shape (n_at or 1, n_tangents, n_in)
        Directions of the inputs; a single set of them is that of all rows.
    """

    index: Index
    tangents: Array

    def of(self, rows: Index, n: int) -> tuple[Slopes, Index]:
        """Return what is left when `rows` of n are, and which of its own rows are."""
        place = np.full(n, -1)
        place[rows] = np.arange(len(rows))
        kept = np.flatnonzero(place[self.index] >= 0)
        tangents = self.tangents if len(self.tangents) == 1 else self.tangents[kept]
        m = self.tangents.shape[1]
        own = (kept[:, None] * m + np.arange(m)).ravel()
        return Slopes(place[self.index[kept]], tangents), own


@dataclass
class SlopePart:
    """Derivatives of a sweep over rows along directions.

    Attributes
    ----------
    forward : Forward
        Of the rows where derivatives are wanted.
    moved : Moved
    features, values : ndarray
        Of each row and direction.
    """

    forward: Forward
    moved: Moved
    features: Array
    values: Array

    @classmethod
    def of(cls, rows: Forward, slopes: Slopes) -> SlopePart:
        """Sweep along the directions, and keep the features."""
        every = len(slopes.index) == len(rows.X)  # they are in order
        forward = rows if every else rows.take(slopes.index)
        moved = Moved.of(forward, slopes.tangents)
        features = moved.features().reshape(-1, rows.stack.n_features)
        C = rows.stack.coefficients(rows.theta)
        return cls(forward, moved, features, features @ C.T)

    @property
    def n_tangents(self) -> int:
        """Return the number of directions at each row of X."""
        return self.moved.tangents.shape[1]

    def with_coefficients(self, coefficients: Array) -> SlopePart:
        """Return the part with other coefficients (n_out, n_features)."""
        forward = self.forward.with_coefficients(coefficients)
        return replace(
            self,
            forward=forward,
            moved=replace(self.moved, forward=forward),
            values=self.features @ coefficients.T,
        )

    def chunks(self, size: int) -> list[slice]:
        """Return parts of about `size` rows, whole in their directions."""
        m = self.n_tangents
        n, size = len(self.forward.X), max(1, size // m)
        return [slice(i * m, min(i + size, n) * m) for i in range(0, n, size)]

    def inner_jacobian(self, out: Array, rows: slice, scale: Array) -> None:
        """Fill out (n, n_out, n_inner); row i is multiplied by scale[i].

        The directions of a row of X are not to be cut.
        """
        m = self.n_tangents
        at = slice(rows.start // m, rows.stop // m)
        _, n_out, n_inner = out.shape
        for j in range(n_out):
            self.moved.inner(j, out[:, j].reshape(-1, m, n_inner), at)
        out *= scale[rows][:, :, None]

    def gradient(self, cotangent: Array) -> Array:
        """Return the derivative of sum(cotangent * values) by the parameters."""
        tangents = self.moved.tangents
        weight = cotangent.reshape(-1, self.n_tangents, cotangent.shape[1])
        # a sum of slopes of one output is its slope along one direction
        along = np.matmul(weight.transpose(0, 2, 1), tangents)
        return Moved.of(self.forward, along).gradient()

    def tangent(self, direction: Array) -> Tangent:
        """Return how the values change along a direction of the parameters.

        By central differences: a closed form takes the third derivative of every
        activation.
        """
        largest = float(abs(direction).max(initial=0.0))
        step = _STEP / max(largest, 1e-300)
        forth, back = (self._values(sign * step * direction) for sign in (1, -1))
        first = (forth - back) / (2 * step)
        return Tangent(first, (forth - 2 * self.values + back) / step**2)

    def _values(self, change: Array) -> Array:
        forward = self.forward.stack.forward(
            self.forward.theta + change, self.forward.X
        )
        slopes = Moved.of(forward, self.moved.tangents).jacobian()
        return slopes.transpose(0, 2, 1).reshape(-1, slopes.shape[1])
