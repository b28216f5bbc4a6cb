"""Inputs along which the data say little of the derivative."""

from __future__ import annotations

import numpy as np

from .._validation import Array
from ._grid import Grid
from ._levels import find_levels
from ._lm import Run

# an eigenvalue of the correlations below it: a pair correlated by 0.9999 has 1e-4
_LEAST_EIGENVALUE = 1e-4
# of its eigenvector, a part that is more than rounding
_LEAST_PART = 0.1
# fewer rows per column are collinear by chance
_ROWS_PER_COLUMN = 3
_LEAST_ROWS = 10
# a column with less of the Jacobian than this has nothing to mistake
_LEAST_SLOPE = 0.01
# rows that slopes are judged by
_MOST_ROWS = 500
# error of slopes near a level, in units of the root mean square along the column;
# of three levels it is the part of the slope that comes from the bend
_LARGE_ERROR, _LARGE_BEND = 0.15, 0.3
# difference of slopes from that of the line between two levels, in units of the latter
_LARGE_SWING = 0.5

TWO_LEVELS = "two levels, between which the network swings"
FEW_LEVELS = "too few levels for how the output bends, or a kink between them"
COLLINEAR = "almost a linear combination of others, so that its share is arbitrary"


def doubtful_columns(run: Run) -> dict[int, str]:
    """Return the columns whose derivative is doubtful, with the reason.

    Parameters
    ----------
    run : Run
        The fitted network.
    """
    X = run.data.X
    levels = find_levels(X)
    pairs = [j for j, u in levels.items() if len(u) == 2]
    rest = [j for j in range(X.shape[1]) if j not in pairs]
    found: dict[int, str] = {}
    if levels:
        steep = _shares(run) > _LEAST_SLOPE
        few = {j: u for j, u in levels.items() if len(u) > 2 and steep[j]}
        found = dict.fromkeys(swinging_columns(run), TWO_LEVELS)
        found.update(dict.fromkeys(_bent(run, few), FEW_LEVELS))
    for j in _collinear(X[:, rest]):
        found.setdefault(rest[j], COLLINEAR)
    return dict(sorted(found.items()))


def swinging_columns(run: Run) -> list[int]:
    """Return the columns of two levels between which the network leaves the line."""
    pairs = {j: u for j, u in find_levels(run.data.X).items() if len(u) == 2}
    if not pairs:
        return []
    steep = _shares(run) > _LEAST_SLOPE
    return [j for j, u in pairs.items() if steep[j] and _swings(run, j, u)]


def _shares(run: Run) -> Array:
    """Return the root mean square slope along each column, in units of the largest."""
    forward = run.stack.forward(run.point.theta, run.data.X[:_MOST_ROWS])
    slopes = np.sqrt((forward.input_jacobian() ** 2).mean(axis=(0, 1)))
    return slopes / max(float(slopes.max()), 1e-300)


def _swings(run: Run, column: int, levels: Array) -> bool:
    """Whether the slopes at two levels are far from that of the line between them."""
    X = np.repeat(run.data.X[:_MOST_ROWS], 2, axis=0)
    X[0::2, column], X[1::2, column] = levels
    forward = run.stack.forward(run.point.theta, X)
    slope = forward.input_jacobian()[:, :, column]
    rise = (forward.values[1::2] - forward.values[0::2]) / np.diff(levels)
    away = slope - np.repeat(rise, 2, axis=0)
    return bool((away**2).mean() > _LARGE_SWING**2 * (rise**2).mean())


def _bent(run: Run, levels: dict[int, Array]) -> list[int]:
    """Return the columns along which interpolation fails to predict a level."""
    if not levels or not run.stack.hidden:
        return []
    grid = Grid.of(run, levels)
    forward = run.stack.forward(run.point.theta, grid.contrasts.points[grid.between])
    jacobian = forward.input_jacobian()
    found = []
    for j, one in grid.interpolants.items():
        slope = np.sqrt((jacobian[grid.columns == j, :, j] ** 2).mean())
        # an error that swings once within two gaps
        error = np.pi * one.errors / np.median(np.diff(one.levels))
        large = _LARGE_BEND if len(one.levels) == 3 else _LARGE_ERROR
        if error.max() > large * slope:
            found.append(j)
    return found


def _collinear(X: Array) -> list[int]:
    """Return the columns of directions in which the rows hardly vary."""
    varies = np.flatnonzero(X.std(axis=0) > 0)
    n, d = len(X), len(varies)
    if d < 2 or n < max(_LEAST_ROWS, _ROWS_PER_COLUMN * d):
        return []
    values, vectors = np.linalg.eigh(np.corrcoef(X[:, varies], rowvar=False))
    small = vectors[:, values < _LEAST_EIGENVALUE]
    return varies[(abs(small) > _LEAST_PART).any(axis=1)].tolist()
