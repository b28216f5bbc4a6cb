"""What a step is given, and how it is converted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from numbers import Integral
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import FunctionTransformer
from torch import nn

from .._maps import Map, Smoothness
from .._sklearn_compat import columns_of
from ..exceptions import NotConvertibleError
from ._binding import Binding, Feed
from ._lookup import Composition, Converter, Role, group_of, lookup
from ._part import Part
from ._reach import Reach, passed_on


@dataclass
class Trail:
    """What all steps of a conversion share.

    Attributes
    ----------
    binding : Binding or None
        None without rows.
    leaves : list of (object, columns)
        What was converted that is given raw columns, and which.
    maps : list of (object, Map)
        What was converted that has no parts, and to which map.
    """

    binding: Binding | None = None
    leaves: list[tuple[Any, Any]] = field(default_factory=list)
    maps: list[tuple[Any, Map]] = field(default_factory=list)


@dataclass(frozen=True, eq=False)
class Source:
    """The columns that a step is given.

    Attributes
    ----------
    trail : Trail
    width : int or None
        Their number, None if it is not known.
    is_number : ndarray of bool, or None
        Which are numbers; None if all are.
    feed : Feed or None
        How scikit-learn makes them of the rows at hand; None without rows.
    reaching : callable or None
        Returns which raw columns each of them depends on.
    raw : slice, ndarray of int or None
        Which raw columns they are; None if they are made of these.
    """

    trail: Trail
    width: int | None = None
    is_number: NDArray[np.bool_] | None = None
    feed: Feed | None = None
    reaching: Callable[[], Reach] | None = None
    raw: Any = None

    @classmethod
    def unknown(cls) -> Source:
        """Return the source of the whole input, without rows."""
        return cls(Trail(), raw=slice(None))

    @classmethod
    def of_rows(cls, binding: Binding, is_number: NDArray[np.bool_]) -> Source:
        """Return the source of the whole input, given rows."""
        width = len(is_number)
        return cls(
            Trail(binding),
            width,
            is_number,
            Feed(),
            lambda: np.eye(width, dtype=bool),
            slice(None),
        )

    @property
    def rows(self) -> Any:
        """Return the first of the rows as the step is given them, None without rows."""
        binding = self.trail.binding
        return None if self.feed is None or binding is None else binding.head(self.feed)

    @cached_property
    def reach(self) -> Reach:
        """Return which raw columns each column depends on."""
        assert self.reaching is not None
        return self.reaching()

    def part(self, child: Any, role: Role, place: str = "") -> Part:
        """Convert a method of what is given these columns.

        Parameters
        ----------
        child : object
            Fitted.
        role : {"transform", "inverse_transform", "predict"}
        place : str
            What the child is, for messages: "step 'x' of the Pipeline".
        """
        try:
            part = self._part(child, role)
        except NotConvertibleError as error:
            if place:
                error.args = (f"{place}: {error}",)
            raise
        if self.width not in (None, part.width):
            raise ValueError(
                f"X has {self.width} features, but {type(child).__name__} is expecting "
                f"{part.width} features as input."
            )
        return part

    def _part(self, child: Any, role: Role) -> Part:
        if role == "transform":
            if _is_passthrough(child) and self.width is not None:
                return self.passed()
            if self._is_bound(child):
                return self.bound(child)
        entry = lookup(child, role)
        if isinstance(entry, Composition):
            return entry.convert(child, self)
        return self.converted(child, entry)

    def converted(self, child: Any, converter: Converter) -> Part:
        """Return the part of what has no parts of its own."""
        if self.is_number is not None and not self.is_number.all():
            raise NotConvertibleError(
                f"{type(child).__name__} is given columns that are not numbers, by "
                "which nothing can be differentiated. Encode them first."
            )
        if self.raw is not None:
            self.trail.leaves.append((child, self.raw))
        function = _checked(converter(child), type(child))
        self.trail.maps.append((child, function))
        return Part.of(function)

    def _is_bound(self, child: Any) -> bool:
        """Whether scikit-learn is to evaluate the child for the rows at hand."""
        if self.feed is None or self.is_number is None:
            return False
        group = group_of(type(child), "transform")
        if group == "bound" or (self.width and not self.is_number.any()):
            return True
        return (
            group == "converted"
            and not self.is_number.all()
            and not isinstance(lookup(child, "transform"), Composition)
        )

    def bound(self, child: Any, *, only_gaps: bool | None = None) -> Part:
        """Have scikit-learn evaluate a child, and return the part of its constants.

        Parameters
        ----------
        child : object
            A fitted transformer.
        only_gaps : bool, default=None
            By default, the columns have no derivative from now on. With True, only
            rows in which one is missing have none; with False, all have theirs.
        """
        binding, feed = self.trail.binding, self.feed
        assert binding is not None
        assert feed is not None
        reach = np.logical_or.reduce(self.reach, axis=0)
        if only_gaps:
            binding.gaps.append((feed, np.broadcast_to(reach, self.reach.shape)))
        if only_gaps is not None:
            reach = np.zeros_like(reach)
        columns, is_number = binding.add(feed.then(child.transform), reach)
        return Part.selecting(columns, cast(int, self.width), is_number)

    def mark_gaps(self, make: Callable[[Any], Any]) -> None:
        """Take the columns for missing where `make` returns NaN for given rows."""
        if self.trail.binding is not None and self.feed is not None:
            self.trail.binding.gaps.append((self.feed.then(make), self.reach))

    def passed(self) -> Part:
        """Return the part that returns the columns as they are."""
        assert self.width is not None
        is_number = self.is_number
        if is_number is None:
            is_number = np.ones(self.width, dtype=bool)
        return Part.selecting(range(self.width), self.width, is_number)

    def selected(self, columns: Sequence[int], *, as_one: bool = False) -> Source:
        """Return some of the columns.

        Parameters
        ----------
        columns : sequence of int
        as_one : bool, default=False
            Whether scikit-learn hands over a single column as a vector.
        """
        chosen = np.asarray(columns, dtype=np.int64)
        feed = self.feed
        if feed is not None:
            taken = int(chosen[0]) if as_one else chosen
            feed = feed.then(partial(columns_of, columns=taken))
        raw = self.raw
        if raw is not None:
            raw = chosen if isinstance(raw, slice) else raw[chosen]
        return replace(
            self,
            width=len(chosen),
            is_number=None if self.is_number is None else self.is_number[chosen],
            feed=feed,
            reaching=lambda: self.reach[chosen],
            raw=raw,
        )

    def after(self, part: Part, make: Callable[[Any], Any] | None = None) -> Source:
        """Return what the next step is given.

        Parameters
        ----------
        part : Part
            Converted from this source.
        make : callable, default=None
            How scikit-learn makes the rows of the next step of the rows of this one;
            not needed where the next is not to be bound.
        """
        feed = None if self.feed is None or make is None else self.feed.then(make)
        return Source(
            self.trail,
            part.n_out,
            part.is_number,
            feed,
            lambda: self._passed_on(part),
        )

    def as_array(self, width: int) -> Source:
        """Return the same columns, of known number, handed over as an array."""
        source = self.of_width(width)
        if source.feed is None:
            return source
        return replace(source, feed=source.feed.then(_array))

    def of_width(self, width: int) -> Source:
        """Return the same columns, checked to be as many as a step expects."""
        if self.width not in (None, width):
            raise ValueError(
                f"X has {self.width} features, but {width} are expected as input."
            )
        return replace(self, width=width)

    def _passed_on(self, part: Part) -> Reach:
        """Return which raw columns each output of a part depends on."""
        binding = self.trail.binding
        assert binding is not None
        rows = [self.reach[c] if c >= 0 else binding.reach[~c] for c in part.columns]
        reach = np.array(rows, dtype=bool).reshape(len(rows), -1)
        return reach if part.function is None else passed_on(part.function, reach)


def _is_passthrough(child: Any) -> bool:
    """Whether a transformer returns what it is given."""
    if type(child) is FunctionTransformer:
        return child.func is None
    return isinstance(child, str) and child == "passthrough"


def _array(rows: Any) -> Any:
    return rows if hasattr(rows, "toarray") else np.asarray(rows)


def _checked(function: Any, cls: type) -> Map:
    """Raise unless a converter has returned what it promises."""
    smoothness = getattr(function, "smoothness", None)
    sizes = [getattr(function, name, None) for name in ("n_in", "n_out")]
    if (
        not isinstance(function, nn.Module)
        or smoothness not in get_args(Smoothness)
        or not all(isinstance(size, Integral) for size in sizes)
    ):
        raise TypeError(
            f"The converter of {cls.__module__}.{cls.__qualname__} must return a "
            "torch.nn.Module with integers n_in and n_out and a smoothness of "
            f"{get_args(Smoothness)}. Got {type(function).__name__} with "
            f"n_in={sizes[0]}, n_out={sizes[1]}, smoothness={smoothness!r} instead."
        )
    return cast(Map, function)
