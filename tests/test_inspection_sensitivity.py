import re
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats
from scipy.linalg import subspace_angles
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    StandardScaler,
)
from torch import nn

from sklearn_nnderiv import DifferentiableRegressor, hessian, jacobian
from sklearn_nnderiv.exceptions import DerivativeWarning
from sklearn_nnderiv.inspection import (
    SensitivityDisplay,
    _model,
    active_subspace,
    dgsm,
    interaction_strength,
)
from sklearn_nnderiv.inspection._active_result import _largest_gap
from sklearn_nnderiv.inspection._outer import OuterProducts
from sklearn_nnderiv.inspection._poincare import poincare_constant

ISHIGAMI = [7.7196, 24.5, 10.9873]
ISHIGAMI_VARIANCE = 13.844588
ANALYSES = [dgsm, active_subspace, interaction_strength]


class Ishigami(nn.Module):
    def forward(self, x):
        sine = torch.sin(x[:, 0])
        return sine + 7 * torch.sin(x[:, 1]) ** 2 + 0.1 * x[:, 2] ** 4 * sine


class SobolG(nn.Module):
    a = np.array([0, 1, 4.5, 9, 99, 99])

    def forward(self, x):
        a = torch.tensor(self.a)
        return ((torch.abs(4 * x - 2) + a) / (1 + a)).prod(dim=1)


class RidgeFunction(nn.Module):
    """A function of one or two linear combinations of the columns."""

    def __init__(self, directions):
        super().__init__()
        self.directions = torch.tensor(directions)

    def forward(self, x):
        z = x @ self.directions
        wave = torch.sin(z[:, 1]) if z.shape[1] > 1 else 0.0
        return torch.exp(0.4 * z[:, 0]) + wave


class Product(nn.Module):
    """Two outputs, the first with an interaction of columns 0 and 1."""

    def forward(self, x):
        first = 2 * x[:, 0] * x[:, 1] + x[:, 2] ** 2
        return torch.stack([first, x.sum(dim=1)], dim=1)


@pytest.fixture
def mixed(rng):
    """Rows with numbers, a constant, text and a number that is a category."""
    n = 120
    X = pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "b": 100 * rng.normal(size=n),
            "flat": np.ones(n),
            "text": rng.choice(["u", "v"], n),
            "level": rng.integers(0, 3, n),
        }
    )
    return X, (X.a * X.b / 100 + (X.text == "u") + X.level).to_numpy()


def mixed_model(X, y):
    columns = make_column_transformer(
        (OneHotEncoder(), ["text", "level"]), (StandardScaler(), ["a", "b", "flat"])
    )
    return make_pipeline(columns, KernelRidge(kernel="rbf", alpha=0.1)).fit(X, y)


# Poincaré constants


@pytest.mark.parametrize(
    ("distribution", "constant"),
    [
        (stats.uniform(-1, 3), 9 / np.pi**2),
        (stats.beta(1, 1, loc=-1, scale=3), 9 / np.pi**2),
        (stats.norm(1, 3), 9),
        # the Hermite polynomial of degree 3 has its extremes at -1 and 1
        (stats.truncnorm(-1, 1, 5, 2), 4 / 3),
        # the zero of the Bessel function J0
        (stats.triang(0.5, -1, 2), 1 / 2.404825557695773**2),
        (stats.truncexpon(5), 1 / (1 / 4 + np.pi**2 / 25)),
        (stats.truncnorm(-1000, 1000), 1),
        (stats.rv_histogram(([2, 2, 2], [0, 1, 2, 3])), 9 / np.pi**2),
        # by Cheeger's bound
        (stats.expon(scale=2), 16),
        (stats.laplace(3, 2), 16),
        (stats.logistic(1, 0.5), 4),
        (stats.gumbel_r(1, 2), 16 / np.log(2) ** 2),
        (stats.gamma(0.3, scale=3), 36),
        (stats.halfnorm(), 4 * (0.25 / stats.norm.pdf(0.6744897501960817)) ** 2),
        (stats.hypsecant(), np.pi**2),
    ],
)
def test_poincare_constant_of_known_cases(distribution, constant):
    assert poincare_constant(distribution) == pytest.approx(constant, rel=1e-5)


