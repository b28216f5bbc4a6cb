"""Reverse-mode differentiation of any map."""

import torch
from torch import Tensor, nn


def value(function: nn.Module, x: Tensor) -> Tensor:
    """Return function(x) of shape (n, n_out), without a graph."""
    with torch.inference_mode(False), torch.no_grad():
        return function(x)


def value_and_jacobian(function: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return function(x) of shape (n, n_out) and its Jacobian (n, n_out, n_in).

    Rows do not depend on each other, so the gradient of the sum over the rows of one
    output holds the gradient of every row. Nothing accumulates in `.grad`.
    """
    with torch.inference_mode(False), torch.enable_grad():
        x = x.detach().clone().requires_grad_(True)
        y = function(x)
        jacobian = x.new_zeros(len(x), y.shape[1], x.shape[1])
        for k in range(y.shape[1] if y.requires_grad else 0):
            (gradient,) = torch.autograd.grad(
                y[:, k].sum(),
                x,
                retain_graph=k + 1 < y.shape[1],
                materialize_grads=True,  # zeros where the output is constant
            )
            jacobian[:, k] = gradient.detach()
        # the formula of a derivative may go on where the function does not
        jacobian[y.isnan()] = torch.nan
        return y.detach(), jacobian
