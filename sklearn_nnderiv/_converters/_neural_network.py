"""Scikit-learn's own networks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from sklearn.neural_network import BernoulliRBM, MLPRegressor
from torch import nn

from .._elementwise.activations import activation_maker, has_kinks
from .._maps import (
    Affine,
    Elementwise,
    FeedForward,
    Map,
    Network,
    Sequential,
    Smoothness,
)
from .._validation import Array
from ..exceptions import NotConvertibleError
from ._registry import register_converter

_ACTIVATIONS = ("identity", "logistic", "relu", "tanh")
_OUT_ACTIVATIONS = {"identity": None, "exp": torch.exp}


def _known(name: str, known: Any, which: str) -> None:
    if name not in known:
        raise NotConvertibleError(
            f"MLPRegressor with the {which} {name!r} cannot be converted to torch. "
            f"Known are: {', '.join(known)}."
        )


@register_converter(MLPRegressor, "predict")
def _mlp_regressor(fitted: MLPRegressor) -> Map:
    _known(fitted.activation, _ACTIVATIONS, "activation")
    _known(fitted.out_activation_, _OUT_ACTIVATIONS, "activation of the outputs")
    weights = [np.asarray(coef, dtype=np.float64).T for coef in fitted.coefs_]
    n_in, n_out = weights[0].shape[1], len(weights[-1])
    network = _feed_forward(fitted, weights)
    smoothness: Smoothness = "piecewise" if has_kinks(network) else "smooth"
    function = Network(network, n_in, n_out, torch.float64, smoothness)
    out = _OUT_ACTIVATIONS[fitted.out_activation_]
    if out is None:
        return function
    return Sequential([function, Elementwise(out, n_out)], n_in)


def _feed_forward(fitted: MLPRegressor, weights: Sequence[Array]) -> FeedForward:
    """Return a network of the fitted parameters."""
    n_in, sizes = weights[0].shape[1], [len(weight) for weight in weights]
    maker = activation_maker(fitted.activation)
    network = FeedForward(n_in, sizes[-1], sizes[:-1], maker, torch.float64, seed=0)
    layers = [layer for layer in network.layers if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for layer, *values in zip(layers, weights, fitted.intercepts_, strict=True):
            for parameter, value in zip(layer.parameters(), values, strict=True):
                parameter.copy_(torch.tensor(value, dtype=torch.float64, device="cpu"))
    return network.requires_grad_(False)


@register_converter(BernoulliRBM, "transform")
def _bernoulli_rbm(fitted: BernoulliRBM) -> Map:
    hidden = Affine(fitted.components_, offset=fitted.intercept_hidden_)
    probability = Elementwise(torch.sigmoid, hidden.n_out)
    return Sequential([hidden, probability], hidden.n_in)