@pytest.mark.parametrize(
    "distribution",
    [
        stats.lognorm(1.0),
        stats.lognorm(0.01),
        stats.cauchy(),
        stats.t(5),
        stats.t(1e4),
        stats.pareto(3),
        stats.weibull_min(0.99),
        stats.johnsonsu(0.5, 2),
        stats.genextreme(-0.2),
        # nothing between two parts
        stats.rv_histogram(([1, 0, 1], [0, 1, 2, 3])),
    ],
)
def test_poincare_constant_of_heavy_tails_and_gaps_is_infinite(distribution):
    assert poincare_constant(distribution) == np.inf


@pytest.mark.parametrize(
    "distribution",
    [
        stats.beta(2, 5),
        stats.beta(0.5, 0.5),
        stats.truncnorm(-0.5, 3),
        stats.loguniform(0.1, 10),
        stats.weibull_min(1.5),
        stats.gumbel_l(),
        stats.gamma(4),
        stats.genpareto(-0.5),
    ],
)
def test_poincare_inequality_holds(distribution, rng):
    """Of polynomials of low degree, a part of which come near to equality."""
    level = (np.arange(40_000) + 0.5) / 40_000
    x = (distribution.ppf(level) - distribution.mean()) / distribution.std()
    constant = poincare_constant(distribution) / distribution.var()
    for c in rng.normal(size=(50, 4)):
        g = np.polynomial.Polynomial([0, 1, *c[:2] / 3])
        assert np.var(g(x)) <= 1.001 * constant * np.mean(g.deriv()(x) ** 2)


# DGSM


def test_dgsm_of_ishigami_itself():
    result = dgsm(Ishigami(), distributions=[(-np.pi, np.pi)] * 3, random_state=0)
    assert_allclose(result.dgsm, ISHIGAMI, rtol=1e-4)
    bound = 4 * np.array(ISHIGAMI) / ISHIGAMI_VARIANCE
    assert_allclose(result.total_sobol_bound, bound, rtol=1e-3)
    assert_array_equal(result.poincare_constants, [4, 4, 4])


def test_dgsm_of_sobol_g_and_its_total_indices():
    q = 1 + 1 / (3 * (1 + SobolG.a) ** 2)
    measure = 16 / (1 + SobolG.a) ** 2 * q.prod() / q
    total = (q - 1) * q.prod() / q / (q.prod() - 1)
    result = dgsm(SobolG(), distributions=[(0, 1)] * 6, random_state=0)
    assert_allclose(result.dgsm, measure, rtol=1e-3)
    bound = measure / np.pi**2 / (q.prod() - 1)
    assert_allclose(result.total_sobol_bound, bound, rtol=5e-3)
    assert (result.total_sobol_bound > total).all()


def test_dgsm_of_a_network_fitted_to_ishigami():
    check_fitted_ishigami(300, 0.1, n_candidates=1)


@pytest.mark.slow
def test_dgsm_of_a_network_fitted_to_2000_points():
    check_fitted_ishigami(2000, 0.03)


def check_fitted_ishigami(n, rtol, **options):
    X = np.random.default_rng(0).uniform(-np.pi, np.pi, size=(n, 3))
    y = Ishigami()(torch.tensor(X)).numpy()
    model = DifferentiableRegressor(random_state=0, **options).fit(X, y)
    result = dgsm(model, distributions=[(-np.pi, np.pi)] * 3, random_state=0)
    assert_allclose(result.dgsm, ISHIGAMI, rtol=rtol)
    assert result.share_beyond < 0.1


def test_bound_is_the_index_for_linear_functions_of_normal_inputs(rng):
    X = rng.normal(size=(500, 3)) * [1, 10, 0.1]
    beta = np.array([3.0, -0.2, 10.0])
    model = LinearRegression().fit(X, X @ beta)
    scales = np.array([1, 10, 0.1])
    given = [stats.norm(5, scale) for scale in scales]
    result = dgsm(model, distributions=given, random_state=0)
    index = (beta * scales) ** 2 / ((beta * scales) ** 2).sum()
    assert_allclose(result.total_sobol_bound, index, rtol=1e-3)
    assert_allclose(result.dgsm, beta**2)
    assert_allclose(result.std_error, 0, atol=1e-12)


