"""The engine of a map: its plan, and memory that calls reuse."""

from __future__ import annotations

import copy
from collections.abc import Callable
from operator import is_
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
import torch
from torch import nn

from .._maps import Map
from ._autodiff import AutodiffPass, forward_mode_pays
from ._closed_form import Pass
from ._columns import ColumnsPass
from ._fold import make_plan
from ._one_row import OneRow
from ._parts import CONSTANTS
from ._plan import Plan
from ._split import SplitPass, split_of
from ._workspace import Workspace

# bytes of scratch memory of a thread, which a cache holds, and bounds of the rows of a
# chunk; tensors on a GPU are larger
_SCRATCH = 6 * 2**20
_LEAST_ROWS, _MOST_ROWS = 16, 2048
_SCRATCH_ON_GPU, _MOST_ROWS_ON_GPU = 2**28, 2**17
# rows in a chunk of what only autodiff can differentiate, and numbers in its largest
# arrays
_AUTODIFF_ROWS, _AUTODIFF_NUMBERS = 1024, 2**17
# numbers of rows for which scratch memory is kept
_MOST_SIZES = 4

# elements of a tensor that are looked at
_MOST_SAMPLES = 16

_engines: WeakKeyDictionary[nn.Module, Engine] = WeakKeyDictionary()


AnyPass = Pass | ColumnsPass | SplitPass | AutodiffPass


class Engine:
    """Computes a map and its derivatives as the map was when the engine was made.

    Parameters
    ----------
    function : Map
    """

    def __init__(self, function: nn.Module) -> None:
        self.plan: Plan | None = make_plan(function)
        self.split = None if self.plan is not None else split_of(function)
        self._stamp = Stamp(function)
        self._given = ref(function)
        self._spaces: dict[int, list[Workspace]] = {}
        self._one_rows: list[OneRow] = []
        self._chunks: dict[int, int] = {}
        self._plans: dict[int, Plan | None] = {}

    @property
    def function(self) -> nn.Module:
        """Return the map in eval mode, a copy if a part of it is in train mode.

        In train mode, dropout would draw and batch norm would couple the rows.
        """
        function = self._given()
        assert function is not None
        if any(_may_train(module) for module in function.modules()):
            tensors = (*function.parameters(), *function.buffers())
            shared: dict[int, Any] = {id(tensor): tensor for tensor in tensors}
            return copy.deepcopy(function, shared).eval()
        return function

    @property
    def is_current(self) -> bool:
        """Whether no part of the map has been replaced or written to since."""
        return self._stamp.is_current

    def chunk(self, order: int) -> int:
        """Return how many rows to compute at a time."""
        if order not in self._chunks:
            self._chunks[order] = self._chunk(order)
        return self._chunks[order]

    def _chunk(self, order: int) -> int:
        plan = self.plan
        if plan is not None:
            return _closed_form_rows(plan, order)
        rows = _autodiff_rows(self._given())
        if self.split is not None and order < 2:
            rows = min(rows, _closed_form_rows(self.split.plan, 0))
        return rows

    def borrow(self, n_rows: int) -> Workspace | None:
        """Return scratch memory for so many rows, to be given back."""
        plan = self.plan if self.split is None else self.split.plan
        if plan is None:
            return None
        try:
            return self._spaces[n_rows].pop()
        except (KeyError, IndexError):
            return Workspace(n_rows, plan.dtype, plan.device)

    def give_back(self, space: Workspace | None) -> None:
        """Keep scratch memory for the next call."""
        if space is not None:
            if len(self._spaces) > _MOST_SIZES:
                self._spaces.clear()
            self._spaces.setdefault(space.n_rows, []).append(space)

    def borrow_one_row(self) -> OneRow | None:
        """Return what computes a single row fast, to be given back, if possible."""
        plan = self.plan
        if plan is None or plan.lead is not None or plan.trail is not None:
            return None
        if plan.columns is not None:
            return None
        if plan.device.type != "cpu":
            return None
        try:
            return self._one_rows.pop()
        except IndexError:
            return OneRow(plan)

    def give_back_one_row(self, one: OneRow) -> None:
        """Keep its memory for the next call."""
        self._one_rows.append(one)

    def passes(
        self, order: int, n_in: int, n_active: int | None = None
    ) -> Callable[[Any, Any], AnyPass]:
        """Return what computes derivatives up to an order, given memory and rows.

        They are by so many of the first of n_in inputs, by default by all.
        """
        n = n_in if n_active is None else n_active
        plan, split = self._plan_by(n), self.split
        if plan is None:
            function = self.function  # once, for it may be a copy
            if split is None or order > 1 or forward_mode_pays(split.plan.n_out, n):
                return lambda space, X: AutodiffPass(function, X, n_active)
            head, tail = split.head(function), split.plan
            return lambda space, X: SplitPass(head, tail, space, X, order, n_active)
        kind = Pass if plan.columns is None else ColumnsPass
        return lambda space, X: kind(plan, space, X, order)

    def _plan_by(self, n_active: int) -> Plan | None:
        """Return the plan of derivatives by so many of the first inputs.

        None if it takes in none of these.
        """
        if self.plan is not None and n_active not in self._plans:
            self._plans[n_active] = self.plan.restricted(n_active)
        return self._plans.get(n_active)


