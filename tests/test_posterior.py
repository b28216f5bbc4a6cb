"""Standard deviations and draws, against the posterior by brute force."""

import pickle
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import MinMaxScaler, PowerTransformer
from skorch import NeuralNetRegressor

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv._training import (
    Architecture,
    Data,
    Posterior,
    Run,
    Standard,
    _posterior,
    stack_for,
)
from sklearn_nnderiv._training._candidates import initial_parameters

from .oracles import central_differences


def small(**parameters):
    defaults = {
        "solver": "lm",
        "hidden_layer_sizes": (5,),
        "activation": "tanh",
        "n_candidates": 1,
        "max_iter": 60,
        "random_state": 0,
    }
    return DifferentiableRegressor(**{**defaults, **parameters})


@pytest.fixture
def noisy(rng):
    X = rng.uniform(-1, 1, size=(60, 2)) * [1, 100] + [0, 300]
    u = (X - [0, 300]) / [1, 100]
    y = np.sin(2 * u[:, 0]) + u[:, 0] * u[:, 1] + 0.1 * rng.normal(size=60)
    return X, y


@pytest.fixture(autouse=True)
def _no_recalibration(monkeypatch, request):
    """The formula alone, unless a test is about the corrections."""
    if "corrected" not in request.keywords:
        monkeypatch.setattr(_posterior, "_calibration", lambda run, covariance: 1.0)
        monkeypatch.setattr(_posterior, "_LEAST_DOUBT", 1e12)


def brute_force(model, X, y, quantity):
    """Return the linearised Laplace variance of `quantity`, parameter by parameter.

    All gradients are differences of predictions under changed parameters of the torch
    module; the precision is J' J + alpha / beta with the prior of the fit.
    """
    module = model.net_.module_
    parameters = list(module.parameters())
    theta = torch.nn.utils.parameters_to_vector(parameters).detach().clone()

    def at(values, function):
        torch.nn.utils.vector_to_parameters(values, parameters)
        result = function()
        torch.nn.utils.vector_to_parameters(theta.clone(), parameters)
        return result

    def gradient(function):
        rows = []
        for i in range(len(theta)):
            step = 1e-5 * max(1.0, abs(float(theta[i])))
            moved = [theta.clone() for _ in range(2)]
            moved[0][i] += step
            moved[1][i] -= step
            up, down = (at(m, function) for m in moved)
            rows.append((up - down) / (2 * step))
        return np.stack(rows, axis=-1)

    scaled = torch.tensor(model.x_scaler_.transform(X))
    J = gradient(lambda: module(scaled).detach().numpy())
    J = J.reshape(-1, len(theta))
    error = module(scaled).detach().numpy() - model.y_scaler_.transform(
        y.reshape(len(X), -1)
    )
    is_weight = np.concatenate([np.full(p.numel(), p.ndim > 1) for p in parameters])
    ratio = np.where(is_weight, model.alpha, 1e-6)
    A = J.T @ J + np.diag(ratio)
    gamma = len(theta) - ratio @ np.diagonal(np.linalg.inv(A))
    noise = (error**2).sum() / max(error.size - gamma, 1)
    G = gradient(quantity)
    return noise * np.einsum("...i,ij,...j->...", G, np.linalg.inv(A), G)


CASES = {
    "one output": {},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "two layers": {"hidden_layer_sizes": (4, 3), "activation": "softplus+sin"},
    "other scalers": {"x_scaler": MinMaxScaler(), "y_scaler": "minmax"},
    "curved scalers": {"x_scaler": PowerTransformer(), "y_scaler": PowerTransformer()},
}


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("options", CASES.values(), ids=CASES.keys())
def test_std_is_that_of_the_linearised_posterior(noisy, options, k):
    X, y = noisy
    y = y if k == 1 else np.column_stack([y, 3 * y**2 + X[:, 1]])
    model = small(alpha=1.0, tol=0, max_iter=300, **options).fit(X, y)
    at = X[:4]
    for std, quantity in (
        (model.predict(at, return_std=True)[1], lambda: model.predict(at)),
        (
            model.predict_jacobian(at, return_std=True)[1],
            lambda: model.predict_jacobian(at),
        ),
    ):
        expected = np.sqrt(brute_force(model, X, y, quantity))
        np.testing.assert_allclose(std, expected, rtol=2e-3)


def test_values_are_those_without_std(noisy):
    X, y = noisy
    model = small().fit(X, y)
    values, _ = model.predict(X, return_std=True)
    np.testing.assert_array_equal(values, model.predict(X))
    out = np.empty((60, 2))
    jacobian, std = model.predict_jacobian(X, out=out, return_std=True)
    assert jacobian is out
    np.testing.assert_array_equal(out, model.predict_jacobian(X))
    assert (std > 0).all()


