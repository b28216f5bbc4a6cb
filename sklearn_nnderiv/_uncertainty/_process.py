"""The posterior of a Gaussian process together with its gradient."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._maps import KernelFunction, KernelMap
from .._validation import Array


@dataclass(frozen=True)
class Joint:
    """Covariances of the process f and of its gradient, row by row.

    Attributes
    ----------
    prior : ndarray of shape (n,)
        The variance of an observation before there were data.
    observed : ndarray of shape (n,)
        The variance of a new observation: that of f, and of white noise.
    value : ndarray of shape (n,)
        The variance of f.
    crossed : ndarray of shape (n, d)
        The covariance of f with its gradient.
    gradient : ndarray of shape (n, d, d)
        The covariance of the gradient.
    rough : ndarray of bool of shape (n, d)
        By which columns f has no derivative.
    """

    prior: Array
    observed: Array
    value: Array
    crossed: Array
    gradient: Array
    rough: NDArray[np.bool_]


class Process:
    """A process conditioned on values at rows.

    Parameters
    ----------
    kernel : KernelFunction
    rows : array of shape (m, d)
    factor : array of shape (m, m)
        The lower Cholesky factor of the covariance of what was observed at the rows.
    """

    def __init__(self, kernel: KernelFunction, rows: Array, factor: Array) -> None:
        self._kernel = kernel
        self._across = KernelMap(kernel, rows)
        self._factor = torch.tensor(factor, dtype=torch.float64, device="cpu")

    @property
    def n_numbers(self) -> int:
        """Return how many numbers a row takes."""
        m, d = self._across.rows.shape
        kept = max(1, self._across.numbers_per_row // m)
        return m * (d + 1 + kept)

    def joint(self, X: Array) -> Joint:
        """Return the covariances at X (n, d)."""
        with torch.inference_mode(False), torch.enable_grad():
            x = torch.tensor(X, dtype=torch.float64, device="cpu")
            slopes = _with_slopes(self._across, x)
            n, rows, m = slopes.shape
            # of the factor's transpose from the right: rows stay rows
            white = torch.linalg.solve_triangular(
                self._factor.mT, slopes.reshape(-1, m), upper=True, left=False
            ).reshape(n, rows, m)
            known = white @ white.mT
            variance = self._kernel.variance(x)
            smooth = self._kernel.coincidence(x)  # without white noise
            parts = (
                variance,
                variance - known[:, 0, 0],
                smooth.value - known[:, 0, 0],
                smooth.slope - known[:, 0, 1:],
                smooth.curvature - known[:, 1:, 1:],
                smooth.rough,
            )
            return Joint(*(part.numpy() for part in parts))


def _with_slopes(across: KernelMap, x: Tensor) -> Tensor:
    """Return k(x, y_i) and its derivative by every column, of shape (n, 1 + d, m).

    The derivative of a vector-Jacobian product by its vector, in which it is linear: a
    pass for every column of x, not for every y_i. Forward mode would do the same, but
    torch allows it to one thread at a time.
    """
    x = x.clone().requires_grad_()
    k = across(x)
    slopes = [torch.zeros_like(k).detach() for _ in range(x.shape[1])]
    if k.requires_grad:
        weight = torch.zeros_like(k).requires_grad_()
        (gradient,) = torch.autograd.grad((k * weight).sum(), x, create_graph=True)
        for j, one in enumerate(gradient.unbind(-1) if gradient.requires_grad else ()):
            (slopes[j],) = torch.autograd.grad(one.sum(), weight, retain_graph=True)
    return torch.stack([k.detach(), *slopes], dim=1)
