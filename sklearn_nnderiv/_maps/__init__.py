"""Differentiable maps: torch modules from (..., n_in) to (..., n_out)."""

from ._affine import Affine
from ._base import Map, Smoothness, device_of
from ._concatenate import Concatenate
from ._elementwise import Elementwise
from ._feed_forward import FeedForward
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
from ._network import Network
from ._select import Select
from ._sequential import Sequential

__all__ = [
    "AdditiveChi2Kernel",
    "Affine",
    "Chi2Kernel",
    "Coincidence",
    "Concatenate",
    "ConstantKernel",
    "CosineKernel",
    "Elementwise",
    "ExponentialKernel",
    "FeedForward",
    "Interpolation",
    "KernelFunction",
    "KernelMap",
    "LaplacianKernel",
    "LinearKernel",
    "Map",
    "Network",
    "OnceDifferentiableKernel",
    "PeriodicKernel",
    "PolynomialKernel",
    "PowerKernel",
    "ProductKernel",
    "RadialKernel",
    "RationalQuadraticKernel",
    "Select",
    "Sequential",
    "SigmoidKernel",
    "Smoothness",
    "SumKernel",
    "TwiceDifferentiableKernel",
    "WhiteKernel",
    "device_of",
]