@pytest.mark.parametrize("n_candidates", [1, 3])
def test_draws_have_the_mean_and_the_std(noisy, n_candidates):
    X, y = noisy
    model = small(n_candidates=n_candidates).fit(X, y)
    jacobian, std = model.predict_jacobian(X[:5], return_std=True)
    draws = model.sample_jacobian(X[:5], n_samples=4000)
    assert draws.shape == (4000, 5, 2)
    np.testing.assert_allclose(draws.std(axis=0), std, rtol=0.06)
    assert (abs(draws.mean(axis=0) - jacobian) < 4 * std / np.sqrt(4000)).all()


def test_a_draw_is_one_function_whatever_the_other_rows(noisy):
    X, y = noisy
    model = small(n_candidates=2).fit(X, y)
    together = model.sample_jacobian(X, 7, random_state=3)
    for rows in (slice(0, 1), slice(20, 33)):
        alone = model.sample_jacobian(X[rows], 7, random_state=3)
        np.testing.assert_allclose(alone, together[:, rows], rtol=1e-8, atol=1e-12)
    # derivatives at one place, twice, move together
    twice = model.sample_jacobian(X[[4, 4]], 7)
    np.testing.assert_allclose(twice[:, 0], twice[:, 1], rtol=1e-10)
    np.testing.assert_array_equal(twice, model.sample_jacobian(X[[4, 4]], 7))
    other = model.sample_jacobian(X[[4, 4]], 7, random_state=1)
    assert (twice != other).any()


def test_one_row_is_as_in_many(noisy):
    X, y = noisy
    model = small(n_candidates=3).fit(X, y)
    for method in (model.predict, model.predict_jacobian):
        many = method(X, return_std=True)[1]
        one = np.concatenate([method(x[None], return_std=True)[1] for x in X])
        np.testing.assert_allclose(one, many, rtol=1e-9)


def test_it_is_larger_outside_the_data(noisy):
    X, y = noisy
    model = DifferentiableRegressor(random_state=0).fit(X, y)
    centre = X.mean(axis=0)
    for method in (model.predict, model.predict_jacobian):
        inside = method(X, return_std=True)[1]
        outside = method(centre + 3 * (X - centre), return_std=True)[1]
        assert (np.median(outside, axis=0) > 2 * np.median(inside, axis=0)).all()


@pytest.mark.corrected
def test_intervals_cover_about_what_they_say():
    inside = []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-2, 2, size=(120, 2))
        y = np.sin(X[:, 0]) * X[:, 1] + 0.1 * rng.normal(size=120)
        model = DifferentiableRegressor(random_state=seed).fit(X, y)
        new = rng.uniform(-2, 2, size=(300, 2))
        truth = np.column_stack([np.cos(new[:, 0]) * new[:, 1], np.sin(new[:, 0])])
        jacobian, std = model.predict_jacobian(new, return_std=True)
        inside.append((abs(jacobian - truth) < 1.645 * std).mean())
    assert 0.8 < np.mean(inside) < 0.98


@pytest.mark.corrected
def test_left_out_rows_are_those_of_fits_without_them(rng):
    """For a linear model the closed form is exact."""
    X = rng.normal(size=(25, 2))
    y = X @ [1.0, -2.0] + rng.normal(size=25)
    model = small(hidden_layer_sizes=(), alpha=1e-9, tol=0).fit(X, y)
    # with one variance for all rows, the mean square of studentised residuals is 1
    plain = model._posterior.spread
    design = np.column_stack([X, np.ones(25)])
    hat = design @ np.linalg.solve(design.T @ design, design.T)
    residual = (np.eye(25) - hat) @ y / model.y_scaler_.scale_
    noise = residual @ residual / (25 - 3)
    studentised = residual**2 / (1 - np.diagonal(hat)) / noise
    expected = np.sqrt(noise * np.clip(studentised.mean(), 1, 9))
    np.testing.assert_allclose(plain, expected, rtol=1e-4)


@pytest.mark.corrected
def test_an_input_that_is_switched_off_is_not_certain(rng):
    X = rng.uniform(-1, 1, size=(150, 3))
    y = np.sin(3 * X[:, 0]) + 0.3 * rng.normal(size=150)
    model = DifferentiableRegressor(random_state=0).fit(X, y)
    jacobian, std = model.predict_jacobian(X, return_std=True)
    assert abs(jacobian[:, 1:]).max() < 0.3
    # the least squares slope of noise of 0.3 on 150 rows is known to 0.04
    assert np.median(std[:, 1:]) > 0.004


