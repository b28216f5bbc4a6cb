"""What a map consists of, where it is a feed-forward stack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import nn

from .._elementwise.activations import Mixed, Softplus
from .._elementwise.kernels import KERNELS, Kernel
from .._elementwise.ufuncs import identity
from .._maps import (
    Affine,
    Concatenate,
    Elementwise,
    FeedForward,
    Interpolation,
    Network,
    Select,
    Sequential,
    device_of,
)
from .._validation import Array, Index
from ._join import SideBySide, block_affine

# arguments of activations for which their kernels are made
CONSTANTS: dict[type[nn.Module], dict[str, Any]] = {
    Softplus: {"beta": 1.0, "threshold": 40.0},
    nn.Softplus: {"beta": 1.0, "threshold": 20.0},
    nn.ELU: {"alpha": 1.0},
    nn.GELU: {"approximate": "none"},
}


class NotAStackError(Exception):
    pass


@dataclass(frozen=True)
class AffinePart:
    """(x - center) * weight + offset, or with a matrix; all in float64."""

    source: nn.Module
    weight: Array
    center: Array | None = None
    offset: Array | None = None


@dataclass(frozen=True)
class ActivationPart:
    kernels: tuple[Kernel, ...]


@dataclass(frozen=True)
class PointwisePart:
    source: nn.Module


@dataclass(frozen=True)
class SkipPart:
    """The beginning of a network, and the weight of what goes past it to its end."""

    weight: Array | None = None


@dataclass(frozen=True)
class CastPart:
    dtype: torch.dtype
    device: torch.device


@dataclass(frozen=True)
class SelectPart:
    columns: Index


Part = AffinePart | ActivationPart | PointwisePart | SkipPart | CastPart | SelectPart


def parts_of(function: nn.Module) -> Iterator[Part]:
    """Yield what a module consists of; raise where it is something else."""
    if is_altered(function):
        raise NotAStackError
    kind = type(function)  # subclasses may do something else
    if kind in (Sequential, nn.Sequential):
        children = function.maps if kind is Sequential else function
        for child in cast(Iterable[nn.Module], children):
            yield from parts_of(child)
    elif kind is Affine:
        function = cast(Affine, function)
        center = None if function.center is None else _numpy(function.center)
        offset = None if function.offset is None else _numpy(function.offset)
        yield AffinePart(function, _numpy(function.weight), center, offset)
    elif kind is Concatenate:
        yield from _joined(cast(Concatenate, function))
    elif kind is Select:
        yield SelectPart(cast(Select, function).columns.cpu().numpy())
    elif kind in (Elementwise, Interpolation):
        if getattr(function, "function", None) is not identity:
            yield PointwisePart(function)
    elif kind is Network:
        yield from _network_parts(cast(Network, function))
    else:
        yield from _layer_parts(function)


def _joined(function: Concatenate) -> Iterator[Part]:
    """Yield what affine and elementwise maps side by side are together."""
    columns: list[Index] = []
    branches: list[list[AffinePart | PointwisePart]] = []
    for child in function.maps:
        parts = list(parts_of(child))
        taken: Index = np.arange(function.n_in)
        if parts and isinstance(parts[0], SelectPart):
            taken = parts[0].columns
            del parts[0]
        columns.append(taken)
        branches.append([_simple(part) for part in parts])
    yield SelectPart(np.concatenate(columns))
    sizes = [len(taken) for taken in columns]
    every = [part for branch in branches for part in branch]
    if all(isinstance(part, AffinePart) for part in every):
        yield from parts_of(block_affine(branches, sizes))
    elif all(isinstance(p, PointwisePart) or p.weight.ndim == 1 for p in every):
        sources = [[part.source for part in branch] for branch in branches]
        yield PointwisePart(SideBySide(sources, sizes))
    else:
        raise NotAStackError


def _simple(part: Part) -> AffinePart | PointwisePart:
    if isinstance(part, AffinePart | PointwisePart):
        return part
    raise NotAStackError


def _network_parts(network: Network) -> Iterator[Part]:
    tensors = [*network.module.parameters(), *network.module.buffers()]
    if any(t.is_floating_point() and t.dtype != network.dtype for t in tensors):
        raise NotAStackError
    yield CastPart(network.dtype, device_of(network))
    yield from parts_of(network.module)


def _layer_parts(module: nn.Module) -> Iterator[Part]:
    kind = type(module)
    if kind is FeedForward:
        module = cast(FeedForward, module)
        yield SkipPart()
        yield from parts_of(module.layers)
        if module.skip is not None:
            yield SkipPart(_numpy(module.skip.weight))
    elif kind is nn.Linear:
        module = cast(nn.Linear, module)
        bias = None if module.bias is None else _numpy(module.bias)
        yield AffinePart(module, _numpy(module.weight), None, bias)
    elif kind is Mixed:
        kinds = cast(Mixed, module).kinds
        yield ActivationPart(tuple(_kernel(part) for part in kinds))
    elif kind not in (nn.Dropout, nn.Identity):
        yield ActivationPart((_kernel(module),))


def _kernel(activation: nn.Module) -> Kernel:
    kind = type(activation)
    usual = CONSTANTS.get(kind, {})
    if kind not in KERNELS or any(
        getattr(activation, name) != value for name, value in usual.items()
    ):
        raise NotAStackError
    return KERNELS[kind]


def is_altered(module: nn.Module) -> bool:
    """Whether a module does something else than those of its class."""
    hooks = module._forward_hooks, module._forward_pre_hooks
    return any(hooks) or "forward" in vars(module)


def _numpy(tensor: torch.Tensor) -> Array:
    return tensor.detach().cpu().double().numpy()
