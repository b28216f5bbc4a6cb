"""Regressors that look at the targets only."""

import numpy as np
from sklearn.dummy import DummyRegressor

from .._maps import Constant, Map
from ..exceptions import NotConvertibleError
from ._registry import register_converter


@register_converter(DummyRegressor, "predict")
def _dummy_regressor(fitted: DummyRegressor) -> Map:
    n_in = getattr(fitted, "n_features_in_", None)
    if n_in is None:
        raise NotConvertibleError(
            f"{fitted!r} does not know its number of features. Fit it on an array."
        )
    return Constant(np.broadcast_to(fitted.constant_[0], fitted.n_outputs_), n_in)
