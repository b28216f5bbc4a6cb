"""Derivatives by the first inputs only, of a pass that knows them by all."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._closed_form import Pass
from ._selected import SelectedPass


class ActivePass:
    """Computes what is asked for by all inputs, and drops the rest.

    Parameters
    ----------
    whole : Pass or SelectedPass
    n_active : int
        The number of inputs to differentiate by.
    n_in : int
        The number of inputs.
    """

    def __init__(self, whole: Pass | SelectedPass, n_active: int, n_in: int) -> None:
        self.whole = whole
        self.n_active = n_active
        self.n_in = n_in

    def values(self, out: Any) -> None:
        """Write the values (n, n_out)."""
        self.whole.values(out)

    def n_unknown(self) -> int:
        """Return how many rows have values that are NaN."""
        return self.whole.n_unknown()

    def jacobian(self, out: Any) -> None:
        """Write the Jacobian (n, n_out, n_active)."""
        full = np.empty((*out.shape[:2], self.n_in))
        self.whole.jacobian(full)
        out[...] = full[..., : self.n_active]

    def jvp(self, V: Any, out: Any) -> None:
        """Write the derivative (n, n_out) along V (n, n_active)."""
        self.whole.jvp(self._widened(V), out)

    def vjp(self, U: Any, out: Any) -> None:
        """Write the derivative (n, n_active) of the sum of U (n, n_out) times y."""
        full = np.empty((len(out), self.n_in))
        self.whole.vjp(U, full)
        out[...] = full[:, : self.n_active]

    def hvp(self, V: Any, out: Any) -> None:
        """Write the derivative (n, n_out, n_active) of the Jacobian along V."""
        full = np.empty((*out.shape[:2], self.n_in))
        self.whole.hvp(self._widened(V), full)
        out[...] = full[..., : self.n_active]

    def hessian(self, out: Any) -> None:
        """Write the Hessian (n, n_out, n_active, n_active) of every output."""
        full = np.empty((*out.shape[:2], self.n_in, self.n_in))
        self.whole.hessian(full)
        out[...] = full[..., : self.n_active, : self.n_active]

    def laplacian(self, out: Any) -> None:
        """Write the Laplacian (n, n_out)."""
        full = np.empty((*out.shape, self.n_in, self.n_in))
        self.whole.hessian(full)
        active = full[..., : self.n_active, : self.n_active]
        np.trace(active, axis1=-2, axis2=-1, out=out)

    def _widened(self, V: Any) -> Any:
        wide = np.zeros((len(V), self.n_in))
        wide[:, : self.n_active] = V
        return wide
