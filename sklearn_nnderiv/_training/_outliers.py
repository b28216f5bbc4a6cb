"""Rows whose y is grossly wrong: found by a robust fit, confirmed by prediction.

A network fits a gross error as a spike, or takes all rows for noisy. Under Student's t
in place of the Gaussian it does neither, but then takes a narrow peak for errors, too.
Rows of a peak predict one another, errors do not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .._validation import Array, Index
from ._candidates import initial_parameters
from ._data import Data
from ._lm import Run
from ._posterior import left_out_residuals

# of fewer rows, none is far from what the others say; for more, robust fits are slow
_LEAST_ROWS, _MOST_ROWS = 20, 3_000
# residuals of rows left out, in units of their robust deviation, that are suspicious
_SUSPICIOUS = 4.5
# what is far, in units of the robust noise and of the standard deviation of y
_FAR, _LEAST_FAR = 5.0, 0.05
# errors are few, and as far from a fit that knows of others; the geometric mean of the
# ratios tells, where no row counts for more than the least ratio
_MAX_PART = 0.2
_LEAST_MEAN, _LEAST_RATIO = 0.82, 0.5
# degrees of freedom of Student's t
_FREEDOM = 4.0
# noise precisions to begin with: smoothly, or with details at once where a robust fit
# has ended below the third
_FIRST_BETAS = (5.0, 1e3)
_POOR_BETA = 100.0
_N_ROUNDS, _N_ITER = 20, 10
_N_CHECK = 50
# errors of y lie anywhere in a range of so many standard deviations
_RANGE = 20.0
# median of the absolute value of a standard normal number
_MEDIAN = 0.6745


def outliers(run: Run) -> NDArray[np.bool_]:
    """Return which rows are gross errors.

    Residuals are those of a fit under Student's t with four degrees of freedom, by
    reweighting of rows (Lange, Little and Taylor 1989). Rows far from it are errors if
    networks trained on one half of them, besides all others, predict the other half
    no better.

    Parameters
    ----------
    run : Run
        A finished one.

    Returns
    -------
    found : ndarray of bool of shape (n_samples,)

    References
    ----------
    K. L. Lange, R. J. A. Little and J. M. G. Taylor, "Robust statistical modeling
    using the t distribution", Journal of the American Statistical Association 84, 1989.
    """
    none = np.zeros(len(run.data.X), dtype=bool)
    fits = _LEAST_ROWS <= len(none) <= _MOST_ROWS
    if not (fits and run.late and _is_suspicious(run)):
        return none
    fit = _robust_fit(run)
    distance = _distance(fit, run.data)
    far = far_rows(fit, run.data)
    rest = run.data.y[~far]
    few = 0 < far.sum() <= _MAX_PART * len(far) and bool((rest != rest[:1]).any())
    return far if few and _is_confirmed(run, far, distance) else none


def far_rows(fit: Run, data: Data) -> NDArray[np.bool_]:
    """Return which rows are further from a fit than its noise explains."""
    least = max(_FAR / np.sqrt(fit.state.beta), _LEAST_FAR)
    return np.asarray(_distance(fit, data) > least)


def is_better(run: Run, scale: Array, whole: Run, whole_scale: Array) -> bool:
    """Whether a fit to some rows explains all of them better than another does.

    The rows that it left out count as errors of uniform density; that there are errors
    at all, and which rows they are, has a price of log(n) for each.

    Parameters
    ----------
    run : Run
        The fit to some rows.
    scale : ndarray of shape (n_out,)
        Standard deviations of y, the units of the fit.
    whole, whole_scale : Run, ndarray of shape (n_out,)
        The same of the fit to all rows.
    """
    n_out = len(scale)
    n_errors = (whole.data.count - run.data.count) / n_out
    width = float(np.log(_RANGE * whole_scale).sum())
    price = n_errors * (np.log(len(whole.data.X)) + width)
    return _density(run, scale) - price > _density(whole, whole_scale)


def _density(run: Run, scale: Array) -> float:
    """Return the log evidence with its constants, in the units that y has."""
    constant = 0.5 * np.log(2 * np.pi) + float(np.log(scale).mean())
    return run.score - run.data.count * constant


def _is_suspicious(run: Run) -> bool:
    """Whether some rows may be spikes, or far from what the others predict."""
    if run.state.interpolates:
        return True
    worst = np.abs(left_out_residuals(run)).max(axis=1)
    return bool(worst.max() > max(_SUSPICIOUS * _deviation(worst), _LEAST_FAR))


def _robust_fit(run: Run) -> Run:
    """Return the fit of the higher evidence from a smooth start and a rough one."""
    fits = [_robust(run, beta) for beta in _FIRST_BETAS[:1]]
    if fits[0].state.beta < _POOR_BETA:
        fits.append(_robust(run, _FIRST_BETAS[1]))
    return max(fits, key=lambda fit: _evidence(fit, run.data))


def _robust(run: Run, beta: float) -> Run:
    """Train anew under Student's t, from a low noise precision that then rises."""
    data = run.data
    theta = initial_parameters(run.stack, data.X, [0])
    hyper, age = replace(run.prior.first, beta=beta), 0
    centred = (data.y - np.median(data.y, axis=0)) * data.root_weight[:, None]
    scale = np.median(np.abs(centred), axis=0) / _MEDIAN
    weight = _weight(centred / np.where(scale > 0, scale, 1.0))
    for _ in range(_N_ROUNDS):
        part = replace(data, root_weight=data.root_weight * np.sqrt(weight))
        fit = Run(run.stack, theta, part, None, hyper, age).advance(_N_ITER)
        theta, hyper = fit.point.theta, fit.state
        weight = _weight(np.sqrt(hyper.beta) * _residual(fit, data))
        age += _N_ITER
    return fit


