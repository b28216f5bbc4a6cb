"""Differentiable maps: torch modules from (..., n_in) to (..., n_out)."""

from ._affine import Affine
from ._base import Map, Smoothness, device_of
from ._chi2 import AdditiveChi2
from ._concatenate import Concatenate
from ._constant import Constant
from ._count_sketch import CountSketch
from ._distances import Distances
from ._elementwise import Elementwise
from ._feed_forward import FeedForward
from ._fill_missing import FillMissing
from ._interpolation import Interpolation
from ._kernel_algebra import (
    ConstantKernel,
    PowerKernel,
    ProductKernel,
    SumKernel,
    WhiteKernel,
)
from ._kernel_columns import AdditiveChi2Kernel, Chi2Kernel, LaplacianKernel
from ._kernel_function import Coincidence, KernelFunction, KernelMap
from ._kernel_products import (
    CosineKernel,
    LinearKernel,
    PolynomialKernel,
    SigmoidKernel,
)
from ._kernel_stationary import (
    ExponentialKernel,
    OnceDifferentiableKernel,
    PeriodicKernel,
    RadialKernel,
    RationalQuadraticKernel,
    TwiceDifferentiableKernel,
)
from ._monomials import Monomials
from ._neighbors import NeighborMean
from ._network import Network
from ._normalize import Normalize
from ._one_hot import HotIndex, OneHot
from ._piecewise_polynomial import PiecewisePolynomial
from ._ranks import Ranks
from ._row_function import RowFunction
from ._select import Select
from ._sequential import Sequential
from ._weighted_median import WeightedMedian

__all__ = [
    "AdditiveChi2",
    "AdditiveChi2Kernel",
    "Affine",
    "Chi2Kernel",
    "Coincidence",
    "Concatenate",
    "Constant",
    "ConstantKernel",
    "CosineKernel",
    "CountSketch",
    "Distances",
    "Elementwise",
    "ExponentialKernel",
    "FeedForward",
    "FillMissing",
    "HotIndex",
    "Interpolation",
    "KernelFunction",
    "KernelMap",
    "LaplacianKernel",
    "LinearKernel",
    "Map",
    "Monomials",
    "NeighborMean",
    "Network",
    "Normalize",
    "OnceDifferentiableKernel",
    "OneHot",
    "PeriodicKernel",
    "PiecewisePolynomial",
    "PolynomialKernel",
    "PowerKernel",
    "ProductKernel",
    "RadialKernel",
    "Ranks",
    "RationalQuadraticKernel",
    "RowFunction",
    "Select",
    "Sequential",
    "SigmoidKernel",
    "Smoothness",
    "SumKernel",
    "TwiceDifferentiableKernel",
    "WeightedMedian",
    "WhiteKernel",
    "device_of",
]
