"""Some of the rows, and which of these lie beyond the training data."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.random import sample_without_replacement

from .._table import Table
from ._extrapolation import score_if_known
from ._model import Model

N_SAMPLED = 1000


def some_rows(model: Model, rng: Any) -> Table:
    """Return up to 1,000 rows of a model, drawn at random from more."""
    n = len(model.table)
    if n <= N_SAMPLED:
        return model.table
    rows = sample_without_replacement(n, N_SAMPLED, random_state=rng)
    return model.table.take(np.sort(rows))


def beyond(model: Model, table: Table, X_train: Any) -> NDArray[np.bool_] | None:
    """Return which rows lie beyond the training data, None if these are not known."""
    score = score_if_known(model.estimator, table.X, X_train)
    return None if score is None else score > 1


def share_beyond(model: Model, table: Table, X_train: Any) -> float | None:
    """Return the part of rows beyond the training data, None if these are not known."""
    is_beyond = beyond(model, table, X_train)
    return None if is_beyond is None else float(is_beyond.mean())


def trust_line(share: float | None) -> str:
    """Return a line of text on rows beyond the training data, empty if there are none.

    A derivative there is a guess.
    """
    if not share:
        return ""
    return f"\n{share:.1%} of the rows lie beyond the training data"
