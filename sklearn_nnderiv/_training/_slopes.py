"""Derivatives of a module along directions of its inputs, to be trained through."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .._elementwise.activations import Mixed
from .._elementwise.kernels import KERNELS, Kernel
from .._elementwise.libraries import TORCH
from .._maps import FeedForward


def values_and_slopes(
    module: nn.Module, X: Tensor, tangents: Tensor
) -> tuple[Tensor, Tensor]:
    """Return outputs and their derivatives, differentiable by the parameters.

    Parameters
    ----------
    module : nn.Module
        From (n, n_in) to (n, n_out), each row by itself in evaluation mode.
    X : Tensor of shape (n, n_in)
    tangents : Tensor of shape (n or 1, n_tangents, n_in)

    Returns
    -------
    values : Tensor of shape (n, n_out)
    slopes : Tensor of shape (n, n_tangents, n_out)
    """
    if isinstance(module, FeedForward):
        kernels = _kernels(module)
        if kernels is not None:
            return _feed_forward(module, kernels, X, tangents)
    slopes = slopes_of(module, X, tangents)  # before statistics of batches change
    return module(X), slopes


class _Activation(torch.autograd.Function):
    """Value and slope of an activation; the gradient takes its curvature."""

    @staticmethod
    def forward(ctx: Any, z: Tensor, kernels: tuple[Kernel, ...]) -> Any:
        """Return f and f', the units shared out among the kernels."""
        f, slope, tmp = (torch.empty_like(z) for _ in range(3))
        for kernel, *parts in _shared(kernels, z, f, slope, tmp):
            own, value, first, scratch = parts
            kernel.write_value(TORCH, own, value, scratch)
            kernel.write_slope(TORCH, own, value, first, scratch)
        ctx.kernels = kernels
        ctx.save_for_backward(z, f, slope)
        return f, slope

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        """Return the gradient by z."""
        z, f, slope = ctx.saved_tensors
        by_value, by_slope = grads
        curvature, tmp = torch.empty_like(z), torch.empty_like(z)
        for kernel, *parts in _shared(ctx.kernels, z, f, slope, curvature, tmp):
            own, value, first, second, scratch = parts
            kernel.write_curvature(TORCH, own, value, first, second, scratch)
        return torch.addcmul(by_slope * curvature, by_value, slope), None


def _shared(kernels: tuple[Kernel, ...], *tables: Tensor) -> Any:
    """Yield each kernel with its units of every table."""
    parts = [torch.tensor_split(table, len(kernels), dim=-1) for table in tables]
    return zip(kernels, *parts, strict=True)


def _kernels(module: FeedForward) -> tuple[Kernel, ...] | None:
    """Return what the units of each layer are shared out among, if it is known."""
    kinds: list[type] = []
    for layer in module.layers:
        if not isinstance(layer, nn.Linear):
            parts = layer.kinds if isinstance(layer, Mixed) else [layer]
            kinds = [type(part) for part in parts]
    if any(kind not in KERNELS for kind in kinds):
        return None
    return tuple(KERNELS[kind] for kind in kinds)


def _feed_forward(
    module: FeedForward, kernels: tuple[Kernel, ...], X: Tensor, tangents: Tensor
) -> tuple[Tensor, Tensor]:
    """Sweep down from the outputs or up along the tangents, whichever are fewer."""
    linear = [layer for layer in module.layers if isinstance(layer, nn.Linear)]
    a, first = X, []
    for layer in linear[:-1]:
        a, slope = _Activation.apply(layer(a), kernels)
        first.append(slope)
    weights = [layer.weight for layer in linear]
    if len(weights[-1]) <= tangents.shape[1]:
        slopes = (_downwards(weights, first, len(X)) @ tangents.mT).mT
    else:
        slopes = _upwards(weights, first, tangents)
    values = linear[-1](a)
    if module.skip is not None:
        values = values + module.skip(X)
        slopes = slopes + tangents @ module.skip.weight.T
    return values, slopes.expand(len(X), -1, -1)


def _downwards(weights: list[Tensor], first: list[Tensor], n: int) -> Tensor:
    """Return the derivative (n, n_out, n_in) by the inputs, without those skipped."""
    if not first:
        return weights[0].expand(n, -1, -1)
    if len(weights[-1]) == 1:  # without an axis of outputs, products are faster
        row = weights[-1] * first[-1]
        for weight, slope in zip(weights[-2:0:-1], first[-2::-1], strict=True):
            row = (row @ weight) * slope
        return (row @ weights[0])[:, None]
    rows = weights[-1] * first[-1][:, None]
    for weight, slope in zip(weights[-2:0:-1], first[-2::-1], strict=True):
        rows = (rows @ weight) * slope[:, None]
    return rows @ weights[0]


def _upwards(weights: list[Tensor], first: list[Tensor], tangents: Tensor) -> Tensor:
    """Return the derivative (n, n_tangents, n_out) along the tangents."""
    moved = tangents
    for weight, slope in zip(weights[:-1], first, strict=True):
        moved = (moved @ weight.T) * slope[:, None]
    return moved @ weights[-1].T


def slopes_of(module: nn.Module, X: Tensor, tangents: Tensor) -> Tensor:
    """Return the derivatives of any module in evaluation mode, by reverse mode.

    Parameters and result are those of `values_and_slopes`.
    """
    training = module.training
    with torch.inference_mode(False), torch.enable_grad():
        at = X.detach().clone().requires_grad_()
        y = module.eval()(at)
        module.train(training)
        rows = [
            torch.autograd.grad(
                column.sum(), at, create_graph=True, materialize_grads=True
            )[0]
            for column in y.unbind(-1)
        ]
    return (torch.stack(rows, dim=1) @ tangents.mT).mT
