"""Inputs on few levels: detection, repair of wiggles between them, and warnings."""

import itertools
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import qmc

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv._assembly import _evidence
from sklearn_nnderiv._engines import Block, Contrasts, sweep
from sklearn_nnderiv._training import Architecture, Data, Run, stack_for
from sklearn_nnderiv._training._grid import Grid, mend
from sklearn_nnderiv._training._levels import find_levels, interpolation
from sklearn_nnderiv._training._normal import Dual, Primal, full_jacobian
from sklearn_nnderiv.exceptions import DerivativeWarning

from .oracles import central_differences

STACK = stack_for(Architecture((5, 4), "softplus+sin", skip=True), 2, 2)


def lattice(*shape):
    axes = [np.linspace(0, 1, n) for n in shape]
    return np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(shape))


def evenly(n, d):
    return qmc.LatinHypercube(d, seed=3).random(n)


def on_levels(n_levels, n=120, d=3):
    """Return a Latin hypercube whose last input has levels from 0 to 1."""
    X = evenly(n, d)
    X[:, -1] = np.floor(X[:, -1] * n_levels) / (n_levels - 1)
    return X


def fit(X, y, **parameters):
    return DifferentiableRegressor(random_state=0, **parameters).fit(X, y)


def doubts(X, y):
    """Return the messages of warnings about derivatives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(X, y, max_iter=60)
    return [str(w.message) for w in caught if w.category is DerivativeWarning]


@pytest.fixture
def contrasts(rng):
    points = rng.normal(size=(7, 2))
    first, second = rng.normal(size=(2, 4)), rng.normal(size=(1, 3))
    return Contrasts(points, [Block(0, first), Block(4, second)])


@pytest.fixture
def parameters(rng):
    return 0.7 * rng.normal(size=STACK.n_parameters)


def test_levels_despite_rounding_and_replicates(rng):
    X = np.repeat(np.column_stack([rng.random(40), np.arange(40) % 5]), 3, axis=0)
    X[:, 1] *= 1 + 1e-13 * rng.normal(size=len(X))
    (column,) = find_levels(X)
    assert column == 1
    assert find_levels(X)[1] == pytest.approx(range(5))


@pytest.mark.parametrize(("drift", "n_found"), [(0.0005, 1), (0.003, 0)])
def test_levels_that_drift_are_none(drift, n_found):
    X = np.column_stack([evenly(120, 1)[:, 0], np.arange(120) % 5])
    X[:, 1] += drift * (np.arange(120) // 5)
    assert len(find_levels(X)) == n_found


def test_replicates_do_not_make_levels(rng):
    assert not find_levels(np.repeat(rng.random((10, 2)), 12, axis=0))


@pytest.mark.parametrize("n", [5, 12, 40, 300])
def test_no_levels_in_a_latin_hypercube(n):
    assert not find_levels(evenly(n, 3))


@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (3, 3, 3), (5, 2)])
def test_levels_of_small_factorial_designs(shape):
    found = find_levels(lattice(*shape))
    assert {j: len(u) for j, u in found.items()} == dict(enumerate(shape))


def test_levels_of_an_orthogonal_array():
    a, b = lattice(3, 3).T * 2
    X = np.stack([a, b, (a + b) % 3, (a + 2 * b) % 3], axis=1)
    assert list(find_levels(X)) == [0, 1, 2, 3]


def test_scattered_columns_are_not_on_levels(rng):
    line = np.arange(9.0)[:, None]
    assert not find_levels(line)
    assert not find_levels(np.hstack([line, evenly(9, 1)]))
    # one of two columns on levels is no table, nor are levels that one row has alone
    assert not find_levels(np.hstack([evenly(9, 1), lattice(3, 3)[:, :1]]))
    assert not find_levels(np.stack([np.arange(10) % 5, [0, 1, 1, 2, 2] * 2], axis=1))


@pytest.mark.parametrize("length", [None, 0.5, 2.0])
def test_interpolation_of_lines_and_its_slope(length):
    levels, at = np.array([0.0, 0.4, 1.0, 1.5, 2.2]), np.array([0.1, 0.9, 2.0])
    values = np.sin(levels) + 3 * levels
    # the jitter of a kernel bounds the agreement
    line = interpolation(levels, at, length) @ (3 * levels + 1)
    assert line == pytest.approx(3 * at + 1, abs=1e-9)
    slope = interpolation(levels, at, length, slope=True) @ values
    truth = np.diag(
        central_differences(
            lambda T: interpolation(levels, T[0], length) @ values, at[None]
        )
    )
    assert slope == pytest.approx(truth, rel=1e-6)


def test_jacobian_of_contrasts(contrasts, parameters, rng):
    X, root_weight = rng.normal(size=(6, 2)), rng.uniform(0.5, 2, 9)

    def values(thetas):
        swept = [sweep(STACK, t, X, contrasts).values for t in thetas]
        return np.stack([(v * root_weight[:, None]).ravel() for v in swept])

    truth = central_differences(values, parameters[None], scale=1.0)[0]
    combined = sweep(STACK, parameters, X, contrasts)
    jacobian = full_jacobian(combined, root_weight)
    assert jacobian == pytest.approx(truth, abs=1e-9)
    cotangent = rng.normal(size=(9, 2))
    expected = cotangent.ravel() @ truth
    found = combined.gradient(cotangent * root_weight[:, None])
    assert found == pytest.approx(expected, abs=1e-8)
    v = rng.normal(size=STACK.n_parameters)
    first = combined.tangent(v).first * root_weight[:, None]
    assert first.ravel() == pytest.approx(truth @ v, abs=1e-8)


def test_second_derivative_of_contrasts(contrasts, parameters, rng):
    X, v = rng.normal(size=(6, 2)), rng.normal(size=STACK.n_parameters)

    def slopes(steps):
        along = [sweep(STACK, parameters + s * v, X, contrasts) for (s,) in steps]
        return np.stack([swept.tangent(v).first for swept in along])

    truth = central_differences(slopes, np.zeros((1, 1)))[0, ..., 0]
    second = sweep(STACK, parameters, X, contrasts).tangent(v).second
    assert second == pytest.approx(truth, rel=1e-6, abs=1e-7)


def test_systems_with_contrasts_agree(contrasts, parameters, rng, monkeypatch):
    # chunks of 16 rows, so that one holds both rows of X and combinations
    monkeypatch.setattr("sklearn_nnderiv._training._normal._CHUNK_SIZE", 1)
    combined = sweep(STACK, parameters, rng.normal(size=(22, 2)), contrasts)
    root_weight = rng.uniform(0.5, 2, 25)
    damped, v = np.full(STACK.n_parameters, 0.3), rng.normal(size=STACK.n_parameters)
    primal = Primal.of(combined, root_weight).factor(damped)
    dual = Dual.of(combined, root_weight).factor(damped)
    assert primal.solve(v) == pytest.approx(dual.solve(v), rel=1e-8)
    assert primal.log_det == pytest.approx(dual.log_det)


def truth(X, n_out=1):
    """Return values and the derivative by the last of three inputs."""
    a, b, c = X.T
    y = [np.sin(3 * a) + (1 + b) * np.cos(3 * c), np.exp(-c) * (1 + a) + b]
    slope = [-3 * (1 + b) * np.sin(3 * c), -np.exp(-c) * (1 + a)]
    return np.stack(y[:n_out], 1), np.stack(slope[:n_out], 1)


def wiggly_run(X, y, root_weight=None):
    """Return a network that passes through all rows, and swings between levels."""
    stack = stack_for(Architecture((12, 12), "softplus+sin", skip=True), 3, y.shape[1])
    X, y = (X - X.mean(0)) / X.std(0), (y - y.mean(0)) / y.std(0)
    root_weight = np.ones(len(X)) if root_weight is None else root_weight
    data = Data(X, y, root_weight, float((root_weight**2).sum() * y.shape[1]))
    for seed in range(1, 9):
        theta = np.random.default_rng(seed).normal(size=stack.n_parameters)
        run = Run(stack, theta, data).advance(100).finish()
        if Grid.of(run, find_levels(data.X)).wiggles(run):
            return run
    raise AssertionError("no network of eight wiggles")


def slope_error(run, X, n_out):
    """Return the relative error of the derivative by the last input."""
    Q = evenly(300, 3)
    _, expected = truth(Q, n_out)
    y, _ = truth(X, n_out)
    forward = run.stack.forward(run.point.theta, (Q - X.mean(0)) / X.std(0))
    found = forward.input_jacobian()[:, :, 2] * y.std(0) / X[:, 2].std()
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize(("weighted", "n_out"), [(False, 1), (False, 2), (True, 1)])
def test_repair_lowers_the_error_of_the_derivative(n_out, weighted, rng):
    X = on_levels(6, n=150)
    y, _ = truth(X, n_out)
    root_weight = np.sqrt(rng.integers(1, 4, len(X))) if weighted else None
    run = wiggly_run(X, y, root_weight)
    before = slope_error(run, X, n_out)
    mended, again = mend(run), mend(run)
    after = slope_error(mended, X, n_out)
    assert after < before / 4, (before, after)
    assert after < 0.01
    np.testing.assert_array_equal(mended.point.theta, again.point.theta)


def test_contrasts_vanish_for_what_is_smooth():
    X = on_levels(6, n=150)
    run = wiggly_run(X, truth(X)[0])
    grid = Grid.of(run, find_levels(run.data.X))
    assert grid.wiggles(run)
    mended = mend(run)
    assert grid.deviations(mended)[2] < grid.deviations(run)[2] / 4
    assert np.isfinite(mended.state.log_evidence)


def test_nothing_changes_without_levels(monkeypatch):
    X = evenly(60, 3)
    y = truth(X)[0][:, 0]
    mended = fit(X, y, max_iter=40)
    monkeypatch.setattr(_evidence, "mend", lambda run: None)
    plain = fit(X, y, max_iter=40)
    np.testing.assert_array_equal(mended.predict_jacobian(X), plain.predict_jacobian(X))


def test_an_estimator_with_a_grid_goes_on_and_has_intervals():
    X = lattice(9, 7)
    y = np.sin(4 * X[:, 0]) * np.cos(5 * X[:, 1])
    net = fit(X, y, warm_start=True)
    assert net._posterior is not None
    Q = evenly(200, 2)
    truth = np.stack(
        [
            4 * np.cos(4 * Q[:, 0]) * np.cos(5 * Q[:, 1]),
            -5 * np.sin(4 * Q[:, 0]) * np.sin(5 * Q[:, 1]),
        ],
        axis=1,
    )
    for fitted in (net, net.fit(X, y)):
        wrong = fitted.predict_jacobian(Q) - truth
        assert np.linalg.norm(wrong) < 0.05 * np.linalg.norm(truth)


def test_slope_between_two_levels_is_that_of_the_line():
    X = on_levels(2, n=40, d=2) * [1, 50] + [0, 300]
    at = (X[:, 1] - 300) / 50
    net = fit(X, np.exp(X[:, 0]) * np.sin(3 * at))
    inside = np.column_stack([evenly(50, 1), np.linspace(300, 350, 50)])
    found = net.predict_jacobian(inside)[:, 1]
    assert found == pytest.approx(np.exp(inside[:, 0]) * np.sin(3) / 50, rel=0.05)


def test_warns_of_a_swing_between_two_levels_by_name(monkeypatch):
    monkeypatch.setattr(_evidence, "mend", lambda run: None)
    G = factorial_design()
    frame = pd.DataFrame(G, columns=list("abcde"))
    with pytest.warns(DerivativeWarning, match=r"\['[a-e]'.*two levels"):
        fit(frame, noisy_effects(G))


def test_warns_of_a_bend_between_few_levels_by_number():
    X = on_levels(4)
    (message,) = doubts(X, X[:, 0] + np.tanh(20 * (X[:, 2] - 0.6)))
    assert "[2]" in message
    assert "too few levels" in message


def test_warns_of_collinear_columns(rng):
    X = evenly(60, 3)
    X[:, 2] = 2 * X[:, 0] + 1e-6 * rng.normal(size=60)
    (message,) = doubts(X, X[:, 0] + X[:, 1] ** 2)
    assert "[0, 2]" in message
    assert "linear combination" in message


def ordinary():
    X = evenly(60, 3)
    dummies = np.eye(3)[np.arange(60) % 3]
    scaled = (dummies - dummies.mean(0)) / dummies.std(0)
    counts = np.random.default_rng(0).poisson(8, size=(60, 1))
    return {
        "hypercube": X,
        "few": evenly(5, 3),
        "dummies": np.hstack([X, dummies]),
        "scaled dummies": np.hstack([X, scaled]),
        "kelvin": np.hstack([X, 300 + 50 * dummies[:, :1]]),
        "coded": np.hstack([X, 2 * dummies[:, :1] - 1]),
        "counts": np.hstack([X, counts]),
        "constant": np.hstack([X, np.ones((60, 1))]),
        "table": lattice(10, 6),
    }


@pytest.mark.parametrize("name", ordinary())
def test_ordinary_data_do_not_warn(name):
    X = ordinary()[name].astype(float)
    assert not doubts(X, np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + X[:, -1] / 2)


def factorial_design():
    return np.array(list(itertools.product([-1.0, 1.0], repeat=5)))


def noisy_effects(G):
    noise = 0.05 * np.random.default_rng(4).standard_normal(32)
    return 1 + G[:, 0] - 2 * G[:, 1] + 0.5 * G[:, 0] * G[:, 1] + noise


def test_intervals_of_a_factorial_design():
    G = factorial_design()
    net = fit(G, noisy_effects(G))
    _, std = net.predict_jacobian(G, return_std=True)
    # neither those of a network that swings nor of one that is certain of its line
    assert 0.015 < np.sqrt((std**2).mean()) < 0.1


def test_effects_of_a_factorial_design_with_noise():
    G = factorial_design()
    with warnings.catch_warnings():
        warnings.simplefilter("error", DerivativeWarning)
        net = fit(G, noisy_effects(G))
    slopes = net.predict_jacobian(G)
    truth = np.zeros_like(G)
    truth[:, 0], truth[:, 1] = 1 + 0.5 * G[:, 1], -2 + 0.5 * G[:, 0]
    # the standard error of an effect is 0.05 / sqrt(32), and interactions add to it
    assert np.sqrt(((slopes - truth) ** 2).mean()) < 0.012
