"""Which columns have an influence on which outputs of a map."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._maps import (
    Affine,
    Concatenate,
    Elementwise,
    FillMissing,
    Interpolation,
    Select,
    Sequential,
)

Reach = NDArray[np.bool_]


def passed_on(function: Any, reach: Reach) -> Reach:
    """Return what reaches the outputs of a map.

    Parameters
    ----------
    function : Map
    reach : ndarray of bool of shape (n_in, n)
        Which of n things reach each of its inputs.

    Returns
    -------
    reach : ndarray of bool of shape (n_out, n)
        More than is true where a map is not known to keep columns apart.
    """
    rule = _RULES.get(type(function))
    if rule is not None:
        return rule(function, reach)
    return np.tile(reach.any(axis=0), (function.n_out, 1))


def _affine(function: Any, reach: Reach) -> Reach:
    weight = function.weight.cpu().numpy()
    return reach if weight.ndim == 1 else (weight != 0) @ reach


def _columnwise(function: Any, reach: Reach) -> Reach:
    return reach


def _select(function: Any, reach: Reach) -> Reach:
    return reach[function.columns.cpu().numpy()]


def _filled(function: Any, reach: Reach) -> Reach:
    return reach[: function.n_out] | reach[function.n_out :]


def _sequential(function: Any, reach: Reach) -> Reach:
    for part in function.maps:
        reach = passed_on(part, reach)
    return reach


def _concatenate(function: Any, reach: Reach) -> Reach:
    return np.concatenate([passed_on(part, reach) for part in function.maps])


_RULES: dict[type, Callable[[Any, Reach], Reach]] = {
    Affine: _affine,
    Concatenate: _concatenate,
    Elementwise: _columnwise,
    FillMissing: _filled,
    Interpolation: _columnwise,
    Select: _select,
    Sequential: _sequential,
}
