"""Marginal effects against statsmodels, closed formulas and central differences."""

import gc
import pickle
import weakref
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import polars as pl
import pytest
import statsmodels.api as sm
import torch
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    PoissonRegressor,
    Ridge,
    TweedieRegressor,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler
from statsmodels.discrete.tests.results.results_discrete import RandHIE

from sklearn_nnderiv import DifferentiableRegressor, jacobian
from sklearn_nnderiv.exceptions import DerivativeWarning
from sklearn_nnderiv.inspection import MarginalEffectsDisplay, marginal_effects
from sklearn_nnderiv.inspection import _averages as averages

EXACT = {"solver": "newton-cholesky", "tol": 1e-10, "max_iter": 1000}


@pytest.fixture(scope="module")
def randhie():
    """Visits to physicians in the RAND health insurance experiment."""
    data = sm.datasets.randhie.load()
    return data.exog, data.endog.to_numpy(dtype=float)


@pytest.fixture(scope="module")
def visits(randhie):
    return PoissonRegressor(alpha=0, **EXACT).fit(*randhie)


@pytest.fixture(scope="module")
def visits_by_statsmodels(randhie):
    X, y = randhie
    return sm.Poisson(y, sm.add_constant(X, prepend=False)).fit(
        disp=0, tol=1e-12, maxiter=100
    )


def rows(n=60, d=3, seed=0):
    return np.random.default_rng(seed).uniform(1, 3, (n, d))


def frame(n=60, seed=0):
    rng = np.random.default_rng(seed)
    kind = pd.Categorical(rng.choice(["low", "mid", "high"], n), ["low", "mid", "high"])
    return pd.DataFrame(
        {
            "size": rng.uniform(1, 3, n),
            "count": rng.integers(0, 5, n),
            "kind": kind,
            "new": rng.random(n) < 0.5,
        }
    )


def targets(X, seed=1):
    rng = np.random.default_rng(seed)
    shift = X["kind"].map({"low": 0.0, "mid": 1.0, "high": 2.5}).astype(float)
    noise = 0.1 * rng.standard_normal(len(X))
    return (0.5 * X["size"] + 0.3 * X["count"] + shift + 0.7 * X["new"] + noise).values


def encoded(model):
    encoder = make_column_transformer(
        (OneHotEncoder(), ["kind"]), remainder="passthrough"
    )
    return make_pipeline(encoder, model)


@pytest.fixture(scope="module")
def network():
    X = rows(120)
    y = np.column_stack([np.sin(X[:, 0]) * X[:, 1], X[:, 2] ** 2])
    y += 0.05 * np.random.default_rng(3).standard_normal(y.shape)
    return DifferentiableRegressor(random_state=0, max_iter=30).fit(X, y), X


@pytest.mark.parametrize(("discrete", "name"), [(None, "nodummy"), ("auto", "dummy")])
def test_published_table_of_a_poisson_regression(discrete, name, randhie, visits):
    """That of Stata, which statsmodels is held to."""
    found = marginal_effects(visits, *randhie, discrete=discrete)
    assert found.method == "delta"
    estimate, error = (
        getattr(RandHIE.poisson, f"margeff_{name}_overall{end}") for end in ("", "_se")
    )
    np.testing.assert_allclose(found.estimate, estimate, rtol=1e-5)
    np.testing.assert_allclose(found.std_error, error, rtol=1e-5)


@pytest.mark.parametrize("kind", ["dydx", "eyex", "eydx", "dyex"])
@pytest.mark.parametrize(
    ("at", "theirs"), [("each", "overall"), ("mean", "mean"), ("median", "median")]
)
def test_kinds_are_those_of_statsmodels(
    kind, at, theirs, randhie, visits, visits_by_statsmodels
):
    expected = visits_by_statsmodels.get_margeff(at=theirs, method=kind)
    found = marginal_effects(visits, *randhie, kind=kind, at=at, discrete=None)
    np.testing.assert_allclose(found.estimate, expected.margeff, rtol=1e-8, atol=1e-12)
    np.testing.assert_allclose(
        found.std_error, expected.margeff_se, rtol=1e-6, atol=1e-12
    )
    np.testing.assert_allclose(
        np.column_stack([found.ci_low, found.ci_high]),
        expected.conf_int(),
        rtol=1e-6,
        atol=1e-12,
    )


