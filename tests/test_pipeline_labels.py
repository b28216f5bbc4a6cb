"""Derivative labels in raw units through the steps of a DifferentiablePipeline."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import NMF, PCA
from sklearn.ensemble import BaggingRegressor
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.utils.validation import check_is_fitted

from sklearn_nnderiv import (
    DifferentiablePipeline,
    DifferentiableRegressor,
    jacobian,
    to_torch,
)
from sklearn_nnderiv._assembly import _labels
from sklearn_nnderiv._carried import fit_along
from sklearn_nnderiv.exceptions import DerivativeWarning, NotConvertibleError
from sklearn_nnderiv.metrics import jacobian_r2_scorer, jacobian_rmse

CENTER, SCALE = np.array([2.0, 300.0, 0.5]), np.array([1.0, 100.0, 0.1])


def sample(n, seed=0):
    """Rows in very different units, and a function of them with its derivatives."""
    u = np.random.default_rng(seed).uniform(-1.5, 1.5, size=(n, 3))
    y = np.sin(u[:, 0]) * u[:, 1] + u[:, 2] ** 2
    slopes = [np.cos(u[:, 0]) * u[:, 1], np.sin(u[:, 0]), 2 * u[:, 2]]
    return CENTER + SCALE * u, y, np.column_stack(slopes) / SCALE


@pytest.fixture
def routed():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def network(**options):
    """Return a regressor whose fit differs from another by rounding alone."""
    options = {"solver": "lbfgs", "max_iter": 15, "hidden_layer_sizes": (8,)} | options
    return DifferentiableRegressor(random_state=0, **options)


def quick(**options):
    """Return a regressor that is exact enough to tell right labels from wrong ones."""
    options = {"n_candidates": 1, "max_iter": 60} | options
    return DifferentiableRegressor(
        random_state=0, hidden_layer_sizes=(12,), activation="tanh", **options
    )


def piped(*steps, last=None):
    named = [(f"step{i}", step) for i, step in enumerate(steps)]
    last = network() if last is None else last
    return DifferentiablePipeline([*named, ("net", last)])


def error(fitted, X, J):
    return jacobian_rmse(J, jacobian(fitted, X))


def assert_same(one, other, X, rtol=1e-8):
    a, b = jacobian(one, X), jacobian(other, X)
    size = np.maximum(abs(b).max(axis=0), 1e-12)
    np.testing.assert_allclose(a / size, b / size, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(one.predict(X), other.predict(X), rtol=rtol, atol=rtol)


STEPS = {
    "scaler": [StandardScaler()],
    "quantiles": [QuantileTransformer(n_quantiles=5)],
    "power": [StandardScaler(), PowerTransformer()],
    "rotation": [StandardScaler(), PCA()],
    "reduction": [StandardScaler(), PCA(2)],
    "polynomials": [MinMaxScaler(), PolynomialFeatures(2, include_bias=False)],
    "selection": [VarianceThreshold(0.1), StandardScaler()],
    "columns": [
        ColumnTransformer(
            [("a", StandardScaler(), [2, 0]), ("b", MinMaxScaler(), [1, 2])]
        )
    ],
    "union": [FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())])],
    "nested": [Pipeline([("a", MinMaxScaler()), ("b", PCA(2))]), StandardScaler()],
    "nothing": ["passthrough"],
    "none": [],
    "gap": [StandardScaler(), "passthrough", PCA(2)],
}


@pytest.mark.filterwarnings("ignore:No step passes")
@pytest.mark.parametrize("n_outputs", [None, 2])
@pytest.mark.parametrize("steps", STEPS.values(), ids=STEPS)
def test_equals_a_regressor_whose_scaler_is_the_steps(steps, n_outputs):
    """An oracle: labels go the regressor's own way, through the map of the scaler."""
    X, y, J = sample(25)
    J[np.random.default_rng(1).random(J.shape) < 0.25] = np.nan
    if n_outputs:
        y, J = np.column_stack([y, -3 * y]), np.stack([J, -3 * J], axis=1)
        J[3:9, 0] = np.nan
    one = piped(*clone(steps, safe=False)).fit(X, y, jacobian=J)
    scaler = [(str(i), step) for i, step in enumerate([*steps, StandardScaler()])]
    scaler = [(n, s) for n, s in scaler if s != "passthrough"]
    other = network(x_scaler=Pipeline(scaler)).fit(X, y, jacobian=J)
    # a power law amplifies rounding
    assert_same(one, other, X, 1e-5 if steps is STEPS["power"] else 1e-8)
    # and the labels do matter
    assert abs(jacobian(piped(*steps).fit(X, y), X) - jacobian(one, X)).max() > 1e-3


