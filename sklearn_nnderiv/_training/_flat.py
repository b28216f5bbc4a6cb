"""Between the parameters of a torch module and a flat vector."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from .._elementwise.activations import Mixed
from .._elementwise.kernels import KERNELS
from .._engines import Stack
from .._validation import Array
from ._net import FeedForward


def stack_of(module: FeedForward) -> Stack | None:
    """Return the shape of a module; None if an activation has no kernel."""
    layers = list(module.layers)
    linear = layers[::2]
    kinds: list[type[nn.Module]] = []
    if len(layers) > 1:
        made = layers[1]
        parts = made.kinds if isinstance(made, Mixed) else [made]
        kinds = [type(part) for part in parts]
    if any(kind not in KERNELS for kind in kinds):
        return None
    return Stack(
        linear[0].in_features,
        linear[-1].out_features,
        tuple(layer.out_features for layer in linear[:-1]),
        tuple(KERNELS[kind] for kind in kinds),
        module.skip is not None,
    )


def flatten(module: FeedForward) -> Array:
    """Return the parameters in the order of `Stack`."""
    linear = list(module.layers)[::2]
    inner = [_numpy(p).ravel() for layer in linear[:-1] for p in layer.parameters()]
    outer = [_numpy(linear[-1].weight), _numpy(linear[-1].bias)[:, None]]
    if module.skip is not None:
        outer.append(_numpy(module.skip.weight))
    return np.concatenate([*inner, np.hstack(outer).ravel()])


def unflatten(module: FeedForward, theta: Array) -> None:
    """Set the parameters of a module."""
    linear = list(module.layers)[::2]
    targets = [p for layer in linear[:-1] for p in layer.parameters()]
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


def _numpy(parameter: nn.Parameter) -> Array:
    return parameter.detach().cpu().double().numpy()
