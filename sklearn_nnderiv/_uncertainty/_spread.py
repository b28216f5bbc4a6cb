"""Standard deviations of a Gaussian process and its derivative, in raw units."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.gaussian_process import GaussianProcessRegressor

from .._converters import N_SAMPLE_ROWS, convert, process_kernel
from .._engines import evaluate, in_chunks
from .._maps import Map
from .._sklearn_compat import process_mean_and_std
from .._validation import Array, warn
from ..exceptions import ConversionMismatchError, DerivativeWarning
from ._chain import Chain, composed
from ._process import Joint, Process

# numbers in the arrays of a chunk
_NUMBERS = 2**21
# of variances, relative to those before there are data
_TOLERANCE = 1e-6


def process_stds(chain: Chain, X: Array) -> tuple[Array, Array]:
    """Return standard deviations of values (n, k) and of the Jacobian (n, k, d).

    Parameters
    ----------
    chain : Chain
        Around a fitted GaussianProcessRegressor.
    X : array of shape (n, d)
        Raw rows.
    """
    spread = _Spread(chain)
    spread.check(X[:N_SAMPLE_ROWS])
    return spread.stds(X)


class _Spread:
    """The posterior of a GaussianProcessRegressor between two maps.

    A map behind it that is not linear is replaced by its tangent.

    Parameters
    ----------
    chain : Chain
        Around a fitted GaussianProcessRegressor.
    """

    def __init__(self, chain: Chain) -> None:
        fitted: GaussianProcessRegressor = chain.regressor
        self._fitted = fitted
        kernel = process_kernel(fitted.kernel_, fitted.X_train_.shape[1])
        self._process = Process(kernel, fitted.X_train_, fitted.L_)
        mean = convert(fitted, "predict")
        self._lead = composed(chain.before) if chain.before else None
        self._mean = composed((*chain.before, mean))
        self._trail = composed(chain.after) if chain.after else None
        self._scale = np.broadcast_to(process_mean_and_std(fitted)[1], mean.n_out)

    def check(self, X: Array) -> None:
        """Raise unless the process has the variances that scikit-learn predicts."""
        Z = X if self._lead is None else _with_jacobian(self._lead, X)[0]
        joint = self._process.joint(Z)
        inside = np.isfinite(joint.observed)  # others may be refused by predict
        observed, prior = joint.observed[inside], joint.prior[inside]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of variances that rounding makes negative
            expected = self._fitted.predict(Z[inside], return_std=True)[1]
        expected = (np.reshape(expected, (len(prior), -1)) / self._scale) ** 2
        wrong = abs(np.maximum(observed, 0.0)[:, None] - expected)
        if (wrong > _TOLERANCE * prior[:, None]).any():
            raise ConversionMismatchError(
                f"The variance of {type(self._fitted).__name__} in torch differs from "
                f"its own by up to {wrong.max():.3g}. Please report this."
            )

    def stds(self, X: Array) -> tuple[Array, Array]:
        """Return those of values (n, k) and of the Jacobian (n, k, d) at rows X."""
        k = len(self._scale) if self._trail is None else self._trail.n_out
        value, jacobian = np.empty((len(X), k)), np.empty((len(X), k, X.shape[1]))
        n_negative: list[int] = []

        def run(rows: slice) -> None:
            variances = self._variances(X[rows])
            bad = [(variance < 0).reshape(len(X[rows]), -1) for variance in variances]
            n_negative.append(int(np.hstack(bad).any(axis=1).sum()))
            for variance, out in zip(variances, (value, jacobian), strict=True):
                out[rows] = np.sqrt(np.maximum(variance, 0.0))

        in_chunks(run, len(X), max(1, _NUMBERS // self._process.n_numbers))
        if sum(n_negative):
            warn(
                f"At {sum(n_negative)} of {len(X)} rows the variance of a prediction "
                "or of its derivative is less than its rounding error, and negative. "
                "Its standard deviation is set to 0. Fit with a larger alpha, or a "
                "WhiteKernel, to have the training rows less dependent on each other.",
                DerivativeWarning,
            )
        return value, jacobian

    def _variances(self, X: Array) -> tuple[Array, Array]:
        """Return the squares of the stds, infinite where there is no derivative."""
        Z, inner = (X, None) if self._lead is None else _with_jacobian(self._lead, X)
        joint = self._process.joint(Z)
        crossed, variance, rough = _through(joint, inner)
        squares = np.square(self._scale)
        if self._trail is None:
            weight = np.broadcast_to(squares, (len(X), len(squares)))
            more: Any = 0.0
        else:
            slope, bend = self._bends(self._trail, X)
            weight = (slope**2) @ squares
            more = np.einsum("nik,k,nikj,nj->nij", slope, 2 * squares, bend, crossed)
            more += np.einsum("nikj,k,n->nij", bend**2, squares, joint.value)
        jacobian = weight[:, :, None] * variance[:, None] + more
        jacobian[(weight > 0)[:, :, None] & rough[:, None]] = np.inf
        return weight * joint.observed[:, None], jacobian

    def _bends(self, trail: Map, X: Array) -> tuple[Array, Array]:
        """Return derivatives of raw outputs by the process's, and of these by X.

        Their shapes are (n, k, n_outputs) and (n, k, n_outputs, d).
        """
        values, jacobian = _with_jacobian(self._mean, X)
        n, n_outputs = values.shape
        slope = np.empty((n, trail.n_out, n_outputs))
        second = np.empty((*slope.shape, n_outputs))
        evaluate(trail, values, {"jacobian": slope, "hessian": second})
        return slope, np.einsum("nikl,nlj->nikj", second, jacobian)


def _through(
    joint: Joint, inner: Array | None
) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Return what the process has by the columns of X, all of shape (n, d).

    Covariances of values with derivatives, variances of derivatives, and whether there
    is no derivative.
    """
    if inner is None:
        variance = np.einsum("njj->nj", joint.gradient)
        return joint.crossed, variance, joint.rough
    crossed = np.einsum("na,naj->nj", joint.crossed, inner)
    variance = ((joint.gradient @ inner) * inner).sum(axis=1)
    rough = (joint.rough[:, :, None] & (inner != 0)).any(axis=1)
    return crossed, variance, rough


def _with_jacobian(function: Map, X: Array) -> tuple[Array, Any]:
    values = np.empty((len(X), function.n_out))
    jacobian = np.empty((len(X), function.n_out, function.n_in))
    evaluate(function, X, {"values": values, "jacobian": jacobian})
    return values, jacobian