@pytest.mark.parametrize(
    ("ours", "family"),
    [
        (GammaRegressor(alpha=0, **EXACT), sm.families.Gamma(sm.families.links.Log())),
        (
            TweedieRegressor(power=1.5, alpha=0, **EXACT),
            sm.families.Tweedie(sm.families.links.Log(), var_power=1.5),
        ),
        (LinearRegression(), sm.families.Gaussian()),
    ],
)
def test_other_families_are_those_of_statsmodels(ours, family):
    """Elasticities are linear in the coefficients, whose covariance is theirs."""
    X = rows(200)
    rng = np.random.default_rng(1)
    y = np.exp(X @ [0.3, -0.2, 0.1]) * rng.gamma(8, 1 / 8, len(X))
    theirs = sm.GLM(y, sm.add_constant(X), family=family).fit(tol=1e-12)
    kind = "dydx" if isinstance(ours, LinearRegression) else "eydx"
    found = marginal_effects(ours.fit(X, y), X, y, kind=kind)
    np.testing.assert_allclose(found.estimate, theirs.params[1:], rtol=1e-7)
    np.testing.assert_allclose(found.std_error, theirs.bse[1:], rtol=1e-6)


def test_weights_of_the_delta_method_are_those_of_weighted_least_squares():
    X, rng = rows(80), np.random.default_rng(2)
    y, weight = X @ [1.0, 2.0, 3.0] + rng.standard_normal(80), rng.uniform(0, 2, 80)
    theirs = sm.WLS(y, sm.add_constant(X), weights=weight).fit()
    ours = LinearRegression().fit(X, y, sample_weight=weight)
    found = marginal_effects(ours, X, y, sample_weight=weight)
    np.testing.assert_allclose(found.std_error, theirs.bse[1:], rtol=1e-8)


def test_several_outputs_of_least_squares():
    X, rng = rows(50), np.random.default_rng(3)
    y = X @ rng.standard_normal((3, 2)) + rng.standard_normal((50, 2)) * [0.1, 2.0]
    found = marginal_effects(LinearRegression().fit(X, y), X, y)
    assert found.output == ["y0"] * 3 + ["y1"] * 3
    theirs = [sm.OLS(y[:, j], sm.add_constant(X)).fit() for j in range(2)]
    np.testing.assert_allclose(
        found.std_error, np.concatenate([fit.bse[1:] for fit in theirs]), rtol=1e-8
    )


def test_transformers_before_a_linear_model_change_nothing():
    X, rng = rows(80), np.random.default_rng(4)
    y = np.exp(X @ [0.2, -0.1, 0.3]) + 0.1 * rng.standard_normal(80)
    plain = PoissonRegressor(alpha=0, **EXACT)
    scaled = make_pipeline(StandardScaler(), PoissonRegressor(alpha=0, **EXACT))
    for kind in ("dydx", "eyex"):
        one, other = (
            marginal_effects(model.fit(X, y), X, y, kind=kind)
            for model in (plain, scaled)
        )
        assert other.method == "delta"
        np.testing.assert_allclose(one.estimate, other.estimate, rtol=1e-6)
        np.testing.assert_allclose(one.std_error, other.std_error, rtol=1e-6)


def test_delta_method_behind_a_polynomial_is_that_of_its_columns():
    X, rng = rows(60, 1), np.random.default_rng(5)
    y = X[:, 0] ** 2 + 0.1 * rng.standard_normal(60)
    model = make_pipeline(PolynomialFeatures(2, include_bias=False), LinearRegression())
    found = marginal_effects(model.fit(X, y), X, y)
    theirs = sm.OLS(y, np.column_stack([np.ones(60), X, X**2])).fit()
    gradient = np.array([0, 1, 2 * X.mean()])
    expected = np.sqrt(gradient @ theirs.cov_params() @ gradient)
    np.testing.assert_allclose(found.std_error, expected, rtol=1e-8)


def test_rows_of_another_fit_are_noticed(randhie, visits):
    X, y = randhie
    with pytest.warns(DerivativeWarning, match="standard errors away"):
        marginal_effects(visits, X, 2 * y)


