"""Levenberg-Marquardt, the evidence and the race."""

import pickle
import re
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import multivariate_normal
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer, StandardScaler

from sklearn_nnderiv import DifferentiableRegressor, jacobian, register_converter
from sklearn_nnderiv._converters._lookup import REGISTRY as _REGISTRY
from sklearn_nnderiv._training import (
    Architecture,
    Data,
    Problem,
    Run,
    Standard,
    _race,
    candidates,
    stack_for,
)
from sklearn_nnderiv._training._candidates import initial_parameters
from sklearn_nnderiv._training._lm import _INTERPOLATES
from sklearn_nnderiv._training._normal import normal_system, ridge

from .oracles import central_differences


def short(**parameters):
    """The default race, but a short one."""
    return DifferentiableRegressor(**{"max_iter": 20, "random_state": 0, **parameters})


def branin(X):
    x, y = X.T
    inner = y - 5.1 * x**2 / (4 * np.pi**2) + 5 * x / np.pi - 6
    return inner**2 + 10 * (1 - 1 / (8 * np.pi)) * np.cos(x) + 10


def branin_rows(n, seed):
    u = np.random.default_rng(seed).random((n, 2))
    return u * 15 + [-5.0, 0.0]


def root_mean_square(table):
    return np.sqrt(np.mean(np.square(table), axis=0))


def derivative_error(model, function, points):
    """Error per column, in units of the true derivative's own size."""
    truth = central_differences(function, points)
    error = root_mean_square(model.predict_jacobian(points) - truth)
    return (error / root_mean_square(truth)).max()


# --------------------------------------------------------------- linear networks


def linear_run(X, y, weight, alpha, n_iter=20):
    stack = stack_for(Architecture((), "identity"), X.shape[1], y.shape[1])
    data = Data(X, y, np.sqrt(weight / weight.mean()), weight.sum() * y.shape[1])
    theta = initial_parameters(stack, X, [0])
    return Run(stack, theta, data, alpha).advance(n_iter)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 30.0])
def test_a_linear_run_is_ridge_regression(alpha, rng):
    X, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    weight = rng.integers(1, 4, size=30).astype(float)
    run = linear_run(X, y, weight, alpha)
    fitted = Ridge(alpha).fit(X, y, sample_weight=weight / weight.mean())
    coefficients = run.stack.coefficients(run.point.theta)
    np.testing.assert_allclose(coefficients[:, :3], fitted.coef_, rtol=1e-8)
    np.testing.assert_allclose(coefficients[:, 3], fitted.intercept_, rtol=1e-8)


@pytest.mark.parametrize("scaler", ["standard", "minmax", "passthrough"])
@pytest.mark.parametrize("alpha", [1e-3, 5.0])
def test_a_linear_regressor_is_ridge_regression_in_scaled_units(alpha, scaler, rng):
    X = rng.normal(size=(30, 3)) * [1, 10, 0.1] + [3, 0, 1]
    y = X @ [1.0, -0.2, 7.0] + rng.normal(size=30)
    weight = rng.integers(1, 4, size=30).astype(float)
    model = DifferentiableRegressor(
        hidden_layer_sizes=(), alpha=alpha, x_scaler=scaler, y_scaler=scaler
    ).fit(X, y, sample_weight=weight)
    scaled = X, y[:, None]
    if scaler != "passthrough":
        scaled = model.x_scaler_.transform(X), model.y_scaler_.transform(y[:, None])
    fitted = Ridge(alpha).fit(*scaled, sample_weight=weight)
    values = fitted.predict(scaled[0]).reshape(-1, 1)
    if scaler != "passthrough":
        values = model.y_scaler_.inverse_transform(values)
    np.testing.assert_allclose(model.predict(X), values[:, 0], rtol=1e-8)
    assert model.solver_ == "lm"
    assert model.alpha_ == alpha
    np.testing.assert_allclose(np.ptp(model.predict_jacobian(X), axis=0), 0, atol=1e-9)


def fixed_point(run):
    """Go on until the precisions stay: parameters and hyperparameters in turn."""
    stack, data, prior, hyper = run.stack, run.data, run.prior, run.state
    root = data.root_weight[:, None]
    for _ in range(3000):
        theta = np.zeros(stack.n_parameters)
        own = prior.proper_ratio(hyper)[: stack.n_features]
        forward = stack.forward(theta, data.X)
        forward = forward.with_coefficients(
            ridge(forward.features, data.y, data.root_weight, own).T
        )
        error = float((((forward.values - data.y) * root) ** 2).sum())
        factor = normal_system(forward, data.root_weight)
        factor = factor.factor(prior.proper_ratio(hyper))
        before = hyper
        hyper = prior.update(hyper, forward.theta, error, factor, 100)
        if np.allclose(hyper.alpha, before.alpha, rtol=1e-12):
            return hyper
    raise AssertionError("no fixed point")


