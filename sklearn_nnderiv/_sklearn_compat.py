"""The one place that touches names scikit-learn does not document."""

import inspect
from typing import Any

import numpy as np
from sklearn.base import _fit_context as fit_context
from sklearn.linear_model import _base as linear_base
from sklearn.linear_model._stochastic_gradient import BaseSGDRegressor
from sklearn.model_selection._search import BaseSearchCV
from sklearn.utils import _safe_indexing
from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, validate_data

__all__ = [
    "LINEAR_MODELS",
    "BaseSearchCV",
    "HasMethods",
    "Interval",
    "ScorerMixin",
    "StrOptions",
    "check_matplotlib_support",
    "check_sample_weight",
    "columns_of",
    "discriminant_components",
    "fill_dtype",
    "fit_context",
    "has_empty_columns",
    "input_columns",
    "kernel_pca_centerer",
    "link_of",
    "neighbors_of",
    "pls_scaling",
    "power_transformer_scaler",
    "process_mean_and_std",
    "random_projection_inverse",
    "svm_gamma",
    "validate_data",
]


# base classes with a `predict` that is linear in the rows by `coef_` and `intercept_`;
# the second is there since scikit-learn 1.9
LINEAR_MODELS: tuple[type, ...] = (
    *(
        getattr(linear_base, name)
        for name in ("LinearModel", "MultiOutputLinearModel")
        if hasattr(linear_base, name)
    ),
    BaseSGDRegressor,
)

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


def link_of(regressor: Any) -> str:
    """Return the name of the link function of a fitted generalized linear model."""
    return type(regressor._base_loss.link).__name__


def neighbors_of(regressor: Any) -> tuple[Any, Any, bool]:
    """Return the rows and targets that a regressor by neighbours has memorized.

    They are in the order in which the search meets them, which decides among equals.
    The last says whether it expands squared distances, at the cost of digits.
    """
    rows, targets = regressor._fit_X, np.asarray(regressor._y)
    rows = np.asarray(rows.toarray() if hasattr(rows, "toarray") else rows)
    targets = targets.reshape(len(rows), -1)
    if regressor._fit_method == "brute":
        return rows, targets, regressor.effective_metric_ in ("euclidean", "l2")
    order = regressor._tree.get_arrays()[1]
    return rows[order], targets[order], False


def columns_of(X: Any, columns: Any) -> Any:
    """Return columns of an array, sparse or not, or of a frame, by their places.

    A single place gives a vector.
    """
    return _safe_indexing(X, columns, axis=1)


def input_columns(transformer: Any, name: str) -> list[int]:
    """Return the places of the columns that a branch of a ColumnTransformer takes."""
    return list(transformer._transformer_to_input_indices[name])


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


def svm_gamma(fitted: Any) -> float:
    """Return the number that the gamma of a fitted SVR stands for."""
    return float(fitted._gamma)


def kernel_pca_centerer(fitted: Any) -> Any:
    """Return the fitted KernelCenterer inside a KernelPCA."""
    return fitted._centerer


def process_mean_and_std(fitted: Any) -> tuple[Any, Any]:
    """Return by what a GaussianProcessRegressor has shifted and scaled its y."""
    return fitted._y_train_mean, fitted._y_train_std


def has_empty_columns(imputer: Any) -> bool:
    """Whether a KNN- or IterativeImputer has been fitted to columns without values."""
    if hasattr(imputer, "initial_imputer_"):
        return bool(np.isnan(imputer.initial_imputer_.statistics_).any())
    return not imputer._valid_mask.all()


class ScorerMixin:
    """What searches ask of a scorer beside what is documented."""

    def _accept_sample_weight(self) -> bool:
        """Whether it takes weights, asked while metadata routing is switched off."""
        return True
