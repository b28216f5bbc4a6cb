"""Averages of derivatives over rows, rows in order of predictions, and spreads."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._validation import Array, Index
from ._model import Model
from ._moments import Moments
from ._options import check_count
from ._sampled_rows import beyond
from ._spread import spread_of, std_of

_AVERAGES = {"mean": "mean", "mean_abs": "mean absolute", "rms": "root mean square"}
_SCALES = {
    None: "",
    "features": " per std of feature",
    "both": " per std of feature, in std of output",
}


def average_jacobian(
    model: Model, statistic: str, weight: Array, verbose: int
) -> Array:
    """Return averages (n_outputs, n_features), NaN where there is no derivative.

    Parameters
    ----------
    model : Model
    statistic : {"mean", "mean_abs", "rms"}
    weight : ndarray of shape (n_samples,)
    verbose : int
        Whether to show a progress bar.
    """
    moments = Moments()
    for rows, table in model.chunks("derivatives", verbose):
        jacobian = model.jacobian(table)
        if statistic != "mean":
            jacobian = abs(jacobian) ** (2 if statistic == "rms" else 1)
        moments.update(jacobian, weight[rows])
    return np.sqrt(moments.mean) if statistic == "rms" else moments.mean


def predictions(model: Model, verbose: int = 0) -> Array:
    """Return the predictions (n_samples, n_outputs) at all rows."""
    parts = [model.values(table) for _, table in model.chunks("values", verbose)]
    return np.concatenate(parts)


def in_order(values: Array, weight: Array, n_most: int) -> Index:
    """Return the places of rows by rising values, at equal steps if they are many."""
    order = np.argsort(values, kind="stable")
    order = order[weight[order] > 0]
    steps = np.linspace(0, len(order) - 1, min(n_most, len(order)))
    return order[steps.round().astype(np.int64)]


def by_outputs(
    model: Model,
    target: Any,
    statistic: str,
    scale: str | None,
    weight: Array,
    verbose: int,
) -> dict[str, Any]:
    """Return averages over the rows, with what they are."""
    outputs = list(range(model.n_outputs))
    if target is not None:
        outputs = [model.output_index(target)]
    values = average_jacobian(model, statistic, weight, verbose)[outputs].T
    if scale is not None:
        values *= spread_of(model, weight).std[:, None]
    if scale == "both":
        values /= std_of(predictions(model, verbose), weight)[outputs]
    return {
        "values": values,
        "column_names": [model.output_names[k] for k in outputs],
        "label": f"{_AVERAGES[statistic]} derivative{_SCALES[scale]}",
        "is_signed": statistic == "mean",
    }


def by_rows(
    model: Model,
    k: int,
    max_rows: int,
    scale: str | None,
    weight: Array,
    X_train: Any,
    verbose: int,
) -> dict[str, Any]:
    """Return derivatives at rows in the order of their predictions."""
    check_count(max_rows, "max_rows", 1)
    found = predictions(model, verbose)[:, k]
    rows = in_order(found, weight, max_rows)
    table = model.table.take(rows)
    values = model.jacobian(table)[:, k].T
    if scale is not None:
        values *= spread_of(model, weight).std[:, None]
    if scale == "both":
        values /= std_of(found[:, None], weight)
    return {
        "values": values,
        "predictions": found[rows],
        "is_beyond": beyond(model, table, X_train),
        "label": f"derivative of {model.output_names[k]}{_SCALES[scale]}",
        "output_name": model.output_names[k],
    }
