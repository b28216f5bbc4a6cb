"""Inputs with few distinct levels, and interpolation between the levels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from .._validation import Array

# closer values, in units of the range, are one level
_DUST = 1e-3
# a level may be so wide, in units of the smallest gap
_MAX_WIDTH = 0.02
# fewer distinct rows per level than these are scattered points
_LEAST_ROWS = 4
# between more levels than these, a network has no room to wiggle
_MAX_LEVELS = 50
# length scales of the Gaussian kernel, in median gaps; None is the cubic spline
_LENGTHS = (None, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0)
# keeps the system of a long kernel regular
_JITTER = 1e-13
# part of the rise between two levels that may deviate from a line
_BEND = 3e-3
# error of a cubic spline over a gap twice as wide, in units of that over the gap itself
_WIDER = 7.0


def find_levels(X: Array) -> dict[int, Array]:
    """Return the levels of each column that has few, and of a design all on levels.

    Values that differ by rounding count as one level, and equal rows count once.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_columns)

    Returns
    -------
    levels : dict of int to ndarray
        By column; increasing.
    """
    sorted_ = np.sort(X, axis=0)
    gap = _DUST * (sorted_[-1] - sorted_[0])
    n_levels = 1 + (np.diff(sorted_, axis=0) > gap).sum(axis=0)
    most = min(_MAX_LEVELS, len(X) // _LEAST_ROWS)
    table = _is_table(n_levels, len(X))
    few = (n_levels > 1) & (n_levels <= (_MAX_LEVELS if table else most))
    if not few.any():
        return {}
    rows = np.sort(np.unique(X, axis=0), axis=0)
    if not (table and _recur(rows, gap)):
        few &= n_levels <= len(rows) // _LEAST_ROWS
    found = {}
    for j in np.flatnonzero(few):
        gaps = np.diff(sorted_[:, j])
        apart = gaps > gap[j]
        groups = np.split(sorted_[:, j], np.flatnonzero(apart) + 1)
        width = max(group[-1] - group[0] for group in groups)
        if width <= _MAX_WIDTH * gaps[apart].min():
            found[int(j)] = np.array([group.mean() for group in groups])
    return found


def _is_table(n_levels: Array, n: int) -> bool:
    """Whether all columns, two at least, may be on levels that recur."""
    varying = n_levels[n_levels > 1]
    return len(varying) > 1 and bool(varying.max() <= n // 2)


def _recur(sorted_: Array, gap: Array) -> bool:
    """Whether every level of every column is that of two rows at least."""
    apart = np.diff(sorted_, axis=0) > gap
    alone = np.ones_like(sorted_, dtype=bool)
    alone[1:] &= apart
    alone[:-1] &= apart
    return not alone.any()


def interpolation(
    levels: Array, at: Array, length: float | None, *, slope: bool = False
) -> Array:
    """Return the matrix from values on the levels to interpolated values or slopes.

    Parameters
    ----------
    levels : ndarray of shape (n_levels,)
    at : ndarray of shape (n,)
    length : float or None
        Length scale of a Gaussian kernel beside a linear trend; None for the cubic
        spline without knots next to the ends.
    slope : bool
        Whether the derivatives are wanted in place of the values.

    Returns
    -------
    matrix : ndarray of shape (n, n_levels)
    """
    n = len(levels)
    if length is None:
        return CubicSpline(levels, np.eye(n))(at, int(slope))
    system = np.zeros((n + 2, n + 2))
    system[:n, :n] = _kernel(levels, levels, length) + _JITTER * np.eye(n)
    system[:n, n:] = trend = _trend(levels)
    system[n:, :n] = trend.T
    kernel, line = _kernel(at, levels, length), _trend(at)
    if slope:
        kernel *= (levels - at[:, None]) / length**2
        line = np.stack([np.zeros_like(at), np.ones_like(at)], axis=1)
    right = np.hstack([kernel, line])
    solved = np.linalg.solve(system, right.T)[:n]
    return np.asarray(solved.T, dtype=np.float64)


@dataclass(frozen=True)
class Interpolant:
    """The way to interpolate between levels that predicts left-out levels best.

    Attributes
    ----------
    levels : ndarray of shape (n_levels,)
    length : float or None
        See `interpolation`.
    errors : ndarray of shape (n_levels - 2,)
        Estimated root mean square error near each interior level.
    """

    levels: Array
    length: float | None
    errors: Array

    @classmethod
    def of(cls, levels: Array, values: Array) -> Interpolant:
        """Choose by leaving out each interior level.

        Parameters
        ----------
        levels : ndarray of shape (n_levels,)
        values : ndarray of shape (n_levels, n)
            Of n curves.
        """
        if len(levels) == 2:
            rise = np.sqrt((np.diff(values, axis=0) ** 2).mean())
            return cls(levels, None, np.array([_BEND * rise]))
        gap = float(np.median(np.diff(levels)))
        # of two levels that remain, only the line is known
        lengths = _LENGTHS if len(levels) > 3 else _LENGTHS[:1]
        ranked = []
        for one in lengths:
            length = None if one is None else one * gap
            errors = _left_out(levels, values, length)
            ranked.append((float(errors @ errors), length, errors))
        ranked.sort(key=lambda entry: entry[0])
        _, best, errors = ranked[0]
        errors = errors / _WIDER
        if len(ranked) > 1:
            doubt = _disagreement(levels, values, best, ranked[1][1])
            errors = np.maximum(errors, doubt)
        return cls(levels, best, errors)

    @property
    def error(self) -> float:
        """Return the estimated root mean square error of values between levels."""
        return float(np.sqrt((self.errors**2).mean()))

    def matrix(self, at: Array, *, slope: bool = False) -> Array:
        """Return the matrix from values on the levels to those at other places."""
        return interpolation(self.levels, at, self.length, slope=slope)


def _left_out(levels: Array, values: Array, length: float | None) -> Array:
    """Return the error at each interior level of an interpolation without it."""
    errors = []
    for i in range(1, len(levels) - 1):
        kept = np.arange(len(levels)) != i
        matrix = interpolation(levels[kept], levels[i : i + 1], length)
        errors.append(np.sqrt(((matrix @ values[kept] - values[i]) ** 2).mean()))
    return np.array(errors)


def _disagreement(
    levels: Array, values: Array, one: float | None, other: float | None
) -> float:
    """Return the root mean square difference of two interpolations between levels."""
    middle = (levels[1:] + levels[:-1]) / 2
    matrix = interpolation(levels, middle, one) - interpolation(levels, middle, other)
    return float(np.sqrt(((matrix @ values) ** 2).mean()))


def _kernel(a: Array, b: Array, length: float) -> Array:
    return np.exp(-0.5 * ((a[:, None] - b) / length) ** 2)


def _trend(a: Array) -> Array:
    return np.stack([np.ones_like(a), a], axis=1)
