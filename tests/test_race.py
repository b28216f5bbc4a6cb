"""The race under much noise, and the candidates for many rows."""

import pickle

import numpy as np
import pytest

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv._training import (
    Architecture,
    Data,
    Run,
    _race,
    candidates,
    stack_for,
)
from sklearn_nnderiv._training._candidates import _DEEP, initial_parameters
from sklearn_nnderiv._training._evidence import Prior
from sklearn_nnderiv._training._posterior import left_out_residuals

# of many rows, all layers are twice as wide
DEEP = tuple(2 * width for width in _DEEP.hidden)


def small(**parameters):
    """Two candidates, long enough for the noise to show."""
    return DifferentiableRegressor(
        **{
            "hidden_layer_sizes": (5,),
            "activation": "tanh",
            "n_candidates": 2,
            "max_iter": 60,
            "random_state": 0,
            **parameters,
        }
    )


def rows(rng, noise, n=60):
    X = rng.uniform(-2, 2, size=(n, 2))
    y = np.sin(X[:, 0]) * X[:, 1]
    return X, y + noise * y.std() * rng.standard_normal(n)


@pytest.fixture
def noisy(rng):
    return rows(rng, 0.2)


def hyper_of(model):
    return model._evidence.hyper


def run_of(architecture, X, y, *, single=True, alpha=None):
    y = y.reshape(len(X), -1)
    stack = stack_for(architecture, X.shape[1], y.shape[1])
    data = Data(X, y, np.ones(len(X)), float(y.size))
    hyper = Prior(stack, data.count, alpha, single).first
    theta = initial_parameters(stack, X, [0])
    return Run(stack, theta, data, alpha, hyper)


# -------------------------------------------------------------- single precisions


def test_every_weight_of_the_hidden_layers_is_a_group():
    stack = stack_for(Architecture((4, 3), "softplus+sin", skip=True), 2, 2)
    prior = Prior(stack, 50.0, None, single=True)
    sizes = iter(prior.sizes)
    for width, n in ((4, 2), (3, 4)):
        assert [next(sizes) for _ in range(width * n)] == [1] * (width * n)
        assert next(sizes) == width  # the biases of a layer
    # both outputs share the precisions of units, offset and linear part
    assert list(sizes) == [2] * (3 + 1 + 2)
    inner = prior.groups[: stack.n_inner][~prior.is_bias[: stack.n_inner]]
    assert len(set(inner)) == len(inner) == 4 * 2 + 3 * 4
    assert len(prior.groups) == stack.n_parameters


def linearised(run):
    """Jacobian of the residuals by all parameters, by central differences."""
    theta, X = run.point.theta, run.data.X
    columns = [
        run.stack.forward(theta + h, X).values - run.stack.forward(theta - h, X).values
        for h in 1e-5 * np.eye(len(theta))
    ]
    return np.stack([c.ravel() for c in columns], axis=1) / 2e-5


def converged(run, n_iter=500):
    """Steps and re-estimates in turn until both stay."""
    for _ in range(n_iter):
        run._step()
        run.n_iter += 1
        if run.n_iter > 5:
            run._update_hyper()
    return run


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("single", [True, False])
def test_evidence_is_that_of_the_linearised_network(single, k, rng):
    """Of a Gaussian over all of y, with no factorisation of the package."""
    X = rng.uniform(-2, 2, size=(30, 2))
    y = np.column_stack([np.sin(X[:, 0]) * X[:, 1], np.cos(X[:, 0])])[:, :k]
    y += 0.2 * rng.normal(size=y.shape)
    architecture = Architecture((3,), "tanh", skip=True)
    run = converged(run_of(architecture, X, y, single=single))
    hyper, theta, J = run.state, run.point.theta, linearised(run)
    prior = hyper.alpha[run.prior.groups]
    values = run.stack.forward(theta, X).values
    target = (y - values).ravel() + J @ theta
    covariance = (J / prior) @ J.T + np.eye(len(J)) / hyper.beta
    expected = -0.5 * (
        target @ np.linalg.solve(covariance, target) + np.linalg.slogdet(covariance)[1]
    )
    np.testing.assert_allclose(hyper.log_evidence, expected, atol=0.01)
    precision = hyper.beta * J.T @ J + np.diag(prior)
    smoother = hyper.beta * J @ np.linalg.solve(precision, J.T)
    # gamma of each group is 0.001 at least
    least = 1e-3 * len(hyper.alpha)
    np.testing.assert_allclose(hyper.gamma, np.trace(smoother), atol=1e-3 + least)
    beta = (len(J) - hyper.gamma) / ((values - y) ** 2).sum()
    np.testing.assert_allclose(hyper.beta, beta, rtol=1e-6)


@pytest.mark.parametrize(
    ("noise", "alpha", "single"),
    [(0.2, "auto", True), (0.0, "auto", False), (0.2, 0.1, False)],
)
def test_precisions_are_single_under_noise_alone(noise, alpha, single, rng):
    model = small(alpha=alpha, n_candidates=1).fit(*rows(rng, noise))
    hyper = hyper_of(model)
    assert hyper.single == single
    # two inputs, biases, five units, the offset
    n_weights = 5 * 2 if single else 2
    assert len(hyper.alpha) == n_weights + 1 + 5 + 1


