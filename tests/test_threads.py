"""Many threads on one estimator, and the pin that keeps bits the same."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from joblib import Parallel, delayed
from sklearn.base import clone

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv._engines import _threads, single_threaded
from sklearn_nnderiv._training import _user_net


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("two_threads")
def test_eight_threads_predict_the_bits_of_one(rng):
    X = rng.normal(size=(1500, 5))
    y = np.column_stack([np.sin(X[:, 0]), X[:, 1] * X[:, 2]])
    model = DifferentiableRegressor(
        hidden_layer_sizes=(60, 60), solver="lbfgs", max_iter=5, random_state=0
    ).fit(X[:100], y[:100])
    sizes = [1, 7, 1100, 1500]
    expected = [(model.predict(X[:n]), model.predict_jacobian(X[:n])) for n in sizes]

    def call(i):
        n, (values, jacobian) = sizes[i % 4], expected[i % 4]
        return np.array_equal(model.predict(X[:n]), values) and np.array_equal(
            model.predict_jacobian(X[:n]), jacobian
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(call, range(8 * 25)))
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_fits_are_the_same_for_any_number_of_jobs(data, solver, backend):
    X, y = data
    hidden = (12, 12) if solver == "lm" else (40, 40)
    model = DifferentiableRegressor(
        hidden_layer_sizes=hidden, solver=solver, max_iter=40, random_state=0
    )
    state = torch.get_rng_state()
    expected = clone(model).fit(X, y).predict_jacobian(X)
    results = Parallel(n_jobs=2, backend=backend)(
        delayed(lambda m: m.fit(X, y).predict_jacobian(X))(clone(model))
        for _ in range(4)
    )
    for result in results:
        np.testing.assert_array_equal(result, expected)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.usefixtures("two_threads")
def test_pin_is_lifted_by_the_last_to_leave():
    inside, leave = threading.Event(), threading.Event()
    seen = []

    def hold():
        before = torch.get_num_threads()
        with single_threaded():
            seen.append(torch.get_num_threads())
            inside.set()
            leave.wait(10)
        seen.append(torch.get_num_threads() == before)

    holder = threading.Thread(target=hold)
    holder.start()
    assert inside.wait(10)
    with single_threaded(), single_threaded():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 2  # of this thread, while the other holds on
    leave.set()
    holder.join()
    assert seen == [1, True]
    fresh = []
    thread = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert fresh == [2]
    assert torch.get_num_threads() == 2


def test_locks_are_free_after_a_fork():
    """What os.register_at_fork runs in the child, whose parent held both locks."""
    locks = _threads._lock, _user_net._turn
    with locks[0], locks[1]:
        _threads._renew_lock()
        _user_net._renew_lock()
        with single_threaded(), _user_net.repeatable(0, torch.device("cpu")):
            assert torch.get_num_threads() == 1
    assert _threads._n_inside == 0


@pytest.mark.usefixtures("two_threads")
def test_any_thread_can_pin_blas_after_another():
    def inside():
        with single_threaded():
            return [pool.get() for pool in _threads._pools("blas")]

    first = inside()
    assert first
    assert set(first) == {1}
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(inside).result() == first


@pytest.mark.usefixtures("two_threads")
def test_pin_is_lifted_after_an_error():
    with pytest.raises(ZeroDivisionError), single_threaded():
        _ = 1 / 0
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_one_thread_and_two_give_the_same_bits(rng):
    X = rng.normal(size=(3000, 4))
    model = DifferentiableRegressor(solver="lbfgs", max_iter=3, random_state=0)
    model.fit(X[:50], X[:50, 0])
    two = model.predict_jacobian(X)
    torch.set_num_threads(1)
    np.testing.assert_array_equal(model.predict_jacobian(X), two)
