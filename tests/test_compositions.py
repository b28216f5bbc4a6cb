"""Compositions of converted parts against scikit-learn and central differences."""

import pickle

import numpy as np
import pandas as pd
import pytest
import skorch
import torch
from sklearn.base import clone
from sklearn.compose import (
    ColumnTransformer,
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingRegressor,
    RandomForestRegressor,
    StackingRegressor,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv
from sklearn.feature_selection import RFE, RFECV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)
from sklearn.multioutput import MultiOutputRegressor, RegressorChain
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

from sklearn_nnderiv import (
    DifferentiableRegressor,
    functional,
    hessian,
    jacobian,
    to_torch,
    value_and_jacobian,
)
from sklearn_nnderiv._maps import WeightedMedian
from sklearn_nnderiv.exceptions import NotConvertibleError

from .oracles import central_differences, relative_difference

assert enable_halving_search_cv

NAMES = ["a", "b", "c", "d"]


@pytest.fixture
def rows(rng):
    """80 rows of four positive inputs, and two outputs."""
    X = rng.gamma(3.0, size=(80, 4)) * [1.0, 10.0, 0.1, 1.0] + 0.1
    y = np.column_stack([np.sqrt(X[:, 0]) * X[:, 3] + 5, X[:, 1] + X[:, 2] ** 2])
    return X, y


def curved(alpha=1e-2):
    """A regressor that is not linear, and quick to fit."""
    return make_pipeline(PowerTransformer(), exponential(alpha))


def exponential(alpha=1e-2):
    return TransformedTargetRegressor(
        Ridge(alpha), func=np.log1p, inverse_func=np.expm1
    )


def second(X):
    return X[:, [1]]


def check(fitted, X, method, rtol=1e-12):
    """Hold values, Jacobian and Hessian against the method of the fitted object."""
    function = getattr(fitted, method)
    truth = np.asarray(function(X))
    values, J = value_and_jacobian(fitted, X, method=method)
    np.testing.assert_allclose(values, truth, rtol=rtol, atol=1e-12)
    module = to_torch(fitted, method)
    out = module(torch.tensor(np.asarray(X, dtype=float))).detach().numpy()
    np.testing.assert_allclose(
        out, truth.reshape(len(truth), -1), rtol=rtol, atol=1e-12
    )
    points = np.asarray(X, dtype=float)[:10]

    def of_rows(points):
        frame = type(X)(points, columns=X.columns) if hasattr(X, "columns") else points
        return np.asarray(function(frame))

    scale = 0.1 * points.std(axis=0)
    assert J.shape == (*truth.shape, X.shape[1])
    differences = central_differences(of_rows, points, scale)
    assert relative_difference(J[:10], differences) < 1e-6
    head = X[:10]

    def slopes(points):
        frame = type(X)(points, columns=X.columns) if hasattr(X, "columns") else points
        return jacobian(fitted, frame, method=method)

    H = hessian(fitted, head, method=method)
    differences = central_differences(slopes, points, scale)
    assert abs(H - differences).max() <= 1e-4 * abs(H).max() + 1e-9 * abs(J).max()
    return module


TRANSFORMERS = {
    "union": make_union(StandardScaler(), PowerTransformer()),
    "union with all": FeatureUnion(
        [
            ("scaler", MinMaxScaler()),
            ("dropped", "drop"),
            ("same", "passthrough"),
            ("power", make_pipeline(StandardScaler(), PowerTransformer())),
        ],
        transformer_weights={"scaler": 3.0, "same": -0.5},
    ),
    "union of nothing but passthrough": FeatureUnion([("same", "passthrough")]),
    "columns": ColumnTransformer(
        [
            ("power", PowerTransformer(), [3, 0]),
            ("dropped", "drop", [1]),
            ("same", "passthrough", [2, 0]),
            ("scaler", StandardScaler(), [0, 1, 2]),
        ],
        transformer_weights={"power": 2.0, "same": 3.0},
    ),
    "columns of every kind": ColumnTransformer(
        [
            ("mask", PowerTransformer(), [False, True, False, True]),
            ("slice", StandardScaler(), slice(1, 3)),
            ("negative", MinMaxScaler(), [-1]),
            ("callable", StandardScaler(), lambda X: [0]),
            ("none", StandardScaler(), []),
            ("one", FunctionTransformer(np.log), slice(0, 1)),
        ],
        sparse_threshold=1.0,
        verbose_feature_names_out=False,
    ),
    "remainder": ColumnTransformer(
        [("power", PowerTransformer(), [2])], remainder="passthrough"
    ),
    "remainder by estimator": ColumnTransformer(
        [("dropped", "drop", [0])], remainder=make_pipeline(PowerTransformer())
    ),
    "columns only dropped but one": ColumnTransformer([("same", "passthrough", [1])]),
    "nested": make_pipeline(
        StandardScaler(),
        ColumnTransformer(
            [
                ("in", make_union(MinMaxScaler(), "passthrough"), [0, 2]),
                (
                    "columns",
                    ColumnTransformer([("p", PowerTransformer(), [1])]),
                    [1, 3],
                ),
            ]
        ),
        MinMaxScaler(),
    ),
    "voting": VotingRegressor([("r", Ridge()), ("x", "drop"), ("c", curved())]),
    "stacking": StackingRegressor(
        [("r", Ridge()), ("c", curved())], Ridge(), passthrough=True, cv=2
    ),
    "frozen": make_pipeline(StandardScaler(), PowerTransformer()),
    "search": GridSearchCV(
        make_pipeline(StandardScaler(), PowerTransformer()),
        {"powertransformer__standardize": [True, False]},
        scoring=lambda e, X, y: 0.0,
        cv=2,
    ),
}


