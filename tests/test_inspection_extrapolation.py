"""Scores of rows beyond the training data."""

import pickle
from copy import deepcopy

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    QuantileTransformer,
    StandardScaler,
)

from sklearn_nnderiv import DifferentiablePipeline, DifferentiableRegressor
from sklearn_nnderiv._reference import MAX_REFERENCE_ROWS, Reference, sampled
from sklearn_nnderiv.inspection import extrapolation_score, linearize
from sklearn_nnderiv.inspection._extrapolation import score_if_known

LINEAR = LinearRegression()


def net(**parameters):
    """Return a regressor whose fit costs nothing."""
    options = {"hidden_layer_sizes": (), "solver": "lbfgs", "max_iter": 2}
    return DifferentiableRegressor(**{**options, **parameters})


def brute_force(train, rows):
    """Return the score by its definition, of distinct rows, 99 or more."""
    unit = train.std(axis=0)

    def nearest_three(row, others):
        return np.sort(abs((others - row) / unit).max(axis=1))[:3].mean()

    held_out = [
        nearest_three(row, np.delete(train, i, axis=0)) for i, row in enumerate(train)
    ]
    rank = int(np.ceil(0.99 * (len(train) + 1)))
    edge = np.sort(held_out)[rank - 1]
    return np.array([nearest_three(row, train) for row in rows]) / edge


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 3)) * [1, 10, 0.1] + [0, 100, -5]
    return X, X @ [1.0, 0.1, 10.0]


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(1)
    return 1.5 * rng.normal(size=(40, 3)) * [1, 10, 0.1] + [0, 100, -5]


@pytest.mark.parametrize("x_scaler", ["standard", "minmax", "passthrough", "robust"])
def test_score_is_that_of_the_definition(data, rows, x_scaler):
    X, y = data
    expected = brute_force(X, rows)
    assert (expected > 1).any()
    assert (expected < 1).any()
    model = net(x_scaler=x_scaler).fit(X, y)
    np.testing.assert_allclose(extrapolation_score(model, rows), expected, rtol=1e-9)
    given = extrapolation_score(LINEAR, rows, X_train=X)
    np.testing.assert_allclose(given, expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("n", "d", "most"), [(20, 1, 0.05), (20, 5, 0.05), (200, 5, 0.02), (5000, 2, 0.02)]
)
def test_about_one_fresh_row_in_a_hundred_is_beyond(n, d, most):
    rng = np.random.default_rng(0)
    n_repetitions = 20 if n < 1000 else 3
    beyond = [
        extrapolation_score(
            LINEAR, rng.normal(size=(300, d)), X_train=rng.normal(size=(n, d))
        )
        > 1
        for _ in range(n_repetitions)
    ]
    assert 0.002 < np.mean(beyond) < most


@pytest.mark.parametrize("d", [1, 2, 5, 20])
def test_rows_beyond_the_range_of_a_feature_are_flagged_in_any_dimension(d):
    rng = np.random.default_rng(0)
    train, rows = rng.uniform(size=(500, d)), rng.uniform(size=(50, d))
    rows[:, 0] = 1.75  # 2.6 standard deviations beyond
    assert (extrapolation_score(LINEAR, rows, X_train=train) > 1).all()
    rows[:, 0] = 11.0
    far = extrapolation_score(LINEAR, rows, X_train=train)
    assert (far > 10).all()


def test_rows_off_a_correlation_are_flagged():
    rng = np.random.default_rng(0)
    first = rng.normal(size=500)
    train = np.column_stack([first, first + 0.01 * rng.normal(size=500)])
    inside, beyond = extrapolation_score(
        LINEAR, [[0.5, 0.5], [0.5, -0.5]], X_train=train
    )
    assert inside < 0.5
    assert beyond > 1.5


@pytest.mark.parametrize("d", [1, 2, 4])
def test_grid(d):
    axes = np.meshgrid(*[np.arange(6.0)] * d)
    train = np.stack(axes, axis=-1).reshape(-1, d)
    half = np.full((1, d), 2.5)
    assert 0 < extrapolation_score(LINEAR, half, X_train=train)[0] <= 0.6
    half[0, 0] = 7.5
    assert extrapolation_score(LINEAR, half, X_train=train)[0] > 1


