"""DifferentiableRegressor: shapes, units, options, state."""

import copy
import io
import pickle
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

from sklearn_nnderiv import (
    DifferentiableRegressor,
    _choices,
    jacobian,
    register_converter,
    to_torch,
)
from sklearn_nnderiv._converters._lookup import REGISTRY as _REGISTRY
from sklearn_nnderiv._maps import Affine
from sklearn_nnderiv._training import Rows, Run
from sklearn_nnderiv.exceptions import (
    ConversionMismatchError,
    DerivativeWarning,
    NotConvertibleError,
    TrainingDivergedError,
)

from .oracles import central_differences, relative_difference


def small(**parameters):
    """A regressor that fits in a few milliseconds."""
    defaults = {"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0}
    return DifferentiableRegressor(**{**defaults, **parameters})


def inner_points(X, n=15):
    """Points well inside the data, so that no difference crosses an edge."""
    low, high = np.quantile(X, [0.3, 0.7], axis=0)
    return low + (high - low) * np.random.default_rng(1).random((n, X.shape[1]))


# ------------------------------------------------------------------- shapes and units


def test_shapes_for_one_dimensional_y(data):
    X, y = data
    model = small().fit(X, y[:, 0])
    assert model.predict(X).shape == (40,)
    assert model.predict_jacobian(X).shape == (40, 3)
    assert model.n_outputs_ == 1


@pytest.mark.parametrize("k", [1, 2])
def test_shapes_for_two_dimensional_y(data, k):
    X, y = data
    model = small().fit(X, y[:, :k])
    assert model.predict(X).shape == (40, k)
    assert model.predict_jacobian(X).shape == (40, k, 3)
    assert model.n_outputs_ == k


def test_one_row_and_many_agree(data):
    X, y = data
    model = small().fit(X, y)
    single = np.concatenate([model.predict_jacobian(X[i : i + 1]) for i in range(40)])
    whole = model.predict_jacobian(X)
    np.testing.assert_allclose(single, whole, rtol=0, atol=1e-13 * abs(whole).max())


def test_chunks_agree_with_the_whole(data):
    X, y = data
    model = small().fit(X, y)
    many = np.tile(X, (80, 1))  # over three chunks
    values, jacobian = model.predict_with_jacobian(many)
    np.testing.assert_allclose(values, np.tile(model.predict(X), (80, 1)), rtol=1e-12)
    expected = np.tile(model.predict_jacobian(X), (80, 1, 1))
    np.testing.assert_allclose(
        jacobian, expected, rtol=0, atol=1e-13 * abs(expected).max()
    )


def test_values_and_jacobian_in_one_pass_are_those_of_the_two_methods(data):
    X, y = data
    model = small().fit(X, y[:, 0])
    values, jacobian = model.predict_with_jacobian(X)
    np.testing.assert_array_equal(values, model.predict(X))
    np.testing.assert_array_equal(jacobian, model.predict_jacobian(X))


def test_units_follow_the_data(data):
    """A unit of x 64 times and of y 1024 times as small; powers of 2 round nothing."""
    X, y = data
    plain = small(max_iter=100).fit(X, y[:, 0])
    other = small(max_iter=100).fit(X * 64, y[:, 0] * 1024)
    np.testing.assert_array_equal(
        other.predict_jacobian(X * 64), plain.predict_jacobian(X) * 1024 / 64
    )


def test_a_linear_model_recovers_the_slopes(rng):
    X = rng.normal(size=(50, 3)) * [1, 1e3, 1e-3]
    coef = np.array([2.0, -0.05, 700.0])
    model = small(hidden_layer_sizes=(), alpha=0, max_iter=200, tol=1e-12)
    model.fit(X, X @ coef + 5)
    np.testing.assert_allclose(
        model.predict_jacobian(X), np.tile(coef, (50, 1)), rtol=1e-6
    )


def test_jacobian_of_six_inputs_and_three_outputs(rng):
    X = rng.normal(size=(80, 6)) * 10.0 ** np.arange(-3, 3) + 10.0 ** np.arange(-3, 3)
    y = np.column_stack([np.sin(X[:, 5] / 100), X[:, 0] * 1e5, np.cos(X[:, 2])])
    # lm would all but switch off the columns that an output does not depend on
    model = small(hidden_layer_sizes=(20, 20), solver="lbfgs", max_iter=100).fit(X, y)
    points = inner_points(X)
    assert (
        relative_difference(
            model.predict_jacobian(points), central_differences(model.predict, points)
        )
        < 1e-6
    )


SCALERS = [
    "standard",
    "minmax",
    "robust",
    "maxabs",
    "passthrough",
    MinMaxScaler(feature_range=(-2, 3), clip=True),
    RobustScaler(with_centering=False),
    MaxAbsScaler(),
    PowerTransformer(),
    PowerTransformer(method="box-cox", standardize=False),
    QuantileTransformer(n_quantiles=6),
    QuantileTransformer(n_quantiles=6, output_distribution="normal"),
    FunctionTransformer(np.log, np.exp),
    make_pipeline(FunctionTransformer(np.log1p, np.expm1), StandardScaler()),
]


@pytest.mark.parametrize("y_scaler", SCALERS, ids=repr)
@pytest.mark.parametrize("x_scaler", SCALERS, ids=repr)
def test_every_pair_of_scalers(x_scaler, y_scaler, rng):
    X = rng.gamma(3.0, size=(60, 2)) + 0.1
    y = 2 + np.sin(X[:, 0]) + 0.1 * X[:, 1]
    model = small(x_scaler=x_scaler, y_scaler=y_scaler, max_iter=50).fit(X, y)
    points = inner_points(X, 30)
    step = 1e-4
    jacobian = model.predict_jacobian(points)
    differences = central_differences(model.predict, points, scale=step / 7e-4)
    # away from the kinks of clip and quantile maps, where the slopes beside a point
    # are not the same
    beside = [model.predict_jacobian(points + s * 2 * step) for s in (-1, 1)]
    smooth = (abs(beside[0] - beside[1]) < 0.01 * abs(jacobian).max()).all(axis=1)
    assert smooth.sum() >= 10
    assert relative_difference(jacobian[smooth], differences[smooth]) < 1e-6


def test_out_is_written_into_and_returned(data, tmp_path):
    X, y = data
    model = small().fit(X, y)
    expected = model.predict_jacobian(X)
    out = np.full((40, 2, 3), np.nan)
    assert model.predict_jacobian(X, out=out) is out
    np.testing.assert_array_equal(out, expected)
    memory_map = np.memmap(
        tmp_path / "out", dtype=np.float32, mode="w+", shape=(40, 2, 3)
    )
    model.predict_jacobian(X, out=memory_map)
    np.testing.assert_array_equal(memory_map, expected.astype(np.float32))
    column = small().fit(X, y[:, 0])
    strided = np.zeros((80, 3))[::2]
    column.predict_jacobian(X, out=strided)
    np.testing.assert_array_equal(strided, column.predict_jacobian(X))


def test_out_may_share_memory_with_the_rows(rng):
    buffer = np.empty((4500, 2))
    buffer[:4000] = rng.normal(size=(4000, 2))
    X = buffer[:4000].copy()
    model = small().fit(X[:50], X[:50, 0])
    expected = model.predict_jacobian(X)
    result = model.predict_jacobian(buffer[:4000], out=buffer[500:])
    np.testing.assert_array_equal(result, expected)


def test_bad_out_is_refused(data):
    X, y = data
    model = small().fit(X, y)
    with pytest.raises(TypeError, match="must be a numpy array of shape"):
        model.predict_jacobian(X, out=[0.0])
    with pytest.raises(ValueError, match=r"Got shape \(40, 3\) and dtype float64"):
        model.predict_jacobian(X, out=np.empty((40, 3)))
    with pytest.raises(ValueError, match="and dtype int64 instead"):
        model.predict_jacobian(X, out=np.empty((40, 2, 3), dtype=np.int64))
    frozen = np.empty((40, 2, 3))
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        model.predict_jacobian(X, out=frozen)


def test_module_is_one_torch_graph(data):
    X, y = data
    model = small(y_scaler=PowerTransformer(), activation="silu").fit(X, y)
    x = torch.tensor(X[:3], requires_grad=True)
    out = model.module_(x)
    values = out.detach().numpy()
    np.testing.assert_allclose(values, model.predict(X[:3]), rtol=1e-12)
    (first,) = torch.autograd.grad(out[:, 0].sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first[:, 1].sum(), x)
    by_differences = central_differences(
        lambda Z: model.predict_jacobian(Z)[:, 0, 1], X[:3], scale=X.std(axis=0)
    )
    np.testing.assert_allclose(second.numpy(), by_differences, rtol=1e-5)
    assert model.module_(x[0]).shape == (2,)
    assert model.module_(x.reshape(1, 3, 3)).shape == (1, 3, 2)
    assert model.module_.smoothness == "smooth"


# -------------------------------------------------------------------- kinds of input


def test_lists_and_orders_in_memory(data):
    X, y = data
    model = small().fit(X, y)
    expected = model.predict_jacobian(X)
    np.testing.assert_array_equal(
        small().fit(X.tolist(), y.tolist()).predict_jacobian(X.tolist()), expected
    )
    np.testing.assert_array_equal(
        small().fit(np.asfortranarray(X), y).predict_jacobian(np.asfortranarray(X)),
        expected,
    )


@pytest.mark.parametrize(
    "frame",
    [
        lambda X: pd.DataFrame(X, columns=list("abc")),
        pytest.param(
            lambda X: pl.DataFrame(X, schema=list("abc")), marks=pytest.mark.newest
        ),
    ],
)
def test_dataframes(data, frame):
    X, y = data
    named = small().fit(frame(X), y)
    assert list(named.feature_names_in_) == ["a", "b", "c"]
    np.testing.assert_array_equal(
        named.predict_jacobian(frame(X)), small().fit(X, y).predict_jacobian(X)
    )


def test_float32_and_integer_input(rng):
    X = rng.integers(-5, 5, size=(40, 2))
    y = X[:, 0] * X[:, 1]
    expected = small().fit(X.astype(float), y.astype(float)).predict_jacobian(X)
    np.testing.assert_array_equal(small().fit(X, y).predict_jacobian(X), expected)
    np.testing.assert_array_equal(
        small().fit(X.astype(np.float32), y).predict_jacobian(X), expected
    )


@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
@pytest.mark.parametrize(
    "scaler", ["standard", "passthrough", MinMaxScaler(feature_range=(-1, 1))]
)
def test_derivative_by_a_constant_column_is_zero(data, scaler, solver):
    X, y = data
    X = np.column_stack([X / X.std(axis=0), np.full(40, 3.0)])
    model = small(x_scaler=scaler, solver=solver, warm_start=True).fit(X, y).fit(X, y)
    assert (model.predict_jacobian(X + 1)[..., 3] == 0).all()
    assert (model.predict_jacobian(X)[..., :3] != 0).all()


def test_a_column_that_varies_later_is_learned(data):
    X, y = data
    first = X.copy()
    first[:, 0] = 0.3
    model = small(solver="adam").partial_fit(first, y)
    assert (model.predict_jacobian(X)[..., 0] == 0).all()
    model.partial_fit(X, y)
    assert (model.predict_jacobian(X)[..., 0] != 0).all()


def test_constant_y(data):
    X, _ = data
    model = small(alpha=0, max_iter=200, tol=1e-12).fit(X, np.full(40, 5.0))
    np.testing.assert_allclose(model.predict(X), 5.0, rtol=1e-3)
    np.testing.assert_allclose(
        model.predict_jacobian(X) * X.std(axis=0), 0.0, atol=1e-2
    )


def test_one_row_one_feature():
    model = small().fit([[1.0]], [2.0])
    assert model.predict_jacobian([[1.0]]).shape == (1, 1)
    np.testing.assert_allclose(model.predict([[1.0]]), [2.0], atol=1e-3)


def test_thousands_of_features(rng):
    X = rng.normal(size=(30, 3000))
    model = small(max_iter=3).fit(X, X[:, 0])
    assert model.predict_jacobian(X[:5]).shape == (5, 3000)


def test_large_offsets_keep_their_digits_in_float32(rng):
    X = 300 + 0.05 * rng.normal(size=(60, 2))
    y = np.sin((X[:, 0] - 300) / 0.05)
    model = small(max_iter=100).fit(X, y)
    rounded = copy.deepcopy(model)
    rounded.net_.module_.float()
    rounded.module_.maps[1].dtype = torch.float32
    exact = model.predict_jacobian(X)
    assert abs(rounded.predict_jacobian(X) - exact).max() < 1e-6 * abs(exact).max()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_is_that_of_the_net_and_results_are_float64(data, dtype):
    X, y = data
    model = small(dtype=dtype).fit(X, y)
    assert next(model.net_.module_.parameters()).dtype == getattr(torch, dtype)
    assert model.predict(X).dtype == model.predict_jacobian(X).dtype == np.float64


def test_float32_agrees_with_float64(data):
    X, y = data
    single, double = (
        small(dtype=dtype, max_iter=15).fit(X, y).predict_jacobian(X)
        for dtype in ("float32", "float64")
    )
    assert relative_difference(single, double) < 1e-2


# --------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    "activation",
    ["tanh", "silu", "softplus", "gelu", "logistic", "elu", "sin", "identity"],
)
def test_activations(activation, data):
    X, y = data
    model = small(activation=activation).fit(X, y)
    points = inner_points(X)
    assert (
        relative_difference(
            model.predict_jacobian(points), central_differences(model.predict, points)
        )
        < 1e-6
    )
    assert model.activation_ == activation