def test_dgsm_averages_over_the_rows_with_weights(rng):
    X, weight = rng.normal(size=(60, 3)), rng.integers(0, 3, 60)
    result = dgsm(Product(), X, sample_weight=weight)
    J = jacobian(Product(), X)
    assert_allclose(result.dgsm, np.average(J**2, axis=0, weights=weight))
    repeated = dgsm(Product(), X.repeat(weight, axis=0))
    assert_allclose(result.dgsm, repeated.dgsm)
    assert result.dgsm.shape == (2, 3)
    assert np.isnan(result.total_sobol_bound).all()
    plain = dgsm(Product(), X)
    error = (J**2).std(axis=0) / np.sqrt(60)
    assert_allclose(plain.std_error, error, atol=1e-12)


def test_standard_error_is_the_scatter_of_independent_samples(rng):
    model = LinearRegression().fit(np.eye(2), [0, 1])
    model = make_pipeline(FunctionTransformer(np.sin), model)  # by x0: cos(x0)**2
    model.fit(np.eye(2), [0, 1])
    truth = np.sum(model[-1].coef_[0] ** 2) / 2
    samples = rng.uniform(-np.pi, np.pi, size=(400, 50, 2))
    results = [dgsm(model, X) for X in samples]
    measures = np.array([result.dgsm[0] for result in results])
    errors = np.array([result.std_error[0] for result in results])
    assert errors.mean() == pytest.approx(measures.std(), rel=0.1)
    ends = [r.frame.loc[0, ["ci_low", "ci_high"]] for r in results]
    assert min(low for low, _ in ends) >= 0
    frame = dgsm(model, samples[0], level=0.8).frame
    assert_allclose(frame.ci_high - frame.dgsm, 1.2815515655446 * frame.std_error)
    wide = dgsm(model, [[0.0, 0.0], [1.5, 1.5]], level=0.99).frame
    assert_array_equal(wide.ci_low, 0)
    covered = np.mean([low < truth < high for low, high in ends])
    assert 0.92 < covered < 0.98


def test_fitted_distributions_give_constants(rng):
    X = np.column_stack([rng.uniform(2, 4, 50), rng.normal(1, 3, 50), np.ones(50)])
    weight = rng.uniform(size=50) * (X[:, 0] < 3.9)
    model = LinearRegression().fit(X, X @ [1.0, 2.0, 0.0])
    kinds = {"x0": "uniform", "x1": "normal"}
    result = dgsm(model, X, distributions=kinds, sample_weight=weight)
    kept = X[weight > 0]
    variance = np.cov(kept.T, aweights=weight[weight > 0], ddof=0)[1, 1]
    expected = [(np.ptp(kept[:, 0]) / np.pi) ** 2, variance, np.nan]
    assert_allclose(result.poincare_constants, expected)
    spread = np.average((X @ [1.0, 2.0, 0.0]) ** 2, weights=weight)
    spread -= np.average(X @ [1.0, 2.0, 0.0], weights=weight) ** 2
    bounds = np.array(expected[:2]) * [1, 4] / spread
    assert_allclose(result.total_sobol_bound[:2], bounds)
    assert np.isnan(result.total_sobol_bound).tolist() == [False, False, True]
    flat = dgsm(model, X, distributions="normal")
    assert flat.poincare_constants[2] == 0


def test_drawn_rows_do_not_depend_on_chunks(monkeypatch):
    options = {"distributions": [stats.norm(), (0, 1), stats.expon()], "n_samples": 999}
    whole = dgsm(Product(), random_state=3, **options)
    monkeypatch.setattr(_model, "_CHUNK_SIZE", 300)
    parts = dgsm(Product(), random_state=3, **options)
    assert_allclose(whole.dgsm, parts.dgsm)
    assert_allclose(whole.total_sobol_bound, parts.total_sobol_bound)
    other = dgsm(Product(), random_state=4, **options)
    assert abs(whole.dgsm[0] - other.dgsm[0]).max() > 0
    # 4 E x1^2, 4 E x0^2 and 4 E x2^2
    assert_allclose(whole.dgsm[0], [4 / 3, 4, 8], rtol=0.05)