def test_single_precisions_smooth_better_under_noise(monkeypatch):
    """Units that need one input each have no weights of the other."""
    errors = {True: [], False: []}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-2, 2, size=(100, 4))
        y = np.sin(2 * X[:, 0]) + np.cos(2 * X[:, 1]) + X[:, 2] ** 2 / 4
        y += 0.2 * rng.normal(size=100)
        zero = np.zeros(100)
        truth = [2 * np.cos(2 * X[:, 0]), -2 * np.sin(2 * X[:, 1]), X[:, 2] / 2, zero]
        for single, least in ((True, 1e3), (False, 0.0)):
            monkeypatch.setattr(_race, "_NOISY_BETA", least)
            model = small(hidden_layer_sizes=(12,), max_iter=100).fit(X, y)
            error = model.predict_jacobian(X) - np.stack(truth, axis=1)
            errors[single].append(np.sqrt((error**2).mean()))
    assert np.median(errors[True]) < 0.9 * np.median(errors[False])


@pytest.mark.parametrize("hidden", [(), (4,), (4, 3), "auto"])
def test_relevance_under_noise(hidden, rng):
    X, y = rows(rng, 0.2)
    X = np.column_stack([X, rng.normal(size=60), np.full(60, 2.0)])
    if hidden == ():
        y = X @ [1.0, 2.0, 0.0, 0.0] + 0.2 * rng.normal(size=60)
    model = small(hidden_layer_sizes=hidden, activation="auto").fit(X, y)
    assert hyper_of(model).single
    assert model.relevance_.shape == (4,)
    assert model.relevance_.max() == 1
    assert model.relevance_[2] < 0.5 * model.relevance_[:2].min()
    assert model.relevance_[3] == 0


def test_relevance_is_the_root_mean_square_over_units(rng):
    stack = stack_for(Architecture((2,), "tanh", skip=True), 3, 1)
    prior = Prior(stack, 50.0, None, single=True)
    hyper = prior.first
    hyper.alpha[:6] = [1, 4, 16, 1, 1, 16]  # by unit, then by input
    hyper.alpha[-3:] = [1, 4, 16]
    variance = np.array([3, 1 / 4 + 1 + 1 / 4, 3 / 16]) / 3
    np.testing.assert_allclose(prior.relevance(hyper, stack), np.sqrt(variance))


def test_warm_start_keeps_single_precisions(noisy):
    X, y = noisy
    model = small(warm_start=True).fit(X, y)
    first, curve = hyper_of(model), model.loss_curve_
    model.fit(X, y)
    assert hyper_of(model).single
    assert hyper_of(model).alpha.shape == first.alpha.shape
    assert hyper_of(model).log_evidence >= first.log_evidence - 1e-6 * 60
    assert model.loss_curve_[: len(curve)] == curve
    # the penalties are those of the first fit, not new ones
    assert 0.5 < model.loss_curve_[len(curve)] / curve[-1] < 2


def test_warm_start_of_a_pickle_is_that_of_the_model(noisy):
    X, y = noisy
    model = small(warm_start=True).fit(X, y)
    other = pickle.loads(pickle.dumps(model))
    for one, two in zip(
        model.predict_jacobian(X, return_std=True),
        other.predict_jacobian(X, return_std=True),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)
    np.testing.assert_array_equal(
        model.fit(X, y).predict_jacobian(X), other.fit(X, y).predict_jacobian(X)
    )
    assert hyper_of(other).single


def test_weights_are_repeated_rows_under_noise(noisy, rng):
    X, y = noisy
    weight = rng.integers(0, 4, size=60)
    weighted = small().fit(X, y, sample_weight=weight)
    many = np.repeat(np.arange(60), weight)
    repeated = small().fit(X[many], y[many])
    assert hyper_of(weighted).single
    for one, two in zip(
        weighted.predict_jacobian(X, return_std=True),
        repeated.predict_jacobian(X, return_std=True),
        strict=True,
    ):
        np.testing.assert_array_equal(one, two)
    assert weighted.log_evidence_ == repeated.log_evidence_


def test_threads_give_the_same_bits_under_noise(noisy):
    X, y = noisy
    fits = [
        small(hidden_layer_sizes="auto", activation="auto", n_jobs=n).fit(X, y)
        for n in (1, 2, 1)
    ]
    assert hyper_of(fits[0]).single
    for other in fits[1:]:
        np.testing.assert_array_equal(
            other.predict_jacobian(X), fits[0].predict_jacobian(X)
        )
        assert other.candidates_["log_evidence"] == fits[0].candidates_["log_evidence"]


# ----------------------------------------------------------------------- the race


@pytest.mark.parametrize("noise", [0.0, 0.2])
def test_all_go_to_the_end_under_noise_alone(noise, rng):
    X, y = rows(rng, noise)
    model = small(n_candidates=3, tol=0).fit(X, y)
    n_iter = np.array(model.candidates_["n_iter"])
    if noise:
        assert (n_iter > 50).all()
    else:
        assert sorted(set(n_iter)) == [6, 18, 60]


