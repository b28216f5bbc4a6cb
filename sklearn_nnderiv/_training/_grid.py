"""Inputs on few levels: wiggles of the network between the levels, and their repair.

Where an input has few levels, the evidence is blind to what the network does between
them, and prefers networks that wiggle there. The remedy is further rows, which ask for
values between the levels that are interpolated from the network's own on the levels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._engines import Block, Contrasts
from .._validation import Array
from ._candidates import initial_parameters
from ._covariance import Covariance
from ._data import Data
from ._levels import Interpolant, find_levels
from ._lm import Run
from ._normal import Primal, by_output

# lines through rows, along which an interpolant is chosen
_N_LINES = 60
# rows between levels, for each input on levels, and for all of them together
_N_ROWS = 120
_MAX_ROWS = 300
_MOST_PER_ROW = 4
_LEAST_LINES = 4
# rows are in this part of the gap between two levels
_MIDDLE = (0.2, 0.8)
# a difference of network and interpolant that is left alone: of the slopes in units of
# the norm of the Jacobian, of the values in units of the interpolant's error
_SMALL_SLOPE = 3e-4
_SMALL_VALUE = 1.0
# ... and in units of the residuals, where those are noise
_SMALL_NOISE = 0.5
# ... unless slopes between two levels differ by more, in units of the Jacobian
_SMALL_SWING = 0.05
# precision of the further rows in units of that of the interpolant, whose error is
# estimated from gaps twice as wide; and its bounds
_TRUST = 10.0
_PRECISIONS = (3e3, 1e10)
# noise precision to begin again with, low enough for wiggles to give way
_FIRST_BETA = 1e3
_N_ROUNDS, _N_ITER = 12, 10
# ... which end where it changes by less than this part, from some age on
_SETTLED, _LEAST_AGE = 0.01, 50
# fresh networks where the old one does not find back to the rows
_N_FRESH = 2
# a fit that is as good as before: in units of the noise, and in scaled units
_AS_GOOD, _SMALL_RESIDUAL = 1.2, 3e-3
# age of parameters whose precisions need no bounds any more
_AGE = 20


@dataclass(frozen=True)
class Grid:
    """What is known between the levels of inputs.

    Attributes
    ----------
    interpolants : dict of int to Interpolant
        By column.
    contrasts : Contrasts
        Values between levels, less those interpolated from the values on the levels.
    between : ndarray of int of shape (n_contrasts,)
        Which points lie between levels, one for each contrast.
    columns : ndarray of int of shape (n_contrasts,)
        The column along which each contrast lies.
    """

    interpolants: dict[int, Interpolant]
    contrasts: Contrasts
    between: NDArray[np.intp]
    columns: NDArray[np.intp]

    @classmethod
    def of(cls, run: Run, levels: dict[int, Array]) -> Grid:
        """Choose interpolants for the network, and draw points: always the same."""
        rng = np.random.default_rng(0)
        X = run.data.X
        some = X[rng.permutation(len(X))[:_N_LINES]]
        found = {
            j: Interpolant.of(u, _on_levels(run, some, j, u)) for j, u in levels.items()
        }
        points: list[Array] = []
        blocks: list[Block] = []
        between: list[NDArray[np.intp]] = []
        columns: list[int] = []
        start = 0
        for j, line, matrix in _lines(X, found, rng):
            n_between, n_levels = matrix.shape
            points.append(line)
            blocks.append(Block(start, np.hstack([-matrix, np.eye(n_between)])))
            between.append(start + n_levels + np.arange(n_between))
            columns += [j] * n_between
            start += len(line)
        contrasts = Contrasts(np.concatenate(points), blocks)
        return cls(found, contrasts, np.concatenate(between), np.array(columns))

    def deviations(self, run: Run) -> dict[int, float]:
        """Return the root mean square contrast along each column."""
        values = run.stack.forward(run.point.theta, self.contrasts.points).values
        return self._by_column(self.contrasts.of(values))

    def slope_deviations(self, run: Run) -> dict[int, float]:
        """Return the same of the slopes, in units of the norm of the Jacobian."""
        points = self.contrasts.points[self.between]
        forward = run.stack.forward(run.point.theta, points)
        jacobian = forward.input_jacobian()
        norm = np.sqrt((jacobian**2).sum(axis=(1, 2)).mean())
        own = jacobian[np.arange(len(points)), :, self.columns]
        difference = self._by_column(own - self._interpolated_slopes(run))
        factor = np.sqrt(run.stack.n_out) / max(float(norm), 1e-300)
        return {j: factor * value for j, value in difference.items()}

    def wiggles(self, run: Run) -> bool:
        """Whether the network leaves the interpolants by more than their error."""
        deviations, slopes = self.deviations(run), self.slope_deviations(run)
        noise = _SMALL_NOISE * _residual(run)
        for j, one in self.interpolants.items():
            # nothing but a line is of use between two levels, whatever the noise
            swings = len(one.levels) == 2 and slopes[j] > _SMALL_SWING
            least = _SMALL_VALUE * one.error
            if slopes[j] > _SMALL_SLOPE and deviations[j] > (
                least if swings else max(least, noise)
            ):
                return True
        return False

    def precisions(self) -> Array:
        """Return how far each contrast is to be trusted to vanish."""
        found = {
            j: float(np.clip(_TRUST / max(one.error**2, 1e-300), *_PRECISIONS))
            for j, one in self.interpolants.items()
        }
        return np.array([found[j] for j in self.columns])

    def sharing(self) -> Array:
        """Return how many contrasts share one error of an interpolant, for each."""
        found = {
            j: (self.columns == j).sum() / (len(one.levels) - 1)
            for j, one in self.interpolants.items()
        }
        return np.array([found[j] for j in self.columns])

    def _interpolated_slopes(self, run: Run) -> Array:
        values = run.stack.forward(run.point.theta, self.contrasts.points).values
        found: list[Array] = []
        row = 0
        for start, weights in self.contrasts.blocks:
            n_between = len(weights)
            n_levels = weights.shape[1] - n_between
            j = int(self.columns[row])
            row += n_between
            at = self.contrasts.points[start + n_levels :][:n_between, j]
            matrix = self.interpolants[j].matrix(at, slope=True)
            found.append(matrix @ values[start : start + n_levels])
        return np.concatenate(found)

    def _by_column(self, table: Array) -> dict[int, float]:
        square = (table**2).mean(axis=1)
        return {
            j: float(np.sqrt(square[self.columns == j].mean()))
            for j in self.interpolants
        }


def mend(run: Run) -> Run | None:
    """Return the network without wiggles between levels; None if there are none.

    Parameters
    ----------
    run : Run
        A finished one.

    Returns
    -------
    mended : Run or None
        On the same rows with contrasts besides; its evidence is that of the rows.
    """
    levels = find_levels(run.data.X) if run.stack.hidden else {}
    if not levels:
        return None
    grid = Grid.of(run, levels)
    if not grid.wiggles(run):
        return None
    as_good = float(_AS_GOOD / np.sqrt(run.state.beta))
    best, least = None, max(_misfit(run, grid), as_good)
    for start in _starts(run):
        mended = _anneal(start, grid)
        misfit = _misfit(mended, grid)
        if misfit < least:
            best, least = mended, misfit
        if misfit < max(as_good, _SMALL_RESIDUAL):
            break
    return None if best is None else _for_comparison(best, run.data, grid)


def _starts(run: Run) -> Iterator[Run]:
    """Yield the network itself, and fresh ones, with a low noise precision."""
    beta = min(_FIRST_BETA, run.state.beta)
    hyper = replace(run.state, alpha=np.minimum(run.state.alpha, beta), beta=beta)
    yield Run(run.stack, run.point.theta, run.data, None, hyper, _AGE)
    hyper = replace(run.prior.first, beta=_FIRST_BETA)
    for seed in range(_N_FRESH):
        theta = initial_parameters(run.stack, run.data.X, [seed])
        yield Run(run.stack, theta, run.data, None, hyper)


def _anneal(run: Run, grid: Grid) -> Run:
    """Train under contrasts, from a low noise precision that then rises."""
    precision, data, age = grid.precisions(), run.data, run.age
    zeros = np.zeros((len(precision), data.y.shape[1]))
    counted, mended = float(zeros.size), run
    for _ in range(_N_ROUNDS):
        theta, hyper = mended.point.theta, mended.state
        root_weight = np.sqrt(precision / hyper.beta)
        more = replace(
            data,
            y=np.concatenate([data.y, zeros]),
            root_weight=np.concatenate([data.root_weight, root_weight]),
            count=data.count + min(counted, zeros.size),
            beside=grid.contrasts,
        )
        mended = Run(run.stack, theta, more, None, hyper, age).advance(_N_ITER)
        counted = _counted(mended, len(data.X))
        age += _N_ITER
        change = abs(np.log(mended.state.beta / hyper.beta))
        if age > _LEAST_AGE and change < _SETTLED:
            break
    return mended


def _counted(run: Run, n: int) -> float:
    """Return as how many residuals the rows from the n-th on are to count.

    Their precision is given, so that they are to have no part in the estimate of the
    noise: it is what they add to the error and to the number of parameters determined.
    """
    forward, root, k = run.point.forward, run.data.root_weight, run.stack.n_out
    factor = Primal.of(forward, root).factor(run.prior.proper_ratio(run.state))
    if factor is None:
        return np.inf
    covariance = Covariance.of(factor)
    inner = np.empty((len(root) - n, k, run.stack.n_inner))
    forward.inner_jacobian(inner, slice(n, len(root)), by_output(root))
    features = forward.features[n:] * root[n:, None]
    determined = sum(
        covariance.squared_norm(j, inner[:, j], features).sum() for j in range(k)
    )
    return float(determined + run.state.beta * (run.point.residual[n:] ** 2).sum())


def _misfit(run: Run, grid: Grid) -> float:
    """Return the root mean square of residuals on levels and contrasts together."""
    between = [value**2 for value in grid.deviations(run).values()]
    return float(np.sqrt(_residual(run) ** 2 + np.mean(between)))


def _residual(run: Run) -> float:
    """Return the root mean square residual on the rows."""
    return float(np.sqrt((run.point.residual[: len(run.data.X)] ** 2).mean()))


def _for_comparison(mended: Run, data: Data, grid: Grid) -> Run:
    """Set the evidence to that of the data, and the weights to those of a posterior.

    In the posterior, contrasts are as certain as the interpolants, which all lines
    between two levels have in common.
    """
    plain = Run(mended.stack, mended.point.theta, data, None, mended.state)
    factor = plain.point.system.factor(plain.prior.proper_ratio(plain.state))
    if factor is not None:
        error = plain.point.error
        hyper = plain.prior.update(plain.state, plain.theta, error, factor, _AGE)
        mended.state = replace(mended.state, log_evidence=hyper.log_evidence)
    root_weight = mended.data.root_weight.copy()
    root_weight[len(data.X) :] /= np.sqrt(_TRUST * grid.sharing())
    mended.data = replace(mended.data, count=data.count, root_weight=root_weight)
    mended.best = None
    return mended


def _on_levels(run: Run, rows: Array, column: int, levels: Array) -> Array:
    """Return values (n_levels, n_rows * n_out) along lines through rows."""
    points = np.concatenate([_line(row, column, levels) for row in rows])
    values = run.stack.forward(run.point.theta, points).values
    return (
        values.reshape(len(rows), len(levels), -1)
        .swapaxes(0, 1)
        .reshape(len(levels), -1)
    )


def _lines(
    X: Array, interpolants: dict[int, Interpolant], rng: np.random.Generator
) -> Iterator[tuple[int, Array, Array]]:
    """Yield columns, points on and between their levels, and interpolation matrices."""
    most = min(_MAX_ROWS, _MOST_PER_ROW * len(X))
    n_rows = min(_N_ROWS, most // len(interpolants))
    for j, one in interpolants.items():
        u = one.levels
        n_lines = max(_LEAST_LINES, -(-n_rows // (len(u) - 1)))
        rows = X[np.resize(rng.permutation(len(X)), n_lines)]
        for i, row in enumerate(rows):
            # interactions show where other inputs are between their levels too
            base = _moved(row, interpolants, rng) if i >= len(rows) // 2 else row
            at = u[:-1] + np.diff(u) * rng.uniform(*_MIDDLE, len(u) - 1)
            yield j, _line(base, j, np.concatenate([u, at])), one.matrix(at)


def _line(row: Array, column: int, at: Array) -> Array:
    points = np.tile(row, (len(at), 1))
    points[:, column] = at
    return points


def _moved(
    row: Array, interpolants: dict[int, Interpolant], rng: np.random.Generator
) -> Array:
    """Return a row whose inputs on levels are moved to between them."""
    result = row.copy()
    for j, one in interpolants.items():
        u = one.levels
        i = rng.integers(len(u) - 1)
        result[j] = u[i] + (u[i + 1] - u[i]) * rng.random()
    return result
