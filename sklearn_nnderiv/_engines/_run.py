"""From NumPy to NumPy: chunks of rows, on all cores."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._maps import Map, device_of
from .._validation import Array
from ._autodiff import value, value_and_jacobian
from ._threads import single_threaded

_CHUNK_ROWS = 1024


def evaluate(function: Map, X: Array, *, jacobian: NDArray[Any] | None = None) -> Array:
    """Return function(X), of shape (n, n_out), and fill `jacobian` if it is given.

    The map is left as it is.
    """
    function, device = _in_eval_mode(function), device_of(function)
    values = np.empty((len(X), function.n_out))

    def run(rows: slice) -> None:
        # a copy: X may be read-only, or not contiguous
        x = torch.tensor(X[rows], dtype=torch.float64, device=device)
        if jacobian is None:
            values[rows] = value(function, x).cpu().numpy()
        else:
            y, dy_dx = value_and_jacobian(function, x)
            values[rows] = y.cpu().numpy()
            jacobian[rows] = dy_dx.cpu().numpy()

    in_chunks(run, len(X), _CHUNK_ROWS)
    return values


def in_chunks(run: Callable[[slice], None], n_rows: int, size: int) -> None:
    """Call run(rows) for chunks of rows, side by side on all cores.

    Every chunk is computed by one thread, so that the result depends neither on the
    number of threads nor on what other threads do.
    """
    chunks = [slice(i, min(i + size, n_rows)) for i in range(0, n_rows, size)]
    n_threads = min(torch.get_num_threads(), len(chunks))
    with single_threaded():
        if n_threads == 1:
            _run_all(map(run, chunks))
        else:
            with ThreadPoolExecutor(n_threads) as pool:
                _run_all(pool.map(run, chunks))


def _run_all(results: Iterable[None]) -> None:
    for _ in results:
        pass


def _in_eval_mode(function: Map) -> Map:
    """Return the map, or a copy in eval mode where a part of it is in train mode.

    In train mode, dropout would draw and batch norm would couple the rows.
    """
    if any(module.training for module in function.modules()):
        return copy.deepcopy(function).eval()
    return function