def test_posterior_is_that_of_sampled_jacobians(network):
    model, X = network
    found = marginal_effects(model, X)
    assert found.method == "posterior"
    draws = model.sample_jacobian(X, 4000).mean(axis=1)
    np.testing.assert_allclose(found.estimate, jacobian(model, X).mean(axis=0).ravel())
    # 4,000 draws know a standard deviation to 1.1%
    np.testing.assert_allclose(found.std_error, draws.std(axis=0).ravel(), rtol=0.05)


def test_posterior_of_weighted_groups_and_semi_elasticities(network):
    model, X = network
    weight, by = np.linspace(0, 1, len(X)), np.arange(len(X)) % 2
    found = marginal_effects(model, X, kind="dyex", by=by, sample_weight=weight)
    assert found.groups == {"group": [0] * 6 + [1] * 6}
    draws = model.sample_jacobian(X, 4000) * X[:, None]
    expected = np.concatenate(
        [
            np.average(draws[:, by == g], axis=1, weights=weight[by == g]).reshape(
                4000, 6
            )
            for g in (0, 1)
        ],
        axis=1,
    )
    np.testing.assert_allclose(
        found.estimate, expected.mean(axis=0), rtol=0.1, atol=0.05
    )
    np.testing.assert_allclose(found.std_error, expected.std(axis=0), rtol=0.05)


def test_posterior_of_differences_and_elasticities_by_moving_the_parameters():
    """A small step along one direction of the posterior moves both alike."""
    X = rows(60, 2)
    y = np.exp(0.3 * X[:, 0]) * X[:, 1]
    model = DifferentiableRegressor(random_state=0, max_iter=15).fit(X, y)
    at_ends = [
        model.predict(X + np.array([shift, 0]), return_std=True) for shift in (0.0, 1.0)
    ]
    difference = marginal_effects(model, X[:1], discrete=[0], features=[0])
    (low, low_std), (high, high_std) = ((v[:1], s[:1]) for v, s in at_ends)
    np.testing.assert_allclose(difference.estimate, high - low)
    # by the triangle's inequality
    assert abs(high_std - low_std) <= difference.std_error <= high_std + low_std
    relative = marginal_effects(model, X[:1], discrete=[0], features=[0], kind="eydx")
    np.testing.assert_allclose(relative.estimate, np.log(high / low))
    assert relative.std_error <= high_std / high + low_std / low


def test_a_network_in_a_pipeline_with_categories():
    X = frame(150)
    model = encoded(DifferentiableRegressor(random_state=0, max_iter=30))
    found = marginal_effects(model.fit(X, targets(X)), X)
    assert list(zip(found.feature, found.kind, strict=True)) == [
        ("size", "dydx"),
        ("count", "+1"),
        ("kind", "mid - low"),
        ("kind", "high - low"),
        ("new", "True - False"),
    ]
    truth = [0.5, 0.3, 1.0, 2.5, 0.7]
    assert found.method == "posterior"
    assert (abs(found.estimate - truth) < 4 * found.std_error).all()
    assert (found.std_error < 0.05).all()
    high = model.predict(X.assign(kind=pd.Categorical(["high"] * 150)))
    low = model.predict(X.assign(kind=pd.Categorical(["low"] * 150)))
    np.testing.assert_allclose(found.estimate[3], np.mean(high - low))


@pytest.mark.parametrize("to", [lambda X: X, pl.from_pandas], ids=["pandas", "polars"])
def test_frames(to):
    X = frame()
    y = targets(X)
    plain = X.assign(kind=X["kind"].astype(str))
    model = encoded(LinearRegression()).fit(to(plain), y)
    found = marginal_effects(model, to(plain), y, by=["kind", "new"])
    assert type(found.frame) is type(to(plain))
    assert list(found.frame.columns) == [
        "kind_",
        "new",
        "output",
        "feature",
        "kind",
        "estimate",
        "std_error",
        "ci_low",
        "ci_high",
    ]
    assert len(found.frame) == 6 * 5
    dummies = np.column_stack(
        [
            np.ones(60),
            X["size"],
            X["count"],
            X["kind"] == "low",
            X["kind"] == "mid",
            X["new"],
        ]
    ).astype(float)
    theirs = sm.OLS(y, dummies).fit()
    np.testing.assert_allclose(found.estimate[:5], theirs.params[1:], rtol=1e-8)
    np.testing.assert_allclose(found.std_error[:5], theirs.bse[1:], rtol=1e-8)


