"""Rows of a least-squares problem that are not values of the network.

A residual that is linear in several outputs, such as the difference of the network and
a spline through its own values, is one more row of the same problem. So is a residual
of the network's derivative along a direction of its inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from .._validation import Array
from ._slopes import SlopePart, Slopes
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
class ContrastPart:
    """Combinations of a sweep over points.

    Attributes
    ----------
    points : Forward
    contrasts : Contrasts
    features, values : ndarray
        Of the combinations.
    """

    points: Forward
    contrasts: Contrasts
    features: Array
    values: Array

    @classmethod
    def of(cls, points: Forward, contrasts: Contrasts) -> ContrastPart:
        """Combine the outputs, and the features that they are linear in."""
        features, values = contrasts.of(points.features), contrasts.of(points.values)
        return cls(points, contrasts, features, values)

    def with_coefficients(self, coefficients: Array) -> ContrastPart:
        """Return the part with other coefficients (n_out, n_features)."""
        points = self.points.with_coefficients(coefficients)
        return replace(self, points=points, values=self.features @ coefficients.T)

    def chunks(self, size: int) -> list[slice]:
        """Return parts of at most `size` rows."""
        n = len(self.values)
        return [slice(i, min(i + size, n)) for i in range(0, n, size)]

    def inner_jacobian(self, out: Array, rows: slice, scale: Array) -> None:
        """Fill out (n, n_out, n_inner); row i is multiplied by scale[i]."""
        np.multiply(self._jacobian[rows], scale[rows][:, :, None], out=out)

    def gradient(self, cotangent: Array) -> Array:
        """Return the derivative of sum(cotangent * values) by the parameters."""
        return self.points.gradient(self.contrasts.transposed(cotangent))

    def tangent(self, direction: Array) -> Tangent:
        """Return how the values change along a direction of the parameters."""
        return Tangent(*map(self.contrasts.of, self.points.tangent(direction)))

    @cached_property
    def _jacobian(self) -> Array:
        stack, n = self.points.stack, len(self.points.X)
        table = np.empty((n, stack.n_out, stack.n_inner))
        self.points.inner_jacobian(table, slice(0, n), np.ones((n, 1)))
        combined = self.contrasts.of(table.reshape(n, -1))
        return combined.reshape(-1, stack.n_out, stack.n_inner)


@dataclass
class Combined:
    """A sweep over rows with further rows at the same parameters.

    To a fit it is a sweep of as many rows as there are in both.

    Attributes
    ----------
    rows : Forward
    part : ContrastPart or SlopePart
    features, values : ndarray
        Of the rows, then of the part.
    """

    rows: Forward
    part: ContrastPart | SlopePart
    features: Array
    values: Array

    @classmethod
    def of(cls, rows: Forward, part: ContrastPart | SlopePart) -> Combined:
        """Stack the values, and the features that they are linear in."""
        features = np.concatenate([rows.features, part.features])
        return cls(rows, part, features, np.concatenate([rows.values, part.values]))

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
            part=self.part.with_coefficients(coefficients),
            values=self.features @ coefficients.T,
        )

    def chunks(self, size: int) -> list[slice]:
        """Return parts of about `size` rows, each of one kind."""
        n = len(self.rows.values)
        further = self.part.chunks(size)
        shifted = [slice(part.start + n, part.stop + n) for part in further]
        return self.rows.chunks(size) + shifted

    def inner_jacobian(self, out: Array, rows: slice, scale: Array) -> None:
        """Fill out (n, n_out, n_inner) with the derivative by the inner parameters.

        Row i is multiplied by scale[i], of shape (n, 1) or (n, n_out).
        """
        n = len(self.rows.values)
        split = min(max(n - rows.start, 0), rows.stop - rows.start)
        if split:
            own = slice(rows.start, rows.start + split)
            self.rows.inner_jacobian(out[:split], own, scale)
        if split < rows.stop - rows.start:
            further = slice(rows.start + split - n, rows.stop - n)
            self.part.inner_jacobian(out[split:], further, scale[n:])

    def gradient(self, cotangent: Array) -> Array:
        """Return the derivative of sum(cotangent * values) by the parameters."""
        n = len(self.rows.values)
        return self.rows.gradient(cotangent[:n]) + self.part.gradient(cotangent[n:])

    def tangent(self, direction: Array) -> Tangent:
        """Return how the values change along a direction of the parameters."""
        rows, part = self.rows.tangent(direction), self.part.tangent(direction)
        both = zip(rows, part, strict=True)
        return Tangent(*(np.concatenate(pair) for pair in both))


Sweep = Forward | Combined


def sweep(
    stack: Stack, theta: Array, X: Array, beside: Contrasts | Slopes | None = None
) -> Sweep:
    """Return the values at X, and those of contrasts or slopes besides."""
    rows = stack.forward(theta, X)
    if beside is None:
        return rows
    if isinstance(beside, Slopes):
        return Combined.of(rows, SlopePart.of(rows, beside))
    points = stack.forward(theta, beside.points)
    return Combined.of(rows, ContrastPart.of(points, beside))
