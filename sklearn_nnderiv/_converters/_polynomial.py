"""Polynomials and splines of the columns."""

from math import factorial
from typing import Any

import numpy as np
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer

from .._maps import Map, Monomials, PiecewisePolynomial, Select, Smoothness
from .._validation import Array
from ..exceptions import NotConvertibleError
from ._registry import register_converter


@register_converter(PolynomialFeatures, "transform")
def _polynomial_features(fitted: PolynomialFeatures) -> Map:
    if fitted.n_output_features_ == 0:  # of which there are no powers
        return Select([], fitted.n_features_in_)
    return Monomials(fitted.powers_)


@register_converter(SplineTransformer, "transform")
def _spline_transformer(fitted: SplineTransformer) -> Map:
    if fitted.extrapolation == "linear" and fitted.degree < 2:
        raise NotConvertibleError(
            "SplineTransformer with extrapolation='linear' and degree="
            f"{fitted.degree} returns wrong values beyond the knots, but for its first "
            "column, in scikit-learn itself. Use degree=2 or more, or "
            "extrapolation='continue'."
        )
    columns = [_column(spline, fitted.extrapolation) for spline in fitted.bsplines_]
    breaks, origins, coefficients = zip(*columns, strict=True)
    if not fitted.include_bias:
        coefficients = tuple(pieces[..., :-1] for pieces in coefficients)
    period = None
    if fitted.extrapolation == "periodic":
        ends = np.array([_ends(spline) for spline in fitted.bsplines_])
        length = np.diff(ends).ravel()
        # a column that was constant is one function throughout
        period = ends[:, 0], np.where(length > 0, length, 1.0)
    return PiecewisePolynomial(
        breaks,
        origins,
        coefficients,
        _smoothness(fitted),
        period=period,
        nan_is_zero=getattr(fitted, "handle_missing", "error") == "zeros",
    )


def _smoothness(fitted: SplineTransformer) -> Smoothness:
    if fitted.degree == 0:
        return "constant"
    if fitted.degree == 1 or fitted.extrapolation == "constant":
        return "piecewise"
    knots = [_inner_knots(spline) for spline in fitted.bsplines_]
    return "smooth" if all((np.diff(k) > 0).all() for k in knots) else "piecewise"


def _inner_knots(spline: Any) -> Array:
    return spline.t[spline.k : len(spline.t) - spline.k]


def _ends(spline: Any) -> tuple[float, float]:
    knots = _inner_knots(spline)
    return knots[0], knots[-1]


def _column(spline: Any, extrapolation: str) -> tuple[Array, Array, Array]:
    """Return breaks, origins and coefficients of a column's polynomials."""
    low, high = _ends(spline)
    if extrapolation == "periodic" and low == high:
        # as many powers as the other columns have
        constant = np.zeros((1, spline.k + 1, spline.c.shape[1]))
        constant[0, 0] = spline(0.0, extrapolate=True)
        return np.empty(0), np.zeros(1), constant
    # as SciPy looks for the interval of a number
    breaks = np.unique(_inner_knots(spline)[1:-1])
    start = low if not len(breaks) or low < breaks[0] else low - 1.0
    origins = np.array([start, *breaks])
    inner = _expansion(spline, origins)
    if extrapolation in ("continue", "periodic"):
        return breaks, origins, inner
    below, above = _beyond(spline, extrapolation)
    return (
        np.array([low, *breaks, np.nextafter(high, np.inf)]),
        np.array([low, *origins, high]),
        np.stack([below, *inner, above]),
    )


def _expansion(spline: Any, points: Array) -> Array:
    """Return the coefficients (n_points, degree + 1, n_splines) about some points."""
    derivatives = [
        spline(points, nu=m, extrapolate=True) / factorial(m)
        for m in range(spline.k + 1)
    ]
    return np.stack(derivatives, axis=1)


def _beyond(spline: Any, extrapolation: str) -> Array:
    """Return the coefficients below and above the knots, as scikit-learn has them."""
    result = _expansion(spline, np.array(_ends(spline)))
    degree = spline.k
    result[0, :, degree:] = 0
    result[1, :, : result.shape[2] - degree] = 0
    if extrapolation == "constant":
        result[:, 1:] = 0
        if degree == 0:
            result[1] = np.nan  # where scikit-learn raises
    elif extrapolation == "linear":
        result[:, 2:] = 0
    else:
        result[...] = np.nan
    return result