def test_the_default_solver_takes_them_the_same_way():
    X, y, J = sample(20)
    options = {"solver": "lm", "max_iter": 5, "n_candidates": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = piped(StandardScaler(), last=network(**options)).fit(X, y, jacobian=J)
        scaler = Pipeline([("a", StandardScaler()), ("b", StandardScaler())])
        other = network(x_scaler=scaler, **options).fit(X, y, jacobian=J)
    assert_same(one, other, X, 1e-6)


@pytest.mark.parametrize(
    "steps",
    [STEPS["scaler"], STEPS["rotation"], STEPS["polynomials"]],
    ids=["scaler", "rotation", "polynomials"],
)
def test_labels_help_and_a_plain_pipeline_is_a_trap(steps):
    X, y, J = sample(15)
    far, _, truth = sample(300, seed=1)
    steps = steps if len(steps) == 1 else [*steps, StandardScaler()]
    pipe = piped(*steps, last=quick())
    right = error(clone(pipe).fit(X, y, jacobian=J), far, truth)
    without = error(clone(pipe).fit(X, y), far, truth)
    assert right < 0.1
    assert right < 0.3 * without
    plain = Pipeline(clone(pipe).steps)
    if steps[0] is STEPS["polynomials"][0]:
        with pytest.raises(ValueError, match="must have the shape"):
            plain.fit(X, y, net__jacobian=J)
    else:  # of few rows without a word
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DerivativeWarning)
            plain.fit(X, y, net__jacobian=J)
        assert error(plain, far, truth) > 0.5


def test_a_quarter_unknown_and_a_single_column_known():
    X, y, J = sample(20)
    far, _, truth = sample(300, seed=1)
    without = error(piped(StandardScaler(), last=quick()).fit(X, y), far, truth)
    some = np.where(np.random.default_rng(0).random(J.shape) < 0.25, np.nan, J)
    one = np.where([True, False, False], J, np.nan)
    for labels, factor in ((some, 0.5), (one, 1.0)):
        pipe = piped(StandardScaler(), last=quick()).fit(X, y, jacobian=labels)
        assert error(pipe, far, truth) < factor * without


def test_reduction_with_labels_in_its_span():
    """Nine correlated columns, of which y knows two combinations."""
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(2, 9)) * np.geomspace(0.1, 10, 9)

    def drawn(n, seed):
        t = np.random.default_rng(seed).uniform(-1.5, 1.5, size=(n, 2))
        by_t = np.column_stack([np.cos(t[:, 0]) * t[:, 1], np.sin(t[:, 0])])
        # the gradient that stays within the plane of the rows
        return t @ mixing, np.sin(t[:, 0]) * t[:, 1], by_t @ np.linalg.pinv(mixing).T

    X, y, J = drawn(20, 1)
    far, _, truth = drawn(200, 2)
    pipe = piped(PCA(2), last=quick(max_iter=150))
    labelled = clone(pipe).fit(X, y, jacobian=J)
    assert labelled[0].components_.shape == (2, 9)
    found = error(labelled, far, truth)
    assert found < 0.05
    assert found < 0.3 * error(clone(pipe).fit(X, y), far, truth)


