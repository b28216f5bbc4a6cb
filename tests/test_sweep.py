"""The sweeps in NumPy against torch.func on a network written anew."""

import pickle

import numpy as np
import pytest
import torch
from torch.func import jacrev, vmap

from sklearn_nnderiv._elementwise.activations import ACTIVATIONS, activation_kinds
from sklearn_nnderiv._elementwise.kernels import KERNELS
from sklearn_nnderiv._training import Architecture, flatten, stack_for, unflatten
from sklearn_nnderiv._training._candidates import _FREE, has_kernels
from sklearn_nnderiv._training._net import FeedForward, activation_maker

from .oracles import plain_network

# ----------------------------------------------------------------- activations


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_kernels_are_the_derivatives_of_the_activation(name):
    kernel = KERNELS[ACTIVATIONS[name]]
    # not 0, where relu has a kink and elu's curvature a jump
    z = np.concatenate([np.linspace(-6, 6, 100), [-700, -50, 50, 700]]).reshape(8, 13)
    before = z.copy()
    x = torch.tensor(z, requires_grad=True)
    f = ACTIVATIONS[name]()(x)
    (slope,) = torch.autograd.grad(f.sum(), x, create_graph=True)
    curvature = torch.zeros_like(x)
    if slope.requires_grad:
        (curvature,) = torch.autograd.grad(slope.sum(), x, allow_unused=True)
        curvature = torch.zeros_like(x) if curvature is None else curvature
    own_f = kernel.value(z)
    own_slope = kernel.slope(z, own_f)
    own_curvature = kernel.curvature(z, own_f, own_slope)
    tolerance = {"rtol": 1e-10, "atol": 1e-14}
    np.testing.assert_allclose(own_f, f.detach().numpy(), **tolerance)
    np.testing.assert_allclose(own_slope, slope.detach().numpy(), **tolerance)
    np.testing.assert_allclose(own_curvature, curvature.numpy(), **tolerance)
    np.testing.assert_array_equal(z, before)
    assert not np.shares_memory(own_f, z)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_kernels_are_finite_and_keep_their_digits_far_out(name):
    kernel = KERNELS[ACTIVATIONS[name]]
    z = np.array([-1e150, -1e4, -700.0, -50.0, 0.0, 50.0, 700.0, 1e4, 1e150])
    with np.errstate(over="ignore"):  # of z * z
        f = kernel.value(z)
        slope = kernel.slope(z, f)
        curvature = kernel.curvature(z, f, slope)
    for values in (f, slope, curvature):
        assert np.isfinite(values).all()
    assert (abs(slope[1:-1]) <= 1.2).all()
    if name == "softplus":  # which torch takes for the identity beyond 20
        np.testing.assert_allclose(f[[2, 3]], np.exp([-700.0, -50.0]), rtol=1e-12)
        np.testing.assert_allclose(slope[[2, 3]], np.exp([-700.0, -50.0]), rtol=1e-12)
        np.testing.assert_allclose(curvature[3], np.exp(-50.0), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"sin"}))
def test_slopes_keep_their_digits_far_out(name, dtype):
    kernel = KERNELS[ACTIVATIONS[name]]
    size = np.geomspace(1, 1e15, 40)
    z = np.concatenate([-size, size]).astype(dtype)
    x = torch.tensor(z.astype(float), requires_grad=True)
    (expected,) = torch.autograd.grad(ACTIVATIONS[name]()(x).sum(), x)
    slope = kernel.slope(z, kernel.value(z))
    assert slope.dtype == dtype
    tolerance = 1e-6 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(slope, expected.numpy(), atol=tolerance)


def test_softplus_keeps_its_digits_where_torch_drops_them():
    z = np.linspace(-60, 60, 999)
    found = ACTIVATIONS["softplus"]()(torch.tensor(z)).numpy()
    np.testing.assert_allclose(found, np.logaddexp(0, z), rtol=1e-14)
    kernel = KERNELS[ACTIVATIONS["softplus"]]
    np.testing.assert_allclose(kernel.value(z), found, rtol=1e-14)


def test_every_named_activation_has_kernels():
    for name in ACTIVATIONS:
        assert has_kernels(name)
    assert has_kernels("tanh+sin")
    assert has_kernels(torch.nn.Tanh)
    assert not has_kernels(torch.nn.Softsign)


# ------------------------------------------------------------------- networks

