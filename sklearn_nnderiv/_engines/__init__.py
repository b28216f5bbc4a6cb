"""Evaluation of maps and of their derivatives."""

from ._combined import Block, Combined, Contrasts, Sweep, sweep
from ._engine import Stamp
from ._run import evaluate, in_chunks
from ._slopes import Slopes
from ._sweep import Forward, Stack
from ._threads import single_threaded

__all__ = [
    "Block",
    "Combined",
    "Contrasts",
    "Forward",
    "Slopes",
    "Stack",
    "Stamp",
    "Sweep",
    "evaluate",
    "in_chunks",
    "single_threaded",
    "sweep",
]