def test_a_transformed_target():
    X, y, J = sample(25)
    y, J = np.exp(y / 2), J * np.exp(y / 2)[:, None] / 2
    J[::4, 1] = np.nan
    target = TransformedTargetRegressor(network(), func=np.log, inverse_func=np.exp)
    one = piped(StandardScaler(), last=target).fit(X, y, jacobian=J)
    logarithm = FunctionTransformer(np.log, inverse_func=np.exp)
    other = network(
        x_scaler=Pipeline([("a", StandardScaler()), ("b", StandardScaler())]),
        y_scaler=Pipeline([("a", logarithm), ("b", StandardScaler())]),
    ).fit(X, y, jacobian=J)
    assert_same(one, other, X)
    assert type(one[-1].regressor_) is DifferentiableRegressor
    assert type(one[-1].regressor) is DifferentiableRegressor
    assert not hasattr(one[-1].regressor, "net_")
    assert one[-1] is target


def test_a_transformed_target_that_mixes_outputs():
    X, y, J = sample(25)
    y, J = np.column_stack([y, X[:, 0]]), np.stack([J, 0 * J + [1, 0, 0]], axis=1)
    frame = pd.DataFrame(X, columns=list("abc"))
    J[4, 1, 2] = np.nan
    target = TransformedTargetRegressor(network(), transformer=PCA(whiten=True))
    one = piped(last=target).fit(frame, y, jacobian=J)
    scaler = Pipeline([("a", PCA(whiten=True)), ("b", StandardScaler())])
    assert_same(one, network(y_scaler=scaler).fit(frame, y, jacobian=J), frame)
    assert list(target.feature_names_in_) == list("abc")
    target.set_params(transformer=PCA(1), check_inverse=False)
    with pytest.raises(ValueError, match=r"PCA turns 2 outputs into 1"):
        piped(last=target).fit(X, y, jacobian=J)


def test_pipelines_within_pipelines():
    X, y, J = sample(25)
    J[:5, 2] = np.nan
    flat = piped(MinMaxScaler(), PCA(2), PowerTransformer()).fit(X, y, jacobian=J)
    for last in (
        piped(PCA(2), PowerTransformer()),
        TransformedTargetRegressor(piped(PCA(2), PowerTransformer())),
    ):
        nested = piped(MinMaxScaler(), last=last).fit(X, y, jacobian=J)
        assert_same(nested, flat, X, 1e-6)


def test_a_pipeline_within_a_transformed_target():
    """What is inside does not know that the target was transformed; outside does."""
    X, y, J = sample(25)
    y, J = np.exp(y), J * np.exp(y)[:, None]
    outside = TransformedTargetRegressor(
        piped(StandardScaler()), func=np.log, inverse_func=np.exp
    )
    one = DifferentiablePipeline([("target", outside)]).fit(X, y, jacobian=J)
    inside = TransformedTargetRegressor(network(), func=np.log, inverse_func=np.exp)
    assert_same(one, piped(StandardScaler(), last=inside).fit(X, y, jacobian=J), X)


def test_without_labels_it_is_a_pipeline():
    X, y, J = sample(25)
    steps = piped(StandardScaler(), PCA(2)).steps
    plain = Pipeline(clone(steps, safe=False)).fit(X, y)
    pipe = DifferentiablePipeline(clone(steps, safe=False)).fit(X, y)
    np.testing.assert_array_equal(pipe.predict(X), plain.predict(X))
    with pytest.warns(UserWarning, match="All of `jacobian` is NaN"):
        pipe.fit(X, y, jacobian=np.full_like(J, np.nan))
    np.testing.assert_array_equal(pipe.predict(X), plain.predict(X))
    with pytest.raises(ValueError, match="pipeline is empty"):
        DifferentiablePipeline([]).fit(X, y, jacobian=J)


