"""Selectors of columns, all by their common base class."""

import numpy as np
from sklearn.feature_selection import RFE, SelectorMixin

from .._maps import Affine, Map, Select, Sequential
from ._registry import convert, register_converter


@register_converter(SelectorMixin, "transform")
def _selector(fitted: SelectorMixin) -> Map:
    support = fitted.get_support()
    return Select(np.flatnonzero(support), len(support))


@register_converter(SelectorMixin, "inverse_transform")
def _selector_inverse(fitted: SelectorMixin) -> Map:
    # zero in the columns that were left out: no inverse, but what scikit-learn returns
    support = fitted.get_support()
    return Affine(np.eye(len(support))[:, support])


@register_converter(RFE, "predict")
def _recursive_elimination(fitted: RFE) -> Map:
    select = convert(fitted, "transform")
    return Sequential([select, convert(fitted.estimator_, "predict")], select.n_in)
