"""The mini-batch solver: schedule, memory, training out of core."""

import pickle
import tracemalloc

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler

from sklearn_nnderiv import DifferentiableRegressor, _scaling
from sklearn_nnderiv._training import (
    _minibatch,
    _net,
    _problem,
    adam_batch_size,
    adam_epochs,
)
from sklearn_nnderiv._training._minibatch import step_size
from sklearn_nnderiv.exceptions import TrainingDivergedError


def small(**parameters):
    defaults = {
        "solver": "adam",
        "hidden_layer_sizes": (8,),
        "activation": "silu",
        "learning_rate_init": 0.02,
        "max_iter": 5,
        "batch_size": 16,
        "random_state": 0,
    }
    return DifferentiableRegressor(**{**defaults, **parameters})


@pytest.fixture
def smooth(rng):
    X = rng.uniform(-1, 1, size=(600, 3))
    return X, np.sin(2 * X[:, 0]) * X[:, 1] + X[:, 2] ** 2


@pytest.fixture
def rates(monkeypatch):
    """The step sizes that the optimiser really takes."""
    taken, step = [], torch.optim.Adam.step

    def spy(self, closure=None):
        taken.append(self.param_groups[0]["lr"])
        return step(self, closure)

    monkeypatch.setattr(torch.optim.Adam, "step", spy)
    return taken


# ------------------------------------------------------------------------- schedule


def test_step_sizes_are_those_of_the_formula(smooth, rates):
    X, y = smooth
    small(batch_size=100, max_iter=20).fit(X[:550], y[:550])  # 6 batches an epoch
    t = np.arange(120)
    expected = 0.02 * np.minimum(1, (t + 1) / 6) * (0.5 + 0.5 * np.cos(np.pi * t / 120))
    np.testing.assert_allclose(rates, expected, rtol=1e-12)
    assert rates[-1] < 1e-3 * max(rates)


@pytest.mark.parametrize("n_steps", [1, 2, 7, 1000])
def test_step_sizes_stay_between_zero_and_one(n_steps):
    sizes = np.array([step_size(i, n_steps) for i in range(n_steps)])
    assert (sizes > 0).all()
    assert (sizes <= 1).all()
    assert (np.diff(sizes[int(0.06 * n_steps) :]) <= 0).all()


def test_partial_fit_keeps_the_step_size(smooth, rates):
    X, y = smooth
    model = small(batch_size=20)
    for _ in range(3):
        model.partial_fit(X[:90], y[:90])
    assert rates == [0.02] * 15


def test_held_out_rows_take_no_step(smooth, rates):
    X, y = smooth
    small(early_stopping=True, batch_size=90, max_iter=2).fit(X[:100], y[:100])
    assert len(rates) == 2


