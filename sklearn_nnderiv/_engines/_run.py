"""From NumPy to NumPy: chunks of rows, on all cores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ._engine import AnyPass, Engine, engine_of
from ._threads import single_threaded

# what a single row needs no chunks for
_ONE_ROW = frozenset(["values", "jacobian"])
# fewer rows are not shared out, more make so many chunks at least
_LEAST_ROWS, _LEAST_CHUNKS = 256, 8

ORDERS = {
    "values": 0,
    "jacobian": 1,
    "jvp": 1,
    "vjp": 1,
    "hessian": 2,
    "laplacian": 2,
    "hvp": 2,
}


def evaluate(
    function: nn.Module,
    X: NDArray[Any],
    results: Mapping[str, NDArray[Any]],
    along: NDArray[Any] | None = None,
    progress: Callable[[int], object] | None = None,
    n_active: int | None = None,
) -> int:
    """Compute a map and derivatives of it, in one pass.

    Parameters
    ----------
    function : Map
        Left as it is.
    X : ndarray of shape (n, n_in)
    results : dict of str to ndarray
        Where to write what: the keys of `ORDERS`, arrays whose first axes are n and,
        but for "vjp", n_out.
    along : ndarray, default=None
        The directions (n, n_in) of "jvp" and "hvp", or the cotangents (n, n_out) of
        "vjp".
    progress : callable, default=None
        Told the number of rows of every chunk that is done.
    n_active : int, default=None
        Derivatives are by so many of the first inputs, by default by all: this is the
        length of the last axes of results and directions.

    Returns
    -------
    n_unknown : int
        The number of rows whose values are NaN.
    """
    n_active = X.shape[1] if n_active is None else n_active
    is_one_row = len(X) == 1 and n_active == X.shape[1]
    engine = engine_of(function)
    if is_one_row and _ONE_ROW.issuperset(results):
        n_unknown = _one_row(engine, X[0], results)
        if n_unknown is not None:
            return n_unknown
    order = max(ORDERS[name] for name in results)
    n = len(X)
    size = engine.chunk(order)
    # whatever their number, so that bits do not depend on it, cores share out the rows
    size = min(size, max(_LEAST_ROWS, -(-n // _LEAST_CHUNKS)), n)

    with torch.inference_mode(False):
        begin = engine.passes(order, X.shape[1], n_active)
    unknown: list[int] = []

    def run(rows: slice) -> None:
        # what is NaN is announced, what overflows is infinite
        with np.errstate(all="ignore"), torch.inference_mode(False):
            space = engine.borrow(size)
            state = begin(space, X[rows])
            _write(state, results, along, rows)
            unknown.append(state.n_unknown())
            engine.give_back(space)
        if progress is not None:
            progress(rows.stop - rows.start)

    in_chunks(run, n, size)
    return sum(unknown)


def _write(
    state: AnyPass,
    results: Mapping[str, NDArray[Any]],
    along: NDArray[Any] | None,
    rows: slice,
) -> None:
    """Write all results of some rows."""
    for name, out in results.items():
        method = getattr(state, name)
        if name in ("jvp", "vjp", "hvp") and along is not None:
            method(along[rows], out[rows])
        else:
            method(out[rows])


def _one_row(
    engine: Engine, x: NDArray[Any], results: Mapping[str, NDArray[Any]]
) -> int | None:
    """Do the same for a single row; None if that is not possible."""
    one = engine.borrow_one_row()
    if one is None:
        return None
    values, jacobian = results.get("values"), results.get("jacobian")
    with single_threaded(), np.errstate(all="ignore"):
        n_unknown = one(
            x,
            None if values is None else values[0],
            None if jacobian is None else jacobian[0],
        )
    engine.give_back_one_row(one)
    return n_unknown


def in_chunks(run: Callable[[slice], None], n_rows: int, size: int) -> None:
    """Call run(rows) for chunks of rows, side by side on all cores.

    Every chunk is computed by one thread, so that the result does not depend on what
    other threads do.
    """
    n_threads = min(torch.get_num_threads(), -(-n_rows // size))
    with single_threaded(), np.errstate(all="ignore"):
        if n_threads == 1:
            for start in range(0, n_rows, size):
                run(slice(start, min(start + size, n_rows)))
            return
        starts = iter(range(0, n_rows, size))

        def work(_: int) -> None:
            for start in starts:  # the iterator shares the chunks out
                run(slice(start, min(start + size, n_rows)))

        with ThreadPoolExecutor(n_threads) as pool:
            for _ in pool.map(work, range(n_threads)):
                pass
