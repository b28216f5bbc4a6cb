"""Scores of derivatives against scikit-learn's, and scorers in its searches."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.exceptions import UndefinedMetricWarning, UnsetMetadataPassedError
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import r2_score, root_mean_squared_error
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    RandomizedSearchCV,
    cross_val_score,
    cross_validate,
    learning_curve,
    validation_curve,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from sklearn_nnderiv import DifferentiableRegressor, jacobian
from sklearn_nnderiv.metrics import (
    jacobian_r2_score,
    jacobian_r2_scorer,
    jacobian_rmse,
    neg_jacobian_rmse_scorer,
)

METRICS = [jacobian_r2_score, jacobian_rmse]
SCORERS = [jacobian_r2_scorer, neg_jacobian_rmse_scorer]


def spread(true, sample_weight=None):
    return np.sqrt(np.cov(true, aweights=sample_weight, ddof=0))


def relative_rmse(true, pred, sample_weight=None):
    """Error of one column over its standard deviation, by scikit-learn and numpy."""
    error = root_mean_squared_error(true, pred, sample_weight=sample_weight)
    return error / spread(true, sample_weight)


ORACLES = {jacobian_r2_score: r2_score, jacobian_rmse: relative_rmse}


def entry_by_entry(oracle, true, pred, weight):
    """Score each pair by the rows in which it is known; NaN where they are not two."""
    scores = np.full(true.shape[1:], np.nan)
    weight = np.ones(len(true)) if weight is None else weight
    for place in np.ndindex(scores.shape):
        t, p = true[:, *place], pred[:, *place]
        rows = (weight > 0) & ~np.isnan(t)
        if rows.sum() > 1:
            scores[place] = oracle(t[rows], p[rows], sample_weight=weight[rows])
    return scores


@st.composite
def tables(draw):
    """Draw derivatives in units of all sizes, predictions, and weights or None."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (*draw(st.sampled_from([(), (1,), (3,)])), draw(st.integers(1, 4)))
    n = draw(st.integers(3, 12))
    unit = 10.0 ** rng.integers(-12, 12, size=shape)
    true = (rng.normal(size=(n, *shape)) + rng.integers(-3, 4, size=shape)) * unit
    pred = true + rng.normal(size=true.shape) * unit * draw(st.sampled_from([1e-3, 2]))
    weight = rng.integers(0, 4, size=n) + np.eye(n)[0] + np.eye(n)[1]
    return true, pred, draw(st.sampled_from([None, weight])), rng


@settings(max_examples=60, deadline=None)
@given(tables())
def test_score_is_that_of_the_flattened_table(table):
    true, pred, weight, rng = table
    flat = true.reshape(len(true), -1), pred.reshape(len(true), -1)
    options = {"sample_weight": weight}
    for name in ("raw_values", "uniform_average", "variance_weighted"):
        score = jacobian_r2_score(true, pred, multioutput=name, **options)
        truth = r2_score(*flat, multioutput=name, **options)
        np.testing.assert_allclose(np.ravel(score), np.ravel(truth), rtol=1e-8)
        assert np.shape(score) == (true.shape[1:] if name == "raw_values" else ())
    factors = rng.uniform(size=true.shape[1:])
    if factors.size > 1:  # scikit-learn takes none for a single column
        score = jacobian_r2_score(true, pred, multioutput=factors.tolist(), **options)
        truth = r2_score(*flat, multioutput=factors.ravel(), **options)
        np.testing.assert_allclose(score, truth, rtol=1e-8)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_error_is_that_of_the_flattened_table(table):
    true, pred, weight, rng = table
    columns = true.reshape(len(true), -1).T
    truth = entry_by_entry(relative_rmse, true, pred, weight)
    variance = np.array([spread(c, weight) ** 2 for c in columns])
    factors = rng.uniform(size=truth.shape)
    raw = jacobian_rmse(true, pred, sample_weight=weight, multioutput="raw_values")
    np.testing.assert_allclose(raw, truth, rtol=1e-9)
    for multioutput, by in [
        ("uniform_average", None),
        ("variance_weighted", variance),
        (factors, factors.ravel()),
    ]:
        error = jacobian_rmse(true, pred, sample_weight=weight, multioutput=multioutput)
        assert isinstance(error, float)
        np.testing.assert_allclose(error, np.average(truth.ravel(), weights=by))


