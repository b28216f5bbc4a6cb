"""Derivatives as rows of a least-squares problem, against torch.func."""

import numpy as np
import pytest
import torch
from torch.func import functional_call, jacrev, vmap

from sklearn_nnderiv._elementwise.activations import (
    ACTIVATIONS,
    activation_kinds,
    activation_maker,
)
from sklearn_nnderiv._engines import Slopes, sweep
from sklearn_nnderiv._maps import FeedForward
from sklearn_nnderiv._training import Architecture, stack_for
from sklearn_nnderiv._training._data import Data
from sklearn_nnderiv._training._slopes import values_and_slopes

from .oracles import plain_network

CASES = {
    "one layer": (3, 1, (5,), "tanh", False),
    "two layers, skip": (2, 2, (4, 3), "softplus+sin", True),
    "three layers": (4, 3, (3, 4, 3), "sin", False),
    "no hidden layer": (3, 2, (), "identity", False),
}
N = 6


class Case:
    """A network with slopes at some rows, and the same in torch."""

    def __init__(self, sizes, shared, rng):
        n_in, n_out, hidden, activation, skip = sizes
        self.stack = stack_for(Architecture(hidden, activation, skip), n_in, n_out)
        self.theta = rng.normal(size=self.stack.n_parameters)
        self.X = rng.normal(size=(N, n_in))
        index = np.arange(N) if shared else np.array([0, 2, 5])
        n_sets = 1 if shared else len(index)
        self.slopes = Slopes(index, rng.normal(size=(n_sets, 2, n_in)))
        self.functions = [kind() for kind in activation_kinds(activation)]

    def rows(self, theta):
        """Return values and slopes in torch."""

        def network(x):
            return plain_network(self.stack, self.functions, theta, x)

        X = torch.tensor(self.X)
        at = X[self.slopes.index]
        tangents = torch.tensor(self.slopes.tangents).expand(len(at), -1, -1)
        own = torch.einsum("ikd,imd->imk", vmap(jacrev(network))(at), tangents)
        return torch.cat([network(X), own.reshape(-1, self.stack.n_out)])

    def sweep(self, theta):
        return sweep(self.stack, theta, self.X, self.slopes)


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def sizes(request):
    return request.param


@pytest.fixture(params=[True, False], ids=["one set", "a set for each row"])
def case(sizes, request, rng):
    return Case(sizes, request.param, rng)


def test_values_and_features(case, rng):
    theta = torch.tensor(case.theta)
    swept = case.sweep(case.theta)
    np.testing.assert_allclose(swept.values, case.rows(theta), rtol=1e-10, atol=1e-12)
    other = rng.normal(size=(case.stack.n_out, case.stack.n_features))
    changed = swept.with_coefficients(other)
    again = case.sweep(
        np.concatenate([case.theta[: case.stack.n_inner], other.ravel()])
    )
    np.testing.assert_allclose(changed.values, again.values, rtol=1e-10, atol=1e-12)
    cotangent = rng.normal(size=changed.values.shape)
    np.testing.assert_allclose(
        changed.gradient(cotangent), again.gradient(cotangent), rtol=1e-9, atol=1e-11
    )


def test_gradient(case, rng):
    swept = case.sweep(case.theta)
    cotangent = rng.normal(size=swept.values.shape)
    J = jacrev(case.rows)(torch.tensor(case.theta)).numpy()
    np.testing.assert_allclose(
        swept.gradient(cotangent),
        np.einsum("ij,ijp->p", cotangent, J),
        rtol=1e-9,
        atol=1e-11,
    )


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e6])
def test_second_derivative_along_a_direction_of_any_length(case, size, rng):
    direction = size * rng.normal(size=case.stack.n_parameters)

    def along(s):
        return case.rows(torch.tensor(case.theta) + s * torch.tensor(direction))

    zero = torch.zeros((), dtype=torch.float64)
    first, second = jacrev(along)(zero).numpy(), jacrev(jacrev(along))(zero).numpy()
    found = case.sweep(case.theta).tangent(direction)
    for result, truth, unit in ((found[0], first, size), (found[1], second, size**2)):
        atol = 3e-3 * abs(truth).max() + 1e-9 * unit
        np.testing.assert_allclose(result, truth, rtol=0, atol=atol)


