"""How the units of a network move along directions of its inputs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from .._validation import Array

if TYPE_CHECKING:
    from ._sweep import Forward, Stack


@dataclass
class Moved:
    """A tangent sweep beside a forward sweep, along directions of the inputs.

    Attributes
    ----------
    forward : Forward
    tangents : ndarray of shape (n or 1, n_tangents, n_in)
        The directions; a single set of them is that of all rows.
    driven, moved : list of ndarray of shape (n, n_tangents, width)
        How z and a of each layer move; the second list begins with the inputs.
    """

    forward: Forward
    tangents: Array
    driven: list[Array]
    moved: list[Array]

    @classmethod
    def of(cls, forward: Forward, tangents: Array | None = None) -> Moved:
        """Sweep along the given directions, by default along each input."""
        d, n = forward.stack.n_in, len(forward.X)
        if tangents is None:
            tangents = np.eye(d)[None]
        shape = (n, *tangents.shape[1:])
        driven, moved = [], [np.broadcast_to(tangents, shape)]
        last = tangents
        for (weight, _), slope in zip(
            forward.stack.layers(forward.theta), forward.slopes, strict=True
        ):
            z = np.matmul(last, weight.T)
            last = z * slope[:, None]
            driven.append(np.broadcast_to(z, last.shape) if len(z) < n else z)
            moved.append(last)
        return cls(forward, tangents, driven, moved)

    @property
    def _stack(self) -> Stack:
        return self.forward.stack

    @cached_property
    def _coefficients(self) -> tuple[Array, int]:
        """Return the coefficients, and how many of them belong to units."""
        hidden = self._stack.hidden
        width = hidden[-1] if hidden else self._stack.n_in
        return self._stack.coefficients(self.forward.theta), width

    def jacobian(self) -> Array:
        """Return the derivative (n, n_out, n_tangents) of the outputs."""
        C, h = self._coefficients
        jacobian = np.matmul(self.moved[-1], C[:, :h].T).transpose(0, 2, 1)
        if self._stack.skip:
            jacobian += np.matmul(C[:, h + 1 :], self.moved[0].transpose(0, 2, 1))
        return jacobian

    def features(self) -> Array:
        """Return the derivative (n, n_tangents, n_features) of the features."""
        _, h = self._coefficients
        features = np.zeros((*self.moved[0].shape[:2], self._stack.n_features))
        features[:, :, :h] = self.moved[-1]
        if self._stack.skip:
            features[:, :, h + 1 :] = self.moved[0]
        return features

    def inner(self, output: int, out: Array, rows: slice) -> None:
        """Fill out (n, n_tangents, n_inner) for some rows.

        With the derivative by the inner parameters of that of one output along the
        directions.
        """
        forward = self.forward
        n, m = out.shape[:2]
        deltas = self.deltas(output, rows)
        for i, (delta, delta_moved) in enumerate(deltas):
            w, b, shape = self._stack.slices[i]
            a = forward.X[rows] if i == 0 else forward.units[i - 1].a[rows]
            target = out[:, :, w].reshape(n, m, *shape)  # a view
            np.multiply(delta_moved[..., None], a[:, None, None, :], out=target)
            target += delta[:, None, :, None] * self.moved[i][rows][:, :, None, :]
            out[:, :, b] = delta_moved

    def deltas(self, output: int, rows: slice) -> list[tuple[Array, Array]]:
        """Return how one output, and its slopes, change with the z of each layer.

        Of shapes (n, width) and (n, n_tangents, width).
        """
        stack, forward = self._stack, self.forward
        layers = stack.layers(forward.theta)
        C, h = self._coefficients
        above: Array = C[output, :h]
        above_moved: Array = np.zeros((1, 1, h))
        found = []
        for i in range(len(layers) - 1, -1, -1):
            slope = forward.slopes[i][rows]
            delta = above * slope
            bent = (above * forward.curvatures[i][rows])[:, None]
            delta_moved = bent * self.driven[i][rows]
            delta_moved += above_moved * slope[:, None]
            found.append((delta, delta_moved))
            if i:
                above, above_moved = delta @ layers[i][0], delta_moved @ layers[i][0]
        return found[::-1]

    def gradient(self) -> Array:
        """Return the derivative by the parameters of a sum of slopes.

        The sum is over rows and outputs, of the derivative of output j along the j-th
        direction.
        """
        stack, forward = self._stack, self.forward
        C, h = self._coefficients
        grad = np.zeros(stack.n_parameters)
        own = stack.coefficients(grad)
        own[:, :h] = self.moved[-1].sum(axis=0)
        if stack.skip:
            own[:, h + 1 :] = self.moved[0].sum(axis=0)
        layers = stack.layers(forward.theta)
        above: Array = C[None, :, :h]
        above_moved: Array = np.zeros((1, 1, h))
        for i in range(len(layers) - 1, -1, -1):
            w, b, (width, n) = stack.slices[i]
            a = forward.X if i == 0 else forward.units[i - 1].a
            slope = forward.slopes[i][:, None]
            delta = above * slope
            delta_moved = above * forward.curvatures[i][:, None] * self.driven[i]
            delta_moved += above_moved * slope
            by_row = delta_moved.sum(axis=1)
            bent = delta.reshape(-1, width).T @ self.moved[i].reshape(-1, n)
            grad[w] = (by_row.T @ a + bent).ravel()
            grad[b] = by_row.sum(axis=0)
            if i:
                above, above_moved = delta @ layers[i][0], delta_moved @ layers[i][0]
        return grad