@pytest.mark.parametrize("metric", METRICS)
@settings(max_examples=60, deadline=None)
@given(table=tables(), share=st.floats(0, 1))
def test_unknown_entries_are_as_absent_rows(metric, table, share):
    true, pred, weight, rng = table
    true[rng.random(true.shape) < share] = np.nan
    bad = np.isnan(true) & (rng.random(true.shape) < 0.5)
    pred[bad] = rng.choice([np.nan, np.inf], size=bad.sum())
    truth = entry_by_entry(ORACLES[metric], true, pred, weight)
    defined = ~np.isnan(truth)
    if not defined.any():
        return
    options = {"sample_weight": weight}
    raw = metric(true, pred, multioutput="raw_values", **options)
    np.testing.assert_allclose(raw, truth, rtol=1e-8)
    weights = rng.uniform(size=truth.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        average = metric(true, pred, **options)
        weighted = metric(true, pred, multioutput=weights, **options)
    np.testing.assert_allclose(average, truth[defined].mean(), rtol=1e-8)
    expected = np.average(truth[defined], weights=weights[defined])
    np.testing.assert_allclose(weighted, expected, rtol=1e-8)


@pytest.mark.parametrize("metric", METRICS)
def test_variance_weights_are_variances_whatever_is_known(metric, rng):
    true, pred = rng.normal(size=(2, 30, 2)) * [1, 3]
    true[5:, 1] = np.nan
    raw = metric(true, pred, multioutput="raw_values")
    weights = [spread(true[:, 0]) ** 2, spread(true[:5, 1]) ** 2]
    result = metric(true, pred, multioutput="variance_weighted")
    np.testing.assert_allclose(result, np.average(raw, weights=weights))


@pytest.mark.parametrize("metric", METRICS)
def test_weights_are_as_repeated_rows(metric, rng):
    true, pred = rng.normal(size=(2, 8, 2, 3))
    true[rng.random(true.shape) < 0.2] = np.nan
    weight = np.array([0, 1, 2, 3, 1, 0, 2, 1])
    repeated = metric(true.repeat(weight, 0), pred.repeat(weight, 0))
    result = metric(true, pred, sample_weight=weight)
    np.testing.assert_allclose(result, repeated, rtol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("factor", [1e-200, 1e200])
def test_units_of_any_size(metric, factor, rng):
    true, pred = rng.normal(size=(2, 9, 2))
    for name in ("raw_values", "uniform_average", "variance_weighted"):
        result = metric(true * factor, pred * factor, multioutput=name)
        truth = metric(true, pred, multioutput=name)
        np.testing.assert_allclose(result, truth, rtol=1e-12)


@pytest.mark.parametrize("metric", METRICS)
def test_array_likes(metric, rng):
    true, pred = rng.normal(size=(2, 9, 2))
    truth = metric(true, pred)
    assert metric(true.tolist(), pd.DataFrame(pred)) == truth
    assert metric(pd.DataFrame(true), pred.tolist(), sample_weight=[1] * 9) == truth
    single = metric(true.astype(np.float32), pred)
    np.testing.assert_allclose(single, truth, rtol=1e-5)
    unknown = pd.DataFrame(true).astype("Float64")
    unknown.iloc[0, 0] = pd.NA
    true[0, 0] = np.nan
    assert metric(unknown, pred) == metric(true, pred)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64])
