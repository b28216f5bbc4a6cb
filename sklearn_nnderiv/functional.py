"""Derivatives of fitted scikit-learn objects, as functions."""

import copy
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_array, check_is_fitted
from torch import nn

from ._converters import N_SAMPLE_ROWS, check_agreement, convert
from ._engines import evaluate
from ._maps import Map, device_of
from ._validation import Array, check_out, warn_of_nan

__all__ = ["jacobian", "to_torch"]


def to_torch(fitted: Any) -> nn.Module:
    """Convert a fitted regressor to a torch module, raw units in and raw units out.

    Parameters
    ----------
    fitted : estimator
        A fitted `DifferentiableRegressor`, `LinearRegression` or `Ridge`; or a
        `Pipeline`, `GridSearchCV`, `RandomizedSearchCV` or
        `TransformedTargetRegressor` of these and of the scalers that
        `DifferentiableRegressor` takes, nested to any depth.

    Returns
    -------
    module : torch.nn.Module
        Takes a tensor of shape (..., n_features) and returns ``fitted.predict`` of it,
        in float64 and always of shape (..., n_outputs). It is in evaluation mode,
        differentiable twice, and shares no memory with `fitted`.

    Raises
    ------
    NotConvertibleError
        If a part has no converter. The message names the part.
    NotFittedError
        If `fitted` is not fitted.

    See Also
    --------
    jacobian : The derivative as an array.
    register_converter : Teach the package another class.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from sklearn_nnderiv import to_torch
    >>> X, y = np.arange(6.0).reshape(-1, 1), 3 * np.arange(6.0)
    >>> module = to_torch(make_pipeline(MinMaxScaler(), Ridge(alpha=0)).fit(X, y))
    >>> module(torch.tensor([[2.0]])).round(decimals=6)
    tensor([[6.]], dtype=torch.float64)
    """
    with torch.inference_mode(False):
        return copy.deepcopy(_convert(fitted)).eval()


def jacobian(fitted: Any, X: Any) -> Array:
    r"""Compute the derivative of a fitted regressor's predictions, in raw units.

    Parameters
    ----------
    fitted : estimator
        A fitted regressor that `to_torch` converts, such as a `Pipeline` or a
        `GridSearchCV` around a `DifferentiableRegressor`.
    X : array-like of shape (n_samples, n_features)
        The rows at which to differentiate, as ``fitted.predict`` takes them. Finite
        numbers.

    Returns
    -------
    jacobian : ndarray of shape (n_samples[, n_outputs], n_features)
        The shape is that of ``fitted.predict(X)`` with the features appended. Entry
        ``[i, j]`` is :math:`\partial \hat y / \partial x_j` at row ``i``, in units of
        y per unit of column ``j`` of X.

    Raises
    ------
    NotConvertibleError
        If a part of `fitted` has no converter. The message names the part.
    ConversionMismatchError
        If the converted map does not reproduce ``fitted.predict`` on the first rows.
    NotFittedError
        If `fitted` is not fitted.
    ValueError
        If X is not two-dimensional and finite, or has the wrong number of columns.

    See Also
    --------
    to_torch : The map that is differentiated.
    DifferentiableRegressor.predict_jacobian : The same for one regressor.

    Notes
    -----
    A `Pipeline` does not pass `predict_jacobian` on, and asking its last step gives
    the derivative with respect to the *scaled* input, which is wrong by the scale of
    every column. By the chain rule, for :math:`\hat y = g(s(x))`,

    .. math::

        \frac{\partial \hat y}{\partial x}
        = \frac{\partial g}{\partial s} \, \frac{\partial s}{\partial x} ,

    and this function includes the second factor.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from sklearn_nnderiv import jacobian
    >>> X, y = np.arange(6.0).reshape(-1, 1), 3 * np.arange(6.0)
    >>> pipe = make_pipeline(MinMaxScaler(), LinearRegression()).fit(X, y)
    >>> jacobian(pipe, X[:2]).round(6)
    array([[3.],
           [3.]])
    >>> pipe[-1].coef_.round(6)  # with respect to the scaled input
    array([15.])
    """
    function = _convert(fitted)
    rows = check_array(X, dtype=np.float64, input_name="X")
    if rows.shape[1] != function.n_in:
        raise ValueError(
            f"X has {rows.shape[1]} features, but {type(fitted).__name__} is expecting "
            f"{function.n_in} features as input."
        )
    derivative = check_out(None, (len(rows), function.n_out, function.n_in))
    values = evaluate(function, rows, jacobian=derivative)
    # fitted.predict may refuse a row outside its domain, so not these
    inside = np.flatnonzero(np.isfinite(values).all(axis=1))[:N_SAMPLE_ROWS]
    head = rows[inside if len(inside) else slice(1)]
    expected = np.asarray(fitted.predict(_like(X, head)))
    check_agreement(function, head, expected, type(fitted).__name__)
    warn_of_nan(values)
    return derivative[:, 0] if expected.ndim == 1 else derivative


def _like(X: Any, rows: Array) -> Any:
    """Return rows of float64 in a frame of X's kind and names, if X is a frame."""
    columns = getattr(X, "columns", None)
    if columns is None:
        return rows
    names = "columns" if hasattr(X, "iloc") else "schema"  # pandas, polars
    return type(X)(rows, **{names: list(columns)})


def _convert(fitted: Any) -> Map:
    check_is_fitted(fitted)
    function = convert(fitted, "predict")
    return function.to(device_of(function))  # scalers follow the network