@pytest.mark.parametrize("activation", ["relu", torch.nn.ReLU, torch.nn.LeakyReLU])
def test_relu_warns(activation, data):
    X, y = data
    with pytest.warns(DerivativeWarning, match="its derivative is a step function"):
        model = small(activation=activation).fit(X, y)
    assert model.module_.smoothness == "piecewise"


def test_relu_without_hidden_layers_is_linear(data):
    X, y = data
    assert small(activation="relu", hidden_layer_sizes=()).fit(X, y).n_iter_ > 0


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_activation_that_draws_is_repeatable(data, solver):
    X, y = data
    state = torch.get_rng_state()
    models = [
        small(activation=torch.nn.Dropout, solver=solver, max_iter=5).fit(X, y)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(models[0].predict(X), models[1].predict(X))
    assert torch.equal(torch.get_rng_state(), state)


def test_activation_of_ones_own(data):
    X, y = data
    model = small(activation=torch.nn.Softsign).fit(X, y)
    assert isinstance(model.net_.module_.layers[1], torch.nn.Softsign)


def test_scaler_parameters_can_be_set(data):
    X, y = data
    model = small(x_scaler=MinMaxScaler())
    model.set_params(x_scaler__feature_range=(-7, 7)).fit(X, y)
    assert model.x_scaler_.feature_range == (-7, 7)
    assert model.x_scaler is not model.x_scaler_
    assert not hasattr(model.x_scaler, "scale_")


@pytest.mark.parametrize(
    ("n", "parameters", "solver"),
    [
        (40, {}, "lm"),
        (41, {}, "lbfgs"),
        (50, {}, "lbfgs"),
        (51, {}, "adam"),
        (40, {"activation": "gelu"}, "lm"),
        (40, {"activation": torch.nn.Softsign}, "lbfgs"),
        (40, {"activation": torch.nn.Tanh}, "lm"),
        (40, {"alpha": 0.1}, "lm"),
        (40, {"early_stopping": True}, "adam"),
        (40, {"solver": "lbfgs"}, "lbfgs"),
        (40, {"solver": "adam"}, "adam"),
        (41, {"solver": "lm"}, "lm"),
    ],
)
def test_solver_auto(n, parameters, solver, monkeypatch):
    """The limits are set to 80 residuals, which are 40 rows of two outputs, and 50."""
    monkeypatch.setattr("sklearn_nnderiv._choices.MAX_RESIDUALS_LM", 80)
    monkeypatch.setattr("sklearn_nnderiv._choices.MAX_ROWS_LBFGS", 50)
    X = np.linspace(0, 1, n).reshape(-1, 1)
    model = small(max_iter=2, **parameters).fit(X, np.hstack([X, X**2]))
    assert model.solver_ == solver
    assert model.hidden_layer_sizes_ == (8,)


def test_limits_of_solver_auto():
    assert _choices.MAX_RESIDUALS_LM == 10_000
    assert _choices.MAX_ROWS_LBFGS == 10_000


def test_rows_count_once_for_solver_auto(monkeypatch):
    """Repeated rows cost nothing, and rows of weight 0 neither."""
    monkeypatch.setattr("sklearn_nnderiv._choices.MAX_RESIDUALS_LM", 40)
    X = np.linspace(0, 1, 80).reshape(-1, 1)
    y = X[:, 0] ** 2
    weight = np.repeat([1.0, 0.0], 40)
    assert small(max_iter=2).fit(X, y, sample_weight=weight).solver_ == "lm"
    again = small(max_iter=2).fit(np.tile(X[:40], (2, 1)), np.tile(y[:40], 2))
    assert again.solver_ == "lm"
    assert small(max_iter=2).fit(X, y).solver_ == "lbfgs"


@pytest.mark.parametrize(
    ("solver", "hidden", "activation"),
    [("lbfgs", (50, 50), "tanh"), ("adam", (64, 64, 64, 64), "silu")],
)
def test_auto_without_lm_is_a_plain_network(data, solver, hidden, activation):
    X, y = data
    model = DifferentiableRegressor(solver=solver, max_iter=1).fit(X, y)
    assert model.hidden_layer_sizes_ == hidden
    assert model.activation_ == activation
    assert model.alpha_ == 1e-4
    for name in ("candidates_", "log_evidence_", "relevance_"):
        assert not hasattr(model, name)


@pytest.mark.parametrize(
    ("solver", "given", "n_iter"),
    [("lm", "auto", 200), ("lbfgs", "auto", 1000), ("adam", "auto", 250)]
    + [(solver, 7, 7) for solver in ("lm", "lbfgs", "adam")],
)
def test_max_iter_auto(data, solver, given, n_iter):
    rows = Rows(*data, np.ones(40))
    model = DifferentiableRegressor(solver=solver, max_iter=given)
    assert _choices.resolve(model, rows, one_epoch=False).max_iter == n_iter


@pytest.mark.parametrize("hidden", [(), 5, (5,), [4, 3], np.array([4, 3])])
def test_hidden_layer_sizes(hidden, data):
    X, y = data
    model = small(hidden_layer_sizes=hidden).fit(X, y)
    assert model.hidden_layer_sizes_ == tuple(np.atleast_1d(hidden))
    n_linear = sum(isinstance(m, torch.nn.Linear) for m in model.net_.module_.modules())
    assert n_linear == len(model.hidden_layer_sizes_) + 1


@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_loss_is_that_of_the_documentation(data, solver):
    X, y = data
    w = np.linspace(0.5, 2, 40)
    model = small(alpha=0.3, max_iter=5, solver=solver).fit(X, y, sample_weight=w)
    residual = model.y_scaler_.transform(model.predict(X)) - model.y_scaler_.transform(
        y
    )
    weights = [p for p in model.net_.module_.parameters() if p.ndim == 2]
    squares = sum(float(p.detach().square().sum()) for p in weights)
    loss = (w @ (residual**2).sum(axis=1) + 0.3 * squares) / (2 * w.sum())
    np.testing.assert_allclose(model.loss_curve_[-1], loss, rtol=1e-10)
    assert len(model.loss_curve_) == model.n_iter_ == 5
    assert len(model.net_.history) == 5


def test_adam_counts_the_same_loss(data):
    """With a step of almost nothing, an epoch's loss is the documented one."""
    X, y = data
    w = np.linspace(0.5, 2, 40)
    model = small(
        solver="adam", alpha=0.3, max_iter=1, learning_rate_init=1e-300, batch_size=40
    ).fit(X, y, sample_weight=w)
    residual = model.y_scaler_.transform(model.predict(X)) - model.y_scaler_.transform(
        y
    )
    weights = [p for p in model.net_.module_.parameters() if p.ndim == 2]
    squares = sum(float(p.detach().square().sum()) for p in weights)
    loss = (w @ (residual**2).sum(axis=1) + 0.3 * squares) / (2 * w.sum())
    np.testing.assert_allclose(model.loss_curve_, [loss], rtol=1e-10)


def test_penalty_shrinks_the_derivative(data):
    X, y = data
    slopes = [
        abs(small(alpha=alpha).fit(X, y).predict_jacobian(X)).sum()
        for alpha in (1e-4, 1e3)
    ]
    assert slopes[1] < 0.1 * slopes[0]


def test_adam_learns(rng):
    X = rng.uniform(-1, 1, size=(400, 2))
    y = X[:, 0] ** 2 + X[:, 1]
    model = small(
        solver="adam", hidden_layer_sizes=(20,), learning_rate_init=0.02, max_iter=100
    ).fit(X, y)
    assert model.score(X, y) > 0.99
    assert model.loss_curve_[-1] < model.loss_curve_[0] / 10


def test_early_stopping_keeps_the_best_parameters(rng):
    X = rng.uniform(-1, 1, size=(200, 2))
    y = X[:, 0] + 0.3 * rng.normal(size=200)
    model = small(
        early_stopping=True,
        validation_fraction=0.2,
        learning_rate_init=0.05,
        max_iter=300,
        n_iter_no_change=5,
    ).fit(X, y)
    history = model.net_.history
    valid = np.array(history[:, "valid_loss"])
    assert len(valid) == model.n_iter_ < 300
    assert valid.argmin() < len(valid) - 1
    # the 40 rows withheld: found again by their number, and their loss by its value
    from sklearn.model_selection import train_test_split

    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    _, held = train_test_split(np.arange(200), test_size=0.2, random_state=seed)
    scaled = model.y_scaler_.transform(np.c_[model.predict(X), y].T.reshape(-1, 1))
    error = np.diff(scaled.reshape(2, -1), axis=0)[0, held]
    np.testing.assert_allclose((error**2).mean() / 2, valid.min(), rtol=1e-6)


def test_convergence_warning_only_while_the_loss_falls(data):
    X, y = data
    with pytest.warns(ConvergenceWarning, match="The evidence.*max_iter=3 was reached"):
        small(max_iter=3).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="The loss.*max_iter=3 was reached"):
        small(max_iter=3, solver="lbfgs").fit(X, y)
    early = {"solver": "adam", "early_stopping": True, "max_iter": 400}
    for parameters in (
        {"solver": "lm", "max_iter": 2000},
        {"solver": "lbfgs", "max_iter": 2000},
        early,
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = small(tol=0.1, **parameters).fit(X, y)
        assert model.n_iter_ < parameters["max_iter"]


def test_adam_has_converged_at_the_end_of_its_schedule(data):
    X, y = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = small(max_iter=3, solver="adam").fit(X, y)
    assert model.n_iter_ == 3


def test_warnings_point_at_the_users_line(data):
    X, y = data
    log = FunctionTransformer(np.log, np.exp, check_inverse=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        small(max_iter=3, activation="relu").fit(X, y)
        small(max_iter=3, solver="lbfgs").fit(X, y)
        model = small(max_iter=3, x_scaler=log).fit(abs(X), y)
        model.predict(-abs(X))
        jacobian(model, np.vstack([abs(X), -abs(X)]))
    assert len(caught) == 6
    assert {w.filename for w in caught} == {__file__}


def test_a_perfect_fit_ends(data):
    X, _ = data
    model = small(alpha=0, hidden_layer_sizes=(), max_iter=500, tol=0).fit(X, X[:, :1])
    assert model.n_iter_ < 500
    assert model.loss_curve_[-1] < 1e-20


@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
def test_verbose_shows_a_progress_bar_with_the_loss(data, capsys, solver):
    X, y = data
    small(solver=solver, verbose=1).fit(X, y)
    shown = "evidence=" if solver == "lm" else "loss="
    assert shown in capsys.readouterr().err
    small(solver=solver, verbose=0).fit(X, y)
    assert capsys.readouterr().err == ""


# --------------------------------------------------------------------- sample weights


@pytest.mark.filterwarnings("ignore:.*predictions are NaN")  # the same in both
@pytest.mark.parametrize(
    "scaler",
    ["standard", "minmax", PowerTransformer(), QuantileTransformer(n_quantiles=10)],
)
@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_weight_two_is_a_repeated_row(data, rng, scaler, solver):
    X, y = data
    w = rng.integers(0, 3, size=40)
    weighted = small(x_scaler=scaler, y_scaler=scaler, solver=solver)
    weighted.fit(X, y, sample_weight=w)
    repeated = clone(weighted).fit(np.repeat(X, w, axis=0), np.repeat(y, w, axis=0))
    np.testing.assert_array_equal(
        weighted.predict_jacobian(X), repeated.predict_jacobian(X)
    )


@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_order_of_rows_does_not_matter(data, rng, solver):
    X, y = data
    order = rng.permutation(40)
    np.testing.assert_array_equal(
        small(solver=solver).fit(X, y).predict_jacobian(X),
        small(solver=solver).fit(X[order], y[order]).predict_jacobian(X),
    )


def test_merging_stops_at_the_documented_size(data, monkeypatch):
    from sklearn_nnderiv._training import _problem

    X, y = data
    X, y = np.tile(X, (2, 1)), np.tile(y, (2, 1))
    rows = _problem.Rows(X, y, np.ones(80))
    assert len(rows.merged().X) == 40
    assert (rows.merged().weight == 2).all()
    monkeypatch.setattr(_problem, "MAX_MERGED_SIZE", 399)
    assert rows.merged() is rows


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("unit", [1e-300, 1e-50, 1e45, 1e300])
@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_the_unit_of_the_weights_does_not_matter(data, unit, dtype, solver):
    X, y = data
    w = np.linspace(1, 2, 40)
    model = small(alpha=0, dtype=dtype, solver=solver)
    expected = clone(model).fit(X, y, sample_weight=w).predict(X)
    model.fit(X, y, sample_weight=unit * w)
    tolerance = 1e-6 if dtype == "float64" else 0.05
    np.testing.assert_allclose(
        model.predict(X), expected, atol=tolerance * abs(expected).max()
    )


def test_weights_count_between_the_batches_of_partial_fit(data):
    X, y = data
    models = [small(solver="adam").partial_fit(X[:20], y[:20]) for _ in range(2)]
    for model, weight in zip(models, (1.0, 1000.0), strict=True):
        model.partial_fit(X[20:], y[20:], sample_weight=np.full(20, weight))
    losses = [model.loss_curve_[1] for model in models]
    assert losses[1] > 100 * losses[0]


def test_score_takes_weights(data):
    X, y = data
    model = small().fit(X, y)
    w = np.r_[np.ones(10), np.zeros(30)]
    np.testing.assert_allclose(
        model.score(X, y, sample_weight=w), model.score(X[:10], y[:10])
    )


# ----------------------------------------------------------- going on from a fit


@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
def test_warm_start_goes_on(data, solver):
    X, y = data
    model = small(solver=solver, warm_start=True, max_iter=5).fit(X, y)
    first, scaler = model.loss_curve_, model.x_scaler_
    model.fit(X, y)
    assert model.loss_curve_[:5] == first
    assert len(model.loss_curve_) == model.n_iter_ == 10
    assert model.loss_curve_[5] < first[0]
    assert model.loss_curve_[-1] < first[-1]
    assert model.x_scaler_ is scaler


def test_without_warm_start_a_fit_begins_anew(data):
    X, y = data
    model = small(max_iter=5).fit(X, y)
    expected = model.predict(X)
    np.testing.assert_array_equal(model.fit(X, y).predict(X), expected)
    assert model.n_iter_ == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_layer_sizes": (9,)}, r"hidden_layer_sizes was \(8,\), is \(9,\)"),
        ({"activation": "sin"}, "activation was tanh, is sin"),
        ({"dtype": "float32"}, "dtype was float64, is float32"),
    ],
)
@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_warm_start_with_another_network_is_refused(data, change, message, solver):
    X, y = data
    model = small(warm_start=True, activation="tanh", solver=solver).fit(X, y)
    with pytest.raises(ValueError, match=message):
        model.set_params(**change).fit(X, y)
    with pytest.raises(ValueError, match="number of outputs was 2, is 1"):
        model.set_params(**small(solver=solver, warm_start=True).get_params()).fit(
            X, y[:, :1]
        )
    with pytest.raises(ValueError, match="y had 2 dimensions when the fit began"):
        model.fit(X, y[:, 0])
    assert model.predict(X).shape == (40, 2)


