"""Approximate polynomial kernels by count sketches."""

from typing import Any

import torch
from torch import Tensor

from ._base import Map


class CountSketch(Map):
    """Circular convolution of several affine maps of the columns.

    Parameters
    ----------
    weights : array of shape (n_factors, n_out, n_in)
    offsets : array of shape (n_factors, n_out)
    """

    weights: Tensor
    offsets: Tensor
    # the Fourier transforms spread rounding over all outputs
    spread = 1e-12

    def __init__(self, weights: Any, offsets: Any) -> None:
        super().__init__(weights.shape[2], weights.shape[1], "smooth")
        self._constant("weights", weights)
        self._constant("offsets", offsets)

    def forward(self, x: Tensor) -> Tensor:
        """Return the value at x."""
        product: Tensor | None = None
        for weight, offset in zip(self.weights, self.offsets, strict=True):
            factor = torch.fft.rfft(x @ weight.T + offset)
            product = factor if product is None else product * factor
        assert product is not None
        return torch.fft.irfft(product, n=self.n_out)
