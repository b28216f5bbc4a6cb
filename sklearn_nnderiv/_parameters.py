"""What the parameters of DifferentiableRegressor may be, and what "auto" means."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import is_classifier
from skorch import NeuralNet
from torch import nn

from ._elementwise.activations import (
    ACTIVATIONS,
    activation_kinds,
    activation_maker,
    has_kinks,
)
from ._scaling import SCALERS
from ._sklearn_compat import HasMethods, Interval, StrOptions
from ._training import SOLVERS
from ._validation import warn
from .exceptions import DerivativeWarning

_SCALER = ["fit", "transform", "get_params"]

CONSTRAINTS: dict[str, list[Any]] = {
    "hidden_layer_sizes": [
        StrOptions({"auto"}),
        "array-like",
        Interval(Integral, 1, None, closed="left"),
    ],
    "activation": [str, type],
    "net": [NeuralNet, None],
    "x_scaler": [StrOptions(set(SCALERS)), HasMethods(_SCALER)],
    "y_scaler": [StrOptions(set(SCALERS)), HasMethods([*_SCALER, "inverse_transform"])],
    "solver": [StrOptions({"auto", "lm", *SOLVERS})],
    "alpha": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
    "n_candidates": [Interval(Integral, 1, None, closed="left")],
    "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "learning_rate_init": [
        StrOptions({"auto"}),
        Interval(Real, 0, None, closed="neither"),
    ],
    "max_iter": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
    "tol": [Interval(Real, 0, None, closed="left")],
    "early_stopping": ["boolean", StrOptions({"auto"})],
    "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
    "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
    "jacobian_weight": [
        StrOptions({"auto"}),
        Interval(Real, 0, None, closed="left"),
        "array-like",
    ],
    "dtype": [StrOptions({"float32", "float64"})],
    "device": [str],
    "n_jobs": [Integral, None],
    "warm_start": ["boolean"],
    "random_state": ["random_state"],
    "verbose": ["verbose"],
}

_APPLY_BESIDE_NET = {
    "net",
    "x_scaler",
    "y_scaler",
    "dtype",
    "device",
    "random_state",
    "verbose",
    "jacobian_weight",
    "alpha",
    "n_jobs",
}


def check_net(estimator: Any) -> None:
    """Raise if `net` cannot be trained here, or other parameters would be ignored."""
    net = estimator.net
    if isinstance(net.module, nn.Module) or not callable(net.module):
        raise ValueError(
            "The module of `net` must be a class (or a function that makes one): an "
            "instance would be trained in place and keep its weights when it is "
            f"cloned. Got {net.module!r} instead; pass its class, and its arguments as "
            "module__<name>."
        )
    if is_classifier(net):
        raise ValueError(
            f"`net` must be a net for regression, such as skorch.NeuralNetRegressor. "
            f"Got {type(net).__name__} instead."
        )
    if net.predict_nonlinearity not in ("auto", None):
        raise ValueError(
            "predict_nonlinearity of `net` would be ignored. Make it the last layer of "
            "the module instead."
        )
    parameters = inspect.signature(type(estimator)).parameters
    ignored = [
        name
        for name, parameter in parameters.items()
        if name not in _APPLY_BESIDE_NET
        and not _same(getattr(estimator, name), parameter.default)
    ]
    if ignored:
        raise ValueError(
            f"Beside `net`, the parameters {ignored} of DifferentiableRegressor would "
            "be ignored. Leave them at their defaults and set the net's own, such as "
            "max_epochs, lr, batch_size or module__<name>."
        )
    # no error: scikit-learn's checks set alpha on every estimator that has it
    if estimator.alpha != parameters["alpha"].default:
        warn(
            f"alpha={estimator.alpha} has no effect beside `net`. Give its "
            "optimizer a weight decay instead, as optimizer__weight_decay.",
            UserWarning,
        )


def _same(value: Any, default: Any) -> bool:
    return np.array_equal(np.asarray(value, object), np.asarray(default, object))


def hidden_sizes(value: Any) -> tuple[int, ...]:
    """Return the widths of the hidden layers."""
    sizes = tuple(value) if isinstance(value, Iterable) else (value,)
    wrong = [size for size in sizes if not isinstance(size, Integral) or size < 1]
    if wrong:
        raise ValueError(
            "The 'hidden_layer_sizes' parameter of DifferentiableRegressor must hold "
            f"positive integers. Got {value!r} instead."
        )
    return tuple(int(size) for size in sizes)


def check_activation(
    value: str | type, *, hidden: tuple[int, ...] | None = None
) -> None:
    """Raise unless modules of the activation can be made; warn if it has kinks."""
    try:
        maker = activation_maker(value)
    except KeyError as error:
        raise _unknown(value) from error
    if isinstance(value, type) and not issubclass(value, nn.Module):
        raise _unknown(value)
    try:
        example = maker().eval()
    except TypeError as error:
        raise ValueError(
            f"activation={value!r} cannot be constructed without arguments ({error}). "
            "Derive a class that can."
        ) from error
    with torch.no_grad():
        shape = example(torch.zeros(1, 4, device="cpu")).shape
    if shape != (1, 4):
        raise ValueError(
            f"activation={value!r} must keep the shape of its input. It turned (1, 4) "
            f"into {tuple(shape)}."
        )
    kinds = len(activation_kinds(value))
    if hidden and kinds > min(hidden):
        raise ValueError(
            f"activation={value!r} shares the units of each layer out among {kinds} "
            f"functions, but hidden_layer_sizes={hidden} has a layer of fewer units."
        )
    if hidden != () and has_kinks(example):
        warn(
            f"activation={value!r} makes the network piecewise linear: its derivative "
            "is a step function. Use a smooth activation such as 'tanh', 'silu' or "
            "'softplus' where the derivative matters.",
            DerivativeWarning,
        )


def _unknown(value: Any) -> ValueError:
    return ValueError(
        "The 'activation' parameter of DifferentiableRegressor must be 'auto', one of "
        f"{sorted(ACTIVATIONS)}, several of these joined by '+', or a class derived "
        f"from torch.nn.Module. Got {value!r} instead."
    )