def test_masked_derivatives_are_unknown(metric, dtype, rng):
    true, pred = 9 * rng.normal(size=(2, 9, 2))
    true = true.astype(dtype)
    unknown = rng.random(true.shape) < 0.3
    assert unknown.any()
    truth = metric(np.where(unknown, np.nan, true), pred)
    masked = np.ma.array(np.where(unknown, dtype(10**6), true), mask=unknown)
    np.testing.assert_allclose(metric(masked, pred), truth, rtol=1e-12)
    assert metric(np.ma.array(true), pred) == metric(true, pred)
    np.testing.assert_array_equal(masked.mask, unknown)
    assert metric(masked, np.ma.array(pred, mask=unknown)) == metric(masked, pred)
    with pytest.raises(ValueError, match=f"in {unknown.sum()} entries"):
        metric(pred, np.ma.array(pred, mask=unknown))


def test_arguments_are_left_as_they_are(rng):
    true, pred = rng.normal(size=(2, 9, 2))
    true[3] = np.nan
    copies = true.copy(), pred.copy()
    jacobian_r2_score(true, pred)
    np.testing.assert_array_equal(true, copies[0])
    np.testing.assert_array_equal(pred, copies[1])


# what has no spread


def constant(slope, error, dtype=np.float64):
    """One varying pair, met with an error of its own, and one of a given slope."""
    x = np.linspace(-1, 1, 7)
    true = np.column_stack([x, np.full(7, slope)]).astype(dtype)
    return true, np.column_stack([x * 0.9, np.full(7, slope + error)])


@pytest.mark.parametrize(("slope", "error"), [(2, 0), (2, 0.5), (0, 0), (0, 0.5)])
def test_score_of_a_constant_derivative_is_that_of_scikit_learn(slope, error):
    true, pred = constant(slope, error)
    for name in ("raw_values", "uniform_average", "variance_weighted"):
        np.testing.assert_allclose(
            jacobian_r2_score(true, pred, multioutput=name),
            r2_score(true, pred, multioutput=name),
        )
    one = {"multioutput": "variance_weighted"}
    alone = jacobian_r2_score(true[:, 1:], pred[:, 1:], **one)
    assert alone == r2_score(true[:, 1:], pred[:, 1:], **one) == (error == 0)


def test_constant_and_exact_are_meant_up_to_rounding():
    # r2_score takes the rounding of its mean for a spread: 1 - 1e30 or so
    true, pred = np.full((7, 1), 0.1), np.full((7, 1), 0.2)
    assert r2_score(true, pred) < -1e20
    assert jacobian_r2_score(true, pred) == 0
    assert jacobian_r2_score(true, true * (1 + 1e-15)) == 1
    noisy = true * (1 + 3e-16 * np.arange(-3, 4)[:, None])
    assert jacobian_r2_score(noisy, true) == 1
    assert jacobian_r2_score(noisy, pred) == 0
    np.testing.assert_allclose(jacobian_rmse(noisy, pred), 1)
    # many rows, of which a running mean would be off by more than that
    many = np.full((200_001, 1), 0.1)
    assert jacobian_r2_score(many, many * 2) == 0
    # labels of single precision have a rounding of their own
    noisy = true * (1 + 1e-7 * np.arange(-3, 4)[:, None])
    assert jacobian_r2_score(noisy.astype(np.float32), true) == 1
    assert jacobian_r2_score(noisy, true) == pytest.approx(0)


def test_error_of_a_constant_derivative_is_relative_to_its_size():
    true, pred = constant(-2.0, 0.5)
    raw = jacobian_rmse(true, pred, multioutput="raw_values")
    np.testing.assert_allclose(raw, [0.1, 0.25])
    np.testing.assert_allclose(jacobian_rmse(true, pred), 0.175)
    np.testing.assert_allclose(
        jacobian_rmse(true, pred, multioutput="variance_weighted"), 0.1
    )


@pytest.mark.parametrize("error", [0.0, 0.5])
def test_error_by_an_input_without_effect_is_left_out(error):
    true, pred = constant(0.0, error)
    raw = jacobian_rmse(true, pred, multioutput="raw_values")
    np.testing.assert_allclose(raw, [0.1, np.nan])
    with pytest.warns(UndefinedMetricWarning, match="1 of 2 pairs .* left out"):
        np.testing.assert_allclose(jacobian_rmse(true, pred), 0.1)
    # no warning where it has no weight, or is not known
    for multioutput in ([1, 0], "variance_weighted"):
        result = jacobian_rmse(true, pred, multioutput=multioutput)
        np.testing.assert_allclose(result, 0.1)
    true[:, 1] = np.nan
    np.testing.assert_allclose(jacobian_rmse(true, pred), 0.1)