def marginal_likelihood(X, y, weight, alpha, beta):
    """Log density of y, all else integrated out (Bishop 2006, 3.86 without algebra)."""
    features = np.column_stack([X, np.ones(len(X))])
    prior = features @ np.diag(1 / alpha) @ features.T
    noise = np.diag(weight.mean() / (beta * weight))
    return sum(multivariate_normal.logpdf(column, cov=prior + noise) for column in y.T)


@pytest.mark.parametrize(
    ("n", "n_outputs", "alpha"),
    [(12, 1, None), (12, 3, None), (12, 3, 0.3), (3, 1, 0.3)],
)
def test_evidence_is_the_marginal_likelihood(n, n_outputs, alpha, rng):
    """3 rows take the dual form, as there are 5 parameters."""
    X = rng.normal(size=(n, 4))
    y = X[:, :n_outputs] + 0.3 * rng.normal(size=(n, n_outputs)) + 1
    weight = np.ones(n)
    hyper = fixed_point(linear_run(X, y, weight, alpha))
    # the bias is the last group
    expected = marginal_likelihood(X, y, weight, hyper.alpha, hyper.beta)
    constant = n * n_outputs / 2 * np.log(2 * np.pi)
    np.testing.assert_allclose(hyper.log_evidence - constant, expected, rtol=1e-7)


@pytest.mark.parametrize("rising", [1.0, 30.0])
def test_settled_score_is_the_marginal_likelihood_of_its_precisions(rising, rng):
    """Also where the precisions are still far from those of the highest evidence."""
    X = rng.normal(size=(12, 4))
    y = X[:, :1] + 0.3 * rng.normal(size=(12, 1)) + 1
    run = linear_run(X, y, np.ones(12), None)
    run.finish()
    hyper = replace(run.state, alpha=rising * run.state.alpha)
    run.state = hyper
    ratio = run.prior.proper_ratio(hyper)
    factor = run.point.system.factor(ratio)
    theta = run.point.theta - factor.solve(
        run.point.gradient() + ratio * run.point.theta
    )
    run = Run(run.stack, theta, run.data, None, hyper)
    total = run.point.objective(ratio)
    beta = 12 / total  # the best one for this ratio
    expected = marginal_likelihood(X, y, np.ones(12), beta * ratio, beta)
    constant = 6 * np.log(2 * np.pi)
    found = run.settled_score() + _INTERPOLATES * 12 * hyper.interpolates
    np.testing.assert_allclose(found - constant, expected, rtol=1e-7)


def test_evidence_of_weights_is_that_of_repeated_rows(rng):
    X = rng.normal(size=(12, 3))
    y = X[:, :1] + 0.3 * rng.normal(size=(12, 1))
    weight = rng.integers(1, 4, size=12)
    hyper = fixed_point(linear_run(X, y, weight.astype(float), None))
    many, total = np.repeat(np.arange(12), weight), weight.sum()
    # the noise of a row of weight 1
    beta = hyper.beta / weight.mean()
    expected = marginal_likelihood(X[many], y[many], np.ones(total), hyper.alpha, beta)
    constant = total / 2 * np.log(2 * np.pi * weight.mean())
    np.testing.assert_allclose(hyper.log_evidence - constant, expected, rtol=1e-7)
    repeated = fixed_point(linear_run(X[many], y[many], np.ones(total), None))
    np.testing.assert_allclose(repeated.beta, beta, rtol=1e-6)
    np.testing.assert_allclose(repeated.alpha, hyper.alpha, rtol=1e-5)


def test_a_run_finds_the_hyperparameters_of_the_highest_evidence(rng):
    """No other precisions of prior and noise make the data more probable."""
    X = rng.normal(size=(40, 3))
    y = X[:, :1] - 0.5 * X[:, 1:2] + 0.3 * rng.normal(size=(40, 1))
    hyper = fixed_point(linear_run(X, y, np.ones(40), None))
    best = marginal_likelihood(X, y, np.ones(40), hyper.alpha, hyper.beta)
    for change in (0.7, 1.4):
        for i in range(2):  # of inputs that matter, the maximum is inside
            alpha = hyper.alpha.copy()
            alpha[i] *= change
            other = marginal_likelihood(X, y, np.ones(40), alpha, hyper.beta)
            assert other < best + 1e-9
        beta = hyper.beta * change
        assert marginal_likelihood(X, y, np.ones(40), hyper.alpha, beta) < best


# ------------------------------------------------------------------------- steps


def test_no_step_raises_the_objective(monkeypatch, rng):
    X = rng.uniform(-2, 2, size=(40, 2))
    y = np.sin(X[:, 0]) * X[:, 1] + 0.1 * rng.normal(size=40)
    changes, step = [], Run._step

    def watched(self):
        ratio = self.prior.ratio(self.state)
        before = self.point.objective(ratio)
        step(self)
        changes.append((self.point.objective(ratio) - before) / before)

    monkeypatch.setattr(Run, "_step", watched)
    short(max_iter=60).fit(X, y)
    assert len(changes) > 60
    assert max(changes) <= 0
    assert np.mean(np.array(changes) < 0) > 0.9


