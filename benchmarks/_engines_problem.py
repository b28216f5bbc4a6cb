"""Networks of a given shape, with the same weights for every contestant."""

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import torch

from sklearn_nnderiv import DifferentiableRegressor

MODULES = {
    "tanh": torch.nn.Tanh,
    "silu": torch.nn.SiLU,
    "softplus": torch.nn.Softplus,
    "gelu": torch.nn.GELU,
}


class Skip(Exception):
    """A contestant does not take part; the message says why."""


class Shape(NamedTuple):
    """Numbers of inputs, outputs and hidden units."""

    d: int
    k: int
    hidden: tuple[int, ...]

    def __str__(self):
        """Return the shape as it is printed."""
        return f"({self.d}, {self.k}, {list(self.hidden)})"


@dataclass(frozen=True, eq=False)
class Net:
    """A fitted regressor, and its layers with the scalers folded in, in float64."""

    shape: Shape
    activation: str
    dtype: str
    model: DifferentiableRegressor
    layers: list

    @property
    def itemsize(self):
        """Return the bytes of a number."""
        return np.dtype(self.dtype).itemsize


class Contestant(NamedTuple):
    """A way to a derivative.

    `make(net, X)` returns a function of rows, NumPy in and NumPy out. `per_row(net)`
    estimates how many numbers it holds for each row at once, beyond the result.
    """

    make: Callable
    per_row: Callable = lambda net: 0
    slow_to_start: bool = False


def needed(name):
    """Return a module, or skip the contestant that needs it."""
    try:
        return importlib.import_module(name)
    except ImportError:
        raise Skip(f"{name} is not installed") from None


def rows(shape, n, dtype):
    X = np.random.default_rng(1).standard_normal((n, shape.d), dtype=np.float32)
    return (3 * X + 10).astype(dtype, copy=False)


@cache
def make_net(shape, activation="tanh", dtype="float32"):
    rng = np.random.default_rng(0)
    X = rows(shape, 300, "float64")
    y = 5 * np.sin(X @ rng.normal(size=(shape.d, shape.k))) + 2
    model = DifferentiableRegressor(
        hidden_layer_sizes=shape.hidden,
        activation=activation,
        solver="lbfgs",
        max_iter=1,
        dtype=dtype,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y[:, 0] if shape.k == 1 else y)
    draw_weights(model.net_.module_, rng)
    return Net(shape, activation, dtype, model, folded(model))


@torch.no_grad()
def draw_weights(module, rng):
    for p in module.parameters():
        scale = p.shape[1] ** -0.5 if p.ndim == 2 else 0.1
        # of float32 in either case, so that the truth is the same
        values = (scale * rng.normal(size=p.shape)).astype(np.float32)
        p.copy_(torch.from_numpy(values))


def folded(model):
    """Return weight and bias of every layer, from raw units to raw units."""
    linear = [m for m in model.net_.module_.modules() if isinstance(m, torch.nn.Linear)]
    layers = [
        [p.detach().numpy().astype(np.float64) for p in (m.weight, m.bias)]
        for m in linear
    ]
    x, y = model.x_scaler_, model.y_scaler_
    first, last = layers[0], layers[-1]
    first[0] = first[0] / x.scale_
    first[1] = first[1] - first[0] @ x.mean_
    last[0] = last[0] * y.scale_[:, None]
    last[1] = last[1] * y.scale_ + y.mean_
    return layers


@cache
def torch_module(net, dtype=None):
    """Return the folded layers as a torch module."""
    parts = []
    for weight, bias in net.layers:
        linear = torch.nn.utils.skip_init(torch.nn.Linear, *weight.shape[::-1])
        linear.weight.data = torch.from_numpy(weight)
        linear.bias.data = torch.from_numpy(bias)
        parts += [linear, MODULES[net.activation]()]
    module = torch.nn.Sequential(*parts[:-1])
    return module.to(getattr(torch, dtype or net.dtype)).requires_grad_(False).eval()


def truth(quantity, net, X):
    """Return values or derivatives in float64, by torch."""
    module = torch_module(net, "float64")
    vmap, jacrev = torch.func.vmap, torch.func.jacrev
    rows = torch.from_numpy(X.astype(np.float64))
    if quantity == "value":
        return module(rows).numpy()
    if quantity == "jacobian":
        return vmap(jacrev(module))(rows).numpy()
    hessian = vmap(jacrev(jacrev(lambda row: module(row)[0])))(rows)
    if quantity == "laplacian":
        hessian = hessian.diagonal(dim1=1, dim2=2).sum(dim=1)
    return hessian.numpy()
