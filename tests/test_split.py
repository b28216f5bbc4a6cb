"""Networks behind other maps: closed form within, autodiff before."""

import gc
import tracemalloc
import weakref

import numpy as np
import pytest
import torch
from sklearn.decomposition import KernelPCA
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MinMaxScaler,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
)
from torch import nn

from sklearn_nnderiv import DifferentiableRegressor, hessian, jacobian
from sklearn_nnderiv._elementwise.ufuncs import identity
from sklearn_nnderiv._engines import evaluate
from sklearn_nnderiv._engines._autodiff import AutodiffPass
from sklearn_nnderiv._engines._engine import engine_of
from sklearn_nnderiv._engines._split import SplitPass
from sklearn_nnderiv._maps import (
    Affine,
    Elementwise,
    KernelMap,
    Monomials,
    Normalize,
    RadialKernel,
    Select,
    Sequential,
)

from .oracles import all_derivatives, central_differences
from .test_engine import as_map, check, network, single_or_double

POWERS = PolynomialFeatures(2).fit(np.zeros((1, 4))).powers_
SCALER = Affine([1.0, 2.0, 0.5, 3.0], center=[1.0, 0.0, 2.0, 0.0])
ROWS = np.random.default_rng(0).normal(size=(7, 4))


def composed(*maps):
    return Sequential(maps, 4).eval()


def monomials(k=2, *, lead=(), dtype=torch.float64, skip=False, trail=(), **kwargs):
    inner = as_map(network(15, (6, 5), k, skip=skip, **kwargs), 15, k, dtype)
    return composed(SCALER, Monomials(POWERS), *lead, inner, *trail)


def kernel():
    mix = Affine(np.random.default_rng(1).normal(size=(3, 7)))
    inner = as_map(network(3, (6,), 1), 3, 1)
    return composed(KernelMap(RadialKernel(1.5), ROWS), mix, inner)


def bent():
    """The network's own part begins with an elementwise map."""
    lead = [Affine(np.eye(4)[::-1]), Elementwise(torch.sin, 4)]
    return as_map(network(4, (5,), 2), 4, 2, lead=lead)


FUNCTIONS = {
    "monomials": monomials(),
    "one output": monomials(1),
    "scaled monomials": monomials(lead=[Affine(np.linspace(1, 2, 15), np.ones(15))]),
    "two maps": monomials(lead=[Normalize("l2", 15, 0.0)]),
    "float32": monomials(dtype=torch.float32),
    "skip": monomials(skip=True),
    "trail": monomials(trail=[Affine([2.0, 3.0]), Elementwise(torch.sinh, 2)]),
    "kernel": kernel(),
    "bent": bent(),
}


@pytest.mark.parametrize("n", [1, 6, 1100])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_against_torch(name, n, rng):
    function = FUNCTIONS[name]
    assert engine_of(function).split is not None
    check(function, rng.normal(size=(n, 4)), 10 * single_or_double(function))


@pytest.mark.parametrize("n_active", [1, 3])
def test_derivatives_by_the_first_inputs(n_active, rng):
    function = FUNCTIONS["monomials"]
    X, U = rng.normal(size=(5, 4)), rng.normal(size=(5, 2))
    V = np.zeros((5, 4))
    V[:, :n_active] = rng.normal(size=(5, n_active))
    truth = all_derivatives(function, X, V, U)
    along = {"jvp": V[:, :n_active], "vjp": U}
    for name in ("jacobian", "jvp", "vjp"):
        expected = truth[name] if name == "jvp" else truth[name][..., :n_active]
        out = np.full(expected.shape, np.nan)
        evaluate(function, X, {name: out}, along.get(name), n_active=n_active)
        np.testing.assert_allclose(out, expected, rtol=1e-10, atol=1e-12)


def kind_of_pass(function, order=1):
    engine = engine_of(function)
    space = engine.borrow(3)
    return type(engine.passes(order, function.n_in)(space, np.ones((3, 4))))


def hooked():
    function = monomials()
    function.register_forward_hook(lambda module, args, y: 2 * y)
    return function


def hooked_inside():
    function = monomials()
    function.maps[-1].register_forward_pre_hook(lambda module, args: (2 * args[0],))
    return function


def overridden():
    function = monomials()
    forward = function.forward
    function.forward = lambda x: 2 * forward(x)
    return function


class Doubled(Sequential):
    def forward(self, x):
        return 2 * super().forward(x)


def subclass():
    return Doubled(monomials().parts(), 4).eval()


def closed_before():
    """A closed form would select columns after the kernel."""
    inner = as_map(network(3, (6,), 1), 3, 1)
    return composed(KernelMap(RadialKernel(1.5), ROWS), Select([1, 2, 4], 7), inner)


def without_network():
    return Sequential([Monomials(POWERS), Affine(np.ones((2, 15)))], 4)


def no_layers():
    net = nn.Sequential(nn.Linear(15, 2)).double()
    return composed(Monomials(POWERS), as_map(net, 15, 2))


def many_outputs():
    return monomials(13)


LEFT_TO_AUTODIFF = [
    hooked,
    hooked_inside,
    overridden,
    subclass,
    closed_before,
    without_network,
    no_layers,
    many_outputs,
]


@pytest.mark.parametrize("make", LEFT_TO_AUTODIFF)
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_what_is_left_to_autodiff(make, rng):
    function = make()
    assert kind_of_pass(function) is AutodiffPass
    check(function, rng.normal(size=(6, 4)))


def test_orders():
    function = FUNCTIONS["monomials"]
    kinds = [kind_of_pass(function, order) for order in range(3)]
    assert kinds == [SplitPass, SplitPass, AutodiffPass]


