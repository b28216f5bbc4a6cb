"""Poincaré constants of one-dimensional distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats
from scipy.linalg import eigh_tridiagonal

from .._validation import Array

_N_CELLS = 2000
# tails of less probability are cut off; a narrower cell, in widths, is merged
_NO_TAIL, _LEAST_WIDTH = 1e-30, 1e-5
# a probability of less is no bridge between two parts of a distribution
_NO_MASS = 1e-250
# the probability of the tails that are looked at point by point
_RARE = 1e-15
# places far out in a tail, in interquartile ranges from the median
_FAR = 10.0 ** np.arange(0.5, 12.5, 0.5)
# a rate of decay that falls by more from one of them to the next tends to 0
_FALLS = 1e-4


def poincare_constant(distribution: Any) -> float:
    r"""Return C, or a bound on it, with Var g(x) <= C E[g'(x)^2] for every g.

    Parameters
    ----------
    distribution : frozen distribution of scipy.stats
        Uniform and normal ones have closed forms. For other bounded ones 1 / C is the
        least positive eigenvalue of -(p g')' = e p g, without flux at the ends. For
        unbounded ones C is at most 4 sup (min(F, 1 - F) / p)^2.

    Returns
    -------
    constant : float
        Infinite where a tail is heavier than any exponential one.

    References
    ----------
    O. Roustant, F. Barthe, B. Iooss, "Poincaré inequalities on intervals - application
    to sensitivity analysis", Electronic Journal of Statistics 11, 2017.
    M. Lamboni, B. Iooss, A.-L. Popelin, F. Gamboa, "Derivative-based global sensitivity
    measures: general links with Sobol' indices and numerical tests", Mathematics and
    Computers in Simulation 87, 2013.
    """
    low, high = (float(end) for end in distribution.support())
    kind = getattr(distribution, "dist", None)
    if isinstance(kind, type(stats.norm)):
        return float(distribution.var())
    if isinstance(kind, type(stats.uniform)):
        return ((high - low) / math.pi) ** 2
    with np.errstate(all="ignore"):
        if math.isfinite(high - low):
            return _of_bounded(distribution, low, high)
        return _of_unbounded(distribution, low, high)


def _of_bounded(distribution: Any, low: float, high: float) -> float:
    """Return the constant by linear finite elements with lumped masses."""
    low = max(low, float(distribution.ppf(_NO_TAIL)))
    high = min(high, float(distribution.isf(_NO_TAIL)))
    nodes = _nodes(distribution, low, high)
    mass, right = _cells(distribution, nodes)
    (has_mass,) = np.nonzero(mass > _NO_MASS)
    inner = slice(has_mass[0], has_mass[-1] + 1)
    mass, right = mass[inner], right[inner]
    width = np.diff(nodes)[inner] / (high - low)
    if mass.min() <= _NO_MASS:
        return math.inf  # a step between the parts has no derivative
    stiffness = mass / width**2
    weight = np.append(mass * (1 - right), 0.0) + np.append(0.0, mass * right)
    diagonal = np.append(stiffness, 0.0) + np.append(0.0, stiffness)
    beside = -stiffness / np.sqrt(weight[:-1] * weight[1:])
    diagonal /= weight
    (value,) = eigh_tridiagonal(
        diagonal, beside, eigvals_only=True, select="i", select_range=(1, 1)
    )
    rounding = 1e3 * np.finfo(float).eps * diagonal.max()
    return math.inf if value <= rounding else (high - low) ** 2 / float(value)


def _nodes(distribution: Any, low: float, high: float) -> Array:
    """Return ends of cells that divide both the interval and the probability."""
    even = np.linspace(0.0, 1.0, _N_CELLS + 1)
    places = np.append(low + even * (high - low), distribution.ppf(even))
    places = np.unique(np.clip(places, low, high))
    share = distribution.cdf(places) + (places - low) / (high - low)
    spread = share[-1] - share[0]
    nodes = np.interp(share[0] + even * spread, share, places)
    steps = np.floor((nodes - low) / (high - low) / _LEAST_WIDTH)
    _, first = np.unique(steps, return_index=True)
    nodes = nodes[first]
    nodes[-1] = high
    return nodes


def _cells(distribution: Any, nodes: Array) -> tuple[Array, Array]:
    """Return the probability of every cell, and where its centre of mass is in it."""
    below, above = distribution.cdf(nodes), distribution.sf(nodes)
    mass = np.where(below[:-1] < 0.5, np.diff(below), -np.diff(above))
    points, share = np.polynomial.legendre.leggauss(3)
    points = (points + 1) / 2
    density = distribution.pdf(nodes[:-1, None] + np.diff(nodes)[:, None] * points)
    density = np.where(np.isfinite(density), density, 0.0) * share
    total = density.sum(axis=1)
    right = (density @ points) / np.where(total > 0, total, 1.0)
    return mass, np.where(total > 0, right, 0.5)


def _of_unbounded(distribution: Any, low: float, high: float) -> float:
    """Return Cheeger's bound."""
    middle = distribution.median()
    ratios = [0.0]
    for end, last, mass in (
        (low, distribution.ppf(_RARE), distribution.cdf),
        (high, distribution.isf(_RARE), distribution.sf),
    ):
        if math.isinf(end):
            rate = _rate_of_decay(distribution, math.copysign(1.0, end))
            ratios.append(1 / rate if rate else math.inf)
        places = np.linspace(middle, last, _N_CELLS + 1)
        ratio = mass(places) / distribution.pdf(places)
        ratios.append(np.max(ratio[~np.isnan(ratio)], initial=0.0))
    return 4 * float(np.max(ratios)) ** 2


def _rate_of_decay(distribution: Any, side: float) -> float:
    """Return the limit of the slope of -log p far out, 0 for heavy tails.

    It is infinite where the tail is lighter than an exponential one.
    """
    low, middle, high = distribution.ppf([0.25, 0.5, 0.75])
    distance = (high - low) * _FAR
    height = -distribution.logpdf(middle + side * distance)
    rate = np.diff(height) / np.diff(distance)
    rate = rate[np.isfinite(rate)]
    if len(rate) > 1 and rate[-1] < (1 - _FALLS) * rate[-2]:
        return 0.0
    # where the density is 0 in double precision it has not decayed slowly
    return max(float(rate[-1]), 0.0) if len(rate) == len(_FAR) - 1 else math.inf
