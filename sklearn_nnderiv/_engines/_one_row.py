"""Value and Jacobian of a single row, with as few calls as possible.

Here the time is that of the calls, not of the arithmetic, so that chunks, orders of
products and views of scratch memory would only cost.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .._elementwise.libraries import NUMPY
from ._plan import Plan


class OneRow:
    """Computes one row at a time, in memory of its own.

    Parameters
    ----------
    plan : Plan
        On the CPU, without elementwise maps before and after.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.exact = np.empty(plan.n_in)
        dtype, k = plan.dtype, plan.n_out
        self.u = self.exact if dtype == np.float64 else np.empty(plan.n_in, dtype)
        widths = plan.widths[1:]
        self.z, self.f, self.s, self.tmp = (
            [np.empty(width, dtype) for width in widths] for _ in range(4)
        )
        for i, layer in enumerate(plan.layers):
            if layer.in_place:
                self.f[i] = self.z[i]
        self.G = [np.empty((k, width), dtype) for width in widths]
        self.J = np.empty((k, plan.n_in), dtype)

    def __call__(self, x: Any, values: Any, jacobian: Any) -> int:
        """Write the values (n_out,) and the Jacobian (n_out, n_in), if not None.

        Returns
        -------
        n_unknown : int
            1 if a value is NaN, else 0.
        """
        plan = self.plan
        if plan.center is None:
            self.exact[:] = x
        else:
            np.subtract(x, plan.center, out=self.exact)
        if self.u is not self.exact:
            self.u[:] = self.exact
        y = np.dot(plan.weight, self._last(slopes=jacobian is not None))
        if plan.skip is not None:
            y += np.dot(plan.skip, self.u)
        y = y + plan.offset
        if values is not None:
            values[:] = y
        if jacobian is not None:
            self._write(jacobian)
        return int(any(map(_is_nan, y.tolist())))

    def _last(self, *, slopes: bool) -> Any:
        """Return the units of the last layer."""
        a = self.u
        for layer, z, f, s, tmp in zip(
            self.plan.layers, self.z, self.f, self.s, self.tmp, strict=True
        ):
            np.dot(layer.weight, a, out=z)
            z += layer.bias
            for kernel, part in layer.parts:
                arrays = z[part], f[part], s[part], tmp[part]
                kernel.write_value(NUMPY, arrays[0], arrays[1], arrays[3])
                if slopes:
                    kernel.write_slope(NUMPY, *arrays)
            a = f
        return a

    def _write(self, out: Any) -> None:
        plan = self.plan
        direct = out.dtype == plan.dtype and out.flags.c_contiguous
        J = out if direct else self.J
        G = plan.weight
        for i in range(len(plan.layers) - 1, -1, -1):
            np.multiply(G, self.s[i], out=self.G[i])
            below = self.G[i - 1] if i else J
            np.dot(self.G[i], plan.layers[i].weight, out=below)
            G = below
        if not plan.layers:
            J[:] = plan.weight
        if plan.skip is not None:
            J += plan.skip
        if not direct:
            out[:] = J


def _is_nan(value: float) -> bool:
    return value != value
