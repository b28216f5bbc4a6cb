"""The closed form over both libraries of arrays, NumPy's and torch's, on the CPU."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.preprocessing import PowerTransformer

from sklearn_nnderiv._converters import convert
from sklearn_nnderiv._elementwise.activations import ACTIVATIONS
from sklearn_nnderiv._elementwise.libraries import TORCH
from sklearn_nnderiv._engines import _layouts, _plan
from sklearn_nnderiv._engines._closed_form import Pass
from sklearn_nnderiv._engines._fold import make_plan
from sklearn_nnderiv._engines._workspace import Workspace
from sklearn_nnderiv._maps import Affine

from .oracles import all_derivatives
from .test_engine import NAMES, as_map, assert_close, directions, network


def as_tensors(plan):
    """The plan as it would be for another device, on the CPU."""
    layers = tuple(
        replace(a, weight=torch.tensor(a.weight), bias=torch.tensor(a.bias))
        for a in plan.layers
    )
    skip = None if plan.skip is None else torch.tensor(plan.skip)
    other = replace(plan, layers=layers, weight=torch.tensor(plan.weight), skip=skip)
    if "meeting" in vars(plan):
        vars(other)["meeting"] = plan.meeting
    return other


def workspace(plan, library, n):
    lib = {"lib": TORCH} if library == "torch" else {}
    return Workspace(n, plan.dtype, plan.device, **lib)


def passed(plan, library, X, V, U):
    space = workspace(plan, library, len(X) + 2)
    state = Pass(as_tensors(plan) if library == "torch" else plan, space, X, 2)
    n, d, k = len(X), plan.n_in, plan.n_out
    shapes = [(n, k), (n, k, d), (n, k, d, d), (n, k), (n, k), (n, d), (n, k, d)]
    results = {}
    for name, shape in zip(NAMES, shapes, strict=True):
        along = {"jvp": [V], "hvp": [V], "vjp": [U]}.get(name, [])
        results[name] = np.full(shape, np.nan)
        getattr(state, name)(*along, results[name])
    results["n_unknown"] = np.array(float(state.n_unknown()))
    return results


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("activation", [*ACTIVATIONS, "softplus+sin"])
def test_both_libraries_give_the_same(activation, dtype, rng):
    lead = Affine(np.full(3, 2.0), center=np.ones(3))
    net = network(3, (9, 7), 2, activation, skip=True)
    plan = make_plan(as_map(net, 3, 2, dtype, lead=[lead]))
    X = rng.normal(size=(5, 3))
    X.flags.writeable = False
    along = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    one = passed(plan, "numpy", X, *along)
    assert_close(
        passed(plan, "torch", X, *along), one, 1e-6 if dtype.itemsize == 4 else 1e-13
    )


@pytest.mark.parametrize("hidden", [(), (5,), (4, 5, 6)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_both_libraries_with_maps_before_and_after(hidden, dtype, rng, data):
    X, Y = data
    lead = convert(PowerTransformer().fit(X), "transform")
    trail = convert(PowerTransformer().fit(Y), "inverse_transform")
    function = as_map(network(3, hidden, 2), 3, 2, dtype, [lead], [trail])
    plan = make_plan(function)
    assert plan.lead is not None
    assert plan.trail is not None
    along = directions(function, 40)
    one = passed(plan, "numpy", X, *along)
    assert_close(
        passed(plan, "torch", X, *along), one, 1e-5 if dtype.itemsize == 4 else 1e-12
    )


@pytest.mark.parametrize("skip", [False, True])
def test_both_libraries_without_products_made_in_advance(monkeypatch, rng, skip):
    for name in ("_MAX_TOP", "_MAX_BOTTOM"):
        monkeypatch.setattr(_plan, name, 0)
    plan = make_plan(as_map(network(4, (6, 5), 3, skip=skip), 4, 3))
    X, V, U = rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    one = passed(plan, "numpy", X, V, U)
    assert_close(passed(plan, "torch", X, V, U), one, 1e-13)


BOTTLENECKS = [(3, (20, 2, 20), 4), (30, (3, 30), 1), (1, (8, 8, 8), 9), (9, (5,), 1)]


@pytest.mark.parametrize("n", [6, 20])  # products made in advance pay for many rows
@pytest.mark.parametrize("library", ["numpy", "torch"])
@pytest.mark.parametrize(("d", "hidden", "k"), BOTTLENECKS, ids=str)
def test_every_meeting_gives_the_same(d, hidden, k, library, n, rng):
    function = as_map(network(d, hidden, k, skip=True), d, k)
    X = rng.normal(size=(n, d))
    truth = all_derivatives(function, X, *directions(function, n))["jacobian"]
    for meeting in range(len(hidden) + 1):
        plan = make_plan(function)
        vars(plan)["meeting"] = meeting
        space = workspace(plan, library, n)
        out = np.full(truth.shape, np.nan)
        Pass(as_tensors(plan) if library == "torch" else plan, space, X, 1).jacobian(
            out
        )
        assert_close({"jacobian": out}, {"jacobian": truth}, 1e-12)


@pytest.mark.parametrize("many", [1, 1000])
@pytest.mark.parametrize("hidden", [(6,), (6, 2, 7)])
@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_layouts_of_tangents(monkeypatch, rng, many, hidden, library):
    monkeypatch.setattr(_layouts, "_MANY_INPUTS", many)
    function = as_map(network(4, hidden, 3, skip=True), 4, 3)
    X, V, U = rng.normal(size=(5, 4)), rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    plan = make_plan(function)
    for meeting in range(len(hidden) + 1):
        vars(plan)["meeting"] = meeting
        results = passed(plan, library, X, V, U)
        assert results.pop("n_unknown") == 0
        assert_close(results, all_derivatives(function, X, V, U), 1e-12)
