"""Which regressors have standard deviations, and where they come from."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from sklearn.gaussian_process import GaussianProcessRegressor

from .._converters import bind
from .._derivatives import in_columns
from .._regressor import DifferentiableRegressor
from .._table import table_of
from .._validation import Array
from ._chain import Chain, chain_of, nearest, regressor_of
from ._network import network_stds
from ._spread import process_stds

_SOURCES: dict[type, Callable[[Chain, Array], tuple[Array, Array]]] = {
    DifferentiableRegressor: network_stds,
    GaussianProcessRegressor: process_stds,
}


def standard_deviations(fitted: Any, X: Any) -> tuple[Array, Array]:
    """Return those of values (n, k) and of the Jacobian (n, k, d).

    Parameters
    ----------
    fitted : estimator
        Whose conversion has been held against its predictions.
    X : array-like or frame of shape (n, d)
    """
    regressor = regressor_of(fitted)
    source = nearest(_SOURCES, regressor)
    if source is None:
        names = " or ".join(known.__name__ for known in _SOURCES)
        raise ValueError(
            f"return_std=True needs a {names}, alone or at the end of Pipelines, "
            f"searches and TransformedTargetRegressors. Got {type(regressor).__name__} "
            "instead."
        )
    with torch.inference_mode(False):
        table = table_of(X)
        bound = bind(fitted, table, "predict")
        chain = chain_of(regressor, bound)
        return in_columns(bound, table, partial(source, chain))
