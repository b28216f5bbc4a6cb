"""Value and Jacobian of a single row, with as few calls as possible.

Here the time is that of the calls, not of the arithmetic, so that chunks, orders of
products and views of scratch memory would only cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._elementwise.libraries import NUMPY
from ._plan import Layer, Plan


class OneRow:
    """Computes one row at a time, in memory of its own.

    Parameters
    ----------
    plan : Plan
        On the CPU, without elementwise maps before and after.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        dtype, k = plan.dtype, plan.n_out
        self.u = np.empty(plan.n_in, dtype)
        self.center = np.zeros(plan.n_in) if plan.center is None else plan.center
        self.J = np.empty((k, plan.n_in), dtype)
        self.steps: list[_Step] = []
        self.last = self.u
        for layer in plan.layers:
            self.steps.append(_Step(layer, self.last, k))
            self.last = self.steps[-1].f

    def __call__(self, x: Any, values: Any, jacobian: Any) -> int:
        """Write the values (n_out,) and the Jacobian (n_out, n_in), if not None.

        Returns
        -------
        n_unknown : int
            1 if a value is NaN, else 0.
        """
        plan = self.plan
        # in float64, before it is cast
        np.subtract(x, self.center, self.u, casting="same_kind")
        for step in self.steps:
            step.up(jacobian is not None)
        y = plan.weight.dot(self.last)
        if plan.skip is not None:
            y += plan.skip.dot(self.u)
        y = y + plan.offset
        if values is not None:
            values[:] = y
        if jacobian is not None:
            self._write(jacobian)
        return int(any(map(_is_nan, y.tolist())))

    def _write(self, out: Any) -> None:
        plan = self.plan
        direct = out.dtype == plan.dtype and out.flags.c_contiguous
        J = out if direct else self.J
        G = plan.weight
        for i in range(len(self.steps) - 1, -1, -1):
            G = self.steps[i].down(G, self.steps[i - 1].below if i else J)
        if not self.steps:
            J[:] = plan.weight
        if plan.skip is not None:
            J += plan.skip
        if not direct:
            out[:] = J


class _Step:
    """A layer, and memory for what is computed there.

    Parameters
    ----------
    layer : Layer
    a : ndarray of shape (n_in,)
        Where its input will be.
    k : int
        The number of outputs of the whole.
    """

    def __init__(self, layer: Layer, a: Any, k: int) -> None:
        self.a = a
        self.weight, self.bias = layer.weight, layer.bias
        self.z, s, tmp = (np.empty_like(layer.bias) for _ in range(3))
        self.f = self.z if layer.in_place else np.empty_like(self.z)
        self.slope = s
        self.scaled, self.below = np.empty((2, k, len(s)), s.dtype)
        self.parts = [
            (kernel, (self.z[part], self.f[part], s[part], tmp[part]))
            for kernel, part in layer.parts
        ]

    def up(self, slopes: bool) -> None:
        """Compute the units and, if asked for, their slopes."""
        self.weight.dot(self.a, self.z)
        np.add(self.z, self.bias, self.z)
        for kernel, (z, f, s, tmp) in self.parts:
            kernel.write_value(NUMPY, z, f, tmp)
            if slopes:
                kernel.write_slope(NUMPY, z, f, s, tmp)

    def down(self, G: Any, out: Any) -> Any:
        """Write the derivative by the input, given that by the units, and return it."""
        np.multiply(G, self.slope, self.scaled)
        return np.dot(self.scaled, self.weight, out)


def _is_nan(value: float) -> bool:
    return value != value
