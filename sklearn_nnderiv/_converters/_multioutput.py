"""Regressors made of one regressor per output."""

from functools import partial
from typing import Any

import numpy as np
from sklearn.multioutput import MultiOutputRegressor, RegressorChain

from .._maps import Select
from .._validation import Array
from ._lookup import register_composition
from ._part import Part, beside, composed
from ._source import Source


@register_composition(MultiOutputRegressor, "predict")
def _multi_output(fitted: MultiOutputRegressor, source: Source) -> Part:
    return beside(
        [
            source.part(child, "predict", f"estimator {i} of the MultiOutputRegressor")
            for i, child in enumerate(fitted.estimators_)
        ]
    )


@register_composition(RegressorChain, "predict")
def _regressor_chain(fitted: RegressorChain, source: Source) -> Part:
    width = fitted.n_features_in_
    source = source.as_array(width)
    result: Part | None = None
    for i, child in enumerate(fitted.estimators_):
        name = f"estimator {i} of the RegressorChain"
        part = beside(
            [
                source.part("passthrough", "transform"),
                source.part(child, "predict", name),
            ]
        )
        result = part if result is None else composed(result, part)
        source = source.after(part, partial(_extended, child))
    assert result is not None
    outputs = width + np.argsort(fitted.order_)
    return composed(result, Part.of(Select(outputs, result.n_out)))


def _extended(fitted: Any, rows: Array) -> Array:
    """Return rows with the prediction for them as one column more."""
    return np.column_stack([rows, fitted.predict(rows)])