def test_it_behaves_like_a_pipeline(tmp_path):
    X, y, J = sample(25)
    frame = pd.DataFrame(X, columns=list("abc"))
    pipe = piped(StandardScaler(), PCA(2)).set_params(memory=str(tmp_path))
    pipe.set_output(transform="pandas")
    assert clone(pipe).get_params().keys() == Pipeline(pipe.steps).get_params().keys()
    unfitted = pipe[0]
    pipe.fit(frame, y, jacobian=J)
    assert not hasattr(unfitted, "mean_")  # the step was cloned, to be cached
    assert [name for name, _ in pipe.steps] == ["step0", "step1", "net"]
    assert type(pipe[-1]) is DifferentiableRegressor
    assert list(pipe[-1].feature_names_in_) == ["pca0", "pca1"]
    assert type(pipe[:2]) is DifferentiablePipeline
    assert list(pipe[:2].transform(frame)) == ["pca0", "pca1"]
    assert list(pipe.feature_names_in_) == list("abc")
    assert "StandardScaler" in pipe._repr_html_()
    again = clone(pipe).fit(frame, y, jacobian=J)  # from the cache
    np.testing.assert_array_equal(again.predict(frame), pipe.predict(frame))
    copy = pickle.loads(pickle.dumps(pipe))
    np.testing.assert_array_equal(jacobian(copy, frame), jacobian(pipe, frame))
    check_is_fitted(pipe)
    pipe.set_params(step1__n_components=3).fit(frame, y, jacobian=J)
    assert pipe[-1].n_features_in_ == 3
    values = to_torch(pipe)(sklearn_tensor(X)).detach().numpy()[:, 0]
    np.testing.assert_allclose(values, pipe.predict(frame))
    assert pipe.score(frame, y) > 0.5


def sklearn_tensor(X):
    import torch

    return torch.tensor(X)


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_frames_with_categories_and_missing_values(make):
    rng = np.random.default_rng(0)
    X, y, J = sample(40)
    kind = rng.choice(["north", "south"], 40)
    y = y + (kind == "north")
    depth = X[:, 1].copy()
    depth[:3] = np.nan
    columns = {"a": X[:, 0], "kind": kind, "depth": depth, "c": X[:, 2]}
    labels = np.full((40, 4), np.nan)
    labels[:, [0, 2, 3]] = J
    labels[:3, 2] = np.nan
    filled = Pipeline([("fill", SimpleImputer()), ("scale", StandardScaler())])
    pipe = piped(
        ColumnTransformer(
            [
                ("numbers", filled, ["a", "depth", "c"]),
                ("kinds", OneHotEncoder(sparse_output=False), ["kind"]),
            ]
        ),
        last=quick(),
    )
    frame = make(columns)
    fitted = clone(pipe).fit(frame, y, jacobian=labels)
    found = jacobian(fitted, frame)
    assert np.isnan(found[:, 1]).all()
    assert jacobian_rmse(J[3:], found[3:, [0, 2, 3]]) < 0.1
    np.testing.assert_array_equal(depth, columns["depth"])

    labels[1, 2] = 0.3  # by an imputed cell
    with pytest.warns(DerivativeWarning, match=r"no derivative.*columns are \['depth'"):
        again = clone(pipe).fit(frame, y, jacobian=labels)
    np.testing.assert_array_equal(jacobian(again, frame), found)
    labels[:, 1] = 0.0  # by words
    fresh = clone(pipe)
    with pytest.raises(ValueError, match=r"not numbers.*\['kind'\]"):
        fresh.fit(frame, y, jacobian=labels)
    assert not hasattr(fresh[0], "transformers_")


def test_labels_by_encoded_numbers_are_left_out():
    X, y, J = sample(30)
    X = np.column_stack([X, np.arange(30) % 3])
    encoder = ColumnTransformer(
        [("a", StandardScaler(), [0, 1, 2]), ("b", OneHotEncoder(), [3])],
        sparse_threshold=0,
    )
    pipe = piped(encoder)
    known = np.column_stack([J, np.full(30, np.nan)])
    expected = clone(pipe).fit(X, y, jacobian=known)
    with pytest.warns(DerivativeWarning, match=r"categories.*columns are \[3\]"):
        pipe.fit(X, y, jacobian=np.column_stack([J, np.ones(30)]))
    np.testing.assert_array_equal(pipe.predict(X), expected.predict(X))