def test_repeated_rows_count_once(data, rows):
    X, y = data
    expected = extrapolation_score(net().fit(X, y), rows)
    twice = net().fit(np.repeat(X, 4, axis=0), np.repeat(y, 4))
    np.testing.assert_allclose(extrapolation_score(twice, rows), expected, rtol=1e-9)
    rng = np.random.default_rng(0)
    readings = np.repeat(X, 4, axis=0) + 1e-6 * rng.normal(size=(600, 3))
    close = extrapolation_score(LINEAR, rows, X_train=readings)
    # some readings are either side of what a number is rounded at
    np.testing.assert_allclose(close, expected, rtol=0.25)


def test_one_row_and_two():
    one = extrapolation_score(LINEAR, [[1.0, 2.0], [1.0, 2.5]], X_train=[[1.0, 2.0]])
    np.testing.assert_array_equal(one, [0, np.inf])
    two = extrapolation_score(LINEAR, [[0.5], [0.0], [2.0]], X_train=[[0.0], [1.0]])
    np.testing.assert_allclose(two, [0.5, 0, np.sqrt(12) / 2])


@pytest.mark.parametrize("constant", [0.0, 7.3, 1e-12])
def test_another_value_of_a_constant_column_is_infinitely_far(data, constant):
    X, y = data
    X = np.column_stack([X, np.full(len(X), constant)])
    moved = X[:2].copy()
    moved[1, 3] += 0.1 * constant + 1e-13
    for model, train in ((net().fit(X, y), None), (LINEAR, X)):
        score = extrapolation_score(model, moved, X_train=train)
        assert score[0] < 1
        assert score[1] == np.inf
        rounded = extrapolation_score(model, X.astype(np.float32), X_train=train)
        assert np.isfinite(rounded).all()


@pytest.mark.parametrize(
    "x_scaler", [QuantileTransformer(n_quantiles=50), MinMaxScaler(clip=True)]
)
@pytest.mark.filterwarnings("ignore:.*:sklearn_nnderiv.exceptions.DerivativeWarning")
def test_a_scaler_that_clips_does_not_hide_distance(data, x_scaler):
    X, y = data
    model = net(x_scaler=x_scaler).fit(X, y)
    far = X[:5] + np.array([0, 0, 20.0])
    assert (extrapolation_score(model, X[:5]) <= 1).all()
    assert (extrapolation_score(model, far) > 10).all()


def test_rows_outside_the_domain_of_a_scaler_are_infinitely_far(data):
    X, y = data
    X = np.exp(X / X.std(axis=0) / 100)
    scaler = make_pipeline(FunctionTransformer(np.log, np.exp), StandardScaler())
    model = net(x_scaler=scaler).fit(X, y)
    score = extrapolation_score(model, np.array([X[0], -X[0]]))
    assert score[0] <= 1
    assert score[1] == np.inf


def test_score_goes_through_what_stands_around_the_regressor(data, rows):
    X, y = data
    y = y - y.min() + 1
    plain = net().fit(X, y)
    expected = extrapolation_score(plain, rows)
    assert score_if_known(plain, rows) is not None
    around = [
        Pipeline([("net", net())]),
        make_pipeline(FunctionTransformer(), net()),
        DifferentiablePipeline([("scale", MinMaxScaler()), ("net", net())]),
        TransformedTargetRegressor(net(), func=np.log, inverse_func=np.exp),
        GridSearchCV(make_pipeline(StandardScaler(), net()), {}, cv=2),
        make_pipeline(FrozenEstimator(plain)),
    ]
    for model in around:
        found = extrapolation_score(model.fit(X, y), rows)
        np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=repr(model))


def test_rotated_columns_are_those_that_count(data):
    X, y = data
    model = make_pipeline(StandardScaler(), PCA(2), net()).fit(X, y)
    off = (
        X[:1]
        + 50
        * StandardScaler().fit(X).scale_
        * np.linalg.svd(StandardScaler().fit_transform(X))[2][2]
    )
    assert extrapolation_score(model, off)[0] <= 1  # the steps drop this direction
    assert extrapolation_score(model, off, X_train=X)[0] > 10


