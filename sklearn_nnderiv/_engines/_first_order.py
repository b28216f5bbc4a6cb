"""Values and first derivatives of a plan in closed form, for a chunk of rows.

With the slopes s_l = f'(z_l) of all activations at hand, the Jacobian of
W_m f(... f(W_1 u)) is the product W_m diag(s) ... diag(s) W_1, taken in the order that
costs least.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn

from .._elementwise.kernels import Kernel
from .._elementwise.libraries import Library
from ._layouts import layout_of
from ._plan import Layer, Plan
from ._workspace import Workspace

# rows from which it pays to have read the product of two weights
_TOP_FROM = 16


class FirstOrder:
    """A forward pass over some rows, and the sweeps that start from it.

    Results are for the map from u to v, the stack without the elementwise maps before
    and after it, until these are applied.

    Parameters
    ----------
    plan : Plan
    space : Workspace
    X : ndarray of shape (n, n_in)
    order : {0, 1, 2}
        Of the highest derivative that will be asked for.
    """

    def __init__(self, plan: Plan, space: Workspace, X: Any, order: int) -> None:
        # the first takes in all inputs, the second those to differentiate by
        self.whole, self.plan = plan, plan.by_active
        self.space, self.n = space, len(X)
        if not space.on_host:
            X = torch.tensor(X, device=space.device)
        self.layout = layout_of(space.lib, self.plan.n_in)
        self.lead = _pointwise(plan.lead, X, order)
        self.u = self._centred(X if self.lead is None else self.lead[0])
        if self.lead is not None and plan.active is not None:
            value, *others = self.lead
            active = (one if one is None else one[:, plan.active] for one in others)
            self.lead = (value, *active)
        self.slopes: list[Any] = []
        self.curvatures: list[Any] = []
        a = self.u
        for i, layer in enumerate(plan.layers):
            a = self._layer(i, layer, a, order)
        self.trail = _pointwise(plan.trail, self._outputs(a), order)
        self.y = self.v if self.trail is None else self.trail[0]

    def values(self, out: Any) -> None:
        """Write the values (n, n_out)."""
        _store(self.y, out)

    def n_unknown(self) -> int:
        """Return how many rows have values that are NaN."""
        y = host(self.y)
        return int(np.isnan(y).any(axis=1).sum()) if np.isnan(y.sum()) else 0

    def jacobian(self, out: Any) -> None:
        """Write the Jacobian (n, n_out, n_in)."""
        J = self._target(out, "jacobian")
        self._inner_jacobian(J)
        if self.lead is not None:
            J *= self.lead[1][:, None, :]
        if self.trail is not None:
            J *= self.trail[1][:, :, None]
        self._finish(J, out)

    def jvp(self, V: Any, out: Any) -> None:
        """Write the derivative (n, n_out) along V (n, n_in)."""
        moved = self._moved(V)[1]
        if self.trail is not None:
            moved = moved * self.trail[1]
        self._finish(moved, out)

    def vjp(self, U: Any, out: Any) -> None:
        """Write the derivative (n, n_in) of the sum of U (n, n_out) times y."""
        U = self._array(U)
        cotangent = U if self.trail is None else self._cast(U * self.trail[1])
        G = cotangent @ self.plan.weight
        for layer, slope in zip(self.plan.layers[::-1], self.slopes[::-1], strict=True):
            G *= slope
            G = G @ layer.weight
        if self.plan.skip is not None:
            G += cotangent @ self.plan.skip
        if self.lead is not None:
            G = G * self.lead[1]
        self._finish(G, out, by_output=False)

    def _inner_jacobian(self, out: Any) -> None:
        """Write dv/du (n, n_out, n_in)."""
        plan = self.plan
        m, meeting = len(plan.layers), plan.meeting
        if not m:
            out[...] = plan.weight
        elif meeting == 0:
            self._adjoints(0, out)
        elif meeting == m:
            self.layout.jacobian(plan.weight, self._tangents(m), out)
        else:
            above = self._adjoints(meeting, None)
            self.layout.jacobian(above, self._tangents(meeting), out)
        if plan.skip is not None:
            out += plan.skip

    def _adjoints(self, stop: int, out: Any) -> Any:
        """Return dv/da (n, n_out, width) of a layer, or of the input for 0."""
        plan, lib, k = self.plan, self.space.lib, self.plan.n_out
        G: Any = None
        for i in range(len(plan.layers), stop, -1):
            weight, slope = plan.layers[i - 1].weight, self.slopes[i - 1]
            last = i - 1 == stop and out is not None
            below = out if last else self._take(("adjoint", i - 1), k, weight.shape[1])
            if G is None and self.n >= _TOP_FROM and plan.top is not None:
                lib.matmul(slope, plan.top, out=below.reshape(self.n, -1))
            else:
                if G is None:
                    G = self._take(("adjoint", i), k, len(weight))
                    lib.multiply(plan.weight, slope[:, None], out=G)
                else:
                    G *= slope[:, None]
                lib.matmul(_flat(G), weight, out=_flat(below))
            G = below
        return self._rows(plan.weight) if G is None else G

    def _tangents(self, stop: int) -> Any:
        """Return da/du of a layer, in the layout of tangents."""
        layout, plan = self.layout, self.plan
        pairs = plan.bottom if stop > 1 and self.n >= _TOP_FROM else None
        T: Any = None
        if pairs is None:
            T = self._take_tangents("tangent", 0)
            layout.scale(layout.lowest(plan.layers[0].weight), self.slopes[0], T)
        for i in range(1, stop):
            Z = self._take_tangents("tangent", i)
            if T is None:
                layout.combine(pairs, self.slopes[0], Z)
            else:
                layout.drive(plan.layers[i].weight, T, Z)
            layout.scale(Z, self.slopes[i], Z)
            T = Z
        return T

    def _take_tangents(self, name: str, i: int) -> Any:
        """Return memory for the tangents of a layer."""
        plan = self.plan
        return self._take((name, i), *self.layout.shape(plan.n_in, plan.widths[i + 1]))

    def _moved(self, V: Any) -> tuple[list[Any], Any]:
        """Return how z of each layer, and v, move along directions V (n, n_in)."""
        start = V = self._array(V)
        if self.lead is not None:
            start = V = self._cast(V * self.lead[1])
        driven = []
        for layer, slope in zip(self.plan.layers, self.slopes, strict=True):
            driven.append(V @ layer.weight.T)
            V = driven[-1] * slope
        moved = V @ self.plan.weight.T
        if self.plan.skip is not None:
            moved = moved + start @ self.plan.skip.T
        return driven, moved

    def _layer(self, i: int, layer: Layer, a: Any, order: int) -> Any:
        """Return the units of a layer, and keep their slopes and curvatures."""
        lib, width = self.space.lib, len(layer.bias)
        z = self._take(("z", i), width)
        lib.matmul(a, layer.weight.T, out=z)
        z += layer.bias
        f = z if layer.in_place else self._take(("f", i), width)
        tmp = self._take(("tmp", width), width)
        arrays = [z, f]
        if order:
            self.slopes.append(self._take(("slope", i), width))
            arrays.append(self.slopes[-1])
        if order > 1:
            self.curvatures.append(self._take(("curvature", i), width))
            arrays.append(self.curvatures[-1])
        arrays.append(tmp)
        if len(layer.parts) == 1:
            _activate(lib, layer.parts[0][0], *arrays)
        else:
            for kernel, part in layer.parts:
                _activate(lib, kernel, *[array[:, part] for array in arrays])
        return f

    def _centred(self, U: Any) -> Any:
        """Return the input in the dtype of the network, centred before it is cast."""
        plan, lib = self.whole, self.space.lib
        if plan.center is None:
            return self._cast(U)
        exact = self._take("centred", plan.n_in, dtype=np.float64)
        lib.subtract(U, self._like(plan.center), out=exact)
        if plan.dtype == np.float64:
            return exact
        u = self._take("u", plan.n_in)
        lib.copy(exact, out=u)
        return u

    def _outputs(self, a: Any) -> Any:
        """Return v (n, n_out) in float64."""
        plan = self.whole
        v = a @ plan.weight.T
        if plan.skip is not None:
            v += self.u @ plan.skip.T
        self.v = v + self._like(plan.offset)
        return self.v

    def _take(self, name: Any, *shape: int, dtype: Any = None) -> Any:
        return self.space.take(name, self.n, *shape, dtype=dtype)

    def _target(self, out: Any, name: str) -> Any:
        """Return `out` itself where a product can be written into it."""
        if (
            self.space.on_host
            and out.dtype == self.plan.dtype
            and out.flags.c_contiguous
        ):
            return out
        return self._take(name, *out.shape[1:])

    def _finish(self, result: Any, out: Any, *, by_output: bool = True) -> None:
        """Store a result; NaN where the value is, formulas may go on regardless."""
        if result is not out:
            _store(result, out)
        if self.lead is not None or self.trail is not None:
            bad = np.isnan(host(self.y))
            if bad.any():
                out[bad if by_output else bad.any(axis=1)] = np.nan

    def _rows(self, matrix: Any) -> Any:
        """Return a constant as an array of one entry for all rows."""
        return matrix[None]

    def _array(self, values: Any) -> Any:
        """Return an array of the caller's in the dtype of the network."""
        if self.space.on_host:
            return np.asarray(values, self.plan.dtype)
        return torch.tensor(values).to(self.u)

    def _cast(self, values: Any) -> Any:
        if isinstance(values, np.ndarray):
            return values.astype(self.plan.dtype, copy=False)
        return values.to(_TORCH_DTYPES[self.plan.dtype])

    def _like(self, constant: Any) -> Any:
        """Return a float64 constant where the arrays are."""
        if self.space.on_host:
            return constant
        return torch.tensor(constant, device=self.space.device)


