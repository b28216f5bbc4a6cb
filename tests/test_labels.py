"""Training on derivatives, against functions whose derivatives are known."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
import skorch
import torch
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import BaggingRegressor
from sklearn.feature_selection import VarianceThreshold
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PolynomialFeatures,
    PowerTransformer,
    StandardScaler,
)
from skorch.callbacks import EpochScoring
from skorch.dataset import Dataset
from skorch.helper import predefined_split

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv.exceptions import DerivativeWarning
from sklearn_nnderiv.metrics import jacobian_r2_scorer

OFFSET, SCALE = np.array([0.0, 500.0, 0.0]), np.array([1.0, 100.0, 0.01])


def function(X):
    """Return y and its Jacobian, of units far from one."""
    a, b, c = ((X - OFFSET) / SCALE).T
    y = 5 + 20 * (np.exp(a) * np.sin(2 * b) + c**2)
    slopes = np.exp(a) * np.sin(2 * b), 2 * np.exp(a) * np.cos(2 * b), 2 * c
    return y, 20 * np.stack(slopes, axis=1) / SCALE


def sample(n, seed=0):
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 3)) * SCALE + OFFSET
    return X, *function(X)


X, y, J = sample(40)
X_TEST, Y_TEST, J_TEST = sample(300, seed=1)


def error(model, truth=J_TEST):
    """Return the relative error of the Jacobian, for features of one spread."""
    difference = (model.predict_jacobian(X_TEST) - truth) * SCALE
    return np.sqrt((difference**2).sum() / ((truth * SCALE) ** 2).sum())


def regressor(**options):
    return DifferentiableRegressor(random_state=0, **options)


class Small(torch.nn.Module):
    """A module of the user's."""

    def __init__(self, n_features_in=3, n_outputs=1):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(n_features_in, 24),
            torch.nn.BatchNorm1d(24),
            torch.nn.Tanh(),
            torch.nn.Linear(24, n_outputs),
        )

    def forward(self, x):
        return self.layers(x)


def user_net(**options):
    return skorch.NeuralNetRegressor(
        Small, max_epochs=200, lr=0.01, optimizer=torch.optim.Adam, **options
    )


# ------------------------------------------------------------ labels are of use

OPTIONS = {
    "lm": {},
    "lm with alpha": {"alpha": 1e-6, "n_candidates": 1, "max_iter": 60},
    "lm, minmax": {
        "x_scaler": "minmax",
        "y_scaler": "passthrough",
        "n_candidates": 1,
    },
    "lm, one layer": {"hidden_layer_sizes": 20, "activation": "tanh"},
    "lm, features of features": {
        "x_scaler": make_pipeline(
            StandardScaler(), PolynomialFeatures(2, include_bias=False)
        ),
        "n_candidates": 1,
        "max_iter": 60,
    },
    "lbfgs": {"solver": "lbfgs", "max_iter": 200},
    "lbfgs, float32": {"solver": "lbfgs", "max_iter": 200, "dtype": "float32"},
    "lbfgs, power": {
        "solver": "lbfgs",
        "max_iter": 200,
        "x_scaler": PowerTransformer(),
        "y_scaler": make_pipeline(
            MinMaxScaler((1, 2)), FunctionTransformer(np.log, np.exp)
        ),
    },
    "lbfgs, own activation": {
        "solver": "lbfgs",
        "max_iter": 200,
        "activation": torch.nn.Mish,
    },
    "adam": {"solver": "adam", "max_iter": 200},
    "adam, held-out rows": {
        "solver": "adam",
        "max_iter": 200,
        "early_stopping": True,
        "hidden_layer_sizes": (32, 32),
    },
    "net": {"net": user_net()},
    "net without split": {"net": user_net(train_split=None)},
}


SHORT = {"lm": {"max_iter": 20}, "adam": {"max_iter": 10}, "net": {"net": user_net()}}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS.keys())
def test_labels_improve_the_derivative(options):
    without = error(regressor(**options).fit(X, y))
    model = regressor(**options).fit(X, y, jacobian=J)
    assert error(model) < 0.75 * without
    other = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(other.predict(X_TEST), model.predict(X_TEST))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["lm", "adam", "net"])
def test_fits_with_labels_repeat_bit_by_bit(name):
    first, second = (
        regressor(**{**OPTIONS[name], **SHORT[name]}).fit(X, y, jacobian=J)
        for _ in range(2)
    )
    np.testing.assert_array_equal(
        first.predict_jacobian(X_TEST), second.predict_jacobian(X_TEST)
    )