def test_values_of_columns():
    X = frame()
    model = encoded(DifferentiableRegressor(random_state=0, max_iter=10))
    model.fit(X, targets(X))
    at = {"count": [0, 4], "kind": "high"}
    found = marginal_effects(model, X, at=at, features="size", method="rows")
    assert found.groups == {"count": [0, 4], "kind_": ["high", "high"]}
    for i, count in enumerate((0, 4)):
        there = X.assign(count=count, kind=pd.Categorical(["high"] * 60))
        slopes = jacobian(model, there)[:, 0]
        np.testing.assert_allclose(found.estimate[i], slopes.mean())
        np.testing.assert_allclose(found.std_error[i], slopes.std() / np.sqrt(60))


def test_means_and_medians_of_groups(network):
    model, X = network
    by, weight = (X[:, 0] > 2).astype(int), np.arange(1.0, len(X) + 1)
    found = marginal_effects(model, X, at="mean", by=by, sample_weight=weight)
    means = [np.average(X[by == g], axis=0, weights=weight[by == g]) for g in (0, 1)]
    np.testing.assert_allclose(found.estimate, jacobian(model, means).ravel())
    found = marginal_effects(model, X, at="median")
    expected = jacobian(model, np.median(X, axis=0, keepdims=True))
    np.testing.assert_allclose(found.estimate, expected.ravel())
    repeated = marginal_effects(model, X, at="median", sample_weight=weight)
    twice = np.repeat(X, weight.astype(int), axis=0)
    again = marginal_effects(model, twice, at="median")
    np.testing.assert_allclose(repeated.estimate, again.estimate)


@pytest.mark.parametrize("size", [6, 14, 22])
def test_equal_weights_that_are_rounded_leave_a_median_as_it_is(size):
    X = np.arange(size, dtype=float).reshape(-1, 1) ** 2
    model = make_pipeline(PolynomialFeatures(2), LinearRegression()).fit(X, X[:, 0])
    model[-1].coef_ = np.array([0.0, 0.0, 0.5])  # the derivative is x
    options = {"at": "median", "method": "rows"}
    found = marginal_effects(model, X, sample_weight=np.full(size, 0.1), **options)
    np.testing.assert_allclose(found.estimate, np.median(X))


def coded(ignores):
    """Numbers that an encoder takes for categories, before a logarithmic link."""
    X = pd.DataFrame({"code": [1, 3, 3, 7] * 15, "size": np.linspace(1, 2, 60)})
    unknown = "ignore" if ignores else "error"
    encoder = make_column_transformer(
        (OneHotEncoder(handle_unknown=unknown), ["code"]), remainder="passthrough"
    )
    model = make_pipeline(encoder, PoissonRegressor(alpha=1e-3))
    return model.fit(X, X["size"] * X["code"]), X


@pytest.mark.parametrize("ignores", [True, False])
@pytest.mark.parametrize("at", ["mean", "median"])
def test_codes_of_categories_have_no_mean(ignores, at):
    model, X = coded(ignores)
    found = marginal_effects(model, X, at=at, features="size", method="rows")
    there = pd.DataFrame({"code": [3], "size": [1.5]})
    np.testing.assert_allclose(found.estimate, jacobian(model, there)[:, 1])


def test_codes_of_categories_are_set_to_codes():
    model, X = coded(ignores=True)
    found = marginal_effects(model, X, at={"code": 7}, features="size", method="rows")
    slopes = jacobian(model, X.assign(code=7))[:, 1]
    np.testing.assert_allclose(found.estimate, slopes.mean())
    with pytest.raises(ValueError, match="2 does not occur in column 'code'"):
        marginal_effects(model, X, at={"code": 2}, method="rows")


