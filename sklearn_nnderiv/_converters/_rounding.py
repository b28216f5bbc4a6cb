"""How far scikit-learn's own results may be off."""

from typing import Any

import numpy as np

from .._maps import Map

_SINGLE = 32 * float(np.finfo(np.float32).eps)


def rounded_as(function: Map, *arrays: Any, condition: float = 0.0) -> Map:
    """Return the map, with the tolerance that scikit-learn's arithmetic asks for.

    Parameters
    ----------
    function : Map
    *arrays : ndarray
        What it computes with: in float32, if any of them is.
    condition : float, default=0.0
        Condition number of the system of equations that it solves.
    """
    relative = max(function.tolerance[0], 16 * np.finfo(float).eps * condition)
    if any(np.asarray(array).dtype == np.float32 for array in arrays):
        relative = max(relative, _SINGLE)
    function.tolerance = (relative, function.tolerance[1])
    return function
