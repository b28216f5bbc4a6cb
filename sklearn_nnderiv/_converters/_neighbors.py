"""Regressors by neighbours, and metric learning."""

from typing import Any

import numpy as np
from sklearn.neighbors import (
    KNeighborsRegressor,
    NeighborhoodComponentsAnalysis,
    RadiusNeighborsRegressor,
)

from .._maps import Affine, Map, NeighborMean
from .._sklearn_compat import neighbors_of
from ..exceptions import NotConvertibleError
from ._registry import register_converter

# the exponents of Minkowski's distance
_EXPONENTS = {
    "euclidean": 2.0,
    "l2": 2.0,
    "manhattan": 1.0,
    "cityblock": 1.0,
    "l1": 1.0,
    "chebyshev": np.inf,
    "infinity": np.inf,
    "minkowski": None,
    "p": None,
}


def _distance(fitted: Any) -> tuple[float, Any]:
    """Return the exponent of Minkowski's distance, and the weights of the columns."""
    metric, options = fitted.effective_metric_, dict(fitted.effective_metric_params_)
    known = isinstance(metric, str) and metric in _EXPONENTS
    p = _EXPONENTS[metric] if known else None
    if known and p is None:
        p = float(options.pop("p", 2))
    weight = options.pop("w", None)
    if p is None or p < 1 or options or (weight is not None and np.isinf(p)):
        raise NotConvertibleError(
            f"{type(fitted).__name__} with the metric {metric!r} and its parameters "
            f"{fitted.effective_metric_params_!r} cannot be converted to torch. Use "
            "'euclidean', 'manhattan', 'chebyshev' or 'minkowski' with p at least 1, "
            f"or register a converter for {type(fitted).__name__}."
        )
    return p, weight


def _neighbor_mean(fitted: Any, **options: Any) -> Map:
    if fitted.weights not in (None, "uniform", "distance"):
        raise NotConvertibleError(
            f"{type(fitted).__name__} with weights={fitted.weights!r} cannot be "
            "converted to torch. Use 'uniform' or 'distance', or register a converter "
            f"for {type(fitted).__name__}."
        )
    p, weight = _distance(fitted)
    rows, targets, is_expanded = neighbors_of(fitted)
    by_distance = fitted.weights == "distance"
    result = NeighborMean(rows, targets, p, weight, by_distance=by_distance, **options)
    relative, absolute = result.tolerance
    if is_expanded:
        # scikit-learn's own distances have half the digits where they are small
        relative = 1e-7
    if targets.dtype == np.float32 and not by_distance:
        # and its means are in the precision of the targets
        relative = absolute = 16 * float(np.finfo(np.float32).eps)
        absolute *= float(abs(targets).max())
    result.tolerance = (relative, absolute)
    return result


@register_converter(KNeighborsRegressor, "predict")
def _k_neighbors(fitted: KNeighborsRegressor) -> Map:
    return _neighbor_mean(fitted, n_neighbors=fitted.n_neighbors)


@register_converter(RadiusNeighborsRegressor, "predict")
def _radius_neighbors(fitted: RadiusNeighborsRegressor) -> Map:
    return _neighbor_mean(fitted, radius=fitted.radius)


@register_converter(NeighborhoodComponentsAnalysis, "transform")
def _neighborhood_components(fitted: NeighborhoodComponentsAnalysis) -> Map:
    return Affine(fitted.components_)
