"""A feed-forward stack between scalers, folded into as few products as there are.

    x - center -> weight, bias -> activation -> ... -> weight, offset

All affine maps that follow one another are multiplied out in float64. The center is
subtracted, and the offset added, in float64 too, whatever the dtype of the network:
where data vary little about a large mean, float32 would lose the digits that matter.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from .._elementwise.kernels import Kernel
from .._validation import Array

Parts = tuple[tuple[Kernel, slice], ...]

# numbers in the product of the last two weights, and of the first two, which is read
# again for every few rows
_MAX_TOP, _MAX_BOTTOM = 1_000_000, 250_000
# multiplications in the time of a pass over one number, and the factor of the cost of
# products that are small, one for every row
_PASS, _SMALL = 8.0, 4.0


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
    columns : ndarray of int, or None
        Which columns of the map's input are that of all this; None for all of them.
    active : ndarray of int, or None
        By which of these derivatives are taken; None for all of them.
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
    columns: Any = None
    active: Any = None

    @cached_property
    def n_in(self) -> int:
        """Return the number of inputs."""
        return int((self.layers[0].weight if self.layers else self.weight).shape[1])

    @cached_property
    def n_out(self) -> int:
        """Return the number of outputs."""
        return len(self.offset)

    def restricted(self, n_active: int) -> Plan | None:
        """Return the plan of derivatives by so many of the first columns, if any."""
        columns = np.arange(self.n_in) if self.columns is None else self.columns
        active = np.flatnonzero(columns < n_active)
        if not len(active):
            return None
        return self if len(active) == len(columns) else replace(self, active=active)

    @cached_property
    def by_active(self) -> Plan:
        """Return the plan that derivatives come from: of the active inputs alone."""
        if self.active is None:
            return self
        skip = None if self.skip is None else self.skip[:, self.active]
        if not self.layers:
            weight = self.weight[:, self.active]
            return replace(self, weight=weight, skip=skip, active=None)
        first, *others = self.layers
        first = replace(first, weight=_contiguous(first.weight[:, self.active]))
        return replace(self, layers=(first, *others), skip=skip, active=None)

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
    def bottom(self) -> Any:
        """Return the first two products in one, or None if that is too large.

        It is (n_units, n_units_above, n_in): times the slopes of the first layer, it
        gives the derivative of what the second is given by the inputs.
        """
        if len(self.layers) < 2:
            return None
        lower, upper = self.layers[0].weight, self.layers[1].weight
        if lower.shape[0] * lower.shape[1] * len(upper) > _MAX_BOTTOM:
            return None
        return upper.T[:, :, None] * lower[:, None, :]

    @cached_property
    def meeting(self) -> int:
        """Return the layer where adjoints from above meet tangents from below.

        0 is reverse mode, the number of layers is forward mode. The choice is that of
        the least cost, in multiplications.
        """
        costs = [self._cost(i) for i in range(len(self.layers) + 1)]
        return int(np.argmin(costs))

    @property
    def n_first_order(self) -> int:
        """Return how many numbers of a row the sweeps of a Jacobian hold."""
        above = self.n_out * sum(self.widths[self.meeting + 1 :])
        return above + self.n_in * sum(self._tangents(self.meeting))

    def _tangents(self, stop: int) -> tuple[int, ...]:
        """Return the widths of the layers whose tangents are held on the way up."""
        first = 1 if stop < 2 or self.bottom is None else 2
        return self.widths[first : stop + 1]

    def _cost(self, meeting: int) -> float:
        d, k, h = self.n_in, self.n_out, self.widths
        m = len(self.layers)
        above = _PASS * k * sum(h[meeting + 1 :])
        above += sum(k * h[i] * h[i - 1] for i in range(m, meeting, -1))
        if meeting == 0:
            return above
        below = _PASS * d * sum(self._tangents(meeting))
        below += sum(d * h[i] * h[i - 1] for i in range(2, meeting + 1))
        if meeting == m:
            return below + d * k * (h[m] + _PASS)
        return above + below + _SMALL * k * h[meeting] * d


def _contiguous(array: Any) -> Any:
    return np.ascontiguousarray(array) if isinstance(array, np.ndarray) else array
