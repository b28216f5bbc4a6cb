"""Selectors that predict."""

import numpy as np
from sklearn.feature_selection import RFE

from ._lookup import register_composition
from ._part import Part, composed
from ._source import Source


@register_composition(RFE, "predict")
def _recursive_elimination(fitted: RFE, source: Source) -> Part:
    columns = np.flatnonzero(fitted.support_).tolist()
    width = len(fitted.support_)
    first = source.of_width(width).selected(columns).passed().placed(columns, width)
    name = f"estimator of the {type(fitted).__name__}"
    last = source.after(first, fitted.transform).part(
        fitted.estimator_, "predict", name
    )
    return composed(first, last)