@pytest.mark.parametrize("metric", METRICS)
def test_a_single_known_entry_has_no_score(metric):
    true, pred = constant(2.0, 0.5)
    true[1:, 1] = np.nan
    raw = metric(true, pred, multioutput="raw_values")
    assert np.isnan(raw).tolist() == [False, True]
    with pytest.warns(UndefinedMetricWarning, match="single known entry"):
        assert metric(true, pred) == raw[0]
    with pytest.warns(UndefinedMetricWarning, match="2 of 2"):
        assert np.isnan(metric(true[:1], pred[:1]))


def test_the_warning_is_at_the_line_of_the_caller():
    with pytest.warns(UndefinedMetricWarning) as caught:
        jacobian_rmse(*constant(0.0, 0.5))
    assert caught[0].filename == __file__


# what is refused


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("true", "pred"),
    [
        (np.ones((4, 2)), np.ones((4, 3))),
        (np.ones((4, 2)), np.ones((5, 2))),
        (np.ones((4, 2)), np.ones((4, 1, 2))),
        (np.ones(4), np.ones(4)),
        (np.ones((4, 1, 2, 2)), np.ones((4, 1, 2, 2))),
        (np.ones((4, 2, 0)), np.ones((4, 2, 0))),
    ],
)
def test_shapes(metric, true, pred):
    with pytest.raises(ValueError, match="must have the same shape") as error:
        metric(true, pred)
    assert str(true.shape) in str(error.value)
    assert str(pred.shape) in str(error.value)


@pytest.mark.parametrize("metric", METRICS)
def test_entries(metric, rng):
    true, pred = rng.normal(size=(2, 5, 2, 3))
    pred[1, 0, 2] = np.nan
    pred[2, 1, 0] = -np.inf
    with pytest.raises(ValueError, match=r"in 2 entries .* features at \[0, 2\]"):
        metric(true, pred)
    with pytest.raises(ValueError, match="in 2 entries"):  # weighted or not
        metric(true, pred, sample_weight=[1, 0, 0, 1, 1])
    with pytest.raises(ValueError, match="jacobian_true contains infinity"):
        metric(np.where(np.isnan(pred), np.inf, true), pred)
    with pytest.raises(ValueError, match="no known entry"):
        metric(np.full_like(true, np.nan), true)
    with pytest.raises(ValueError, match="Complex"):
        metric(true + 1j, true)
    with pytest.raises(ValueError, match="minimum of 1 is required"):
        metric(true[:0], pred[:0])


@pytest.mark.parametrize("metric", METRICS)
def test_sample_weights(metric, rng):
    true, pred = rng.normal(size=(2, 4, 2))
    for weight, message in [
        ([1, 1, -1, 1], "Negative values"),
        ([0, 0, 0, 0], "at least one non-zero"),
        ([1, 1, 1], "sample_weight.shape"),
        ([1, 1, 1, np.nan], "NaN"),
    ]:
        with pytest.raises(ValueError, match=message):
            metric(true, pred, sample_weight=weight)
    true[:2] = np.nan
    with pytest.raises(ValueError, match="rows of positive weight"):
        metric(true, pred, sample_weight=[1, 1, 0, 0])


@pytest.mark.parametrize("metric", METRICS)
def test_multioutput(metric, rng):
    true, pred = rng.normal(size=(2, 4, 2))
    for value, message in [
        ("mean", "`multioutput` must be one of 'raw_values', .*'mean' instead"),
        ([1, 2, 3], r"shape .* \(2,\)"),
        ([[1, 2]], r"shape .* \(2,\)"),
        ([1, -2], "smallest weight -2"),
        ([1, np.inf], "infinity"),
        ([0, 0], "are 0 for every pair"),
    ]:
        with pytest.raises(ValueError, match=message):
            metric(true, pred, multioutput=value)
    true[:, 0] = np.nan
    with pytest.raises(ValueError, match="are 0 for every pair"):
        metric(true, pred, multioutput=[1, 0])


