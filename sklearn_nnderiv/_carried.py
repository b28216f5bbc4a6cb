"""Derivative labels on their way from raw columns to those of a last step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from ._assembly import by_chunks, scaled_slopes, typical_steps, warn_of_units
from ._derivatives import derivatives
from ._regressor import DifferentiableRegressor
from ._table import Table, plain_table, table_of
from ._training import Rows
from ._validation import Array, check_weights, warn
from .exceptions import DerivativeWarning

# of what a step's `fit_transform` and `transform` may differ by, in spreads of a column
_SAME = 1e-3
# and besides, in units of the largest number
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Carried:
    """Derivatives of y by raw columns, and how the columns at hand move with these.

    Attributes
    ----------
    numbers : ndarray of shape (n, d)
        The raw columns, finite in those that have labels.
    names : sequence of length d or None
        Of the raw columns.
    jacobian : ndarray of shape (n, n_outputs, d)
        NaN where unknown.
    directions : ndarray of shape (n or 1, d, m)
        A single set of them is that of all rows.
    """

    numbers: Array
    names: Sequence[Any] | None
    jacobian: Array
    directions: Array

    @classmethod
    def of(cls, table: Table, jacobian: Array) -> Carried:
        """Return labels along the columns of a table."""
        numbers = table.numbers().copy()
        for column in numbers.T:
            gaps = np.isnan(column)
            if gaps.any():
                # one of those that there are: a constant stays a constant
                column[gaps] = 0.0 if gaps.all() else np.nanmedian(column)
        return cls(numbers, table.names, jacobian, np.eye(table.width)[None])

    def through(
        self, steps: Sequence[tuple[str, Any]], X: Any, transformed: Any
    ) -> Carried:
        """Return the labels along the columns that fitted steps have made of X."""
        steps = [(n, step) for n, step in steps if step not in (None, "passthrough")]
        if not steps:
            return self
        function = Pipeline(steps)
        table, expected = table_of(X), plain_table(transformed).numbers()
        undefined = np.zeros(self.numbers.shape, dtype=bool)
        off = np.zeros(expected.shape[1])

        def moving(rows: slice) -> Array:
            values, slopes = derivatives(
                function, table.take(rows).X, "values", "jacobian", method="transform"
            )
            slopes = slopes.reshape(len(values), -1, table.width).transpose(0, 2, 1)
            difference = abs(values.reshape(len(values), -1) - expected[rows])
            np.fmax(off, np.fmax.reduce(difference, axis=0), out=off)
            has_none = ~np.isfinite(slopes).all(axis=2, keepdims=True)
            along = self._of(rows)
            undefined[rows] = np.matmul(along != 0, has_none)[:, :, 0]
            return np.matmul(along, np.where(has_none, 0.0, slopes))

        size = table.width * expected.shape[1]
        directions = by_chunks(moving, len(table), size)
        moved = directions.any(axis=(0, 1))
        rounding = _ROUNDING * abs(expected).max()
        is_other = off > _SAME * np.ptp(expected, axis=0) + rounding
        _warn_of_other_rows(is_other & moved)
        labels = self._known_where(~undefined, directions)
        return replace(self, jacobian=labels, directions=directions)

    def _of(self, rows: slice) -> Array:
        return self.directions if len(self.directions) == 1 else self.directions[rows]

    def _known_where(self, defined: NDArray[np.bool_], directions: Array) -> Array:
        """Return the labels that there is a direction for; warn of the others."""
        given = ~np.isnan(self.jacobian).all(axis=1)
        lost = np.asarray((given & ~defined).any(axis=0))
        if lost.any():
            warn(
                "`jacobian` has labels along which the steps have no derivative, as by "
                "missing cells and by numbers that an encoder takes for categories. "
                f"They are left out; the columns are {self._named(lost)}. Set them to "
                "NaN.",
                DerivativeWarning,
            )
        claimed = np.nan_to_num(self.jacobian).any(axis=(0, 1))
        unused = np.asarray(claimed & ~lost & ~directions.any(axis=(0, 2)))
        if unused.any():
            warn(
                "No step passes on anything of these columns, by which `jacobian` has "
                f"labels that are not 0: {self._named(unused)}. They are left out, and "
                "the derivative by these columns will be 0.",
                DerivativeWarning,
            )
        return np.where((defined & ~unused)[:, None], self.jacobian, np.nan)

    def _named(self, mask: NDArray[np.bool_]) -> list[Any]:
        columns = np.flatnonzero(mask).tolist()
        return columns if self.names is None else [self.names[j] for j in columns]

    def of_target(self, transformer: Any, y: Any) -> Carried:
        """Return the labels of a transformed target, from those of the raw one."""
        rows = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
        (after,) = derivatives(
            transformer, rows, "jacobian", method="inverse_transform"
        )
        after = after.reshape(len(rows), -1, rows.shape[1])
        if after.shape[1] != after.shape[2]:
            raise ValueError(
                f"{type(transformer).__name__} turns {after.shape[1]} outputs into "
                f"{after.shape[2]}, so that labels of the former say too little of the "
                "latter. With `jacobian`, transform the target one to one."
            )
        slopes = scaled_slopes(after, self.jacobian)
        return replace(self, jacobian=np.where(np.isfinite(slopes), slopes, np.nan))


def _warn_of_other_rows(is_other: NDArray[np.bool_]) -> None:
    """Warn where directions are not those of the rows that are trained on."""
    if is_other.any():
        warn(
            "The steps' fit_transform and transform differ in the transformed columns "
            f"{np.flatnonzero(is_other).tolist()}, as those of a TargetEncoder do. The "
            "labels are taken along directions at the rows of transform, and are off "
            "by as much.",
            DerivativeWarning,
        )


class Carrier:
    """Stands for a last step, and fits it to labels where that would be fitted.

    Parameters
    ----------
    estimator : estimator
        The last step.
    carry : callable
        From the X and y that the step is given to its labels.
    """

    def __init__(self, estimator: Any, carry: Callable[[Any, Any], Carried]) -> None:
        self.estimator, self.carry = estimator, carry

    def fit(self, X: Any, y: Any, **params: Any) -> Carrier:
        fit_along(self.estimator, self.carry(X, y), X, y, **params)
        return self

    def __getattr__(self, name: str) -> Any:
        """Return anything else as the step has it."""
        return getattr(self.estimator, name)

    def __sklearn_clone__(self) -> Carrier:
        return Carrier(clone(self.estimator), self.carry)


@singledispatch
def check_end(estimator: Any, place: str = "") -> None:
    """Raise unless an estimator can be fitted along directions."""
    raise TypeError(
        "`jacobian` needs a DifferentiableRegressor as the last step, or a "
        "TransformedTargetRegressor or a DifferentiablePipeline around one. But "
        f"{place} is a {type(estimator).__name__}. Put the pipeline inside searches "
        "and ensembles, not these inside the pipeline."
    )


@singledispatch
def fit_along(estimator: Any, carried: Carried, X: Any, y: Any, **params: Any) -> None:
    """Fit an estimator that `check_end` lets pass."""
    check_end(estimator)


@check_end.register
def _check_regressor(estimator: DifferentiableRegressor, place: str = "") -> None:
    pass


@fit_along.register
def _fit_regressor(
    estimator: DifferentiableRegressor,
    carried: Carried,
    X: Any,
    y: Any,
    sample_weight: Any = None,
) -> None:
    targets = np.asarray(y, dtype=np.float64).reshape(len(carried.numbers), -1)
    weight = check_weights(sample_weight, carried.numbers)
    rows = Rows(carried.numbers, targets, weight, carried.jacobian)
    rows = rows.of_positive_weight()
    warn_of_units(rows, carried.names)
    step = typical_steps(rows, ~np.isnan(carried.jacobian[weight > 0]))
    labels, along = carried.jacobian * step, carried.directions * step[:, None]
    estimator._fit_along(X, y, sample_weight, labels, along)


@check_end.register
def _check_target(estimator: TransformedTargetRegressor, place: str = "") -> None:
    check_end(estimator.regressor, f"the regressor of {place}")


@fit_along.register
def _fit_target(
    estimator: TransformedTargetRegressor,
    carried: Carried,
    X: Any,
    y: Any,
    **params: Any,
) -> None:
    """Fit it as it fits itself, with another regressor that knows more."""

    def of_target(_: Any, transformed: Any) -> Carried:
        return carried.of_target(inner.transformer_, transformed)

    inner = copy(estimator)
    inner.regressor = Carrier(estimator.regressor, of_target)
    inner.fit(X, y, **params)
    fitted = {**vars(inner), "regressor": estimator.regressor}
    vars(estimator).update(fitted, regressor_=inner.regressor_.estimator)
