"""Rows that combine outputs of the network at auxiliary points.

A residual that is linear in several outputs, such as the difference of the network and
a spline through its own values, is one more row of the same least-squares problem.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .._validation import Array
from ._sweep import Forward, Stack, Tangent


class Block(NamedTuple):
    """Combinations of the points from `start` on.

    Attributes
    ----------
    start : int
    weights : ndarray of shape (n_combinations, n_points)
    """

    start: int
    weights: Array


@dataclass(frozen=True)
class Contrasts:
    """Linear combinations of the outputs at points of their own.

    Attributes
    ----------
    points : ndarray of shape (n_points, n_in)
    blocks : sequence of Block
        Each of other points than the rest.
    """

    points: Array
    blocks: Sequence[Block]

    @property
    def n_rows(self) -> int:
        """Return the number of combinations."""
        return sum(len(block.weights) for block in self.blocks)

    def of(self, table: Array) -> Array:
        """Return the combinations of the rows of a table."""
        parts = [w @ table[s : s + w.shape[1]] for s, w in self.blocks]
        return np.concatenate(parts)

    def transposed(self, table: Array) -> Array:
        """Return what each point has to do with rows of combinations."""
        result = np.zeros((len(self.points), table.shape[1]))
        row = 0
        for start, w in self.blocks:
            result[start : start + w.shape[1]] = w.T @ table[row : row + len(w)]
            row += len(w)
        return result


@dataclass
class Combined:
    """Two sweeps at the same parameters: rows, and points whose outputs are combined.

    To a fit it is a sweep of as many rows as there are rows and combinations.

    Attributes
    ----------
    rows, points : Forward
    contrasts : Contrasts
    features, values : ndarray
        Of the rows, then of the combinations.
    """

    rows: Forward
    points: Forward
    contrasts: Contrasts
    features: Array
    values: Array

    @classmethod
    def of(cls, rows: Forward, points: Forward, contrasts: Contrasts) -> Combined:
        """Combine the outputs, and the features that they are linear in."""
        features = np.concatenate([rows.features, contrasts.of(points.features)])
        values = np.concatenate([rows.values, contrasts.of(points.values)])
        return cls(rows, points, contrasts, features, values)

    @property
    def stack(self) -> Stack:
        """Return the network."""
        return self.rows.stack

    @property
    def theta(self) -> Array:
        """Return the parameters."""
        return self.rows.theta

    def with_coefficients(self, coefficients: Array) -> Combined:
        """Return the sweep with other coefficients (n_out, n_features)."""
        return replace(
            self,
            rows=self.rows.with_coefficients(coefficients),
            points=self.points.with_coefficients(coefficients),
            values=self.features @ coefficients.T,
        )

    def inner_jacobian(self, out: Array, rows: slice, scale: Array) -> Array:
        """Fill out (n, n_out, n_inner) with the derivative by the inner parameters.

        Row i is multiplied by scale[i].
        """
        n = len(self.rows.values)
        start, stop, _ = rows.indices(len(self.values))
        split = min(max(n - start, 0), stop - start)
        if split:
            own = slice(start, start + split)
            self.rows.inner_jacobian(out[:split], own, scale)
        if split < stop - start:
            combined = self._combined_jacobian[start + split - n : stop - n]
            out[split:] = combined * scale[start + split : stop, None, None]
        return out

    def gradient(self, cotangent: Array) -> Array:
        """Return the derivative of sum(cotangent * values) by the parameters."""
        n = len(self.rows.values)
        spread = self.contrasts.transposed(cotangent[n:])
        return self.rows.gradient(cotangent[:n]) + self.points.gradient(spread)

    def tangent(self, direction: Array) -> Tangent:
        """Return how the values change along a direction of the parameters."""
        rows, points = self.rows.tangent(direction), self.points.tangent(direction)
        both = zip(rows, points, strict=True)
        return Tangent(*(np.concatenate([r, self.contrasts.of(p)]) for r, p in both))

    @cached_property
    def _combined_jacobian(self) -> Array:
        n, k, p = len(self.points.X), self.stack.n_out, self.stack.n_inner
        table = np.empty((n, k, p))
        self.points.inner_jacobian(table, slice(0, n), np.ones(n))
        return self.contrasts.of(table.reshape(n, -1)).reshape(-1, k, p)


Sweep = Forward | Combined


def sweep(
    stack: Stack, theta: Array, X: Array, contrasts: Contrasts | None = None
) -> Sweep:
    """Return the values at X, and those of contrasts besides."""
    forward = stack.forward(theta, X)
    if contrasts is None:
        return forward
    return Combined.of(forward, stack.forward(theta, contrasts.points), contrasts)