def test_a_group_without_weight_has_no_mean(network):
    model, X = network
    options = {"by": X[:, 0] > 2, "sample_weight": X[:, 0] > 2, "at": "mean"}
    with pytest.raises(ValueError, match=r"none in \[\(False,\)\]"):
        marginal_effects(model, X, **options)


def test_bootstrap_refuses_what_stays_as_it_is():
    X = rows()
    for model in (
        FrozenEstimator(Ridge().fit(X, X[:, 0])),
        make_pipeline(StandardScaler(), FrozenEstimator(Ridge().fit(X, X[:, 0]))),
    ):
        model.fit(X, X[:, 0])
        with pytest.raises(ValueError, match="without a FrozenEstimator"):
            marginal_effects(model, X, X[:, 0], method="bootstrap")
        with pytest.warns(UserWarning, match=r"fit\. Pass method='rows' if"):
            found = marginal_effects(model, X, X[:, 0])
        assert found.method == "rows"
    scaler = FrozenEstimator(StandardScaler().fit(X))
    model = make_pipeline(scaler, Ridge()).fit(X, X[:, 0])
    found = marginal_effects(model, X, X[:, 0], n_resamples=2, random_state=0)
    assert found.method == "bootstrap"


def test_a_category_that_is_too_rare_for_a_bootstrap_is_named():
    X = frame()
    model = encoded(Ridge()).fit(X, targets(X))
    rare = X.assign(kind=["high"] + ["low", "mid"] * 29 + ["low"])
    with pytest.raises(ValueError, match=r"is rare.*Found unknown categories"):
        marginal_effects(model, rare, targets(X), random_state=0)


def test_bootstrap_fits_again():
    X, rng = rows(80), np.random.default_rng(6)
    y = X @ [1.0, 2.0, 0.0] + rng.standard_normal(80)
    model = Ridge(alpha=1e-6).fit(X, y)
    found = marginal_effects(model, X, y, n_resamples=150, random_state=0)
    assert found.method == "bootstrap"
    theirs = sm.OLS(y, sm.add_constant(X)).fit()
    # 150 resamples know a standard deviation to 6%; the ways differ by more
    np.testing.assert_allclose(found.std_error, theirs.bse[1:], rtol=0.25)
    again = marginal_effects(model, X, y, n_resamples=150, random_state=0)
    np.testing.assert_array_equal(found.std_error, again.std_error)


def test_errors_of_the_rows_alone_are_told():
    X = rows()
    model = GaussianProcessRegressor().fit(X, X[:, 0] ** 2)
    with pytest.warns(UserWarning, match="rows alone"):
        found = marginal_effects(model, X)
    slopes = jacobian(model, X)
    np.testing.assert_allclose(found.std_error, slopes.std(axis=0) / np.sqrt(60))


def test_a_torch_module():
    class Product(torch.nn.Module):
        def forward(self, x):
            return x[:, 0] * x[:, 1]

    X = rows(d=2)
    found = marginal_effects(Product(), X, kind="eyex", method="rows")
    np.testing.assert_allclose(found.estimate, [1, 1])


def test_many_rows_are_sampled_for_the_errors(network, monkeypatch):
    model, X = network
    X = np.tile(X, (4, 1))
    whole = marginal_effects(model, X)
    monkeypatch.setattr(averages, "_MOST_ROWS", 200)
    monkeypatch.setattr(averages, "_MOST_NUMBERS", 1)
    sampled = marginal_effects(model, X, random_state=0)
    np.testing.assert_array_equal(sampled.estimate, whole.estimate)
    assert (sampled.std_error != whole.std_error).all()
    np.testing.assert_allclose(sampled.std_error, whole.std_error, rtol=0.3)


def test_relative_effects_that_do_not_exist_are_left_out():
    X = np.array([[-1.0], [0.0], [1.0], [2.0]])
    model = LinearRegression().fit(X, 2 * X[:, 0])
    model.intercept_ = 0.0
    with pytest.warns(DerivativeWarning, match="1 relative effects were left out"):
        found = marginal_effects(model, X, kind="eyex", method="rows")
    np.testing.assert_allclose(found.estimate, 1)


