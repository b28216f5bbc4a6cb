"""The linear systems of a step against dense algebra."""

import itertools

import numpy as np
import pytest
import torch
from torch.func import jacrev, vmap

from sklearn_nnderiv._elementwise.activations import activation_kinds
from sklearn_nnderiv._engines import Slopes, sweep
from sklearn_nnderiv._training import Architecture, _normal, stack_for
from sklearn_nnderiv._training._covariance import Covariance
from sklearn_nnderiv._training._normal import Dual, Primal, normal_system, ridge

from .oracles import plain_network

CASES = {
    "one output": (3, 1, (4,), "tanh", False),
    "two outputs, skip": (2, 2, (4, 3), "softplus+sin", True),
    "five outputs": (2, 5, (3,), "sin", True),
    "no hidden layer": (3, 2, (), "identity", False),
    "no hidden layer, one output": (4, 1, (), "identity", False),
}
TOLERANCE = {"rtol": 1e-9, "atol": 1e-12}


class Dense:
    """The matrix J' W J + diag(damped), and everything by its inverse."""

    def __init__(self, sizes, n, seed=0, *, each=False, slopes=0):
        n_in, n_out, hidden, activation, skip = sizes
        rng = np.random.default_rng(seed)
        self.stack = stack = stack_for(
            Architecture(hidden, activation, skip), n_in, n_out
        )
        theta, X = rng.normal(size=stack.n_parameters), rng.normal(size=(n, n_in))
        index = np.sort(rng.permutation(n)[: (n + 1) // 2])
        tangents = rng.normal(size=(len(index), slopes, n_in))
        functions = [kind() for kind in activation_kinds(activation)]

        def rows(t):
            def network(x):
                return plain_network(stack, functions, t, x)

            values = network(torch.tensor(X))
            if not slopes:
                return values
            own = vmap(jacrev(network))(torch.tensor(X[index]))
            along = torch.einsum("ikd,imd->imk", own, torch.tensor(tangents))
            return torch.cat([values, along.reshape(-1, n_out)])

        J = jacrev(rows)(torch.tensor(theta)).numpy()
        shape = (len(J), n_out) if each else len(J)
        self.root_weight = np.sqrt(rng.uniform(0.3, 3, size=shape))
        self.J = J * self.root_weight.reshape(len(J), -1)[:, :, None]
        self.J = self.J.reshape(-1, J.shape[2])
        # the same for the coefficients of every output
        own = rng.uniform(0.1, 2, size=stack.n_features)
        inner = rng.uniform(0.1, 2, size=stack.n_inner)
        self.damped = np.concatenate([inner, np.tile(own, n_out)])
        self.matrix = self.J.T @ self.J + np.diag(self.damped)
        self.inverse = np.linalg.inv(self.matrix)
        beside = Slopes(index, tangents) if slopes else None
        self.forward = sweep(stack, theta, X, beside)
        self.v = rng.normal(size=stack.n_parameters)

    def factor(self, kind):
        return kind.of(self.forward, self.root_weight).factor(self.damped)


DENSE = {
    "rows of one weight": {},
    "weights by output": {"each": True},
    "slopes": {"slopes": 2},
    "slopes with weights by output": {"slopes": 3, "each": True},
    "many slopes": {"slopes": 7},
    "many slopes with weights by output": {"slopes": 6, "each": True},
}


@pytest.fixture(params=itertools.product(CASES, DENSE), ids=", ".join)
def dense(request):
    case, kind = request.param
    return Dense(CASES[case], 20, **DENSE[kind])


def check(factor, dense):
    np.testing.assert_allclose(
        factor.solve(dense.v), dense.inverse @ dense.v, **TOLERANCE
    )
    log_det = np.linalg.slogdet(dense.matrix)[1]
    np.testing.assert_allclose(factor.log_det, log_det, rtol=1e-10)
    np.testing.assert_allclose(
        factor.inverse_diagonal(), np.diagonal(dense.inverse), **TOLERANCE
    )


@pytest.mark.parametrize("kind", [Primal, Dual])
@pytest.mark.parametrize("n", [1, 2, 20])
@pytest.mark.parametrize("options", DENSE.values(), ids=DENSE.keys())
@pytest.mark.parametrize("sizes", CASES.values(), ids=CASES.keys())
def test_primal_and_dual_are_the_dense_matrix(sizes, options, n, kind):
    dense = Dense(sizes, n, **options)
    v = dense.v.copy()
    check(dense.factor(kind), dense)
    np.testing.assert_array_equal(dense.v, v)


@pytest.mark.parametrize("kind", [Primal, Dual])
def test_a_system_can_be_factorised_again(dense, kind):
    system = kind.of(dense.forward, dense.root_weight)
    first = system.factor(dense.damped).solve(dense.v)
    assert (system.factor(3 * dense.damped).solve(dense.v) != first).any()
    np.testing.assert_array_equal(system.factor(dense.damped).solve(dense.v), first)


@pytest.mark.parametrize("options", DENSE.values(), ids=DENSE.keys())
@pytest.mark.parametrize("n", [15, 16, 17, 32, 33])
def test_chunks_agree_with_the_whole(n, options, monkeypatch):
    dense = Dense(CASES["two outputs, skip"], n, **options)
    monkeypatch.setattr(_normal, "_CHUNK_SIZE", 1)  # which makes them 16 rows
    check(dense.factor(Primal), dense)


def test_squared_norm(dense, rng):
    factor = Covariance.of(dense.factor(Primal))
    p, q, k = dense.stack.n_inner, dense.stack.n_features, dense.stack.n_out
    for output in range(k):
        g = np.zeros((7, p + k * q))
        g[:, :p] = rng.normal(size=(7, p))
        own = slice(p + output * q, p + (output + 1) * q)
        g[:, own] = rng.normal(size=(7, q))
        inner, features = g[:, :p].copy(), g[:, own].copy()
        expected = np.einsum("ij,jk,ik->i", g, dense.inverse, g)
        np.testing.assert_allclose(
            factor.squared_norm(output, inner, features), expected, **TOLERANCE
        )
        np.testing.assert_array_equal(inner, g[:, :p])
        np.testing.assert_array_equal(features, g[:, own])


def test_draws_have_the_inverse_as_their_covariance(dense):
    """A draw is linear in the normal numbers, so its covariance is exact."""
    factor = Covariance.of(dense.factor(Primal))
    root = np.stack([factor.coloured(e) for e in np.eye(len(dense.v))], axis=1)
    np.testing.assert_allclose(root @ root.T, dense.inverse, **TOLERANCE)


def test_what_is_not_positive_definite_has_no_factor(dense):
    system = Primal.of(dense.forward, dense.root_weight)
    assert system.factor(np.full(len(dense.v), -1e6)) is None
    assert system.factor(dense.damped) is not None


def test_the_cheaper_form_is_chosen():
    few = Dense(CASES["two outputs, skip"], 5)
    many = Dense(CASES["two outputs, skip"], 50)
    assert isinstance(normal_system(few.forward, few.root_weight), Dual)
    assert isinstance(normal_system(many.forward, many.root_weight), Primal)


def test_ridge(rng):
    features, y = rng.normal(size=(20, 4)), rng.normal(size=(20, 3))
    kept = features.copy(), y.copy()
    for strength in (np.zeros(4), np.array([0.0, 1.0, 2.0, 1e3])):
        matrix = features.T @ features + np.diag(strength)
        expected = np.linalg.solve(matrix, features.T @ y)
        found = ridge(features, y, np.ones(20), strength)
        np.testing.assert_allclose(found, expected, rtol=1e-10)
    np.testing.assert_array_equal(features, kept[0])
    np.testing.assert_array_equal(y, kept[1])
    features[:, 2] = 0
    assert ridge(features, y, np.ones(20), np.zeros(4)) is None
