"""Contestants in JAX."""

from functools import cache, partial

import numpy as np
from _engines_clock import seconds_of
from _engines_problem import Contestant, Skip, needed
from _engines_torch import reverse_units, second_units

BATCHES = [256, 512, 1024, 2048, 4096]
HESSIAN_BATCHES = [16, 64, 256, 1024]
TUNING_ROWS = 10_000


@cache
def load():
    jax = needed("jax")
    jax.config.update("jax_enable_x64", True)
    return jax


def activations(jax):
    return {
        "tanh": jax.numpy.tanh,
        "silu": jax.nn.silu,
        "softplus": jax.nn.softplus,
        "gelu": partial(jax.nn.gelu, approximate=False),
    }


def row_function(net):
    """Return the net as a function of one row."""
    jax = load()
    activate = activations(jax)[net.activation]
    layers = [[jax.numpy.asarray(a, net.dtype) for a in pair] for pair in net.layers]

    def function(x):
        for weight, bias in layers[:-1]:
            x = activate(weight @ x + bias)
        weight, bias = layers[-1]
        return weight @ x + bias

    return function


def values(net):
    return [row_function(net)]


def jacobians(net):
    jax = load()
    ways = [jax.jacrev, jax.jacfwd] if net.shape.d <= net.shape.k else [jax.jacrev]
    return [way(row_function(net)) for way in ways]


def scalar_function(net):
    function = row_function(net)
    return lambda x: function(x)[0]


def hessians(net):
    return [load().hessian(scalar_function(net))]


def laplacians(net):
    jax = load()
    hessian, gradient = hessians(net)[0], jax.grad(scalar_function(net))

    def one_direction_at_a_time(x):
        def add(i, total):
            e = jax.numpy.zeros_like(x).at[i].set(1)
            return total + jax.jvp(gradient, (x,), (e,))[1][i]

        return jax.lax.fori_loop(0, len(x), add, jax.numpy.zeros((), x.dtype))

    return [lambda x: jax.numpy.trace(hessian(x)), one_direction_at_a_time]


def from_rows(function):
    """Turn a function of JAX's arrays into one of NumPy's."""
    compiled = load().jit(function)
    return lambda X: np.asarray(compiled(X))


def by_vmap(ways):
    """Return the contestant of the first of some ways, on all rows at once."""
    return lambda net, X: from_rows(load().vmap(ways(net)[0]))


def one_row(ways):
    """Return the contestant without a batch."""

    def make(net, X):
        compiled = load().jit(ways(net)[0])
        return lambda X: np.asarray(compiled(X[0]))

    return make


def at_its_best(ways, batches):
    """Return the contestant of the best way and the best size of batches."""

    @cache
    def tuned(net, n):
        lax, sizes = load().lax, [size for size in batches if size < n]
        functions = {
            (i, size): from_rows(partial(lax.map, way, batch_size=size))
            for i, way in enumerate(ways(net))
            for size in sizes
        }
        X = np.full((n, net.shape.d), 10, net.dtype)
        found = {key: least_seconds(function, X) for key, function in functions.items()}
        best = min(found, key=found.get)
        print(f"JAX at its best: batches of {best[1]} rows, out of {sizes}")
        return functions[best]

    def make(net, X):
        load()
        if len(X) <= batches[0]:
            raise Skip(f"no more rows than {batches[0]}")
        return tuned(net, min(len(X), TUNING_ROWS))

    return make


def least_seconds(function, X):
    function(X)  # compiles
    return min(min(seconds_of(lambda: function(X))) for _ in range(3))


VALUE = {"JAX jit(vmap)": Contestant(by_vmap(values))}
JACOBIAN = {
    "JAX jit(vmap(jacrev))": Contestant(by_vmap(jacobians), reverse_units),
    "JAX at its best": Contestant(at_its_best(jacobians, BATCHES)),
}
HESSIAN = {
    "JAX jit(vmap(hessian))": Contestant(by_vmap(hessians), second_units),
    "JAX at its best": Contestant(at_its_best(hessians, HESSIAN_BATCHES)),
}
LAPLACIAN = {
    "JAX jit(vmap(trace))": Contestant(by_vmap(laplacians), second_units),
    "JAX at its best": Contestant(at_its_best(laplacians, HESSIAN_BATCHES)),
}
ONE_ROW_VALUE = {"JAX jit, one row": Contestant(one_row(values))}
ONE_ROW_JACOBIAN = {"JAX jit(jacrev), one row": Contestant(one_row(jacobians))}
