"""Activations on NumPy arrays, with their first and second derivatives.

A slope is computed from the value where that saves a transcendental function, and a
curvature from both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.special import expit, ndtr
from torch import nn

from .._validation import Array
from .activations import Sine


class Kernel(NamedTuple):
    """An elementwise function f(z) and its derivatives.

    Attributes
    ----------
    value : callable
        f from z.
    slope : callable
        f' from z and f.
    curvature : callable
        f'' from z, f and f'.
    """

    value: Callable[[Array], Array]
    slope: Callable[[Array, Array], Array]
    curvature: Callable[[Array, Array, Array], Array]


# Named functions, since lambdas cannot be pickled.
def _tanh_slope(z: Array, f: Array) -> Array:
    return 1 - f * f


def _tanh_curvature(z: Array, f: Array, slope: Array) -> Array:
    return -2 * f * slope


def _softplus(z: Array) -> Array:
    a = np.abs(z)
    np.negative(a, out=a)
    np.exp(a, out=a)
    np.log1p(a, out=a)
    a += np.maximum(z, 0)
    return a


def _softplus_slope(z: Array, f: Array) -> Array:
    return -np.expm1(-f)


def _softplus_curvature(z: Array, f: Array, slope: Array) -> Array:
    return slope * (1 - slope)


def _sine_slope(z: Array, f: Array) -> Array:
    return np.cos(z)


def _sine_curvature(z: Array, f: Array, slope: Array) -> Array:
    return -f


def _logistic_slope(z: Array, f: Array) -> Array:
    return f * (1 - f)


def _logistic_curvature(z: Array, f: Array, slope: Array) -> Array:
    return slope * (1 - 2 * f)


def _silu(z: Array) -> Array:
    return z * expit(z)


def _silu_slope(z: Array, f: Array) -> Array:
    p = expit(z)
    return p + f * (1 - p)


def _silu_curvature(z: Array, f: Array, slope: Array) -> Array:
    p = expit(z)
    return p * (1 - p) * (2 + z * (1 - 2 * p))


def _density(z: Array) -> Array:
    return np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def _gelu(z: Array) -> Array:
    return z * ndtr(z)


def _gelu_slope(z: Array, f: Array) -> Array:
    return ndtr(z) + z * _density(z)


def _gelu_curvature(z: Array, f: Array, slope: Array) -> Array:
    return (2 - z * z) * _density(z)


def _elu(z: Array) -> Array:
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def _elu_slope(z: Array, f: Array) -> Array:
    return np.where(z > 0, 1.0, f + 1)


def _elu_curvature(z: Array, f: Array, slope: Array) -> Array:
    return np.where(z > 0, 0.0, slope)


def _relu(z: Array) -> Array:
    return np.maximum(z, 0)


def _relu_slope(z: Array, f: Array) -> Array:
    return (z > 0).astype(np.float64)


def _one(z: Array, f: Array) -> Array:
    return np.ones_like(z)


def _zero(z: Array, f: Array, slope: Array) -> Array:
    return np.zeros_like(z)


KERNELS: dict[type[nn.Module], Kernel] = {
    nn.Tanh: Kernel(np.tanh, _tanh_slope, _tanh_curvature),
    nn.Softplus: Kernel(_softplus, _softplus_slope, _softplus_curvature),
    Sine: Kernel(np.sin, _sine_slope, _sine_curvature),
    nn.Sigmoid: Kernel(expit, _logistic_slope, _logistic_curvature),
    nn.SiLU: Kernel(_silu, _silu_slope, _silu_curvature),
    nn.GELU: Kernel(_gelu, _gelu_slope, _gelu_curvature),
    nn.ELU: Kernel(_elu, _elu_slope, _elu_curvature),
    nn.ReLU: Kernel(_relu, _relu_slope, _zero),
    nn.Identity: Kernel(np.copy, _one, _zero),
}
