"""Derivatives beside true ones, with their errors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from .._validation import Array, unmasked
from ..metrics import jacobian_r2_score, jacobian_rmse


def observations(y: Any, n: int, n_outputs: int, k: int) -> Array:
    """Return an output (n,) of observations.

    Raises
    ------
    ValueError
        Unless there is one per row and output.
    """
    found = np.asarray(unmasked(y), dtype=np.float64)
    allowed = [(n, n_outputs)] + [(n,)] * (n_outputs == 1)
    if found.shape not in allowed:
        raise ValueError(
            f"`y` must have the shape {allowed[-1]}: a number per row"
            f"{' and output' if n_outputs > 1 else ''}. Got {found.shape} instead."
        )
    return found.reshape(n, n_outputs)[:, k]


def slopes(jacobian: Any, name: str, shape: tuple[int, ...], k: int) -> Array:
    """Return an output (n, n_features) of derivatives (n, n_outputs, n_features).

    Those of a single output may lack its dimension.
    """
    found = np.asarray(unmasked(jacobian), dtype=np.float64)
    short = shape[0], shape[2]
    if found.shape != shape and not (shape[1] == 1 and found.shape == short):
        raise ValueError(
            f"`{name}` must have the shape {short if shape[1] == 1 else shape}, that "
            f"of the derivatives. Got {found.shape} instead."
        )
    return found.reshape(shape)[:, k]


def pair_of(true: Any, predicted: Any, target: int | None) -> tuple[Array, Array]:
    """Return an output (n, n_features) of true and of predicted derivatives."""
    given = np.shape(true)
    if len(given) not in (2, 3):
        raise ValueError(
            "`jacobian_true` must have the shape (n_samples[, n_outputs], n_features). "
            f"Got {given} instead."
        )
    shape = given[0], given[1] if len(given) == 3 else 1, given[-1]
    if target is None and shape[1] > 1:
        raise ValueError(
            f"The derivatives are of {shape[1]} outputs. Say which one by `target`."
        )
    k = 0 if target is None else target
    if not -shape[1] <= k < shape[1]:
        raise ValueError(f"There is no output {k}: there are {shape[1]}.")
    return (
        slopes(true, "jacobian_true", shape, k),
        slopes(predicted, "jacobian_pred", shape, k),
    )


def against_true(
    true: Array, predicted: Array, weight: Array, is_beyond: NDArray[np.bool_] | None
) -> list[Bunch]:
    """Return what there is to compare of (n, n_features) derivatives, per feature."""
    results = []
    for j, column in enumerate(true.T):
        known = ~np.isnan(column) & (weight > 0)
        results.append(
            Bunch(
                feature=j,
                true=column[known],
                predicted=predicted[known, j],
                weight=weight[known],
                noise_std=None,
                is_beyond=None if is_beyond is None else is_beyond[known],
            )
        )
    return results


def with_errors(
    results: list[Bunch], features: list[int] | None, names: list[str]
) -> list[Bunch]:
    """Return the results of some features, or of all that have any, with errors.

    Raises
    ------
    ValueError
        If there is nothing to compare.
    """
    empty = [result.feature for result in results if len(result.true) < 2]
    if features is None:
        features = [j for j in range(len(results)) if j not in empty]
    lacking = [names[j] for j in features if j in empty]
    if lacking or not features:
        raise ValueError(
            "There are fewer than two derivatives to compare with, for "
            f"{lacking or 'every feature'}: true ones that are known, or pairs of rows "
            "that differ in a feature and agree in all categories."
        )
    for j in features:
        results[j].update(_errors(results[j]))
    return [results[j] for j in features]


def _errors(result: Bunch) -> dict[str, float]:
    true, predicted = result.true[:, None], result.predicted[:, None]
    options = {"sample_weight": result.weight, "multioutput": "raw_values"}
    relative = float(np.ravel(jacobian_rmse(true, predicted, **options))[0])
    square = np.average((result.predicted - result.true) ** 2, weights=result.weight)
    floor = 0.0
    if result.noise_std is not None and square > 0:
        noise = np.average(result.noise_std**2, weights=result.weight)
        floor = relative * np.sqrt(noise / square)
    return {
        "rmse": float(np.sqrt(square)),
        "relative_rmse": relative,
        "r2": float(np.ravel(jacobian_r2_score(true, predicted, **options))[0]),
        "floor": float(floor),
    }
