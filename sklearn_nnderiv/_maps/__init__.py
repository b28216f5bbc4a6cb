"""Differentiable maps: torch modules from (..., n_in) to (..., n_out)."""

from ._affine import Affine
from ._base import Map, Smoothness, device_of
from ._elementwise import Elementwise
from ._feed_forward import FeedForward
from ._interpolation import Interpolation
from ._network import Network
from ._sequential import Sequential

__all__ = [
    "Affine",
    "Elementwise",
    "FeedForward",
    "Interpolation",
    "Map",
    "Network",
    "Sequential",
    "Smoothness",
    "device_of",
]
