"""Activations with their first and second derivatives, in NumPy and in torch.

A slope is computed from the value where that saves a transcendental function, and a
curvature from both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from torch import nn

from .activations import Sine, Softplus
from .libraries import NUMPY, Library


class Kernel(NamedTuple):
    """An elementwise function f(z) and its derivatives.

    All take a `Library` first, and write into `out`, with scratch memory `tmp`. Arrays
    have one shape.

    Attributes
    ----------
    write_value : callable
        f from z, as ``write_value(lib, z, out, tmp)``.
    write_slope : callable
        f' from z and f, as ``write_slope(lib, z, f, out, tmp)``.
    write_curvature : callable
        f'' from z, f and f', as ``write_curvature(lib, z, f, slope, out, tmp)``.
    in_place : bool
        Whether `out` of the value may be z, which the derivatives do not need then.
    """

    write_value: Callable[..., None]
    write_slope: Callable[..., None]
    write_curvature: Callable[..., None]
    in_place: bool

    def value(self, z: Any) -> Any:
        """Return f as a new array."""
        out = NUMPY.empty_like(z)
        self.write_value(NUMPY, z, out, NUMPY.empty_like(z))
        return out

    def slope(self, z: Any, f: Any) -> Any:
        """Return f' as a new array."""
        out = NUMPY.empty_like(z)
        self.write_slope(NUMPY, z, f, out, NUMPY.empty_like(z))
        return out

    def curvature(self, z: Any, f: Any, slope: Any) -> Any:
        """Return f'' as a new array."""
        out = NUMPY.empty_like(z)
        self.write_curvature(NUMPY, z, f, slope, out, NUMPY.empty_like(z))
        return out


# Named functions, since lambdas cannot be pickled.
def _tanh(lib: Library, z: Any, out: Any, tmp: Any) -> None:
    lib.tanh(z, out=out)


def _tanh_slope(lib: Library, z: Any, f: Any, out: Any, tmp: Any) -> None:
    lib.square(f, out=out)
    lib.one_minus(out, out=out)


def _tanh_curvature(
    lib: Library, z: Any, f: Any, slope: Any, out: Any, tmp: Any
) -> None:
    lib.multiply(f, slope, out=out)
    out *= -2


def _softplus(lib: Library, z: Any, out: Any, tmp: Any) -> None:
    lib.abs(z, out=tmp)
    lib.negative(tmp, out=tmp)
    lib.exp(tmp, out=tmp)
    lib.log1p(tmp, out=tmp)
    lib.at_least_0(z, out=out)
    out += tmp


def _softplus_slope(lib: Library, z: Any, f: Any, out: Any, tmp: Any) -> None:
    lib.negative(f, out=out)
    lib.expm1(out, out=out)
    lib.negative(out, out=out)


def _softplus_curvature(
    lib: Library, z: Any, f: Any, slope: Any, out: Any, tmp: Any
) -> None:
    lib.one_minus(slope, out=out)
    out *= slope


def _sine(lib: Library, z: Any, out: Any, tmp: Any) -> None:
    lib.sin(z, out=out)


def _sine_slope(lib: Library, z: Any, f: Any, out: Any, tmp: Any) -> None:
    lib.cos(z, out=out)


def _sine_curvature(
    lib: Library, z: Any, f: Any, slope: Any, out: Any, tmp: Any
) -> None:
    lib.negative(f, out=out)


def _logistic(lib: Library, z: Any, out: Any, tmp: Any) -> None:
    lib.multiply(z, 0.5, out=out)
    lib.tanh(out, out=out)
    out += 1
    out *= 0.5


def _logistic_slope(lib: Library, z: Any, f: Any, out: Any, tmp: Any) -> None:
    lib.one_minus(f, out=out)
    out *= f


def _logistic_curvature(
    lib: Library, z: Any, f: Any, slope: Any, out: Any, tmp: Any
) -> None:
    lib.multiply(f, -2, out=out)
    out += 1
    out *= slope


def _silu(lib: Library, z: Any, out: Any, tmp: Any) -> None:
    _logistic(lib, z, out, tmp)
    out *= z


