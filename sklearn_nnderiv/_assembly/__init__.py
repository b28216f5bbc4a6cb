"""The steps of a fit: scalers, problem, network, composed map."""

from ._compose import compose
from ._train import train

__all__ = ["compose", "train"]