_TORCH_DTYPES = {np.float32: torch.float32, np.float64: torch.float64}


def _activate(lib: Library, kernel: Kernel, z: Any, f: Any, *others: Any) -> None:
    """Write the value of an activation and, if there are arrays, its derivatives."""
    *derivatives, tmp = others
    kernel.write_value(lib, z, f, tmp)
    if derivatives:
        kernel.write_slope(lib, z, f, derivatives[0], tmp)
    if len(derivatives) > 1:
        kernel.write_curvature(lib, z, f, *derivatives, tmp)


def _pointwise(
    function: nn.Module | None, x: Any, order: int
) -> tuple[Any, Any, Any] | None:
    """Return value, slope and curvature of an elementwise map in float64."""
    if function is None:
        return None
    on_host = isinstance(x, np.ndarray)
    with torch.inference_mode(False), torch.enable_grad():
        t = torch.tensor(x) if on_host else x.detach().clone()
        t = t.double().requires_grad_(order > 0)
        results = [function(t)]
        for i in range(order):
            results.append(_gradient(results[-1], t, again=i + 1 < order))
    results = [r.detach().numpy() if on_host else r.detach() for r in results]
    value, slope, curvature = [*results, None, None][:3]
    return value, slope, curvature


def _gradient(y: torch.Tensor, t: torch.Tensor, *, again: bool) -> torch.Tensor:
    if not y.requires_grad:
        return torch.zeros_like(t)
    (gradient,) = torch.autograd.grad(
        y.sum(), t, create_graph=again, materialize_grads=True
    )
    return gradient


def _flat(array: Any) -> Any:
    """Return (n, k, width) as the matrix (n * k, width), without a copy."""
    return array.reshape(-1, array.shape[-1])


def host(array: Any) -> Any:
    """Return a NumPy array of an array's or a tensor's numbers."""
    return array if isinstance(array, np.ndarray) else array.cpu().numpy()


def _store(result: Any, out: Any) -> None:
    np.copyto(out, host(result), casting="same_kind")