def test_error_of_differences_without_the_rows_that_are_left_out():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"size": rng.normal(size=200), "new": rng.integers(0, 2, 200)})
    y = X["size"] + X["new"] + 0.1 * rng.standard_normal(200)
    with pytest.warns(DerivativeWarning, match="left out"):
        found = marginal_effects(
            LinearRegression().fit(X, y), X, y, kind="eydx", features="new"
        )
    fit = sm.OLS(y.values, sm.add_constant(X.values)).fit()
    low = fit.params[0] + fit.params[1] * X["size"].values
    kept = X["size"].values[low * (low + fit.params[2]) > 0]

    def average(b):
        return np.log(1 + b[2] / (b[0] + b[1] * kept)).mean()

    steps = 1e-6 * np.eye(3)
    moved = [average(fit.params + s) - average(fit.params - s) for s in steps]
    gradient = np.array(moved) / 2e-6
    np.testing.assert_allclose(found.estimate, average(fit.params))
    error = np.sqrt(gradient @ fit.cov_params() @ gradient)
    np.testing.assert_allclose(found.std_error, error, rtol=1e-5)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_missing_whole_numbers_and_truths(library):
    rng = np.random.default_rng(0)
    count, new = rng.integers(0, 5, 80).tolist(), (rng.random(80) < 0.5).tolist()
    count[::4], new[7] = [None] * 20, None
    if library == "pandas":
        count, new = pd.array(count, dtype="Int64"), pd.array(new, dtype="boolean")
    columns = {"count": count, "new": new, "size": rng.uniform(1, 2, 80)}
    X = (pd if library == "pandas" else pl).DataFrame(columns)
    y = rng.standard_normal(80)
    model = make_pipeline(SimpleImputer(), LinearRegression()).fit(X, y)
    found = marginal_effects(model, X, y)
    assert found.kind == ["+1", "True - False", "dydx"]
    # a step from nowhere is none, and no 0
    np.testing.assert_allclose(found.estimate, model[-1].coef_)
    slopes = marginal_effects(model, X, y, discrete=None)
    np.testing.assert_allclose(found.std_error, slopes.std_error)
    with pytest.raises(ValueError, match="missing values in 'new'"):
        marginal_effects(model, X, y, by="new")


def test_a_column_that_is_missing_at_first_keeps_its_derivative():
    X = rows(150, 2).round(1)
    y = X @ [2.0, 1.0]
    X[:110, 0] = np.nan
    model = make_pipeline(SimpleImputer(), LinearRegression()).fit(X, y)
    found = marginal_effects(model, X, method="rows")
    assert found.kind == ["dydx", "dydx"]
    np.testing.assert_allclose(found.estimate, model[-1].coef_)


def test_a_truth_that_is_always_true_has_no_effect():
    X = frame()
    model = encoded(LinearRegression()).fit(X, targets(X))
    options = {"features": ["new", "size"], "method": "rows"}
    found = marginal_effects(model, X.assign(new=True), **options)
    assert found.feature == ["size"]


def test_reference_of_a_categorical_of_polars_is_the_first_by_name():
    pl.Series(["mid", "zoo"], dtype=pl.Categorical)  # known to the process
    X = pl.DataFrame({"kind": ["mid", "high", "low"] * 10, "size": np.arange(30.0)})
    X = X.with_columns(pl.col("kind").cast(pl.Categorical))
    model = encoded(LinearRegression()).fit(X, np.arange(30.0))
    found = marginal_effects(model, X, features="kind", method="rows")
    assert found.kind == ["low - high", "mid - high"]


def test_a_result_does_not_keep_the_rows():
    X = pd.DataFrame(rows(), columns=list("abc"))
    found = marginal_effects(Ridge().fit(X, X["a"]), X, method="rows")
    gone = weakref.ref(X)
    numbers = weakref.ref(X.to_numpy().base)
    del X
    gc.collect()
    assert gone() is None
    assert numbers() is None
    assert found.frame.shape == (3, 7)


def test_missing_cells_are_left_out_of_their_column():
    X = rows(40, 2)
    y = X[:, 0] ** 2 + X[:, 1]
    model = make_pipeline(SimpleImputer(), PolynomialFeatures(2), LinearRegression())
    model.fit(X, y)
    X[:5, 0] = np.nan
    found = marginal_effects(model, X, method="rows")
    slopes = jacobian(model, X)
    np.testing.assert_allclose(found.estimate, np.nanmean(slopes, axis=0))