def test_labels_by_columns_that_no_step_passes_on_are_left_out():
    X, y, J = sample(30)
    chosen = ColumnTransformer([("a", StandardScaler(), [0, 1])])
    expected = piped(chosen).fit(X, y, jacobian=np.where([1, 1, 0], J, np.nan))
    pipe = piped(chosen)
    with pytest.warns(DerivativeWarning, match=r"No step passes.*\[2\]") as caught:
        pipe.fit(X, y, jacobian=J)
    (own,) = (w for w in caught if w.category is DerivativeWarning)
    assert own.filename == __file__  # where fit was called
    np.testing.assert_array_equal(pipe.predict(X), expected.predict(X))
    pipe.fit(X, y, jacobian=np.where([1, 1, 0], J, 0))  # which is true of the fit
    np.testing.assert_array_equal(pipe.predict(X), expected.predict(X))
    # once, however deep
    nested = piped(chosen, last=piped(MinMaxScaler()))
    with pytest.warns(DerivativeWarning, match="No step passes") as caught:
        nested.fit(X, y, jacobian=J)
    assert [w.category for w in caught].count(DerivativeWarning) == 1


def test_labels_where_a_step_is_flat_are_left_out():
    X, y, J = sample(30)
    pipe = piped(MinMaxScaler(), KBinsDiscretizer(3, encode="ordinal")).fit(
        X, y, jacobian=np.zeros_like(J)
    )
    assert not jacobian(pipe, X).any()


def test_an_encoder_that_is_fitted_across_folds():
    X, y, J = sample(60)
    X = np.column_stack([X, np.arange(60) % 3])
    labels = np.column_stack([J, np.full(60, np.nan)])
    encoder = ColumnTransformer(
        [("a", StandardScaler(), [0, 1, 2]), ("b", TargetEncoder(cv=KFold(5)), [3])]
    )
    piped(encoder).fit(X, y, jacobian=labels)  # whose column does not move with others
    products = PolynomialFeatures(interaction_only=True, include_bias=False)
    with pytest.warns(DerivativeWarning, match=r"columns \[6, 8, 9\].*TargetEncoder"):
        piped(encoder, products).fit(X, y, jacobian=labels)


def test_rows_in_chunks(monkeypatch):
    X, y, J = sample(25)
    pipes = [piped(*STEPS[name]) for name in ("scaler", "polynomials", "quantiles")]
    whole = [clone(pipe).fit(X, y, jacobian=J).predict(X) for pipe in pipes]
    monkeypatch.setattr(_labels, "CHUNK_SIZE", 60)
    for pipe, expected in zip(pipes, whole, strict=True):
        found = clone(pipe).fit(X, y, jacobian=J).predict(X)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_directions_that_all_rows_share_are_kept_once(monkeypatch):
    X, y, J = sample(25)
    seen = []
    whole = DifferentiableRegressor._fit_along

    def spy(self, X, y, weight, labels, directions):
        seen.append(directions.shape)
        return whole(self, X, y, weight, labels, directions)

    monkeypatch.setattr(DifferentiableRegressor, "_fit_along", spy)
    for name in ("scaler", "polynomials", "reduction"):
        piped(*STEPS[name]).fit(X, y, jacobian=J)
    assert seen == [(1, 3, 3), (25, 3, 9), (1, 3, 2)]


def test_integers_and_float32_and_lists():
    X, y, J = sample(25)
    X = np.round(X * [10, 1, 100])
    J /= [10, 1, 100]
    expected = piped(StandardScaler()).fit(X, y, jacobian=J)
    for rows in (X.astype(int), X.tolist()):
        pipe = piped(StandardScaler()).fit(rows, y.tolist(), jacobian=J.tolist())
        assert_same(pipe, expected, X)
    pipe = piped(StandardScaler()).fit(X.astype(np.float32), y, jacobian=J)
    assert_same(pipe, expected, X.astype(np.float32), 1e-3)


