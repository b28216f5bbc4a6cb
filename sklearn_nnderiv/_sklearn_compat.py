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
    "power_transformer_scaler",
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
