"""Evaluation of maps and of their derivatives."""

from ._autodiff import value, value_and_jacobian
from ._run import evaluate, in_chunks
from ._sweep import Forward, Stack
from ._threads import single_threaded

__all__ = [
    "Forward",
    "Stack",
    "evaluate",
    "in_chunks",
    "single_threaded",
    "value",
    "value_and_jacobian",
]