@pytest.mark.parametrize("n_outputs", [1, 2])
def test_numeric_alpha_ends_in_a_minimum_of_the_documented_loss(n_outputs, rng):
    """The gradient is torch's, of the loss that the other solvers minimise."""
    X = rng.uniform(-2, 2, size=(40, 2))
    y = np.column_stack([np.sin(X[:, 0]) * X[:, 1], X[:, 0] ** 2])[:, :n_outputs]
    w = rng.uniform(0.5, 2, size=40)
    model = short(hidden_layer_sizes=(6, 4), alpha=1e-2, max_iter=300, tol=0)
    model.fit(X, y, sample_weight=w)
    scaled = torch.tensor(model.x_scaler_.transform(X))
    target = torch.tensor(model.y_scaler_.transform(y))
    problem = Problem(scaled, target, torch.tensor(w), 1e-2, 40.0)
    module = model.net_.module_
    loss = problem.loss(module)
    np.testing.assert_allclose(loss.item(), model.loss_curve_[-1], rtol=1e-9)
    loss.backward()
    gradient = torch.cat([p.grad.ravel() for p in module.parameters()])
    assert gradient.abs().max() < 1e-3 * loss.item()
    module.zero_grad(set_to_none=True)


def test_a_run_goes_on_where_it_was(rng):
    X = rng.uniform(-2, 2, size=(40, 2))
    y = np.sin(X[:, :1]) * X[:, 1:]
    stack = stack_for(Architecture((6,), "tanh", skip=True), 2, 1)
    data = Data(X, y, np.ones(40), 40.0)
    theta = initial_parameters(stack, X, [0])
    whole = Run(stack, theta, data).advance(30)
    parts = Run(stack, theta, data).advance(11).advance(19)
    np.testing.assert_array_equal(parts.point.theta, whole.point.theta)
    assert parts.losses == whole.losses
    assert parts.evidences == whole.evidences
    assert parts.n_iter == len(parts.losses) == 30


def test_a_run_is_done_when_nothing_is_left(rng):
    X = rng.normal(size=(30, 2))
    run = linear_run(X, X[:, :1] * 2 + 1, np.ones(30), 0.0, n_iter=100)
    assert run.done
    assert run.n_iter < 10
    before = run.point.theta
    assert run.advance(5).n_iter < 10
    assert run.point.theta is before


def test_interpolation_does_not_win(rng):
    """The evidence of a fit through all of the noise counts for less than others."""
    X, y = rng.normal(size=(20, 1)), rng.normal(size=20)
    model = short(max_iter=100).fit(X, y)
    residual = y - model.predict(X)
    assert residual.std() > 0.5 * y.std()


# ------------------------------------------------------------------------- units


@pytest.mark.parametrize("shifted", [True, False])
@pytest.mark.parametrize(
    ("hidden", "activation", "skip"),
    [
        ((5,), "tanh", False),
        ((5, 4), "softplus+sin", True),
        ((), "identity", False),
    ],
)
def test_parameters_are_undone_to_the_same_function(
    hidden, activation, skip, shifted, rng
):
    """Of four inputs in all units, the second and last of which are constant."""
    X = rng.normal(size=(20, 4)) * [1e3, 0, 1e-3, 0] + [5, 7, 0.1, 0]
    y = rng.normal(size=(20, 2)) * [1.0, 50.0] + [0, 300]
    weight = rng.uniform(1, 2, size=20)
    problem = Problem(*map(torch.tensor, (X, y, weight)), 0.0, 20.0)
    standard = Standard.of(problem, shifted=shifted)
    np.testing.assert_array_equal(standard.columns, [0, 2])
    stack = stack_for(Architecture(hidden, activation, skip), 2, 2)
    theta = rng.normal(size=stack.n_parameters)
    data = standard.data(problem)
    if shifted:
        for table in (data.X, data.y):
            mean = np.average(table, axis=0, weights=weight)
            np.testing.assert_allclose(mean, 0, atol=1e-10)
            square = np.average(table**2, axis=0, weights=weight)
            np.testing.assert_allclose(square, 1, rtol=1e-10)
    else:
        np.testing.assert_array_equal(data.X, X[:, [0, 2]])
    scale = standard.y_scale if shifted else 1.0
    shift = standard.y_mean if shifted else 0.0
    expected = stack.forward(theta, data.X).values * scale + shift
    moved = np.array([0, 3, 0, 3])
    whole = stack_for(Architecture(hidden, activation, skip), 4, 2)
    result = whole.forward(standard.undone(stack, theta), X + moved)
    np.testing.assert_allclose(result.values, expected, rtol=1e-9, atol=1e-9)
    assert (result.input_jacobian()[:, :, [1, 3]] == 0).all()