CASES = {
    "one layer": (3, 1, (5,), "tanh", False),
    "two layers, skip": (2, 1, (6, 4), "softplus", True),
    "mixed, skip, two outputs": (3, 2, (7, 5), "softplus+sin", True),
    "three kinds": (2, 2, (5, 4, 3), "silu+gelu+logistic", False),
    "one input": (1, 3, (4,), "softplus+sin", True),
    "one unit of two kinds": (2, 1, (1,), "sin+tanh", False),
    "no hidden layer": (3, 2, (), "identity", False),
    "no hidden layer, skip": (2, 3, (), "identity", True),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request):
    """A stack, parameters and inputs, and the same network in torch."""
    n_in, n_out, hidden, activation, skip = request.param
    stack = stack_for(Architecture(hidden, activation, skip), n_in, n_out)
    rng = np.random.default_rng(1)
    theta = rng.normal(size=stack.n_parameters)
    X = rng.normal(size=(9, n_in))
    functions = [kind() for kind in activation_kinds(activation)]

    def network(theta, X):
        return plain_network(stack, functions, theta, X)

    return stack, theta, X, network


def module_of(stack, activation, n_in, n_out):
    maker = activation_maker(activation)
    return FeedForward(
        n_in, n_out, stack.hidden, maker, torch.float64, seed=0, skip=stack.skip
    )


@pytest.mark.parametrize("sizes", CASES.values(), ids=CASES.keys())
def test_forward_is_the_torch_module(sizes, rng):
    n_in, n_out, hidden, activation, skip = sizes
    stack = stack_for(Architecture(hidden, activation, skip), n_in, n_out)
    module = module_of(stack, activation, n_in, n_out)
    theta = rng.normal(size=stack.n_parameters)
    unflatten(module, theta)
    np.testing.assert_array_equal(flatten(module), theta)
    X = rng.normal(size=(9, n_in))
    with torch.no_grad():
        expected = module(torch.tensor(X)).numpy()
    np.testing.assert_allclose(
        stack.forward(theta, X).values, expected, rtol=1e-12, atol=1e-12
    )
    assert sum(p.numel() for p in module.parameters()) == stack.n_parameters


def test_flatten_reads_float32_and_unflatten_keeps_it(rng):
    stack = stack_for(Architecture((4,), "tanh", skip=True), 2, 1)
    module = module_of(stack, "tanh", 2, 1).float()
    theta = rng.normal(size=stack.n_parameters)
    unflatten(module, theta)
    assert {p.dtype for p in module.parameters()} == {torch.float32}
    np.testing.assert_array_equal(flatten(module), theta.astype(np.float32))


def test_forward_is_the_documented_network(case):
    stack, theta, X, network = case
    forward = stack.forward(theta, X)
    expected = network(torch.tensor(theta), torch.tensor(X)).numpy()
    np.testing.assert_allclose(forward.values, expected, rtol=1e-12, atol=1e-12)
    assert forward.features.shape == (9, stack.n_features)
    np.testing.assert_allclose(
        forward.features @ stack.coefficients(theta).T, forward.values, rtol=1e-12
    )


def parameter_jacobian(network, theta, X):
    return jacrev(network)(torch.tensor(theta), torch.tensor(X)).numpy()


def test_inner_jacobian_of_rows_with_scales(case, rng):
    stack, theta, X, network = case
    expected = parameter_jacobian(network, theta, X)
    forward = stack.forward(theta, X)
    np.testing.assert_allclose(  # the rest are the features
        expected[:, 0, stack.n_inner :][:, : stack.n_features], forward.features
    )
    if not stack.hidden:
        return
    scale = rng.uniform(0.5, 2, size=9)
    for rows in (slice(0, 9), slice(2, 6), slice(8, 9)):
        n = rows.stop - rows.start
        # a part of a larger array, as the solver has it
        out = np.full((n, stack.n_out, stack.n_parameters + 2), np.nan)
        forward.inner_jacobian(out[:, :, : stack.n_inner], rows, scale[:, None])
        truth = scale[rows, None, None] * expected[rows, :, : stack.n_inner]
        np.testing.assert_allclose(
            out[:, :, : stack.n_inner], truth, rtol=1e-10, atol=1e-12
        )
        assert np.isnan(out[:, :, stack.n_inner :]).all()


