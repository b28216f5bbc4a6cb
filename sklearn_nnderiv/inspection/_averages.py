"""Averages of effects over rows, and their standard errors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import has_fit_parameter
from tqdm.auto import tqdm

from .._validation import Array, Index
from ._effects import Doubt, Effects
from ._model import Model
from ._moments import Moments
from ._scenarios import Scenario

# rows of a group by which something is estimated, or more where they are cheap
_MOST_ROWS = 20_000
# numbers of the gradients that a standard error is made of, unless the rows are few;
# and of those at a time
_MOST_NUMBERS = 2**28
_CHUNK_SIZE = 2**20


def averages(
    effects: Effects, model: Model, scenario: Scenario, verbose: Any = 0
) -> tuple[Array, Array]:
    """Return averages (n_groups, n_outputs, n_terms), and their errors by the rows.

    The groups are those that the scenario has.
    """
    found = {group: Moments() for group in scenario.groups}
    parts = model.chunks("marginal_effects", verbose, table=scenario.table)
    for rows, part in parts:
        effect = effects.of(scenario.set(part))
        codes, weight = scenario.codes[rows], scenario.weight[rows]
        for group in np.unique(codes):
            own = codes == group
            found[group].update(effect[own], weight[own])
    return (
        np.stack([moments.mean for moments in found.values()]),
        np.stack([moments.std_error for moments in found.values()]),
    )


def sampled_rows(
    scenario: Scenario, rng: np.random.RandomState, numbers_per_row: int = _MOST_NUMBERS
) -> list[Index]:
    """Return the rows of each group that count, at random if there are many."""
    most = max(_MOST_ROWS, _MOST_NUMBERS // max(1, numbers_per_row))
    chosen = []
    for group in scenario.groups:
        rows = np.flatnonzero((scenario.codes == group) & (scenario.weight > 0))
        if len(rows) > most:
            rows = np.sort(rng.choice(rows, most, replace=False))
        chosen.append(rows)
    return chosen


def errors_by_doubt(
    effects: Effects,
    model: Model,
    scenario: Scenario,
    chosen: list[Index],
    doubt: Doubt,
    advance: Callable[[int], Any],
) -> Array:
    """Return standard errors (n_groups, n_outputs, n_terms) of averages."""
    k, m, q = model.n_outputs, len(effects.terms), doubt.n_directions
    size = max(1, _CHUNK_SIZE // (k * max(m, model.n_features) * q))
    errors = np.empty((len(chosen), k, m))
    for group, rows in enumerate(chosen):
        total, moved = np.zeros((k, m)), np.zeros((k, m, q))
        for start in range(0, len(rows), size):
            some = rows[start : start + size]
            part = scenario.set(scenario.table.take(some))
            gradients = effects.gradients(part, doubt)
            known = np.isfinite(gradients).all(axis=-1)
            weight = known * scenario.weight[some, None, None]
            moved += np.einsum("nkm,nkmq->kmq", weight, np.nan_to_num(gradients))
            total += weight.sum(axis=0)
            advance(len(some))
        with np.errstate(invalid="ignore", divide="ignore"):
            moved /= total[..., None]
        for output in range(k):
            errors[group, output] = doubt.std(output, moved[output])
    return errors


def can_refit(estimator: Any) -> bool:
    """Whether another fit changes all that predicts."""
    if not hasattr(estimator, "get_params"):
        return False
    parts = [estimator, *estimator.get_params().values()]
    return not any(
        isinstance(part, FrozenEstimator) and hasattr(part, "predict") for part in parts
    )


def errors_by_refits(
    of: Callable[[Model], Array],
    model: Model,
    y: Array,
    weight: Any,
    n_resamples: int,
    rng: np.random.RandomState,
    verbose: Any,
) -> Array:
    """Return standard deviations of estimates over fits to resampled rows.

    Parameters
    ----------
    of : callable
        The estimates of a model.
    model : Model
    y : ndarray
    weight : ndarray or None
        Given to `fit`.
    n_resamples : int
    rng : RandomState
    verbose : int or bool
    """
    if weight is not None and not has_fit_parameter(model.estimator, "sample_weight"):
        raise ValueError(
            "method='bootstrap' cannot give weights to "
            f"{type(model.estimator).__name__}, whose fit does not take "
            "`sample_weight`. Choose another method, or leave the weights out."
        )
    n = len(model.table)
    found = []
    for _ in tqdm(range(n_resamples), "bootstrap", disable=not verbose, unit="fit"):
        rows = rng.randint(n, size=n)
        weights = {} if weight is None else {"sample_weight": weight[rows]}
        refit = clone(model.estimator)
        try:
            refit.fit(model.table.take(rows).X, y[rows], **weights)
            found.append(of(model.of(refit)))
        except ValueError as error:
            raise ValueError(
                "method='bootstrap' failed for one of the resamples of the rows. Where "
                "a category is rare, some have no row of it: let the encoder accept "
                "what it does not know, as OneHotEncoder(handle_unknown='ignore') "
                f"does, or choose another method. The error was: {error}"
            ) from error
    return np.std(found, axis=0, ddof=1)
