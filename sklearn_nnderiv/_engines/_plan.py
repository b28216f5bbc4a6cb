"""A feed-forward stack between scalers, folded into as few products as there are.

    x - center -> weight, bias -> activation -> ... -> weight, offset

All affine maps that follow one another are multiplied out in float64. The center is
subtracted, and the offset added, in float64 too, whatever the dtype of the network:
where data vary little about a large mean, float32 would lose the digits that matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .._elementwise.activations import Mixed
from .._elementwise.kernels import KERNELS, Kernel
from .._elementwise.ufuncs import identity
from .._maps import Affine, Elementwise, FeedForward, Interpolation, Network, Sequential
from .._validation import Array

Parts = tuple[tuple[Kernel, slice], ...]

# arguments of activations for which their kernels are made
_CONSTANTS: dict[type[nn.Module], dict[str, Any]] = {
    nn.Softplus: {"beta": 1.0, "threshold": 20.0},
    nn.ELU: {"alpha": 1.0},
    nn.GELU: {"approximate": "none"},
}
# numbers in the product of the last two weights
_MAX_TOP = 1_000_000
# multiplications in the time of a pass over one number, and the factor of the cost of
# products that are small, one for every row
_PASS, _SMALL = 8.0, 4.0
_DTYPES = {torch.float32: np.float32, torch.float64: np.float64}


@dataclass(frozen=True)
class Layer:
    """A product with an activation behind it.

    Attributes
    ----------
    weight : ndarray of shape (n_out, n_in)
    bias : ndarray of shape (n_out,)
    parts : tuple of (Kernel, slice)
        Which units have which activation.
    """

    weight: Any
    bias: Any
    parts: Parts

    @cached_property
    def in_place(self) -> bool:
        """Whether the activation may overwrite its argument."""
        return all(kernel.in_place for kernel, _ in self.parts)


@dataclass(frozen=True)
class Plan:
    """What a map computes, in the order in which it is computed.

    Attributes
    ----------
    lead, trail : Map or None
        Elementwise maps before and after everything else, in float64.
    center : ndarray of float64 or None
        Subtracted from the input.
    layers : tuple of Layer
    weight : ndarray of shape (n_out, n_units)
        The last product.
    skip : ndarray of shape (n_out, n_in), or None
        The part that is linear in the centred input.
    offset : ndarray of float64 of shape (n_out,)
        Added at last.
    dtype : numpy.dtype
        In which layers are computed.
    device : torch.device
    """

    lead: nn.Module | None
    center: Array | None
    layers: tuple[Layer, ...]
    weight: Any
    skip: Any
    offset: Array
    trail: nn.Module | None
    dtype: Any
    device: torch.device

    @cached_property
    def n_in(self) -> int:
        """Return the number of inputs."""
        return int((self.layers[0].weight if self.layers else self.weight).shape[1])

    @cached_property
    def n_out(self) -> int:
        """Return the number of outputs."""
        return len(self.offset)

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Return the number of inputs, and those of the units of each layer."""
        return (self.n_in, *(len(layer.bias) for layer in self.layers))

    @cached_property
    def top(self) -> Any:
        """Return the last two products in one, or None if that is too large.

        It is (n_units, n_out * n_before): times the slopes of the last layer, it gives
        the derivative of the outputs by the units before.
        """
        upper, lower = self.weight, self.layers[-1].weight
        k, (h, before) = len(upper), lower.shape
        if h * k * before > _MAX_TOP:
            return None
        return (upper.T[:, :, None] * lower[:, None, :]).reshape(h, k * before)

    @cached_property
    def widest(self) -> int:
        """Return the width of the widest layer."""
        return max(self.widths)

    @cached_property
    def triangle(self) -> tuple[Any, Any]:
        """Return the indices of the pairs of inputs."""
        return np.triu_indices(self.n_in)

    @cached_property
    def pairs(self) -> Any:
        """Return the products (n_units, n_pairs) of all pairs of a unit's weights.

        They are those of the first layer; None if they are too many.
        """
        weight = self.layers[0].weight
        first, second = self.triangle
        if len(weight) * len(first) > _MAX_TOP:
            return None
        return weight[:, first] * weight[:, second]

    @cached_property
    def meeting(self) -> int:
        """Return the layer where adjoints from above meet tangents from below.

        0 is reverse mode, the number of layers is forward mode. The choice is that of
        the least cost, in multiplications.
        """
        costs = [self._cost(i) for i in range(len(self.layers) + 1)]
        return int(np.argmin(costs))

    def _cost(self, meeting: int) -> float:
        d, k, h = self.n_in, self.n_out, self.widths
        m = len(self.layers)
        above = _PASS * k * sum(h[meeting + 1 :])
        above += sum(k * h[i] * h[i - 1] for i in range(m, meeting, -1))
        if meeting == 0:
            return above
        below = _PASS * d * sum(h[1 : meeting + 1])
        below += sum(d * h[i] * h[i - 1] for i in range(2, meeting + 1))
        if meeting == m:
            return below + d * k * (h[m] + _PASS)
        return above + below + _SMALL * k * h[meeting] * d


