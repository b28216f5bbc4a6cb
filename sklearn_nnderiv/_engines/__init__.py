"""Evaluation of maps and of their derivatives."""

from ._run import evaluate
from ._sweep import Forward, Stack
from ._threads import single_threaded

__all__ = ["Forward", "Stack", "evaluate", "single_threaded"]