@pytest.mark.parametrize("name", TRANSFORMERS)
def test_transformers(name, rows):
    X, y = rows
    fitted = clone(TRANSFORMERS[name]).fit(X, y[:, 0])
    if name == "frozen":
        fitted = FrozenEstimator(fitted)
    check(fitted, X, "transform", rtol=1e-10)
    assert jacobian(FrozenEstimator(fitted), X[:1], method="transform").shape[2] == 4


REGRESSORS = {
    "union": make_pipeline(make_union(StandardScaler(), PowerTransformer()), Ridge()),
    "columns": make_pipeline(
        make_column_transformer(
            (PowerTransformer(), [0, 3]), remainder=StandardScaler()
        ),
        DifferentiableRegressor(hidden_layer_sizes=(5,), max_iter=20, random_state=0),
    ),
    "voting": VotingRegressor([("r", Ridge()), ("c", curved())]),
    "voting by weights": VotingRegressor(
        [("r", Ridge()), ("x", "drop"), ("c", curved()), ("l", LinearRegression())],
        weights=[1, 5, 2.5, 0.25],
    ),
    "stacking": StackingRegressor([("r", Ridge()), ("c", curved())], Ridge(), cv=2),
    "stacking with rows": StackingRegressor(
        [("x", "drop"), ("c", curved())], curved(), passthrough=True, cv=2
    ),
    "bagging": BaggingRegressor(curved(), 4, random_state=0),
    "bagging of features": BaggingRegressor(
        curved(), 5, max_features=2, bootstrap_features=True, random_state=0
    ),
    "boosting": AdaBoostRegressor(curved(), n_estimators=5, random_state=0),
    "boosting once": AdaBoostRegressor(curved(), n_estimators=1, random_state=0),
    "elimination": RFE(exponential(), n_features_to_select=2, importance_getter=abs),
    "grid": GridSearchCV(curved(), {"powertransformer__standardize": [True]}, cv=2),
    "random": RandomizedSearchCV(
        curved(), {"powertransformer__standardize": [True]}, n_iter=1, cv=2
    ),
    "halving grid": HalvingGridSearchCV(
        curved(), {"transformedtargetregressor__regressor__alpha": [0.1, 1.0]}, cv=2
    ),
    "halving random": HalvingRandomSearchCV(
        curved(), {"powertransformer__standardize": [True]}, n_candidates=1, cv=2
    ),
    "everything": GridSearchCV(
        TransformedTargetRegressor(
            make_pipeline(
                make_union(StandardScaler(), PowerTransformer()),
                StackingRegressor(
                    [
                        ("v", VotingRegressor([("r", Ridge()), ("c", Ridge(2.0))])),
                        ("b", BaggingRegressor(Ridge(), 2, max_features=3)),
                    ],
                    Ridge(),
                    cv=2,
                ),
            ),
            transformer=make_pipeline(StandardScaler(), PowerTransformer()),
        ),
        {},
        cv=2,
    ),
}


def importance(fitted):
    return abs(fitted.regressor_.coef_)


@pytest.mark.parametrize("name", REGRESSORS)
def test_regressors(name, rows):
    X, y = rows
    fitted = clone(REGRESSORS[name])
    if name == "elimination":
        fitted.set_params(importance_getter=importance)
    fitted.fit(X, y[:, 0])
    if name.startswith("boosting"):
        X = X[1:]  # a row apart is a tie of two predictions
    module = check(fitted, X, "predict", rtol=1e-9)
    again = pickle.loads(pickle.dumps(module))
    assert torch.equal(again(torch.tensor(X)), module(torch.tensor(X)))


