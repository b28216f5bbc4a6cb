"""Values and derivatives of any map by automatic differentiation.

Rows do not depend on each other, so that the gradient of a sum over the rows holds the
gradient of every row. Nothing accumulates in `.grad`.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from .._maps import device_of

# forward mode pays where outputs outnumber inputs by so much
_FACTOR, _SURPLUS = 2, 4
# the choice of a kernel of attention is that of all threads, and so is forward mode
_lock = threading.RLock()


class AutodiffPass:
    """A forward pass over some rows, and the derivatives that start from it.

    Parameters
    ----------
    function : Map
        In eval mode.
    X : ndarray of shape (n, n_in)
    n_active : int, default=None
        Derivatives are by so many of the first inputs, by default by all.
    """

    def __init__(
        self, function: nn.Module, X: Any, n_active: int | None = None
    ) -> None:
        self.function = function
        # a copy: X may be read-only, or not contiguous
        self.x = torch.tensor(X, dtype=torch.float64, device=device_of(function))
        self.n_active = self.x.shape[1] if n_active is None else n_active

    def values(self, out: Any) -> None:
        """Write the values (n, n_out)."""
        _store(self._values, out)

    def n_unknown(self) -> int:
        """Return how many rows have values that are NaN."""
        return int(self._values.isnan().any(dim=1).sum())

    def jacobian(self, out: Any) -> None:
        """Write the Jacobian (n, n_out, n_active)."""
        _, k, d = out.shape
        if forward_mode_pays(k, d):
            try:
                self._forward_jacobian(out)
                return
            except (NotImplementedError, RuntimeError):
                pass  # a part knows reverse mode only
        for j in range(k):
            self._store_known(self._gradient(j), out[:, j], j)

    def jvp(self, V: Any, out: Any) -> None:
        """Write the derivative (n, n_out) along V (n, n_active)."""
        directions = torch.tensor(V).to(self.x)

        def write() -> None:
            x, y = self._graph
            # the derivative of a vjp by its cotangent, in which it is linear
            U = torch.zeros_like(y).requires_grad_()
            gradient = _grad((y * U).sum(), x, again=True)
            moved = _grad((gradient * directions).sum(), U)
            moved[self._values.isnan()] = torch.nan
            _store(moved, out)

        self._through_gradients(write)

    def vjp(self, U: Any, out: Any) -> None:
        """Write the derivative (n, n_active) of the sum of U (n, n_out) times y."""
        self._store_known(self._pulled(torch.tensor(U)), out, None)

    def pull(self, U: Any, out: Any) -> None:
        """Write the same where no value is NaN; elsewhere it may be any number.

        U has to be writeable, and is not written to.
        """
        _store(self._pulled(torch.from_numpy(U)), out)

    def prepare(self) -> None:
        """Compute values in such a way that derivatives need no others."""
        with _differentiable():
            _ = self._graph

    def hvp(self, V: Any, out: Any) -> None:
        """Write the derivative (n, n_out, n_active) of the Jacobian along V."""
        V = torch.tensor(V).to(self.x)

        def along(gradient: Tensor, x: Tensor) -> Tensor:
            return _grad((gradient * V).sum(), x)

        self._twice(along, out)

    def hessian(self, out: Any) -> None:
        """Write the Hessian (n, n_out, n_active, n_active) of every output."""

        def columns(gradient: Tensor, x: Tensor) -> Tensor:
            return torch.stack([_grad(g.sum(), x) for g in gradient.unbind(1)], dim=1)

        self._twice(columns, out)

    def laplacian(self, out: Any) -> None:
        """Write the Laplacian (n, n_out)."""

        def trace(gradient: Tensor, x: Tensor) -> Tensor:
            diagonal = [
                _grad(g.sum(), x)[:, i] for i, g in enumerate(gradient.unbind(1))
            ]
            return torch.stack(diagonal).sum(dim=0)

        self._twice(trace, out)

    @cached_property
    def _graph(self) -> tuple[Tensor, Tensor]:
        return self._run()

    def _run(self) -> tuple[Tensor, Tensor]:
        """Return the active inputs, and the outputs that depend on them."""
        x = self.x[:, : self.n_active].clone().requires_grad_(True)
        fixed = self.x[:, self.n_active :]
        return x, self.function(torch.cat([x, fixed], dim=1) if fixed.numel() else x)

    @cached_property
    def _values(self) -> Tensor:
        if "_graph" in vars(self):
            return self._graph[1].detach()
        with torch.inference_mode(False), torch.no_grad():
            return self.function(self.x)

    def _pulled(self, U: Tensor) -> Tensor:
        with _differentiable():
            x, y = self._graph
            return _grad(y, x, U.to(y))

    def _gradient(self, j: int) -> Tensor:
        with _differentiable():
            x, y = self._graph
            return _grad(y[:, j].sum(), x)

    def _forward_jacobian(self, out: Any) -> None:
        _load_forward_mode()
        with (
            torch.inference_mode(False),
            torch.no_grad(),
            _lock,
            forward_ad.dual_level(),
        ):
            for i in range(out.shape[2]):
                tangent = torch.zeros_like(self.x)
                tangent[:, i] = 1
                y = self.function(forward_ad.make_dual(self.x, tangent))
                moved = forward_ad.unpack_dual(y).tangent
                moved = torch.zeros_like(y) if moved is None else moved
                moved[y.isnan()] = torch.nan
                _store(moved, out[:, :, i])

    def _twice(self, second: Callable[[Tensor, Tensor], Tensor], out: Any) -> None:
        """Write a function of every output's gradient and the rows."""

        def write() -> None:
            x, y = self._graph
            for j in range(y.shape[1]):
                gradient = _grad(y[:, j].sum(), x, again=True)
                self._store_known(second(gradient, x), out[:, j], j)

        self._through_gradients(write)

    def _through_gradients(self, write: Callable[[], None]) -> None:
        """Call what differentiates gradients, which fused attention has none of."""
        with _differentiable():
            try:
                write()
                return
            except RuntimeError as error:
                if "attention" not in str(error):
                    raise
            with _lock, sdpa_kernel(SDPBackend.MATH):
                self._graph = self._run()
            write()

    def _store_known(self, result: Tensor, out: Any, j: int | None) -> None:
        """Store a derivative: NaN where the value is, formulas may go on regardless."""
        _store(result, out)
        unknown = self._values.isnan().cpu().numpy()
        bad = unknown.any(axis=1) if j is None else unknown[:, j]
        if bad.any():
            out[bad] = np.nan


def forward_mode_pays(n_out: int, n_in: int) -> bool:
    """Whether a Jacobian is better computed column by column."""
    return n_out > _FACTOR * n_in + _SURPLUS


@cache
def _load_forward_mode() -> None:
    """Have torch import what it needs, with deprecation warnings of its own."""
    with _lock, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with forward_ad.dual_level():
            forward_ad.make_dual(torch.zeros(1), torch.zeros(1))


@contextmanager
def _differentiable() -> Iterator[None]:
    with torch.inference_mode(False), torch.enable_grad():
        yield


def _grad(
    y: Tensor, x: Tensor, weights: Tensor | None = None, *, again: bool = False
) -> Tensor:
    """Return the derivative by x of a number, or of a weighted sum of numbers.

    It is zero where they do not depend on x.
    """
    if not y.requires_grad:
        return torch.zeros_like(x)
    (gradient,) = torch.autograd.grad(
        y, x, weights, retain_graph=True, create_graph=again, materialize_grads=True
    )
    return gradient


def _store(result: Tensor, out: Any) -> None:
    np.copyto(out, result.detach().cpu().numpy(), casting="same_kind")
