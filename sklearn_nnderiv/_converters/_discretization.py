"""Thresholds and bins, whose derivative is zero."""

from typing import Any

import numpy as np
from sklearn.preprocessing import Binarizer, KBinsDiscretizer

from .._elementwise.piecewise import above, bin_index, look_up, single
from .._maps import Elementwise, HotIndex, Map, OneHot, Sequential
from .._validation import Array
from ._registry import register_converter


@register_converter(Binarizer, "transform")
def _binarizer(fitted: Binarizer) -> Map:
    n = fitted.n_features_in_
    return Elementwise(above, n, fitted.threshold, smoothness="constant")


def _table(columns: Any) -> Array:
    """Return the columns, of different lengths, as rows that infinity fills."""
    table = np.full((len(columns), max(len(column) for column in columns)), np.inf)
    for row, column in zip(table, columns, strict=True):
        row[: len(column)] = column
    return table


@register_converter(KBinsDiscretizer, "transform")
def _bins(fitted: KBinsDiscretizer) -> Map:
    n = len(fitted.n_bins_)
    edges = _table([edges[1:-1] for edges in fitted.bin_edges_])
    maps: list[Map] = [Elementwise(bin_index, n, edges, smoothness="constant")]
    if fitted.dtype is np.float32:
        maps.insert(0, Elementwise(single, n))
    if fitted.encode != "ordinal":
        maps.append(OneHot(fitted.n_bins_))
    return Sequential(maps, n)


@register_converter(KBinsDiscretizer, "inverse_transform")
def _bins_inverse(fitted: KBinsDiscretizer) -> Map:
    n = len(fitted.n_bins_)
    # beyond the outermost edges of a constant column is infinity, which has no center
    with np.errstate(invalid="ignore"):
        centers = _table([(e[1:] + e[:-1]) * 0.5 for e in fitted.bin_edges_])
    look = Elementwise(look_up, n, centers, fitted.n_bins_, smoothness="constant")
    if fitted.encode == "ordinal":
        return look
    hot = HotIndex(fitted.n_bins_)
    return Sequential([hot, look], hot.n_in)
