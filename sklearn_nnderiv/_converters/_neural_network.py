"""Restricted Boltzmann machines."""

import torch
from sklearn.neural_network import BernoulliRBM

from .._maps import Affine, Elementwise, Map, Sequential
from ._registry import register_converter


@register_converter(BernoulliRBM, "transform")
def _bernoulli_rbm(fitted: BernoulliRBM) -> Map:
    hidden = Affine(fitted.components_, offset=fitted.intercept_hidden_)
    probability = Elementwise(torch.sigmoid, hidden.n_out)
    return Sequential([hidden, probability], hidden.n_in)