def test_drawn_rows_follow_the_names(rng):
    X = pd.DataFrame(rng.normal(size=(50, 2)), columns=["p", "q"])
    model = KernelRidge(kernel="poly", degree=2, alpha=1e-8).fit(X, X.p**2)
    given = {"q": (0, 1), "p": (2, 3)}
    result = dgsm(model, distributions=given, random_state=0)
    assert_allclose(result.dgsm, [4 * 19 / 3, 0], rtol=1e-4, atol=1e-6)
    assert result.frame.feature.tolist() == ["p", "q"]
    renamed = {"x1": (0, 1), "x0": (2, 3), "x2": (0, 1)}
    first = dgsm(Product(), distributions=renamed, random_state=0).dgsm[0]
    assert_allclose(first, [4 / 3, 4 * 19 / 3, 4 / 3], rtol=1e-3)
    own = {"u": (0, 1), "v": (2, 3), "w": (0, 1)}
    result = dgsm(Product(), distributions=own, random_state=0)
    assert result.feature_names == ["u", "v", "w"]


def test_inputs_without_effect_and_constant_predictions(rng):
    X = rng.normal(size=(30, 2))
    model = LinearRegression().fit(X, X[:, 0])
    model.coef_[1] = 0.0
    tails = [stats.cauchy(), stats.lognorm(1)]
    assert_array_equal(
        dgsm(model, X, distributions=tails).total_sobol_bound, [np.inf, 0]
    )
    model.coef_[:] = 0.0
    constant = dgsm(model, X, distributions="normal")
    assert_array_equal(constant.dgsm, [0, 0])
    assert np.isnan(constant.total_sobol_bound).all()
    single = dgsm(Ishigami(), np.ones((1, 3)), distributions=[(0, 2)] * 3)
    assert np.isnan(single.std_error).all()
    assert np.isnan(single.total_sobol_bound).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Give X, or the distribution of every feature"),
        ({"distributions": "uniform"}, "Give X, or the distribution"),
        ({"distributions": [(0, 1)] * 3, "sample_weight": [1.0]}, "rows of X"),
        ({"distributions": [(0, 1)] * 3, "n_samples": 1.5}, "`n_samples` must be"),
        ({"distributions": [(0, 1)] * 3, "level": 95}, "`level` must be"),
        ({"distributions": [(0, 1), (1, 0), (0, 1)]}, "'x1' must be a frozen"),
        ({"distributions": [(0, 1), stats.poisson(3), (0, 1)]}, "'x1' must be"),
        ({"distributions": [(0, 1), "normal", (0, 1)]}, "'x1' .* with X also"),
        ({"distributions": [stats.norm(0, -1)] * 3}, "valid parameters"),
        ({"distributions": [stats.norm([0, 1])] * 3}, "a single one"),
        ({"distributions": 5}, "must be a sequence or a dict"),
        ({"distributions": {"x0": (0, 1), "z": (0, 1)}}, r"names \['z'\]"),
        ({"distributions": {"x0": (0, 1), "x2": (0, 1)}}, "'x1' must be"),
        ({"distributions": {"z": (0, 1)}, "X": np.ones((2, 3))}, r"names \['z'\]"),
        ({"distributions": [(0, 1)], "X": np.ones((2, 3))}, "one entry for each of 3"),
        ({"distributions": "gamma", "X": np.ones((2, 3))}, "'uniform' or 'normal'"),
    ],
)
def test_dgsm_refuses(options, message, rng):
    X = rng.normal(size=(20, 3))
    model = LinearRegression().fit(X, X[:, 0])
    with pytest.raises(ValueError, match=message):
        dgsm(model, **options)


# active subspaces


def test_active_subspace_of_ridge_functions(rng):
    W = np.linalg.qr(rng.normal(size=(20, 2)))[0]
    X = rng.normal(size=(2500, 20))
    for rank in (1, 2):
        W_rank = W[:, :rank]
        result = active_subspace(RidgeFunction(W_rank), X, scale=None, random_state=0)
        assert result.dimension == rank
        found = result.eigenvectors[:, :rank]
        assert np.degrees(subspace_angles(found, W_rank)).max() < 1e-5
        assert_array_equal(result.eigenvalues[rank:], 0)
        center = X - X.mean(axis=0)
        assert_allclose(result.transform(X), center @ found, atol=1e-12)