def test_rows_of_data_keep_their_slopes(rng):
    stack = stack_for(Architecture((3,), "tanh"), 2, 1)
    X, index = rng.normal(size=(N, 2)), np.array([1, 2, 4])
    y, root_weight = rng.normal(size=(N + 6, 1)), rng.uniform(1, 2, N + 6)
    data = Data(X, y, root_weight, 12.0, Slopes(index, rng.normal(size=(3, 2, 2))))
    theta = rng.normal(size=stack.n_parameters)
    whole = data.forward(stack, theta).values
    part = data.rows(np.array([0, 2, 4, 5]))
    kept = [0, 2, 4, 5, *(N + np.arange(2, 6))]
    np.testing.assert_array_equal(part.y, y[kept])
    np.testing.assert_array_equal(part.root_weight, root_weight[kept])
    np.testing.assert_allclose(part.forward(stack, theta).values, whole[kept])
    share = (root_weight[kept] ** 2).sum() / (root_weight**2).sum()
    np.testing.assert_allclose(part.count, 12 * share)


# ------------------------------------------------------------------- in torch


class Cubic(torch.nn.Module):
    """An activation that the package does not know."""

    def forward(self, x):
        return x + 0.1 * x**3


ALL = [*ACTIVATIONS, "sin+tanh+gelu", Cubic]


SIZES = [((), 1, 4), ((5, 3), 1, 4), ((5, 3), 3, 1), ((4,), 3, 4)]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(("hidden", "n_out", "n_tangents"), SIZES, ids=str)
@pytest.mark.parametrize("activation", ALL, ids=str)
def test_slopes_in_torch(activation, hidden, shared, n_out, n_tangents):
    generator = torch.Generator().manual_seed(0)
    options = {"dtype": torch.float64, "generator": generator}
    module = FeedForward(
        3, n_out, hidden, activation_maker(activation), torch.float64, 1, skip=shared
    )
    X = torch.randn(5, 3, **options)
    tangents = torch.randn(1 if shared else 5, n_tangents, 3, **options)
    cotangent = torch.randn(5, n_tangents, n_out, **options)
    parameters = {
        name: torch.randn(p.shape, **options) for name, p in module.named_parameters()
    }

    def expected(theta):
        own = vmap(jacrev(lambda x: functional_call(module, theta, (x,))))(X)
        return torch.einsum("ikd,imd->imk", own, tangents.expand(5, -1, -1))

    module.load_state_dict(parameters)
    values, found = values_and_slopes(module, X, tangents)
    torch.testing.assert_close(values, module(X))
    torch.testing.assert_close(found, expected(parameters), rtol=1e-9, atol=1e-12)
    gradient = torch.autograd.grad(
        (found * cotangent).sum(),
        list(module.parameters()),
        materialize_grads=True,
        allow_unused=True,
    )
    truth = jacrev(lambda theta: (expected(theta) * cotangent).sum())(parameters)
    for own, name in zip(gradient, parameters, strict=True):
        torch.testing.assert_close(own, truth[name], rtol=1e-8, atol=1e-11)


def test_slopes_are_those_of_evaluation():
    """Dropout and batch statistics are no part of what is predicted."""
    module = torch.nn.Sequential(
        torch.nn.Linear(2, 4), torch.nn.BatchNorm1d(4), torch.nn.Tanh(),
        torch.nn.Dropout(), torch.nn.Linear(4, 1),
    )  # fmt: skip
    X, tangents = torch.randn(7, 2), torch.eye(2)[None]
    module.eval()
    expected = vmap(jacrev(lambda x: module(x[None])[0]))(X)
    module.train()
    with torch.no_grad():
        _, found = values_and_slopes(module, X, tangents)
    torch.testing.assert_close(found.mT, expected)
    assert module.training
    assert int(module[1].num_batches_tracked) == 1  # by the values
