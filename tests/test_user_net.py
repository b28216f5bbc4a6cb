"""Skorch nets of the user's."""

import pickle
import signal
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import skorch
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from torch import nn

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv.exceptions import ConversionMismatchError, TrainingDivergedError

from .oracles import central_differences, relative_difference


class Residual(nn.Module):
    """Everything that behaves differently in training and in evaluation."""

    def __init__(self, n_features_in, n_outputs, hidden=12, dropout=0.1):
        super().__init__()
        self.first = nn.Linear(n_features_in, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Linear(hidden, hidden)
        self.last = nn.Linear(hidden, n_outputs)

    def forward(self, x):
        h = torch.tanh(self.norm(self.first(x)))
        return self.last(h + self.dropout(nn.functional.silu(self.second(h))))


def make_net(module=Residual, **kwargs):
    defaults = {
        "criterion": nn.MSELoss,
        "optimizer": torch.optim.Adam,
        "lr": 0.01,
        "max_epochs": 5,
        "batch_size": 10,
        "train_split": None,
        "iterator_train__shuffle": True,
    }
    return skorch.NeuralNet(module, **{**defaults, **kwargs})


def regressor(net=None, **parameters):
    return DifferentiableRegressor(net=net or make_net(), random_state=0, **parameters)


@pytest.mark.parametrize("n_outputs", [None, 1, 2])
def test_jacobian_in_evaluation_mode(data, n_outputs):
    X, y = data
    y = y[:, 0] if n_outputs is None else y[:, :n_outputs]
    model = regressor(x_scaler="minmax").fit(X, y)
    assert model.predict_jacobian(X).shape == (*model.predict(X).shape, 3)
    assert (
        relative_difference(
            model.predict_jacobian(X),
            central_differences(model.predict, X, scale=X.std(axis=0)),
        )
        < 1e-6
    )
    np.testing.assert_array_equal(model.predict(X), model.predict(X))
    assert model.n_iter_ == len(model.loss_curve_) == 5
    assert isinstance(model.net_, skorch.NeuralNet)
    assert model.net is not model.net_
    assert not model.net.initialized_


def test_train_mode_of_the_module_does_not_reach_predictions(data):
    X, y = data
    model = regressor().fit(X, y)
    expected = model.predict_jacobian(X)
    model.module_.train()
    statistics = model.net_.module_.norm.running_mean.clone()
    np.testing.assert_array_equal(model.predict_jacobian(X), expected)
    assert torch.equal(model.net_.module_.norm.running_mean, statistics)
    assert model.net_.module_.training


def test_sizes_are_not_forced_upon_a_module_that_does_not_take_them(data):
    X, y = data
    model = regressor(
        make_net(nn.Linear, module__in_features=3, module__out_features=2)
    )
    assert model.fit(X, y).predict_jacobian(X).shape == (40, 2, 3)


def test_sizes_given_by_the_user_are_kept_and_checked(data):
    X, y = data
    model = regressor(make_net(module__n_outputs=5))
    with pytest.raises(ValueError, match=r"is \(2, 2\). Got torch.Size\(\[2, 5\]\)"):
        model.fit(X, y)


class Flat(nn.Module):
    def __init__(self, n_features_in):
        super().__init__()
        self.linear = nn.Linear(n_features_in, 1)

    def forward(self, x):
        return self.linear(x)[:, 0]


class Pair(Flat):
    def forward(self, x):
        return self.linear(x), x


@pytest.mark.parametrize("module", [Flat, Pair])
def test_output_that_would_broadcast_is_refused(data, module):
    X, y = data
    with pytest.raises(ValueError, match=r"must return a tensor of shape \(n_samples"):
        regressor(make_net(module)).fit(X, y[:, 0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype(data, dtype):
    X, y = data
    model = regressor(dtype=dtype).fit(X.astype(np.float32), y)
    kinds = {t.dtype for t in model.net_.module_.parameters()}
    assert kinds == {getattr(torch, dtype)}
    assert model.predict_jacobian(X).dtype == np.float64


def test_nothing_is_printed_unless_verbose(data, capsys):
    X, y = data
    regressor(make_net(verbose=1)).fit(X, y)
    assert capsys.readouterr().out == ""
    regressor(verbose=1).fit(X, y)
    assert "train_loss" in capsys.readouterr().out


def test_schedules_and_callbacks(data):
    X, y = data
    stop = EarlyStopping(
        monitor="train_loss", patience=2, threshold=1e9, threshold_mode="abs"
    )
    net = make_net(
        max_epochs=50,
        callbacks=[LRScheduler(torch.optim.lr_scheduler.StepLR, step_size=1), stop],
        callbacks__print_log=None,
    )
    model = regressor(net).fit(X, y)
    assert model.n_iter_ == 3
    assert model.net_.optimizer_.param_groups[0]["lr"] < 0.01
    model = regressor(make_net(callbacks="disable")).fit(X, y)
    assert len(model.loss_curve_) == 5
    np.testing.assert_allclose(
        model.loss_curve_, regressor().fit(X, y).loss_curve_, rtol=1e-12
    )


class Interrupted(nn.Module):
    """Stands for Ctrl-C in the middle of a batch."""

    def __init__(self, n_features_in, n_outputs):
        super().__init__()
        self.linear = nn.Linear(n_features_in, n_outputs)

    def forward(self, x):
        if self.training:
            raise KeyboardInterrupt
        return self.linear(x)


def test_ctrl_c_propagates_and_leaves_the_regressor_as_it_was(data):
    X, y = data
    model = regressor().fit(X, y)
    before = pickle.dumps(model)
    original = model.net
    model.net = make_net(Interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, y)
    model.net = original
    assert pickle.dumps(model) == before


def test_weight_two_is_a_repeated_row(data, rng):
    X, y = data
    w = rng.integers(0, 3, size=40)
    net = make_net(
        nn.Linear,  # batch norm knows no weights
        module__in_features=3,
        module__out_features=2,
        batch_size=-1,
        iterator_train__shuffle=False,
    )
    weighted = regressor(net).fit(X, y, sample_weight=w)
    repeated = regressor(net).fit(np.repeat(X, w, axis=0), np.repeat(y, w, axis=0))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-9)
    np.testing.assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-9)


def test_weights_keep_the_criterion_and_its_parameters(data):
    X, y = data
    w = np.linspace(1, 2, 40)
    net = make_net(criterion=nn.HuberLoss, criterion__delta=0.3, max_epochs=1)
    model = regressor(net).fit(X, y, sample_weight=w)
    criterion = model.net_.criterion_.criterion
    assert isinstance(criterion, nn.HuberLoss)
    assert (criterion.delta, criterion.reduction) == (0.3, "none")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


class NoReduction(nn.Module):
    def forward(self, prediction, y):
        return (prediction - y).square().mean()


def test_weights_need_a_criterion_with_reduction(data):
    X, y = data
    model = regressor(make_net(criterion=NoReduction))
    assert model.fit(X, y).n_iter_ == 5
    with pytest.raises(ValueError, match="and that of `net`, NoReduction, does not"):
        model.fit(X, y, sample_weight=np.linspace(1, 2, 40))


def test_criterion_without_reduction_is_averaged(data):
    X, y = data
    expected = regressor().fit(X, y)
    model = regressor(make_net(criterion__reduction="none")).fit(X, y)
    np.testing.assert_allclose(model.loss_curve_, expected.loss_curve_, rtol=1e-10)


def test_alpha_beside_net_warns(data):
    X, y = data
    with pytest.warns(UserWarning, match="alpha=0.1 has no effect beside `net`"):
        regressor(alpha=0.1).fit(X, y)


def test_repeatable_and_global_generators_untouched(data):
    X, y = data
    states = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, second = (regressor().fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.predict(X), second.predict(X))
    other = regressor().set_params(random_state=1).fit(X, y)
    assert (other.predict(X) != first.predict(X)).any()
    assert torch.equal(torch.get_rng_state(), states[0])
    np.testing.assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002


def test_repeatable_under_threads(data):
    X, y = data
    expected = regressor().fit(X, y).predict(X)
    state = torch.get_rng_state()
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: regressor().fit(X, y).predict(X), range(8)))
    for result in results:
        np.testing.assert_array_equal(result, expected)
    assert torch.equal(torch.get_rng_state(), state)