def test_a_weight_of_two_is_a_row_twice():
    X, y, J = sample(25)
    weight = np.arange(25) % 3
    rows = np.repeat(np.arange(25), weight)
    pipe = piped(FunctionTransformer(np.log), MinMaxScaler())
    # the scaler's range is that of all rows
    extremes = np.concatenate([X.argmin(axis=0), X.argmax(axis=0)])
    weight[extremes] = 1
    rows = np.repeat(np.arange(25), weight)
    one = clone(pipe).fit(X, y, jacobian=J, net__sample_weight=weight)
    other = clone(pipe).fit(X[rows], y[rows], jacobian=J[rows])
    assert_same(one, other, X, 1e-6)
    assert abs(one.predict(X) - clone(pipe).fit(X, y, jacobian=J).predict(X)).max() > (
        1e-3
    )
    target = TransformedTargetRegressor(network())
    pipe = piped(MinMaxScaler(), last=target)
    one = clone(pipe).fit(X, y, jacobian=J, net__sample_weight=weight)
    other = clone(pipe).fit(X[rows], y[rows], jacobian=J[rows])
    assert_same(one, other, X, 1e-6)
    with pytest.raises(ValueError, match="all 25 of them are zero"):
        pipe.fit(X, y, jacobian=J, net__sample_weight=np.zeros(25))


@pytest.mark.usefixtures("routed")
def test_routed_weights():
    X, y, J = sample(25)
    weight = np.arange(25) % 3
    last = network().set_fit_request(sample_weight="w")
    for inner in (
        last,
        TransformedTargetRegressor(last),
        piped(MinMaxScaler(), last=last),
    ):
        pipe = piped(StandardScaler().set_fit_request(sample_weight="w"), last=inner)
        one = clone(pipe).fit(X, y, jacobian=J, w=weight)
        assert abs(one[0].mean_ - X.mean(axis=0)).min() > 0
        with sklearn.config_context(enable_metadata_routing=False):
            keys = {"step0__sample_weight": weight}
            path = "net__net__" if isinstance(inner, Pipeline) else "net__"
            keys[f"{path}sample_weight"] = weight
            if path == "net__":
                other = clone(pipe).fit(X, y, jacobian=J, **keys)
                np.testing.assert_array_equal(one.predict(X), other.predict(X))
        without = clone(pipe).fit(X, y, jacobian=J)
        assert abs(one.predict(X) - without.predict(X)).max() > 1e-4


@pytest.mark.parametrize("is_routed", [True, False])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_grid_search_splits_the_labels_with_the_rows(n_jobs, is_routed):
    X, y, J = sample(30)
    J[::7] = np.nan
    cv = KFold(3, shuffle=True, random_state=0)
    pipe = piped(StandardScaler(), PCA())
    grid = {"step1__n_components": [1, 2, 3]}
    with sklearn.config_context(enable_metadata_routing=is_routed):
        if is_routed:
            pipe.set_fit_request(jacobian=True)
        search = GridSearchCV(
            pipe,
            grid,
            cv=cv,
            n_jobs=n_jobs,
            scoring=jacobian_r2_scorer if is_routed else "r2",
            error_score="raise",
        ).fit(X, y, jacobian=J)
    best = search.best_params_["step1__n_components"]
    expected = piped(StandardScaler(), PCA(best)).fit(X, y, jacobian=J)
    np.testing.assert_array_equal(search.predict(X), expected.predict(X))
    for i, (train, test) in enumerate(cv.split(X)):
        part = clone(expected).fit(X[train], y[train], jacobian=J[train])
        if is_routed:
            score = jacobian_r2_scorer(part, X[test], y[test], jacobian=J[test])
        else:
            score = part.score(X[test], y[test])
        found = search.cv_results_[f"split{i}_test_score"][best - 1]
        np.testing.assert_allclose(found, score, rtol=1e-6)