def test_scalers_do_not_matter_to_the_evidence(rng):
    """It works in units of its own, whatever affine scalers there are."""
    X = rng.uniform(-2, 2, size=(40, 2)) * [1, 100]
    y = np.sin(X[:, 0]) + X[:, 1] / 100
    models = [
        short(x_scaler=x, y_scaler=y_).fit(X, y)
        for x, y_ in (("standard", "standard"), ("minmax", "robust"))
    ]
    np.testing.assert_allclose(
        *(model.predict_jacobian(X) for model in models), rtol=1e-5, atol=1e-8
    )


@pytest.mark.parametrize("exponent", [-490, 490])
def test_data_of_any_size(exponent, rng):
    """1e-147 and 1e147: powers of 2, so that nothing is rounded."""
    X = rng.uniform(-2, 2, size=(30, 2))
    y = np.sin(X[:, 0]) + 0.3 * X[:, 1] ** 2
    plain = short(max_iter=10).fit(X, y)
    large = 2.0**exponent
    other = short(max_iter=10).fit(X * large, y)
    np.testing.assert_array_equal(
        other.predict_jacobian(X * large) * large, plain.predict_jacobian(X)
    )
    other = short(max_iter=10).fit(X, y * large)
    np.testing.assert_array_equal(
        other.predict_jacobian(X) / large, plain.predict_jacobian(X)
    )


def test_a_constant_column_has_no_derivative_and_no_relevance(rng):
    X = np.column_stack([rng.normal(size=30), np.full(30, 4.2), rng.normal(size=30)])
    model = short().fit(X, np.sin(X[:, 0]) + X[:, 2])
    slopes = model.predict_jacobian(X + np.array([0, 1, 0]))
    assert (slopes[:, 1] == 0).all()
    assert (slopes[:, [0, 2]] != 0).all()
    assert model.relevance_[1] == 0
    without = short().fit(X[:, [0, 2]], np.sin(X[:, 0]) + X[:, 2])
    np.testing.assert_allclose(
        without.predict_jacobian(X[:, [0, 2]]), slopes[:, [0, 2]], rtol=1e-8
    )


@pytest.mark.parametrize("alpha", ["auto", 0.0])
def test_nothing_but_constant_columns(alpha, rng):
    X, y = np.full((20, 2), 3.0), rng.normal(size=20)
    model = short(alpha=alpha).fit(X, y)
    assert (model.predict_jacobian(X + 1) == 0).all()
    np.testing.assert_allclose(model.predict(X), y.mean(), atol=0.1)


def test_float32_is_how_the_network_is_stored(data):
    X, y = data
    single, double = (short(dtype=dtype).fit(X, y) for dtype in ("float32", "float64"))
    stored = zip(
        single.net_.module_.parameters(), double.net_.module_.parameters(), strict=True
    )
    for one, two in stored:
        assert one.dtype == torch.float32
        assert torch.equal(one, two.float())
    size = abs(double.predict_jacobian(X)).max(axis=0)
    np.testing.assert_allclose(
        single.predict_jacobian(X) / size, double.predict_jacobian(X) / size, atol=1e-4
    )


# ----------------------------------------------------------------------- weights


def test_weights_are_repeated_rows_under_the_default(rng):
    X = rng.uniform(-2, 2, size=(30, 2))
    y = np.sin(X[:, 0]) + 0.2 * rng.normal(size=30)
    weight = rng.integers(0, 4, size=30)
    weighted = short().fit(X, y, sample_weight=weight)
    many = np.repeat(np.arange(30), weight)
    repeated = short().fit(X[many], y[many])
    np.testing.assert_array_equal(
        weighted.predict_jacobian(X), repeated.predict_jacobian(X)
    )
    assert weighted.log_evidence_ == repeated.log_evidence_
    unweighted = short().fit(X[weight > 0], y[weight > 0])
    assert (unweighted.predict(X) != weighted.predict(X)).any()


def test_weights_count_rows_under_the_evidence(rng):
    """A hundredfold weight is a hundred times the data, so less is smoothed away."""
    X = np.linspace(-3, 3, 40).reshape(-1, 1)
    y = np.sin(2 * X[:, 0]) + 0.5 * rng.normal(size=40)
    one, many = (
        short(max_iter=100).fit(X, y, sample_weight=np.full(40, w)) for w in (1.0, 100)
    )
    errors = [np.mean((model.predict(X) - y) ** 2) for model in (one, many)]
    assert errors[1] < 0.9 * errors[0]


