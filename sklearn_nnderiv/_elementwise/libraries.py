"""Elementwise functions with an output array, under one name in NumPy and torch.

An array is a NumPy array for `NUMPY` and a tensor for `TORCH`. Every function writes
into `out`, which may be its input.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch


class NumPy:
    """NumPy, and torch on the same memory where that is several times faster."""

    tanh = staticmethod(np.tanh)
    exp = staticmethod(np.exp)
    expm1 = staticmethod(np.expm1)
    log1p = staticmethod(np.log1p)
    abs = staticmethod(np.abs)
    square = staticmethod(np.square)
    negative = staticmethod(np.negative)
    multiply = staticmethod(np.multiply)
    add = staticmethod(np.add)
    subtract = staticmethod(np.subtract)
    matmul = staticmethod(np.matmul)

    @staticmethod
    def sin(x: Any, out: Any) -> None:
        """Write the sine."""
        torch.sin(torch.from_numpy(x), out=torch.from_numpy(out))

    @staticmethod
    def cos(x: Any, out: Any) -> None:
        """Write the cosine."""
        torch.cos(torch.from_numpy(x), out=torch.from_numpy(out))

    @staticmethod
    def erf(x: Any, out: Any) -> None:
        """Write the error function."""
        torch.erf(torch.from_numpy(x), out=torch.from_numpy(out))

    @staticmethod
    def one_minus(x: Any, out: Any) -> None:
        """Write 1 - x."""
        np.subtract(1, x, out=out)

    @staticmethod
    def at_least_0(x: Any, out: Any) -> None:
        """Write the larger of x and 0."""
        np.maximum(x, 0, out=out)

    @staticmethod
    def at_most_0(x: Any, out: Any) -> None:
        """Write the smaller of x and 0."""
        np.minimum(x, 0, out=out)

    @staticmethod
    def is_positive(x: Any, out: Any) -> None:
        """Write 1 where x > 0, else 0."""
        np.greater(x, 0, out=out)

    @staticmethod
    def empty_like(x: Any) -> Any:
        """Return memory of x's shape."""
        return np.empty_like(x)

    @staticmethod
    def ones(n: int, like: Any) -> Any:
        """Return n ones of the dtype of another array."""
        return np.ones(n, like.dtype)

    @staticmethod
    def copy(x: Any, out: Any) -> None:
        """Write x into out, cast."""
        np.copyto(out, x, casting="same_kind")


class Torch:
    """Torch, on whatever device the tensors are."""

    tanh = staticmethod(torch.tanh)
    exp = staticmethod(torch.exp)
    expm1 = staticmethod(torch.expm1)
    log1p = staticmethod(torch.log1p)
    abs = staticmethod(torch.abs)
    square = staticmethod(torch.square)
    negative = staticmethod(torch.negative)
    multiply = staticmethod(torch.multiply)
    add = staticmethod(torch.add)
    subtract = staticmethod(torch.subtract)
    matmul = staticmethod(torch.matmul)
    sin = staticmethod(torch.sin)
    cos = staticmethod(torch.cos)
    erf = staticmethod(torch.erf)

    @staticmethod
    def one_minus(x: Any, out: Any) -> None:
        """Write 1 - x."""
        torch.negative(x, out=out)
        out += 1

    @staticmethod
    def at_least_0(x: Any, out: Any) -> None:
        """Write the larger of x and 0."""
        torch.clamp(x, min=0, out=out)

    @staticmethod
    def at_most_0(x: Any, out: Any) -> None:
        """Write the smaller of x and 0."""
        torch.clamp(x, max=0, out=out)

    @staticmethod
    def is_positive(x: Any, out: Any) -> None:
        """Write 1 where x > 0, else 0."""
        out.copy_(x > 0)

    @staticmethod
    def empty_like(x: Any) -> Any:
        """Return memory of x's shape."""
        return torch.empty_like(x)

    @staticmethod
    def ones(n: int, like: Any) -> Any:
        """Return n ones of the dtype of another tensor, where that is."""
        return torch.ones(n, dtype=like.dtype, device=like.device)

    @staticmethod
    def copy(x: Any, out: Any) -> None:
        """Write x into out, cast."""
        out.copy_(x)


NUMPY, TORCH = NumPy(), Torch()
# not a protocol: those of NumPy and of torch have no common type of arrays
Library = Any
