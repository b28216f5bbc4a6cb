"""What stands before and after the regressor that knows a standard deviation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import getattr_static
from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from .._converters import Bound
from .._maps import Map, Sequential
from .._sklearn_compat import BaseSearchCV

# what is a regressor by another one, and where that is
_INNER: dict[type, str] = {
    BaseSearchCV: "best_estimator_",
    FrozenEstimator: "estimator",
    Pipeline: "steps",
    TransformedTargetRegressor: "regressor_",
}


@dataclass(frozen=True)
class Chain:
    """A regressor between maps.

    Attributes
    ----------
    regressor : estimator
    before, after : tuple of Map
        From raw rows to the regressor, and from its predictions to raw ones.
    """

    regressor: Any
    before: tuple[Map, ...] = ()
    after: tuple[Map, ...] = ()


def composed(maps: Sequence[Map]) -> Map:
    """Return maps one after the other, at least one, in one."""
    return Sequential(maps, maps[0].n_in)


def regressor_of(fitted: Any) -> Any:
    """Return what is at the end of pipelines, searches and transformed targets."""
    inner = nearest(_INNER, fitted)
    if inner is None:
        return fitted
    found = getattr(fitted, inner)
    return regressor_of(found[-1][1] if inner == "steps" else found)


def chain_of(regressor: Any, bound: Bound) -> Chain:
    """Return what a bound map does before and after one of its regressors."""
    own = next(function for child, function in bound.maps if child is regressor)
    parts, inner = _parts(bound.function), _parts(own)
    start = next(i for i, part in enumerate(parts) if part is inner[0])
    return Chain(regressor, tuple(parts[:start]), tuple(parts[start + len(inner) :]))


def _parts(function: Any) -> list[Any]:
    return function.parts() if isinstance(function, Sequential) else [function]


def nearest(table: dict[type, Any], fitted: Any) -> Any:
    """Return the entry of a class or ancestor whose predict has not been overridden."""
    kind = type(fitted)
    for ancestor in kind.__mro__:
        if ancestor in table:
            own, known = (getattr_static(c, "predict", None) for c in (kind, ancestor))
            return table[ancestor] if own is known else None
    return None