@pytest.mark.parametrize(("alpha", "warned"), [("auto", True), (1e-3, False)])
def test_relative_weights_are_warned_of(alpha, warned, rng):
    X = rng.normal(size=(30, 2))
    model = short(alpha=alpha, max_iter=3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, X[:, 0], sample_weight=np.full(30, 0.4))
    texts = [str(w.message) for w in caught]
    assert any("has a mean of 0.4" in text for text in texts) == warned
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, X[:, 0], sample_weight=np.full(30, 0.6))


def test_large_weights_that_are_no_counts_are_warned_of(rng):
    X = rng.normal(size=(30, 2))
    model = short(max_iter=3)
    with pytest.warns(UserWarning, match="mean of 2.5e.03.*for more than the 30 rows"):
        model.fit(X, X[:, 0], sample_weight=np.full(30, 2500.5))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, X[:, 0], sample_weight=np.full(30, 2500.0))


def test_columns_that_differ_by_rounding_are_constant(rng):
    X = rng.normal(size=(60, 3))
    X[:, 2] = np.where(rng.random(60) < 0.5, 0.1 + 0.2, 0.3)
    for solver in ("lm", "lbfgs"):
        model = short(solver=solver).fit(X, np.sin(X[:, 0]))
        assert (model.predict_jacobian(X)[:, 2] == 0).all()
        assert (model.predict_jacobian(X)[:, 0] != 0).all()


def test_a_fit_may_go_on_with_a_column_that_became_constant(rng):
    X = rng.normal(size=(60, 3))
    model = short(warm_start=True).fit(X, X[:, 0])
    X[:, 2] = 1
    assert model.fit(X, X[:, 0]).score(X, X[:, 0]) > 0.9


def test_more_functions_than_units(rng):
    X = rng.normal(size=(30, 2))
    with pytest.raises(ValueError, match=r"among 2 functions.*\(1,\) has a layer"):
        short(activation="softplus+sin", hidden_layer_sizes=1).fit(X, X[:, 0])
    model = short(activation="auto", hidden_layer_sizes=1, n_candidates=3)
    assert "+" not in str(model.fit(X, X[:, 0]).candidates_["activation"])


@pytest.mark.parametrize(
    ("n", "d", "k", "solver"), [(60, 2, 1, "lm"), (60, 2, 9, "lbfgs")]
)
def test_solver_auto_looks_at_the_cost(rng, monkeypatch, n, d, k, solver):
    monkeypatch.setattr("sklearn_nnderiv._choices.MAX_COST_LM", 60 * 96**2)
    X = rng.normal(size=(60, 2))
    y = rng.normal(size=(60, k))
    assert short(solver="auto", max_iter=1).fit(X, y).solver_ == solver


# ----------------------------------------------------------------- repeatability


def test_jobs_threads_and_copies_give_the_same_bits(rng):
    X = rng.uniform(-2, 2, size=(50, 3))
    y = np.column_stack([np.sin(X[:, 0]) * X[:, 1], X[:, 2] ** 2])
    model = short()
    fitted = clone(model).fit(X, y)
    expected = fitted.predict_jacobian(X)

    def bits(other):
        return other.fit(X, y).predict_jacobian(X)

    others = [
        short(n_jobs=2),
        short(n_jobs=-1),
        clone(fitted),
        pickle.loads(pickle.dumps(fitted)),
        short(verbose=1),
    ]
    for other in others:
        np.testing.assert_array_equal(bits(other), expected)
    with ThreadPoolExecutor(3) as pool:
        for result in pool.map(bits, [short(n_jobs=2) for _ in range(3)]):
            np.testing.assert_array_equal(result, expected)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        np.testing.assert_array_equal(bits(short()), expected)
    assert (bits(short(random_state=1)) != expected).any()


# ------------------------------------------------------------- going on from a fit


def wavy(rng, n=60):
    X = rng.uniform(-2, 2, size=(n, 2))
    return X, np.sin(2 * X[:, 0]) * X[:, 1]


def test_warm_start_goes_on_with_the_winner(rng):
    X, y = wavy(rng)
    model = short(warm_start=True, max_iter=60).fit(X, y)
    first = {name: getattr(model, name) for name in ("n_iter_", "log_evidence_")}
    curve, shape = model.loss_curve_, model.hidden_layer_sizes_
    model.fit(X, y)
    assert model.n_iter_ == len(model.loss_curve_) > first["n_iter_"]
    assert model.loss_curve_[: len(curve)] == curve
    assert model.log_evidence_ >= first["log_evidence_"] - 1e-6 * 60
    assert model.hidden_layer_sizes_ == shape
    assert len(model.candidates_["n_iter"]) == 1


def test_warm_start_goes_on_with_other_data(rng):
    X, y = wavy(rng)
    model = short(warm_start=True, max_iter=40).fit(X[:30], y[:30])
    error = abs(model.predict(X) - y).mean()
    scaler = model.x_scaler_
    model.fit(X, y)
    assert abs(model.predict(X) - y).mean() < error
    assert model.x_scaler_ is scaler