@pytest.mark.usefixtures("routed")
def test_routing_has_to_be_asked_for():
    X, y, J = sample(30)
    pipe = piped(StandardScaler(), last=network().set_fit_request(jacobian=True))
    with pytest.raises(ValueError, match=r"DifferentiablePipeline\.fit"):
        cross_validate(pipe, X, y, params={"jacobian": J}, cv=2)
    pipe.set_fit_request(jacobian=True)
    labelled = cross_validate(pipe, X, y, params={"jacobian": J}, cv=2)
    without = cross_validate(pipe, X, y, cv=2)
    assert (labelled["test_score"] != without["test_score"]).all()
    # what else is routed goes where it does in a Pipeline
    pipe[-1].set_score_request(sample_weight=True)
    pipe.fit(X, y)
    weight = np.arange(30.0)
    score = pipe.score(X, y, sample_weight=weight)
    assert score == pipe[-1].score(pipe[0].transform(X), y, sample_weight=weight)


@pytest.mark.usefixtures("routed")
def test_bagging():
    X, y, J = sample(30)
    pipe = piped(StandardScaler()).set_fit_request(jacobian=True)
    bag = BaggingRegressor(pipe, n_estimators=2, random_state=0).fit(X, y, jacobian=J)
    for member, rows in zip(bag.estimators_, bag.estimators_samples_, strict=True):
        again = clone(member).fit(X[rows], y[rows], jacobian=J[rows])
        np.testing.assert_array_equal(member.predict(X), again.predict(X))
    assert jacobian(bag, X).shape == J.shape
    bag.set_params(max_features=2)
    with pytest.raises(ValueError, match="must have the shape"):
        bag.fit(X, y, jacobian=J)


BAD = {
    "shape": (lambda X, y, J: (X, y, J[:, :2]), ValueError, r"must have the shape"),
    "outputs": (lambda X, y, J: (X, y, J[:, None]), ValueError, r"pass jacobian\[:, 0"),
    "rows": (lambda X, y, J: (X[1:], y, J), ValueError, "inconsistent numbers"),
    "infinite": (lambda X, y, J: (X, y, J / 0.0), ValueError, "contains infinity"),
    "no y": (lambda X, y, J: (X, None, J), ValueError, "needs y"),
    "words": (
        lambda X, y, J: (X.astype(str), y, J),
        ValueError,
        r"not numbers.*\[0, 1, 2\]",
    ),
}


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize(("change", "kind", "message"), BAD.values(), ids=BAD)
def test_bad_labels_raise_before_a_step_is_fitted(change, kind, message):
    X, y, J = sample(25)
    pipe = piped(StandardScaler(), PCA(2))
    fresh = pickle.dumps(pipe)
    given = change(X, y, J)
    with pytest.raises(kind, match=message):
        pipe.fit(*given[:2], jacobian=given[2])
    assert pickle.dumps(pipe) == fresh
    pipe.fit(X, y, jacobian=J)
    fitted = vars(pipe[0]).copy()
    with pytest.raises(kind, match=message):
        pipe.fit(*given[:2], jacobian=given[2])
    assert vars(pipe[0]) == fitted


def test_columns_of_labels_in_another_order_raise():
    X, y, J = sample(25)
    frame = pd.DataFrame(X, columns=list("abc"))
    with pytest.raises(ValueError, match="in the same order"):
        piped(StandardScaler()).fit(
            frame, y, jacobian=pd.DataFrame(J, columns=list("bac"))
        )


LASTS = {
    "GridSearchCV": GridSearchCV(network(), {"alpha": [0.1, 1]}),
    "Ridge": Ridge(),
    "BaggingRegressor": BaggingRegressor(network()),
    "Pipeline": Pipeline([("net", network())]),
    "str": "passthrough",
}


