"""From a map to its plan: neighbouring affine maps are multiplied out in float64."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .._maps import Affine
from .._validation import Array, Index
from ._parts import (
    ActivationPart,
    AffinePart,
    CastPart,
    NotAStackError,
    Part,
    PointwisePart,
    SelectPart,
    SkipPart,
    parts_of,
)
from ._plan import Layer, Plan

_LARGE = 1e10
_DTYPES = {torch.float32: np.float32, torch.float64: np.float64}


def make_plan(function: nn.Module) -> Plan | None:
    """Return the plan of a map, or None if it is no feed-forward stack."""
    try:
        columns, parts = _select_first(list(parts_of(function)))
        n_lead = _n_lead(parts)
        n_trail = _n_lead(parts[n_lead:][::-1]) if n_lead < len(parts) else 0
        fold = _Fold()
        for part in parts[n_lead : len(parts) - n_trail]:
            fold.add(part)
    except NotAStackError:
        return None
    lead = _composed(parts[:n_lead])
    trail = _composed(parts[len(parts) - n_trail :])
    n_in = cast(int, function.n_in) if columns is None else len(columns)
    plan = fold.plan(n_in, lead, trail)
    return None if plan is None else replace(plan, columns=columns)


def _select_first(parts: list[Part]) -> tuple[Index | None, list[Part]]:
    """Return which columns to take at first, and parts that select none any more.

    Selections are moved to the front, past scalers, or into a matrix.
    """
    columns: Index | None = None
    done: list[Part] = []
    for part in parts:
        if not isinstance(part, SelectPart):
            done.append(part)
            continue
        taken: Index | None = part.columns
        for i in reversed(range(len(done))):
            done[i] = _restricted(done[i], cast(Index, taken))
            if cast(AffinePart, done[i]).weight.ndim > 1:
                taken = None
                break
        if taken is not None:
            columns = taken if columns is None else columns[taken]
    if columns is not None and not 0 < len(columns) == len(np.unique(columns)):
        raise NotAStackError
    return columns, done


def _restricted(part: Part, columns: Index) -> Part:
    """Return an affine map with some of its outputs."""
    if not isinstance(part, AffinePart):
        raise NotAStackError
    weight, offset, center = part.weight[columns], part.offset, part.center
    if offset is not None:
        offset = offset[columns]
    if center is not None and weight.ndim == 1:
        center = center[columns]
    return AffinePart(Affine(weight, center, offset), weight, center, offset)


def _n_lead(parts: Sequence[Part]) -> int:
    """Return how many parts there are up to the last elementwise one at the front."""
    n = 0
    for i, part in enumerate(parts):
        if isinstance(part, PointwisePart):
            n = i + 1
        elif not isinstance(part, AffinePart) or part.weight.ndim == 2:
            break
    return n


def _composed(parts: Sequence[Part]) -> nn.Module | None:
    # copies that share their tensors: an engine must not keep its own map alive
    sources = [
        copy.copy(part.source)
        for part in parts
        if isinstance(part, AffinePart | PointwisePart)
    ]
    return nn.Sequential(*sources) if sources else None


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

    def add(self, part: Part) -> None:
        """Append a part."""
        if isinstance(part, AffinePart):
            self._add_affine(part)
        elif isinstance(part, ActivationPart) and self.skip is None:
            self._add_layer(part)
        elif isinstance(part, CastPart) and not self.layers:
            self.dtype, self.device = part.dtype, part.device
            if part.dtype == torch.float32:
                self._center_first()
        elif isinstance(part, SkipPart):
            self._add_skip(part)
        else:
            raise NotAStackError

    def _add_affine(self, part: AffinePart) -> None:
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

    def _center_first(self) -> None:
        """Subtract in float64 what was to be added to the scaled input.

        Float32 would lose the digits of inputs that vary little about a large mean.
        """
        if self.weight is None:
            return
        if self.weight.ndim > 1:  # sums, of which float32 would leave the rounding
            raise NotAStackError
        if not _are_moderate(self.weight):
            raise NotAStackError
        known = self.weight != 0
        offset = np.broadcast_to(self.offset, self.weight.shape)
        shift = offset / np.where(known, self.weight, np.inf)
        self.center = (0.0 if self.center is None else self.center) - shift
        self.offset = np.where(known, 0.0, offset)

    def _add_layer(self, part: ActivationPart) -> None:
        if self.weight is None:
            raise NotAStackError
        weight = _matrix(self.weight)
        bias = np.broadcast_to(self.offset, len(weight)).copy()
        m = len(part.kernels)
        cuts = np.cumsum([0, *(len(c) for c in np.array_split(bias, m))]).tolist()
        places = [slice(a, b) for a, b in pairwise(cuts)]
        parts = tuple(zip(part.kernels, places, strict=True))
        self.layers.append(Layer(weight, bias, parts))
        self.weight, self.offset = None, 0.0

    def _add_skip(self, part: SkipPart) -> None:
        if part.weight is None:
            self.before = None if self.layers else (self.weight, self.offset)
        elif self.before is None:
            raise NotAStackError
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
        single = self.dtype == torch.float32
        if single and not _are_moderate(abs(weight).max(axis=1)):
            return None
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


def _are_moderate(scales: Array) -> bool:
    """Whether second derivatives fit into float32, in units of such sizes."""
    sizes = abs(scales[scales != 0])
    return bool((sizes < _LARGE).all() and (sizes > 1 / _LARGE).all())


def _product(left: Array, right: Array | None) -> Array:
    """Return the product of two matrices, where a vector stands for a diagonal one."""
    if right is None:
        return left
    if left.ndim == 1:
        return left * right if right.ndim == 1 else left[:, None] * right
    return left * right if right.ndim == 1 else left @ right


def _matrix(weight: Array) -> Array:
    return np.diag(weight) if weight.ndim == 1 else weight