def test_warm_start_goes_on_from_lbfgs(rng):
    X, y = wavy(rng)
    model = short(warm_start=True, solver="lbfgs", hidden_layer_sizes=(10,))
    model.fit(X, y)
    before = model.loss_curve_
    error = abs(model.predict(X) - y).mean()
    model.set_params(solver="lm", max_iter=40).fit(X, y)
    assert model.solver_ == "lm"
    assert model.activation_ == "tanh"
    assert model.loss_curve_[:20] == before
    assert model.n_iter_ > 20
    assert abs(model.predict(X) - y).mean() < 0.5 * error
    model.set_params(solver="lbfgs", max_iter=3).fit(X, y)
    assert model.solver_ == "lbfgs"
    assert not hasattr(model, "candidates_")


def test_going_on_without_a_step_keeps_the_function(rng):
    """From lbfgs, the first thing that lm sees is the network as it was."""
    X, y = wavy(rng)
    model = short(warm_start=True, solver="lbfgs", hidden_layer_sizes=(10,), alpha=0.1)
    model.fit(X, y)
    loss = model.loss_curve_[-1]
    model.set_params(solver="lm", max_iter=1).fit(X, y)
    assert model.loss_curve_[-1] < loss
    assert model.loss_curve_[-1] > 0.1 * loss


# --------------------------------------------------------------- extreme numbers


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 19])
def test_few_rows(n, k, rng):
    X = rng.normal(size=(n, 3))
    y = np.column_stack([X[:, 0] + 1, X[:, 1] - X[:, 2]])[:, :k]
    model = short().fit(X, y)
    grid = rng.normal(size=(20, 3))
    assert np.isfinite(model.predict(grid)).all()
    slopes = model.predict_jacobian(grid)
    assert np.isfinite(slopes).all()
    assert abs(slopes).max() < 10
    if n == 1:
        np.testing.assert_allclose(model.predict(X), y, atol=1e-6)
        assert (slopes == 0).all()


def test_a_line_through_two_points():
    model = short(alpha=1e-9).fit([[1.0], [3.0]], [2.0, 8.0])
    np.testing.assert_allclose(model.predict([[1.0], [3.0]]), [2, 8], atol=1e-3)


@pytest.mark.parametrize("constant", [0.0, 5.0, -1e-200])
def test_constant_y_has_no_derivative(constant, rng):
    X = rng.normal(size=(30, 2))
    model = short().fit(X, np.full(30, constant))
    np.testing.assert_allclose(model.predict(X), constant, rtol=1e-6, atol=1e-12)
    np.testing.assert_allclose(model.predict_jacobian(X), 0, atol=1e-6)


def test_one_constant_output_beside_another(rng):
    X = rng.normal(size=(40, 2))
    y = np.column_stack([np.sin(X[:, 0]), np.full(40, 3.0)])
    model = short(max_iter=50).fit(X, y)
    slopes = model.predict_jacobian(X)
    np.testing.assert_allclose(slopes[:, 1], 0, atol=1e-3)
    np.testing.assert_allclose(slopes[:, 0, 0], np.cos(X[:, 0]), atol=0.1)


def test_fewer_rows_than_columns(rng):
    X = rng.normal(size=(20, 60))
    coef = np.zeros(60)
    coef[7] = 3.0
    model = short().fit(X, X @ coef)
    slopes = model.predict_jacobian(X).mean(axis=0)
    assert abs(slopes).argmax() == 7


def test_many_columns(rng):
    X = rng.normal(size=(100, 60))
    y = 2 * X[:, 3] + np.sin(X[:, 10])
    model = short(max_iter=30).fit(X, y)
    assert set(np.argsort(model.relevance_)[-2:]) == {3, 10}
    slopes = model.predict_jacobian(X)
    np.testing.assert_allclose(slopes[:, 3].mean(), 2, rtol=0.1)


def test_three_outputs_have_their_own_derivatives(rng):
    X = rng.uniform(-1, 1, size=(60, 2))
    y = np.column_stack([X[:, 0] ** 2, 1e4 * X[:, 0] * X[:, 1], 1e-4 * np.sin(X[:, 1])])
    model = short(max_iter=60).fit(X, y)
    zero = np.zeros(60)
    truth = np.stack(
        [
            np.column_stack([2 * X[:, 0], zero]),
            1e4 * X[:, ::-1],
            1e-4 * np.column_stack([zero, np.cos(X[:, 1])]),
        ],
        axis=1,
    )
    unit = np.array([1, 1e4, 1e-4])[:, None]
    assert abs(model.predict_jacobian(X) - truth).__truediv__(unit).max() < 0.02


