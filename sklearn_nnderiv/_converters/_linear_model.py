"""Linear regressors and generalized linear ones."""

from typing import Any

import numpy as np
import torch
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    GammaRegressor,
    PoissonRegressor,
    RANSACRegressor,
    Ridge,
    RidgeCV,
    TweedieRegressor,
)

from .._maps import Affine, Elementwise, Map, Sequential
from .._sklearn_compat import LINEAR_MODELS, link_of
from ..exceptions import NotConvertibleError
from ._lookup import register_composition
from ._part import Part
from ._registry import register_converter
from ._source import Source

_INVERSE_LINKS = {"IdentityLink": None, "LogLink": torch.exp}


def _linear_regressor(fitted: Any) -> Map:
    coef = fitted.coef_
    coef = coef.toarray() if hasattr(coef, "toarray") else coef  # of `sparsify`
    weight = np.atleast_2d(coef)
    offset = np.broadcast_to(fitted.intercept_, len(weight))
    return Affine(weight, offset=offset)


# those besides the base classes have a `predict` of their own that does the same
for _cls in (*LINEAR_MODELS, ARDRegression, BayesianRidge, Ridge, RidgeCV):
    register_converter(_cls, "predict")(_linear_regressor)


@register_converter(PoissonRegressor, "predict")
@register_converter(GammaRegressor, "predict")
@register_converter(TweedieRegressor, "predict")
def _generalized_linear_regressor(fitted: Any) -> Map:
    linear = _linear_regressor(fitted)
    link = link_of(fitted)
    if link not in _INVERSE_LINKS:
        raise NotConvertibleError(
            f"{fitted!r} has the link function {link}, which cannot be converted to "
            f"torch. Known are: {', '.join(_INVERSE_LINKS)}. Use one of these, or "
            f"register a converter for {type(fitted).__name__}."
        )
    inverse = _INVERSE_LINKS[link]
    if inverse is None:
        return linear
    return Sequential([linear, Elementwise(inverse, linear.n_out)], linear.n_in)


@register_composition(RANSACRegressor, "predict")
def _ransac(fitted: RANSACRegressor, source: Source) -> Part:
    source = source.as_array(fitted.n_features_in_)
    return source.part(fitted.estimator_, "predict", "estimator of the RANSACRegressor")