def test_the_step_size_cools_down_when_the_held_out_loss_has_ceased_to_fall(rng, rates):
    X, y = rng.normal(size=(60, 4)), rng.normal(size=60)
    model = small(
        early_stopping=True, max_iter=400, batch_size=54, n_iter_no_change=5, tol=1e-3
    ).fit(X, y)
    valid = np.array(model.net_.history[:, "valid_loss"])
    # the rule, from its description: no fall by more than tol within 5 epochs
    best, idle, plateau = np.inf, 0, None
    for epoch, loss in enumerate(valid, start=1):
        idle = 0 if loss < best * (1 - 1e-3) else idle + 1
        best = loss if idle == 0 else best
        if idle >= 5:
            plateau = epoch
            break
    length = -(-plateau // 2)
    assert model.n_iter_ == len(rates) == plateau + length < 400
    t = np.arange(length)
    fall = rates[plateau - 1] * (0.5 + 0.5 * np.cos(np.pi * t / length))
    np.testing.assert_allclose(rates[plateau:], fall, rtol=1e-12)


def test_annealing_improves_the_derivative(smooth, monkeypatch):
    X, y = smooth
    truth = np.column_stack(
        [2 * np.cos(2 * X[:, 0]) * X[:, 1], np.sin(2 * X[:, 0]), 2 * X[:, 2]]
    )

    def error():
        model = small(hidden_layer_sizes=(32, 32), max_iter=60)
        difference = model.fit(X, y).predict_jacobian(X) - truth
        return np.linalg.norm(difference) / np.linalg.norm(truth)

    annealed = error()
    assert annealed < 0.1
    with monkeypatch.context() as patch:
        patch.setattr(_minibatch, "step_size", lambda step, n_steps: 1.0)
        assert error() > 1.2 * annealed


def test_constant_columns_keep_a_derivative_of_zero(smooth):
    X, y = smooth
    X = np.column_stack([X[:, :2], np.full(600, 3.0), X[:, 2]])
    J = small().fit(X, y).predict_jacobian(X)
    assert (J[:, 2] == 0).all()
    assert (J[:, [0, 1, 3]] != 0).any(axis=0).all()


@pytest.mark.parametrize("early_stopping", [False, True])
def test_divergence_is_told(smooth, early_stopping):
    X, y = smooth
    with pytest.raises(TrainingDivergedError, match="Lower learning_rate_init"):
        small(learning_rate_init=1e200, early_stopping=early_stopping).fit(X, y)


# ------------------------------------------------------------------- repeatability


@pytest.mark.parametrize("early_stopping", [False, True])
def test_fits_repeat_bit_by_bit_whatever_the_global_generators(smooth, early_stopping):
    X, y = smooth
    models = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        models.append(small(early_stopping=early_stopping).fit(X, y))
    first, second = (m.net_.module_.state_dict() for m in models)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert models[0].loss_curve_ == models[1].loss_curve_


def test_partial_fit_goes_on_from_a_pickle(smooth):
    X, y = smooth
    model = small().partial_fit(X, y)
    copied = pickle.loads(pickle.dumps(model))
    expected = model.partial_fit(X, y).predict(X)
    np.testing.assert_array_equal(copied.partial_fit(X, y).predict(X), expected)


def test_the_parameters_of_the_lowest_held_out_loss_are_kept(rng, monkeypatch):
    X = rng.normal(size=(60, 4))
    y = rng.normal(size=60)  # nothing to learn: the held-out loss soon rises
    model = small(
        early_stopping=True, hidden_layer_sizes=(64,), max_iter=100, n_iter_no_change=20
    )
    states = []
    original = _minibatch._Monitor.on_epoch_end

    def keep(self, net, **kwargs):
        state = net.module_.state_dict()
        states.append({name: value.clone() for name, value in state.items()})
        original(self, net, **kwargs)

    monkeypatch.setattr(_minibatch._Monitor, "on_epoch_end", keep)
    model.fit(X, y)
    best = int(np.argmin(model.net_.history[:, "valid_loss"]))
    assert best < len(states) - 1
    assert len(states) < 100
    kept = model.net_.module_.state_dict()
    assert all(torch.equal(kept[name], states[best][name]) for name in kept)


def test_held_out_loss_does_not_depend_on_the_chunks(smooth, monkeypatch):
    X, y = smooth
    whole = small(early_stopping=True).fit(X, y)
    monkeypatch.setattr(_net, "EVALUATED_ROWS", 7)
    parts = small(early_stopping=True).fit(X, y)
    for name in ("train_loss", "valid_loss"):
        np.testing.assert_allclose(
            parts.net_.history[:, name], whole.net_.history[:, name], rtol=1e-10
        )


# --------------------------------------------------------------- memory, out of core


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1.3), ("float32", 0.8)])
def test_memory_beyond_the_data(rng, monkeypatch, dtype, bound):
    monkeypatch.setattr(_problem, "MAX_MERGED_SIZE", 0)
    monkeypatch.setattr(_scaling, "CHUNK_SIZE", 100_000)
    X = rng.random((100_000, 40))
    y = X[:, 0] + X[:, 1]
    model = small(max_iter=1, batch_size=5000, dtype=dtype)
    clone(model).fit(X[:100], y[:100])  # what is imported or compiled once
    tracemalloc.start()
    try:
        model.fit(X, y)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < bound * X.nbytes


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), MaxAbsScaler()])
def test_scaling_in_chunks_is_scaling(smooth, monkeypatch, scaler):
    X, y = smooth
    w = np.linspace(0, 2, 600)
    whole = small(x_scaler=scaler, y_scaler=scaler, max_iter=1).fit(X, y, w)
    monkeypatch.setattr(_scaling, "CHUNK_SIZE", 100)
    parts = small(x_scaler=scaler, y_scaler=scaler, max_iter=1).fit(X, y, w)
    for name in ("x_scaler_", "y_scaler_"):
        np.testing.assert_allclose(
            getattr(parts, name).scale_, getattr(whole, name).scale_, rtol=1e-12
        )
    np.testing.assert_allclose(parts.predict(X), whole.predict(X), rtol=1e-8)


