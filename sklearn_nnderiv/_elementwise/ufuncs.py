"""NumPy and SciPy ufuncs with their torch counterparts, as FunctionTransformer uses."""

from collections.abc import Callable

import numpy as np
import torch
from scipy import special
from torch import Tensor

Elementwise = Callable[[Tensor], Tensor]


def identity(x: Tensor) -> Tensor:
    """Return x."""
    return x


def cbrt(x: Tensor) -> Tensor:
    """Real cube root, whose derivative at 0 is infinite."""
    return torch.sign(x) * torch.abs(x) ** (1 / 3)


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
    special.expit: torch.sigmoid,
    special.logit: torch.logit,
    special.ndtr: torch.special.ndtr,
    special.ndtri: torch.special.ndtri,
    special.erf: torch.special.erf,
    special.erfinv: torch.special.erfinv,
}
