"""The one place that limits the threads of BLAS and torch."""

from __future__ import annotations

import os
import threading
from functools import cache
from types import TracebackType
from typing import Any

import torch
from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_n_inside = 0
_before: list[tuple[Any, int]] = []  # what the first to enter found


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
                _before.append((torch, self._own))
                for library in _libraries("blas"):
                    _before.append((library, library.get_num_threads()))
                    _set_threads(library, 1)
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
                for library, n in _before:
                    _set_threads(library, n)
                _before.clear()
            # of torch for the calling thread alone
            for library in _libraries("openmp"):
                library.set_num_threads(self._own)


if hasattr(os, "register_at_fork"):  # pragma: no branch - all but Windows

    def _renew_lock() -> None:
        """Let a forked child begin anew, whatever its parent's threads were doing."""
        global _lock, _n_inside
        _lock, _n_inside = threading.Lock(), 0
        _before.clear()

    os.register_at_fork(after_in_child=_renew_lock)


def _set_threads(library: Any, n: int) -> None:
    """Set the number of threads, whichever thread has set it before.

    Recent versions of threadpoolctl leave that to the first to have done it.
    """
    release = getattr(library, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
    library.set_num_threads(n)
    if release is not None:
        release(force=True)


@cache
def _libraries(api: str) -> tuple[Any, ...]:
    """Return the libraries of BLAS, or torch's own of OpenMP."""
    found = ThreadpoolController().select(user_api=api).lib_controllers
    return tuple(one for one in found if api == "blas" or "torch" in one.filepath)
