"""Term frequencies."""

import torch
from sklearn.feature_extraction.text import TfidfTransformer

from .._elementwise.piecewise import damped_count
from .._maps import Affine, Elementwise, Map, Normalize, Sequential
from ._registry import register_converter


@register_converter(TfidfTransformer, "transform")
def _tfidf(fitted: TfidfTransformer) -> Map:
    n = fitted.n_features_in_
    maps: list[Map] = [Affine(getattr(fitted, "idf_", torch.ones(n)))]
    if fitted.sublinear_tf:
        maps.insert(0, Elementwise(damped_count, n, smoothness="piecewise"))
    if fitted.norm is not None:
        maps.append(Normalize(fitted.norm, n, 0.0))
    return Sequential(maps, n)
