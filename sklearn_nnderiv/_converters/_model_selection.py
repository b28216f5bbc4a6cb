"""Searches: their best estimator."""

from typing import Any

from sklearn.utils.validation import check_is_fitted

from .._sklearn_compat import BaseSearchCV
from ._lookup import Role, register_composition
from ._part import Part
from ._source import Source


def _best(fitted: Any, role: Role, source: Source) -> Part:
    check_is_fitted(fitted, "best_estimator_")
    place = f"best estimator of the {type(fitted).__name__}"
    return source.part(fitted.best_estimator_, role, place)


@register_composition(BaseSearchCV, "transform")
def _search(fitted: Any, source: Source) -> Part:
    return _best(fitted, "transform", source)


@register_composition(BaseSearchCV, "inverse_transform")
def _search_inverse(fitted: Any, source: Source) -> Part:
    return _best(fitted, "inverse_transform", source)


@register_composition(BaseSearchCV, "predict")
def _search_predict(fitted: Any, source: Source) -> Part:
    return _best(fitted, "predict", source)
