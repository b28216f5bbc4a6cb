"""Columns that are not numbers, or become constants, against differences of predict."""

import gc
import tracemalloc
import warnings
import weakref

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_transformer,
)
from sklearn.ensemble import (
    BaggingRegressor,
    RandomTreesEmbedding,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.experimental import enable_iterative_imputer
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import RegressorChain
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)

from sklearn_nnderiv import (
    DifferentiableRegressor,
    functional,
    hessian,
    hvp,
    jacobian,
    jvp,
    laplacian,
    to_torch,
    value_and_jacobian,
    vjp,
)
from sklearn_nnderiv._derivatives import _columns, _evaluation
from sklearn_nnderiv.exceptions import NotConvertibleError

assert enable_iterative_imputer

WORDS = ["fine", "good", "bad", "ugly", "old"]
NUMBERS = ["a", "b", "c"]


def frame_of(n, seed=0):
    """Rows of three numbers, categories, integers, text, and a number not used."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "city": rng.choice(["x", "y", "z"], n),
            "a": rng.gamma(3.0, size=n) + 0.2,
            "b": 10 * rng.normal(size=n),
            "k": rng.integers(0, 4, n),
            "text": [" ".join(rng.choice(WORDS, 3)) for _ in range(n)],
            "c": rng.uniform(-1, 1, n),
            "unused": rng.normal(size=n),
        }
    )


@pytest.fixture
def frame():
    return frame_of(60)


@pytest.fixture
def target(frame):
    y = np.sqrt(frame.a) * (1 + (frame.city == "x")) + frame.b * frame.c + frame.k
    return y.to_numpy()


def encoder(**options):
    return OneHotEncoder(handle_unknown="ignore", **options)


def preparation(**options):
    return ColumnTransformer(
        [
            ("power", PowerTransformer(), ["b", "a"]),
            ("cat", encoder(), ["city", "k"]),
            ("text", TfidfVectorizer(), "text"),
            ("spline", SplineTransformer(4, extrapolation="continue"), ["c"]),
        ],
        **options,
    )


def network():
    return MLPRegressor(
        hidden_layer_sizes=(5,), activation="tanh", max_iter=20, random_state=0
    )


def differences(function, frame, column, step=1e-4):
    """Fourth-order differences of a function of frames by one of the numbers."""

    def moved(factor):
        other = frame.copy()
        other[column] = other[column] + factor * step
        return np.asarray(function(other))

    inner, outer = moved(1) - moved(-1), moved(2) - moved(-2)
    return (8 * inner - outer) / (12 * step)


def check(fitted, frame, columns, method="predict", rtol=1e-10):
    """Hold values and derivatives by some columns against the method; NaN by others."""
    function = getattr(fitted, method)
    values, J = value_and_jacobian(fitted, frame, method=method)
    truth = function(frame)
    truth = truth.toarray() if hasattr(truth, "toarray") else np.asarray(truth)
    np.testing.assert_allclose(values, truth.astype(float), rtol=rtol, atol=1e-12)
    assert J.shape == (*truth.shape, frame.shape[1])
    H = hessian(fitted, frame[:5], method=method)
    for j, name in enumerate(frame.columns):
        if name not in columns:
            assert np.isnan(J[..., j]).all(), name
            assert np.isnan(H[..., j, :]).all(), name
            assert np.isnan(H[..., :, j]).all(), name
            continue
        expected = differences(function, frame, name)
        assert abs(J[..., j] - expected).max() < 1e-6 * abs(expected).max() + 1e-8, name
        places = [frame.columns.get_loc(name) for name in columns]

        def slopes(frame, places=places):
            return jacobian(fitted, frame, method=method)[..., places]

        expected = differences(slopes, frame[:5], name, 1e-3)
        found = H[..., places, j]
        assert abs(found - expected).max() < 1e-4 * abs(expected).max() + 1e-7, name
    return J


COLUMNS = [*NUMBERS, "unused"]
FITTED = {
    "linear": make_pipeline(preparation(), Ridge()),
    "network": make_pipeline(preparation(), network()),
    "dense, weighted": make_pipeline(
        preparation(
            sparse_threshold=0,
            transformer_weights={"cat": 2.0, "power": 3, "text": 0.5},
        ),
        network(),
    ),
    "scaled afterwards": make_pipeline(
        preparation(), StandardScaler(with_mean=False), network()
    ),
    "search": GridSearchCV(
        TransformedTargetRegressor(
            make_pipeline(preparation(), network()), transformer=StandardScaler()
        ),
        {"regressor__mlpregressor__alpha": [1e-4, 1e-2]},
        cv=2,
    ),
    "union": make_pipeline(
        make_union(preparation(), make_column_transformer((PowerTransformer(), ["a"]))),
        Ridge(),
    ),
    "voting": VotingRegressor(
        [
            ("m", make_pipeline(preparation(), network())),
            ("c", make_pipeline(make_column_transformer((encoder(), ["k"])), Ridge())),
        ],
        weights=[1, 2],
    ),
    "stacking": StackingRegressor(
        [("m", make_pipeline(preparation(), network()))],
        make_pipeline(
            make_column_transformer(
                (SplineTransformer(extrapolation="continue"), [0]),
                (encoder(), [1]),
                (StandardScaler(), [2]),
            ),
            Ridge(),
        ),
        passthrough=True,
        cv=2,
    ),
    "nested branches": make_pipeline(
        ColumnTransformer(
            [
                ("numbers", make_union(StandardScaler(), PowerTransformer()), NUMBERS),
                (
                    "words",
                    make_pipeline(encoder(), StandardScaler(with_mean=False)),
                    ["city"],
                ),
                (
                    "both",
                    ColumnTransformer(
                        [("k", encoder(), ["k"]), ("a", PowerTransformer(), ["a"])]
                    ),
                    ["a", "k"],
                ),
                ("text", HashingVectorizer(n_features=16), "text"),
            ]
        ),
        network(),
    ),
}


@pytest.mark.parametrize("name", FITTED)
def test_mixed_frames(name, frame, target):
    fitted = clone(FITTED[name]).fit(frame, target)
    J = check(fitted, frame, COLUMNS)
    assert (J[:, frame.columns.get_loc("unused")] == 0).all()
    with pytest.raises(NotConvertibleError, match="evaluated by scikit-learn for rows"):
        to_torch(fitted)


def test_a_network_of_this_package(frame, target):
    model = DifferentiableRegressor(
        hidden_layer_sizes=(4,), solver="lbfgs", max_iter=20, random_state=0
    )
    fitted = make_pipeline(preparation(sparse_threshold=0), model).fit(frame, target)
    check(fitted, frame, COLUMNS)


@pytest.mark.parametrize(
    "coder",
    [
        OneHotEncoder(drop="first", min_frequency=3, sparse_output=False),
        OrdinalEncoder(),
        TargetEncoder(cv=2, target_type="continuous"),
        make_pipeline(OrdinalEncoder(), OneHotEncoder()),
        FunctionTransformer(lambda X: X.apply(lambda column: column.str.len())),
    ],
)
def test_encoders(coder, frame, target):
    frame = frame[["a", "city", "text"]]
    columns = make_column_transformer(
        (coder, ["city", "text"]), remainder=PowerTransformer()
    )
    check(make_pipeline(columns, network()).fit(frame, target), frame, ["a"])


def test_transformers_alone(frame, target):
    fitted = preparation().fit(frame)
    J = check(fitted, frame, COLUMNS, "transform")
    assert J.shape[2] == 7
    chain = make_pipeline(fitted, StandardScaler(with_mean=False)).fit(frame)
    np.testing.assert_allclose(
        jacobian(chain, frame), J / chain[-1].scale_[:, None], rtol=1e-10
    )


def test_a_column_that_is_both_number_and_category(frame, target):
    columns = make_column_transformer(
        (PowerTransformer(), ["k", "a"]), (encoder(), ["k"])
    )
    fitted = make_pipeline(columns, network()).fit(frame[["a", "k"]], target)
    check(fitted, frame[["a", "k"]], ["a"])


@pytest.mark.parametrize("verbose", [True, False])
@pytest.mark.parametrize("output", ["pandas", "polars"])
def test_frames_between_steps(output, verbose, frame, target):
    """Words pass through the first step, and are encoded by name in the second."""
    first = ColumnTransformer(
        [("p", PowerTransformer(), ["a", "b"]), ("same", "passthrough", ["city", "c"])],
        verbose_feature_names_out=verbose,
    ).set_output(transform=output)
    names = ["same__city", "p__b"] if verbose else ["city", "b"]
    second = ColumnTransformer(
        [("cat", OneHotEncoder(sparse_output=False), names[:1])],
        remainder=PowerTransformer(),
    ).set_output(transform=output)
    fitted = make_pipeline(first, second, network()).fit(frame, target)
    check(fitted, frame, [*COLUMNS, "k"])


def test_arrays_of_objects_and_lists(frame, target):
    X = frame[["a", "city", "b", "k"]].to_numpy(dtype=object)
    columns = ColumnTransformer(
        [("n", PowerTransformer(), [2, 0]), ("c", encoder(), [1, -1])]
    )
    fitted = make_pipeline(columns, network()).fit(X, target)
    values, J = value_and_jacobian(fitted, X)
    np.testing.assert_allclose(values, fitted.predict(X), rtol=1e-10)
    assert np.isnan(J).all(axis=0).tolist() == [False, True, False, True]
    named = frame[["a", "city", "b", "k"]]
    by_name = make_pipeline(
        ColumnTransformer(
            [("n", PowerTransformer(), ["b", "a"]), ("c", encoder(), ["city", "k"])]
        ),
        network(),
    ).fit(named, target)
    np.testing.assert_allclose(J, jacobian(by_name, named), rtol=1e-6)
    np.testing.assert_allclose(jacobian(fitted, X[:5].tolist()), J[:5], rtol=1e-13)


def test_categories_in_arrays_of_numbers(frame, target):
    X = frame[["a", "k", "b"]].to_numpy()
    columns = make_column_transformer((encoder(), [1]), remainder=PowerTransformer())
    fitted = make_pipeline(columns, network()).fit(X, target)
    J = jacobian(fitted, X)
    assert np.isnan(J).all(axis=0).tolist() == [False, True, False]
    scale = np.array([1e-3, 0, 1e-3])
    for j in (0, 2):
        step = np.eye(3)[j] * scale[j]
        truth = (fitted.predict(X + step) - fitted.predict(X - step)) / 2e-3
        np.testing.assert_allclose(J[:, j], truth, rtol=1e-5, atol=1e-7)


def test_polars(frame, target):
    columns = ["a", "city", "c", "b"]
    fitted = make_pipeline(
        make_column_transformer(
            (PowerTransformer(), ["b", "a"]), (encoder(), ["city"]), remainder="drop"
        ),
        Ridge(),
    ).fit(pl.DataFrame(frame[columns].to_dict("list")), target)
    rows = pl.DataFrame(frame[columns].to_dict("list"))
    J = jacobian(fitted, rows)
    assert np.isnan(J).all(axis=0).tolist() == [False, True, False, False]
    other = rows.select(["city", "b", "a"]).with_columns(b=pl.col("b").cast(pl.Float64))
    np.testing.assert_array_equal(jacobian(fitted, other), J[:, [1, 3, 0]])
    missing = rows.with_columns(c=pl.lit(None, dtype=pl.Float64))
    assert np.isnan(jacobian(fitted, missing)[:, 2]).all()


def gaps(frame, share=0.2):
    rng = np.random.default_rng(1)
    frame = frame.copy()
    for name in ("a", "b", "city"):
        frame[name] = frame[name].mask(rng.random(len(frame)) < share)
    return frame


def imputing(regressor, **options):
    return make_pipeline(
        ColumnTransformer(
            [
                (
                    "numbers",
                    make_pipeline(SimpleImputer(**options), PowerTransformer()),
                    NUMBERS,
                ),
                (
                    "words",
                    make_pipeline(SimpleImputer(strategy="most_frequent"), encoder()),
                    ["city"],
                ),
            ]
        ),
        regressor,
    )


@pytest.mark.parametrize("regressor", [Ridge(), network()])
@pytest.mark.parametrize(
    "options", [{}, {"strategy": "median", "add_indicator": True}], ids=str
)
def test_missing_cells(regressor, options, frame, target):
    frame = gaps(frame)
    fitted = imputing(regressor, **options).fit(frame, target)
    values, J = value_and_jacobian(fitted, frame)
    np.testing.assert_allclose(values, fitted.predict(frame), rtol=1e-10)
    is_missing = frame[NUMBERS].isna().to_numpy()
    for j, name in enumerate(NUMBERS):
        found = J[:, frame.columns.get_loc(name)]
        np.testing.assert_array_equal(np.isnan(found), is_missing[:, j])
        truth = differences(fitted.predict, frame, name)
        known = ~is_missing[:, j]
        np.testing.assert_allclose(found[known], truth[known], rtol=1e-6, atol=1e-8)
    H = hessian(fitted, frame)
    undefined = np.isnan(J)
    np.testing.assert_array_equal(
        np.isnan(H), undefined[:, :, None] | undefined[:, None, :]
    )


def test_missing_cells_of_numbers_alone(frame, target):
    X = gaps(frame)[NUMBERS]
    steps = SimpleImputer(), StandardScaler(), network()
    fitted = make_pipeline(*steps).fit(X.to_numpy(), target)
    J = jacobian(fitted, X.to_numpy())
    np.testing.assert_array_equal(np.isnan(J), X.isna().to_numpy())
    filled = make_pipeline(*[step for _, step in fitted.steps[1:]])
    truth = jacobian(filled, fitted[0].transform(X.to_numpy()))
    np.testing.assert_allclose(np.where(np.isnan(J), truth, J), truth, rtol=1e-10)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        jacobian(filled, X.to_numpy())
    infinite = X.fillna(0.0).to_numpy()
    infinite[50, 1] = np.inf
    with pytest.raises(ValueError, match="Input X contains infinity"):
        jacobian(fitted, infinite)


def test_missing_cells_that_scalers_pass_on(frame):
    X = gaps(frame)[NUMBERS].to_numpy()
    scaler = StandardScaler().fit(X)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values, J = value_and_jacobian(scaler, X)
    np.testing.assert_allclose(values, scaler.transform(X), rtol=1e-12)
    missing = np.isnan(X)
    truth = np.tile(np.diag(1 / scaler.scale_), (len(X), 1, 1))
    truth[np.broadcast_to(missing[:, None], truth.shape)] = np.nan
    truth[missing] = np.nan
    np.testing.assert_allclose(J, truth, rtol=1e-12)


def test_missing_cells_in_unused_columns(frame, target):
    frame["unused"] = frame["unused"].mask(frame.index < 10)
    fitted = make_pipeline(preparation(), Ridge()).fit(frame, target)
    J = jacobian(fitted, frame)[:, frame.columns.get_loc("unused")]
    assert np.isnan(J[:10]).all()
    assert (J[10:] == 0).all()


IMPUTERS = [
    KNNImputer(),
    KNNImputer(weights="distance", add_indicator=True),
    IterativeImputer(max_iter=2),
]


@pytest.mark.parametrize("imputer", IMPUTERS, ids=str)
def test_imputers_by_other_columns(imputer, frame, target):
    """Exact without gaps; in rows with gaps, as far as what is filled in is fixed."""
    frame = gaps(frame)[NUMBERS]
    columns = make_column_transformer(
        (make_pipeline(StandardScaler(), imputer), ["a", "b"]),
        remainder=PowerTransformer(),
    )
    fitted = make_pipeline(columns, network()).fit(frame, target)
    values, J = value_and_jacobian(fitted, frame)
    np.testing.assert_allclose(values, fitted.predict(frame), rtol=1e-10)
    missing = frame.isna().to_numpy()
    undefined = missing
    if not (isinstance(imputer, KNNImputer) and imputer.weights == "uniform"):
        undefined = missing.any(axis=1)[:, None] & np.array([True, True, False])
    np.testing.assert_array_equal(np.isnan(J), undefined)
    truth = [differences(fitted.predict, frame, name) for name in NUMBERS]
    truth = np.where(undefined, np.nan, np.stack(truth, axis=1))
    np.testing.assert_allclose(J, truth, rtol=1e-6, atol=1e-8)
    with pytest.raises(NotConvertibleError, match="fills in what it computes from oth"):
        to_torch(fitted)


def test_imputers_that_are_bound_as_a_whole(frame, target):
    X = frame[NUMBERS].assign(d=np.nan).to_numpy()
    for imputer in (KNNImputer(), KNNImputer(keep_empty_features=True)):
        fitted = make_pipeline(imputer, Ridge()).fit(X, target)
        values, J = value_and_jacobian(fitted, X)
        np.testing.assert_allclose(values, fitted.predict(X), rtol=1e-10)
        assert np.isnan(J).all()
    X = frame[NUMBERS].where(gaps(frame)[NUMBERS].notna(), -99.0).to_numpy()
    fitted = make_pipeline(KNNImputer(missing_values=-99.0), Ridge()).fit(X, target)
    assert np.isnan(jacobian(fitted, X)).all()


def _marked(frame):
    """Return rows with -1 for missing ones, and where it is."""
    X = gaps(frame)[NUMBERS].fillna(-1.0)
    missing = X.to_numpy() == -1
    assert missing[:, :2].any(axis=0).all()
    assert (missing[:, 0] != missing[:, 1]).any()
    return X, missing


def _simple(**options):
    return SimpleImputer(missing_values=-1, **options)


MARKED = [
    _simple(),
    _simple(add_indicator=True),
    make_pipeline(_simple(), network()),
    make_pipeline("passthrough", _simple(add_indicator=True), Ridge()),
    make_pipeline(
        make_column_transformer(
            (make_pipeline(_simple(), StandardScaler()), ["b", "a"]),
            remainder=StandardScaler(),
        ),
        network(),
    ),
    make_pipeline(make_column_transformer((_simple(), ["b", "a", "c"])), Ridge()),
    MissingIndicator(missing_values=-1),
]


@pytest.mark.parametrize("estimator", MARKED, ids=str)
def test_a_number_that_stands_for_a_missing_one(estimator, frame, target):
    X, missing = _marked(frame)
    fitted = clone(estimator).fit(X, target)
    method = fitted.predict if hasattr(fitted, "predict") else fitted.transform

    def function(rows):
        return np.asarray(method(rows), dtype=float)

    J = jacobian(fitted, X)
    J = J.reshape(len(X), -1, 3)
    for i, name in enumerate(NUMBERS):
        assert np.isnan(J[missing[:, i], :, i]).all()
        truth = differences(function, X, name).reshape(len(X), -1)
        # what is not missing does not become so by small steps
        is_known = ~missing[:, i]
        np.testing.assert_allclose(
            J[is_known, :, i], truth[is_known], rtol=1e-6, atol=1e-8
        )
    np.testing.assert_array_equal(
        jacobian(fitted, X[:0:-1]), jacobian(fitted, X)[:0:-1]
    )
    along = np.where(missing, 0.0, [1.0, -2.0, 0.5])
    known = np.einsum("nkd,nd->nk", np.nan_to_num(J), along)
    found = jvp(fitted, X, along)
    np.testing.assert_allclose(found.reshape(len(X), -1), known, rtol=1e-9, atol=1e-12)
    found = jvp(fitted, X, np.ones_like(along)).reshape(len(X), -1)
    assert (np.isnan(found) == missing.any(axis=1)[:, None]).all()


def test_a_number_for_missing_ones_that_another_step_makes(frame, target):
    """A cell that a step makes of some columns is missing by all of these."""
    X = frame[NUMBERS].to_numpy().copy()
    X[3, :2] = 0.5, -2.0
    products = PolynomialFeatures(interaction_only=True, include_bias=False)
    fitted = make_pipeline(products, _simple(add_indicator=True), Ridge())
    J = jacobian(fitted.fit(X, target), X)
    assert np.isnan(J[3]).all()
    assert np.isfinite(np.delete(J, 3, axis=0)).all()


def test_columns_that_are_no_numbers_are_bound_with_their_imputer(frame):
    X = frame[["city", "a"]].to_numpy()
    imputer = SimpleImputer(missing_values="x", strategy="most_frequent")
    fitted = make_pipeline(imputer, encoder()).fit(X)
    assert np.isnan(jacobian(fitted, X)).all()


def test_bound_steps_in_the_middle(frame, target):
    X = frame[NUMBERS]
    trees = RandomTreesEmbedding(3, max_depth=2, random_state=0)
    union = FeatureUnion([("trees", trees), ("same", "passthrough")])
    fitted = make_pipeline(StandardScaler(), union, Ridge()).fit(X, target)
    assert np.isnan(jacobian(fitted, X)).all()  # trees take all columns
    some = make_column_transformer((trees, ["a"]), remainder=PowerTransformer())
    fitted = make_pipeline(some, StandardScaler(with_mean=False), Ridge())
    check(fitted.fit(X, target), X, ["b", "c"])


def test_ensembles_of_arrays_with_categories(frame, target):
    X = frame[["a", "k", "b"]]
    inner = make_pipeline(
        make_column_transformer((encoder(), [1]), remainder=PowerTransformer()), Ridge()
    )
    bagging = BaggingRegressor(inner, 3, random_state=0).fit(X.to_numpy(), target)
    J = jacobian(bagging, X.to_numpy())
    assert np.isnan(J).all(axis=0).tolist() == [False, True, False]
    y = np.column_stack([target, target**2])
    chain = RegressorChain(inner, order=[1, 0]).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check(chain, X, ["a", "b"], rtol=1e-9)


def test_bins_are_constant_and_not_bound(frame, target):
    X = frame[NUMBERS]
    bins = KBinsDiscretizer(
        3, encode="onehot-dense", quantile_method="averaged_inverted_cdf"
    )
    fitted = make_pipeline(make_union(bins, StandardScaler()), Ridge()).fit(X, target)
    J = jacobian(fitted, X)
    slopes = fitted[-1].coef_[-3:] / fitted[0].transformer_list[1][1].scale_
    np.testing.assert_allclose(J, np.tile(slopes, (60, 1)), rtol=1e-10)


def test_what_directions_along_undefined_columns_do(frame, target):
    fitted = make_pipeline(preparation(), network()).fit(frame, target)
    J, H = jacobian(fitted, frame), hessian(fitted, frame)
    known = ~np.isnan(J).all(axis=0)
    V = np.random.default_rng(0).normal(size=J.shape)
    V[:, ~known] = 0
    V[3, 0] = V[5, 4] = 1e-9
    moved, bent = jvp(fitted, frame, V), hvp(fitted, frame, V)
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(moved)), [3, 5])
    rest = np.setdiff1d(np.arange(60), [3, 5])
    truth = np.einsum("nj,nj->n", J[:, known], V[:, known])
    np.testing.assert_allclose(moved[rest], truth[rest], rtol=1e-9, atol=1e-12)
    assert np.isnan(bent[[3, 5]]).all()
    truth = np.einsum("njl,nl->nj", H[:, known][:, :, known], V[:, known])
    np.testing.assert_allclose(bent[rest][:, known], truth[rest], rtol=1e-8, atol=1e-11)
    assert np.isnan(bent[:, ~known]).all()
    np.testing.assert_allclose(vjp(fitted, frame, np.full(60, 2.0)), 2 * J, rtol=1e-10)
    assert np.isnan(laplacian(fitted, frame)).all()


def test_laplacian_of_frames_of_numbers(frame, target):
    X = frame[NUMBERS]
    fitted = make_pipeline(PowerTransformer(), network()).fit(X, target)
    truth = np.trace(hessian(fitted, X), axis1=1, axis2=2)
    np.testing.assert_allclose(laplacian(fitted, X), truth, rtol=1e-9)


def test_chunks_do_not_matter(frame, target, monkeypatch):
    frame = gaps(frame)
    fitted = imputing(network()).fit(frame, target)
    V, u = np.zeros(frame.shape), np.ones(60)
    V[:, 1] = 1
    names = [n for n in functional.__all__ if n != "to_torch"]
    along = {"jvp": [V], "hvp": [V], "vjp": [u]}

    def results():
        calls = {n: getattr(functional, n) for n in names}
        return {n: f(fitted, frame, *along.get(n, [])) for n, f in calls.items()}

    whole = results()
    monkeypatch.setattr(_columns, "MOST_ROWS", 7)
    for name, result in results().items():
        for one, other in zip(result, whole[name], strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)


def test_memory_does_not_grow_with_the_vocabulary(target, frame, monkeypatch):
    """All rows at a time would take 31 MB for the words alone."""
    columns = make_column_transformer(
        (HashingVectorizer(n_features=2**16), "text"), (StandardScaler(), NUMBERS)
    )
    fitted = make_pipeline(columns, Ridge()).fit(frame, target)
    jacobian(fitted, frame[:2])
    monkeypatch.setattr(_columns, "MOST_NUMBERS", 2**18)
    tracemalloc.start()
    J = jacobian(fitted, frame)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16e6
    slopes = (
        fitted[-1].coef_[-3:] / fitted[0].named_transformers_["standardscaler"].scale_
    )
    np.testing.assert_allclose(J[:, [1, 2, 5]], np.tile(slopes, (60, 1)), rtol=1e-10)


def test_unknown_categories_are_scikit_learns_matter(frame, target):
    columns = make_column_transformer((OneHotEncoder(), ["city"]), remainder="drop")
    fitted = make_pipeline(columns, Ridge()).fit(frame, target)
    frame.loc[40, "city"] = "new"
    with pytest.raises(ValueError, match="Found unknown categories"):
        jacobian(fitted, frame)


def test_what_cannot_be_bound(frame, target):
    class Lengths(StandardScaler):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return X[["a"]].to_numpy()

    mixed = frame[["a", "city"]]
    fitted = make_pipeline(Lengths(), Ridge()).fit(mixed, target)
    with pytest.raises(NotConvertibleError, match="overrides 'transform'"):
        jacobian(fitted, mixed)
    words = make_pipeline(make_column_transformer(("passthrough", ["city", "a"])))
    with pytest.raises(
        NotConvertibleError, match=r"columns that are not numbers: \[0\]"
    ):
        jacobian(words.fit(mixed), mixed)
    with pytest.raises(
        NotConvertibleError, match="Ridge is given columns that are not"
    ):
        jacobian(Ridge().fit(frame[["a", "b"]].to_numpy(), target), mixed.to_numpy())


def test_an_imputer_over_words_and_numbers_is_bound_as_a_whole(frame, target):
    frame = gaps(frame)[["a", "city", "c"]]
    both = ColumnTransformer(
        [("i", SimpleImputer(strategy="most_frequent"), ["a", "city"])],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    fitted = make_pipeline(
        both,
        make_column_transformer((encoder(), ["city"]), (StandardScaler(), ["a", "c"])),
        Ridge(),
    ).fit(frame, target)
    values, J = value_and_jacobian(fitted, frame)
    np.testing.assert_allclose(values, fitted.predict(frame), rtol=1e-10)
    assert np.isnan(J).all(axis=0).tolist() == [True, True, False]


def test_bound_maps_are_kept_until_something_changes(frame, target, monkeypatch):
    fitted = make_pipeline(preparation(), LinearRegression()).fit(frame, target)
    J = jacobian(fitted, frame)
    made = []
    bind = _evaluation.bind
    monkeypatch.setattr(_evaluation, "bind", lambda *a: made.append(1) or bind(*a))
    np.testing.assert_array_equal(jacobian(fitted, frame), J)
    np.testing.assert_array_equal(jacobian(fitted, frame[:3]), J[:3])
    assert made == []
    fitted[-1].coef_ *= 2
    np.testing.assert_allclose(jacobian(fitted, frame), 2 * J, rtol=1e-12)
    fitted.fit(frame, 3 * target)
    np.testing.assert_allclose(jacobian(fitted, frame), 3 * J, rtol=1e-8)
    jacobian(fitted, frame[[*frame.columns[::-1]]])
    assert len(made) == 3
    reference = weakref.ref(fitted)
    del fitted
    gc.collect()
    assert reference() is None


@pytest.mark.parametrize("regressor", ["process", "network"])
def test_standard_deviations_in_mixed_frames(regressor, frame, target):
    frame = frame[["city", "a", "b"]]
    columns = make_column_transformer(
        (StandardScaler(), ["b", "a"]), (encoder(sparse_output=False), ["city"])
    )
    last = GaussianProcessRegressor(alpha=0.1, normalize_y=True)
    if regressor == "network":
        last = DifferentiableRegressor(
            hidden_layer_sizes=(3,), activation="tanh", max_iter=20, random_state=0
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # indicators add up to one
        fitted = make_pipeline(columns, last).fit(frame, target)
        inner = fitted[0].transform(frame)
        *_, own_value, own = value_and_jacobian(fitted[-1], inner, return_std=True)
    other = frame[["b", "city", "a"]].assign(more=1.0)
    results = value_and_jacobian(fitted, other, return_std=True)
    np.testing.assert_allclose(results[2], own_value, rtol=1e-9)
    scale = fitted[0].named_transformers_["standardscaler"].scale_
    np.testing.assert_allclose(results[3][:, [0, 2]], own[:, :2] / scale, rtol=1e-9)
    assert np.isnan(results[3][:, 1]).all()
    assert (results[3][:, 3] == 0).all()
    np.testing.assert_array_equal(np.isnan(results[1]), np.isnan(results[3]))