def test_columns_without_any_derivative_are_compared_by_level():
    X = np.column_stack([np.arange(30) % 3, np.linspace(0, 1, 30)])
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), [0]), remainder="passthrough"),
        LinearRegression(),
    )
    y = np.array([0.0, 2.0, 5.0])[X[:, 0].astype(int)] + X[:, 1]
    found = marginal_effects(model.fit(X, y), X, method="rows")
    assert found.kind == ["1.0 - 0.0", "2.0 - 0.0", "dydx"]
    np.testing.assert_allclose(found.estimate, [2, 5, 1], atol=1e-8)


def test_share_of_rows_beyond_the_data(network):
    model, X = network
    found = marginal_effects(model, X, at={0: [2.0, 9.0]}, method="rows")
    assert found.extrapolating[0] < 0.2
    assert found.extrapolating[-1] == 1
    assert list(found.frame.columns)[-1] == "extrapolating"
    plain = LinearRegression().fit(X, X[:, 0])
    assert marginal_effects(plain, X, method="rows").extrapolating is None
    told = marginal_effects(plain, X + 5, method="rows", X_train=X)
    assert (told.extrapolating == 1).all()


def test_result_is_read_and_pickled(network):
    model, X = network
    found = marginal_effects(
        model, X, feature_names=list("abc"), output_names=["u", "v"]
    )
    text = repr(found)
    assert text.startswith("Marginal effects, 0.95 intervals by the posterior")
    assert len(text.splitlines()) == 2 + 6
    again = pickle.loads(pickle.dumps(found))
    assert repr(again) == text
    assert again.frame.equals(found.frame)
    assert found.frame["feature"].tolist() == list("abc") * 2


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"kind": "dy/dx"}, "`kind` must be one of"),
        ({"method": "boot"}, "`method` must be one of"),
        ({"method": "delta"}, "does not apply to DifferentiableRegressor"),
        ({"method": "bootstrap"}, "needs the targets `y`"),
        ({"at": "modes"}, "`at` must be"),
        ({"at": {"x9": 1}}, "no feature 'x9'"),
        ({"at": {0: "high"}}, "is of numbers"),
        ({"at": np.zeros(2)}, "`at` must be"),
        ({"at": {0: []}}, "no value for"),
        ({"by": "group"}, "names no column"),
        ({"by": ["x0", "x9"]}, "not only such"),
        ({"by": 0}, "Got int"),
        ({"by": pd.DataFrame({"x0": np.zeros(120)})}, "Got DataFrame"),
        ({"features": 1.5}, "name or its place"),
        ({"by": np.zeros(3)}, "must have 120 values"),
        ({"by": [np.nan] * 120}, "missing values"),
        ({"features": "x7"}, "no feature 'x7'"),
        ({"features": []}, "no effect to estimate"),
        ({"discrete": "all"}, "`discrete` must be"),
        ({"level": 95}, "level"),
        ({"n_resamples": 1}, "n_resamples"),
        ({"feature_names": ["a"]}, "must have 3 names"),
        ({"sample_weight": -np.ones(120)}, "Negative"),
        ({"y": np.zeros(7), "method": "bootstrap"}, "must have 120 rows"),
    ],
)
def test_wrong_input(options, match, network):
    model, X = network
    with pytest.raises(ValueError, match=match):
        marginal_effects(model, X, **options)


def test_a_column_of_names_is_refused():
    X = pd.DataFrame({"a": np.arange(200.0), "id": [f"n{i}" for i in range(200)]})
    model = make_pipeline(
        make_column_transformer(("passthrough", ["a"])), LinearRegression()
    ).fit(X, X["a"])
    with pytest.raises(ValueError, match="'id' has 200 levels"):
        marginal_effects(model, X, method="rows")
    found = marginal_effects(model, X, method="rows", features="a")
    np.testing.assert_allclose(found.estimate, 1)


