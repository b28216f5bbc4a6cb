"""The one place that touches names scikit-learn does not document."""

import inspect
from typing import Any

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, validate_data

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "kernel_pca_centerer",
    "power_transformer_scaler",
    "process_mean_and_std",
    "svm_gamma",
    "validate_data",
]


# since scikit-learn 1.8; the package has a check, and a message, of its own
_WEIGHT_OPTIONS = {"allow_all_zero_weights"}.intersection(
    inspect.signature(_check_sample_weight).parameters
)


def check_sample_weight(sample_weight: Any, X: Any) -> Any:
    """Return finite weights of shape (n_samples,), ones in place of None."""
    options = dict.fromkeys(_WEIGHT_OPTIONS, True)
    return _check_sample_weight(sample_weight, X, dtype=np.float64, **options)


def power_transformer_scaler(transformer: Any) -> Any:
    """Return the fitted StandardScaler inside a standardizing PowerTransformer."""
    return transformer._scaler


def svm_gamma(fitted: Any) -> float:
    """Return the number that the gamma of a fitted SVR stands for."""
    return float(fitted._gamma)


def kernel_pca_centerer(fitted: Any) -> Any:
    """Return the fitted KernelCenterer inside a KernelPCA."""
    return fitted._centerer


def process_mean_and_std(fitted: Any) -> tuple[Any, Any]:
    """Return by what a GaussianProcessRegressor has shifted and scaled its y."""
    return fitted._y_train_mean, fitted._y_train_std