MULTIPLE = {
    "each": MultiOutputRegressor(curved()),
    "chain": RegressorChain(curved()),
    "chain in order": RegressorChain(curved(), order=[1, 0]),
    "chain at random": RegressorChain(curved(), order="random", cv=2, random_state=3),
    "stacking in each": MultiOutputRegressor(
        StackingRegressor([("c", curved())], Ridge(), passthrough=True, cv=2)
    ),
    "bagging": BaggingRegressor(Ridge(), 3, max_features=3),
    "target": TransformedTargetRegressor(
        make_pipeline(PowerTransformer(), Ridge()), transformer=PowerTransformer()
    ),
    "search": GridSearchCV(MultiOutputRegressor(curved()), {}, cv=2),
}


@pytest.mark.parametrize("name", MULTIPLE)
def test_regressors_of_two_outputs(name, rows):
    X, y = rows
    fitted = clone(MULTIPLE[name]).fit(X, y)
    check(fitted, X, "predict", rtol=1e-9)


def test_one_output_in_a_column(rows):
    X, y = rows
    fitted = MultiOutputRegressor(curved()).fit(X, y[:, :1])
    assert jacobian(fitted, X).shape == (80, 1, 4)
    assert jacobian(RegressorChain(curved()).fit(X, y[:, :1]), X).shape == (80, 1, 4)


@pytest.mark.parametrize("output", ["default", "pandas", "polars"])
@pytest.mark.parametrize("verbose", [True, False])
def test_columns_by_name_and_any_output(output, verbose, rows):
    X, y = rows
    frame = pd.DataFrame(X, columns=NAMES)
    first = ColumnTransformer(
        [
            ("power", PowerTransformer(), ["d", "b"]),
            ("type", StandardScaler(), make_column_selector("a|c")),
        ],
        verbose_feature_names_out=verbose,
    ).set_output(transform=output)
    name = "power__b" if verbose else "b"
    columns = [1] if output == "default" else [name]
    second = ColumnTransformer(
        [("x", StandardScaler(), columns)], remainder="passthrough"
    )
    fitted = make_pipeline(first, second, Ridge()).fit(frame, y)
    check(fitted, frame, "predict", rtol=1e-10)
    J = jacobian(fitted, frame)
    # columns are found by name, more of them are no matter
    other = frame[["c", "a", "d", "b"]].assign(e=1.0)
    np.testing.assert_allclose(
        jacobian(fitted, other), J[..., [2, 0, 3, 1, 1]] * [1, 1, 1, 1, 0], rtol=1e-12
    )
    with pytest.raises(ValueError, match=r"columns are missing: \{'d'\}"):
        jacobian(fitted, frame[["a", "b", "c"]])


def test_inverse_of_pipelines_and_searches(rows):
    X, _ = rows
    fitted = make_pipeline(
        StandardScaler(), "passthrough", PowerTransformer(), MinMaxScaler()
    ).fit(X)
    Z = fitted.transform(X)
    forward = jacobian(fitted, X)
    for outer in (fitted, FrozenEstimator(fitted)):
        backward = jacobian(outer, Z, method="inverse_transform")
        product = backward @ forward
        np.testing.assert_allclose(product, np.tile(np.eye(4), (80, 1, 1)), atol=1e-8)
    search = GridSearchCV(fitted, {}, scoring=lambda e, X, y: 0.0, cv=2).fit(X, X)
    assert jacobian(search, Z, method="inverse_transform").shape == (80, 4, 4)
    points = Z[5:10]
    truth = central_differences(fitted.inverse_transform, points, Z.std(axis=0) / 10)
    found = jacobian(fitted, points, method="inverse_transform")
    assert relative_difference(found, truth) < 1e-6


def test_prefitted_stacking(rows):
    X, y = rows
    prefitted = curved().fit(X, y[:, 0])
    fitted = StackingRegressor(
        [("p", prefitted), ("f", FrozenEstimator(prefitted))], Ridge(), cv="prefit"
    ).fit(X, y[:, 0])
    check(fitted, X, "predict", rtol=1e-9)


def test_elimination_by_cross_validation(rows):
    X, y = rows
    fitted = RFECV(Ridge(), min_features_to_select=3, cv=2).fit(X, y[:, 0])
    check(fitted, X, "predict", rtol=1e-9)
    unused = ~fitted.support_
    assert (jacobian(fitted, X)[:, unused] == 0).all()


