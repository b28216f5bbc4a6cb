"""Checks of the options that analyses share."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Real
from typing import Any

import numpy as np
from scipy.special import ndtri


def quantile_of(level: Any) -> float:
    """Return the normal quantile by which an interval extends, in standard errors.

    Raises
    ------
    ValueError
        Unless the level is between 0 and 1.
    """
    is_number = isinstance(level, Real) and not isinstance(level, bool)
    if not (is_number and 0 < level < 1):
        raise ValueError(f"`level` must be a number between 0 and 1. Got {level!r}.")
    return float(ndtri(0.5 + float(level) / 2))


def check_count(count: Any, name: str, least: int, most: int = 2**30) -> int:
    """Return a whole number in a range, checked."""
    is_int = isinstance(count, int | np.integer) and not isinstance(count, bool)
    if not (is_int and least <= count <= most):
        raise ValueError(
            f"`{name}` must be an integer from {least} to {most}. Got {count!r}."
        )
    return int(count)


def check_choice(name: str, given: Any, allowed: Iterable[Any]) -> None:
    """Raise unless a parameter has one of the values that are allowed."""
    allowed = list(allowed)
    if given not in allowed:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, allowed))}. Got {given!r} "
            "instead."
        )
