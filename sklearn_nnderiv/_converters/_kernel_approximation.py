"""Feature maps that approximate kernels."""

import numpy as np
import torch
from sklearn.kernel_approximation import (
    AdditiveChi2Sampler,
    PolynomialCountSketch,
    RBFSampler,
    SkewedChi2Sampler,
)

from .._maps import AdditiveChi2, Affine, CountSketch, Elementwise, Map, Sequential
from .._validation import Array
from ._registry import register_converter

# scikit-learn's distance of samples for every number of them
_INTERVALS = {1: 0.8, 2: 0.5, 3: 0.4}


def _waves(fitted: RBFSampler | SkewedChi2Sampler) -> list[Map]:
    weights, offset = fitted.random_weights_.T, fitted.random_offset_
    n = len(offset)
    height = np.full(n, np.sqrt(2 / fitted.n_components))
    return [Affine(weights, offset=offset), Elementwise(torch.cos, n), Affine(height)]


@register_converter(RBFSampler, "transform")
def _rbf_sampler(fitted: RBFSampler) -> Map:
    return Sequential(_waves(fitted), len(fitted.random_weights_))


@register_converter(SkewedChi2Sampler, "transform")
def _skewed_chi2_sampler(fitted: SkewedChi2Sampler) -> Map:
    n = len(fitted.random_weights_)
    shift = Affine(np.ones(n), offset=np.full(n, fitted.skewedness))
    # NaN where scikit-learn raises
    return Sequential([shift, Elementwise(torch.log, n), *_waves(fitted)], n)


@register_converter(AdditiveChi2Sampler, "transform")
def _additive_chi2_sampler(fitted: AdditiveChi2Sampler) -> Map:
    steps, interval = fitted.sample_steps, fitted.sample_interval
    if interval is None:
        interval = _INTERVALS[steps]
    return AdditiveChi2(fitted.n_features_in_, steps, interval)


@register_converter(PolynomialCountSketch, "transform")
def _polynomial_count_sketch(fitted: PolynomialCountSketch) -> Map:
    weights = np.sqrt(fitted.gamma) * _sketches(fitted)
    n, n_out = fitted.n_features_in_, weights.shape[1]
    offsets = np.zeros(weights.shape[:2])
    if fitted.coef0 != 0:
        # one more column, of a constant
        offsets = np.sqrt(fitted.coef0) * _sketches(fitted)[:, :, n]
    if len(weights) > 1:
        return CountSketch(weights[:, :, :n], offsets)
    function = Affine(weights[0, :, :n], offset=offsets[0])
    function.spread = CountSketch.spread
    assert function.n_out == n_out
    return function


def _sketches(fitted: PolynomialCountSketch) -> Array:
    """Return which column is added to which output of each factor, with which sign."""
    degree, n = fitted.indexHash_.shape
    sketches = np.zeros((degree, fitted.n_components, n))
    factor, column = np.indices((degree, n))
    sketches[factor, fitted.indexHash_, column] = fitted.bitHash_
    return sketches
