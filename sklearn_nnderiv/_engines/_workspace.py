"""Scratch memory of one thread, kept from chunk to chunk and from call to call."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from .._elementwise.libraries import NUMPY, TORCH, Library


class Workspace:
    """Arrays by name, allocated when they are first asked for.

    Parameters
    ----------
    n_rows : int
        The length of all arrays.
    dtype : numpy.dtype
        Their dtype unless another is asked for.
    device : torch.device
    lib : Library, default=None
        Arrays are NumPy's for `NUMPY`, which is the default on the CPU, else tensors.
    """

    def __init__(
        self, n_rows: int, dtype: Any, device: torch.device, lib: Library = None
    ) -> None:
        self.n_rows = n_rows
        self.dtype = dtype
        self.device = device
        self.lib: Library = lib or (NUMPY if device.type == "cpu" else TORCH)
        self.on_host = self.lib is NUMPY
        self._arrays: dict[Any, Any] = {}

    def take(self, name: Any, n: int, *shape: int, dtype: Any = None) -> Any:
        """Return n rows of shape (n, *shape) whose content is undefined."""
        key = name, shape
        array = self._arrays.get(key)
        if array is None:
            array = self._arrays[key] = self._empty(shape, dtype or self.dtype)
        return array if n == self.n_rows else array[:n]

    def _empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        shape = (self.n_rows, *shape)
        if self.on_host:
            return np.empty(shape, dtype)
        kind = torch.float64 if np.dtype(dtype) == np.float64 else torch.float32
        return torch.empty(shape, dtype=kind, device=self.device)
