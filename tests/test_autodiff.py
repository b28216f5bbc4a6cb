"""What is no feed-forward stack, and how plans notice changes."""

import copy
import gc
import pickle
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from sklearn_nnderiv import functional
from sklearn_nnderiv._elementwise.activations import Sine
from sklearn_nnderiv._engines import evaluate
from sklearn_nnderiv._engines._autodiff import AutodiffPass
from sklearn_nnderiv._engines._engine import engine_of
from sklearn_nnderiv._engines._fold import make_plan
from sklearn_nnderiv._maps import Affine, Elementwise, Network, Select, Sequential

from .oracles import all_derivatives
from .test_engine import as_map, assert_close, check, directions, network

NAMES = ("jacobian", "hessian", "laplacian", "jvp", "vjp", "hvp")


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.last = nn.Linear(4, 4), nn.Linear(4, 2)
        self.register_buffer("shift", torch.arange(4.0))

    def forward(self, x):
        return self.last(x + torch.tanh(self.inner(x - self.shift)))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.last = nn.Linear(1, 4), nn.Linear(16, 2)
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, x):
        h = self.embed(x[..., None])
        return self.last(self.attention(h, h, h, need_weights=False)[0].flatten(1))


class MyLinear(nn.Linear):
    def forward(self, x):
        return super().forward(x) ** 2


