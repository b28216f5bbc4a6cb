"""ColumnTransformer and TransformedTargetRegressor."""

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor

from .._sklearn_compat import input_columns
from ._lookup import register_composition
from ._part import Part, beside, composed
from ._source import Source


@register_composition(ColumnTransformer, "transform")
def _column_transformer(fitted: ColumnTransformer, source: Source) -> Part:
    width = fitted.n_features_in_ if source.width is None else source.width
    weights = fitted.transformer_weights or {}
    parts = []
    for name, child, columns in fitted.transformers_:
        dropped = isinstance(child, str) and child == "drop"
        places = input_columns(fitted, name)
        if dropped or not places:
            continue
        places = _in_order_of(source, fitted, places)
        branch = source.selected(places, as_one=bool(np.isscalar(columns)))
        what = f"branch {name!r} of the ColumnTransformer"
        part = branch.part(child, "transform", what)
        parts.append(part.weighted(weights.get(name)).placed(places, width))
    return beside(parts, width)


def _in_order_of(source: Source, fitted: Any, places: list[int]) -> list[int]:
    """Return places of columns among those that are given.

    Between frames, columns are found by their names, and there may be more of them.
    """
    given = getattr(source.rows, "columns", None)
    names = getattr(fitted, "feature_names_in_", None)
    if given is None or names is None:
        return places
    order = {name: i for i, name in enumerate(given)}
    missing = {names[i] for i in places} - order.keys()
    if missing:
        raise ValueError(f"columns are missing: {missing}")
    return [order[names[i]] for i in places]


@register_composition(TransformedTargetRegressor, "predict")
def _transformed_target(fitted: TransformedTargetRegressor, source: Source) -> Part:
    name = "the TransformedTargetRegressor"
    part = source.part(fitted.regressor_, "predict", f"regressor of {name}")
    back = source.after(part).part(
        fitted.transformer_, "inverse_transform", f"transformer of {name}"
    )
    return composed(part, back)
