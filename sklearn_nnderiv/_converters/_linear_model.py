"""Linear regressors."""

from typing import Any

import numpy as np
from sklearn.linear_model import LinearRegression, Ridge

from .._maps import Affine, Map
from ._registry import register_converter


@register_converter(LinearRegression, "predict")
@register_converter(Ridge, "predict")
def _linear_regressor(fitted: Any) -> Map:
    weight = np.atleast_2d(fitted.coef_)
    offset = np.broadcast_to(fitted.intercept_, len(weight))
    return Affine(weight, offset=offset)