def test_labels_of_every_kind_improve_the_fit_by_evidence():
    without = error(regressor().fit(X, y))
    assert error(regressor().fit(X, y, jacobian=J)) < 0.02 * without
    some = np.where(np.random.default_rng(0).random(J.shape) < 0.25, np.nan, J)
    assert error(regressor().fit(X, y, jacobian=some)) < 0.1 * without
    one = np.where(np.arange(3) == 1, J, np.nan)
    assert error(regressor().fit(X, y, jacobian=one)) < 0.5 * without
    few = np.where(np.arange(40)[:, None] < 20, J, np.nan)
    assert error(regressor().fit(X, y, jacobian=few)) < 0.5 * without


@pytest.mark.parametrize("n_unknown", [0, 1])
def test_two_outputs(n_unknown):
    Y, both = np.stack([y, y**2 / 100], axis=1), np.stack([J, y[:, None] * J / 50], 1)
    truth = np.stack([J_TEST, Y_TEST[:, None] * J_TEST / 50], axis=1)
    labels = both.copy()
    labels[: 8 * n_unknown, 0], labels[8 : 8 + 8 * n_unknown, 1, 2] = np.nan, np.nan

    def errors(model):
        difference = (model.predict_jacobian(X_TEST) - truth) * SCALE
        spread = ((truth * SCALE) ** 2).sum(axis=(0, 2))
        return np.sqrt((difference**2).sum(axis=(0, 2)) / spread)

    without = errors(regressor().fit(X, Y))
    assert (errors(regressor().fit(X, Y, jacobian=labels)) < 0.2 * without).all()


