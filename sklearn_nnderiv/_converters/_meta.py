"""Pipelines, searches and transformed targets: compositions of converted parts."""

from typing import Any

from sklearn.compose import TransformedTargetRegressor
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._maps import Map, Sequential
from ..exceptions import NotConvertibleError
from ._registry import convert, register_converter


def _steps(fitted: Pipeline) -> list[Any]:
    steps = [step for _, step in fitted.steps if step not in (None, "passthrough")]
    if not steps:
        raise NotConvertibleError(
            "The Pipeline has no step but 'passthrough', so the number of its columns "
            "is not known. Use 'passthrough' itself in its place."
        )
    return steps


def _chain(maps: list[Map]) -> Map:
    return Sequential(maps, maps[0].n_in)


@register_converter(Pipeline, "transform")
def _pipeline(fitted: Pipeline) -> Map:
    return _chain([convert(step, "transform") for step in _steps(fitted)])


@register_converter(Pipeline, "inverse_transform")
def _pipeline_inverse(fitted: Pipeline) -> Map:
    steps = reversed(_steps(fitted))
    return _chain([convert(step, "inverse_transform") for step in steps])


@register_converter(Pipeline, "predict")
def _pipeline_predict(fitted: Pipeline) -> Map:
    *transformers, regressor = _steps(fitted)
    maps = [convert(step, "transform") for step in transformers]
    return _chain([*maps, convert(regressor, "predict")])


@register_converter(GridSearchCV, "predict")
@register_converter(RandomizedSearchCV, "predict")
def _search(fitted: Any) -> Map:
    check_is_fitted(fitted, "best_estimator_")
    return convert(fitted.best_estimator_, "predict")


@register_converter(TransformedTargetRegressor, "predict")
def _transformed_target(fitted: TransformedTargetRegressor) -> Map:
    regressor = convert(fitted.regressor_, "predict")
    return _chain([regressor, convert(fitted.transformer_, "inverse_transform")])
