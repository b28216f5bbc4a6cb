"""Second derivatives of a plan in closed form, for a chunk of rows.

With the curvatures c_l = f''(z_l) of all activations at hand, the Hessian of an output
of W_m f(... f(W_1 u)) is

    sum_l (dz_l/du)' diag(dv/da_l * c_l) (dz_l/du) .

The Laplacian goes forward with the tangents (Li et al., "A computational framework for
neural network-based variational Monte Carlo with Forward Laplacian", 2024).
"""

from __future__ import annotations

from typing import Any

from ._first_order import FirstOrder


class Pass(FirstOrder):
    """A forward pass over some rows, and the sweeps of both orders that start from it.

    See `FirstOrder` for the parameters.
    """

    def hvp(self, V: Any, out: Any) -> None:
        """Write the derivative (n, n_out, n_in) of the Jacobian along V (n, n_in)."""
        driven, moved = self._moved(V)
        k = self.plan.n_out
        G = self._rows(self.plan.weight)
        G1 = G * 0
        for layer, slope, curvature, z1 in zip(
            self.plan.layers[::-1],
            self.slopes[::-1],
            self.curvatures[::-1],
            driven[::-1],
            strict=True,
        ):
            G1 = G1 * slope[:, None] + G * (curvature * z1)[:, None]
            G = (G * slope[:, None]) @ layer.weight
            G1 = G1 @ layer.weight
        if self.plan.skip is not None:
            G = G + self.plan.skip
        if self.lead is not None:
            _, slope, curvature = self.lead
            G1 = G1 * slope[:, None] + G * (curvature * self._array(V))[:, None]
            G = G * slope[:, None]
        if self.trail is not None:
            _, slope, curvature = self.trail
            bend = (curvature * moved).reshape(self.n, k, 1)
            G1 = G1 * slope[..., None] + bend * G
        self._finish(G1, out)

    def hessian(self, out: Any) -> None:
        """Write the Hessian (n, n_out, n_in, n_in) of every output."""
        H = self._target(out, "hessian")
        self._inner_hessian(H)
        if self.lead is not None or self.trail is not None:
            J = self._take("jacobian", *out.shape[1:3])
            self._inner_jacobian(J)
            self._bend(H, J)
        self._finish(H, out)

    def _bend(self, H: Any, J: Any) -> None:
        """Apply the maps before and after to the Hessian, given the inner Jacobian."""
        if self.lead is not None:
            _, slope, curvature = self.lead
            H *= slope[:, None, :, None]
            H *= slope[:, None, None, :]
            diagonal = H.reshape(*J.shape[:2], -1)[..., :: J.shape[2] + 1]
            diagonal += J * curvature[:, None]
            J *= slope[:, None]
        if self.trail is not None:
            _, slope, curvature = self.trail
            H *= slope[..., None, None]
            H += (curvature[..., None] * J)[..., None] * J[:, :, None]

    def laplacian(self, out: Any) -> None:
        """Write the Laplacian (n, n_out)."""
        plan, layout = self.plan, self.layout
        T: Any = None
        L: Any = None
        for i, (layer, slope) in enumerate(zip(plan.layers, self.slopes, strict=True)):
            if i:
                Z = self._take_tangents("driven", i)
                layout.drive(layer.weight, T, Z)
                L = L @ layer.weight.T
            else:
                Z, L = self._lowest(layer.weight)
            scratch = self._take_tangents("tangent", i)[: len(Z)]
            bent = self.curvatures[i] * layout.sum_of_squares(Z, scratch)
            L = bent if L is None else bent + slope * L
            if i + 1 < len(plan.layers):
                T = self._take_tangents("tangent", i)
                layout.scale(Z, slope, T)
        self._finish(self._top_laplacian(L), out)

    def _lowest(self, weight: Any) -> tuple[Any, Any]:
        """Return tangents and Laplacian of a product of the input, None for zero."""
        Z = self.layout.lowest(weight)
        if self.lead is None:
            return Z, None
        _, slope, curvature = self.lead
        Z = self.layout.scale_inputs(Z, self._cast(slope))
        return Z, self._cast(curvature) @ weight.T

    def _top_laplacian(self, L: Any) -> Any:
        """Return the Laplacian of y, given that of the last layer."""
        plan = self.plan
        if plan.layers:
            L = L @ plan.weight.T
            lowest = plan.skip
        else:
            lowest = plan.weight
        if lowest is not None and self.lead is not None:
            more = self._cast(self.lead[2]) @ lowest.T
            L = more if L is None else L + more
        if L is None:
            L = self.v * 0
        if self.trail is not None:
            J = self._take("jacobian", plan.n_out, plan.n_in)
            self._inner_jacobian(J)
            if self.lead is not None:
                J *= self.lead[1][:, None]
            L = L * self.trail[1] + self.trail[2] * (J * J).sum(2)
        return L

    def _inner_hessian(self, out: Any) -> None:
        """Write the second derivatives (n, n_out, n_in, n_in) of v by u."""
        plan, layout = self.plan, self.layout
        if not plan.layers:
            out[...] = 0
            return
        lowest = layout.lowest(plan.layers[0].weight)
        driven = self._driven()
        bends = self._bends()
        scratch = self._take_tangents("tangent", 0)
        first = plan.widths[1]
        for j in range(plan.n_out):
            layout.scale(lowest, bends[:, j, :first], scratch)
            layout.gram(lowest, scratch, out[:, j])
            if driven is not None:
                bent = self._take("bent", *driven.shape[1:])
                layout.scale(driven, bends[:, j, first:], bent)
                more = self._take("more", plan.n_in, plan.n_in)
                layout.gram(driven, bent, more)
                out[:, j] += more

    def _driven(self) -> Any:
        """Return the tangents of all layers but the first, or None of a single one."""
        plan, layout = self.plan, self.layout
        others = plan.widths[2:]
        if not others:
            return None
        shape = layout.shape(plan.n_in, sum(others))
        driven = self._take("driven", *shape)
        T = self._take_tangents("tangent", 0)
        layout.scale(layout.lowest(plan.layers[0].weight), self.slopes[0], T)
        start = 0
        for i, width in enumerate(others, 1):
            Z = layout.part(driven, start, start + width)
            layout.drive(plan.layers[i].weight, T, Z)
            if i < len(others):
                T = self._take_tangents("tangent", i)
                layout.scale(Z, self.slopes[i], T)
            start += width
        return driven

    def _bends(self) -> Any:
        """Return dv/da times the curvatures (n, n_out, n_units) of all layers."""
        plan = self.plan
        bends = self._take("bends", plan.n_out, sum(plan.widths[1:]))
        G = self._rows(plan.weight)
        stop = sum(plan.widths[1:])
        for i in range(len(plan.layers) - 1, -1, -1):
            start = stop - plan.widths[i + 1]
            bends[:, :, start:stop] = G * self.curvatures[i][:, None]
            if i:
                G = (G * self.slopes[i][:, None]) @ plan.layers[i].weight
            stop = start
        return bends
