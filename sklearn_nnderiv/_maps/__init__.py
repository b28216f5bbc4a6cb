"""Differentiable maps: torch modules from (..., n_in) to (..., n_out)."""

from ._affine import Affine
from ._base import Map, Smoothness, device_of
from ._chi2 import AdditiveChi2
from ._concatenate import Concatenate
from ._count_sketch import CountSketch
from ._distances import Distances
from ._elementwise import Elementwise
from ._feed_forward import FeedForward
from ._interpolation import Interpolation
from ._monomials import Monomials
from ._network import Network
from ._normalize import Normalize
from ._one_hot import HotIndex, OneHot
from ._piecewise_polynomial import PiecewisePolynomial
from ._ranks import Ranks
from ._row_function import RowFunction
from ._select import Select
from ._sequential import Sequential

__all__ = [
    "AdditiveChi2",
    "Affine",
    "Concatenate",
    "CountSketch",
    "Distances",
    "Elementwise",
    "FeedForward",
    "HotIndex",
    "Interpolation",
    "Map",
    "Monomials",
    "Network",
    "Normalize",
    "OneHot",
    "PiecewisePolynomial",
    "Ranks",
    "RowFunction",
    "Select",
    "Sequential",
    "Smoothness",
    "device_of",
]