def test_a_target_over_many_decades(rng):
    X = rng.uniform(0, 1, size=(60, 1))
    y = np.exp(20 * X[:, 0])
    model = short(max_iter=100).fit(X, y)
    assert abs(model.predict(X) - y).max() < 0.01 * y.max()
    power = PowerTransformer(method="box-cox")
    model = DifferentiableRegressor(random_state=0, y_scaler=power).fit(X, y)
    relative = model.predict_jacobian(X)[:, 0] / (20 * y)
    np.testing.assert_allclose(relative, 1, rtol=0.01)


@pytest.mark.parametrize("kind", ["int", "float32", "list", "frame"])
def test_kinds_of_input(kind, rng):
    X = rng.integers(-5, 5, size=(40, 2))
    y = X[:, 0] * X[:, 1]
    make = {
        "int": lambda X: X,
        "float32": lambda X: X.astype(np.float32),
        "list": lambda X: X.tolist(),
        "frame": lambda X: pd.DataFrame(X, columns=["a", "b"]),
    }[kind]
    expected = short().fit(X.astype(float), y.astype(float)).predict_jacobian(X)
    model = short().fit(make(X), y)
    np.testing.assert_array_equal(model.predict_jacobian(make(X)), expected)


def test_behind_a_pipeline(rng):
    X, y = wavy(rng)
    pipe = make_pipeline(StandardScaler(), short()).fit(X * 100, y)
    truth = central_differences(pipe.predict, X * 100)
    np.testing.assert_allclose(jacobian(pipe, X * 100), truth, atol=1e-8)


# ----------------------------------------------------------------------- warnings


def test_convergence_warning_only_while_the_evidence_changes(rng):
    X, y = wavy(rng)
    with pytest.warns(ConvergenceWarning, match="tol=0.001 per row.*max_iter=8 was"):
        short(max_iter=8).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = short(max_iter=2000, tol=0.1).fit(X, y)
        assert model.n_iter_ < 2000
        # a linear model is exact at once
        short(hidden_layer_sizes=(), max_iter=50).fit(X, X[:, 0])


def test_tol_is_how_long_it_lasts(rng):
    X, y = wavy(rng)
    y = y + 0.1 * rng.normal(size=60)
    n_iter = [
        short(max_iter=400, n_candidates=1, tol=tol).fit(X, y).n_iter_
        for tol in (1.0, 1e-4)
    ]
    assert n_iter[0] < n_iter[1]


# --------------------------------------------------------------------- candidates


def test_progress_bar_names_the_leader(capsys, rng):
    X, y = wavy(rng)
    model = short(verbose=1).fit(X, y)
    shown = capsys.readouterr().err
    leaders = re.findall(r"fit: (.+?) leads", shown)
    widths = "x".join(map(str, model.hidden_layer_sizes_))
    assert f"{widths} {model.activation_}" in leaders[-1]
    assert "evidence=" in shown
    short(verbose=0).fit(X, y)
    assert capsys.readouterr().err == ""


def test_fitted_attributes(rng):
    X = rng.uniform(-2, 2, size=(60, 3))
    y = np.sin(2 * X[:, 0]) + X[:, 2] + 0.01 * rng.normal(size=60)
    model = short(max_iter=100).fit(X, y)
    table = model.candidates_
    evidence = table["log_evidence"]
    assert set(map(len, table.values())) == {len(evidence)}
    assert len(evidence) >= 3
    assert table["hidden_layer_sizes"][0] == model.hidden_layer_sizes_
    assert table["activation"][0] == model.activation_
    assert table["n_iter"][0] == model.n_iter_ == len(model.loss_curve_)
    assert model.log_evidence_ == pytest.approx(evidence[0], rel=1e-6)
    assert evidence[1:] == sorted(evidence[1:], reverse=True)
    assert all(seconds > 0 for seconds in table["fit_time"])
    # some were given up, and cost less
    assert min(table["n_iter"]) < model.n_iter_
    assert model.solver_ == "lm"
    assert model.alpha_ > 0
    assert isinstance(model.alpha_, float)
    assert model.relevance_.shape == (3,)
    assert model.relevance_.max() == 1
    assert model.relevance_.argmin() == 1
    assert model.relevance_[1] < 0.2
    assert len(model.net_.history) == model.n_iter_
    assert pd.DataFrame(table).shape == (len(evidence), 6)


@pytest.mark.parametrize(
    ("fixed", "hidden", "activation"),
    [
        ({"hidden_layer_sizes": (6,)}, {(6,)}, None),
        ({"hidden_layer_sizes": 6}, {(6,)}, None),
        ({"activation": "silu"}, None, {"silu"}),
        ({"hidden_layer_sizes": [4, 3], "activation": "sin"}, {(4, 3)}, {"sin"}),
        ({"hidden_layer_sizes": ()}, {()}, None),
    ],
)
def test_what_is_fixed_is_kept(fixed, hidden, activation, rng):
    X, y = wavy(rng)
    table = short(max_iter=10, **fixed).fit(X, y).candidates_
    shapes, functions = set(table["hidden_layer_sizes"]), set(table["activation"])
    assert hidden is None or shapes == hidden
    assert activation is None or functions == activation
    # what is free varies, except for linear models, which are all the same
    if hidden != {()} and (hidden is None or activation is None):
        assert len(shapes) + len(functions) > 2


