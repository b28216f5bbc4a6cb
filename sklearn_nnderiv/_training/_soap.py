"""Adam in the eigenbasis of Shampoo's preconditioner."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

RIDGE = 1e-3  # of the mean eigenvalue


class SOAP(torch.optim.Optimizer):
    """Adam in a basis where the entries of the gradient hardly correlate.

    For a weight matrix with gradient G, the bases of its two sides are those of the
    eigenvectors of the running means of G G' and G' G, followed by one step of the
    power iteration every `every` steps. Without bases (on sides longer than
    `max_size`, or of length 1) it is Adam.

    Parameters
    ----------
    params : iterable of Tensor
        The parameters to train.
    lr : float, default=0.01
        Step size.
    beta : float, default=0.95
        Decay of the running means of the gradient, of its square, and of G G'.
    eps : float, default=1e-8
        Added to the root of the mean square.
    every : int, default=10
        Steps between two updates of the bases.
    max_size : int, default=1024
        A longer side keeps its own basis.

    References
    ----------
    .. [1] N. Vyas et al., "SOAP: Improving and stabilizing Shampoo using Adam",
       ICLR 2025.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.01,
        beta: float = 0.95,
        eps: float = 1e-8,
        every: int = 10,
        max_size: int = 1024,
    ) -> None:
        defaults = {
            "lr": lr,
            "beta": beta,
            "eps": eps,
            "every": every,
            "max_size": max_size,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step; return what the closure returns."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: Tensor, grad: Tensor, group: dict[str, Any]) -> None:
        gradient = grad.reshape(parameter.shape[:1].numel(), -1)
        state = self.state[parameter]
        if not state:
            state.update(_start(gradient, group["max_size"]))
        new = 1 - group["beta"]
        grams, bases = state["grams"], state["bases"]
        for gram, G in zip(grams, (gradient, gradient.mT), strict=True):
            if gram is not None:
                gram.lerp_(G @ G.mT, new)
        if state["step"] % group["every"] == 0:
            state["bases"] = bases = [
                None if gram is None else _power_step(gram, basis)
                for gram, basis in zip(grams, bases, strict=True)
            ]
        state["step"] += 1
        state["mean"].lerp_(gradient, new)
        state["square"].lerp_(_turn(gradient, bases).square(), new)
        bias = 1 - group["beta"] ** state["step"]
        root = (state["square"] / bias).sqrt().add_(group["eps"])
        change = _turn_back(_turn(state["mean"], bases).div_(root), bases)
        change = _without_dead(change, grams)
        parameter.add_(change.view_as(parameter), alpha=-group["lr"] / bias)


def _start(gradient: Tensor, max_size: int) -> dict[str, Any]:
    sides = [n if 1 < n <= max_size else 0 for n in gradient.shape]
    return {
        "step": 0,
        "mean": torch.zeros_like(gradient),
        "square": torch.zeros_like(gradient),
        "grams": [gradient.new_zeros(n, n) if n else None for n in sides],
        "bases": [
            torch.eye(n, dtype=gradient.dtype, device=gradient.device) if n else None
            for n in sides
        ],
    }


def _power_step(gram: Tensor, basis: Tensor) -> Tensor:
    """Return the basis one step nearer to the eigenvectors.

    Without the ridge, rounding would choose the basis of the null space, and two fits
    that differ by the order of their rows would go apart. NaN is passed on, where a
    decomposition into eigenvectors would raise.
    """
    ridge = RIDGE * gram.diagonal().mean()
    return torch.linalg.qr(gram @ basis + ridge * basis)[0]


def _turn(x: Tensor, bases: list[Tensor | None]) -> Tensor:
    """Return x in the bases of its two sides."""
    left, right = bases
    x = x if left is None else left.mT @ x
    return x.clone() if right is None else x @ right


def _turn_back(x: Tensor, bases: list[Tensor | None]) -> Tensor:
    left, right = bases
    x = x if left is None else left @ x
    return x if right is None else x @ right.mT


def _without_dead(change: Tensor, grams: list[Tensor | None]) -> Tensor:
    """Leave rows and columns that never had a gradient as they are, to the last bit.

    The weights of a constant input are zero, and rounding must not make them less so.
    """
    left, right = grams
    if left is not None:
        change = torch.where((left.diagonal() == 0)[:, None], 0, change)
    if right is not None:
        change = torch.where(right.diagonal() == 0, 0, change)
    return change
