"""Ensembles of regressors."""

from typing import Any

import numpy as np
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingRegressor,
    StackingRegressor,
    VotingRegressor,
)

from .._maps import Affine, WeightedMedian
from ._lookup import register_composition
from ._part import Part, beside, composed
from ._source import Source


def _named(fitted: Any, source: Source) -> list[Part]:
    """Return the regressors of a Voting- or StackingRegressor."""
    names = [name for name, child in fitted.estimators if _is_kept(child)]
    return [
        source.part(
            child, "predict", f"estimator {name!r} of the {type(fitted).__name__}"
        )
        for name, child in zip(names, fitted.estimators_, strict=True)
    ]


def _is_kept(child: Any) -> bool:
    return not (isinstance(child, str) and child == "drop")


def _mean(parts: list[Part], weights: Any) -> Part:
    """Return the mean of parts of as many outputs each."""
    shares = np.asarray(weights, dtype=np.float64)
    weight = np.kron(shares / shares.sum(), np.eye(parts[0].n_out))
    return composed(beside(parts), Part.of(Affine(weight)))


@register_composition(VotingRegressor, "transform")
def _voting(fitted: VotingRegressor, source: Source) -> Part:
    return beside(_named(fitted, source))


@register_composition(VotingRegressor, "predict")
def _voting_predict(fitted: VotingRegressor, source: Source) -> Part:
    parts = _named(fitted, source)
    weights = fitted.weights
    if weights is None:
        return _mean(parts, np.ones(len(parts)))
    pairs = zip(fitted.estimators, weights, strict=True)
    return _mean(parts, [weight for (_, child), weight in pairs if _is_kept(child)])


@register_composition(StackingRegressor, "transform")
def _stacking(fitted: StackingRegressor, source: Source) -> Part:
    parts = _named(fitted, source)
    if fitted.passthrough:
        source = source.of_width(fitted.n_features_in_)
        parts.append(source.part("passthrough", "transform"))
    return beside(parts)


@register_composition(StackingRegressor, "predict")
def _stacking_predict(fitted: StackingRegressor, source: Source) -> Part:
    first = _stacking(fitted, source)
    last = source.after(first, fitted.transform).part(
        fitted.final_estimator_, "predict", "final estimator of the StackingRegressor"
    )
    return composed(first, last)


@register_composition(BaggingRegressor, "predict")
def _bagging(fitted: BaggingRegressor, source: Source) -> Part:
    width = fitted.n_features_in_
    source = source.as_array(width)
    parts = []
    for child, features in zip(
        fitted.estimators_, fitted.estimators_features_, strict=True
    ):
        columns = np.arange(width)[features].tolist()
        part = source.selected(columns).part(
            child, "predict", "estimator of the BaggingRegressor"
        )
        parts.append(part.placed(columns, width))
    return _mean(parts, np.ones(len(parts)))


@register_composition(AdaBoostRegressor, "predict")
def _ada_boost(fitted: AdaBoostRegressor, source: Source) -> Part:
    source = source.as_array(fitted.n_features_in_)
    parts = [
        source.part(child, "predict", "estimator of the AdaBoostRegressor")
        for child in fitted.estimators_
    ]
    # weights are allocated before it is known how many estimators there will be
    median = WeightedMedian(fitted.estimator_weights_[: len(parts)])
    return composed(beside(parts), Part.of(median))
