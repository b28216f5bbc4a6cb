"""Evaluation of maps and of their derivatives."""

from ._combined import Block, Combined, Contrasts, Sweep, sweep
from ._engine import Stamp
from ._moved import Moved
from ._run import evaluate, in_chunks
from ._slopes import SlopePart, Slopes
from ._sweep import Forward, Stack
from ._threads import single_threaded

__all__ = [
    "Block",
    "Combined",
    "Contrasts",
    "Forward",
    "Moved",
    "SlopePart",
    "Slopes",
    "Stack",
    "Stamp",
    "Sweep",
    "evaluate",
    "in_chunks",
    "single_threaded",
    "sweep",
]
