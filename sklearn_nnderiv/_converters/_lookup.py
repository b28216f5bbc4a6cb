"""What is known of a class: its converter, or why there is none."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from inspect import getattr_static
from typing import Any, Literal, get_args

from .._maps import Map
from ..exceptions import NotConvertibleError
from ._groups import BOUND, REFUSED, Refusal

Role = Literal["transform", "inverse_transform", "predict"]
Group = Literal["converted", "bound", "refused"]
Converter = Callable[[Any], Map]

ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True)
class Composition:
    """A converter of what has parts, which are converted in their turn.

    Attributes
    ----------
    convert : callable
        From the fitted object and the `Source` of its columns to a `Part`.
    """

    convert: Callable[[Any, Any], Any]


Entry = Converter | Composition
REGISTRY: dict[str, dict[type | str, Entry]] = {role: {} for role in ROLES}
# counterparts in torch of what a FunctionTransformer applies
FUNCTIONS: dict[Any, tuple[Any, Any]] = {}


def register_composition(
    class_or_name: type | str, role: Role
) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Register the function (fitted, source) -> Part for what has parts."""

    def register(convert: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        REGISTRY[role][class_or_name] = Composition(convert)
        return convert

    return register


def group_of(cls: type, role: Role) -> Group | None:
    """Return how a class is dealt with in a role, or None if it is unknown.

    It is unknown, too, if it overrides a method that is known of its ancestor.
    """
    group, ancestor, _ = _find(cls, role)
    if group == "converted" and _overrides(cls, ancestor, role):
        return None
    return group


def lookup(fitted: Any, role: Role) -> Entry:
    """Return what converts a method of a fitted object; raise if there is nothing."""
    cls = type(fitted)
    full_name = f"{cls.__module__}.{cls.__qualname__}"
    remedy = f"Register a converter with @register_converter({cls.__name__}, {role!r})."
    _, ancestor, entry = _find(cls, role)
    if isinstance(entry, Refusal):
        raise NotConvertibleError(
            f"{role!r} of {full_name} cannot be converted to torch: {entry.reason}. "
            f"{entry.remedy}"
        )
    if isinstance(entry, str):
        raise NotConvertibleError(
            f"{role!r} of {full_name} returns {entry}, which have no derivative, and "
            "is evaluated by scikit-learn for rows that are given. Use jacobian or its "
            "kin, which are given rows, on the whole estimator."
        )
    if entry is None or ancestor is None:
        raise NotConvertibleError(
            f"{role!r} of {full_name} cannot be converted to torch, so its derivative "
            f"is not known. {remedy} Known are: {', '.join(_known(role))}."
        )
    if _overrides(cls, ancestor, role):
        raise NotConvertibleError(
            f"{full_name} overrides {role!r} of {ancestor.__name__}, whose converter "
            f"would not know what it does. {remedy}"
        )
    return entry


def _overrides(cls: type, ancestor: Any, role: Role) -> bool:
    return getattr_static(cls, role, None) is not getattr_static(ancestor, role, None)


def _known(role: Role) -> list[str]:
    keys = REGISTRY[role]
    return sorted(key if isinstance(key, str) else key.__name__ for key in keys)


def _find(
    cls: type, role: Role
) -> tuple[Group | None, type | None, Entry | Refusal | str | None]:
    """Return the group of the nearest ancestor that is known, it, and its entry."""
    bound = BOUND if role == "transform" else {}
    # a registration wins over the tables
    tables: list[tuple[Group, dict[Any, Any]]] = [
        ("converted", REGISTRY[role]),
        ("bound", bound),
        ("refused", REFUSED[role]),
    ]
    by_class = [(group, _by_class(table)) for group, table in tables]
    for ancestor in cls.__mro__:
        for group, table in by_class:
            if ancestor in table:
                return group, ancestor, table[ancestor]
    return None, None, None


def _by_class(table: dict[Any, Any]) -> dict[Any, Any]:
    """Return a table with classes in place of dotted names; a class itself wins."""
    named = {_imported(key): v for key, v in table.items() if isinstance(key, str)}
    return named | {key: v for key, v in table.items() if not isinstance(key, str)}


def _imported(dotted_name: str) -> object:
    """Return the class of that name if its module has been imported already."""
    module, _, name = dotted_name.rpartition(".")
    # some modules import more when they are asked for a name
    return vars(sys.modules.get(module, object)).get(name)
