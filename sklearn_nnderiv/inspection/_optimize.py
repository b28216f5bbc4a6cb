"""Fitted estimators as what the optimisers of scipy take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .._validation import Array
from ._model import default_outputs, output_index
from ._point import Function


class ScipyFunctions(NamedTuple):
    """What `scipy.optimize.minimize` takes, each a function of x (n_features,).

    Parameters
    ----------
    fun : callable
        Returns a float.
    jac : callable
        Returns the gradient, an ndarray of shape (n_features,).
    hess : callable or None
        Returns the second derivatives, an ndarray of shape (n_features, n_features).
        None where the estimator has kinks, which second derivatives do not see.
    """

    fun: Callable[[Any], float]
    jac: Callable[[Any], Array]
    hess: Callable[[Any], Array] | None


def as_scipy(
    estimator: Any, *, target: Any = None, maximize: bool = False
) -> ScipyFunctions:
    """Give a fitted estimator the form that `scipy.optimize.minimize` takes.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        Anything fitted that `to_torch` converts; or a module. Later changes of an
        estimator have no effect. It may have been fitted to a frame: x has the order of
        its columns, all of which have to be numbers.
    target : int or str, default=None
        The output that is to be optimised, by its place, or as "y0", "y1" and so on.
        Only needed if there are several.
    maximize : bool, default=False
        Whether to turn the sign, so that a minimiser finds a maximum.

    Returns
    -------
    functions : ScipyFunctions
        The named tuple ``fun, jac, hess`` of functions of one row x of shape
        (n_features,), in raw units.

    Raises
    ------
    NotConvertibleError
        If the estimator has no derivative, or a column that is not a number. It says
        which part and what to do.
    ValueError
        If there are several outputs and no `target`. If x has another number of
        features.

    See Also
    --------
    linearize : A linear function that stands for the estimator nearby.
    extrapolation_score : Whether an optimum is backed by data. Ask it of every one.

    Notes
    -----
    A value and its gradient are computed in one pass and kept for the last x, which
    optimisers ask for both. The functions may be called from many threads.

    What an optimiser finds is the optimum of the fitted function. It searches where the
    function errs in its favour too, and without bounds beyond the data, so give it the
    bounds of the data.

    References
    ----------
    J. Nocedal and S. J. Wright, "Numerical Optimization", 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.optimize import minimize
    >>> from sklearn_nnderiv import DifferentiableRegressor
    >>> from sklearn_nnderiv.inspection import as_scipy
    >>> X = np.random.default_rng(0).uniform(-1, 1, size=(60, 2))
    >>> y = (X[:, 0] - 0.3) ** 2 + 2 * (X[:, 1] + 0.2) ** 2
    >>> model = DifferentiableRegressor(random_state=0).fit(X, y)
    >>> fun, jac, hess = as_scipy(model)
    >>> minimize(fun, [0, 0], jac=jac, hess=hess, method="trust-exact").x.round(2)
    array([ 0.3, -0.2])
    """
    function = Function(estimator)
    point = _Point(function, target, -1.0 if maximize else 1.0)
    return ScipyFunctions(
        point.fun, point.jac, point.hess if function.is_smooth else None
    )


class _Point:
    """One output of a function, at one x after another.

    Parameters
    ----------
    function : Function
    target : int, str or None
    sign : float
    """

    def __init__(self, function: Function, target: Any, sign: float) -> None:
        self._function, self._target, self._sign = function, target, sign
        self._place: int | None = None
        if function.n_outputs is not None:
            self._of(function.n_outputs)
        # x as bytes, the value and the gradient; replaced at once, for other threads
        self._last: tuple[bytes, float, Array] = (b"", np.nan, np.empty(0))

    def fun(self, x: Any) -> float:
        return self._at(x)[1]

    def jac(self, x: Any) -> Array:
        return self._at(x)[2].copy()

    def hess(self, x: Any) -> Array:
        hessian = self._function(self._row(x), 2)[2]
        return self._sign * hessian[0, self._of(hessian.shape[1])]

    def _at(self, x: Any) -> tuple[bytes, float, Array]:
        row = self._row(x)
        key, last = row.tobytes(), self._last
        if key == last[0]:
            return last
        values, jacobian = self._function(row, 1)
        k = self._of(values.shape[1])
        last = key, self._sign * float(values[0, k]), self._sign * jacobian[0, k]
        self._last = last
        return last

    def _of(self, n_outputs: int) -> int:
        """Return the place of the target."""
        if self._place is None:
            self._place = output_index(self._target, default_outputs(n_outputs))
        return self._place

    def _row(self, x: Any) -> Array:
        row = np.array(x, dtype=np.float64, ndmin=2, order="C")
        d = self._function.n_features or row.size
        if row.shape != (1, d):
            raise ValueError(
                f"x must have the shape ({d},) of one row of {self._function.name}. "
                f"Got {np.shape(x)} instead."
            )
        return row
