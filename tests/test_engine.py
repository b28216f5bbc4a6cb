"""The closed-form engine against torch.func: every network, scaler, dtype and order."""

import copy

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv._converters import convert
from sklearn_nnderiv._elementwise.activations import ACTIVATIONS, activation_maker
from sklearn_nnderiv._engines import _plan, evaluate
from sklearn_nnderiv._engines._fold import make_plan
from sklearn_nnderiv._maps import Affine, FeedForward, Network, Sequential

from .oracles import all_derivatives, central_differences

NAMES = ("values", "jacobian", "hessian", "laplacian", "jvp", "vjp", "hvp")
HIGHER = NAMES[1:4]


def network(n_in, hidden, n_out, activation="tanh", skip=False, seed=0):
    """A built-in network with random weights of moderate size."""
    rng = np.random.default_rng(seed)
    net = FeedForward(
        n_in, n_out, hidden, activation_maker(activation), torch.float64, seed, skip
    )
    with torch.no_grad():
        for p in net.parameters():
            size = p.shape[-1] ** -0.5 if p.ndim == 2 else 0.5
            p.copy_(torch.tensor(rng.normal(size=p.shape) * size))
    return net.eval()


def as_map(net, n_in, n_out, dtype=torch.float64, lead=(), trail=()):
    net = Network(net.to(dtype), n_in, n_out, dtype, "smooth")
    return Sequential([*lead, net, *trail], n_in).eval()


def sizes(function, n):
    d, k = function.n_in, function.n_out
    shapes = [(n, k), (n, k, d), (n, k, d, d), (n, k), (n, k), (n, d), (n, k, d)]
    return dict(zip(NAMES, shapes, strict=True))


def directions(function, n, seed=1):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, function.n_in)), rng.normal(size=(n, function.n_out))


def evaluated(function, X, V, U):
    """All seven results, those without directions in one call."""
    results = {n: np.full(s, np.nan) for n, s in sizes(function, len(X)).items()}
    evaluate(function, X, {n: results[n] for n in NAMES[:4]})
    for name, along in (("jvp", V), ("vjp", U), ("hvp", V)):
        evaluate(function, X, {name: results[name]}, along)
    return results


def in_float64(function):
    """A copy that computes in float64 with the same parameters."""
    other = copy.deepcopy(function).double()
    for part in other.modules():
        if isinstance(part, Network):
            part.dtype = torch.float64
    return other


def assert_close(results, truth, tolerance):
    for name, result in results.items():
        expected = truth[name]
        assert result.shape == expected.shape, name
        unknown = np.isnan(expected)
        np.testing.assert_array_equal(np.isnan(result), unknown, err_msg=name)
        size = abs(expected[~unknown]).max(initial=0.0)
        error = abs(result - expected)[~unknown].max(initial=0.0)
        assert error <= tolerance * size, (name, error, size)


def check(function, X, tolerance=1e-10):
    V, U = directions(function, len(X))
    truth = all_derivatives(in_float64(function), X, V, U)
    assert_close(evaluated(function, X, V, U), truth, tolerance)


def single_or_double(function):
    single = any(p.dtype == torch.float32 for p in function.parameters())
    return 2e-6 if single else 1e-10


# ------------------------------------------------------------------- networks


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("activation", [*ACTIVATIONS, "softplus+sin"])
@pytest.mark.parametrize("skip", [False, True])
def test_every_activation(activation, dtype, skip, rng):
    function = as_map(network(3, (9, 7), 2, activation, skip), 3, 2, dtype)
    assert make_plan(function) is not None
    # as float32, so that both dtypes see the same rows
    X = rng.normal(size=(11, 3)).astype(np.float32).astype(np.float64)
    check(function, X, single_or_double(function))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("depth", range(7))
def test_every_depth(depth, seed):
    rng = np.random.default_rng(seed)
    hidden = rng.integers(1, 41, size=depth).tolist()
    d, k = rng.integers(1, 8, size=2).tolist()
    net = network(d, hidden, k, "softplus+sin", bool(seed % 2), seed)
    lead = Affine(rng.uniform(0.5, 2, d), center=rng.normal(size=d) * 10)
    trail = Affine(rng.uniform(1, 100, k), offset=rng.normal(size=k))
    function = as_map(net, d, k, lead=[lead], trail=[trail])
    assert make_plan(function) is not None
    check(function, lead.center.numpy() + rng.normal(size=(5, d)))


def test_the_cheapest_meeting_is_chosen():
    chosen = [
        make_plan(as_map(network(d, hidden, k), d, k)).meeting
        for d, hidden, k in [
            (30, (40, 40), 1),
            (1, (40, 40), 30),
            (40, (40, 2, 40), 40),
        ]
    ]
    assert chosen == [0, 2, 2]


@pytest.mark.parametrize("skip", [False, True])
def test_without_products_made_in_advance(monkeypatch, rng, skip):
    function = as_map(network(4, (6, 5), 3, skip=skip), 4, 3)
    for name in ("_MAX_TOP", "_MAX_BOTTOM"):
        monkeypatch.setattr(_plan, name, 0)
    plan = make_plan(function)
    assert plan.top is None
    check(function, rng.normal(size=(7, 4)))


