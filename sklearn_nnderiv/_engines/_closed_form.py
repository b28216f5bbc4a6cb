"""Second derivatives of a plan in closed form, for a chunk of rows.

With the curvatures c_l = f''(z_l) of all activations at hand, the Hessian of an output
of W_m f(... f(W_1 u)) is

    sum_l (dz_l/du)' diag(dv/da_l * c_l) (dz_l/du) .

The Laplacian goes forward with the tangents (Li et al., "A computational framework for
neural network-based variational Monte Carlo with Forward Laplacian", 2024).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ._first_order import FirstOrder, flat


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
        plan = self.plan
        T: Any = None
        L: Any = None
        for i, (layer, slope) in enumerate(zip(plan.layers, self.slopes, strict=True)):
            Z, L = self._driven(i, layer.weight, T, L)
            bent = self.curvatures[i] * self._sum_of_squares(Z, i)
            L = bent if L is None else bent + slope * L
            if i + 1 < len(plan.layers) or self.trail is not None:
                T = self._take(("tangent", i), *Z.shape[1:])
                self.space.lib.multiply(Z, slope[:, None], out=T)
        Z, L = self._driven(len(plan.layers), plan.weight, T, L, last=True)
        if self.trail is not None:
            _, slope, curvature = self.trail
            L = L * slope + curvature * (Z * Z).sum(1)
        self._finish(L, out)

    def _driven(
        self, i: int, weight: Any, T: Any, L: Any, *, last: bool = False
    ) -> tuple[Any, Any]:
        """Return tangents (n, n_in, width) and Laplacian (n, width) of a product.

        T and L are those of its argument, None for the input itself, where the tangents
        are 1 times the slopes of the map before. Tangents of the last product are only
        computed if they are asked for.
        """
        plan, up = self.plan, weight.T
        if i == 0:
            Z, L = self._scaled(up)
        else:
            Z = None
            if not last or self.trail is not None:
                Z = self._take(("driven", i), plan.n_in, len(weight))
                self.space.lib.matmul(flat(T), up, out=flat(Z))
            L = L @ up
        if last and plan.skip is not None:
            S, bent = self._scaled(plan.skip.T)
            Z = None if Z is None else Z + S
            L = L if bent is None else L + bent
        if last and L is None:
            L = self._like(np.zeros((1, plan.n_out)))
        return Z, L

    def _scaled(self, up: Any) -> tuple[Any, Any]:
        """Return what tangents and Laplacian of the map before become by a product."""
        if self.lead is None:
            return up[None], None
        _, slope, curvature = self.lead
        return self._cast(slope)[:, :, None] * up, self._cast(curvature) @ up

    def _sum_of_squares(self, Z: Any, i: int) -> Any:
        """Return the sum over tangents."""
        if len(Z) != self.n:
            return (Z * Z).sum(1)
        squares = self._take(("tangent", i), *Z.shape[1:])
        self.space.lib.multiply(Z, Z, out=squares)
        return squares.sum(1)

    def _inner_hessian(self, out: Any) -> None:
        """Write the second derivatives (n, n_out, n_in, n_in) of v by u."""
        plan, lib = self.plan, self.space.lib
        out[...] = 0
        T: Any = None
        for i, layer in enumerate(plan.layers):
            G = self._adjoints(i + 1, None)
            if i:
                Z = self._take(("driven", i), plan.n_in, len(layer.bias))
                lib.matmul(flat(T), layer.weight.T, out=flat(Z))
            T = self._take(("tangent", i), plan.n_in, len(layer.bias))
            for j in range(plan.n_out):
                bend = G[:, j] * self.curvatures[i]
                if i == 0:
                    self._add_lowest(out[:, j], bend, layer.weight)
                else:
                    lib.multiply(Z, bend[:, None], out=T)
                    out[:, j] += T @ Z.swapaxes(1, 2)
            lib.multiply(Z if i else layer.weight.T, self.slopes[i][:, None], out=T)

    def _add_lowest(self, out: Any, bend: Any, weight: Any) -> None:
        """Add the part of the first layer, whose tangents are the same for all rows."""
        d = weight.shape[1]
        pairs = self.plan.pairs
        if pairs is None:
            part = (weight.T * bend[:, None]).reshape(-1, len(weight)) @ weight
            out += part.reshape(self.n, d, d)
            return
        upper = bend @ pairs
        first, second = self.plan.triangle
        out[:, first, second] += upper
        off = first != second
        out[:, second[off], first[off]] += upper[:, off]