def _silu_slope(lib: Library, z: Any, f: Any, out: Any, tmp: Any) -> None:
    # p (1 + z (1 - p)) loses no digits far out, unlike p (1 - f) + f
    _logistic(lib, z, out, None)
    lib.one_minus(out, out=tmp)
    tmp *= z
    tmp += 1
    out *= tmp


def _silu_curvature(
    lib: Library, z: Any, f: Any, slope: Any, out: Any, tmp: Any
) -> None:
    # p (1 - p) (2 + z (1 - 2 p)) with the logistic function p
    _logistic(lib, z, tmp, None)
    lib.multiply(tmp, -2, out=out)
    out += 1
    out *= z
    out += 2
    out *= tmp
    lib.one_minus(tmp, out=tmp)
    out *= tmp


def _normal_probability(lib: Library, z: Any, out: Any) -> None:
    lib.multiply(z, math.sqrt(0.5), out=out)
    lib.erf(out, out=out)
    out += 1
    out *= 0.5


def _normal_density(lib: Library, z: Any, out: Any) -> None:
    lib.square(z, out=out)
    out *= -0.5
    lib.exp(out, out=out)
    out *= 1 / math.sqrt(2 * math.pi)


def _gelu(lib: Library, z: Any, out: Any, tmp: Any) -> None:
    _normal_probability(lib, z, out)
    out *= z


def _gelu_slope(lib: Library, z: Any, f: Any, out: Any, tmp: Any) -> None:
    _normal_density(lib, z, tmp)
    tmp *= z
    _normal_probability(lib, z, out)
    out += tmp


def _gelu_curvature(
    lib: Library, z: Any, f: Any, slope: Any, out: Any, tmp: Any
) -> None:
    _normal_density(lib, z, tmp)
    lib.square(z, out=out)
    lib.negative(out, out=out)
    out += 2
    out *= tmp


def _elu(lib: Library, z: Any, out: Any, tmp: Any) -> None:
    lib.at_most_0(z, out=tmp)
    lib.expm1(tmp, out=tmp)
    lib.at_least_0(z, out=out)
    out += tmp


def _elu_slope(lib: Library, z: Any, f: Any, out: Any, tmp: Any) -> None:
    lib.at_most_0(f, out=out)
    out += 1


def _elu_curvature(
    lib: Library, z: Any, f: Any, slope: Any, out: Any, tmp: Any
) -> None:
    lib.is_positive(f, out=out)
    lib.one_minus(out, out=out)
    out *= slope


def _relu(lib: Library, z: Any, out: Any, tmp: Any) -> None:
    lib.at_least_0(z, out=out)


def _relu_slope(lib: Library, z: Any, f: Any, out: Any, tmp: Any) -> None:
    lib.is_positive(f, out=out)


def _identity(lib: Library, z: Any, out: Any, tmp: Any) -> None:
    if out is not z:
        lib.copy(z, out=out)


def _one(lib: Library, z: Any, f: Any, out: Any, tmp: Any) -> None:
    out[...] = 1


def _zero(lib: Library, z: Any, f: Any, slope: Any, out: Any, tmp: Any) -> None:
    out[...] = 0


KERNELS: dict[type[nn.Module], Kernel] = {
    nn.Tanh: Kernel(_tanh, _tanh_slope, _tanh_curvature, True),
    Softplus: Kernel(_softplus, _softplus_slope, _softplus_curvature, True),
    nn.Softplus: Kernel(_softplus, _softplus_slope, _softplus_curvature, True),
    Sine: Kernel(_sine, _sine_slope, _sine_curvature, False),
    nn.Sigmoid: Kernel(_logistic, _logistic_slope, _logistic_curvature, True),
    nn.SiLU: Kernel(_silu, _silu_slope, _silu_curvature, False),
    nn.GELU: Kernel(_gelu, _gelu_slope, _gelu_curvature, False),
    nn.ELU: Kernel(_elu, _elu_slope, _elu_curvature, True),
    nn.ReLU: Kernel(_relu, _relu_slope, _zero, True),
    nn.Identity: Kernel(_identity, _one, _zero, True),
}