@pytest.mark.parametrize("n", [1, 2, 8, 10])
def test_number_of_candidates(n, rng):
    X, y = wavy(rng)
    table = short(max_iter=10, n_candidates=n).fit(X, y).candidates_
    # as many again where the first were held back
    assert len(table["n_iter"]) in (n, 2 * n)
    assert len(candidates(n, 2, 60)) == n
    assert len(set(candidates(min(n, 8), 2, 60))) == min(n, 8)


def test_repeated_candidates_begin_from_other_parameters(rng):
    X, y = wavy(rng)
    model = short(hidden_layer_sizes=(6,), activation="tanh", max_iter=20).fit(X, y)
    assert len(set(model.candidates_["log_evidence"])) >= 3


def test_more_candidates_are_not_worse(rng):
    X, y = wavy(rng)
    few, many = (short(n_candidates=n, max_iter=30).fit(X, y) for n in (1, 8))
    assert many.log_evidence_ >= few.log_evidence_


def test_networks_of_many_inputs_are_narrower():
    for n_in in (2, 60, 5000):
        for one in candidates(8, n_in, 60):
            assert one.hidden[0] <= max(4, 2000 // (n_in + 1))
    assert candidates(1, 2, 60)[0].hidden == (32,)


def test_networks_of_many_rows_are_wider():
    few, many = candidates(8, 2, 60), candidates(9, 2, 10_000)
    for one, wide in zip(few, many[1:], strict=True):
        assert one.activation == wide.activation
        assert [2 * width for width in one.hidden] == list(wide.hidden)


def test_a_race_on_some_rows_ends_on_all(monkeypatch, rng):
    X, y = wavy(rng, 100)
    seen, original = [], _race.Entrant.advance

    def watched(self, *args):
        seen.append(len(self.run.data.X))
        original(self, *args)

    monkeypatch.setattr(_race, "_RACE_ROWS", 40)
    monkeypatch.setattr(_race.Entrant, "advance", watched)
    model = short(max_iter=30).fit(X, y)
    assert set(seen) == {40, 100}
    assert seen[-1] == 100
    assert model.score(X, y) > 0.9
    seen.clear()
    short(n_candidates=1).fit(X, y)
    assert set(seen) == {100}


# ----------------------------------------------------------------------- accuracy


def test_derivatives_of_branin():
    X = branin_rows(100, 0)
    model = DifferentiableRegressor(random_state=0).fit(X, branin(X))
    assert derivative_error(model, branin, branin_rows(500, 1)) < 5e-3


def test_derivatives_of_branin_under_noise():
    X = branin_rows(100, 0)
    y = branin(X)
    y += 0.1 * y.std() * np.random.default_rng(2).normal(size=100)
    model = DifferentiableRegressor(random_state=0).fit(X, y)
    assert derivative_error(model, branin, branin_rows(500, 1)) < 0.25


@pytest.mark.parametrize(
    "function",
    [
        np.exp,
        pytest.param(lambda x: np.sin(2 * x), id="sin"),
        pytest.param(lambda x: x + 0.1 * x**2, id="parabola"),
    ],
)
def test_few_exact_rows_are_not_taken_for_a_straight_line(function):
    errors = []
    for seed in range(6):
        X = np.random.default_rng(seed).uniform(0, 1, size=(20, 1))
        model = DifferentiableRegressor(random_state=seed).fit(X, function(X[:, 0]))
        errors.append(derivative_error(model, lambda x: function(x[:, 0]), X))
    assert max(errors) < 0.05


class Folded(TransformerMixin, BaseEstimator):
    """Two columns in place of four."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X[:, :2] + X[:, 2:]


class Fold(torch.nn.Module):
    n_in, n_out, smoothness = 4, 2, "smooth"

    def forward(self, x):
        return x[..., :2] + x[..., 2:]


def test_a_scaler_that_changes_the_number_of_columns(rng):
    register_converter(Folded, "transform")(lambda fitted: Fold())
    try:
        X = rng.normal(size=(60, 4))
        y = np.sin(X[:, 0] + X[:, 2])
        model = short(x_scaler=Folded(), max_iter=100).fit(X, y)
        jacobian, std = model.predict_jacobian(X, return_std=True)
        np.testing.assert_allclose(jacobian[:, :2], jacobian[:, 2:], rtol=1e-10)
        np.testing.assert_allclose(std[:, :2], std[:, 2:], rtol=1e-10)
        assert model.relevance_.shape == (2,)
    finally:
        del _REGISTRY["transform"][Folded]
