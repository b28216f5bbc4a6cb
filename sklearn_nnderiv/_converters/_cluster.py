"""Distances to clusters, and columns that are pooled."""

from typing import Any

import numpy as np
from sklearn.cluster import (
    Birch,
    BisectingKMeans,
    FeatureAgglomeration,
    KMeans,
    MiniBatchKMeans,
)

from .._maps import Affine, Concatenate, Distances, Map, Ranks, Select, Sequential
from ..exceptions import NotConvertibleError
from ._registry import register_converter

# scikit-learn multiplies the squares out, so that a distance of 0 may come out as the
# root of the rounding of the squares
_EXPANDED = 4 * float(np.sqrt(np.finfo(float).eps))


def _distances(points: Any) -> Map:
    function = Distances(points)
    function.tolerance = (_EXPANDED, 0.0)
    return function


@register_converter(KMeans, "transform")
@register_converter(MiniBatchKMeans, "transform")
@register_converter(BisectingKMeans, "transform")
def _k_means(fitted: Any) -> Map:
    return _distances(fitted.cluster_centers_)


@register_converter(Birch, "transform")
def _birch(fitted: Birch) -> Map:
    return _distances(fitted.subcluster_centers_)


def _weights_of_ranks(pooling: Any, n: int) -> Any:
    """Return what the least of n numbers counts, ..., the largest; None if unknown."""
    if pooling in (np.max, np.amax):
        return np.arange(n) == n - 1
    if pooling in (np.min, np.amin):
        return np.arange(n) == 0
    if pooling is np.median:
        middle = abs(2 * np.arange(n) - (n - 1)) <= 1
        return middle / middle.sum()
    return None


@register_converter(FeatureAgglomeration, "transform")
def _feature_agglomeration(fitted: FeatureAgglomeration) -> Map:
    pooling = fitted.pooling_func
    clusters, sizes = np.unique(fitted.labels_, return_counts=True)
    member = clusters[:, None] == fitted.labels_
    if pooling in (np.mean, np.average):
        return Affine(member / sizes[:, None])
    if pooling is np.sum:
        return Affine(member)
    if _weights_of_ranks(pooling, 1) is None:
        raise NotConvertibleError(
            f"FeatureAgglomeration with pooling_func={pooling!r} cannot be converted "
            "to torch. Use np.mean, np.sum, np.max, np.min or np.median."
        )
    return Concatenate(
        Sequential(
            [
                Select(np.flatnonzero(columns), len(columns)),
                Ranks(_weights_of_ranks(pooling, size)),
            ],
            len(columns),
        )
        for columns, size in zip(member, sizes, strict=True)
    )


@register_converter(FeatureAgglomeration, "inverse_transform")
def _feature_agglomeration_inverse(fitted: FeatureAgglomeration) -> Map:
    clusters, places = np.unique(fitted.labels_, return_inverse=True)
    return Select(places, len(clusters))