def test_frames(data, rows):
    X, y = data
    names = ["a", "b", "c"]
    expected = extrapolation_score(net().fit(X, y), rows)
    for frame in (pd.DataFrame, pl.DataFrame):
        model = net().fit(frame(dict(zip(names, X.T, strict=True))), y)
        given = frame(dict(zip(names, rows.T, strict=True)))
        np.testing.assert_allclose(extrapolation_score(model, given), expected)
        train = frame(dict(zip(names, X.T, strict=True)))
        found = extrapolation_score(LINEAR, given, X_train=train)
        np.testing.assert_allclose(found, expected)
        with pytest.raises(ValueError, match="in the same order"):
            extrapolation_score(LINEAR, given[["b", "a", "c"]], X_train=train)


@pytest.mark.parametrize("library", ["pandas", "polars", "object", "category"])
def test_categories(library):
    rng = np.random.default_rng(0)
    size = rng.normal(size=90)
    colour = np.array(["red", "green", "blue"])[np.arange(90) % 3]
    size[colour == "blue"] += 20

    def rows(size, colour):
        if library == "object":
            return np.array([[*pair] for pair in zip(size, colour, strict=True)], "O")
        columns = {"size": size, "colour": colour}
        if library == "polars":
            return pl.DataFrame(columns, strict=False)
        frame = pd.DataFrame(columns)
        return frame.astype({"colour": "category"}) if library == "category" else frame

    train = rows(size, colour)
    some = rows([0.0, 0.0, 0.0, 0.0], ["red", "blue", "black", None])
    score = extrapolation_score(LINEAR, some, X_train=train)
    assert score[0] < 1 < score[1] < np.inf
    np.testing.assert_array_equal(score[2:], np.inf)
    train = rows(size, np.where(colour == "red", None, colour))
    assert extrapolation_score(LINEAR, some, X_train=train)[3] == score[0]


def test_missing_numbers_count_as_the_mean(data):
    X, _ = data
    gaps, row = X.copy(), X[:1].copy()
    gaps[5, 1] = row[0, 1] = np.nan
    at_mean = np.array([[row[0, 0], np.nanmean(gaps[:, 1]), row[0, 2]]])
    model = make_pipeline(SimpleImputer(), net()).fit(gaps, X[:, 0])
    for train in (gaps, None):
        found, expected = extrapolation_score(
            model, np.vstack([row, at_mean]), X_train=train
        )
        assert found == pytest.approx(expected, rel=1e-9)
    infinite = [[np.inf, 100, -5]]
    assert extrapolation_score(LINEAR, infinite, X_train=gaps)[0] == np.inf


def test_the_fit_does_not_depend_on_what_is_kept(data):
    X, y = data
    random_state = np.random.RandomState(0)
    torch_state = torch.get_rng_state().clone()
    model = net(random_state=random_state).fit(X, y)
    own = np.random.RandomState(0)
    own.randint(2**31 - 1)  # the one draw of a fit
    assert random_state.randint(2**31 - 1) == own.randint(2**31 - 1)
    assert torch.equal(torch.get_rng_state(), torch_state)
    again = net(random_state=1).fit(X, y)
    np.testing.assert_array_equal(model._reference.rows, again._reference.rows)


def test_what_is_kept(data, rows):
    X, y = data
    weight = np.ones(len(X))
    weight[:50] = 0
    model = net().fit(X, y, sample_weight=weight)
    assert model._reference.n_seen == len(model._reference.rows) == 100
    expected = brute_force(X[50:], rows)
    np.testing.assert_allclose(extrapolation_score(model, rows), expected)
    for copied in (pickle.loads(pickle.dumps(model)), deepcopy(model)):
        found = extrapolation_score(copied, rows)
        np.testing.assert_array_equal(found, extrapolation_score(model, rows))
    assert not hasattr(clone(model), "_reference")
    with pytest.raises(NotFittedError):
        extrapolation_score(clone(model), rows)
    big = net().fit(np.tile(X, (20, 1)), np.tile(y, 20))
    assert big._reference.rows.shape == (MAX_REFERENCE_ROWS, 3)
    assert big._reference.n_seen == 3000


