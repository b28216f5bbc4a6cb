"""NumPy and SciPy functions with their torch counterparts, for FunctionTransformer."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy import special
from torch import Tensor

from .piecewise import magnitude

Elementwise = Callable[..., Tensor]


def identity(x: Tensor) -> Tensor:
    """Return x."""
    return x


def cbrt(x: Tensor) -> Tensor:
    """Real cube root, whose derivative at 0 is infinite."""
    return torch.sign(x) * torch.abs(x) ** (1 / 3)


def exp10(x: Tensor) -> Tensor:
    """10 to the power of x."""
    return torch.pow(10.0, x)


SMOOTH_UFUNCS: dict[Callable | None, Elementwise] = {
    None: identity,
    np.positive: identity,
    np.negative: torch.neg,
    np.square: torch.square,
    np.sqrt: torch.sqrt,
    np.cbrt: cbrt,
    np.reciprocal: torch.reciprocal,
    np.exp: torch.exp,
    np.exp2: torch.exp2,
    np.expm1: torch.expm1,
    np.log: torch.log,
    np.log2: torch.log2,
    np.log10: torch.log10,
    np.log1p: torch.log1p,
    np.sin: torch.sin,
    np.cos: torch.cos,
    np.tan: torch.tan,
    np.arcsin: torch.asin,
    np.arccos: torch.acos,
    np.arctan: torch.atan,
    np.sinh: torch.sinh,
    np.cosh: torch.cosh,
    np.tanh: torch.tanh,
    np.arcsinh: torch.asinh,
    np.arccosh: torch.acosh,
    np.arctanh: torch.atanh,
    np.deg2rad: torch.deg2rad,
    np.radians: torch.deg2rad,
    np.rad2deg: torch.rad2deg,
    np.degrees: torch.rad2deg,
    special.cbrt: cbrt,
    special.exp2: torch.exp2,
    special.exp10: exp10,
    special.expm1: torch.expm1,
    special.log1p: torch.log1p,
    special.expit: torch.sigmoid,
    special.log_expit: torch.nn.functional.logsigmoid,
    special.logit: torch.logit,
    special.ndtr: torch.special.ndtr,
    special.log_ndtr: torch.special.log_ndtr,
    special.ndtri: torch.special.ndtri,
    special.erf: torch.special.erf,
    special.erfc: torch.special.erfc,
    special.erfinv: torch.special.erfinv,
}
PIECEWISE_UFUNCS: dict[Callable | None, Elementwise] = {
    np.absolute: magnitude,
    np.fabs: magnitude,
}
CONSTANT_UFUNCS: dict[Callable | None, Elementwise] = {
    np.sign: torch.sign,
    np.floor: torch.floor,
    np.ceil: torch.ceil,
    np.rint: torch.round,
    np.trunc: torch.trunc,
}
UFUNCS: dict[Callable | None, tuple[Elementwise, Any]] = {
    **{f: (g, "smooth") for f, g in SMOOTH_UFUNCS.items()},
    **{f: (g, "piecewise") for f, g in PIECEWISE_UFUNCS.items()},
    **{f: (g, "constant") for f, g in CONSTANT_UFUNCS.items()},
}
