"""Gaussian processes."""

from __future__ import annotations

import numpy as np
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.utils.validation import check_is_fitted

from .._maps import Map
from .._sklearn_compat import process_mean_and_std
from ._expansions import expansion
from ._kernels import process_kernel
from ._registry import register_converter


@register_converter(GaussianProcessRegressor, "predict")
def _gaussian_process(fitted: GaussianProcessRegressor) -> Map:
    check_is_fitted(fitted, "alpha_")  # without a fit, predict returns the prior's mean
    # not n_features_in_: kernels of anything, such as constant ones, leave it unknown
    kernel = process_kernel(fitted.kernel_, np.shape(fitted.X_train_)[1])
    mean, std = process_mean_and_std(fitted)
    dual = np.reshape(fitted.alpha_, (len(fitted.alpha_), -1))
    mean = np.broadcast_to(mean, dual.shape[1])
    return expansion(kernel, fitted.X_train_, (std * dual).T, offset=mean)
