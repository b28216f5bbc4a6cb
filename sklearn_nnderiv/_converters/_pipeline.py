"""Pipeline, FeatureUnion and FrozenEstimator."""

from collections.abc import Sequence
from typing import Any

from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import FeatureUnion, Pipeline

from ..exceptions import NotConvertibleError
from ._lookup import Role, register_composition
from ._part import Part, beside, composed
from ._source import Source


def _chain(
    steps: Sequence[tuple[str, Any]], roles: Sequence[Role], source: Source
) -> Part:
    """Return steps one after the other, each in its role."""
    result: Part | None = None
    for (name, step), role in zip(steps, roles, strict=True):
        if step in (None, "passthrough"):
            continue
        part = source.part(step, role, f"step {name!r} of the Pipeline")
        result = part if result is None else composed(result, part)
        source = source.after(part, step.transform if role == "transform" else None)
    if result is not None:
        return result
    if source.width is not None:
        return source.passed()
    raise NotConvertibleError(
        "The Pipeline has no step but 'passthrough', so the number of its columns is "
        "not known. Use 'passthrough' itself in its place."
    )


@register_composition(Pipeline, "transform")
def _pipeline(fitted: Pipeline, source: Source) -> Part:
    return _chain(fitted.steps, ["transform"] * len(fitted.steps), source)


@register_composition(Pipeline, "inverse_transform")
def _pipeline_inverse(fitted: Pipeline, source: Source) -> Part:
    steps = fitted.steps[::-1]
    return _chain(steps, ["inverse_transform"] * len(steps), source)


@register_composition(Pipeline, "predict")
def _pipeline_predict(fitted: Pipeline, source: Source) -> Part:
    roles: list[Role] = ["transform"] * (len(fitted.steps) - 1)
    return _chain(fitted.steps, [*roles, "predict"], source)


@register_composition(FeatureUnion, "transform")
def _feature_union(fitted: FeatureUnion, source: Source) -> Part:
    weights = fitted.transformer_weights or {}
    parts = []
    for name, child in fitted.transformer_list:
        if isinstance(child, str) and child == "drop":
            continue
        place = f"branch {name!r} of the FeatureUnion"
        part = source.part(child, "transform", place)
        parts.append(part.weighted(weights.get(name)))
    return beside(parts, source.width)


@register_composition(FrozenEstimator, "transform")
def _frozen(fitted: FrozenEstimator, source: Source) -> Part:
    return source.part(fitted.estimator, "transform")


@register_composition(FrozenEstimator, "inverse_transform")
def _frozen_inverse(fitted: FrozenEstimator, source: Source) -> Part:
    return source.part(fitted.estimator, "inverse_transform")


@register_composition(FrozenEstimator, "predict")
def _frozen_predict(fitted: FrozenEstimator, source: Source) -> Part:
    return source.part(fitted.estimator, "predict")
