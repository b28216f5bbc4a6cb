"""Which rows lie beyond the training data."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._regressor import DifferentiableRegressor
from .._sklearn_compat import BaseSearchCV, validate_data
from .._table import table_of
from .._validation import Array, dense
from ._columns import Columns

# the part of held-out rows that is to count as within the data
_WITHIN = 0.99
_N_NEIGHBORS = 3
# rows that are scored at a time
_N_ROWS = 2**16
# by which rows may differ from a column that is constant: the rounding of float32
_ROUNDING = 1e-6
# rows that differ by less, in standard deviations, are taken for readings of one
_RESOLUTION = 1e-3


def extrapolation_score(estimator: Any, X: Any, *, X_train: Any = None) -> Array:
    """Compute how far rows are from the training data; beyond them is above 1.

    A prediction between the training rows is backed by data, and so is its derivative.
    Beyond them both are a guess, which no model can tell from its parameters.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        A fitted `DifferentiableRegressor`, which keeps up to 2,000 of its training rows
        for this, or a Pipeline, a search or a TransformedTargetRegressor around one.
        Anything else needs `X_train`.
    X : array-like or frame of shape (n_samples, n_features)
        Rows as the estimator takes them.
    X_train : array-like or frame of shape (n_train, n_features), default=None
        The rows that the estimator was fitted to, or a sample of them. They are used in
        place of what the estimator has kept.

    Returns
    -------
    score : ndarray of shape (n_samples,)
        The distance of every row from the training data, without a unit: 1 is the edge
        of the data, 99% of rows like the training rows are below it. Infinite for a
        category that is not in the training data, for a row outside the domain of
        `x_scaler`, and where a column that was constant has another value.

    Raises
    ------
    ValueError
        If there are neither kept rows nor `X_train`, or if X has other columns.

    See Also
    --------
    DifferentiableRegressor.predict_jacobian : With ``return_std=True``, how well the
        data determine a derivative.

    Notes
    -----
    The distance of two rows is the largest difference in any column, in standard
    deviations of the column after `x_scaler`, or of the column of `X_train`. That of a
    row from the data is the mean of those from the three nearest of up to 2,000
    training rows, which are drawn at random from larger data; those that differ by less
    than 0.001 standard deviations in all columns count as one. It is divided by the
    0.99 quantile of the same distance of these rows, each held out in turn; of fewer
    than 99 rows, by that of an exponential tail, or by the largest distance if that is
    larger. Two categories are 2 standard deviations apart, and a missing number counts
    as the mean of its column.

    A row outside the range of a column is at least as far away as it is outside, in
    units of the range over the square root of 12, so that a scaler that clips does not
    hide it.

    References
    ----------
    E. M. Knorr, R. T. Ng and V. Tucakov, "Distance-based outliers: algorithms and
    applications", The VLDB Journal 8, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_nnderiv import DifferentiableRegressor
    >>> from sklearn_nnderiv.inspection import extrapolation_score
    >>> X = np.linspace(0, 3, 50).reshape(-1, 1)
    >>> model = DifferentiableRegressor(random_state=0).fit(X, np.sin(X).ravel())
    >>> extrapolation_score(model, [[1.5], [3.0], [3.1], [4.0]]).round(1)
    array([0.4, 0.5, 1.3, 8.7])
    """
    score = score_if_known(estimator, X, X_train)
    if score is None:
        inner = _innermost(estimator)[0]
        raise ValueError(_why_unknown(estimator, inner))
    return score


def score_if_known(estimator: Any, X: Any, X_train: Any = None) -> Array | None:
    """Return the score of `extrapolation_score`, None where no rows are known."""
    if X_train is not None:
        columns = Columns(X_train)
        table = columns.checked(X)
        edge = _Edge(columns.rows, columns.low, columns.high)

        def parts(rows: slice) -> tuple[Array, Array]:
            part = table.take(rows)
            return columns.scaled(part), columns.numbers(part)

        return edge.score(parts, len(table))
    regressor, prepare = _innermost(estimator)
    if isinstance(regressor, DifferentiableRegressor):
        check_is_fitted(regressor)
    if getattr(regressor, "_reference", None) is None:
        return None
    return _score_of(regressor, prepare, X)


def known_range(estimator: Any, X_train: Any = None) -> tuple[Array, Array] | None:
    """Return the range (n_features,) of the training data, None if it is not known."""
    if X_train is not None:
        columns = Columns(X_train)
        return columns.low, columns.high
    regressor, prepare = _innermost(estimator)
    reference = getattr(regressor, "_reference", None)
    if prepare is not _as_it_is or reference is None:
        return None
    return reference.low, reference.high


def _score_of(
    regressor: DifferentiableRegressor, prepare: Callable[[Any], Any], X: Any
) -> Array:
    """Return the score by what a regressor has kept, after what stands before it."""
    reference = regressor._reference
    spread = reference.rows.std(axis=0)
    varies = spread > 0
    unit = spread[varies]
    edge = _Edge(reference.rows[:, varies] / unit, reference.low, reference.high)
    table = table_of(X)

    def parts(rows: slice) -> tuple[Array, Array]:
        given = prepare(table.take(rows).X)
        raw = validate_data(regressor, given, dtype=np.float64, reset=False)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of what is outside a scaler's domain
            scaled = dense(regressor.x_scaler_.transform(raw))
        return scaled[:, varies] / unit, raw

    return edge.score(parts, len(table))


class _Edge:
    """The edge of data.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_columns)
        In units in which all columns count alike.
    low, high : ndarray of shape (n_features,)
        The raw range of all the data.
    """

    def __init__(self, rows: Array, low: Array, high: Array) -> None:
        self._low, self._high = low, high
        rows = _with_a_column(rows)
        cells = np.round(rows / _RESOLUTION)
        rows = rows[np.unique(cells, axis=0, return_index=True)[1]]
        k = min(_N_NEIGHBORS, max(1, len(rows) - 1))
        self._search = NearestNeighbors(n_neighbors=k, metric="chebyshev").fit(rows)
        self._unit = 0.0
        if len(rows) > 1:
            held_out = self._search.kneighbors()[0].mean(axis=1)
            self._unit = _upper_end(np.sort(held_out))

    def score(
        self, parts: Callable[[slice], tuple[Array, Array]], n_rows: int
    ) -> Array:
        """Return the score of rows, which `parts` gives in its units and in raw ones.

        The rows are taken in chunks.
        """
        score = np.empty(n_rows)
        for start in range(0, n_rows, _N_ROWS):
            rows = slice(start, min(start + _N_ROWS, n_rows))
            scaled, raw = parts(rows)
            distance = np.maximum(self._distance(scaled), self._beyond(raw))
            score[rows] = _ratio(distance, self._unit)
        return score

    def _distance(self, scaled: Array) -> Array:
        distance = np.full(len(scaled), np.inf)
        scaled = _with_a_column(scaled)
        finite = np.isfinite(scaled).all(axis=1)
        if finite.any():
            distance[finite] = self._search.kneighbors(scaled[finite])[0].mean(axis=1)
        return distance

    def _beyond(self, raw: Array) -> Array:
        """Return how far rows are beyond the range of any column."""
        low, high = self._low, self._high
        gap = np.fmax(np.fmax(low - raw, raw - high), 0.0)
        size = np.fmax(abs(low), abs(high))
        constant = high - low <= _ROUNDING * size
        gap[constant & (gap <= _ROUNDING * size)] = 0.0
        return _ratio(gap, (high - low) / math.sqrt(12)).max(axis=1)


def _with_a_column(rows: Array) -> Array:
    """Return rows, with a column of zeros if none of theirs varies."""
    return rows if rows.shape[1] else np.zeros((len(rows), 1))


def _upper_end(held_out: Array) -> float:
    """Return the quantile of sorted distances below which rows are within the data."""
    n = len(held_out)
    rank = math.ceil(_WITHIN * (n + 1))
    if rank <= n:
        return float(held_out[rank - 1])
    # too few rows to see the quantile: that of an exponential tail above the median
    median = np.median(held_out)
    excess = held_out[held_out >= median].mean() - median
    return max(held_out[-1], median + excess * math.log(0.5 / (1 - _WITHIN)))


def _ratio(distance: Array, unit: Any) -> Array:
    """Return distances in a unit, where nothing is nothing in any."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(distance > 0, distance / unit, 0.0)