class Cube(torch.autograd.Function):
    """Without forward mode."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return 3 * grad * x**2


class Cubed(nn.Module):
    def forward(self, x):
        return Cube.apply(x)


class Product(nn.Module):
    def forward(self, x):
        return torch.stack([x[:, 0] * x[:, 1], x[:, 2] ** 3 * x[:, 3]], dim=1)


def hooked():
    net = plain()
    net[0].register_forward_hook(lambda module, given, out: out**2)
    return net


def overridden():
    net = plain()
    net[1].forward = torch.sin
    return net


def plain(activation=nn.Tanh):
    return nn.Sequential(nn.Linear(4, 5), activation(), nn.Linear(5, 2))


def convolution():
    parts = nn.Unflatten(1, (1, 4)), nn.Conv1d(1, 3, 2), nn.Tanh(), nn.Flatten()
    return nn.Sequential(*parts, nn.Linear(9, 2))


def batch_norm():
    net = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 2))
    for _ in range(3):
        net(torch.randn(9, 4))
    return net


NO_STACKS = {
    "batch norm": batch_norm,
    "layer norm": lambda: nn.Sequential(
        nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 2)
    ),
    "attention": Attention,
    "residual": Residual,
    "hook": hooked,
    "forward of its own": overridden,
    "subclass": lambda: nn.Sequential(MyLinear(4, 5), nn.Linear(5, 2)),
    "softplus(2)": lambda: plain(lambda: nn.Softplus(beta=2)),
    "gelu(tanh)": lambda: plain(lambda: nn.GELU(approximate="tanh")),
    "elu(2)": lambda: plain(lambda: nn.ELU(alpha=2.0)),
    "unknown activation": lambda: plain(nn.Softsign),
    "convolution": convolution,
    "activation first": lambda: nn.Sequential(nn.Tanh(), nn.Linear(4, 2)),
    "no tensors": Product,
    "many outputs": lambda: nn.Sequential(
        nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 20)
    ),
    "no forward mode": lambda: nn.Sequential(
        nn.Linear(4, 3), Cubed(), nn.Linear(3, 20)
    ),
}


def called(name, fitted, X, V, U):
    along = {"jvp": [V], "hvp": [V], "vjp": [U]}.get(name, [])
    return getattr(functional, name)(fitted, X, *along)


@pytest.mark.parametrize("name", NO_STACKS)
def test_what_is_no_stack_is_left_to_autograd(name, rng):
    torch.manual_seed(0)
    net = NO_STACKS[name]().double()
    net.train()
    X = rng.normal(size=(6, 4))
    k = 20 if name in ("many outputs", "no forward mode") else 2
    assert make_plan(Network(net, 4, k, torch.float64, "smooth")) is None
    V, U = directions(Network(net, 4, k, torch.float64, "smooth"), 6)
    before = copy.deepcopy(net.state_dict())
    with sdpa_kernel(SDPBackend.MATH):
        oracle = copy.deepcopy(net).eval()
        if name == "no forward mode":
            oracle[1].forward = lambda x: x**3
        truth = all_derivatives(oracle, X, V, U)
    results = {one: called(one, net, X, V, U) for one in NAMES}
    results["values"] = functional.value_and_jacobian(net, X)[0]
    assert_close(results, truth, 1e-12)
    assert net.training
    for key, tensor in net.state_dict().items():
        assert torch.equal(tensor, before[key])
    assert all(p.grad is None for p in net.parameters())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_short_dtypes_and_their_changes(dtype, rng):
    net = plain().to(dtype)
    X = rng.normal(size=(6, 4)).astype(np.float16).astype(float)
    truth = functional.jacobian(copy.deepcopy(net).double(), X)
    function = Network(net, 4, 2, dtype, "smooth").eval()
    out = np.empty((6, 2, 4))
    for factor in (1, 2):
        evaluate(function, X, {"jacobian": out})
        assert abs(out - factor * truth).max() < 0.05
        net[2].weight.data.mul_(2)


def test_dropout_is_off_and_the_mode_is_kept(rng):
    net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Dropout(0.5), nn.Linear(5, 2))
    X = rng.normal(size=(6, 4))
    net.double().train()
    results = [functional.hessian(net, X) for _ in range(2)]
    np.testing.assert_array_equal(*results)
    assert all(part.training for part in net.modules())


def test_modules_made_in_inference_mode(rng):
    X = rng.normal(size=(6, 4))
    with torch.inference_mode():
        for name in ("layer norm", "hook"):
            net = NO_STACKS[name]().double()
            assert np.isfinite(functional.hessian(net, X)).all()
            for along in (functional.jvp, functional.hvp):
                assert np.isfinite(along(net, X, X)).all()
        assert np.isfinite(functional.hessian(plain().double(), X)).all()


# -------------------------------------------------------------------- changes


def step(net):
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    net(torch.ones(3, 4, dtype=torch.float64)).square().sum().backward()
    optimizer.step()


def load(net):
    net.load_state_dict({k: v + 0.5 for k, v in net.state_dict().items()})


def assign(net):
    net[0].weight.data = net[0].weight.data * 2


def copy_data(net):
    net[0].weight.data.copy_(net[0].weight.data * 2)


def scale_data(net):
    net[0].weight.data.mul_(2)


def fill_row(net):
    net[0].weight.data[0] = 1.0


def scale_but_the_last(net):
    net[0].weight.data[-1, -1] = 0
    functional.jacobian(net, np.ones((2, 4)))
    net[0].weight.data.mul_(2)


def replace_layer(net):
    net[1] = nn.Sigmoid()


def from_vector(net):
    vector_to_parameters(2 * parameters_to_vector(net.parameters()), net.parameters())


def set_beta(net):
    net[1].beta = 2.0


CHANGES = {
    "optimizer step": step,
    "load_state_dict": load,
    "p.data = ...": assign,
    "p.data.copy_": copy_data,
    "p.data.mul_": scale_data,
    "a row of p.data": fill_row,
    "all but the last of p.data": scale_but_the_last,
    "module replaced": replace_layer,
    "module appended": lambda net: net.append(Sine()),
    "module removed": lambda net: net.pop(1),
    "vector_to_parameters": from_vector,
    "hook": lambda net: net[0].register_forward_hook(lambda m, x, y: 2 * y),
    "constant": set_beta,
    "bias removed": lambda net: net[0].register_parameter("bias", None),
}


@pytest.mark.parametrize("name", CHANGES)
def test_plans_notice_changes(name, rng):
    net = nn.Sequential(nn.Linear(4, 4), nn.Softplus(), nn.Linear(4, 2)).double()
    function = Network(net, 4, 2, torch.float64, "smooth").eval()
    X = rng.normal(size=(6, 4))
    check(function, X)
    first = engine_of(function)
    assert engine_of(function) is first
    with torch.no_grad() if name != "optimizer step" else torch.enable_grad():
        CHANGES[name](net)
    check(function, X)
    assert engine_of(function) is not first


def test_a_transposed_parameter_is_watched(rng):
    net = plain().double()
    net[0].weight = nn.Parameter(torch.randn(4, 5, dtype=torch.float64).T)
    function = Network(net, 4, 2, torch.float64, "smooth").eval()
    X = rng.normal(size=(6, 4))
    check(function, X)
    net[0].weight.data.mul_(2)
    check(function, X)


@pytest.mark.parametrize(
    "function",
    [
        as_map(network(4, (3,), 2), 4, 2),
        as_map(network(4, (3,), 2), 4, 2, trail=[Elementwise(torch.tanh, 2)]),
        Elementwise(torch.sin, 4),
        Affine(np.ones(4)),
    ],
    ids=["network", "with a trail", "elementwise", "affine"],
)
def test_engines_die_with_their_maps_and_are_not_copied(function, rng):
    X = rng.normal(size=(6, 4))
    other = copy.deepcopy(function)
    check(other, X)
    for again in (copy.deepcopy(other), pickle.loads(pickle.dumps(other))):
        check(again, X)
    assert len(pickle.dumps(other)) < len(pickle.dumps(function)) + 100
    alive = weakref.ref(other)
    del other, again
    gc.collect()
    assert alive() is None


def test_eight_threads_give_the_bits_of_one(rng):
    function = as_map(network(5, (30, 30), 2), 5, 2)
    X = rng.normal(size=(1500, 5))
    shapes = {"jacobian": (2, 5), "hessian": (2, 5, 5), "laplacian": (2,)}

    def call(i):
        n = (1, 7, 1100, 1500)[i % 4]
        results = {name: np.empty((n, *shape)) for name, shape in shapes.items()}
        evaluate(function, X[:n], results)
        return results

    expected = [call(i) for i in range(4)]
    with ThreadPoolExecutor(8) as pool:
        for i, results in enumerate(pool.map(call, range(40))):
            for name, result in results.items():
                np.testing.assert_array_equal(result, expected[i % 4][name])


def test_maps_without_a_mode_are_not_copied(rng):
    function = Sequential([Elementwise(torch.sin, 2), Affine(np.ones((1, 2)))], 2)
    function.train()
    assert engine_of(function).function is function
    network = Network(nn.Sequential(nn.Linear(2, 1)), 2, 1, torch.float32, "smooth")
    assert engine_of(network).function is not network
    assert engine_of(network.eval()).function is network


def test_nan_stays_in_its_column_where_columns_are_not_mixed():
    scaler = Affine([2.0, 3.0], center=[1.0, 1.0])
    for parts in ([scaler], [Elementwise(torch.log, 2)], [scaler, Select([1, 0], 2)]):
        found = np.empty((1, 2))
        evaluate(Sequential(parts, 2), np.array([[np.nan, 2.0]]), {"values": found})
        assert np.isnan(found).sum() == 1


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
def test_forward_mode_takes_turns(monkeypatch, rng):
    """Torch has one level of it for all threads; a second one would raise."""
    net = nn.Sequential(Product(), nn.Linear(2, 50)).double()
    function = Network(net, 4, 50, torch.float64, "smooth").eval()
    failed = []
    original = AutodiffPass._forward_jacobian

    def watched(self, out):
        try:
            original(self, out)
        except RuntimeError as error:
            failed.append(error)
            raise

    monkeypatch.setattr(AutodiffPass, "_forward_jacobian", watched)
    X = rng.normal(size=(400, 4))

    def jacobian(_):
        out = np.empty((400, 50, 4))
        AutodiffPass(function, X).jacobian(out)
        return out

    expected = jacobian(0)
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(jacobian, range(32)):
            np.testing.assert_array_equal(result, expected)
    assert failed == []
