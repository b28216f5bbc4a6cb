"""Scalers and the problem in scaled units, for whatever trains the network."""

from __future__ import annotations

from typing import Any

import torch

from .._scaling import (
    constant_columns,
    fit_scaler,
    input_map,
    output_map,
    scale_inputs,
    scale_targets,
)
from .._training import Problem, Rows
from .._validation import check_device
from ._labels import scaled_labels


def fit_scalers(estimator: Any, rows: Rows) -> None:
    weight = rows.weight / rows.weight.max()  # whose sums cannot overflow
    for name, data in (("x_scaler", rows.X), ("y_scaler", rows.y)):
        scaler = fit_scaler(getattr(estimator, name), data, weight, name)
        setattr(estimator, f"{name}_", scaler)
    estimator._x_map = input_map(estimator.x_scaler_)
    estimator._y_map = output_map(estimator.y_scaler_)
    estimator.n_outputs_ = rows.y.shape[1]


def make_problem(
    estimator: Any,
    rows: Rows,
    alpha: float,
    *,
    go_on: bool,
    dtype: str | None = None,
) -> Problem:
    """Scale the rows in float64, then cast them for the network, or to `dtype`.

    Weights are taken in units of their mean, in partial_fit of that of the first batch.
    """
    if not go_on:
        largest = rows.weight.max()
        estimator._weight_unit = largest * (rows.weight / largest).mean()
    kind = dtype or estimator.dtype
    x_scaler, y_scaler = estimator.x_scaler_, estimator.y_scaler_
    arrays = (
        scale_inputs(x_scaler, estimator._x_map, rows.X, kind),
        scale_targets(y_scaler, estimator._y_map, rows.y, kind),
        (rows.weight / estimator._weight_unit).astype(kind),
    )
    if arrays[0].shape[1] == rows.X.shape[1]:
        # what differs by rounding only is constant, whatever a scaler makes of it
        constant = constant_columns(rows.X)
        arrays[0][:, constant] = arrays[0][0, constant]
    # without a copy: the arrays are not used elsewhere
    device = check_device(estimator.device)
    X, y, weight = (torch.from_numpy(array).to(device) for array in arrays)
    unit = estimator._weight_unit
    labels = scaled_labels(estimator, rows, arrays[1], arrays[2], go_on=go_on)
    if labels is not None:
        labels = labels.to(X.dtype, device)
    n_rows = float(rows.weight.sum())
    return Problem(X, y, weight, float(alpha / unit), n_rows, labels)