# scorers


@pytest.fixture
def routed():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


@pytest.fixture
def problem(rng):
    """Rows, two outputs, and labels of which a quarter is unknown."""
    X = rng.normal(size=(60, 2)) * [1, 100] + [0, 300]
    u, v = X[:, 0], X[:, 1]
    y = np.column_stack([u**2 + u * v, v])
    J = np.stack([np.column_stack([2 * u + v, u]), np.tile([0.0, 1.0], (60, 1))], 1)
    J[rng.random(J.shape) < 0.25] = np.nan
    J[:, 1, 0] = np.nan  # no effect
    return X, y, J


def polynomial():
    return make_pipeline(StandardScaler(), PolynomialFeatures(), Ridge(1e-3))


GRID = {"polynomialfeatures__degree": [1, 2]}


def network():
    return DifferentiableRegressor(
        hidden_layer_sizes=(5,), solver="lbfgs", max_iter=20, random_state=0
    )


ESTIMATORS = {
    "pipeline": polynomial(),
    "network": network(),
    "process": GaussianProcessRegressor(RBF([1, 100]), optimizer=None, alpha=1e-3),
    "target": TransformedTargetRegressor(network(), transformer=StandardScaler()),
    "search": GridSearchCV(polynomial(), GRID, cv=2),
}


@pytest.mark.parametrize("name", ESTIMATORS)
def test_scorers_compare_the_derivative_in_raw_units(name, problem):
    X, y, J = problem
    fitted = clone(ESTIMATORS[name]).fit(X, y)
    weight = np.arange(60.0)
    found = jacobian(fitted, X)
    for options in ({}, {"sample_weight": weight}):
        score = jacobian_r2_scorer(fitted, X, y, jacobian=J, **options)
        assert score == jacobian_r2_score(J, found, **options)
        score = neg_jacobian_rmse_scorer(fitted, X, jacobian=J, **options)
        assert score == -jacobian_rmse(J, found, **options)
    # of one output, and without its dimension
    fitted = clone(fitted).fit(X, y[:, 0])
    score = jacobian_r2_scorer(fitted, X, y[:, 0], jacobian=J[:, 0])
    assert score == jacobian_r2_score(J[:, 0], jacobian(fitted, X))
    with pytest.raises(ValueError, match=r"Got \(60, 2, 2\) and \(60, 2\) instead"):
        jacobian_r2_scorer(fitted, X, y[:, 0], jacobian=J)


def test_a_column_without_derivative_is_to_be_unknown(rng):
    X = pd.DataFrame({"site": list("ab") * 20, "depth": rng.normal(size=40)})
    encoded = make_column_transformer(
        (OneHotEncoder(), ["site"]), remainder=PolynomialFeatures(2)
    )
    y, slope = X["depth"] ** 2, 2 * X["depth"]
    fitted = make_pipeline(encoded, LinearRegression()).fit(X, y)
    J = np.column_stack([np.zeros(40), slope])
    with pytest.raises(ValueError, match=r"features at \[0\].*set jacobian_true to"):
        jacobian_r2_scorer(fitted, X, y, jacobian=J)
    J[:, 0] = np.nan
    np.testing.assert_allclose(jacobian_r2_scorer(fitted, X, y, jacobian=J), 1)


def by_hand(estimator, X, y, J, folds):
    """Scores of each fold, labels split with the rows."""
    scores = []
    for train, test in folds.split(X):
        fitted = clone(estimator).fit(X[train], y[train])
        found = jacobian(fitted, X[test])
        scores.append(
            (jacobian_r2_score(J[test], found), -jacobian_rmse(J[test], found))
        )
    return np.array(scores).T