def _evidence(fit: Run, data: Data) -> float:
    """Return the evidence with the likelihood of Student's t for the Gaussian one."""
    beta, n_out = fit.state.beta, data.y.shape[1]
    square = beta * (_residual(fit, data) ** 2).sum(axis=1)
    logarithm = np.log1p(square / _FREEDOM).sum() * data.count / data.y.size
    gaussian = fit.state.log_evidence + 0.5 * beta * fit.point.error
    return float(gaussian - 0.5 * (_FREEDOM + n_out) * logarithm)


def _is_confirmed(run: Run, far: NDArray[np.bool_], distance: Array) -> bool:
    """Whether rows that are far do not help to predict one another."""
    order = np.random.default_rng(0).permutation(np.flatnonzero(far))
    halves = [half for half in (order[::2], order[1::2]) if len(half)]
    ratio = np.concatenate([_errors(run, half) / distance[half] for half in halves])
    mean = np.exp(np.log(np.clip(ratio, _LEAST_RATIO, 1.0)).mean())
    return bool(mean > _LEAST_MEAN)


def _errors(run: Run, rows: Index) -> Array:
    """Return how far the rows are from the best fit to all others."""
    known = run.data.rows(np.setdiff1d(np.arange(len(run.data.X)), rows))
    theta = initial_parameters(run.stack, run.data.X, [0])
    errors = []
    for beta in _FIRST_BETAS:
        hyper = replace(run.prior.first, beta=beta)
        fit = Run(run.stack, theta, known, None, hyper).advance(_N_CHECK).finish()
        errors.append(_distance(fit, run.data)[rows])
    return min(errors, key=lambda error: float(np.median(error)))


def _residual(fit: Run, data: Data) -> Array:
    values = data.forward(fit.stack, fit.point.theta).values
    return (values - data.y) * data.root_weight[:, None]


def _distance(fit: Run, data: Data) -> Array:
    """Return the largest residual of each row."""
    largest: Array = np.abs(_residual(fit, data)).max(axis=1)
    return largest


def _weight(residual: Array) -> Array:
    """Return the weights of the rows under the multivariate t, at unit noise."""
    n_out = residual.shape[1]
    return (_FREEDOM + n_out) / (_FREEDOM + (residual**2).sum(axis=1))


def _deviation(distance: Array) -> float:
    """Return the standard deviation of normal numbers of these sizes."""
    return max(float(np.median(distance)) / _MEDIAN, 1e-300)
