"""From a fitted object, without rows, to a map that is known to agree with it."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted
from torch import nn

from .._converters import Source, check_agreement
from .._maps import Map, device_of
from .._table import Table, table_of
from .._validation import Array
from ._checks import accepted, values_of
from ._methods import role_of
from ._samples import training_rows


def to_map(fitted: Any, method: str) -> Map:
    """Return the map of a method of a fitted object, held against that method."""
    if isinstance(fitted, nn.Module):
        role = role_of(fitted, method)
        return Source.unknown().part(fitted, role).whole
    check_is_fitted(fitted)
    role = role_of(fitted, method)
    source = Source.unknown()
    function = source.part(fitted, role).whole
    function = function.to(device_of(function))  # scalers follow the network
    rows = training_rows(source.trail.leaves, function.n_in)
    inside = np.isfinite(values_of(function, rows)).all(axis=1)
    table = named_rows(rows[inside], fitted, role) if inside.any() else None
    if table is not None:
        places, expected = accepted(fitted, role, table)
        if len(places):
            name = type(fitted).__name__
            numbers = table.numbers()[places]
            check_agreement(function, numbers, expected, name, are_made_up=True)
    return function


def named_rows(rows: Array, fitted: Any, role: str = "predict") -> Table:
    """Return rows as a fitted object wants them: a frame if it knows names."""
    names = getattr(fitted, "feature_names_in_", None)
    if names is None or role == "inverse_transform" or len(names) != rows.shape[1]:
        return table_of(rows)
    for library, key in (("pandas", "columns"), ("polars", "schema")):
        try:
            frame = importlib.import_module(library).DataFrame
        except ImportError:
            continue
        return table_of(frame(rows, **{key: list(names)}))
    return table_of(rows)
