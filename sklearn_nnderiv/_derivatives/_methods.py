"""Which method of a fitted object is differentiated, and what it returns."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import skorch
import torch
from numpy.typing import NDArray
from sklearn.base import is_classifier, is_clusterer
from torch import nn

from .._converters import Role, module_dtype, module_output
from .._table import ArrayTable, Table
from .._validation import Array

METHODS = ("auto", "predict", "transform", "inverse_transform")


def role_of(fitted: Any, method: str) -> Role:
    """Return the role that a method's name stands for, checked to be there."""
    name = type(fitted).__name__
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}. Got {method!r} instead.")
    if isinstance(fitted, nn.Module):
        if method not in ("auto", "predict"):
            raise ValueError(
                f"method={method!r} was asked for, but {name} is a torch module, whose "
                "output is called its prediction. Use method='predict'."
            )
        return "predict"
    if method == "auto":
        return _usual_role(fitted)
    if not hasattr(fitted, method):
        raise ValueError(f"{name} has no method {method!r}.")
    return cast(Role, method)


def _usual_role(fitted: Any) -> Role:
    """Return "predict" but for what predicts no numbers, or nothing."""
    if hasattr(fitted, "transform") and (
        not hasattr(fitted, "predict") or is_classifier(fitted) or is_clusterer(fitted)
    ):
        return "transform"
    return "predict"


def output_of(fitted: Any, role: Role, table: Table) -> Array:
    """Return what a method makes of rows, with as many axes as it has there."""
    if isinstance(fitted, nn.Module):
        return module_output(fitted, table.numbers())
    if isinstance(fitted, skorch.NeuralNet):
        dtype = str(module_dtype(fitted.module_)).removeprefix("torch.")
        return _dense(getattr(fitted, role)(table.numbers().astype(dtype)))
    return _dense(getattr(fitted, role)(table.X))


def exact_output_of(fitted: Any, role: Role, exact: Table, given: Table) -> Array:
    """Return the output for rows of float64, or as given where these are refused.

    A net of float32 at the end of a Pipeline takes no others.
    """
    if isinstance(given, ArrayTable) and given.X.dtype == np.float32:
        try:
            return output_of(fitted, role, exact)
        except Exception:
            return output_of(fitted, role, given)
    return output_of(fitted, role, exact)


def _dense(result: Any) -> NDArray[np.float64]:
    if hasattr(result, "toarray"):
        result = result.toarray()
    if isinstance(result, torch.Tensor):
        result = result.detach().cpu()
    return np.asarray(result, dtype=np.float64)
