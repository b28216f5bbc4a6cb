"""Derivatives at rows with some of their columns moved over a grid."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch, check_random_state
from tqdm.auto import tqdm

from .._validation import Array, Index
from ._model import Model
from ._moments import Moments
from ._options import check_count
from ._sampled_rows import beyond

# numbers of the Jacobians of a block of grid points: 8 MiB
_BLOCK_SIZE = 2**20
_DECILES = np.arange(1, 10) / 10


class Moved:
    """Rows of a model, of which some columns are moved over a grid.

    Parameters
    ----------
    model : Model
    rows : ndarray of int of shape (n,)
        Their places.
    target : int
        The output.
    weight : ndarray of shape (n,)
    X_train : array-like or DataFrame
        By which rows beyond the data are told; None if the estimator keeps some.
    verbose : int
        Whether to show progress bars.
    """

    def __init__(
        self,
        model: Model,
        rows: Index,
        target: int,
        weight: Array,
        X_train: Any,
        verbose: int,
    ) -> None:
        self._model, self._rows, self._target = model, model.table.take(rows), target
        self._weight, self._X_train, self._verbose = weight, X_train, verbose

    def along(self, features: tuple[int, ...], grids: list[Array]) -> Bunch:
        """Return what a panel shows of one feature or two, over their grids."""
        points = np.array(list(product(*grids)))
        shape = [len(grid) for grid in grids]
        n, is_curve = len(self._rows), len(features) == 1
        average, share = np.empty((len(features), len(points))), np.empty(len(points))
        individual = np.empty((n, len(points) if is_curve else 0))
        is_beyond = np.empty(individual.shape, dtype=bool)
        flag = None
        for block, slopes, flag in self._blocks(features, points):
            moments = Moments()
            moments.update(slopes, self._weight)
            average[:, block] = moments.mean.T
            if flag is not None:
                share[block] = np.average(flag, axis=0, weights=self._weight)
            if is_curve:
                individual[:, block] = slopes[..., 0]
                is_beyond[:, block] = False if flag is None else flag
        found = Bunch(features=features, grid_values=grids)
        found.average = average[0] if is_curve else average.reshape(2, *shape)
        found.share_beyond = None if flag is None else share.reshape(shape)
        found.observed = self._rows.numbers()[:, features]
        if is_curve:
            found.individual = individual
            found.is_beyond = None if flag is None else is_beyond
        return found

    def _blocks(
        self, features: Sequence[int], points: Array
    ) -> Iterator[tuple[slice, Array, NDArray[np.bool_] | None]]:
        """Yield slopes (n, n_block, n_features), and flags, of blocks of points."""
        model, n, columns = self._model, len(self._rows), np.array(features)
        what = " and ".join(model.feature_names[j] for j in features)
        size = max(1, _BLOCK_SIZE // (n * model.n_outputs * model.n_features))
        with tqdm(
            total=len(points), disable=not self._verbose, desc=what, unit="points"
        ) as bar:
            for start in range(0, len(points), size):
                block = slice(start, min(start + size, len(points)))
                n_block = block.stop - start
                moved = self._rows.take(np.repeat(np.arange(n), n_block))
                moved = moved.replaced(columns, np.tile(points[block], (n, 1)))
                slopes = model.jacobian(moved)[:, self._target, columns]
                flag = beyond(model, moved, self._X_train)
                if flag is not None:
                    flag = flag.reshape(n, n_block)
                yield block, slopes.reshape(n, n_block, -1), flag
                bar.update(n_block)


def rows_of(weight: Array, subsample: Any, random_state: Any) -> Index:
    """Return the places of the rows to draw with, of those with a positive weight."""
    rows = np.flatnonzero(weight > 0)
    is_share = isinstance(subsample, float | np.floating)
    valid = (
        subsample is None
        or (is_share and 0 < subsample < 1)
        or (_is_count(subsample) and subsample > 0)
    )
    if not valid:
        raise ValueError(
            "`subsample` must be a positive number of rows, a share of them between 0 "
            f"and 1, or None. Got {subsample!r} instead."
        )
    if subsample is None:
        return rows
    size = int(np.ceil(subsample * len(rows))) if is_share else int(subsample)
    if size >= len(rows):
        return rows
    return np.sort(check_random_state(random_state).choice(rows, size, replace=False))


def grid_of(
    column: Array, name: str, resolution: int, percentiles: tuple[float, float]
) -> tuple[Array, Array]:
    """Return the points to evaluate a feature at, and its deciles.

    The points are its own values if these are few.
    """
    known = column[~np.isnan(column)]
    values = np.unique(known)
    if not len(values):
        raise ValueError(f"Feature {name!r} has no value that is known.")
    deciles = np.quantile(known, _DECILES)
    if len(values) < resolution:
        return values, deciles
    low, high = np.quantile(known, percentiles)
    if low == high:
        low, high = values[0], values[-1]
    return np.linspace(low, high, resolution), deciles


def check_grid(resolution: Any, percentiles: Any) -> tuple[float, float]:
    """Return the percentiles of a grid, checked, and check its number of points."""
    check_count(resolution, "grid_resolution", 2)
    try:
        low, high = (float(share) for share in percentiles)
    except (TypeError, ValueError):
        low = high = 0.0
    if not 0 <= low < high <= 1:
        raise ValueError(
            "`percentiles` must be two numbers between 0 and 1, the lower one first. "
            f"Got {percentiles!r} instead."
        )
    return low, high


def _is_count(given: Any) -> bool:
    return isinstance(given, int | np.integer) and not isinstance(given, bool)


def weighted_quantiles(values: Array, weight: Array, levels: Sequence[float]) -> Array:
    """Return quantiles (n_levels, m) of columns (n, m), where NaN counts as absent.

    Every value stands at the middle of its weight, as with Hazen's rule.
    """
    found = np.full((len(levels), values.shape[1]), np.nan)
    for j, column in enumerate(values.T):
        known = ~np.isnan(column)
        if known.any():
            order = np.argsort(column[known])
            w = weight[known][order]
            places = (np.cumsum(w) - w / 2) / w.sum()
            found[:, j] = np.interp(levels, places, column[known][order])
    return found


def groups_of(model: Model, features: Any) -> list[tuple[int, ...]]:
    """Return the places of the features of every panel, checked to be numbers."""
    if isinstance(features, str) or not np.iterable(features):
        raise ValueError(
            f"`features` must be a list of features and of pairs. Got {features!r}."
        )
    groups = []
    for given in features:
        pair = given if np.iterable(given) and not isinstance(given, str) else [given]
        group = tuple(model.feature_index(feature) for feature in pair)
        if len(group) not in (1, 2) or len(set(group)) < len(group):
            raise ValueError(
                "Each entry of `features` must be a feature, or a pair of different "
                f"ones. Got {given!r}."
            )
        groups.append(group)
    if not groups:
        raise ValueError("`features` is empty: there is nothing to draw.")
    for j in sorted({j for group in groups for j in group}):
        if not model.table.is_number[j]:
            raise ValueError(_NO_DERIVATIVE.format(model.feature_names[j]))
    return groups


def check_known(average: Array, names: list[str]) -> None:
    """Refuse features that are NaN everywhere, as numbers that stand for categories."""
    for slopes, name in zip(average.reshape(len(names), -1), names, strict=True):
        if np.isnan(slopes).all():
            raise ValueError(_NO_DERIVATIVE.format(name))


_NO_DERIVATIVE = (
    "There is no derivative along the feature {!r}: it is a category, or is treated as "
    "one. Leave it out here; marginal_effects gives the contrasts between its levels."
)
