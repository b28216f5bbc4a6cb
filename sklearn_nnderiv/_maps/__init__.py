"""Differentiable maps: torch modules from (..., n_in) to (..., n_out)."""

from ._affine import Affine
from ._base import Map, Smoothness, device_of
from ._concatenate import Concatenate
from ._constant import Constant
from ._elementwise import Elementwise
from ._feed_forward import FeedForward
from ._interpolation import Interpolation
from ._neighbors import NeighborMean
from ._network import Network
from ._select import Select
from ._sequential import Sequential

__all__ = [
    "Affine",
    "Concatenate",
    "Constant",
    "Elementwise",
    "FeedForward",
    "Interpolation",
    "Map",
    "NeighborMean",
    "Network",
    "Select",
    "Sequential",
    "Smoothness",
    "device_of",
]
