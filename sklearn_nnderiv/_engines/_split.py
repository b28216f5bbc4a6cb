"""Maps that end in a network: autodiff before it, closed form within."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import nn

from .._maps import Sequential
from ._autodiff import AutodiffPass
from ._closed_form import Pass
from ._fold import make_plan
from ._parts import is_altered
from ._plan import Plan
from ._workspace import Workspace


@dataclass(frozen=True)
class Split:
    """Where a composition is cut.

    Attributes
    ----------
    n_head : int
        How many maps come before.
    plan : Plan
        Of the others.
    """

    n_head: int
    plan: Plan

    def head(self, function: Any) -> Sequential:
        """Return the maps before the cut."""
        return Sequential(function.parts()[: self.n_head], function.n_in)


def split_of(function: Any) -> Split | None:
    """Return where the network at the end of a composition begins, if there is one."""
    if type(function) is not Sequential or is_altered(function):
        return None
    maps = function.parts()
    for i in range(1, len(maps)):
        plan = make_plan(Sequential(maps[i:], maps[i].n_in))
        if plan is not None:
            is_network = plan.layers and plan.columns is None
            on_host = plan.device.type == "cpu"
            return Split(i, plan) if is_network and on_host else None
    return None


class SplitPass:
    """A forward pass over some rows, and the first derivatives that start from it.

    Parameters
    ----------
    head : Map
        In eval mode.
    plan : Plan
        Of what comes after it.
    space : Workspace
    X : ndarray of shape (n, n_in)
    order : {0, 1}
        Of the highest derivative that will be asked for.
    n_active : int, default=None
        Derivatives are by so many of the first inputs, by default by all.
    """

    def __init__(
        self,
        head: nn.Module,
        plan: Plan,
        space: Workspace,
        X: Any,
        order: int,
        n_active: int | None = None,
    ) -> None:
        self.head = AutodiffPass(head, X, n_active)
        if order:
            self.head.prepare()
        shape = len(X), plan.n_in
        self.moved = space.take("moved between", *shape, dtype=np.float64)
        between = space.take("between", *shape, dtype=np.float64)
        self.head.values(between)
        self.tail = Pass(plan, space, between, order)
        # these are not by columns
        self.values = self.tail.values
        self.n_unknown = self.tail.n_unknown

    def jacobian(self, out: Any) -> None:
        """Write the Jacobian (n, n_out, n_active)."""
        n, k, _ = out.shape
        # one at a time, in memory that does not grow with their number
        for j, row in enumerate(np.eye(k)):
            self._pull(np.broadcast_to(row, (n, k)), out[:, j])
        self._mark_unknown(out)

    def jvp(self, V: Any, out: Any) -> None:
        """Write the derivative (n, n_out) along V (n, n_active)."""
        self.head.jvp(V, self.moved)
        self.tail.jvp(self.moved, out)
        self._mark_unknown(out)

    def vjp(self, U: Any, out: Any) -> None:
        """Write the derivative (n, n_active) of the sum of U (n, n_out) times y."""
        self._pull(U, out)
        self._mark_unknown(out, by_output=False)

    def _pull(self, U: Any, out: Any) -> None:
        """Write the same, but for what is NaN."""
        self.tail.vjp(U, self.moved)
        self.head.pull(self.moved, out)

    def _mark_unknown(self, out: Any, *, by_output: bool = True) -> None:
        """Write NaN where the value is: formulas may go on regardless."""
        bad = np.isnan(self.tail.y)
        if bad.any():
            out[bad if by_output else bad.any(axis=1)] = np.nan