@pytest.fixture
def on_disk(tmp_path, smooth):
    for name, array in zip(("X", "y"), smooth, strict=True):
        np.save(tmp_path / f"{name}.npy", array)
    return [np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in ("X", "y")]


def test_partial_fit_from_a_memory_map(smooth, on_disk):
    """The loop of the user guide: parts of two files in a new order every epoch."""
    models = []
    for X, y in (smooth, on_disk):
        model, order = small(), np.random.default_rng(0)
        for _ in range(2):
            for start in order.permutation(np.arange(0, 600, 200)):
                rows = slice(start, start + 200)
                model.partial_fit(X[rows], y[rows])
        models.append(model)
    X, y = smooth
    assert models[0].n_iter_ == 6
    np.testing.assert_array_equal(models[0].predict(X), models[1].predict(X))


@pytest.mark.parametrize("scaler", ["standard", "passthrough"])
def test_fit_from_a_read_only_memory_map(smooth, on_disk, scaler):
    fits = [small(x_scaler=scaler).fit(*arrays) for arrays in (smooth, on_disk)]
    np.testing.assert_array_equal(*(m.predict(smooth[0]) for m in fits))
    np.testing.assert_array_equal(*on_disk[:1], smooth[0])


# ------------------------------------------------------------------- edges, defaults


def test_the_users_rows_are_not_written_to(smooth):
    X, y = smooth
    X[:, 1] = 2.0  # a constant column is set to zero for the network
    before = X.copy()
    small(x_scaler="passthrough").fit(X, y)
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("n", "parameters"),
    [
        (1, {}),
        (10, {"batch_size": 1000}),
        (600, {"max_iter": 1}),
        (17, {"batch_size": 16}),  # the last batch has one row
    ],
)
def test_small_and_odd_sizes(smooth, n, parameters):
    X, y = smooth[0][:n], smooth[1][:n]
    model = small(**parameters).fit(X, y)
    assert np.isfinite(model.predict_jacobian(X)).all()
    assert model.n_iter_ == parameters.get("max_iter", 5)


def test_float32_is_as_good(smooth):
    X, y = smooth
    single, double = (small(dtype=d).fit(X, y) for d in ("float32", "float64"))
    assert next(single.net_.module_.parameters()).dtype == torch.float32
    np.testing.assert_allclose(single.predict(X), double.predict(X), atol=1e-3)
    scale = abs(double.predict_jacobian(X)).max()
    np.testing.assert_allclose(
        single.predict_jacobian(X), double.predict_jacobian(X), atol=5e-3 * scale
    )


def test_defaults_by_the_number_of_rows():
    sizes = [adam_batch_size(n) for n in (1, 100, 10_000, 100_000, 1_000_000)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 1
    for n in (1, 100, 10_000, 100_000, 1_000_000):
        assert 10 <= adam_epochs(n, adam_batch_size(n)) <= 250
    # the same number of steps in all, between the limits
    for n in (20_000, 50_000):
        steps = adam_epochs(n, 512) * np.ceil(n / 512)
        assert 5_000 <= steps < 5_100
