"""What is known of a derivative beside the true one, and averages of scores."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.utils import check_array

from ._validation import Array, check_weights, unmasked, warn

__all__ = ["Comparison", "average", "compare"]

_AVERAGES = ("raw_values", "uniform_average", "variance_weighted")


class Comparison(NamedTuple):
    """What is known of every pair of an input and an output, each of their shape."""

    n_known: NDArray[np.int64]
    error: Array  # root mean square
    spread: Array  # standard deviation of the true derivative
    size: Array  # root mean square of the true derivative
    rounding: Array  # differences that mean nothing
    is_flat: NDArray[np.bool_]


def compare(jacobian_true: Any, jacobian_pred: Any, sample_weight: Any) -> Comparison:
    """Check the arguments and compare the entries that are known."""
    true, pred, resolution = _checked(jacobian_true, jacobian_pred)
    weight = check_weights(sample_weight, true)
    true, pred, weight = (a[weight > 0] for a in (true, pred, weight))
    known = ~np.isnan(true)
    if not known.any():
        raise ValueError(
            "jacobian_true has no known entry: all are NaN in the rows of positive "
            "weight. Score rows of which at least some derivatives are known."
        )
    highest, lowest = (np.nan_to_num(f.reduce(true)) for f in (np.fmax, np.fmin))
    largest = np.maximum(abs(highest), abs(lowest))
    # in these units squares neither overflow nor vanish
    unit = np.where(largest > 0, largest, 1.0)
    # absent entries are replaced before any arithmetic: 0 * nan is nan
    true, pred = (np.where(known, a, 0.0) / unit for a in (true, pred))
    weight = known * weight.reshape(-1, *[1] * (true.ndim - 1))
    total = weight.sum(axis=0)
    total[total == 0] = 1.0

    def mean(values: Array) -> Array:
        return (weight * values).sum(axis=0) / total

    return Comparison(
        n_known=known.sum(axis=0),
        error=unit * np.sqrt(mean((pred - true) ** 2)),
        spread=unit * np.sqrt(mean((true - mean(true)) ** 2)),
        size=unit * np.sqrt(mean(true**2)),
        rounding=resolution * largest,
        is_flat=highest - lowest <= resolution * largest,
    )


def _checked(jacobian_true: Any, jacobian_pred: Any) -> tuple[Array, Array, float]:
    """Return both in float64, and the resolution of the true one, relative."""
    options = {"dtype": [np.float64, np.float32], "ensure_2d": False, "allow_nd": True}
    true = check_array(
        unmasked(jacobian_true),
        ensure_all_finite="allow-nan",
        input_name="jacobian_true",
        **options,
    )
    pred = check_array(
        unmasked(jacobian_pred),
        ensure_all_finite=False,
        input_name="jacobian_pred",
        **options,
    )
    if true.shape != pred.shape or true.ndim not in (2, 3) or 0 in true.shape:
        raise ValueError(
            "jacobian_true and jacobian_pred must have the same shape, (n_samples, "
            "n_features) for a y of one dimension and (n_samples, n_outputs, "
            f"n_features) for a y of two. Got {true.shape} and {pred.shape} instead."
        )
    missing = ~np.isnan(true) & ~np.isfinite(pred)
    if missing.any():
        raise ValueError(
            f"jacobian_pred is NaN or infinite in {missing.sum()} entries where "
            "jacobian_true is known, of the features at "
            f"{np.unique(np.nonzero(missing)[-1]).tolist()}. Where there is no "
            "derivative, as by a category or a missing value, set jacobian_true to NaN."
        )
    resolution = 10 * float(np.finfo(true.dtype).eps)
    return true.astype(np.float64), pred.astype(np.float64), resolution


def average(scores: Array, found: Comparison, multioutput: Any) -> float | Array:
    """Put the scores of all pairs together; NaN ones are left out of an average."""
    weight = _pair_weights(scores, found, multioutput)
    if weight is None:
        return scores
    defined = ~np.isnan(scores)
    left_out = int(((found.n_known > 0) & ~defined & (weight > 0)).sum())
    if left_out:
        warn(
            f"{left_out} of {scores.size} pairs of an input and an output are left out "
            "of the average: the true derivative has a single known entry, or it is 0 "
            "everywhere and an error cannot be relative to it. "
            "multioutput='raw_values' shows which.",
            UndefinedMetricWarning,
        )
    weight = np.where(defined, weight, 0.0)
    if weight.any():
        return float(np.average(np.where(defined, scores, 0.0), weights=weight))
    if left_out:
        return float("nan")
    raise ValueError(
        "The weights given as `multioutput` are 0 for every pair of an input and an "
        "output that has a known entry in jacobian_true."
    )


def _pair_weights(scores: Array, found: Comparison, multioutput: Any) -> Array | None:
    """Return the weight of every pair, or None where no average is asked for."""
    if isinstance(multioutput, str):
        if multioutput not in _AVERAGES:
            raise ValueError(
                f"`multioutput` must be one of {', '.join(map(repr, _AVERAGES))}, or "
                f"an array of weights. Got {multioutput!r} instead."
            )
        if multioutput == "raw_values":
            return None
        spread = np.where(found.is_flat, 0.0, found.spread)
        if multioutput == "uniform_average" or not spread.any():
            return np.ones_like(scores)  # as in scikit-learn where all are constant
        return (spread / spread.max()) ** 2
    weight = check_array(
        multioutput,
        dtype=np.float64,
        ensure_2d=False,
        allow_nd=True,
        input_name="multioutput",
    )
    if weight.shape != scores.shape or weight.min() < 0:
        raise ValueError(
            "Weights given as `multioutput` must have the shape of the derivatives "
            f"without their rows, {scores.shape}, and none may be negative. Got shape "
            f"{weight.shape} and the smallest weight {weight.min():g} instead."
        )
    return weight
