"""The one place that limits the threads of BLAS and torch."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import cache, partial
from itertools import product
from types import TracebackType
from typing import Any, NamedTuple

import torch
from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_n_inside = 0
_before: list[tuple[Callable[[int], object], int]] = []  # what the first in found


class _Pool(NamedTuple):
    """The functions that get and set the number of threads of a library."""

    get: Callable[[], int]
    set: Callable[[int], object]


_TORCH = _Pool(torch.get_num_threads, torch.set_num_threads)


class single_threaded:
    """Run the body with one thread in BLAS and torch, whoever else does so too.

    Matrix products round differently on one thread and on two, and an optimiser
    amplifies that. Limits of this kind are process-wide in part, so they are counted:
    the first to enter sets them, the last to leave lifts them.
    """

    def __enter__(self) -> None:
        """Set the limits."""
        global _n_inside
        self._own = torch.get_num_threads()
        with _lock:
            if _n_inside == 0:
                for pool in (_TORCH, *_pools("blas")):
                    _before.append((pool.set, pool.get()))
                    pool.set(1)
            _n_inside += 1
            torch.set_num_threads(1)  # for this thread, and for those still to start

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Lift the limits."""
        global _n_inside
        with _lock:
            _n_inside -= 1
            if _n_inside == 0:
                for set_threads, n in _before:
                    set_threads(n)
                _before.clear()
            # of torch for the calling thread alone
            for pool in _pools("openmp"):
                pool.set(self._own)


if hasattr(os, "register_at_fork"):  # pragma: no branch - all but Windows

    def _renew_lock() -> None:
        """Let a forked child begin anew, whatever its parent's threads were doing."""
        global _lock, _n_inside
        _lock, _n_inside = threading.Lock(), 0
        _before.clear()

    os.register_at_fork(after_in_child=_renew_lock)


@cache
def _pools(api: str) -> tuple[_Pool, ...]:
    """Return the libraries of BLAS, or torch's own of OpenMP."""
    found = ThreadpoolController().select(user_api=api).lib_controllers
    return tuple(
        _pool(one) for one in found if api == "blas" or "torch" in one.filepath
    )


def _pool(library: Any) -> _Pool:
    """Return the functions of a library itself where that is possible.

    They take a tenth of the time of threadpoolctl's, and obey every thread: those of
    its recent versions leave OpenBLAS to the first thread to have set it.
    """
    for name in _names(library):
        get = getattr(library.dynlib, name.format("get"), None)
        if get is not None:
            return _Pool(get, getattr(library.dynlib, name.format("set")))
    return _Pool(library.get_num_threads, partial(_set_threads, library))


def _names(library: Any) -> list[str]:
    """Return what the functions may be called, with a gap for what they do."""
    if library.internal_api == "openblas" and library.threading_layer != "openmp":
        affixes = product(("", "scipy_"), ("", "64_", "_64"))
        return [f"{first}openblas_{{}}_num_threads{last}" for first, last in affixes]
    return []


def _set_threads(library: Any, n: int) -> None:
    """Set the number of threads, whichever thread has set it before."""
    release = getattr(library, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
    library.set_num_threads(n)
    if release is not None:
        release(force=True)