def make_plan(function: nn.Module) -> Plan | None:
    """Return the plan of a map, or None if it is no feed-forward stack."""
    try:
        parts = list(_parts(function))
        n_lead = _n_lead(parts)
        n_trail = _n_lead(parts[n_lead:][::-1]) if n_lead < len(parts) else 0
        fold = _Fold()
        for part in parts[n_lead : len(parts) - n_trail]:
            fold.add(part)
    except _NotAStackError:
        return None
    lead = _composed(parts[:n_lead])
    trail = _composed(parts[len(parts) - n_trail :])
    return fold.plan(cast(int, function.n_in), lead, trail)


def _n_lead(parts: Sequence[_Part]) -> int:
    """Return how many parts there are up to the last elementwise one at the front."""
    n = 0
    for i, part in enumerate(parts):
        if isinstance(part, _Pointwise):
            n = i + 1
        elif not isinstance(part, _Affine) or part.weight.ndim == 2:
            break
    return n


def _composed(parts: Sequence[_Part]) -> nn.Module | None:
    sources = [p.source for p in parts if isinstance(p, _Affine | _Pointwise)]
    return nn.Sequential(*sources) if sources else None


class _NotAStackError(Exception):
    pass


@dataclass(frozen=True)
class _Affine:
    """(x - center) * weight + offset, or with a matrix; all in float64."""

    source: nn.Module
    weight: Array
    center: Array | None = None
    offset: Array | None = None


@dataclass(frozen=True)
class _Activation:
    kernels: tuple[Kernel, ...]


@dataclass(frozen=True)
class _Pointwise:
    source: nn.Module


@dataclass(frozen=True)
class _Skip:
    """The beginning of a network, and the weight of what goes past it to its end."""

    weight: Array | None = None


@dataclass(frozen=True)
class _Cast:
    dtype: torch.dtype
    device: torch.device


_Part = _Affine | _Activation | _Pointwise | _Skip | _Cast


def _parts(function: nn.Module) -> Iterator[_Part]:
    """Yield what a module consists of; raise where it is something else."""
    if _has_hooks(function):
        raise _NotAStackError
    if type(function) in (Sequential, nn.Sequential):
        children = function.maps if isinstance(function, Sequential) else function
        for child in cast(Iterable[nn.Module], children):
            yield from _parts(child)
    elif isinstance(function, Affine):
        center = None if function.center is None else _numpy(function.center)
        offset = None if function.offset is None else _numpy(function.offset)
        yield _Affine(function, _numpy(function.weight), center, offset)
    elif isinstance(function, Elementwise | Interpolation):
        if getattr(function, "function", None) is not identity:
            yield _Pointwise(function)
    elif isinstance(function, Network):
        yield from _network_parts(function)
    else:
        yield from _layer_parts(function)


def _network_parts(network: Network) -> Iterator[_Part]:
    tensors = [*network.module.parameters(), *network.module.buffers()]
    if any(t.is_floating_point() and t.dtype != network.dtype for t in tensors):
        raise _NotAStackError
    yield _Cast(network.dtype, tensors[0].device)
    yield from _parts(network.module)


def _layer_parts(module: nn.Module) -> Iterator[_Part]:
    kind = type(module)  # subclasses may do something else
    if kind is FeedForward:
        module = cast(FeedForward, module)
        yield _Skip()
        yield from _parts(module.layers)
        if module.skip is not None:
            yield _Skip(_numpy(module.skip.weight))
    elif kind is nn.Linear:
        module = cast(nn.Linear, module)
        bias = None if module.bias is None else _numpy(module.bias)
        yield _Affine(module, _numpy(module.weight), None, bias)
    elif kind is Mixed:
        kinds = cast(Mixed, module).kinds
        yield _Activation(tuple(_kernel(part) for part in kinds))
    elif kind not in (nn.Dropout, nn.Identity):
        yield _Activation((_kernel(module),))