def test_some_are_dropped_if_rows_are_many(noisy, monkeypatch):
    monkeypatch.setattr(_race, "_RACE_ROWS", 50)
    model = small(n_candidates=3).fit(*noisy)
    assert hyper_of(model).single
    assert min(model.candidates_["n_iter"]) < 20
    assert max(model.candidates_["n_iter"]) > 50


def entrants(X, y, *, single=True):
    """A straight line, and a network that follows a sine."""
    shapes = [Architecture((), "identity"), Architecture((8,), "tanh")]
    runs = [run_of(shape, X, y, single=single).advance(100) for shape in shapes]
    return [_race.Entrant(shape, run) for shape, run in zip(shapes, runs, strict=True)]


def sine(rng, n):
    X = rng.uniform(-2, 2, size=(n, 1))
    return X, np.sin(2 * X[:, 0]) + 0.1 * rng.normal(size=n)


def test_networks_that_underfit_are_passed_over(rng):
    line, curve = entrants(*sine(rng, 80))
    assert _race._predictive([line, curve]) == [curve]
    assert _race._predictive([curve, line]) == [curve]
    assert _race._predictive([line]) == [line]


def test_only_underfits_under_noise_are_passed_over(rng):
    pool = entrants(*sine(rng, 80), single=False)
    assert _race._predictive(pool) == pool
    # the errors of many parameters on few rows are no measure
    X, y = sine(rng, 12)
    pool = entrants(X, y)
    assert all(e.run.finish().state.gamma > 0.2 * 12 for e in pool[1:])
    assert _race._predictive(pool)[0] is pool[0]


def test_the_winner_predicts_though_another_has_more_evidence(noisy, monkeypatch):
    X, y = noisy
    expected = small().fit(X, y)
    evidences = expected.candidates_["log_evidence"]
    assert evidences == sorted(evidences, reverse=True)

    def far_for_the_best(run):
        is_best = run.state.log_evidence == evidences[0]
        return np.full((60, 1), 10.0 if is_best else 0.1)

    monkeypatch.setattr(_race, "left_out_residuals", far_for_the_best)
    model = small().fit(X, y)
    assert model.candidates_["log_evidence"][0] < evidences[0]
    assert model.candidates_["log_evidence"][1] == evidences[0]


def test_left_out_residuals_are_those_of_other_fits(rng):
    """Of a linear network exactly, as the penalty is given."""
    X = rng.normal(size=(15, 3))
    y = X[:, :2] + 0.3 * rng.normal(size=(15, 2))
    whole = run_of(Architecture((), "identity"), X, y, alpha=0.1).advance(20)
    result = left_out_residuals(whole)
    for i in range(15):
        kept = np.arange(15) != i
        part = run_of(Architecture((), "identity"), X[kept], y[kept], alpha=0.1)
        part.advance(20)
        values = part.stack.forward(part.point.theta, X[i : i + 1]).values
        np.testing.assert_allclose(result[i], values[0] - y[i], rtol=1e-4)


def test_residuals_of_a_network_too_large_are_its_own(rng, monkeypatch):
    X, y = rows(rng, 0.2)
    run = run_of(Architecture((4,), "tanh"), X, y).advance(20)
    assert (abs(left_out_residuals(run)) > abs(run.point.residual)).all()
    path = "sklearn_nnderiv._training._posterior.MAX_POSTERIOR_PARAMETERS"
    monkeypatch.setattr(path, 10)
    np.testing.assert_array_equal(left_out_residuals(run), run.point.residual)


# --------------------------------------------------------------------- candidates


def test_three_layers_are_tried_first_on_many_rows():
    few, many = candidates(8, 8, 3_999), candidates(9, 8, 4_000)
    assert few[0] == Architecture((32,), "softplus+sin", skip=True)
    assert all(len(one.hidden) < 3 for one in [*few, *many[1:]])
    assert many[0].hidden == DEEP
    assert many[0].activation == "tanh"
    assert len(set(many)) == 9


@pytest.mark.parametrize(
    ("hidden", "activation", "expected"),
    [
        ((7,), None, ((7,), "tanh")),
        (None, "silu", (DEEP, "silu")),
        ((), None, ((), "identity")),
    ],
)
def test_what_is_fixed_is_kept_on_many_rows(hidden, activation, expected):
    first = candidates(3, 8, 10_000, hidden, activation)[0]
    assert (first.hidden, first.activation) == expected


def test_the_deep_network_is_in_the_race(rng, monkeypatch):
    path = "sklearn_nnderiv._training._candidates._WIDER_FROM"
    monkeypatch.setattr(path, 60)
    X, y = rows(rng, 0.0)
    model = DifferentiableRegressor(max_iter=3, random_state=0).fit(X, y)
    shapes = set(model.candidates_["hidden_layer_sizes"])
    assert shapes == {DEEP, (64,), (24, 24)}