def test_weighted_median_by_hand(rng):
    weights = np.array([1.0, 3.0, 1.0, 0.5])
    function = WeightedMedian(weights)
    for x in rng.normal(size=(20, 4)):
        order = np.argsort(x)
        half = np.cumsum(weights[order]) >= weights.sum() / 2
        found = function(torch.tensor(x[None]))
        assert found.item() == x[order[np.flatnonzero(half)[0]]]
    assert function.smoothness == "piecewise"
    assert WeightedMedian([1.0]).smoothness == "smooth"
    slopes = torch.func.vmap(torch.func.jacrev(function))(torch.tensor(x[None]))
    assert slopes.sum() == 1


def test_smoothness_is_that_of_the_worst_part(rows):
    X, y = rows

    def smoothness(*steps):
        return to_torch(make_pipeline(*steps).fit(X, y[:, 0])).smoothness

    clipped = MinMaxScaler(clip=True)
    assert smoothness(PowerTransformer(), Ridge()) == "smooth"
    assert smoothness(make_union(clipped, StandardScaler()), Ridge()) == "piecewise"
    assert smoothness(StandardScaler(), clipped) == "piecewise"


class Net(torch.nn.Module):
    def __init__(self, n_outputs=1):
        super().__init__()
        self.inner = torch.nn.Linear(4, 3)
        self.outer = torch.nn.Linear(3, n_outputs)

    def forward(self, x):
        return self.outer(torch.tanh(self.inner(x)))


def in_double(net):
    net.initialize()
    net.module_.double()
    return net


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cls", [skorch.NeuralNetRegressor, skorch.NeuralNet])
def test_skorch_nets(cls, dtype, rows):
    X, y = rows
    X, y = (X / X.max(axis=0)).astype(dtype), y.astype(dtype)
    torch.manual_seed(0)
    net = cls(Net, criterion=torch.nn.MSELoss, module__n_outputs=2, max_epochs=1)
    net.set_params(verbose=0, train_split=None).initialize()
    net.module_.to(torch.tensor(X).dtype)
    net.partial_fit(X, y)
    if dtype == np.float64:
        check(net, X, "predict")
    values, J = value_and_jacobian(net, X)
    assert J.shape == (80, 2, 4)
    np.testing.assert_allclose(values, net.predict(X), rtol=1e-5, atol=1e-6)
    module = net.module_.double()
    truth = torch.func.vmap(torch.func.jacrev(module))(torch.tensor(X).double())
    np.testing.assert_allclose(J, truth.detach().numpy(), rtol=1e-4, atol=1e-6)


def test_skorch_nets_of_float32_at_the_end_of_a_pipeline(rows):
    X, y = (part.astype(np.float32) for part in rows)
    net = skorch.NeuralNetRegressor(Net, max_epochs=1, train_split=None, verbose=0)
    pipe = make_pipeline(StandardScaler(), net).fit(X, y[:, :1])
    values, J = value_and_jacobian(pipe, X)
    assert J.shape == (80, 1, 4)
    np.testing.assert_allclose(values, pipe.predict(X), rtol=1e-4, atol=1e-6)
    with pytest.raises(RuntimeError, match="dtype"):  # as predict itself
        jacobian(pipe, X.astype(float))


def test_skorch_nets_that_change_their_output_are_refused(rows):
    X, y = rows
    net = skorch.NeuralNetRegressor(
        Net, max_epochs=1, verbose=0, predict_nonlinearity=torch.exp
    ).fit(X.astype(np.float32), y[:, :1].astype(np.float32))
    with pytest.raises(NotConvertibleError, match="last layer of the module"):
        jacobian(net, X)


