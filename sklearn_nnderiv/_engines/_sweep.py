"""Forward and adjoint sweeps through a feed-forward network, in NumPy.

One forward sweep keeps the value a, the slope f' and the curvature f'' of every unit.
From these, adjoint and tangent sweeps make derivatives with respect to parameters and
inputs by matrix products alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np

from .._elementwise.kernels import Kernel
from .._validation import Array, Index
from ._moved import Moved


@dataclass(frozen=True)
class Stack:
    """The shape of a feed-forward network whose parameters are one flat vector.

    The vector holds the weights (out, in) and biases of the hidden layers, the inner
    parameters; then, for each output, the coefficients of its features, which are
    the units of the last hidden layer, a one and, with `skip`, the inputs.

    Attributes
    ----------
    n_in, n_out : int
    hidden : tuple of int
    kernels : tuple of Kernel
        The units of each layer are shared out among them, as `numpy.array_split` does.
    skip : bool
        Whether the outputs are linear in the inputs besides.
    """

    n_in: int
    n_out: int
    hidden: tuple[int, ...]
    kernels: tuple[Kernel, ...]
    skip: bool = False

    @cached_property
    def n_inner(self) -> int:
        """Return the number of parameters of the hidden layers."""
        return sum(b * (a + 1) for a, b in pairwise((self.n_in, *self.hidden)))

    @cached_property
    def n_features(self) -> int:
        """Return the number of coefficients of each output."""
        width = self.hidden[-1] if self.hidden else self.n_in
        return width + 1 + (self.n_in if self.skip else 0)

    @property
    def n_parameters(self) -> int:
        """Return the length of the vector of parameters."""
        return self.n_inner + self.n_out * self.n_features

    @cached_property
    def slices(self) -> list[tuple[slice, slice, tuple[int, int]]]:
        """Return where weight and bias of each hidden layer are, and the shape."""
        found, start = [], 0
        for a, b in pairwise((self.n_in, *self.hidden)):
            middle, end = start + a * b, start + a * b + b
            found.append((slice(start, middle), slice(middle, end), (b, a)))
            start = end
        return found

    def kinds(self, width: int) -> Index:
        """Return the number of the kernel of each unit of a layer."""
        parts = _parts(width, len(self.kernels))
        return np.repeat(np.arange(len(parts)), [p.stop - p.start for p in parts])

    def parts(self, width: int) -> list[tuple[Kernel, slice]]:
        """Return which units of a layer have which kernel."""
        return list(zip(self.kernels, _parts(width, len(self.kernels)), strict=True))

    def layers(self, theta: Array) -> list[tuple[Array, Array]]:
        """Return weight and bias of each hidden layer, as views."""
        return [(theta[w].reshape(shape), theta[b]) for w, b, shape in self.slices]

    def coefficients(self, theta: Array) -> Array:
        """Return the coefficients (n_out, n_features), as a view."""
        return theta[self.n_inner :].reshape(self.n_out, self.n_features)

    def forward(self, theta: Array, X: Array) -> Forward:
        """Return the values at X, ready for further sweeps."""
        features = np.empty((len(X), self.n_features))
        units, a = [], X
        last = len(self.hidden) - 1
        for i, (weight, bias) in enumerate(self.layers(theta)):
            z = a @ weight.T
            z += bias
            a = np.empty_like(z) if i < last else features[:, : self.hidden[-1]]
            for kernel, part in self.parts(len(bias)):
                a[:, part] = kernel.value(z[:, part])
            units.append(_Units(z, a))
        width = a.shape[1]
        if not self.hidden:
            features[:, :width] = X
        features[:, width] = 1
        if self.skip:
            features[:, width + 1 :] = X
        values = features @ self.coefficients(theta).T
        return Forward(self, theta, X, units, features, values)


@cache
def _parts(width: int, n: int) -> list[slice]:
    """Return the units that each of n kernels has."""
    cuts = accumulate([0, *(width // n + (i < width % n) for i in range(n))])
    return [slice(*ends) for ends in pairwise(cuts)]


class _Units(NamedTuple):
    z: Array
    a: Array


class Tangent(NamedTuple):
    """First and second derivatives of the values along a line of parameters."""

    first: Array
    second: Array


@dataclass
class Forward:
    """A forward sweep at one vector of parameters.

    Attributes
    ----------
    features : ndarray of shape (n, n_features)
    values : ndarray of shape (n, n_out)
    """

    stack: Stack
    theta: Array
    X: Array
    units: Sequence[_Units]
    features: Array
    values: Array
    _slopes: list[Array] = field(default_factory=list)
    _curvatures: list[Array] = field(default_factory=list)

    @property
    def slopes(self) -> list[Array]:
        """Return f' of every hidden layer."""
        if not self._slopes:
            for z, a in self.units:
                s = np.empty_like(z)
                for kernel, part in self.stack.parts(z.shape[1]):
                    s[:, part] = kernel.slope(z[:, part], a[:, part])
                self._slopes.append(s)
        return self._slopes

    @property
    def curvatures(self) -> list[Array]:
        """Return f'' of every hidden layer."""
        if not self._curvatures:
            for (z, a), s in zip(self.units, self.slopes, strict=True):
                c = np.empty_like(z)
                for kernel, part in self.stack.parts(z.shape[1]):
                    c[:, part] = kernel.curvature(z[:, part], a[:, part], s[:, part])
                self._curvatures.append(c)
        return self._curvatures

    def with_coefficients(self, coefficients: Array) -> Forward:
        """Return the sweep with other coefficients (n_out, n_features)."""
        theta = self.theta.copy()
        theta[self.stack.n_inner :] = coefficients.ravel()
        values = self.features @ coefficients.T
        return replace(self, theta=theta, values=values)

    def inner_jacobian(self, out: Array, rows: slice, scale: Array) -> Array:
        """Fill out (n, n_out, n_inner) with the derivative by the inner parameters.

        Row i is multiplied by scale[i], of shape (n, 1) or (n, n_out).
        """
        stack = self.stack
        n = len(out)
        layers = stack.layers(self.theta)
        C = stack.coefficients(self.theta)[:, : stack.hidden[-1]]
        delta = C[None] * self.slopes[-1][rows][:, None] * scale[rows][:, :, None]
        for i in range(len(layers) - 1, -1, -1):
            w, b, shape = stack.slices[i]
            a = self.X[rows] if i == 0 else self.units[i - 1].a[rows]
            target = out[:, :, w].reshape(n, stack.n_out, *shape)  # a view
            np.multiply(delta[..., None], a[:, None, None, :], out=target)
            out[:, :, b] = delta
            if i:
                delta = (delta @ layers[i][0]) * self.slopes[i - 1][rows][:, None]
        return out

    def input_jacobian(self, tangents: Array | None = None) -> Array:
        """Return the derivative (n, n_out, n_tangents) by the inputs.

        It is along the given directions (n, n_tangents, n_in), by default along each
        input.
        """
        return Moved.of(self, tangents).jacobian()

    def mixed_jacobian(
        self, output: int, tangents: Array | None = None
    ) -> tuple[Array, Array]:
        """Return the derivative by inputs of the derivative by parameters.

        Parameters
        ----------
        output : int
            Of this one output.
        tangents : ndarray of shape (n, n_tangents, n_in), default=None
            Directions of the inputs; each input by itself by default.

        Returns
        -------
        inner : ndarray of shape (n, n_tangents, n_inner)
        features : ndarray of shape (n, n_tangents, n_features)
            With respect to the coefficients of that output.
        """
        moved = Moved.of(self, tangents)
        features = moved.features()
        inner = np.empty((*features.shape[:2], self.stack.n_inner))
        moved.inner(output, inner, slice(0, len(inner)))
        return inner, features

    def take(self, rows: Index) -> Forward:
        """Return the sweep over some of the rows."""
        return replace(
            self,
            X=self.X[rows],
            units=[_Units(z[rows], a[rows]) for z, a in self.units],
            features=self.features[rows],
            values=self.values[rows],
            _slopes=[s[rows] for s in self._slopes],
            _curvatures=[c[rows] for c in self._curvatures],
        )

    def chunks(self, size: int) -> list[slice]:
        """Return parts of at most `size` rows."""
        n = len(self.values)
        return [slice(i, min(i + size, n)) for i in range(0, n, size)]

    def gradient(self, cotangent: Array) -> Array:
        """Return the derivative of sum(cotangent * values) by the parameters."""
        stack = self.stack
        grad = np.empty(stack.n_parameters)
        grad[stack.n_inner :] = (cotangent.T @ self.features).ravel()
        layers = stack.layers(self.theta)
        if not layers:
            return grad
        C = stack.coefficients(self.theta)[:, : stack.hidden[-1]]
        delta = (cotangent @ C) * self.slopes[-1]
        for i in range(len(layers) - 1, -1, -1):
            w, b, _ = stack.slices[i]
            a = self.X if i == 0 else self.units[i - 1].a
            grad[w] = (delta.T @ a).ravel()
            grad[b] = delta.sum(0)
            if i:
                delta = (delta @ layers[i][0]) * self.slopes[i - 1]
        return grad

    def tangent(self, direction: Array) -> Tangent:
        """Return how the values change along a direction of the parameters."""
        stack = self.stack
        first: Array | None = None
        second: Array | None = None
        for i, ((weight, _), (dw, db)) in enumerate(
            zip(stack.layers(self.theta), stack.layers(direction), strict=True)
        ):
            a = self.X if i == 0 else self.units[i - 1].a
            z1 = a @ dw.T + db
            if first is not None:
                z1 += first @ weight.T
            curved = self.curvatures[i] * z1 * z1
            if first is not None and second is not None:
                z2 = second @ weight.T + 2 * (first @ dw.T)
                curved += self.slopes[i] * z2
            first, second = self.slopes[i] * z1, curved
        C, dC = stack.coefficients(self.theta), stack.coefficients(direction)
        value1 = self.features @ dC.T
        if first is None or second is None:
            return Tangent(value1, np.zeros_like(value1))
        h = stack.hidden[-1]
        value1 += first @ C[:, :h].T
        return Tangent(value1, second @ C[:, :h].T + 2 * (first @ dC[:, :h].T))
