"""Derivatives by the first inputs only, in closed form and by autodiff."""

import numpy as np
import pytest
import torch
from torch import nn

from sklearn_nnderiv._engines import evaluate
from sklearn_nnderiv._engines._engine import engine_of
from sklearn_nnderiv._maps import Affine, Elementwise, Network, Select, Sequential

from .oracles import all_derivatives


def network(lead):
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    inner = Network(layers, 4, 3, torch.float64, "smooth")
    return Sequential([*lead, inner], 4).eval()


FUNCTIONS = {
    "stack": network([Affine([1.0, 2.0, 0.5, 3.0], center=[1.0, 0.0, 2.0, 0.0])]),
    "selected": network([Select([2, 0, 3, 1], 4)]),
    "bent": network([Elementwise(torch.sinh, 4)]),
    "no stack": network([Affine(np.eye(4)), Elementwise(torch.sin, 4)]),
}


@pytest.mark.parametrize("n_active", [1, 2, 4])
@pytest.mark.parametrize("n", [1, 7])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_results(name, n, n_active, rng):
    function = FUNCTIONS[name]
    assert (engine_of(function).plan is None) is (name == "no stack")
    X, U = rng.normal(size=(n, 4)), rng.normal(size=(n, 3))
    V = np.zeros((n, 4))
    V[:, :n_active] = rng.normal(size=(n, n_active))
    truth = all_derivatives(function, X, V, U)
    a = n_active
    truth["hessian"] = truth["hessian"][..., :a, :a]
    truth["laplacian"] = np.trace(truth["hessian"], axis1=-2, axis2=-1)
    for key in ("jacobian", "hvp", "vjp"):
        truth[key] = truth[key][..., :a]
    along = {"jvp": V[:, :a], "hvp": V[:, :a], "vjp": U}
    for key, expected in truth.items():
        out = np.full(expected.shape, np.nan)
        results = {key: out}
        assert evaluate(function, X, results, along.get(key), n_active=a) == 0
        np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-12)
