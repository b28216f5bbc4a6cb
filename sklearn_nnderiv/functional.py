"""Derivatives of fitted regressors and of torch modules, as functions."""

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
        return copy.deepcopy(to_map(fitted)).eval()


def jacobian(fitted: Any, X: Any) -> Array:
    r"""Compute the derivative of a fitted regressor's predictions, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        A fitted regressor that `to_torch` converts, such as a `Pipeline` or a
        `GridSearchCV` around a `DifferentiableRegressor`; or a module that takes
        (n, n_features) and returns (n,) or (n, n_outputs), row by row. It is evaluated
        in eval mode, and left in the mode it is in.
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
        If X is not two-dimensional and finite, or has the wrong number of columns. If
        a module couples the rows.

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
    (result,) = derivatives(fitted, X, "jacobian")
    return result


def value_and_jacobian(
    fitted: Any, X: Any, return_std: bool = False
) -> tuple[Array, ...]:
    r"""Compute predictions and their derivative in one pass, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like of shape (n_samples, n_features)
        The rows at which to differentiate.
    return_std : bool, default=False
        Whether to return the standard deviations of both too. `fitted` has to be a
        GaussianProcessRegressor or a `DifferentiableRegressor`, or such a one within
        Pipelines, searches and TransformedTargetRegressors.

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
    values, derivative = derivatives(fitted, X, "values", "jacobian")
    if not return_std:
        return values, derivative
    stds = zip(standard_deviations(fitted, X), (values, derivative), strict=True)
    return values, derivative, *(std.reshape(like.shape) for std, like in stds)


def hessian(fitted: Any, X: Any) -> Array:
    r"""Compute the second derivatives of predictions, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like of shape (n_samples, n_features)
        The rows at which to differentiate.

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
    (result,) = derivatives(fitted, X, "hessian")
    return result


def laplacian(fitted: Any, X: Any) -> Array:
    r"""Compute the sum of the unmixed second derivatives, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like of shape (n_samples, n_features)
        The rows at which to differentiate.

    Returns
    -------
    laplacian : ndarray of the shape of ``fitted.predict(X)``
        :math:`\sum_j \partial^2 \hat y / \partial x_j^2`, which has a meaning where
        the features have one unit, such as coordinates.

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
    (result,) = derivatives(fitted, X, "laplacian")
    return result


def jvp(fitted: Any, X: Any, V: Any) -> Array:
    r"""Compute the derivative of predictions along directions, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like of shape (n_samples, n_features)
        The rows at which to differentiate.
    V : array-like of shape (n_samples, n_features)
        A direction for every row, in units of the features.

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
    (result,) = derivatives(fitted, X, "jvp", along=V)
    return result


def vjp(fitted: Any, X: Any, U: Any) -> Array:
    r"""Compute the derivative of weighted predictions by the features, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like of shape (n_samples, n_features)
        The rows at which to differentiate.
    U : array-like of the shape of ``fitted.predict(X)``
        The weight of every prediction.

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
    (result,) = derivatives(fitted, X, "vjp", along=U)
    return result


def hvp(fitted: Any, X: Any, V: Any) -> Array:
    r"""Compute the derivative of the Jacobian along directions, in raw units.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
        As for `jacobian`.
    X : array-like of shape (n_samples, n_features)
        The rows at which to differentiate.
    V : array-like of shape (n_samples, n_features)
        A direction for every row, in units of the features.

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
    (result,) = derivatives(fitted, X, "hvp", along=V)
    return result