@pytest.mark.parametrize(("d", "n", "rank"), [(5, 200, 1), (5, 400, 2)])
def test_active_subspace_of_fitted_networks(d, n, rank, rng):
    W = np.linalg.qr(rng.normal(size=(d, rank)))[0]
    X = rng.normal(size=(n, d))
    y = RidgeFunction(W)(torch.tensor(X)).numpy() + 0.01 * rng.normal(size=n)
    model = DifferentiableRegressor(n_candidates=1, random_state=0).fit(X, y)
    result = active_subspace(model, X, scale=None, random_state=0)
    assert result.dimension == rank
    assert np.degrees(subspace_angles(result.eigenvectors[:, :rank], W)).max() < 1


def test_active_subspace_is_the_eigenbasis_of_the_mean_outer_product(rng):
    X = rng.normal(size=(80, 3)) * [1, 5, 0.3]
    weight = rng.integers(0, 3, 80)
    result = active_subspace(Ishigami(), X, sample_weight=weight, random_state=0)
    kept = X.repeat(weight, axis=0)
    G = jacobian(Ishigami(), kept) * kept.std(axis=0)
    values, vectors = np.linalg.eigh(G.T @ G / len(G))
    assert_allclose(result.eigenvalues, values[::-1])
    assert_allclose(abs(result.eigenvectors), abs(vectors[:, ::-1]))
    assert (
        abs(result.eigenvectors).max(axis=0) == result.eigenvectors.max(axis=0)
    ).all()
    assert_allclose(result.share.sum(), 1)
    z = (X - kept.mean(axis=0)) / kept.std(axis=0)
    assert_allclose(result.transform(X, 3), z @ result.eigenvectors)
    same = active_subspace(
        Ishigami(), X * 1, scale=kept.std(axis=0), random_state=0, sample_weight=weight
    )
    assert_allclose(same.eigenvalues, result.eigenvalues)


def test_intervals_are_those_of_a_bootstrap_of_rows(rng):
    X = rng.normal(size=(300, 3))
    result = active_subspace(Ishigami(), X, n_resamples=2000, random_state=0)
    G = jacobian(Ishigami(), X) * X.std(axis=0)
    values = []
    for _ in range(2000):
        drawn = G[rng.integers(300, size=300)]
        values.append(np.linalg.eigvalsh(drawn.T @ drawn / 300)[::-1])
    expected = np.quantile(values, [0.025, 0.975], axis=0)
    size = np.ptp(expected, axis=0)
    assert (abs(result.interval - expected) < 0.12 * size).all()


def test_groups_of_many_rows_give_the_same_intervals(rng):
    """Also where neighbouring rows are alike."""
    G = np.sort(rng.normal(size=(20_000, 2)), axis=0) * [1.0, 0.5]
    sums = OuterProducts(2, len(G), np.random.RandomState(0))
    for start in range(0, len(G), 3000):
        part = G[start : start + 3000]
        sums.update(part, np.ones(len(part)))
    assert len(sums.products) == 2000
    values, _, interval = sums.eigen(500, 0.95)
    assert_allclose(values, np.linalg.eigvalsh(G.T @ G / len(G))[::-1])
    squares = (G @ np.linalg.eigh(G.T @ G)[1][:, ::-1]) ** 2
    error = squares.std(axis=0) / np.sqrt(len(G))
    assert_allclose(np.ptp(interval, axis=0) / (2 * 1.96 * error), 1, rtol=0.15)


def test_rows_that_lack_a_derivative_are_left_out(rng, monkeypatch):
    X = rng.normal(size=(200, 3))
    X[:120, 1] = np.nan
    model = make_pipeline(SimpleImputer(), KernelRidge(kernel="rbf")).fit(X, X[:, 0])
    expected = active_subspace(model, X[120:], scale=[1, 2, 3], random_state=0)
    # the column is unknown in all of the first chunks
    monkeypatch.setattr(_model, "_CHUNK_SIZE", 9 * 50)
    result = active_subspace(model, X, scale=[1, 2, 3], random_state=0)
    assert_allclose(result.eigenvalues, expected.eigenvalues)
    assert np.isnan(result.transform(X)[:120]).all()
    assert not np.isnan(result.transform(X)[120:]).any()
    X[120:, 0] = np.nan
    with pytest.raises(ValueError, match="No row has derivatives by all features"):
        active_subspace(model, X, scale=None)