def test_display_draws_estimates_and_intervals(network):
    model, X = network
    units = {"x0": "m", "y0": "kg"}
    display = MarginalEffectsDisplay.from_estimator(model, X, units=units)
    found = display.effects
    assert display.axes_.shape == (2,)
    assert display.ax_.get_xlabel() == "effect on y0 [kg]"
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert labels == ["x0 [per m]", "x1", "x2"]
    segments = display.ax_.collections[0].get_segments()
    drawn = np.array([segment[:, 0] for segment in segments])
    np.testing.assert_allclose(drawn[:, 0], found.ci_low[:3])
    np.testing.assert_allclose(drawn[:, 1], found.ci_high[:3])
    grouped = marginal_effects(model, X, by=X[:, 0] > 2, features=[0]).plot()
    (legend,) = grouped.figure_.legends
    assert [t.get_text() for t in legend.get_texts()] == [
        "group = False",
        "group = True",
    ]
    with pytest.raises(ValueError, match=r"each of the 2 outputs.*Got 1"):
        found.plot(ax=display.ax_)


def test_display_on_given_axes(network):
    model, X = network
    found = marginal_effects(model, X, by=np.arange(120) % 8, method="rows")
    figure, axes = plt.subplots(1, 2)
    display = found.plot(ax=axes)
    assert display.figure_ is figure
    assert [*display.axes_] == [*axes]
    assert not figure.legends
    legend = axes[0].get_legend()
    assert len(legend.get_texts()) == 8
    styles = {(h.get_color(), h.get_marker()) for h in legend.legend_handles}
    assert len(styles) == 8
    figure = marginal_effects(model, X, by=np.arange(120) % 40, method="rows").plot()
    figure.figure_.draw_without_rendering()
    (legend,) = figure.figure_.legends
    assert not legend.get_window_extent().overlaps(figure.ax_.get_window_extent())
    assert figure.ax_.get_window_extent().height > 1000
    names = ["a name that is much too long for a label of a line" * 2, "b", "c"]
    long = marginal_effects(model, X, method="rows", feature_names=names).plot()
    assert len(long.ax_.get_yticklabels()[0].get_text()) <= 48
    plt.close("all")


def test_twenty_features_do_not_overlap():
    X = np.random.default_rng(0).standard_normal((100, 20))
    y = X.sum(axis=1) + np.random.default_rng(1).standard_normal(100)
    display = MarginalEffectsDisplay.from_estimator(LinearRegression().fit(X, y), X, y)
    display.figure_.canvas.draw()
    boxes = [label.get_window_extent() for label in display.ax_.get_yticklabels()]
    for upper, lower in pairwise(boxes):
        assert lower.y1 <= upper.y0


def coverage(n_fits):
    """Return how often intervals hold the truth, and errors relative to it."""
    inside, errors = [], []
    for seed in range(n_fits):
        rng = np.random.default_rng(seed)
        X = rng.uniform(0, 1, (300, 3))
        y = np.sin(2 * X[:, 0]) * X[:, 1] + X[:, 2] ** 2
        truth = np.array(
            [
                np.mean(2 * np.cos(2 * X[:, 0]) * X[:, 1]),
                np.mean(np.sin(2 * X[:, 0])),
                np.mean(2 * X[:, 2]),
            ]
        )
        noisy = y + 0.05 * y.std() * rng.standard_normal(300)
        model = DifferentiableRegressor(random_state=0).fit(X, noisy)
        found = marginal_effects(model, X)
        inside.append((found.ci_low <= truth) & (truth <= found.ci_high))
        errors.append(abs(found.estimate / truth - 1))
    return np.mean(inside), np.median(errors, axis=0)


@pytest.mark.slow
def test_intervals_of_a_network_cover_the_truth():
    share, errors = coverage(100)
    assert 0.90 <= share <= 0.99
    assert (errors < 0.02).all()


def test_coefficients_of_a_frame_of_real_data():
    X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    theirs = sm.OLS(y.to_numpy(), sm.add_constant(X)).fit()
    found = marginal_effects(LinearRegression().fit(X, y), X, y)
    np.testing.assert_allclose(found.estimate, theirs.params.iloc[1:], rtol=1e-6)
    np.testing.assert_allclose(found.std_error, theirs.bse.iloc[1:], rtol=1e-6)
