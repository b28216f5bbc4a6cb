"""Derivatives of fitted objects and of torch modules, as functions."""

import copy
from typing import Any

import torch
from torch import nn

from ._derivatives import derivatives, to_map
from ._uncertainty import standard_deviations
from ._validation import Array

__all__ = [
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "laplacian",
    "to_torch",
    "value_and_jacobian",
    "vjp",
]


def to_torch(fitted: Any, method: str = "auto") -> nn.Module:
    """Convert a fitted object to a torch module, raw units in and raw units out.

    Parameters
    ----------
    fitted : estimator
        A fitted regressor or transformer; or a `Pipeline`, `ColumnTransformer`, search,
        ensemble or the like around such objects, nested to any depth. The user guide
        has a table of what is converted. Also a `torch.nn.Module` or a skorch net.
    method : {"auto", "predict", "transform", "inverse_transform"}, default="auto"
        The method that the module computes. "auto" is "predict" where `fitted` predicts
        numbers, otherwise "transform".

    Returns
    -------
    module : torch.nn.Module
        Takes a tensor of shape (..., n_features) and returns what the method makes of
        it, in float64 and always of shape (..., n_outputs). It is in evaluation mode,
        differentiable twice, and shares no memory with `fitted`. Its attribute
        `smoothness` is "smooth" if the derivative is continuous, "piecewise" if it
        jumps somewhere, "constant" if it is zero wherever it exists.

    Raises
    ------
    NotConvertibleError
        If a part has no derivative, or none that is known. The message names the part,
        the reason and the remedy.
    ConversionMismatchError
        If the module does not reproduce the method on sample rows.
    NotFittedError
        If `fitted` is not fitted.

    See Also
    --------
    jacobian : The derivative as an array.
    register_converter : Teach the package another class.

    Notes
    -----
    Encoders of categories and the like have no derivative, and a module has no rows to
    evaluate them for: with them, use `jacobian` and its kin.

    The sample rows are made of what the fitted steps say of their training data: means
    and scales, least and greatest values, quantiles, support vectors, training rows.
    Where they say nothing, they are standard normal. Some are positive or between 0 and
    1. Rows that `fitted` refuses are left out.

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
    >>> module.smoothness
    'smooth'
    """
    with torch.inference_mode(False):
        return copy.deepcopy(to_map(fitted, method)).eval()