def test_partial_fit_runs_epochs_and_freezes_the_scalers(data):
    X, y = data
    model = small(solver="adam", batch_size=10)
    model.partial_fit(X[:20], y[:20])
    scaler = model.x_scaler_
    for _ in range(3):
        model.partial_fit(X[20:], y[20:], sample_weight=np.linspace(1, 2, 20))
    assert model.x_scaler_ is scaler
    assert model.n_iter_ == 4
    np.testing.assert_allclose(scaler.mean_, X[:20].mean(axis=0))


def test_partial_fit_equals_an_epoch_of_fit(data):
    """The schedule of a single step is a constant rate too."""
    X, y = data
    options = {"solver": "adam", "batch_size": 40, "learning_rate_init": 0.01}
    whole = small(**options, max_iter=1).fit(X, y)
    part = small(**options).partial_fit(X, y)
    np.testing.assert_array_equal(part.predict(X), whole.predict(X))
    assert part.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize("solver", ["lm", "lbfgs"])
def test_partial_fit_is_not_there_without_mini_batches(solver):
    model = small(solver=solver)
    assert not hasattr(model, "partial_fit")
    with pytest.raises(AttributeError, match="has no attribute") as error:
        _ = model.partial_fit
    assert f"needs mini-batches, but solver='{solver}'" in str(error.value.__cause__)
    assert hasattr(small(), "partial_fit")


