"""Differentiable maps: torch modules from (..., n_in) to (..., n_out)."""

from ._affine import Affine
from ._base import Map, Smoothness, device_of
from ._concatenate import Concatenate
from ._elementwise import Elementwise
from ._feed_forward import FeedForward
from ._interpolation import Interpolation
from ._network import Network
from ._select import Select
from ._sequential import Sequential
from ._weighted_median import WeightedMedian

__all__ = [
    "Affine",
    "Concatenate",
    "Elementwise",
    "FeedForward",
    "Interpolation",
    "Map",
    "Network",
    "Select",
    "Sequential",
    "Smoothness",
    "WeightedMedian",
    "device_of",
]