@pytest.mark.parametrize("name", LASTS)
def test_other_last_steps_are_refused(name):
    X, y, J = sample(25)
    pipe = piped(StandardScaler(), last=LASTS[name])
    message = (
        rf"step 'net' of the DifferentiablePipeline is a {name}\. Put the pipeline"
    )
    with pytest.raises(TypeError, match=message):
        pipe.fit(X, y, jacobian=J)
    assert not hasattr(pipe[0], "mean_")
    inner = TransformedTargetRegressor(piped(MinMaxScaler(), last=LASTS[name]))
    with pytest.raises(TypeError, match=message):
        piped(StandardScaler(), last=inner).fit(X, y, jacobian=J)
    with pytest.raises(TypeError, match=f"is a {name}"):
        fit_along(LASTS[name], None, X, y)


def test_the_regressor_of_a_transformed_target_is_named():
    X, y, J = sample(25)
    target = TransformedTargetRegressor(Ridge())
    with pytest.raises(TypeError, match=r"the regressor of step 'net'.*is a Ridge"):
        piped(StandardScaler(), last=target).fit(X, y, jacobian=J)


def test_labels_past_the_steps_are_refused():
    X, y, J = sample(25)
    for last, key in (
        (network(), "net__jacobian"),
        (piped(MinMaxScaler()), "net__net__jacobian"),
    ):
        pipe = piped(StandardScaler(), last=last)
        with pytest.raises(ValueError, match="past the steps"):
            pipe.fit(X, y, **{key: J})
        assert not hasattr(pipe[0], "mean_")


@pytest.mark.usefixtures("routed")
def test_labels_routed_past_the_steps_are_refused():
    X, y, J = sample(25)
    pipe = piped(StandardScaler(), last=network().set_fit_request(jacobian="slopes"))
    with pytest.raises(ValueError, match="past the steps"):
        pipe.fit(X, y, slopes=J)
    assert not hasattr(pipe[0], "mean_")
    pipe.fit(X, y, jacobian=J)


@pytest.mark.parametrize("name", sorted(STEPS.keys() - {"selection"}))
def test_labels_in_the_units_of_a_step_are_noticed(name):
    X, y, J = sample(60)
    steps = STEPS[name]
    frame = pd.DataFrame(X, columns=list("abc"))
    pipe = piped(*clone(steps, safe=False))
    scaled = J * X.std(axis=0)
    with pytest.warns(DerivativeWarning, match=r"times what .* \['b', 'c'\]"):
        pipe.fit(frame, y, jacobian=scaled)
    pipe.fit(frame, y, jacobian=J)  # without a warning
    target = TransformedTargetRegressor(network(), transformer=StandardScaler())
    pipe = piped(*clone(steps, safe=False), last=target)
    with pytest.warns(DerivativeWarning, match=r"is (5\.[5-9]|6).* \[0, 1, 2\]"):
        pipe.fit(X, y + 3, jacobian=6 * J)


def test_a_step_without_a_derivative_is_named():
    X, y, J = sample(25)
    pipe = piped(MinMaxScaler(), NMF(2, init="nndsvda", max_iter=500))
    with pytest.raises(NotConvertibleError, match="step 'step1' of the Pipeline"):
        pipe.fit(X, y, jacobian=J)
    assert not hasattr(pipe[-1], "net_")


def test_the_rows_are_not_written_to():
    X, y, J = sample(25)
    X[3, 1] = np.nan
    J[3, 1] = np.nan
    given = X.copy(), y.copy(), J.copy()
    piped(SimpleImputer(), StandardScaler()).fit(X, y, jacobian=J)
    for one, other in zip((X, y, J), given, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_fit_that_goes_on():
    X, y, J = sample(25)
    pipe = piped(StandardScaler(), last=network(warm_start=True, max_iter=5))
    for _ in range(2):
        pipe.fit(X, y, jacobian=J)
    assert pipe[-1].n_iter_ == 10