@pytest.mark.parametrize("n", [1, 2, 255, 257, 2600])
def test_chunks(n, rng):
    function = as_map(network(2, (16, 16), 1), 2, 1)
    check(function, rng.normal(size=(n, 2)))


def few(n):
    return settings(
        max_examples=n,
        deadline=None,
        derandomize=n < 100,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


@st.composite
def maps(draw):
    """Draw a network between affine maps, and its rows."""
    seed = draw(st.integers(0, 2**31 - 1))
    rng = np.random.default_rng(seed)
    d, k = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    hidden = draw(st.lists(st.integers(1, 40), max_size=6))
    smooth = [name for name in ACTIVATIONS if name not in ("relu", "elu")]
    activation = "+".join(
        draw(st.lists(st.sampled_from(smooth), min_size=1, max_size=3))
    )
    net = network(d, hidden, k, activation, draw(st.booleans()), seed)
    scale = 10.0 ** rng.integers(-5, 5, size=d)
    center = scale * rng.normal(size=d)
    lead = Affine(1 / scale, center=center)
    trail = Affine(10.0 ** rng.integers(-5, 5, size=k), offset=rng.normal(size=k))
    function = as_map(net, d, k, lead=[lead], trail=[trail])
    n = draw(st.integers(1, 20))
    return function, center + scale * rng.normal(size=(n, d))


@few(15)
@given(maps())
def test_any_map(problem):
    check(*problem)


@pytest.mark.slow
@few(500)
@given(maps())
def test_any_map_long(problem):
    check(*problem)


# -------------------------------------------------------------------- scalers

SCALERS = {
    "none": None,
    "standard": StandardScaler(),
    "minmax": MinMaxScaler(feature_range=(-1, 1)),
    "minmax clipped": MinMaxScaler(clip=True),
    "robust": RobustScaler(),
    "maxabs": MaxAbsScaler(),
    "power": PowerTransformer(),
    "quantile": QuantileTransformer(n_quantiles=9),
    "normal quantile": QuantileTransformer(n_quantiles=9, output_distribution="normal"),
    "pipeline": make_pipeline(RobustScaler(), PowerTransformer(), MinMaxScaler()),
    "affine pipeline": make_pipeline(MaxAbsScaler(), StandardScaler()),
}


def scaled_map(x_scaler, y_scaler, X, Y, dtype=torch.float64):
    """A random network between two scalers."""
    d, k = X.shape[1], Y.shape[1]
    lead = [] if x_scaler is None else [convert(x_scaler.fit(X), "transform")]
    trail = []
    if y_scaler is not None:
        trail = [convert(y_scaler.fit(Y), "inverse_transform")]
    return as_map(network(d, (7, 6), k, skip=True), d, k, dtype, lead, trail)


@pytest.mark.filterwarnings("ignore::sklearn_nnderiv.exceptions.DerivativeWarning")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("end", ["x", "y", "both"])
@pytest.mark.parametrize("name", SCALERS)
def test_every_scaler(name, end, dtype, data):
    X, y = data
    x_scaler, y_scaler = (
        copy.deepcopy(SCALERS[name]) if end in (e, "both") else StandardScaler()
        for e in "xy"
    )
    function = scaled_map(x_scaler, y_scaler, X, y, dtype)
    assert make_plan(function) is not None
    if name == "none" and end != "y":  # saturated units have no digits
        X = (X / X.std(axis=0)).astype(np.float32).astype(float)
    if dtype == torch.float64:
        check(function, X)
    elif "quantile" not in name or end == "x":
        check(function, X[:10], 1e-4 if "p" in name else 2e-5)


@pytest.mark.parametrize("n_outputs", [None, 1, 2])
@pytest.mark.parametrize(
    "scaler", ["standard", "minmax", "robust", "maxabs", "passthrough"]
)
def test_fitted_regressors(scaler, n_outputs, data):
    X, y = data
    y = y[:, 0] if n_outputs is None else y[:, :n_outputs]
    model = DifferentiableRegressor(
        x_scaler="standard" if scaler == "passthrough" else scaler,
        y_scaler=scaler,
        max_iter=5,
        hidden_layer_sizes=(6,),
        random_state=0,
    ).fit(X, y)
    check(model.module_, X)
    scale = X.std(axis=0)
    H = model.predict_hessian(X)
    truth = central_differences(model.predict_jacobian, X, scale=scale)
    assert H.shape == truth.shape
    unit = scale[:, None] * scale
    assert abs((H - truth) * unit).max() < 1e-5 * abs(H * unit).max()
    np.testing.assert_allclose(H * unit, H.swapaxes(-1, -2) * unit, rtol=1e-9)


def test_a_subclass_of_a_map_is_no_part_of_a_plan(rng):
    class Doubled(Affine):
        def forward(self, x):
            return 2 * super().forward(x)

    function = as_map(network(2, (4,), 1), 2, 1, lead=[Doubled(np.ones(2))])
    assert make_plan(function) is None
    check(function, rng.normal(size=(5, 2)))
