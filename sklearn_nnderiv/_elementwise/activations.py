"""The activations that have a name, and which modules have kinks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import nn


class Sine(nn.Module):
    """Elementwise sine."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return sin(x)."""
        return torch.sin(x)


class Softplus(nn.Softplus):
    """log(1 + exp(x)) to the last digit; torch's own is off by 2e-9 beyond 20."""

    def __init__(self) -> None:
        super().__init__(threshold=40.0)


class Mixed(nn.Module):
    """Several activations, among which the units of a layer are shared out.

    Parameters
    ----------
    kinds : sequence of type
        Module classes.
    """

    def __init__(self, kinds: tuple[type[nn.Module], ...]) -> None:
        super().__init__()
        self.kinds = nn.ModuleList(kind() for kind in kinds)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return each part of the last axis under its own activation."""
        parts = torch.tensor_split(x, len(self.kinds), dim=-1)
        values = [f(part) for f, part in zip(self.kinds, parts, strict=True)]
        return torch.cat(values, dim=-1)


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "softplus": Softplus,
    "gelu": nn.GELU,
    "logistic": nn.Sigmoid,
    "elu": nn.ELU,
    "sin": Sine,
    "relu": nn.ReLU,
    "identity": nn.Identity,
}

_WITH_KINKS = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.RReLU,
    nn.Hardtanh,
    nn.Hardsigmoid,
    nn.Hardswish,
    nn.Hardshrink,
    nn.Softshrink,
    nn.Threshold,
    nn.MaxPool1d,
)


def activation_kinds(activation: str | type) -> tuple[type[nn.Module], ...]:
    """Return the module classes of an activation; KeyError for an unknown name."""
    if isinstance(activation, str):
        return tuple(ACTIVATIONS[name] for name in activation.split("+"))
    return (activation,)


def activation_maker(activation: str | type) -> Callable[[], nn.Module]:
    """Return what makes a module of an activation; KeyError for an unknown name."""
    kinds = activation_kinds(activation)
    return kinds[0] if len(kinds) == 1 else partial(Mixed, kinds)


def has_kinks(module: nn.Module) -> bool:
    """Whether a known layer of the module has a discontinuous derivative."""
    return any(isinstance(part, _WITH_KINKS) for part in module.modules())
