"""The one place that touches names scikit-learn does not document."""

from typing import Any

from sklearn.base import _fit_context as fit_context
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import (
    _check_sample_weight as check_sample_weight,
)
from sklearn.utils.validation import validate_data

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "check_sample_weight",
    "fit_context",
    "power_transformer_scaler",
    "validate_data",
]


def power_transformer_scaler(transformer: Any) -> Any:
    """Return the fitted StandardScaler inside a standardizing PowerTransformer."""
    return transformer._scaler