def _kernel(activation: nn.Module) -> Kernel:
    kind = type(activation)
    usual = _CONSTANTS.get(kind, {})
    if kind not in KERNELS or any(
        getattr(activation, name) != value for name, value in usual.items()
    ):
        raise _NotAStackError
    return KERNELS[kind]


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _numpy(tensor: torch.Tensor) -> Array:
    return tensor.detach().cpu().double().numpy()


class _Fold:
    """Multiplies out affine maps as they come."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.center: Array | None = None
        # what the units of the last layer are multiplied with; None is the identity
        self.weight: Array | None = None
        self.offset: Array | float = 0.0
        self.before: tuple[Array | None, Array | float] | None = None
        self.skip: Array | None = None
        self.dtype = torch.float64
        self.device = torch.device("cpu")

    def add(self, part: _Part) -> None:
        """Append a part."""
        if isinstance(part, _Affine):
            self._add_affine(part)
        elif isinstance(part, _Activation) and self.skip is None:
            self._add_layer(part)
        elif isinstance(part, _Cast) and not self.layers:
            self.dtype, self.device = part.dtype, part.device
        elif isinstance(part, _Skip):
            self._add_skip(part)
        else:
            raise _NotAStackError

    def _add_affine(self, part: _Affine) -> None:
        offset = self.offset
        if part.center is not None:
            if self.layers or self.weight is not None:
                offset = offset - part.center
            else:
                self.center = part.center
        if part.weight.ndim == 1:
            self.offset = part.weight * offset
        elif isinstance(offset, float):
            self.offset = 0.0
        else:
            self.offset = part.weight @ offset
        self.offset = self.offset + (0.0 if part.offset is None else part.offset)
        self.weight = _product(part.weight, self.weight)
        if self.skip is not None:
            self.skip = _product(part.weight, self.skip)

    def _add_layer(self, part: _Activation) -> None:
        if self.weight is None:
            raise _NotAStackError
        weight = _matrix(self.weight)
        bias = np.broadcast_to(self.offset, len(weight)).copy()
        m = len(part.kernels)
        cuts = np.cumsum([0, *(len(c) for c in np.array_split(bias, m))]).tolist()
        places = [slice(a, b) for a, b in pairwise(cuts)]
        parts = tuple(zip(part.kernels, places, strict=True))
        self.layers.append(Layer(weight, bias, parts))
        self.weight, self.offset = None, 0.0

    def _add_skip(self, part: _Skip) -> None:
        if part.weight is None:
            self.before = None if self.layers else (self.weight, self.offset)
        elif self.before is None:
            raise _NotAStackError
        else:
            weight, offset = self.before
            if not isinstance(offset, float):
                self.offset = self.offset + part.weight @ offset
            skip = _matrix(_product(part.weight, weight))
            if self.layers:
                self.skip = skip
            else:
                assert self.weight is not None
                self.weight = _matrix(self.weight) + skip

    def plan(
        self, n_in: int, lead: nn.Module | None, trail: nn.Module | None
    ) -> Plan | None:
        """Return the plan; None for a dtype that has none."""
        if self.dtype not in _DTYPES:
            return None
        width = len(self.layers[-1].bias) if self.layers else n_in
        weight = _matrix(np.ones(width) if self.weight is None else self.weight)
        layers = tuple(
            replace(one, weight=self._ready(one.weight), bias=self._ready(one.bias))
            for one in self.layers
        )
        skip = None if self.skip is None else self._ready(self.skip)
        offset = np.broadcast_to(self.offset, len(weight)).copy()
        parts = (lead, self.center, layers, self._ready(weight), skip, offset, trail)
        return Plan(*parts, _DTYPES[self.dtype], self.device)

    def _ready(self, array: Array) -> Any:
        """Return an array as the layers need it."""
        ready: NDArray[Any] = np.ascontiguousarray(array, _DTYPES[self.dtype])
        if self.device.type == "cpu":
            return ready
        return torch.from_numpy(ready).to(self.device)


def _product(left: Array, right: Array | None) -> Array:
    """Return the product of two matrices, where a vector stands for a diagonal one."""
    if right is None:
        return left
    if left.ndim == 1:
        return left * right if right.ndim == 1 else left[:, None] * right
    return left * right if right.ndim == 1 else left @ right


def _matrix(weight: Array) -> Array:
    return np.diag(weight) if weight.ndim == 1 else weight