def test_out_may_be_the_rows_themselves(noisy):
    X, y = noisy
    model = small(n_candidates=2).fit(X, y)
    jacobian, std = model.predict_jacobian(X, return_std=True)
    rows = X.copy()
    same, same_std = model.predict_jacobian(rows, out=rows, return_std=True)
    assert same is rows
    np.testing.assert_array_equal(rows, jacobian)
    np.testing.assert_array_equal(same_std, std)


def test_a_constant_output_is_certain(noisy):
    X, y = noisy
    model = small().fit(X, np.column_stack([y, np.full(60, 5.0)]))
    for method in (model.predict, model.predict_jacobian):
        std = method(X, return_std=True)[1]
        assert (std[:, 1] == 0).all()
        assert (std[:, 0] > 0).all()


def test_a_net_of_ones_own_leaves_no_older_posterior(noisy):
    X, y = noisy
    net = NeuralNetRegressor(
        torch.nn.Linear,
        module__in_features=2,
        module__out_features=1,
        max_epochs=1,
        train_split=None,
    )
    model = DifferentiableRegressor(random_state=0).fit(X, y).set_params(net=net)
    with pytest.raises(ValueError, match="is by a net of your own"):
        model.fit(X, y).predict(X, return_std=True)


def test_the_rival_counts_by_its_evidence_per_residual(rng):
    """The race may be on a part of the rows, and the winner ends on all."""
    X = rng.uniform(-1, 1, size=(60, 1))
    y = np.sin(3 * X) + 0.1 * rng.normal(size=(60, 1))
    stack = stack_for(Architecture((4,), "tanh"), 1, 1)
    runs = []
    for n in (60, 20):
        data = Data(X[:n], y[:n], np.ones(n), float(n))
        theta = initial_parameters(stack, X, [0])
        runs.append(Run(stack, theta, data).advance(30))
        runs[-1].best = None
    standard = Standard(np.arange(1), 1, *np.array([[0.0], [1.0]] * 2))
    for per_residual, expected in ((3.0, 0.5), (1.0, 0.5 * np.exp(-2))):
        for run, value in zip(runs, (3.0, per_residual), strict=True):
            evidence = value * run.data.count
            run.state = replace(run.state, log_evidence=evidence, interpolates=False)
        doubt = Posterior.of(*runs, standard).doubt
        np.testing.assert_allclose(doubt**2, expected, rtol=1e-12)


def test_constant_columns_have_no_spread(noisy):
    X, y = noisy
    X = np.column_stack([X, np.full(60, 7.0)])
    _, std = small(n_candidates=2).fit(X, y).predict_jacobian(X, return_std=True)
    assert (std[:, 2] == 0).all()
    assert (std[:, :2] > 0).all()


def test_pickles_keep_the_posterior(noisy):
    X, y = noisy
    model = small(n_candidates=2).fit(X, y)
    copied = pickle.loads(pickle.dumps(model))
    for method in ("predict", "predict_jacobian"):
        pair = (getattr(m, method)(X, return_std=True)[1] for m in (model, copied))
        np.testing.assert_array_equal(*pair)


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_without_a_posterior_it_is_an_error(noisy, solver):
    X, y = noisy
    model = small(solver=solver, max_iter=2)
    with pytest.raises(NotFittedError):
        model.predict(X, return_std=True)
    with pytest.raises(NotFittedError):
        model.sample_jacobian(X)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y)
    for method in (model.predict, model.predict_jacobian):
        with pytest.raises(ValueError, match=f"solver='lm'.*is by solver='{solver}'"):
            method(X, return_std=True)
    with pytest.raises(ValueError, match="sample_jacobian needs the posterior"):
        model.sample_jacobian(X)


def test_the_posterior_of_a_large_network_is_not_kept(noisy, monkeypatch):
    X, y = noisy
    monkeypatch.setattr(_posterior, "MAX_POSTERIOR_PARAMETERS", 20)
    model = small(max_iter=3).fit(X, y)
    with pytest.raises(ValueError, match="Use smaller hidden_layer_sizes"):
        model.predict(X, return_std=True)


@pytest.mark.parametrize("n_samples", [0, -1, 2.5, "many"])
def test_number_of_draws(noisy, n_samples):
    X, y = noisy
    model = clone(small()).fit(X, y)
    with pytest.raises((TypeError, ValueError), match="n_samples"):
        model.sample_jacobian(X, n_samples)


def test_the_jacobian_is_that_of_predict(noisy):
    X, y = noisy
    model = small(n_candidates=2).fit(X, y)
    differences = central_differences(model.predict, X)
    scale = abs(differences).max(axis=0)
    error = abs(model.predict_jacobian(X) - differences) / scale
    assert error.max() < 1e-6