def jacobian(fitted: Any, X: Any, *, method: str = "auto") -> Array:
    r"""Compute the derivative of predictions, or of transformed rows, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        A fitted regressor or transformer that the package knows, such as a `Pipeline`
        or a `GridSearchCV` around a `DifferentiableRegressor`; or a module that takes
        (n, n_features) and returns (n,) or (n, n_outputs), row by row. It is evaluated
        in eval mode, and left in the mode it is in.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows at which to differentiate, as the method of `fitted` takes them. A
        frame of pandas or polars may have columns that are not numbers. Missing values
        are accepted where `fitted` accepts them.
    method : {"auto", "predict", "transform", "inverse_transform"}, default="auto"
        The method to differentiate. "auto" is "predict" where `fitted` predicts
        numbers, otherwise "transform".

    Returns
    -------
    jacobian : ndarray of shape (n_samples[, n_outputs], n_features)
        The shape is that of ``fitted.predict(X)`` with the columns of X appended. Entry
        ``[i, j]`` is :math:`\partial \hat y / \partial x_j` at row ``i``, in units of
        y per unit of column ``j`` of X. It is NaN for columns that have no derivative:
        those that are not numbers, and those that an encoder takes for categories; and
        for cells that are missing. It is 0 for numbers that nothing uses.

    Raises
    ------
    NotConvertibleError
        If a part of `fitted` has no derivative, or none that is known. The message
        names the part, the reason and the remedy.
    ConversionMismatchError
        If the converted map does not reproduce the method on sample rows: the first of
        X, and rows at their edges and beyond.
    NotFittedError
        If `fitted` is not fitted.
    ValueError
        If `fitted` refuses X. If a module couples the rows.

    See Also
    --------
    value_and_jacobian : Both in one pass.
    hessian, laplacian, jvp, vjp, hvp : Second derivatives, and products.
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
    (result,) = derivatives(fitted, X, "jacobian", method=method)
    return result


def value_and_jacobian(
    fitted: Any, X: Any, return_std: bool = False, *, method: str = "auto"
) -> tuple[Array, ...]:
    r"""Compute predictions and their derivative in one pass, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows at which to differentiate.
    return_std : bool, default=False
        Whether to return the standard deviations of both too. `fitted` has to be a
        GaussianProcessRegressor or a `DifferentiableRegressor`, or such a one within
        Pipelines, searches and TransformedTargetRegressors.
    method : {"auto", "predict", "transform", "inverse_transform"}, default="auto"
        As for `jacobian`.

    Returns
    -------
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        What ``fitted.predict(X)`` returns.
    jacobian : ndarray of shape (n_samples[, n_outputs], n_features)
        What `jacobian` returns.
    y_std : ndarray of the shape of y
        Only with `return_std`. What ``fitted.predict(X, return_std=True)`` returns for
        a single regressor; for one within others, in raw units too.
    jacobian_std : ndarray of the shape of jacobian
        Only with `return_std`. The standard deviation of every entry of the derivative
        under the posterior of the fit; it is not the derivative of `y_std`. Infinite
        for a Gaussian process that has no derivative, as with ``Matern(nu=0.5)``.

    Raises
    ------
    ValueError
        If `return_std` is asked of a regressor without a posterior.

    See Also
    --------
    jacobian : The derivative alone, and the errors that both raise.

    Notes
    -----
    A Gaussian process with the kernel :math:`k` that was fitted to rows :math:`x_i` has
    a derivative that is Gaussian as well. With the covariance :math:`K` of the
    observations, its variance at :math:`x` is

    .. math::

        \left.
        \frac{\partial^2 k(x, x')}{\partial x_j \partial x'_j}
        \right|_{x' = x}
        - \sum_{il} \frac{\partial k(x, x_i)}{\partial x_j} \, [K^{-1}]_{il} \,
        \frac{\partial k(x, x_l)}{\partial x_j} .

    The noise of a ``WhiteKernel`` is in `y_std`, as in scikit-learn, and not in
    `jacobian_std`. A transformer of the target that is not linear is replaced by its
    tangent at the prediction, in both standard deviations.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_nnderiv import value_and_jacobian
    >>> X, y = np.arange(6.0).reshape(-1, 1), 3 * np.arange(6.0)
    >>> value, slope = value_and_jacobian(LinearRegression().fit(X, y), X[2:3])
    >>> value.round(6), slope.round(6)
    (array([6.]), array([[3.]]))
    """
    values, derivative = derivatives(fitted, X, "values", "jacobian", method=method)
    if not return_std:
        return values, derivative
    stds = zip(standard_deviations(fitted, X), (values, derivative), strict=True)
    return values, derivative, *(std.reshape(like.shape) for std, like in stds)


def hessian(fitted: Any, X: Any, *, method: str = "auto") -> Array:
    r"""Compute the second derivatives of predictions, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows at which to differentiate.
    method : {"auto", "predict", "transform", "inverse_transform"}, default="auto"
        As for `jacobian`.

    Returns
    -------
    hessian : ndarray of shape (n_samples[, n_outputs], n_features, n_features)
        Entry ``[i, j, l]`` is
        :math:`\partial^2 \hat y / \partial x_j \partial x_l` at row ``i``.

    See Also
    --------
    laplacian : Its trace, at less cost.
    hvp : Its product with a vector, at less cost.
    DifferentiableRegressor.predict_hessian : The same for one regressor.

    Notes
    -----
    For feed-forward networks the formula is closed. With the pre-activations
    :math:`z_l` and activations :math:`a_l = f(z_l)` of all layers,

    .. math::

        \nabla^2 y = \sum_l \left(\frac{\partial z_l}{\partial x}\right)^\top
        \mathrm{diag}\left(\frac{\partial y}{\partial a_l} f''(z_l)\right)
        \frac{\partial z_l}{\partial x} .

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn_nnderiv import hessian
    >>> class Product(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x[:, 0] * x[:, 1]
    >>> hessian(Product(), np.array([[2.0, 3.0]]))
    array([[[0., 1.],
            [1., 0.]]])
    """
    (result,) = derivatives(fitted, X, "hessian", method=method)
    return result


def laplacian(fitted: Any, X: Any, *, method: str = "auto") -> Array:
    r"""Compute the sum of the unmixed second derivatives, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows at which to differentiate.
    method : {"auto", "predict", "transform", "inverse_transform"}, default="auto"
        As for `jacobian`.

    Returns
    -------
    laplacian : ndarray of the shape of ``fitted.predict(X)``
        :math:`\sum_j \partial^2 \hat y / \partial x_j^2`, which has a meaning where
        the features have one unit, such as coordinates. NaN for rows with a column or
        cell that has no derivative.

    See Also
    --------
    hessian : All second derivatives.

    References
    ----------
    R. Li et al., "A computational framework for neural network-based variational Monte
    Carlo with Forward Laplacian", Nature Machine Intelligence 6, 2024.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn_nnderiv import laplacian
    >>> class Squares(torch.nn.Module):
    ...     def forward(self, x):
    ...         return (x**2).sum(dim=1)
    >>> laplacian(Squares(), np.array([[2.0, 3.0]]))
    array([4.])
    """
    (result,) = derivatives(fitted, X, "laplacian", method=method)
    return result


def jvp(fitted: Any, X: Any, V: Any, *, method: str = "auto") -> Array:
    r"""Compute the derivative of predictions along directions, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows at which to differentiate.
    V : array-like of shape (n_samples, n_features)
        A direction for every row, in units of the features. Along a column or cell that
        has no derivative, 0 contributes nothing, and anything else makes the row NaN.
    method : {"auto", "predict", "transform", "inverse_transform"}, default="auto"
        As for `jacobian`.

    Returns
    -------
    jvp : ndarray of the shape of ``fitted.predict(X)``
        The Jacobian-vector product
        :math:`\sum_j v_j \, \partial \hat y / \partial x_j`.

    See Also
    --------
    vjp : The product from the other side.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_nnderiv import jvp
    >>> X, y = np.arange(6.0).reshape(-1, 1), 3 * np.arange(6.0)
    >>> jvp(LinearRegression().fit(X, y), X[:2], [[1.0], [2.0]]).round(6)
    array([3., 6.])
    """
    (result,) = derivatives(fitted, X, "jvp", along=V, method=method)
    return result


def vjp(fitted: Any, X: Any, U: Any, *, method: str = "auto") -> Array:
    r"""Compute the derivative of weighted predictions by the features, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows at which to differentiate.
    U : array-like of the shape of ``fitted.predict(X)``
        The weight of every prediction.
    method : {"auto", "predict", "transform", "inverse_transform"}, default="auto"
        As for `jacobian`.

    Returns
    -------
    vjp : ndarray of shape (n_samples, n_features)
        The vector-Jacobian product
        :math:`\sum_k u_k \, \partial \hat y_k / \partial x`.

    See Also
    --------
    jvp : The product from the other side.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_nnderiv import vjp
    >>> X, y = np.arange(6.0).reshape(-1, 1), 3 * np.arange(6.0)
    >>> vjp(LinearRegression().fit(X, y), X[:2], [1.0, -1.0]).round(6)
    array([[ 3.],
           [-3.]])
    """
    (result,) = derivatives(fitted, X, "vjp", along=U, method=method)
    return result


def hvp(fitted: Any, X: Any, V: Any, *, method: str = "auto") -> Array:
    r"""Compute the derivative of the Jacobian along directions, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows at which to differentiate.
    V : array-like of shape (n_samples, n_features)
        A direction for every row, in units of the features. Along a column or cell that
        has no derivative, 0 contributes nothing, and anything else makes the row NaN.
    method : {"auto", "predict", "transform", "inverse_transform"}, default="auto"
        As for `jacobian`.

    Returns
    -------
    hvp : ndarray of shape (n_samples[, n_outputs], n_features)
        The Hessian-vector product
        :math:`\sum_l v_l \, \partial^2 \hat y / \partial x_j \partial x_l`.

    See Also
    --------
    hessian : All second derivatives.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn_nnderiv import hvp
    >>> class Product(torch.nn.Module):
    ...     def forward(self, x):
    ...         return x[:, 0] * x[:, 1]
    >>> hvp(Product(), np.array([[2.0, 3.0]]), np.array([[1.0, 0.0]]))
    array([[0., 1.]])
    """
    (result,) = derivatives(fitted, X, "hvp", along=V, method=method)
    return result
