"""The delta method for linear and generalised linear models."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.pipeline import Pipeline

from .. import functional
from .._sklearn_compat import link_of
from .._table import Table
from .._validation import Array, warn
from ..exceptions import DerivativeWarning
from ._model import Model

# of the coefficients, in standard errors: beyond it the rows are not those of the fit
_MOST_SHIFT = 1.0


class Family(NamedTuple):
    """The distribution of y around its mean.

    Attributes
    ----------
    power : float
        The variance is proportional to the mean to this power.
    is_log : bool
        Whether the link is logarithmic, else the identity.
    """

    power: float
    is_log: bool


def _is_plain(estimator: Any) -> bool:
    return not np.any(getattr(estimator, "alpha", 0.0)) and not getattr(
        estimator, "positive", False
    )


def _glm_power(estimator: Any) -> float:
    return float(getattr(estimator, "power", _POWERS.get(type(estimator), 0.0)))


_POWERS: dict[type, float] = {
    LinearRegression: 0.0,
    Ridge: 0.0,
    PoissonRegressor: 1.0,
    GammaRegressor: 2.0,
    TweedieRegressor: 0.0,
}


def family_of(estimator: Any) -> Family | None:
    """Return the family of a linear model without a penalty, alone or in a Pipeline.

    None of anything else.
    """
    last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    if type(last) not in _POWERS or not _is_plain(last):
        return None
    if isinstance(last, LinearRegression | Ridge):
        return Family(0.0, False)
    return Family(_glm_power(last), link_of(last) == "LogLink")


class LinearDoubt:
    r"""The covariance of the coefficients, by the rows of the fit.

    Parameters
    ----------
    model : Model
        Of an estimator for which `family_of` holds, with the rows it was fitted to.
    y : ndarray of shape (n, n_outputs)
    weight : ndarray of shape (n,)

    Notes
    -----
    With the features :math:`\phi`, the mean :math:`\mu = h(\phi \beta)` and the
    variance :math:`s V(\mu)`, the covariance of :math:`\beta` is
    :math:`s (\sum_i w_i h_i'^2 / V_i \, \phi_i \phi_i^T)^{-1}` (McCullagh and Nelder,
    Generalized Linear Models, 1989), with s = 1 for a Poisson distribution, otherwise
    Pearson's chi-squared over the degrees of freedom.
    """

    def __init__(self, model: Model, y: Array, weight: Array) -> None:
        estimator = model.estimator
        found = family_of(estimator)
        assert found is not None
        self._family = found
        self._model = model
        self._steps = estimator[:-1] if isinstance(estimator, Pipeline) else None
        last = estimator[-1] if isinstance(estimator, Pipeline) else estimator
        self._coef = np.asarray(last.coef_, dtype=np.float64).reshape(
            model.n_outputs, -1
        )
        self._has_intercept = bool(last.fit_intercept)
        self._width = model.n_features
        self._roots = self._covariances(model, y, weight)

    @property
    def n_directions(self) -> int:
        """Return the number of coefficients of an output."""
        return self._coef.shape[1] + self._has_intercept

    def _covariances(self, model: Model, y: Array, weight: Array) -> list[Array]:
        """Return a root of the covariance of each output's coefficients."""
        k, q, power = model.n_outputs, self.n_directions, self._family.power
        information, score = np.zeros((k, q, q)), np.zeros((k, q))
        chi2, size = np.zeros(k), np.zeros(k)
        for rows, part in model.chunks("delta"):
            phi = self._features(part)[0]
            mean, w = model.values(part), weight[rows, None]
            slope = mean if self._family.is_log else np.ones_like(mean)
            root = np.sqrt(w / abs(mean) ** power)
            residual = root * (y[rows] - mean)
            chi2 += (residual**2).sum(axis=0)
            size += ((root * y[rows]) ** 2).sum(axis=0)
            for j in range(k):
                white = (root * slope)[:, j, None] * phi
                information[j] += white.T @ white
                score[j] += white.T @ residual[:, j]
        # residuals of an exact fit are rounding
        chi2 = np.maximum(chi2, 1e-24 * size)
        n = int((weight > 0).sum())
        return [self._root(information[j], score[j], chi2[j], n) for j in range(k)]

    def _root(self, information: Array, score: Array, chi2: float, n: int) -> Array:
        """Return R with R R' = the covariance."""
        scale = np.sqrt(np.maximum(np.diagonal(information), 1e-300))
        values, vectors = np.linalg.eigh(information / np.outer(scale, scale))
        keep = values > len(values) * np.finfo(float).eps * values[-1]
        inverse = vectors[:, keep] / np.sqrt(values[keep]) / scale[:, None]
        freedom = n - int(keep.sum())
        if self._family.power == 1.0:
            dispersion = 1.0
        elif freedom > 0:
            dispersion = chi2 / freedom
        else:
            dispersion = np.nan
        shift = np.sqrt(np.sum((inverse.T @ score) ** 2))
        if shift > _MOST_SHIFT * np.sqrt(dispersion):
            warn(
                "The coefficients are not those of the maximum likelihood for these X "
                f"and y: they are {shift / np.sqrt(dispersion):.2g} standard errors "
                "away. The delta method needs the rows, and the weights, that the "
                "estimator was fitted to, and a fit that has converged.",
                DerivativeWarning,
            )
        return inverse * np.sqrt(dispersion)

    def _features(self, table: Table) -> tuple[Array, Array]:
        """Return features (n, q), and their derivatives (n, q, n_features)."""
        n, d = len(table), self._width
        if self._steps is None or len(self._steps) == 0:
            phi = table.numbers()
            slopes = np.broadcast_to(np.eye(d), (n, d, d))
        else:
            phi, slopes = functional.value_and_jacobian(
                self._steps, table.X, method="transform"
            )
        if self._has_intercept:
            phi = np.concatenate([phi, np.ones((n, 1))], axis=1)
            slopes = np.concatenate([slopes, np.zeros((n, 1, d))], axis=1)
        return phi, slopes

    def gradients(self, table: Table) -> tuple[Array, Array]:
        """Return how values and Jacobian move with the coefficients."""
        phi, slopes = self._features(table)
        coef = self._coef
        if self._has_intercept:
            # that of the intercept has no part in a slope
            coef = np.concatenate([coef, np.zeros((len(coef), 1))], axis=1)
        of_jacobian = np.repeat(slopes[:, None], len(coef), axis=1)
        of_values = np.repeat(phi[:, None], len(coef), axis=1)
        if self._family.is_log:
            mean = self._model.values(table)
            inner = np.einsum("km,nmd->nkd", coef, slopes)
            of_jacobian = of_jacobian + phi[:, None, :, None] * inner[:, :, None]
            of_values, of_jacobian = (
                of_values * mean[..., None],
                of_jacobian * mean[..., None, None],
            )
        return of_values, of_jacobian

    def std(self, output: int, moved: Array) -> Array:
        """Return standard deviations (m,) of combinations (m, n_directions)."""
        return np.sqrt(((moved @ self._roots[output]) ** 2).sum(axis=1))
