"""Selectors of columns, all by their common base class."""

import numpy as np
from sklearn.feature_selection import RFE, SelectorMixin

from .._maps import Affine, Map, Select
from ._lookup import register_composition
from ._part import Part, composed
from ._registry import register_converter
from ._source import Source


@register_converter(SelectorMixin, "transform")
def _selector(fitted: SelectorMixin) -> Map:
    support = fitted.get_support()
    return Select(np.flatnonzero(support), len(support))


@register_converter(SelectorMixin, "inverse_transform")
def _selector_inverse(fitted: SelectorMixin) -> Map:
    # zero in the columns that were left out: no inverse, but what scikit-learn returns
    support = fitted.get_support()
    return Affine(np.eye(len(support))[:, support])


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
