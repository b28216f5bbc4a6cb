"""Between the parameters of a torch module and a flat vector."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from .._maps import FeedForward
from .._validation import Array


def _linear_layers(module: FeedForward) -> list[nn.Linear]:
    return [layer for layer in module.layers if isinstance(layer, nn.Linear)]


def flatten(module: FeedForward) -> Array:
    """Return the parameters in the order of `Stack`."""
    linear = _linear_layers(module)
    inner = [_numpy(p).ravel() for layer in linear[:-1] for p in layer.parameters()]
    outer = [_numpy(linear[-1].weight), _numpy(linear[-1].bias)[:, None]]
    if module.skip is not None:
        outer.append(_numpy(module.skip.weight))
    return np.concatenate([*inner, np.hstack(outer).ravel()])


def unflatten(module: FeedForward, theta: Array) -> None:
    """Set the parameters of a module."""
    linear = _linear_layers(module)
    targets: list[torch.Tensor] = []
    for layer in linear[:-1]:
        targets += layer.parameters()
    sizes = [p.numel() for p in targets]
    inner = np.split(theta, np.cumsum(sizes))
    n_out, width = linear[-1].weight.shape
    outer = inner.pop().reshape(n_out, -1)
    targets += [linear[-1].weight, linear[-1].bias]
    values = [*inner, outer[:, :width], outer[:, width]]
    if module.skip is not None:
        targets.append(module.skip.weight)
        values.append(outer[:, width + 1 :])
    with torch.no_grad():
        for target, value in zip(targets, values, strict=True):
            target.copy_(torch.tensor(value).reshape(target.shape))


def _numpy(parameter: torch.Tensor) -> Array:
    return parameter.detach().cpu().double().numpy()
