"""Missing values.

A value that is filled in has a derivative of zero here. What it is in raw units, NaN,
is for the caller to say, who knows which cells were missing. Where a number stands for
them, the binding is told which.
"""

from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from sklearn.impute import KNNImputer, MissingIndicator, SimpleImputer

from .._elementwise.piecewise import fill_equal, fill_nan, is_equal, is_nan
from .._maps import (
    Concatenate,
    Elementwise,
    FillMissing,
    Map,
    Select,
    Sequential,
)
from .._sklearn_compat import fill_dtype, has_empty_columns
from .._table import plain_table
from .._validation import Array, Index
from ..exceptions import NotConvertibleError
from ._lookup import Converter, register_composition
from ._part import Part, beside, composed
from ._registry import convert, register_converter
from ._source import Source


def _missing(fitted: Any) -> float:
    """Return the number that stands for missing ones, which may be NaN."""
    value = fitted.missing_values
    if isinstance(value, Real):
        return float(value)
    if type(value).__name__ == "NAType":
        return float("nan")  # as which it comes out of a frame
    raise NotConvertibleError(
        f"{type(fitted).__name__} with missing_values={value!r} cannot be converted to "
        "torch, where all values are numbers. Use NaN for missing ones."
    )


def _selected(columns: Index, n_in: int, function: Map) -> Map:
    if len(columns) == n_in:
        return function
    return Sequential([Select(columns, n_in), function], n_in)


def _statistics(fitted: SimpleImputer) -> Array:
    try:
        return np.asarray(fitted.statistics_).astype(np.float64)
    except (TypeError, ValueError):
        raise NotConvertibleError(
            f"SimpleImputer with statistics_={fitted.statistics_!r} fills in something "
            "else than numbers, which has no derivative. Impute such columns apart."
        ) from None


@register_composition(SimpleImputer, "transform")
def _by_column(fitted: SimpleImputer, source: Source) -> Part:
    return _marked(fitted, source, _simple_imputer)


@register_composition(MissingIndicator, "transform")
def _indicated(fitted: MissingIndicator, source: Source) -> Part:
    return _marked(fitted, source, _missing_indicator)


def _marked(fitted: Any, source: Source, converter: Converter) -> Part:
    """Convert, with no derivative where a number stands for a missing one."""
    if source.feed is not None:
        if source.is_number is not None and not source.is_number.all():
            return source.bound(fitted)
        missing = _missing(fitted)
        if not np.isnan(missing):
            source = source.of_width(fitted.n_features_in_)
            source.mark_gaps(partial(_nan_where, missing=missing))
    return source.converted(fitted, converter)


def _nan_where(rows: Any, missing: float) -> Array:
    return np.where(plain_table(rows).numbers() == missing, np.nan, 0.0)


def _simple_imputer(fitted: SimpleImputer) -> Map:
    missing, statistics = _missing(fitted), _statistics(fitted)
    kept = fitted.keep_empty_features | ~np.isnan(statistics)
    values = statistics[kept]
    if fill_dtype(fitted) == np.float32:
        values = values.astype(np.float32)
    if np.isnan(missing):
        fill = Elementwise(fill_nan, len(values), values)
    else:
        given = (fill_equal, len(values), values, missing)
        fill = Elementwise(*given, smoothness="piecewise")
    function = _selected(np.flatnonzero(kept), len(statistics), fill)
    if fitted.add_indicator and len(fitted.indicator_.features_):
        return Concatenate([function, convert(fitted.indicator_, "transform")])
    return function


@register_converter(SimpleImputer, "inverse_transform")
def _simple_imputer_inverse(fitted: SimpleImputer) -> Map:
    raise NotConvertibleError(
        "'inverse_transform' of SimpleImputer depends on the other rows: a column that "
        "is missing in all of them is taken for one that was dropped. So rows have no "
        "derivatives of their own. Leave the imputer out of the way back."
    )


def _missing_indicator(fitted: MissingIndicator) -> Map:
    missing, columns = _missing(fitted), fitted.features_
    n = len(columns)
    if np.isnan(missing):
        indicator = Elementwise(is_nan, n, smoothness="constant")
    else:
        indicator = Elementwise(is_equal, n, missing, smoothness="constant")
    return _selected(columns, fitted.n_features_in_, indicator)


@register_composition(KNNImputer, "transform")
def _knn_imputer(fitted: KNNImputer, source: Source) -> Part:
    # the mean of some rows does not change as long as these are the nearest
    return _by_other_columns(fitted, source, only_gaps=fitted.weights != "uniform")


@register_composition("sklearn.impute.IterativeImputer", "transform")
def _iterative_imputer(fitted: Any, source: Source) -> Part:
    return _by_other_columns(fitted, source, only_gaps=True)


def _by_other_columns(fitted: Any, source: Source, *, only_gaps: bool) -> Part:
    """Return what is given, and what scikit-learn fills in as constants of the rows.

    Parameters
    ----------
    fitted : estimator
    source : Source
    only_gaps : bool
        Whether what is filled in changes with the other cells of a row, so that these
        have no derivative where something is missing.
    """
    if source.feed is None:
        raise NotConvertibleError(
            f"'transform' of {type(fitted).__name__} fills in what it computes from "
            "other columns, by scikit-learn for rows that are given. Use jacobian or "
            "its kin, which are given rows, on the whole estimator."
        )
    if not np.isnan(_missing(fitted)) or has_empty_columns(fitted):
        return source.bound(fitted)
    n = fitted.n_features_in_
    filled = source.of_width(n).bound(fitted, only_gaps=only_gaps)
    values = Part.selecting(filled.columns[:n], n, filled.is_number[:n])
    result = composed(beside([source.passed(), values]), Part.of(FillMissing(n)))
    indicator = Part.selecting(filled.columns[n:], n, filled.is_number[n:])
    return beside([result, indicator])
