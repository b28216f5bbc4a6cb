"""Maps side by side in front of a network, and derivatives by some of the inputs."""

import numpy as np
import pytest
import torch

from sklearn_nnderiv._engines import evaluate
from sklearn_nnderiv._engines._engine import engine_of
from sklearn_nnderiv._maps import (
    Affine,
    Concatenate,
    Elementwise,
    Network,
    Select,
    Sequential,
)

from .oracles import all_derivatives
from .test_engine import assert_close, directions, evaluated, network

SCALED = Sequential([Select([3, 0], 5), Affine([2.0, 0.5], center=[0.1, 0.2])], 5)
TWICE = Sequential(
    [
        Select([1], 5),
        Affine([2.0], center=[0.3], offset=[0.4]),
        Affine([3.0], center=[0.5], offset=[0.6]),
    ],
    5,
)
SINH = Sequential([Select([1], 5), Affine([0.5]), Elementwise(torch.sinh, 1)], 5)
MIXED = Sequential(
    [
        Select([2, 1], 5),
        Affine([[1.0, 2.0], [0.5, -1.0], [0.1, 0.2]], offset=[1.0] * 3),
    ],
    5,
)
KEPT = Select([4], 5)
SIDES = {
    "scalers": [SCALED, TWICE, KEPT],
    "matrix": [SCALED, MIXED, KEPT],
    "elementwise": [SCALED, SINH, KEPT],
    "one": [TWICE],
}
OPEN = {
    "elementwise and matrix": [Elementwise(torch.sinh, 5), MIXED],
    "a column twice": [SCALED, SCALED],
}


def stack(sides, *behind, hidden=(4, 3), skip=False):
    lead = Concatenate(sides)
    net = network(lead.n_out, hidden, 3, skip=skip)
    module = Network(net, lead.n_out, 3, torch.float64, "smooth")
    return Sequential([lead, *behind, module], 5).eval()


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("name", SIDES)
def test_maps_side_by_side_have_a_closed_form(name, skip, rng):
    function = stack(SIDES[name], skip=skip)
    assert engine_of(function).plan is not None
    X = rng.normal(size=(20, 5))
    V, U = directions(function, 20)
    truth = all_derivatives(function, X, V, U)
    assert_close(evaluated(function, X, V, U), truth, 1e-12)


@pytest.mark.parametrize("name", OPEN)
def test_what_has_none_is_left_to_autodiff(name, rng):
    function = stack(OPEN[name])
    assert engine_of(function).plan is None
    X = rng.normal(size=(6, 5))
    V, U = directions(function, 6)
    assert_close(
        evaluated(function, X, V, U), all_derivatives(function, X, V, U), 1e-12
    )


@pytest.mark.parametrize("hidden", [(), (4,), (30, 2, 30)])
@pytest.mark.parametrize(
    "sides",
    [SIDES["elementwise"], SIDES["matrix"], None],
    ids=["elementwise", "matrix", "none"],
)
@pytest.mark.parametrize("n_active", [1, 3, 4])
def test_derivatives_by_the_first_inputs(n_active, sides, hidden, rng):
    if sides is None:
        net = network(5, hidden, 3, skip=True)
        function = Network(net, 5, 3, torch.float64, "smooth").eval()
    else:
        function = stack(sides, hidden=hidden, skip=True)
    assert engine_of(function).plan is not None
    n = 20
    X = rng.normal(size=(n, 5))
    V, U = directions(function, n)
    V[:, n_active:] = 0
    truth = all_derivatives(function, X, V, U)
    hessian = truth["hessian"][..., :n_active, :n_active]
    expected = {
        "values": truth["values"],
        "jacobian": truth["jacobian"][..., :n_active],
        "jvp": truth["jvp"],
        "vjp": truth["vjp"][..., :n_active],
        "hvp": truth["hvp"][..., :n_active],
        "hessian": hessian,
        "laplacian": np.trace(hessian, axis1=-2, axis2=-1),
    }
    along = {"jvp": V[:, :n_active], "hvp": V[:, :n_active], "vjp": U}
    for rows in (slice(None), slice(0, 1)):
        for name, part in expected.items():
            out = np.full(part[rows].shape, np.nan)
            given = along[name][rows] if name in along else None
            evaluate(function, X[rows], {name: out}, given, n_active=n_active)
            np.testing.assert_allclose(out, part[rows], rtol=1e-11, atol=1e-12)


def test_memory_is_not_mistaken_from_call_to_call(rng):
    net = network(5, (6, 6), 2)
    function = Network(net, 5, 2, torch.float64, "smooth").eval()
    X = rng.normal(size=(20, 5))
    full = np.empty((20, 2, 5))
    evaluate(function, X, {"jacobian": full})
    for n_active in (2, 5, 3):
        part = np.empty((20, 2, n_active))
        evaluate(function, X, {"jacobian": part}, n_active=n_active)
        np.testing.assert_allclose(part, full[..., :n_active], atol=1e-14)