def test_partial_fit_checks_the_width(data):
    X, y = data
    model = small(solver="adam").partial_fit(X, y)
    with pytest.raises(ValueError, match="X has 2 features, but Differ"):
        model.partial_fit(X[:, :2], y)


# ------------------------------------------------------------------- state and copies


def copies(model):
    """Yield the model after each way of storing it."""
    yield pickle.loads(pickle.dumps(model))
    yield copy.deepcopy(model)
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    yield joblib.load(buffer)


@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
def test_copies_predict_the_same_bits(data, solver):
    X, y = data
    model = small(solver=solver, y_scaler=PowerTransformer()).fit(X, y)
    for other in copies(model):
        np.testing.assert_array_equal(other.predict(X), model.predict(X))
        np.testing.assert_array_equal(
            other.predict_jacobian(X), model.predict_jacobian(X)
        )
        networks = [getattr(part, "module", None) for part in other.module_.maps]
        assert other.net_.module_ in networks  # one network, not two
        assert other.set_params(warm_start=True).fit(X, y).n_iter_ > model.n_iter_


def test_pickle_of_a_gpu_loads_where_there_is_none(data, monkeypatch):
    X, y = data
    model = small().fit(X, y)
    model.net_.device = "cuda"  # its tensors are on the CPU, as map_location makes them
    stored = pickle.dumps(model)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        other = pickle.loads(stored)
    assert any("is not available" in str(w.message) for w in caught)
    assert str(other.net_.device) == "cpu"
    np.testing.assert_array_equal(other.predict_jacobian(X), model.predict_jacobian(X))


