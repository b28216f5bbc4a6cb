"""Gaussian processes."""

from __future__ import annotations

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.utils.validation import check_is_fitted

from .._maps import Map
from .._sklearn_compat import process_mean_and_std
from ..exceptions import NotConvertibleError
from ._expansions import expansion
from ._kernels import process_kernel
from ._registry import register_converter


@register_converter(GaussianProcessRegressor, "predict")
def _gaussian_process(fitted: GaussianProcessRegressor) -> Map:
    check_is_fitted(fitted, "alpha_")  # without a fit, predict returns the prior's mean
    rows = np.asarray(fitted.X_train_)
    if rows.ndim != 2 or rows.dtype.kind not in "biuf":
        raise NotConvertibleError(
            "GaussianProcessRegressor was fitted to something else than rows of "
            "numbers, by which there is no derivative. Fit it to an array of numbers."
        )
    kernel = process_kernel(fitted.kernel_, rows.shape[1])
    mean, std = process_mean_and_std(fitted)
    dual = np.reshape(fitted.alpha_, (len(fitted.alpha_), -1))
    mean = np.broadcast_to(mean, dual.shape[1])
    return expansion(kernel, rows, (std * dual).T, offset=mean)
