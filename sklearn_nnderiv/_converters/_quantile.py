"""QuantileTransformer."""

import numpy as np
import torch
from sklearn.preprocessing import QuantileTransformer
from torch import Tensor

from .._maps import Elementwise, Interpolation, Map, Sequential
from .._validation import warn
from ..exceptions import DerivativeWarning
from ._registry import register_converter

# scikit-learn's distance from 0 and 1 at which the normal quantile is cut off
_THRESHOLD = 1e-7
_CUT = _THRESHOLD - np.spacing(1)


def _normal_quantile(p: Tensor) -> Tensor:
    # cut before, not after: a gradient of 0 times infinity would be NaN
    return torch.special.ndtri(p.clamp(_CUT, 1 - _CUT))


def _edge(fitted: QuantileTransformer) -> float:
    return _THRESHOLD if fitted.output_distribution == "normal" else 0.0


def _tables(fitted: QuantileTransformer) -> tuple[np.ndarray, np.ndarray]:
    _warn_of_noise(fitted)
    quantiles = fitted.quantiles_.T
    return quantiles, np.broadcast_to(fitted.references_, quantiles.shape)


def _warn_of_noise(fitted: QuantileTransformer) -> None:
    """Warn if fewer than 20 rows lie between two quantiles, as far as can be known."""
    n = fitted.n_quantiles_
    cut_to_rows = n < fitted.n_quantiles
    too_many = n > 1 and fitted.subsample is not None and 20 * n > fitted.subsample
    if cut_to_rows or too_many:
        warn(
            f"The QuantileTransformer has {n} quantiles, for "
            f"{'as many' if cut_to_rows else f'at most {fitted.subsample}'} rows: its "
            "derivative is a step function that follows the noise of few rows. Take "
            "fewer, such as n_quantiles=20, or a PowerTransformer.",
            DerivativeWarning,
        )


@register_converter(QuantileTransformer, "transform")
def _quantile_transformer(fitted: QuantileTransformer) -> Map:
    quantiles, references = _tables(fitted)
    n = fitted.n_features_in_
    uniform = Interpolation(quantiles, references, edge=_edge(fitted))
    if fitted.output_distribution == "uniform":
        return uniform
    return Sequential([uniform, Elementwise(_normal_quantile, n)], n)


@register_converter(QuantileTransformer, "inverse_transform")
def _quantile_transformer_inverse(fitted: QuantileTransformer) -> Map:
    quantiles, references = _tables(fitted)
    n = fitted.n_features_in_
    table = Interpolation(references, quantiles, edge=_edge(fitted), two_sided=False)
    if fitted.output_distribution == "uniform":
        return table
    return Sequential([Elementwise(torch.special.ndtr, n), table], n)