def _as_it_is(X: Any) -> Any:
    return X


@singledispatch
def _innermost(estimator: Any) -> tuple[Any, Callable[[Any], Any]]:
    """Return the regressor inside others, and what its rows are made of theirs by."""
    return estimator, _as_it_is


@_innermost.register
def _of_pipeline(estimator: Pipeline) -> tuple[Any, Callable[[Any], Any]]:
    regressor, inner = _innermost(estimator.steps[-1][1])
    if len(estimator.steps) == 1:
        return regressor, inner
    before = estimator[:-1].transform
    return regressor, lambda X: inner(before(X))


@_innermost.register
def _of_search(estimator: BaseSearchCV) -> tuple[Any, Callable[[Any], Any]]:
    check_is_fitted(estimator)
    if not estimator.refit:  # nothing predicts
        return estimator, _as_it_is
    return _innermost(estimator.best_estimator_)


@_innermost.register
def _of_target(estimator: TransformedTargetRegressor) -> Any:
    check_is_fitted(estimator)
    return _innermost(estimator.regressor_)


@_innermost.register
def _of_frozen(estimator: FrozenEstimator) -> Any:
    return _innermost(estimator.estimator)


def _why_unknown(estimator: Any, inner: Any) -> str:
    if isinstance(inner, DifferentiableRegressor):
        return (
            "This DifferentiableRegressor was fitted by a version of the package that "
            "kept no training rows. Fit it again, or pass its training rows as "
            "`X_train`."
        )
    return (
        f"{type(estimator).__name__} keeps no training rows to compare X with. Pass "
        "the rows that it was fitted to, or a sample of them, as `X_train`."
    )
