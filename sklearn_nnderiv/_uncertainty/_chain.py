"""What stands before and after the regressor that knows a standard deviation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from inspect import getattr_static
from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline

from .._converters import convert
from .._maps import Map, Sequential


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


def chain_of(fitted: Any) -> Chain:
    """Take pipelines, searches and transformed targets apart."""
    opener = nearest(_OPENERS, fitted)
    return Chain(fitted) if opener is None else opener(fitted)


def nearest(table: dict[type, Any], fitted: Any) -> Any:
    """Return the entry of a class or ancestor whose predict has not been overridden."""
    kind = type(fitted)
    for ancestor in kind.__mro__:
        if ancestor in table:
            own, known = (getattr_static(c, "predict") for c in (kind, ancestor))
            return table[ancestor] if own is known else None
    return None


def _open_pipeline(fitted: Pipeline) -> Chain:
    steps = [step for _, step in fitted.steps if step not in (None, "passthrough")]
    inner = chain_of(steps[-1])
    before = [convert(step, "transform") for step in steps[:-1]]
    return replace(inner, before=(*before, *inner.before))


def _open_search(fitted: Any) -> Chain:
    return chain_of(fitted.best_estimator_)


def _open_transformed_target(fitted: TransformedTargetRegressor) -> Chain:
    inner = chain_of(fitted.regressor_)
    back = convert(fitted.transformer_, "inverse_transform")
    return replace(inner, after=(*inner.after, back))


_OPENERS: dict[type, Callable[[Any], Chain]] = {
    GridSearchCV: _open_search,
    Pipeline: _open_pipeline,
    RandomizedSearchCV: _open_search,
    TransformedTargetRegressor: _open_transformed_target,
}