@pytest.mark.parametrize(
    "solver",
    # torch's Adam once kept its step on the default device
    ["lbfgs", pytest.param("adam", marks=pytest.mark.newest)],
)
def test_torch_defaults_of_the_user_do_not_matter(data, solver):
    X, y = data
    model = small(solver=solver, batch_size=7)
    expected = clone(model).fit(X, y).predict_jacobian(X)
    torch.set_default_device("meta")
    torch.set_default_dtype(torch.float16)
    try:
        result = model.fit(X, y).predict_jacobian(X)
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_grad_mode_of_the_user_does_not_matter(data, mode):
    X, y = data
    model = small().fit(X, y)
    expected = model.predict_jacobian(X)
    with mode():
        np.testing.assert_array_equal(small().fit(X, y).predict_jacobian(X), expected)
        np.testing.assert_array_equal(jacobian(model, X), expected)
        loaded = pickle.loads(pickle.dumps(model))
        module = to_torch(model)
        assert not torch.is_grad_enabled()
    np.testing.assert_array_equal(loaded.predict_jacobian(X), expected)
    loaded.partial_fit(X, y)
    (slope,) = torch.autograd.grad(
        module(x := torch.tensor(X, requires_grad=True))[:, 0].sum(), x
    )
    np.testing.assert_allclose(slope.numpy(), expected[:, 0], rtol=1e-12)


