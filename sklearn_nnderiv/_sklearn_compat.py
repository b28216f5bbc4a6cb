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
    "discriminant_components",
    "fill_dtype",
    "fit_context",
    "pls_scaling",
    "power_transformer_scaler",
    "random_projection_inverse",
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


def pls_scaling(fitted: Any) -> tuple[Any, Any]:
    """Return the mean and the scale that a partial least squares takes from X."""
    return fitted._x_mean, fitted._x_std


def discriminant_components(fitted: Any) -> int:
    """Return how many components a LinearDiscriminantAnalysis keeps at most."""
    return int(fitted._max_components)


def fill_dtype(imputer: Any) -> Any:
    """Return the dtype to which a SimpleImputer rounds what it fills in."""
    return getattr(imputer, "_fill_dtype", np.float64)


def random_projection_inverse(fitted: Any) -> Any:
    """Return the matrix (n_features, n_components) of the way back."""
    if fitted.compute_inverse_components:
        return fitted.inverse_components_
    return fitted._compute_inverse_components()
