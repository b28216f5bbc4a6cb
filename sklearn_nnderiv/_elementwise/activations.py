"""The activations that have a name, and which modules have kinks."""

import torch
from torch import nn


class Sine(nn.Module):
    """Elementwise sine."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return sin(x)."""
        return torch.sin(x)


ACTIVATIONS: dict[str, type[nn.Module]] = {
    "tanh": nn.Tanh,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
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


def has_kinks(module: nn.Module) -> bool:
    """Whether a known layer of the module has a discontinuous derivative."""
    return any(isinstance(part, _WITH_KINKS) for part in module.modules())