FOLDS = KFold(3, shuffle=True, random_state=0)
BOTH = {"r2": "r2", "slopes": jacobian_r2_scorer, "error": neg_jacobian_rmse_scorer}


@pytest.mark.usefixtures("routed")
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("n_outputs", [None, 2])
def test_cross_validation_splits_the_labels_with_the_rows(n_jobs, n_outputs, problem):
    X, y, J = problem
    y, J = (y, J) if n_outputs else (y[:, 0], J[:, 0])
    score, error = by_hand(polynomial(), X, y, J, FOLDS)
    options = {"params": {"jacobian": J}, "cv": FOLDS, "n_jobs": n_jobs}
    one = cross_validate(polynomial(), X, y, scoring=jacobian_r2_scorer, **options)
    np.testing.assert_allclose(one["test_score"], score)
    several = cross_validate(polynomial(), X, y, scoring=BOTH, **options)
    np.testing.assert_allclose(several["test_slopes"], score)
    np.testing.assert_allclose(several["test_error"], error)
    assert np.isfinite(several["test_r2"]).all()


@pytest.mark.usefixtures("routed")
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("scoring", [jacobian_r2_scorer, BOTH])
def test_grid_search(n_jobs, scoring, problem):
    X, y, J = problem
    multiple = isinstance(scoring, dict)
    search = GridSearchCV(
        polynomial(),
        GRID,
        scoring=scoring,
        refit="slopes" if multiple else True,
        cv=FOLDS,
        n_jobs=n_jobs,
    ).fit(X, y, jacobian=J)
    truth = [
        by_hand(polynomial().set_params(polynomialfeatures__degree=d), X, y, J, FOLDS)
        for d in GRID["polynomialfeatures__degree"]
    ]
    found = search.cv_results_["mean_test_slopes" if multiple else "mean_test_score"]
    np.testing.assert_allclose(found, [score.mean() for score, _ in truth])
    if multiple:
        found = search.cv_results_["mean_test_error"]
        np.testing.assert_allclose(found, [error.mean() for _, error in truth])
    assert search.best_params_ == {"polynomialfeatures__degree": 2}
    again = search.score(X, y, jacobian=J)
    assert again == jacobian_r2_score(J, jacobian(search, X))


@pytest.mark.usefixtures("routed")
def test_searches_within_searches_and_curves(problem):
    X, y, J = problem
    inner = GridSearchCV(polynomial(), GRID, scoring=jacobian_r2_scorer, cv=2)
    outer = RandomizedSearchCV(
        inner, {"estimator__ridge__alpha": [1e-3, 1.0]}, n_iter=2, cv=2, scoring=BOTH
    ).set_params(refit="error")
    outer.fit(X, y, jacobian=J)
    assert outer.best_params_ == {"estimator__ridge__alpha": 1e-3}
    assert outer.best_estimator_.best_params_ == {"polynomialfeatures__degree": 2}
    options = {"params": {"jacobian": J}, "scoring": jacobian_r2_scorer, "cv": FOLDS}
    truth = by_hand(inner.set_params(scoring=None), X, y, J, FOLDS)[0]
    inner.set_params(scoring=jacobian_r2_scorer)
    np.testing.assert_allclose(cross_val_score(inner, X, y, **options), truth)
    truth = by_hand(polynomial(), X, y, J, FOLDS)[0]
    curve = learning_curve(polynomial(), X, y, train_sizes=[1.0], **options)
    np.testing.assert_allclose(curve[2][0], truth)
    alpha = {"param_name": "ridge__alpha", "param_range": [1e-3]}
    curve = validation_curve(polynomial(), X, y, **alpha, **options)
    np.testing.assert_allclose(curve[1][0], truth)