def test_suggested_dimension():
    def dimension(values, reach=0.1):
        values = np.array(values, dtype=float)
        return _largest_gap(values, np.outer([1 - reach, 1 + reach], values))

    assert dimension([10, 8, 1e-3, 1e-9]) == 2
    assert dimension([10, 1, 1e-6]) == 2
    assert dimension([10, 1e-6, 1e-12]) == 1
    assert dimension([1.0, 0.95, 0.9]) == 3
    assert dimension([10, 9.9, 1, 0.95], reach=0.04) == 2
    assert dimension([2.0]) == 1
    assert dimension([0.0, 0.0]) == 0


def test_transform_refuses_other_columns(rng):
    X = pd.DataFrame(rng.normal(size=(30, 2)), columns=["p", "q"])
    result = active_subspace(LinearRegression().fit(X, X.p), X)
    with pytest.raises(ValueError, match=r"must be \['p', 'q'\]"):
        result.transform(X[["q", "p"]])
    with pytest.raises(ValueError, match="X has 3 features"):
        result.transform(np.ones((2, 3)))
    with pytest.raises(ValueError, match="`n_components` must be"):
        result.transform(X, 3)
    assert_allclose(result.transform(X.to_numpy()), result.transform(X))


# interactions


def test_interactions_of_known_functions(rng):
    X = rng.normal(size=(200, 3)) * [1, 10, 0.1]
    raw = interaction_strength(Product(), X, target=0, scale=None)
    assert_allclose(raw.matrix, [[0, 2, 0], [2, 0, 0], [0, 0, 2]])
    std = X.std(axis=0)
    scaled = interaction_strength(Product(), X, target=0)
    assert_allclose(scaled.matrix, raw.matrix * np.outer(std, std))
    additive = interaction_strength(Product(), X, target="y1")
    assert_array_equal(additive.matrix, np.zeros((3, 3)))


def test_interactions_are_weighted_means_with_errors(rng):
    X, weight = rng.normal(size=(80, 3)), rng.integers(0, 3, 80)
    result = interaction_strength(Ishigami(), X, scale=None, sample_weight=weight)
    H = abs(hessian(Ishigami(), X))
    assert_allclose(result.matrix, np.average(H, axis=0, weights=weight), atol=1e-12)
    assert_array_equal(result.matrix, result.matrix.T)
    plain = interaction_strength(Ishigami(), X, scale=None)
    assert_allclose(plain.std_error, H.std(axis=0) / np.sqrt(80), atol=1e-12)
    frame = plain.frame
    assert frame.columns.tolist() == [
        "feature_1",
        "feature_2",
        "strength",
        "std_error",
        "ci_low",
        "ci_high",
    ]
    assert frame.strength.is_monotonic_decreasing
    assert (frame.feature_1[0], frame.feature_2[0]) == ("x0", "x2")
    assert len(frame) == 3


def test_kinks_are_warned_of(rng):
    X = rng.normal(size=(60, 2))
    relu = MLPRegressor(hidden_layer_sizes=(8,), max_iter=200, random_state=0)
    relu.fit(X, X[:, 0] * X[:, 1])
    with pytest.warns(DerivativeWarning, match="straight between kinks"):
        interaction_strength(relu, X)
    interaction_strength(LinearRegression().fit(X, X[:, 0]), X)  # does not


def test_an_interaction_needs_two_features():
    X = np.arange(5.0).reshape(-1, 1)
    with pytest.raises(ValueError, match="two features or more"):
        interaction_strength(LinearRegression().fit(X, X[:, 0]), X)


# what they share