def test_grad_mode_is_put_back_after_an_interrupt(data, monkeypatch):
    X, y = data

    def interrupted(*args, **kwargs):
        torch._C._set_grad_enabled(False)  # as if inside torch's own __enter__
        raise KeyboardInterrupt

    monkeypatch.setattr("sklearn_nnderiv._assembly._evidence.make_net", interrupted)
    with pytest.raises(KeyboardInterrupt):
        small().fit(X, y)
    assert torch.is_grad_enabled()


def test_unfitted_regressor_can_be_pickled():
    model = pickle.loads(pickle.dumps(small(alpha=3)))
    assert model.alpha == 3
    assert not hasattr(model, "module_")


def test_pickle_is_small(data):
    X, y = data
    model = small(solver="adam", max_iter=30, batch_size=1).fit(X, y)
    assert len(pickle.dumps(model)) < 60_000


def test_clone_is_unfitted(data):
    X, y = data
    model = small(x_scaler=PowerTransformer()).fit(X, y)
    other = clone(model)
    with pytest.raises(NotFittedError):
        other.predict(X)
    np.testing.assert_array_equal(other.fit(X, y).predict(X), model.predict(X))


def test_predicting_changes_nothing(data):
    X, y = data
    model = small().fit(X, y)
    before = pickle.dumps(model)
    names = set(vars(model))
    model.predict(X)
    with torch.no_grad():
        model.predict_jacobian(X)
    with torch.inference_mode():
        model.predict_with_jacobian(X)
    assert set(vars(model)) == names
    assert pickle.dumps(model) == before
    for parameter in model.module_.parameters():
        assert parameter.grad is None
        assert parameter.requires_grad
    assert not model.module_.training