def test_modules_become_maps(rows):
    X, _ = rows
    module = Net(2)
    before = module.training
    converted = to_torch(module)
    assert module.training is before
    assert (converted.n_in, converted.n_out, converted.smoothness) == (4, 2, "smooth")
    found = converted(torch.tensor(X[None])).detach().numpy()
    truth = module(torch.tensor(X).float()).detach().numpy()
    np.testing.assert_allclose(found[0], truth, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(jacobian(converted, X), jacobian(module, X))
    assert jacobian(to_torch(converted), X).shape == (80, 2, 4)
    with pytest.raises(NotConvertibleError, match="number of columns that Tanh takes"):
        to_torch(torch.nn.Tanh())
    with pytest.raises(ValueError, match="is a torch module, whose output"):
        to_torch(module, "transform")


def test_methods_are_checked(rows):
    X, _ = rows
    fitted = StandardScaler().fit(X)
    with pytest.raises(ValueError, match=r"method must be one of .* Got 'score'"):
        jacobian(fitted, X, method="score")
    with pytest.raises(ValueError, match="StandardScaler has no method 'predict'"):
        to_torch(fitted, "predict")
    for name in functional.__all__:
        if name != "to_torch":
            along = [X] if name in ("jvp", "hvp", "vjp") else []
            by_default = getattr(functional, name)(fitted, X, *along)
            named = getattr(functional, name)(fitted, X, *along, method="transform")
            for one, other in zip(by_default, named, strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("outer", "place"),
    [
        (
            lambda r: make_pipeline(StandardScaler(), r),
            "step 'randomforestregressor' of",
        ),
        (
            lambda r: VotingRegressor([("tree", r)]),
            "estimator 'tree' of the VotingRegressor: 'pr",
        ),
        (
            lambda r: StackingRegressor([("r", Ridge())], r, cv=2),
            "final estimator of the StackingRegressor: 'predict'",
        ),
        (lambda r: BaggingRegressor(r, 2), "estimator of the BaggingRegressor: "),
        (lambda r: AdaBoostRegressor(r, n_estimators=2), "estimator of the AdaBoostR"),
        (
            lambda r: RFE(r, n_features_to_select=2),
            "estimator of the RFE: 'predict' of",
        ),
        (
            lambda r: TransformedTargetRegressor(r),
            "regressor of the TransformedTargetRegressor: 'predict' of",
        ),
        (
            lambda r: GridSearchCV(r, {}, cv=2),
            "best estimator of the GridSearchCV: 'predict' of",
        ),
    ],
)
def test_refusals_say_where(outer, place, rows):
    X, y = rows
    forest = RandomForestRegressor(n_estimators=2, random_state=0)
    fitted = outer(forest).fit(X, y[:, 0])
    with pytest.raises(NotConvertibleError, match=f"^{place}"):
        jacobian(fitted, X)
    with pytest.raises(NotConvertibleError, match=f"^{place}"):
        to_torch(fitted)


@pytest.mark.parametrize("cls", [MultiOutputRegressor, RegressorChain])
def test_refusals_say_which_output(cls, rows):
    X, y = rows
    fitted = cls(RandomForestRegressor(n_estimators=2)).fit(X, y)
    with pytest.raises(
        NotConvertibleError, match=f"^estimator 0 of the {cls.__name__}"
    ):
        to_torch(fitted)


def test_refusals_of_branches_and_of_targets(rows):
    X, y = rows
    unknown = FunctionTransformer(second)
    for outer, place in (
        (make_union(unknown), "branch 'functiontransformer' of the FeatureUnion: F"),
        (ColumnTransformer([("u", unknown, [0, 1])]), "branch 'u' of the ColumnTransf"),
    ):
        with pytest.raises(NotConvertibleError, match=f"^{place}"):
            jacobian(outer.fit(X), X)
    target = TransformedTargetRegressor(
        Ridge(), func=np.cbrt, inverse_func=lambda y: y**3
    ).fit(X, y)
    with pytest.raises(NotConvertibleError, match=r"^transformer of the Transformed"):
        jacobian(target, X)


def test_wrong_numbers_of_columns(rows):
    X, y = rows
    fitted = make_pipeline(StandardScaler(), Ridge()).fit(X, y)
    with pytest.raises(
        ValueError, match="X has 3 features, but Pipeline is expecting 4"
    ):
        jacobian(fitted, X[:, :3])
    inverse = Pipeline([("s", StandardScaler())]).fit(X)
    with pytest.raises(ValueError, match="X has 3 features, but StandardScaler is exp"):
        jacobian(inverse, X[:, :3], method="inverse_transform")


def test_columns_without_a_branch(rows):
    X, _ = rows
    nothing = ColumnTransformer([("x", "drop", [0])]).fit(X)
    with pytest.raises(NotConvertibleError, match="returns no columns"):
        jacobian(nothing, X)
    with pytest.raises(NotConvertibleError, match="returns no columns"):
        to_torch(FeatureUnion([("x", "drop")]).fit(X))


def test_only_passthrough_is_known_by_its_rows(rows):
    X, _ = rows
    same = make_pipeline("passthrough").fit(X)
    np.testing.assert_array_equal(jacobian(same, X), np.tile(np.eye(4), (80, 1, 1)))


def test_quantiles_in_a_branch(rows):
    X, y = rows
    fitted = make_pipeline(
        make_column_transformer((QuantileTransformer(n_quantiles=10), [0])), Ridge()
    ).fit(X, y)
    assert to_torch(fitted).smoothness == "piecewise"
    np.testing.assert_allclose(
        value_and_jacobian(fitted, X)[0], fitted.predict(X), rtol=1e-12
    )
    assert (jacobian(fitted, X)[..., 1:] == 0).all()
