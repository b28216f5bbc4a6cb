"""Evaluation of maps and of their derivatives."""

from ._run import evaluate
from ._threads import single_threaded

__all__ = ["evaluate", "single_threaded"]