@pytest.mark.parametrize("library", [pd.DataFrame, pl.DataFrame])
def test_frames_with_categories(mixed, library):
    X, y = library(mixed[0].to_dict("list")), mixed[1]
    model = mixed_model(X, y)
    J = jacobian(model, X)
    measures = dgsm(model, X, distributions={"a": "normal", "flat": "uniform"})
    assert_allclose(measures.dgsm, (J**2).mean(axis=0))
    assert np.isnan(measures.dgsm).tolist() == [False, False, False, True, True]
    assert measures.dgsm[2] == measures.total_sobol_bound[2] == 0
    assert type(measures.frame) is library

    subspace = active_subspace(model, X, random_state=0)
    assert subspace.eigenvectors.shape == (5, 3)
    assert np.isnan(subspace.eigenvectors[3:]).all()
    assert_array_equal(subspace.eigenvalues[2], 0)
    assert_array_equal(subspace.eigenvectors[:3, 2], [0, 0, 1])
    active = subspace.transform(X, 2)
    assert np.isfinite(active).all()
    assert_allclose(active.std(axis=0), 1, rtol=0.2)
    assert type(subspace.frame) is library
    assert list(subspace.frame.columns)[5:] == [f"weight_{c}" for c in X.columns]

    pairs = interaction_strength(model, X)
    assert np.isnan(pairs.matrix[:, 3:]).all()
    assert not np.isnan(pairs.matrix[:3, :3]).any()
    assert type(pairs.frame) is library


@pytest.mark.parametrize("analysis", ANALYSES)
def test_wrong_input(analysis, rng):
    X = rng.normal(size=(20, 3))
    model = LinearRegression().fit(X, X[:, 0])
    for options, message in [
        ({"level": 0}, "`level` must be"),
        ({"feature_names": ["a"]}, "must have 3 names"),
        ({"sample_weight": -np.ones(20)}, "must be non-negative"),
        ({"random_state": "no"}, "cannot be used to seed"),
    ]:
        with pytest.raises(ValueError, match=message):
            analysis(model, X, **options)
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        analysis(model, X[:0])
    if analysis is not dgsm:
        with pytest.raises(ValueError, match="Say which one by `target`"):
            analysis(Product(), X)
        with pytest.raises(ValueError, match="none of which varies"):
            analysis(model, X[:1])
        for scale in ("mad", [1, 2], [1, 2, 0], ["a", "b", "c"]):
            with pytest.raises(ValueError, match="`scale` must be 'std', None or 3"):
                analysis(model, X, scale=scale)


@pytest.mark.parametrize("analysis", ANALYSES)
def test_text_and_progress(analysis, rng, capsys, monkeypatch):
    X = rng.normal(size=(40, 3))
    result = analysis(Ishigami(), X, verbose=1, X_train=X[X[:, 0] < 0])
    monkeypatch.setitem(sys.modules, "pandas", None)  # which text does without
    text = repr(result)
    assert "intervals of 95%" in text
    assert re.search(r"\d\d\.\d% of the rows lie beyond the training data", text)
    assert "40/40" in capsys.readouterr().err
    with pytest.raises(ImportError, match="pip install pandas"):
        _ = result.frame
    monkeypatch.undo()
    assert "beyond" not in repr(analysis(Ishigami(), X))


# pictures


@pytest.fixture
def closed():
    yield
    plt.close("all")


@pytest.mark.usefixtures("closed")
def test_sensitivity_display_sorts_and_names(rng):
    display = SensitivityDisplay.from_estimator(
        Ishigami(),
        rng.uniform(-3, 3, size=(256, 3)),
        feature_names=["a", "b", "c"],
        distributions=[(-3, 3), (-3, 3), stats.cauchy()],
        units={"a": "m", "y": "kW"},
    )
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert labels == ["c", "b", "a [m]"]
    assert "[kW² per squared unit" in display.ax_.get_xlabel()
    squared = display.plot(display.axes_, units={"y": "m/s"}).ax_.get_xlabel()
    assert "[(m/s)² per squared unit" in squared
    assert len(display.axes_) == 2
    texts = [text.get_text() for text in display.axes_[1].texts]
    assert texts[0] == "∞"
    assert float(texts[1]) > float(texts[2]) > 1


