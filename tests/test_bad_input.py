"""What bad input gets: the error that scikit-learn would raise, before any training."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import skorch
import torch
from sklearn.exceptions import NotFittedError

from sklearn_nnderiv import DifferentiableRegressor
from sklearn_nnderiv._validation import check_device

RNG = np.random.default_rng(0)
X = RNG.normal(size=(20, 3))
Y = RNG.normal(size=20)


def with_entry(array, value):
    changed = np.array(array, dtype=object if isinstance(value, str) else float)
    changed.flat[1] = value
    return changed


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    """Fail if an error comes only after the network is made."""

    def refuse(*args, **kwargs):
        raise AssertionError("a network was made before the error")

    for name in ("_built_in.make_net", "_evidence.Race", "_given.train_net"):
        monkeypatch.setattr(f"sklearn_nnderiv._assembly.{name}", refuse)


DATA = [
    ("NaN in X", with_entry(X, np.nan), Y, ValueError, "Input X contains NaN"),
    ("inf in X", with_entry(X, np.inf), Y, ValueError, "Input X contains infinity"),
    ("NaN in y", X, with_entry(Y, np.nan), ValueError, "Input y contains NaN"),
    ("inf in y", X, with_entry(Y, np.inf), ValueError, "Input y contains infinity"),
    ("1-D X", X[:, 0], Y, ValueError, "Expected 2D array, got 1D array instead"),
    ("3-D X", X[None], Y, ValueError, "Found array with dim 3"),
    ("scalar X", 3.0, Y, ValueError, "Expected 2D array, got scalar array"),
    ("3-D y", X, Y.reshape(20, 1, 1), ValueError, "Found array with dim 3"),
    ("sparse", scipy.sparse.csr_matrix(X), Y, TypeError, "Sparse data was passed"),
    ("complex X", X * 1j, Y, ValueError, "Complex data not supported"),
    ("complex y", X, Y * 1j, ValueError, "Complex data not supported"),
    ("words in X", with_entry(X, "word"), Y, ValueError, "could not convert string"),
    ("words in y", X, with_entry(Y, "word"), ValueError, "could not convert string"),
    ("no rows", X[:0], Y[:0], ValueError, "Found array with 0 sample"),
    ("no columns", X[:, :0], Y, ValueError, "0 feature.s. .shape=.20, 0.. while a min"),
    ("lengths", X, Y[:-1], ValueError, "inconsistent numbers of samples"),
    ("no y", X, None, ValueError, "requires y to be passed, but the target y is None"),
]


@pytest.mark.parametrize(
    ("X", "y", "error", "message"), [d[1:] for d in DATA], ids=[d[0] for d in DATA]
)
def test_fit(X, y, error, message):
    with pytest.raises(error, match=message):
        DifferentiableRegressor().fit(X, y)


WEIGHTS = [
    (-np.ones(20), "Negative values in data passed to `sample_weight`"),
    (np.zeros(20), "at least one non-zero"),
    (np.ones(19), r"sample_weight.shape == \(19,\), expected \(20,\)"),
    (np.ones((20, 2)), "Sample weights must be 1D"),
    (with_entry(np.ones(20), np.nan), "sample_weight contains NaN"),
    (with_entry(np.ones(20), np.inf), "sample_weight contains infinity"),
    (["a"] * 20, "could not convert string"),
]


@pytest.mark.parametrize(("weight", "message"), WEIGHTS)
def test_sample_weight(weight, message):
    with pytest.raises(ValueError, match=message):
        DifferentiableRegressor().fit(X, Y, sample_weight=weight)


PARAMETERS = [
    ("hidden_layer_sizes", "wide", "must be a str among {'auto'}, an array-like or an"),
    ("hidden_layer_sizes", 0, "an array-like or an int in the range"),
    ("hidden_layer_sizes", (10, "auto"), "must hold positive integers"),
    ("hidden_layer_sizes", (10, 0), r"must hold positive integers. Got \(10, 0\)"),
    ("hidden_layer_sizes", (10, 2.5), r"must hold positive integers. Got \(10, 2.5\)"),
    ("hidden_layer_sizes", ((10,), (5,)), "must hold positive integers"),
    ("activation", "tan", "must be 'auto', one of .*'tanh'.*joined by.*Got 'tan'"),
    ("activation", "tanh+", r"must be 'auto', one of .*Got 'tanh\+' instead"),
    ("activation", "auto+sin", r"must be 'auto', one of .*Got 'auto\+sin' instead"),
    ("activation", "", "must be 'auto', one of .*Got '' instead"),
    ("activation", 3, "'activation' parameter .* an instance of 'str' or an instance"),
    ("activation", dict, "or a class derived from torch.nn.Module. Got <class 'dict'>"),
    ("activation", torch.nn.Threshold, "cannot be constructed without arguments"),
    ("activation", torch.nn.GLU, "must keep the shape of its input"),
    (
        "activation",
        torch.nn.Tanh(),
        "'activation' parameter .* an instance of 'str' or",
    ),
    ("net", "net", "'net' parameter .* must be an instance of 'skorch.*NeuralNet'"),
    ("net", torch.nn.Linear(3, 1), "'net' parameter .* must be an instance of"),
    ("x_scaler", "standart", "'x_scaler' parameter .* must be a str among"),
    ("x_scaler", None, "'x_scaler' parameter .* must be a str among"),
    ("y_scaler", 1, "'y_scaler' parameter .* must be a str among"),
    ("solver", "sgd", "'solver' parameter .* must be a str among"),
    ("solver", None, "'solver' parameter .* must be a str among"),
    ("alpha", -1.0, "'alpha' parameter .* {'auto'} or a float in the range"),
    ("alpha", "none", "'alpha' parameter .* {'auto'} or a float in the range"),
    ("alpha", None, "'alpha' parameter .* {'auto'} or a float in the range"),
    ("alpha", np.nan, "'alpha' parameter .* {'auto'} or a float in the range"),
    ("alpha", np.inf, "'alpha' parameter .* {'auto'} or a float in the range"),
    ("n_candidates", 0, "'n_candidates' parameter .* must be an int in the range"),
    ("n_candidates", 2.5, "'n_candidates' parameter .* must be an int in the range"),
    ("n_candidates", "auto", "'n_candidates' parameter .* must be an int in the range"),
    ("batch_size", 0, "'batch_size' parameter"),
    ("batch_size", "all", "'batch_size' parameter"),
    ("learning_rate_init", 0.0, "'learning_rate_init' parameter"),
    ("learning_rate_init", "fast", "'learning_rate_init' parameter"),
    ("max_iter", 0, "'max_iter' parameter .* {'auto'} or an int in the range"),
    ("max_iter", 10.5, "'max_iter' parameter .* {'auto'} or an int in the range"),
    ("max_iter", "none", "'max_iter' parameter .* {'auto'} or an int in the range"),
    ("tol", -1e-9, "'tol' parameter"),
    ("tol", None, "'tol' parameter"),
    ("early_stopping", "yes", "'early_stopping' parameter"),
    ("validation_fraction", 0.0, "'validation_fraction' parameter"),
    ("validation_fraction", 1, "'validation_fraction' parameter"),
    ("n_iter_no_change", 0, "'n_iter_no_change' parameter"),
    ("n_iter_no_change", "10", "'n_iter_no_change' parameter"),
    ("jacobian_weight", -1.0, "'jacobian_weight' parameter"),
    ("jacobian_weight", "all", "'jacobian_weight' parameter"),
    ("dtype", "float16", "'dtype' parameter .* must be a str among"),
    ("dtype", np.float32, "'dtype' parameter .* must be a str among"),
    ("device", "gpu", "'device' .* 'auto'. Got 'gpu' instead"),
    ("device", "mps", "'device' .* 'auto'. Got 'mps' instead"),
    ("device", 0, "'device' parameter .* must be an instance of 'str'"),
    ("n_jobs", 1.5, "'n_jobs' parameter .* must be an instance of 'int' or None"),
    ("n_jobs", "all", "'n_jobs' parameter .* must be an instance of 'int' or None"),
    ("warm_start", "yes", "'warm_start' parameter"),
    ("warm_start", None, "'warm_start' parameter"),
    ("random_state", "lucky", "'random_state' parameter"),
    ("random_state", -1, "'random_state' parameter"),
    ("verbose", "loud", "'verbose' parameter"),
    ("verbose", -1, "'verbose' parameter"),
]


@pytest.mark.parametrize(("name", "value", "message"), PARAMETERS)
def test_parameters(name, value, message):
    model = DifferentiableRegressor(**{name: value})
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)


def test_every_parameter_is_in_the_table():
    names = {name for name, *_ in PARAMETERS}
    assert names == set(DifferentiableRegressor().get_params())


def test_cuda_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for device in ("cuda", "cuda:1"):
        with pytest.raises(ValueError, match="torch finds 0 CUDA devices here"):
            DifferentiableRegressor(device=device).fit(X, Y)


@pytest.mark.parametrize(("available", "kind"), [(False, "cpu"), (True, "cuda")])
def test_device_auto(monkeypatch, available, kind):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    assert check_device("auto").type == kind


def test_device_with_an_index(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert check_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="torch finds 2 CUDA devices here"):
        check_device("cuda:2")


def test_unknown_keyword():
    with pytest.raises(TypeError, match="unexpected keyword argument 'aplha'"):
        DifferentiableRegressor(aplha=1)
    with pytest.raises(TypeError, match="positional argument"):
        DifferentiableRegressor((50,))
    with pytest.raises(ValueError, match="Invalid parameter 'aplha'"):
        DifferentiableRegressor().set_params(aplha=1)


def test_early_stopping_with_lbfgs():
    model = DifferentiableRegressor(solver="lbfgs", early_stopping=True)
    with pytest.raises(ValueError, match="needs mini-batches, but solver='lbfgs'"):
        model.fit(X, Y)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"early_stopping": True},
            "early_stopping=True withholds rows, but solver='lm'",
        ),
        ({"activation": torch.nn.Softsign}, "solver='lm' needs the first two deriv"),
        ({"device": "cuda"}, "solver='lm' computes on the CPU, and device='cuda'"),
    ],
)
def test_lm_with_what_it_cannot_do(parameters, message, monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    model = DifferentiableRegressor(solver="lm", **parameters)
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y)


def test_early_stopping_with_too_few_rows():
    model = DifferentiableRegressor(early_stopping=True)
    with pytest.raises(ValueError, match="early_stopping needs at least two rows"):
        model.fit(X[:1], Y[:1])


class Module(torch.nn.Module):
    def __init__(self, n_features_in):
        super().__init__()
        self.linear = torch.nn.Linear(n_features_in, 1)

    def forward(self, x):
        return self.linear(x)


def net(module=Module, **kwargs):
    return skorch.NeuralNet(
        module, criterion=torch.nn.MSELoss, max_epochs=1, train_split=None, **kwargs
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden_layer_sizes", (3,)),
        ("hidden_layer_sizes", np.array([3, 4])),
        ("hidden_layer_sizes", np.array([50])),
        ("hidden_layer_sizes", [1, 2, 3]),
        ("hidden_layer_sizes", 50),
        ("activation", "silu"),
        ("solver", "adam"),
        ("n_candidates", 4),
        ("batch_size", 10),
        ("learning_rate_init", 0.1),
        ("max_iter", 5),
        ("tol", 0.1),
        ("early_stopping", True),
        ("validation_fraction", 0.2),
        ("n_iter_no_change", 3),
        ("warm_start", True),
    ],
)
def test_net_beside_parameters_that_it_would_ignore(name, value):
    model = DifferentiableRegressor(net=net(), **{name: value})
    with pytest.raises(ValueError, match=rf"the parameters \['{name}'\] of Different"):
        model.fit(X, Y)


def test_net_with_an_instance_for_a_module():
    model = DifferentiableRegressor(net=net(Module(3)))
    with pytest.raises(ValueError, match="The module of `net` must be a class"):
        model.fit(X, Y)


def test_net_with_a_nonlinearity_of_its_own():
    model = DifferentiableRegressor(net=net(predict_nonlinearity=torch.exp))
    with pytest.raises(ValueError, match="predict_nonlinearity of `net` would be ign"):
        model.fit(X, Y)


def test_net_for_classification():
    model = DifferentiableRegressor(net=skorch.NeuralNetClassifier(Module))
    with pytest.raises(ValueError, match="must be a net for regression"):
        model.fit(X, Y)


@pytest.mark.parametrize("method", ["predict", "predict_jacobian"])
def test_predicting_before_fitting(method):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(DifferentiableRegressor(), method)(X)


PREDICT = [
    ("width", X[:, :2], ValueError, "X has 2 features, but .* is expecting 3 features"),
    ("NaN", with_entry(X, np.nan), ValueError, "Input X contains NaN"),
    ("1-D", X[0], ValueError, "Expected 2D array, got 1D array instead"),
    ("sparse", scipy.sparse.csr_matrix(X), TypeError, "Sparse data was passed"),
    ("complex", X * 1j, ValueError, "Complex data not supported"),
    ("words", with_entry(X, "word"), ValueError, "could not convert string"),
    ("no rows", X[:0], ValueError, "Found array with 0 sample"),
]


@pytest.fixture(scope="module")
def fitted():
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    model = DifferentiableRegressor(hidden_layer_sizes=(2,), max_iter=2)
    return model.fit(X, Y), model.__class__(**model.get_params()).fit(frame, Y)


@pytest.mark.parametrize("method", ["predict", "predict_jacobian"])
@pytest.mark.parametrize(
    ("rows", "error", "message"), [p[1:] for p in PREDICT], ids=[p[0] for p in PREDICT]
)
def test_predict(fitted, method, rows, error, message):
    with pytest.raises(error, match=message):
        getattr(fitted[0], method)(rows)


@pytest.mark.parametrize("method", ["predict", "predict_jacobian"])
def test_feature_names(fitted, method):
    named = fitted[1]
    frame = pd.DataFrame(X, columns=["a", "c", "b"])
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        getattr(named, method)(frame)
    with pytest.raises(ValueError, match="Feature names unseen at fit time"):
        getattr(named, method)(frame.rename(columns={"a": "z"}))
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        getattr(named, method)(X)
