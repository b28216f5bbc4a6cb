"""Sums over training rows: weights times a kernel with each of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .._maps import (
    Affine,
    KernelFunction,
    KernelMap,
    LinearKernel,
    Map,
    RadialKernel,
    Sequential,
)
from .._validation import Array

# rows at which the rounding of a sum is looked at
_N_ROWS = 64
# roundings of a term to allow for, and what is too much
_ROUNDINGS, _MOST = 32, 1e-3


def dense(array: Any) -> Array:
    """Return an array, whatever kind of matrix it was fitted on."""
    full = array.toarray() if hasattr(array, "toarray") else array
    return np.asarray(full, dtype=np.float64)


def expansion(
    kernel: KernelFunction,
    rows: Any,
    weight: Any,
    *,
    center: Any = None,
    offset: Any = None,
) -> Map:
    """Return (k(x, rows) - center) @ weight.T + offset.

    Parameters
    ----------
    kernel : KernelFunction
    rows : array of shape (m, n_in)
    weight : array of shape (n_out, m)
    center : array of shape (m,), default=None
    offset : array of shape (n_out,), default=None
    """
    rows, weight = dense(rows), dense(weight)
    last = Affine(weight, center=center, offset=offset)
    if type(kernel) is LinearKernel:  # two affine maps, which engines fold
        shift = np.full(len(rows), kernel.offset)
        first: Map = Affine(rows, offset=shift if kernel.offset else None)
    else:
        first = KernelMap(kernel, rows)
    first.tolerance = (_rounding(first, rows, last), 0.0)
    return Sequential([first, last], first.n_in)


def _rounding(first: Map, rows: Array, last: Affine) -> float:
    """Return how much of the sums may be lost where large terms cancel."""
    some = rows[:: -(-len(rows) // _N_ROWS)]
    with torch.inference_mode(False), torch.no_grad():
        k = first(torch.tensor(some)).numpy()
    weight = last.weight.numpy()
    center = 0.0 if last.center is None else last.center.numpy()
    terms = (abs(k) + abs(center)) @ abs(weight).T
    sums = (k - center) @ weight.T
    terms, sums = terms.max(axis=0), abs(sums).max(axis=0)
    known = sums > 0
    lost = (terms[known] / sums[known]).max(initial=1.0)
    lost *= _ROUNDINGS + _of_squares(first, some)
    return float(np.clip(np.finfo(float).eps * lost, 1e-12, _MOST))


def _of_squares(first: Map, rows: Array) -> float:
    """Return how many roundings a distance has that is computed from squares.

    So scikit-learn computes the kernel "rbf", whose exponent it is.
    """
    sizes = [
        np.square(rows / part.scale.numpy()).sum(axis=1).max()
        for part in first.modules()
        if isinstance(part, RadialKernel)
    ]
    return float(4 * max(sizes, default=0.0))