def test_gradient(case, rng):
    stack, theta, X, network = case
    cotangent = rng.normal(size=(9, stack.n_out))
    expected = np.einsum("ij,ijp->p", cotangent, parameter_jacobian(network, theta, X))
    result = stack.forward(theta, X).gradient(cotangent)
    np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-12)


def test_first_and_second_tangent(case, rng):
    stack, theta, X, network = case
    direction = rng.normal(size=stack.n_parameters)
    parameters, step, rows = map(torch.tensor, (theta, direction, X))

    def on_line(t):
        return network(parameters + t * step, rows)

    zero = torch.zeros((), dtype=torch.float64)
    one, two = jacrev(on_line)(zero), jacrev(jacrev(on_line))(zero)
    tangent = stack.forward(theta, X).tangent(direction)
    np.testing.assert_allclose(tangent.first, one.numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(tangent.second, two.numpy(), rtol=1e-9, atol=1e-10)


def tangents_of(kind, n, d, rng):
    return None if kind == "inputs" else rng.normal(size=(n, kind, d))


def along(slopes, tangents):
    """Slopes (n, n_out, d) along the tangents (n, m, d)."""
    return slopes if tangents is None else np.einsum("iod,imd->iom", slopes, tangents)


@pytest.mark.parametrize("kind", ["inputs", 1, 4])
def test_input_jacobian(case, kind, rng):
    stack, theta, X, network = case
    tangents = tangents_of(kind, 9, stack.n_in, rng)
    by_row = vmap(jacrev(network, argnums=1), in_dims=(None, 0))
    slopes = by_row(torch.tensor(theta), torch.tensor(X)).numpy()
    result = stack.forward(theta, X).input_jacobian(tangents)
    np.testing.assert_allclose(result, along(slopes, tangents), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["inputs", 1, 4])
def test_mixed_jacobian(case, kind, rng):
    stack, theta, X, network = case
    tangents = tangents_of(kind, 9, stack.n_in, rng)
    by_both = vmap(jacrev(jacrev(network, argnums=1)), in_dims=(None, 0))
    # of the slopes (n, n_out, d) by the parameters
    mixed = by_both(torch.tensor(theta), torch.tensor(X)).numpy()
    if tangents is not None:
        mixed = np.einsum("iodp,imd->iomp", mixed, tangents)
    forward = stack.forward(theta, X)
    p, q = stack.n_inner, stack.n_features
    for output in range(stack.n_out):
        inner, features = forward.mixed_jacobian(output, tangents)
        own = slice(p + output * q, p + (output + 1) * q)
        np.testing.assert_allclose(
            inner, mixed[:, output, :, :p], rtol=1e-9, atol=1e-10
        )
        np.testing.assert_allclose(
            features, mixed[:, output, :, own], rtol=1e-9, atol=1e-10
        )


def test_with_coefficients(case, rng):
    stack, theta, X, _ = case
    coefficients = rng.normal(size=(stack.n_out, stack.n_features))
    forward = stack.forward(theta, X)
    kept = forward.values.copy()
    other = forward.with_coefficients(coefficients)
    expected = np.concatenate([theta[: stack.n_inner], coefficients.ravel()])
    np.testing.assert_array_equal(other.theta, expected)
    again = stack.forward(expected, X)
    np.testing.assert_allclose(other.values, again.values, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(
        other.input_jacobian(), again.input_jacobian(), rtol=1e-12, atol=1e-12
    )
    np.testing.assert_array_equal(forward.values, kept)
    np.testing.assert_array_equal(forward.theta, theta)


def test_slopes_do_not_depend_on_what_was_asked_before(case, rng):
    stack, theta, X, _ = case
    direction = rng.normal(size=stack.n_parameters)
    first, second = stack.forward(theta, X), stack.forward(theta, X)
    first.tangent(direction)
    first.mixed_jacobian(0)
    np.testing.assert_array_equal(first.input_jacobian(), second.input_jacobian())


@pytest.mark.parametrize("architecture", _FREE, ids=str)
def test_candidates_have_stacks_that_can_be_pickled(architecture, rng):
    stack = stack_for(architecture, 3, 2)
    theta, X = rng.normal(size=stack.n_parameters), rng.normal(size=(4, 3))
    other = pickle.loads(pickle.dumps(stack))
    np.testing.assert_array_equal(
        other.forward(theta, X).values, stack.forward(theta, X).values
    )
