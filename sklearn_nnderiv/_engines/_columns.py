"""Derivatives of a plan that takes in some of the columns, by some of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._closed_form import Pass
from ._first_order import host
from ._plan import Plan
from ._workspace import Workspace


class ColumnsPass:
    """A forward pass over some rows of some columns; see `Pass` for what it computes.

    Columns are taken out of the rows, not multiplied by zero: what is left out may be
    infinite or NaN. Derivatives by columns that are left out are zero.

    Parameters
    ----------
    plan : Plan
        With `columns`.
    space : Workspace
    X : ndarray of shape (n, n_all_columns)
    order : {0, 1, 2}
        Of the highest derivative that will be asked for.
    """

    def __init__(self, plan: Plan, space: Workspace, X: Any, order: int) -> None:
        active = slice(None) if plan.active is None else plan.active
        self.columns = plan.columns[active]
        self.inner = Pass(plan, space, np.take(X, plan.columns, axis=1), order)
        # these are not by columns
        self.values = self.inner.values
        self.n_unknown = self.inner.n_unknown
        self.laplacian = self.inner.laplacian

    def jacobian(self, out: Any) -> None:
        """Write the Jacobian (n, n_out, n_active)."""
        self.inner.jacobian(inner := self._part(out))
        self._put(inner, out)

    def jvp(self, V: Any, out: Any) -> None:
        """Write the derivative (n, n_out) along V (n, n_active)."""
        self.inner.jvp(np.take(V, self.columns, axis=1), out)

    def vjp(self, U: Any, out: Any) -> None:
        """Write the derivative (n, n_active) of the sum of U (n, n_out) times y."""
        self.inner.vjp(U, inner := self._part(out))
        self._put(inner, out, by_output=False)

    def hvp(self, V: Any, out: Any) -> None:
        """Write the derivative (n, n_out, n_active) of the Jacobian along V."""
        self.inner.hvp(np.take(V, self.columns, axis=1), inner := self._part(out))
        self._put(inner, out)

    def hessian(self, out: Any) -> None:
        """Write the Hessian (n, n_out, n_active, n_active) of every output."""
        m = len(self.columns)
        rows = np.zeros((*out.shape[:2], m, out.shape[3]), out.dtype)
        inner = np.empty((*out.shape[:2], m, m), out.dtype)
        self.inner.hessian(inner)
        rows[..., self.columns] = inner
        self._put(rows.swapaxes(2, 3), out.swapaxes(2, 3))

    def _part(self, out: Any) -> Any:
        return np.empty((*out.shape[:-1], len(self.columns)), out.dtype)

    def _put(self, inner: Any, out: Any, *, by_output: bool = True) -> None:
        """Write a derivative by some columns, zero by others, or NaN for NaN."""
        out[...] = 0
        out[..., self.columns] = inner
        bad = np.isnan(host(self.inner.y))
        if bad.any():
            out[bad if by_output else bad.any(axis=1)] = np.nan