def test_partial_fit_runs_one_epoch(data):
    X, y = data
    model = regressor().partial_fit(X, y)
    assert model.n_iter_ == 1
    before = model.predict(X)
    model.partial_fit(X, y, sample_weight=np.ones(40))
    assert model.n_iter_ == 2
    assert (model.predict(X) != before).any()
    with pytest.raises(ValueError, match="was first trained without sample weights"):
        model.partial_fit(X, y, sample_weight=np.linspace(1, 2, 40))
    with pytest.raises(ValueError, match=r"y has 1 outputs, .* expecting 2"):
        model.partial_fit(X, y[:, :1])


class Clock(Callback):
    """Stands for Ctrl-C while a callback runs."""

    def on_epoch_end(self, net, **kwargs):
        signal.raise_signal(signal.SIGINT)


class Stop(Callback):
    """Ends the training at a moment of one's choice, with no source to be read."""

    def __init__(self, moment):
        self.moment = moment

    def on_train_begin(self, net, **kwargs):
        self.stop("on_train_begin", net)

    def on_epoch_begin(self, net, **kwargs):
        self.stop("on_epoch_begin", net)

    def on_epoch_end(self, net, **kwargs):
        self.stop("on_epoch_end", net)

    def stop(self, moment, net):
        if moment == self.moment and len(net.history) != 1:
            exec("if True: raise KeyboardInterrupt")


