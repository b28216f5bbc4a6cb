"""The one place that limits the threads of BLAS and torch."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

import torch
from threadpoolctl import ThreadpoolController

_lock = threading.Lock()
_n_inside = 0
_process = ExitStack()  # what lifts the process-wide limits


@contextmanager
def single_threaded() -> Iterator[None]:
    """Run the body with one thread in BLAS and torch, whoever else does so too.

    Matrix products round differently on one thread and on two, and an optimiser
    amplifies that. Limits of this kind are process-wide in part, so they are counted:
    the first to enter sets them, the last to leave lifts them.
    """
    global _n_inside
    own = torch.get_num_threads()
    with _lock:
        if _n_inside == 0:
            _process.callback(torch.set_num_threads, own)
            _process.enter_context(_libraries().limit(limits=1, user_api="blas"))
        _n_inside += 1
        torch.set_num_threads(1)  # for this thread, and for those still to start
    try:
        yield
    finally:
        with _lock:
            _n_inside -= 1
            if _n_inside == 0:
                _process.close()
            _set_own_threads(own)


if hasattr(os, "register_at_fork"):  # pragma: no branch - all but Windows

    def _renew_lock() -> None:
        """Let a forked child begin anew, whatever its parent's threads were doing."""
        global _lock, _n_inside, _process
        _lock, _n_inside, _process = threading.Lock(), 0, ExitStack()

    os.register_at_fork(after_in_child=_renew_lock)


@cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


def _set_own_threads(n: int) -> None:
    """Set the number of threads of torch for the calling thread alone."""
    for library in _libraries().select(user_api="openmp").lib_controllers:
        if "torch" in library.filepath:
            library.set_num_threads(n)