@pytest.mark.usefixtures("routed")
def test_requests(problem):
    X, y, J = problem
    weight = np.arange(1, 61.0)
    request = {"jacobian": True, "sample_weight": None}
    scorer = clone(neg_jacobian_rmse_scorer)
    assert scorer.get_metadata_routing().score.requests == request
    ridge = Ridge().set_fit_request(sample_weight=False)
    options = {"cv": FOLDS, "error_score": "raise"}
    search = GridSearchCV(ridge, {}, scoring=scorer, **options)
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        search.fit(X, y, jacobian=J, sample_weight=weight)
    assert scorer.set_score_request(sample_weight=True) is scorer
    search.fit(X, y, jacobian=J, sample_weight=weight)
    expected = []
    for train, test in FOLDS.split(X):
        found = jacobian(clone(ridge).fit(X[train], y[train]), X[test])
        expected.append(-jacobian_rmse(J[test], found, sample_weight=weight[test]))
    np.testing.assert_allclose(search.best_score_, np.mean(expected))
    # under another name, also after clone and pickle
    scorer.set_score_request(jacobian="slopes")
    for copy in (scorer, clone(scorer), pickle.loads(pickle.dumps(scorer))):
        search = clone(GridSearchCV(ridge, {}, scoring=copy, **options))
        search.fit(X, y, slopes=J, sample_weight=weight)
        np.testing.assert_allclose(search.best_score_, np.mean(expected))
        with pytest.raises(TypeError, match="jacobian"):
            search.fit(X, y, jacobian=J)
    # the one that is imported is as it was
    routing = neg_jacobian_rmse_scorer.get_metadata_routing()
    assert routing.score.requests == request


NAMED_REMEDIES = [
    r"set_config\(enable_metadata_routing=True\)",
    "set_score_request",
    "params=",
    r"fit\(X, y, jacobian=J\)",
]


@pytest.mark.filterwarnings("ignore:One or more of the test scores are non-finite")
@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("scoring", [neg_jacobian_rmse_scorer, BOTH])
def test_without_labels(routing, scoring, problem):
    X, y, _ = problem
    fitted = Ridge().fit(X, y)
    for message in NAMED_REMEDIES:
        with pytest.raises(ValueError, match=message):
            jacobian_r2_scorer(fitted, X, y)
    options = {"scoring": scoring, "refit": False}
    with sklearn.config_context(enable_metadata_routing=routing):
        search = GridSearchCV(Ridge(), {}, error_score="raise", **options)
        with pytest.raises(ValueError, match=NAMED_REMEDIES[0]):
            search.fit(X, y)
        if not routing:  # which searches hand on to scorers without being asked
            with pytest.raises(ValueError, match=NAMED_REMEDIES[0]):
                search.fit(X, y, sample_weight=np.ones(60))
        search = GridSearchCV(Ridge(), {}, **options)
        with pytest.warns(UserWarning, match=NAMED_REMEDIES[0]):
            search.fit(X, y)


@pytest.mark.usefixtures("routed")
def test_labels_of_other_rows_are_refused(problem):
    X, y, J = problem
    search = GridSearchCV(
        Ridge(), {}, scoring=jacobian_r2_scorer, error_score="raise", cv=FOLDS
    )
    with pytest.raises(ValueError, match=r"Got \(59, 2, 2\) and \(20, 2, 2\)"):
        search.fit(X, y, jacobian=J[:59])


def test_scorers_are_as_estimators_without_a_fit(problem):
    X, y, J = problem
    fitted = polynomial().fit(X, y)
    for scorer in SCORERS:
        score = scorer(fitted, X, y, jacobian=J)
        for copy in (clone(scorer), pickle.loads(pickle.dumps(scorer))):
            assert copy(fitted, X, y, jacobian=J) == score
            assert repr(copy) == repr(scorer)
    assert len({*SCORERS, *SCORERS}) == 2
    assert repr(SCORERS[0]) != repr(SCORERS[1])
    weights = np.array([[1, 2], [0, 3]])
    scorer = clone(jacobian_r2_scorer).set_params(multioutput=weights)
    found = scorer(fitted, X, y, jacobian=J)
    assert found == jacobian_r2_score(J, jacobian(fitted, X), multioutput=weights)
    assert jacobian_r2_scorer.multioutput == "uniform_average"
