"""Isotonic regression."""

import numpy as np
from sklearn.isotonic import IsotonicRegression

from .._elementwise.piecewise import single
from .._maps import Elementwise, Map, PiecewisePolynomial, Sequential
from .._validation import Array
from ._registry import register_converter
from ._rounding import rounded_as


@register_converter(IsotonicRegression, "transform")
@register_converter(IsotonicRegression, "predict")
def _isotonic_regression(fitted: IsotonicRegression) -> Map:
    thresholds = fitted.X_thresholds_
    x, y = thresholds.astype(np.float64), fitted.y_thresholds_.astype(np.float64)
    if len(x) == 1:
        function: Map = PiecewisePolynomial(
            [np.empty(0)], [np.zeros(1)], [y.reshape(1, 1, 1)], "constant"
        )
    else:
        function = _lines(x, y, clip=fitted.out_of_bounds == "clip")
    if thresholds.dtype == np.float32:
        # so scikit-learn takes all inputs, and what lies on the edge is within
        function = Sequential([Elementwise(single, 1), function], 1)
    return rounded_as(function, thresholds)


def _lines(x: Array, y: Array, *, clip: bool) -> Map:
    """Return the interpolation: constant beyond its ends, or NaN."""
    slopes = np.diff(y) / np.diff(x)
    # NaN also where scikit-learn raises
    beyond = [(end, 0.0) if clip else (np.nan, np.nan) for end in y[[0, -1]]]
    lines = [beyond[0], *zip(y[:-1], slopes, strict=True), beyond[1]]
    breaks = np.array([*x[:-1], np.nextafter(x[-1], np.inf)])
    origins = np.array([x[0], *x[:-1], x[-1]])
    coefficients = np.array(lines)[..., None]
    return PiecewisePolynomial([breaks], [origins], [coefficients], "piecewise")
