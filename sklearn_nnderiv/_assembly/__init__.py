"""The steps of a fit: scalers, problem, network, composed map."""

from ._compose import compose
from ._label_units import warn_of_units
from ._labels import by_chunks, scaled_slopes, typical_steps
from ._train import train

__all__ = [
    "by_chunks",
    "compose",
    "scaled_slopes",
    "train",
    "typical_steps",
    "warn_of_units",
]