def test_predictions_do_not_depend_on_what_the_user_does_to_the_module(data):
    X, y = data
    model = small().fit(X, y)
    expected = model.predict_jacobian(X)
    model.module_.train()
    model.module_.requires_grad_(False)
    np.testing.assert_array_equal(model.predict_jacobian(X), expected)
    assert model.module_.training


@pytest.mark.parametrize("solver", ["lm", "lbfgs", "adam"])
def test_random_state_repeats_bit_by_bit_and_global_generators_are_untouched(
    data, solver
):
    X, y = data
    torch_state = torch.get_rng_state()
    numpy_state = np.random.get_state()  # noqa: NPY002
    models = [small(solver=solver, batch_size=7).fit(X, y) for _ in range(2)]
    np.testing.assert_array_equal(models[0].predict(X), models[1].predict(X))
    other = small(solver=solver, batch_size=7, random_state=1).fit(X, y)
    assert (other.predict(X) != models[0].predict(X)).any()
    assert torch.equal(torch.get_rng_state(), torch_state)
    for before, after in zip(numpy_state, np.random.get_state(), strict=True):  # noqa: NPY002
        np.testing.assert_array_equal(before, after)


def test_random_state_instance_is_advanced(data):
    X, y = data
    state = np.random.RandomState(0)
    first, second = (small(random_state=state).fit(X, y).predict(X) for _ in range(2))
    assert (first != second).any()


# --------------------------------------------------------------- fits that go wrong


class Unconvertible(StandardScaler):
    """A scaler that its parent's converter does not cover."""

    def transform(self, X):
        return super().transform(X)

    def inverse_transform(self, X):
        return super().inverse_transform(X) + 1e-3


def test_a_failed_fit_leaves_everything_as_it_was(data, monkeypatch):
    X, y = data
    model = small(solver="adam", warm_start=True).fit(X, y)
    before = pickle.dumps(model)
    failures = [
        lambda: model.fit(X[:, :2] * np.nan, y),
        lambda: model.fit(X[:, :2], y),
        lambda: clone_into(model, x_scaler=Unconvertible()).fit(X[:, :2], y),
    ]
    for fail in failures:
        with pytest.raises((ValueError, TypeError)):
            fail()
        assert pickle.dumps(model) == before

    from sklearn_nnderiv._training import _minibatch

    epochs = []

    def interrupt(epoch, prefix):
        epochs.append(prefix)
        if len(epochs) > 3:
            raise KeyboardInterrupt
        return 1.0 / len(epochs)

    monkeypatch.setattr(_minibatch, "epoch_mean", interrupt)
    for method in (model.fit, model.partial_fit):
        with pytest.raises(KeyboardInterrupt):
            method(X, y)
        epochs.extend(["train"] * 3)
        assert pickle.dumps(model) == before


def test_ctrl_c_during_lbfgs_leaves_everything_as_it_was(data, monkeypatch):
    from sklearn_nnderiv._training._problem import Problem

    X, y = data
    model = small(warm_start=True, solver="lbfgs").fit(X, y)
    before = pickle.dumps(model)
    original, calls = Problem.loss, []

    def loss(self, module):
        calls.append(module)
        if len(calls) > 10:
            raise KeyboardInterrupt
        return original(self, module)

    monkeypatch.setattr(Problem, "loss", loss)
    for warm in (True, False):
        model.warm_start = warm
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
        assert len(calls) == 11
    model.warm_start = True
    assert pickle.dumps(model) == before