def _closed_form_rows(plan: Plan, order: int) -> int:
    """Return how many rows of a plan to compute at a time."""
    units = sum(plan.widths)
    numbers = 4 * units + plan.n_out
    if order == 1:
        numbers += plan.n_first_order
    if order == 2:
        numbers += (3 * plan.n_in + plan.n_out) * units
        numbers += plan.n_in**2 * plan.n_out
    on_gpu = plan.device.type != "cpu"
    scratch = _SCRATCH_ON_GPU if on_gpu else _SCRATCH
    rows = scratch // (numbers * np.dtype(plan.dtype).itemsize)
    most = _MOST_ROWS_ON_GPU if on_gpu else _MOST_ROWS
    return int(np.clip(rows, _LEAST_ROWS, most))


def _autodiff_rows(function: nn.Module | None) -> int:
    """Return how many rows of a map without a plan to compute at a time."""
    assert function is not None
    numbers = max(getattr(part, "numbers_per_row", 0) for part in function.modules())
    rows = _AUTODIFF_NUMBERS // max(1, numbers)
    return int(np.clip(rows, _LEAST_ROWS, _AUTODIFF_ROWS))


def _may_train(module: nn.Module) -> bool:
    """Whether a module is in train mode and not one of those without a mode."""
    return module.training and not isinstance(module, Map | nn.ModuleList)


def engine_of(function: nn.Module) -> Engine:
    """Return the engine of a map as it is now."""
    engine = _engines.get(function)
    if engine is None or not engine.is_current:
        engine = _engines[function] = Engine(function)
    return engine


class Stamp:
    """What tells whether a module, or anything in it, was replaced or written to.

    Torch does not count what is written through `Tensor.data`, so that some elements
    are looked at besides, where they are in memory.

    Parameters
    ----------
    function : Module
    """

    def __init__(self, function: nn.Module) -> None:
        self._sized: list[Any] = []
        self._owners: list[dict[str, Any]] = []
        self._names: list[str] = []
        self._parts: list[Any] = []
        self._tensors: list[torch.Tensor] = []
        self._samples: list[Any] = []
        for module in function.modules():
            self._add(module)
        self._before = self._state()

    def _add(self, module: nn.Module) -> None:
        own = vars(module)
        hooks = module._forward_hooks, module._forward_pre_hooks
        self._sized += [own, module._modules, *hooks]
        for name in CONSTANTS.get(type(module), ()):
            self._add_part(own, name)
        owners: list[Any] = [module._modules, module._parameters, module._buffers]
        for owner in owners:
            for name, part in owner.items():
                self._add_part(owner, name)
                if isinstance(part, torch.Tensor) and part.layout == torch.strided:
                    self._add_tensor(part)

    def _add_part(self, owner: dict[str, Any], name: str) -> None:
        self._owners.append(owner)
        self._names.append(name)
        self._parts.append(owner[name])

    def _add_tensor(self, tensor: torch.Tensor) -> None:
        if not tensor.is_inference():
            self._tensors.append(tensor)
        if tensor.device.type == "cpu" and tensor.numel():
            self._samples.append(_sample(tensor))

    @property
    def is_current(self) -> bool:
        """Whether nothing has changed."""
        # loops in C, for this is a good part of the time of a single row
        found = map(dict.get, self._owners, self._names)
        return all(map(is_, found, self._parts)) and self._state() == self._before

    def _state(self) -> tuple[list[Any], ...]:
        """Return what writing changes."""
        return (
            list(map(len, self._sized)),
            [tensor._version for tensor in self._tensors],
            list(map(torch.Tensor.data_ptr, self._tensors)),
            list(map(np.ndarray.tobytes, self._samples)),
        )


def _sample(tensor: torch.Tensor) -> Any:
    """Return a view of elements all over the memory of a tensor, of any dtype."""
    with torch.inference_mode(False):
        words = torch.empty(0, dtype=torch.uint8, device="cpu")
        words.set_(tensor.untyped_storage())
    first = tensor.storage_offset()
    sizes = zip(tensor.shape, tensor.stride(), strict=True)
    last = first + sum((size - 1) * stride for size, stride in sizes)
    elements = words.numpy().view(f"V{tensor.itemsize}")[first : last + 1]
    return elements[:: -(-len(elements) // _MOST_SAMPLES)]