def test_a_scaler_that_mixes_outputs():
    Y, both = np.stack([y, y + 20 * X[:, 0]], axis=1), np.stack([J, J], axis=1)
    both[:, 1, 0] += 20
    model = regressor(y_scaler=PCA(whiten=True), solver="lbfgs", max_iter=600)
    truth = np.stack([J_TEST, J_TEST + np.array([20.0, 0, 0])], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        without = error(clone(model).fit(X, Y), truth)
        labelled = error(clone(model).fit(X, Y, jacobian=both), truth)
        both[:20, 0] = np.nan  # which hides the other output's too
        both[20:, 1] = np.nan
        nothing = clone(model).fit(X, Y, jacobian=both)
    assert labelled < 0.5 * without
    assert error(nothing, truth) == without


def test_a_scaler_that_drops_a_dimension():
    rng = np.random.default_rng(0)
    Z = rng.uniform(-1, 1, (25, 2))
    mixing = np.array([[1.0, 0.5, -1.0], [0.2, 1.0, 1.0]])
    W = Z @ mixing
    target = np.sin(2 * Z[:, 0]) * np.exp(Z[:, 1])
    own = np.stack([2 * np.cos(2 * Z[:, 0]) * np.exp(Z[:, 1]), target], axis=1)
    # the derivative in the plane of the data, none across
    labels = own @ np.linalg.pinv(mixing).T
    test = rng.uniform(-0.9, 0.9, (50, 2))
    truth = np.stack(
        [2 * np.cos(2 * test[:, 0]), np.sin(2 * test[:, 0])], axis=1
    ) * np.exp(test[:, 1:])
    model = regressor(x_scaler=PCA(2, whiten=True))

    def relative(model):
        found = model.predict_jacobian(test @ mixing) @ mixing.T
        return np.linalg.norm(found - truth) / np.linalg.norm(truth)

    without = relative(clone(model).fit(W, target))
    assert relative(clone(model).fit(W, target, jacobian=labels)) < 0.1 * without


@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_labels_along_a_constant_column_are_learnt(solver):
    flat = X.copy()
    flat[:, 2] = 0.003
    target, labels = function(flat)
    model = regressor(solver=solver, max_iter=600 if solver == "lbfgs" else "auto")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(flat, target, jacobian=labels)
    np.testing.assert_allclose(model.predict_jacobian(flat)[:, 2], 1200, rtol=0.02)
    model.fit(flat, target, jacobian=np.where(np.arange(3) == 2, np.nan, labels))
    np.testing.assert_array_equal(model.predict_jacobian(flat)[:, 2], 0)


@pytest.mark.parametrize("noise", [(0.05, 0.0), (0.0, 0.2)], ids=["values", "labels"])
def test_noise_of_either_is_told_apart_by_the_evidence(noise):
    rng = np.random.default_rng(3)
    target = y + noise[0] * y.std() * rng.standard_normal(y.shape)
    spread = np.sqrt((J**2).mean(axis=0))
    labels = J + noise[1] * spread * rng.standard_normal(J.shape)
    own = error(regressor().fit(X, target, jacobian=labels))
    common = error(regressor(jacobian_weight=1.0).fit(X, target, jacobian=labels))
    assert own < 0.7 * common


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_labels_that_are_half_noise_do_little_harm():
    rng = np.random.default_rng(3)
    spread = np.sqrt((J**2).mean(axis=0))
    labels = J + 0.5 * spread * rng.standard_normal(J.shape)
    alone = error(regressor().fit(X, y))
    assert error(regressor().fit(X, y, jacobian=labels)) < 1.2 * alone


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("weight", [1e-3, 1e-12])
def test_labels_of_almost_no_weight_are_hardly_residuals(weight):
    rng = np.random.default_rng(3)
    target = y + 0.2 * y.std() * rng.standard_normal(y.shape)
    alone = error(regressor().fit(X, target))
    model = regressor(jacobian_weight=weight).fit(X, target, jacobian=J)
    assert error(model) < 1.2 * alone


@pytest.mark.parametrize("n", [7])
def test_few_rows_with_labels_are_not_taken_for_noise(n):
    x = np.linspace(0, 300, n)[:, None]
    model = regressor().fit(x, np.sin(x.ravel() / 50), jacobian=np.cos(x / 50) / 50)
    between = np.linspace(0, 300, 50)[:, None]
    np.testing.assert_allclose(
        50 * model.predict_jacobian(between), np.cos(between / 50), atol=0.01
    )


def test_standard_deviations_know_of_labels():
    values = regressor().fit(X, y).predict_jacobian(X_TEST, return_std=True)[1]
    model = regressor().fit(X, y, jacobian=J)
    labelled = model.predict_jacobian(X_TEST, return_std=True)[1]
    assert np.median(labelled / values) < 0.2


# ---------------------------------------------------------- the same problem


def test_labels_that_are_all_unknown_change_nothing():
    doubled, target = np.vstack([X, X[:7]]), np.concatenate([y, y[:7]])
    for options in ({}, {"solver": "adam", "max_iter": 5}):
        plain = regressor(**options).fit(doubled, target)
        with pytest.warns(UserWarning, match="All of `jacobian` is NaN"):
            model = regressor(**options).fit(
                doubled, target, jacobian=np.full((47, 3), np.nan)
            )
        np.testing.assert_array_equal(
            model.predict_jacobian(X_TEST), plain.predict_jacobian(X_TEST)
        )


@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_a_weight_of_two_is_a_row_twice(solver):
    labels = np.where(np.random.default_rng(0).random(J.shape) < 0.3, np.nan, J)
    weight = np.random.default_rng(1).integers(0, 3, 40)
    options = {"solver": solver, "max_iter": 30}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        weighted = regressor(**options).fit(X, y, weight, jacobian=labels)
        rows = np.repeat(np.arange(40), weight)
        repeated = regressor(**options).fit(X[rows], y[rows], jacobian=labels[rows])
    np.testing.assert_allclose(
        weighted.predict_jacobian(X_TEST), repeated.predict_jacobian(X_TEST), rtol=1e-9
    )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("options", [{}, {"solver": "lbfgs"}], ids=["lm", "lbfgs"])
def test_weights_of_labels(options):
    options = {**options, "max_iter": 40}
    unknown = np.arange(3) == 1
    none = regressor(**options).fit(X, y, jacobian=np.where(unknown, np.nan, J))
    zero = regressor(**options, jacobian_weight=1.0 - unknown).fit(X, y, jacobian=J)
    ones = regressor(**options, jacobian_weight=1.0).fit(
        X, y, jacobian=np.where(unknown, np.nan, J)
    )
    expected = ones if options.get("solver") is None else none
    np.testing.assert_array_equal(zero.predict(X_TEST), expected.predict(X_TEST))
    # labels that contradict the values
    large = regressor(**options, jacobian_weight=100.0).fit(X, y, jacobian=1.3 * J)
    small = regressor(**options, jacobian_weight=1e-4).fit(X, y, jacobian=1.3 * J)

    def misfit(model):
        return abs((model.predict_jacobian(X) - 1.3 * J) * SCALE).mean()

    assert misfit(large) < 0.3 * misfit(small)
    assert abs(large.predict(X) - y).mean() > 3 * abs(small.predict(X) - y).mean()


def test_the_loss_is_the_documented_one():
    """By lbfgs, in scaled units, on a linear network whose optimum has a formula."""
    labels = np.where(np.random.default_rng(0).random(J.shape) < 0.3, np.nan, J)
    weight = np.random.default_rng(1).uniform(0.5, 2, 40)
    model = regressor(
        solver="lbfgs", hidden_layer_sizes=(), alpha=0.0, tol=0.0, max_iter=5000,
        jacobian_weight=2.0, x_scaler="minmax", y_scaler="maxabs",
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, y, weight, jacobian=labels)
    part = weight / weight.sum()
    step = np.sqrt((part[:, None] * (X - part @ X) ** 2).sum(axis=0))
    known = np.isfinite(labels)
    targets = np.where(known, labels * step, 0)
    variance = part @ (y - part @ y) ** 2
    every = weight[:, None] * known
    balance = variance / ((every * targets**2).sum() / every.sum())
    # unknowns: the slopes of one step in each feature, and the constant
    rows = [np.column_stack([(X - X.mean(0)) / step, np.ones(40)])]
    rows += [np.eye(4)[j][None].repeat(40, axis=0) for j in range(3)]
    target = np.concatenate([y, *targets.T])
    root = np.sqrt(np.concatenate([weight, *(2 * balance * every).T]))
    solution = np.linalg.lstsq(np.vstack(rows) * root[:, None], target * root)[0]
    np.testing.assert_allclose(
        model.predict_jacobian(X[:1])[0] * step, solution[:3], rtol=1e-6
    )


def test_going_on_with_labels():
    model = regressor(warm_start=True, max_iter=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        first = model.fit(X, y, jacobian=J).log_evidence_
        assert model.fit(X, y, jacobian=J).log_evidence_ > first + 10
    model = regressor(solver="adam")
    for _ in range(25):
        for rows in (slice(0, 20), slice(20, 40)):
            model.partial_fit(X[rows], y[rows], jacobian=J[rows])
    plain = regressor(solver="adam")
    for _ in range(25):
        for rows in (slice(0, 20), slice(20, 40)):
            plain.partial_fit(X[rows], y[rows])
    assert error(model) < 0.7 * error(plain)


def test_a_single_row_does_not_set_the_units_of_later_labels():
    first, whole = regressor(solver="adam"), regressor(solver="adam")
    for model in (first, whole):
        model.partial_fit(X, y)
    first.partial_fit(X[:1], y[:1], jacobian=J[:1])
    for model in (first, whole):
        model.partial_fit(X, y, jacobian=J)
    steps, factor = first._label_units
    np.testing.assert_array_equal(steps, whole._label_units[0])
    assert factor == whole._label_units[1]
    first.partial_fit(X[:5], y[:5], jacobian=J[:5])
    np.testing.assert_array_equal(steps, first._label_units[0])


@pytest.mark.parametrize("sample_weight", [None, np.linspace(0.5, 1.5, len(X))])
@pytest.mark.parametrize("labels", [None, J])
def test_scores_of_epochs_beside_labels_and_weights(labels, sample_weight):
    score = EpochScoring("r2", lower_is_better=False)
    net = user_net(callbacks=[("r2", score)]).set_params(max_epochs=3, train_split=None)
    score.set_params(on_train=True)
    model = regressor(net=net)
    model.fit(X, y, jacobian=labels, sample_weight=sample_weight)
    net = model.net_
    assert "notify" not in vars(net)
    assert len(net.history[:, "r2"]) == 3
    assert all(score < 1 for score in net.history[:, "r2"])


def test_the_net_is_as_it_was_after_a_fit_with_labels():
    model = regressor(net=user_net()).fit(X, y, jacobian=J)
    assert "get_loss" not in vars(model.net_)
    assert len(model.net_.history) == 200
    assert {"train_loss", "valid_loss"} <= set(model.net_.history[-1])


# ------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("target", "labels", "message"),
    [
        (y, J[:, None], r"Got \(40, 1, 3\) instead. With a y of one dimension"),
        (y[:, None], J, r"\(40, 1, 3\).* pass jacobian\[:, None\]"),
        (y, J[:20], r"\(40, 3\).* Got \(20, 3\)"),
        (y, J[:, :2], r"\(40, 3\).* Got \(40, 2\)"),
        (y, np.where(J[0, 0] == J, np.inf, J), "infinity in 1 of 120"),
        (np.stack([y, y], 1), np.stack([J, J], 2), "outputs and features the other"),
        (y, J.astype(object) + 1j, "complex"),
    ],
)
def test_labels_of_wrong_shape(target, labels, message):
    model = regressor(max_iter=3)
    with pytest.raises((ValueError, TypeError), match=message):
        model.fit(X, target, jacobian=labels)
    assert not hasattr(model, "net_")


def test_columns_of_a_frame_of_labels():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abc"))
    labels = pandas.DataFrame(J, columns=list("abc"))
    options = {"solver": "adam", "max_iter": 5}
    model = regressor(**options).fit(frame, y, jacobian=labels)
    np.testing.assert_array_equal(
        model.predict(frame), regressor(**options).fit(X, y, jacobian=J).predict(X)
    )
    with pytest.raises(ValueError, match=r"columns of `jacobian` must be those of X"):
        regressor().fit(frame, y, jacobian=labels[["b", "a", "c"]])


@pytest.mark.parametrize(
    "weight", [-1.0, "all", [[1.0, -1.0, 1.0]], [1.0, 2.0], [np.nan]]
)
def test_wrong_weights_of_labels(weight):
    with pytest.raises(ValueError, match="jacobian_weight"):
        regressor(jacobian_weight=weight).fit(X, y, jacobian=J)


# ----------------------------------------------------------------------- units

SCALERS = {
    "standard": (X.std(axis=0), y.std()),
    "minmax": (np.ptp(X, axis=0), np.ptp(y)),
    "maxabs": (abs(X).max(axis=0), abs(y).max()),
    "inputs only": (X.std(axis=0), 1.0),
    "target only": (np.ones(3), np.ptp(y)),
    "a factor": (np.full(3, 10.0), 1.0),
}


@pytest.mark.parametrize("units", SCALERS.values(), ids=SCALERS.keys())
def test_labels_in_scaled_units_are_noticed(units):
    x_unit, y_unit = units
    factor = x_unit / y_unit
    with pytest.warns(DerivativeWarning, match="times what differences of y") as caught:
        regressor(solver="lbfgs", max_iter=2, tol=1.0).fit(X, y, jacobian=J * factor)
    message = str(caught[0].message)
    found = [float(f) for f in message.split(" times")[0].split("is ")[1].split(", ")]
    columns = [int(j) for j in message.split("[")[1].split("]")[0].split(",")]
    np.testing.assert_allclose(found, factor[columns], rtol=0.35)


def test_right_labels_raise_no_alarm(rng):
    n_alarms = 0
    for seed in range(100):
        own, target, labels = sample(int(rng.integers(8, 60)), seed)
        target = target + rng.choice(
            [0, 0.1, 0.5]
        ) * target.std() * rng.standard_normal(target.shape)
        spread = np.sqrt((labels**2).mean(axis=0))
        labels = labels + rng.choice([0, 0.3, 1.0]) * spread * rng.standard_normal(
            labels.shape
        )
        labels[rng.random(labels.shape) < rng.choice([0, 0.25, 0.6])] = np.nan
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            regressor(solver="adam", max_iter=1, hidden_layer_sizes=2).fit(
                own, target, jacobian=labels
            )
        n_alarms += any("times what differences" in str(w.message) for w in caught)
    assert n_alarms <= 1


# --------------------------------------------------------------------- routing


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def test_labels_are_split_with_the_rows(routing):
    model = regressor(solver="lbfgs", max_iter=100).set_fit_request(jacobian=True)
    scorer = clone(jacobian_r2_scorer)
    folds = KFold(3, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        results = cross_validate(
            model, X, y, cv=folds, scoring=scorer, params={"jacobian": J}
        )
        expected = [
            scorer(
                clone(model).fit(X[a], y[a], jacobian=J[a]), X[b], y[b], jacobian=J[b]
            )
            for a, b in folds.split(X)
        ]
        search = GridSearchCV(
            model, {"hidden_layer_sizes": [(2,), (20,)]}, scoring=scorer, cv=folds
        ).fit(X, y, jacobian=J)
    np.testing.assert_allclose(results["test_score"], expected)
    assert search.best_params_ == {"hidden_layer_sizes": (20,)}
    assert search.best_score_ > 0.9


def test_bagging_hands_labels_on(routing):
    model = regressor(solver="lbfgs", max_iter=100).set_fit_request(jacobian=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bag = BaggingRegressor(
            model, 3, random_state=0, bootstrap=False, max_samples=30
        )
        bag.fit(X, y, jacobian=J)
        first, rows = bag.estimators_[0], bag.estimators_samples_[0]
        again = clone(first).fit(X[rows], y[rows], jacobian=J[rows])
    np.testing.assert_allclose(first.predict(X), again.predict(X), rtol=1e-6)


def test_labels_that_nobody_asked_for(routing):
    with pytest.raises(sklearn.exceptions.UnsetMetadataPassedError, match="jacobian"):
        GridSearchCV(regressor(), {"alpha": [1e-3]}).fit(X, y, jacobian=J)


# ---------------------------------------------------------------- odd data


def quick(**options):
    options = {"hidden_layer_sizes": 6, "activation": "tanh", **options}
    return regressor(n_candidates=1, max_iter=30, **options)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_labels_that_an_array_type_marks_as_unknown():
    unknown = np.random.default_rng(0).random(J.shape) < 0.3
    expected = quick().fit(X, y, jacobian=np.where(unknown, np.nan, J)).predict(X)
    masked = np.ma.array(np.where(unknown, 1e6, J), mask=unknown)
    np.testing.assert_array_equal(
        quick().fit(X, y, jacobian=masked).predict(X), expected
    )
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(J).astype("Float64").mask(unknown, pandas.NA)
    np.testing.assert_array_equal(
        quick().fit(X, y, jacobian=frame).predict(X), expected
    )


@pytest.mark.parametrize(
    ("labels", "message"), [(J + 1j, "Complex"), (csr_array(J), "Sparse.*jacobian")]
)
def test_labels_of_wrong_kind(labels, message):
    with pytest.raises((ValueError, TypeError), match=message):
        quick().fit(X, y, jacobian=labels)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("p", "q"), [(-500, 500), (600, 0), (0, 600), (900, 900)])
def test_units_of_any_size(p, q):
    x_unit, y_unit = 2.0**p, 2.0**q
    model = quick(x_scaler="minmax", y_scaler="minmax")
    expected = model.fit(X, y, jacobian=J).predict(X_TEST)
    model.fit(X * x_unit, y * y_unit, jacobian=J * (y_unit / x_unit))
    found = model.predict(X_TEST * x_unit) / y_unit
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.filterwarnings("ignore")
def test_a_column_that_is_constant_up_to_rounding():
    noise = np.random.default_rng(0).choice([-1, 0, 1], 40) * np.spacing(0.3)
    table, labels = np.column_stack([X, 0.3 + noise]), np.column_stack([J, [25.0] * 40])
    model = regressor(hidden_layer_sizes=6, n_candidates=1)
    found = model.fit(table, y, jacobian=labels).predict_jacobian(table)
    np.testing.assert_allclose(found[:, 3], 25, rtol=0.05)


@pytest.mark.filterwarnings("ignore")
def test_labels_along_what_the_network_does_not_see_are_no_noise():
    table, labels = np.column_stack([X, [0.3] * 40]), np.column_stack([J, [25.0] * 40])
    scaler = make_pipeline(VarianceThreshold(), StandardScaler())
    model = quick(x_scaler=scaler)
    unknown = np.where(np.arange(4) == 3, np.nan, labels)
    np.testing.assert_allclose(
        model.fit(table, y, jacobian=labels).predict(table),
        clone(model).fit(table, y, jacobian=unknown).predict(table),
        rtol=1e-6,
    )
    # left out when the fit began
    later = quick(warm_start=True).fit(table, y).fit(table, y, jacobian=labels)
    other = quick(warm_start=True).fit(table, y).fit(table, y, jacobian=unknown)
    np.testing.assert_allclose(later.log_evidence_, other.log_evidence_, rtol=0.1)


def test_kinds_of_loss_and_of_held_out_rows_of_a_net():
    one = {"train_split": None, "max_epochs": 1, "lr": 0.0, "batch_size": -1}
    net = user_net().set_params(**one)
    loss = regressor(net=net).fit(X, y, jacobian=J).loss_curve_[0]
    net = clone(net).set_params(criterion__reduction="sum")
    total = regressor(net=net).fit(X, y, jacobian=J).loss_curve_[0]
    np.testing.assert_allclose(total, 40 * loss)
    held_out = predefined_split(Dataset(X[:5], y[:5, None]))
    net = user_net().set_params(max_epochs=1, train_split=held_out)
    assert np.isfinite(
        regressor(net=net).fit(X, y, jacobian=J).net_.history[-1]["valid_loss"]
    )