@pytest.mark.parametrize("n_jobs", [None, 2])
def test_ctrl_c_during_lm_leaves_everything_as_it_was(data, monkeypatch, n_jobs):
    X, y = data
    model = small(warm_start=True, n_jobs=n_jobs).fit(X, y)
    before = pickle.dumps(model)
    original, calls = Run._step, []

    def step(self):
        calls.append(self)
        if len(calls) > 8:
            raise KeyboardInterrupt
        original(self)

    monkeypatch.setattr(Run, "_step", step)
    for warm in (True, False):
        model.warm_start = warm
        calls.clear()
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
        assert len(calls) > 8
    model.warm_start = True
    assert pickle.dumps(model) == before


def clone_into(model, **parameters):
    """Return the same object, which keeps its fitted attributes."""
    other = copy.deepcopy(model)
    return other.set_params(warm_start=False, **parameters)


def test_unconvertible_scaler_names_the_class_and_the_remedy(data):
    X, y = data
    with pytest.raises(
        NotConvertibleError, match=r"x_scaler: .*Unconvertible.*@register_converter"
    ):
        small(x_scaler=Unconvertible()).fit(X, y)
    with pytest.raises(
        NotConvertibleError, match=r"y_scaler: .*Unconvertible.*@register_converter"
    ):
        small(y_scaler=Unconvertible()).fit(X, y)


class Halving(BaseEstimator):
    """A scaler of another library, without set_output and without weights."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X / 2

    def inverse_transform(self, X):
        return X * 2


def test_a_registered_scaler_of_another_library(data):
    X, y = (array / array.std(axis=0) for array in data)
    register_converter(Halving, "transform")(lambda s: Affine([0.5] * s.n_features_in_))
    register_converter(Halving, "inverse_transform")(
        lambda s: Affine([2.0] * s.n_features_in_)
    )
    try:
        scalers = {"x_scaler": Halving(), "y_scaler": Halving()}
        model = small(solver="lbfgs", **scalers).fit(X, y)
        points = inner_points(X)
        differences = central_differences(model.predict, points, scale=X.std(axis=0))
        assert relative_difference(model.predict_jacobian(points), differences) < 1e-6
    finally:
        del _REGISTRY["transform"][Halving], _REGISTRY["inverse_transform"][Halving]


def test_a_lying_scaler_is_found_out(data):
    X, y = data
    scaler = StandardScaler()

    class Lying(StandardScaler):
        pass

    def transform(X):
        return StandardScaler.transform(scaler, X) * 1.001

    model = small(x_scaler=Lying())
    original = Lying.fit

    def fit(self, X, y=None, sample_weight=None):
        scaler.fit(X)
        self.transform = transform
        return original(self, X, y, sample_weight)

    Lying.fit = fit
    with pytest.raises(ConversionMismatchError, match="x_scaler=Lying"):
        model.fit(X, y)


def test_a_scaler_that_leaves_its_domain_is_refused(data):
    X, y = data
    log = FunctionTransformer(np.log, np.exp, check_inverse=False)
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(ValueError, match="rows of X into NaN or infinity"),
    ):
        small(x_scaler=log).fit(X - 10, y)
    with (
        np.errstate(invalid="ignore"),
        pytest.raises(ValueError, match="rows of y into NaN or infinity"),
    ):
        small(y_scaler=log).fit(X, y - 1e4)


def test_a_range_that_a_scaler_does_not_see_warns(data):
    X, y = data
    with pytest.warns(
        DerivativeWarning, match=r"leaves columns \[0\] of y with a range"
    ):
        small(y_scaler="minmax", max_iter=1).fit(X, y[:, 0] * 1e-20)
    with pytest.warns(
        DerivativeWarning, match=r"leaves columns \[1\] of X with a range"
    ):
        small(x_scaler="passthrough", max_iter=1).fit(X * [1, 1e-20, 1], y)


def test_scalers_that_cannot_be_fitted_are_named(data):
    X, y = data
    scaler = PowerTransformer(method="box-cox")
    with pytest.raises(
        ValueError, match=r"x_scaler=PowerTransformer.* cannot be fitted"
    ):
        small(x_scaler=scaler).fit(X, y)


def test_a_y_scaler_without_inverse_is_refused(data):
    X, y = data
    with pytest.raises(ValueError, match="give both func and inverse_func"):
        small(y_scaler=FunctionTransformer(np.arcsinh, check_inverse=False)).fit(X, y)


def test_predictions_outside_a_domain_are_nan_with_a_warning(rng):
    X = rng.gamma(2.0, size=(40, 1)) + 0.1
    model = small(x_scaler=PowerTransformer(method="box-cox")).fit(X, X[:, 0])
    with pytest.warns(DerivativeWarning, match="1 of 2 predictions are NaN"):
        values = model.predict([[-1.0], [1.0]])
    np.testing.assert_array_equal(np.isnan(values), [True, False])
    with pytest.warns(DerivativeWarning, match="1 of 2 predictions are NaN"):
        jacobian = model.predict_jacobian([[-1.0], [1.0]])
    np.testing.assert_array_equal(np.isnan(jacobian[:, 0]), [True, False])


@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_divergence_is_an_error(data, solver):
    X, y = data
    model = small(
        solver=solver,
        x_scaler="passthrough",
        y_scaler="passthrough",
        activation="identity",
        learning_rate_init=1e200,
    )
    with np.errstate(all="ignore"), pytest.raises(TrainingDivergedError):
        model.fit(X * 1e160, y * 1e160)
    assert not hasattr(model, "net_")


def test_divergence_in_the_last_step_is_an_error(data):
    X, y = data
    model = small(solver="adam").partial_fit(X, y)
    for parameter in model.net_.module_.parameters():
        parameter.data.fill_(np.nan)
    with pytest.raises(TrainingDivergedError):
        model.partial_fit(X, y)