def test_a_fit_that_goes_on(data):
    X, y = data
    model = net(warm_start=True).fit(X, y)
    model.fit(X[:70] + 1, y[:70])
    assert model._reference.n_seen == 70
    np.testing.assert_allclose(model._reference.low, X[:70].min(axis=0) + 1)
    scaled = model.x_scaler_.transform(X[:70] + 1)
    np.testing.assert_array_equal(model._reference.rows, scaled)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(X * np.nan, y)
    assert model._reference.n_seen == 70

    adam = net(solver="adam").partial_fit(X[:100], y[:100])
    adam.partial_fit(X[100:], y[100:])
    scaled = adam.x_scaler_.transform(X)
    np.testing.assert_allclose(adam._reference.rows, scaled)
    np.testing.assert_array_equal(adam._reference.high, X.max(axis=0))
    del adam._reference  # as a pickle of an earlier version
    adam.partial_fit(X, y)
    assert score_if_known(adam, X) is None


def test_reservoir():
    def itself(X):
        return X

    counts = np.zeros(5000)
    n_draws = 0
    for start in range(0, 400, 2):
        reference = Reference(np.empty((0, 1)), np.zeros(1), np.zeros(1), 0)
        for part in np.split(np.arange(5000.0), [1500 + start, 2500 + start]):
            reference = reference.with_more(part[:, None], itself)
        assert reference.rows.shape == (MAX_REFERENCE_ROWS, 1)
        chosen = reference.rows[:, 0].astype(int)
        assert len(set(chosen)) == MAX_REFERENCE_ROWS
        counts[chosen] += 1
        n_draws += 1
    # every fifth of the rows is drawn as often as the others
    fifths = counts.reshape(5, 1000).mean(axis=1) / n_draws
    np.testing.assert_allclose(fifths, 0.4, atol=0.02)
    place, source = sampled(4000, 0)
    assert sorted(place) == list(range(MAX_REFERENCE_ROWS))
    assert source.max() < 4000


def test_nothing_to_compare_with(data):
    X, y = data
    model = net().fit(X, y)
    del model._reference
    assert score_if_known(model, X) is None
    with pytest.raises(ValueError, match=r"Fit it again, or pass .* `X_train`"):
        extrapolation_score(make_pipeline(StandardScaler(), model), X)
    for other in (
        LinearRegression().fit(X, y),
        torch.nn.Linear(3, 1),
        make_pipeline(StandardScaler(), LinearRegression()).fit(X, y),
        GridSearchCV(net(), {}, cv=2, refit=False).fit(X, y),
    ):
        assert score_if_known(other, X) is None
        with pytest.raises(ValueError, match=f"^{type(other).__name__} keeps no"):
            extrapolation_score(other, X)
    unfitted = GridSearchCV(net(), {}, cv=2)
    with pytest.raises(NotFittedError):
        extrapolation_score(unfitted, X)


def test_other_columns(data):
    X, y = data
    with pytest.raises(ValueError, match="X has 2 columns, but `X_train` has 3"):
        extrapolation_score(LINEAR, X[:, :2], X_train=X)
    words = np.array([["1.0", "a", "2"]], dtype=object)
    with pytest.raises(ValueError, match=r"columns \[0, 1, 2\] of X are not numbers"):
        extrapolation_score(LINEAR, words, X_train=X)
    with pytest.raises(ValueError, match="X has 2 features"):
        extrapolation_score(net().fit(X, y), X[:, :2])


def test_no_chunk_is_lost(monkeypatch, data, rows):
    X, y = data
    model = net().fit(X, y)
    expected = extrapolation_score(model, rows)
    from sklearn_nnderiv.inspection import _columns, _extrapolation

    monkeypatch.setattr(_extrapolation, "_N_ROWS", 7)
    monkeypatch.setattr(_columns, "_CHUNK_SIZE", 30)
    np.testing.assert_array_equal(extrapolation_score(model, rows), expected)
    np.testing.assert_allclose(extrapolation_score(model, rows, X_train=X), expected)


@pytest.mark.filterwarnings("error")
def test_infinite_cells_of_training_rows_are_no_edge():
    X_train = np.random.default_rng(0).normal(size=(200, 2))
    model = LinearRegression().fit(X_train, X_train[:, 0])
    X_train[3, 0], X_train[5, 1] = np.inf, -np.inf
    score = extrapolation_score(model, [[0, 0], [np.inf, 0]], X_train=X_train)
    assert score[0] < 1
    assert score[1] == np.inf
    found = linearize(model, [0.0, 0.0], X_train=X_train)
    known = np.ma.masked_invalid(X_train)
    np.testing.assert_allclose(found.radius, 0.05 * (known.max(0) - known.min(0)))