@pytest.mark.parametrize(
    ("moment", "n_epochs"),
    [("on_train_begin", 0), ("on_epoch_begin", 1), ("on_epoch_end", 2)],
)
def test_callbacks_stop_at_any_moment(data, moment, n_epochs):
    X, y = data
    net = make_net(callbacks=[Stop(moment)])
    model = regressor(net).fit(X, y)
    assert len(model.loss_curve_) == n_epochs


def handler(number, frame):
    raise KeyboardInterrupt


def test_a_handler_of_the_users_own_is_a_ctrl_c_too(data):
    X, y = data
    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            regressor(make_net(callbacks=[Clock()])).fit(X, y)
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_in_a_callback_propagates_too(data):
    X, y = data
    # shells start background jobs with the signal ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            regressor(make_net(callbacks=[Clock()])).fit(X, y)
    finally:
        signal.signal(signal.SIGINT, before)


def test_one_kind_of_network_does_not_go_on_from_the_other(data):
    X, y = data
    model = regressor().fit(X, y)
    model.set_params(net=None)
    with pytest.raises(ValueError, match="it was trained with `net`"):
        model.partial_fit(X, y)
    model.set_params(max_iter=2).fit(X, y)
    assert model.solver_ == "lm"
    model.set_params(net=make_net(), max_iter="auto")
    with pytest.raises(ValueError, match="it was trained without `net`"):
        model.partial_fit(X, y)
    assert model.fit(X, y).n_iter_ == 5
    assert not hasattr(model, "solver_")  # no trace of the fit before


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"net__lr": 0.5}, "net__lr"),
        ({"net__module__hidden": 3}, "net__module__hidden"),
        ({"dtype": "float32"}, "dtype"),
    ],
)
def test_partial_fit_with_another_net_is_refused(data, change, named):
    X, y = data
    model = regressor().fit(X, y).set_params(**change)
    with pytest.raises(ValueError, match=rf"because \['{named}'\] changed since"):
        model.partial_fit(X, y)


class Detached(Residual):
    """Right values; the graph is cut."""

    def forward(self, x):
        return super().forward(x.detach())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_module_that_cuts_the_graph_is_refused(data, dtype):
    X, y = data
    with pytest.raises(ConversionMismatchError, match="module of `net` passes a wrong"):
        regressor(make_net(Detached), dtype=dtype).fit(X, y)


def test_partial_fit_with_weights_from_the_start(data):
    X, y = data
    w = np.linspace(1, 2, 40)
    model = regressor().partial_fit(X, y, sample_weight=w)
    model.partial_fit(X, y, sample_weight=w).partial_fit(X, y)
    assert model.n_iter_ == 3


def test_divergence_is_an_error(data):
    X, y = data
    model = regressor(make_net(lr=1e300, optimizer=torch.optim.SGD))
    with pytest.raises(TrainingDivergedError):
        model.fit(X, y)
    assert not hasattr(model, "net_")


def test_grid_search_over_the_net(data):
    X, y = data
    search = GridSearchCV(
        regressor(make_net(max_epochs=2)),
        {"net__lr": [0.01, 0.1], "net__module__hidden": [4, 6]},
        cv=2,
        n_jobs=2,
    ).fit(X, y)
    best = search.best_estimator_
    assert best.net_.module_.first.out_features in (4, 6)
    assert best.predict_jacobian(X).shape == (40, 2, 3)
    assert clone(best).net.module__hidden == search.best_params_["net__module__hidden"]


def test_user_nets_are_not_warned_about(data):
    X, y = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        regressor().fit(X, y)