def add_hook(function):
    function.maps[1].register_forward_hook(lambda module, args, y: 2 * y)


def write_to_head(function):
    function.maps[0].weight.data *= 2


def write_to_tail(function):
    function.maps[2].module.layers[0].weight.data *= 2


def replace_head(function):
    function.maps[0] = Elementwise(identity, 4)


@pytest.mark.parametrize(
    "change", [add_hook, write_to_head, write_to_tail, replace_head]
)
def test_changes_are_noticed(change, rng):
    function, X = monomials(), rng.normal(size=(6, 4))
    before, after = np.empty((2, 6, 2, 4))
    evaluate(function, X, {"jacobian": before})
    change(function)
    evaluate(function, X, {"jacobian": after})
    assert abs(after - before).max() > 1e-3
    check(function, X)


def test_engines_die_with_their_maps(rng):
    function = monomials()
    check(function, rng.normal(size=(6, 4)))
    alive = weakref.ref(function)
    del function
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_row_without_a_value_has_no_derivative(activation, rng):
    function = monomials(activation=activation)
    X = rng.normal(size=(6, 4))
    whole = {"values": np.empty((6, 2)), "jacobian": np.empty((6, 2, 4))}
    assert evaluate(function, X, whole) == 0
    X[2, 1] = np.nan
    found = {name: np.empty_like(result) for name, result in whole.items()}
    assert evaluate(function, X, found) == 1
    along = {"jvp": rng.normal(size=(6, 4)), "vjp": rng.normal(size=(6, 2))}
    for name, directions in along.items():
        found[name] = np.empty((6, found["values"].shape[1] if name == "jvp" else 4))
        evaluate(function, X, {name: found[name]}, directions)
    others = np.arange(6) != 2
    for name, result in found.items():
        assert np.isnan(result[2]).all(), name
        assert np.isfinite(result[others]).all(), name
    np.testing.assert_array_equal(found["jacobian"][others], whole["jacobian"][others])


def test_results_of_any_layout_and_dtype(rng):
    function, X = FUNCTIONS["monomials"], rng.normal(size=(1100, 4))
    expected = np.empty((1100, 2, 4))
    evaluate(function, X, {"jacobian": expected})
    turned = np.empty((4, 2, 1100)).T
    evaluate(function, np.asfortranarray(X), {"jacobian": turned})
    np.testing.assert_allclose(turned, expected, rtol=1e-12, atol=1e-13)
    single = np.empty((1100, 2, 4), np.float32)
    evaluate(function, X, {"jacobian": single})
    np.testing.assert_allclose(single, expected, rtol=1e-6, atol=1e-6)


def test_threads_give_the_bits_of_one(rng):
    function, X = FUNCTIONS["monomials"], rng.normal(size=(3000, 4))
    results = np.empty((2, 3000, 2, 4))
    before = torch.get_num_threads()
    try:
        for n_threads, result in zip((1, 4), results, strict=True):
            torch.set_num_threads(n_threads)
            evaluate(function, X, {"jacobian": result})
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*results)


def test_scratch_memory_is_not_mistaken(rng):
    """Results do not depend on what was computed before in the same memory."""
    function = monomials()
    for n in (1100, 6, 1100, 300):
        check(function, rng.normal(size=(n, 4)))


@pytest.mark.parametrize("n_outputs", [None, 2])
@pytest.mark.parametrize(
    "step",
    [
        PolynomialFeatures(2),
        PolynomialFeatures(3, include_bias=False),
        SplineTransformer(n_knots=4),
        make_pipeline(PolynomialFeatures(2), MinMaxScaler(clip=True)),
        KernelPCA(4, kernel="rbf"),
    ],
    ids=["squares", "cubes", "splines", "clipped", "kernel"],
)
def test_pipelines(step, n_outputs, rng):
    X = 300 + 0.1 * rng.normal(size=(40, 3))
    U = (X - 300) / 0.1
    y = np.column_stack([np.sin(U[:, 0]) + U[:, 1] * U[:, 2], U.sum(axis=1)])
    y = y[:, 0] if n_outputs is None else y
    mlp = MLPRegressor(hidden_layer_sizes=(8,), activation="tanh", random_state=0)
    net = DifferentiableRegressor(
        hidden_layer_sizes=(8,), activation="tanh", solver="lbfgs", random_state=0
    )
    rows = 300 + 0.08 * rng.normal(size=(9, 3))
    for model in (net, mlp):
        model.set_params(max_iter=5)
        pipe = make_pipeline(StandardScaler(), step, model).fit(X, y)
        found = jacobian(pipe, rows)
        expected = central_differences(pipe.predict, rows)
        size = abs(expected).max()
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * size)


def test_first_and_second_derivatives_belong_together(rng):
    X = rng.normal(size=(40, 3))
    net = DifferentiableRegressor(
        hidden_layer_sizes=(8,), activation="tanh", solver="lbfgs", max_iter=10
    )
    pipe = make_pipeline(StandardScaler(), PolynomialFeatures(2), net)
    pipe.fit(X, np.sin(X[:, 0]) * X[:, 1])
    expected = central_differences(lambda rows: jacobian(pipe, rows), X[:7])
    np.testing.assert_allclose(hessian(pipe, X[:7]), expected, rtol=1e-7, atol=1e-8)


def test_memory_does_not_grow_with_the_outputs(rng):
    """The gradients of all outputs between the two parts would be 40 MB."""
    function = monomials(10)
    X, out = rng.normal(size=(30_000, 4)), np.empty((30_000, 10, 4))
    evaluate(function, X[:2000], {"jacobian": out[:2000]})
    tracemalloc.start()
    evaluate(function, X, {"jacobian": out})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20
