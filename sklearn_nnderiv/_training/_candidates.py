"""The networks that are tried where the user leaves their shape open."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .._elementwise.activations import activation_kinds
from .._elementwise.kernels import KERNELS
from .._engines import Stack
from .._validation import Array
from ._net import Architecture

_FREE = [
    Architecture((32,), "softplus+sin", skip=True),
    Architecture((12, 12), "softplus", skip=True),
    Architecture((12, 12), "softplus+sin", skip=True),
    Architecture((12, 12), "tanh", skip=True),
    Architecture((16, 16), "softplus+tanh", skip=True),
    Architecture((32,), "softplus+tanh", skip=True),
    Architecture((20, 20), "softplus", skip=True),
    Architecture((16, 16), "softplus+sin", skip=True),
]
# where there is so much noise that a network may have taken some of it for details
PLAIN = [Architecture((), "identity"), Architecture((4,), "tanh", skip=True)]
# the first to be tried where rows are many: functions of functions need depth, and
# few rows do not determine it
_DEEP = Architecture((12, 12, 12), "tanh")
# rows from which that is so, and from which candidates are wider by a factor; with
# slopes, which a smaller network can follow too, by a lesser one
_WIDER_FROM = 4_000
_WIDER, _WIDER_WITH_SLOPES = 2.0, 1.5
# parameters of the first layer that a candidate may have: beyond, steps cost too much
_MAX_FIRST = 1_500


def candidates(
    n: int,
    n_in: int,
    n_rows: int,
    hidden: tuple[int, ...] | None = None,
    activation: str | type | None = None,
    *,
    labelled: bool = False,
) -> list[Architecture]:
    """Return n architectures, in which what is given is kept.

    Parameters
    ----------
    n : int
        How many. Beyond the distinct ones they repeat, to begin from other parameters.
    n_in : int
        Number of inputs. Of very many, networks are narrower.
    n_rows : int
        Number of rows. Of many, networks are wider.
    hidden, activation
        What is fixed; None is free.
    labelled : bool
        Whether there are slopes among the rows.
    """
    if hidden == ():
        return [Architecture((), "identity" if activation is None else activation)]
    many, factor = n_rows >= _WIDER_FROM, 1.0
    if many:
        factor = _WIDER_WITH_SLOPES if labelled else _WIDER
    found: list[Architecture] = []
    for free in [_DEEP, *_FREE] if many else _FREE:
        one = Architecture(
            _fitted(free.hidden, n_in, factor) if hidden is None else hidden,
            free.activation if activation is None else activation,
            skip=free.skip and hidden is None,
        )
        kinds = len(activation_kinds(one.activation))
        if one not in found and kinds <= min(one.hidden):
            found.append(one)
    return [found[i % len(found)] for i in range(n)]


def _fitted(widths: tuple[int, ...], n_in: int, factor: float) -> tuple[int, ...]:
    most = max(4, _MAX_FIRST // (n_in + 1))
    return tuple(min(most, int(factor * width)) for width in widths)


def has_kernels(activation: str | type) -> bool:
    """Whether the derivatives of an activation are known in closed form."""
    return all(kind in KERNELS for kind in activation_kinds(activation))


def stack_for(architecture: Architecture, n_in: int, n_out: int) -> Stack:
    """Return the shape of a network; KeyError if an activation has no kernel."""
    return Stack(
        n_in,
        n_out,
        architecture.hidden,
        tuple(KERNELS[kind] for kind in activation_kinds(architecture.activation)),
        architecture.skip,
    )


def initial_parameters(stack: Stack, X: Array, seed: Sequence[int]) -> Array:
    """Return random parameters for inputs of unit variance.

    The ridge of every unit of the first layer passes through a row of X. With a single
    input there is no direction to draw, so slopes are spread instead.
    """
    rng = np.random.default_rng(seed)
    theta = np.zeros(stack.n_parameters)
    for i, (w, b, (width, n)) in enumerate(stack.slices):
        weight = rng.standard_normal((width, n)) / np.sqrt(n)
        bias = 0.3 * rng.standard_normal(width)
        if i == 0:
            rows = X[rng.integers(len(X), size=width)]
            if n == 1:
                steep = 0.5 + 1.5 * rng.random((width, 1))
                weight = np.sign(weight) * steep * max(1, width / 8)
            bias = -(weight * rows).sum(1)
        theta[w], theta[b] = weight.ravel(), bias
    if stack.hidden:
        h = stack.hidden[-1]
        drawn = rng.standard_normal((stack.n_out, h))
        stack.coefficients(theta)[:, :h] = 0.5 * drawn / np.sqrt(h)
    return theta