@pytest.mark.usefixtures("closed")
def test_sensitivity_display_draws_what_it_is_given():
    measure = np.array([1.0, np.nan, 4.0, 0.0])
    bound = np.array([0.2, np.nan, 0.8, 0.0])
    options = {"feature_names": ["a", "b", "c", "d" * 50], "output_name": "z"}
    display = SensitivityDisplay(measure, 0.1 * measure, bound, **options)
    figure, ax = plt.subplots()
    display.plot(ax)
    assert display.figure_ is figure
    widths = [bar.get_width() for bar in ax.patches]
    assert widths == [4.0, 1.0, 0.0]
    assert [text.get_text() for text in ax.texts] == ["no derivative"]
    assert max(len(label.get_text()) for label in ax.get_yticklabels()) < 40
    assert ax.get_xlabel() == "mean of (∂z / ∂feature)²"
    wide = SensitivityDisplay(measure * [1, 1, 1e5, 1], bound, bound, **options).plot()
    assert wide.ax_.get_xscale() == "log"
    few = display.plot(max_features=2)
    assert [label.get_text() for label in few.ax_.get_yticklabels()] == ["c", "a"]
    unknown = SensitivityDisplay(measure, measure, bound * np.nan, **options).plot()
    assert len(unknown.axes_) == 1


@pytest.mark.usefixtures("closed")
def test_dgsm_plots_one_output(rng):
    result = dgsm(Product(), rng.normal(size=(20, 3)), output_names=["p", "q"])
    with pytest.raises(ValueError, match="Say which one by `target`"):
        result.plot()
    display = result.plot(target="q")
    assert_array_equal(display.dgsm, result.dgsm[1])
    assert display.output_name == "q"


@pytest.mark.usefixtures("closed")
def test_summary_plot(rng):
    W = np.linalg.qr(rng.normal(size=(4, 2)))[0]
    X = rng.normal(size=(1200, 4))
    line = active_subspace(RidgeFunction(W[:, :1]), X, random_state=0, X_train=X[:500])
    display = line.plot(units={"y": "kW"})
    assert display.ax_.get_ylabel() == "predicted y [kW]"
    drawn = np.vstack([points.get_offsets() for points in display.ax_.collections])
    assert len(drawn) == 1000
    order = np.argsort(drawn[:, 0])
    assert abs(np.diff(np.sign(np.diff(drawn[order, 1])))).max() == 0  # on a curve
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert labels == ["a row", "beyond the training data"]
    assert len(display.ax_.collections[1].get_offsets()) == line.is_beyond.sum() > 0
    plane = active_subspace(RidgeFunction(W), X, random_state=0).plot()
    assert plane.ax_.get_ylabel() == "second active variable"
    assert plane.figure_.axes[-1].get_ylabel() == "predicted y"
    with pytest.raises(ValueError, match="`ax` must be two axes"):
        line.plot(plt.subplots()[1])
    with pytest.raises(ValueError, match="`n_components` must be"):
        line.plot(n_components=3)
    _, axes = plt.subplots(1, 2)
    assert line.plot(axes).axes_[0] is axes[0]


@pytest.mark.usefixtures("closed")
def test_interaction_plot(rng):
    X = rng.normal(size=(30, 3))
    result = interaction_strength(Product(), X, target=0, output_names=["p", "q"])
    display = result.plot(units={"p": "kW"})
    (image,) = display.ax_.images
    shown = np.ma.filled(np.ma.masked_invalid(image.get_array()), np.nan)
    expected = result.matrix[1:, :-1].copy()
    expected[0, 1] = np.nan
    assert_allclose(shown, expected)
    assert [t.get_text() for t in display.ax_.get_xticklabels()] == ["x0", "x1"]
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == ["x1", "x2"]
    assert display.figure_.axes[-1].get_ylabel() == "interaction in p [kW]"
    raw = interaction_strength(Product(), X, target=0, scale=None)
    label = raw.plot(units={"y0": "kW"}).figure_.axes[-1].get_ylabel()
    assert label == "interaction in y0"
    few = result.plot(max_features=2).ax_
    assert [t.get_text() for t in few.get_xticklabels()] == ["x0"]


@pytest.mark.usefixtures("closed")
@pytest.mark.parametrize("most", [0, -1, 1.5])
def test_number_of_features_to_draw_is_checked(most, rng):
    X = rng.normal(size=(40, 3))
    for found in (dgsm(Ishigami(), X), interaction_strength(Ishigami(), X)):
        with pytest.raises(ValueError, match="`max_features` must be an integer from"):
            found.plot(max_features=most)
