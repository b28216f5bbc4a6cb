"""Small checks that pictures and frames share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._extrapolation import score_if_known


def beyond(estimator: Any, X: Any, X_train: Any) -> NDArray[np.bool_] | None:
    """Return whether each row extrapolates, None where the data are not known."""
    score = score_if_known(estimator, X, X_train)
    return None if score is None else np.asarray(score) > 1


def check_choice(name: str, given: Any, allowed: Iterable[Any]) -> None:
    """Raise unless a parameter has one of the values that are allowed."""
    allowed = list(allowed)
    if given not in allowed:
        raise ValueError(
            f"`{name}` must be one of {', '.join(map(repr, allowed))}. Got {given!r} "
            "instead."
        )
