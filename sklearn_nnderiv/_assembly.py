"""The steps of a fit: scalers, problem, network, composed map."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state

from ._converters import N_SAMPLE_ROWS, check_slope
from ._elementwise.activations import has_kinks
from ._maps import Map, Network, Sequential
from ._parameters import activation_class, check_net, hidden_sizes, solver_name
from ._scaling import fit_scaler, input_map, output_map, scale_inputs, scale_targets
from ._training import (
    SOLVERS,
    Problem,
    Rows,
    Solver,
    WeightedNet,
    adam_batch_size,
    ignore_constant_columns,
    loss_curve,
    make_net,
    prepare_net,
    repeatable,
    takes_weights,
    train_net,
)
from ._validation import check_device, warn
from .exceptions import TrainingDivergedError


def train(estimator: Any, rows: Rows, *, resume: bool, one_epoch: bool) -> None:
    """Fit whatever is to be fitted, and set the fitted attributes."""
    seed = int(check_random_state(estimator.random_state).randint(2**31 - 1))
    if resume and isinstance(estimator.net_, WeightedNet) != (estimator.net is None):
        raise ValueError(
            "Training cannot go on from the fitted network, because it was trained "
            f"{'with' if estimator.net is None else 'without'} `net`. Call fit with "
            "warm_start=False to begin anew."
        )
    if estimator.net is None:
        _train_built_in(estimator, rows, resume=resume, one_epoch=one_epoch, seed=seed)
    else:
        check_net(estimator)
        _train_given(estimator, rows, resume=resume, one_epoch=one_epoch, seed=seed)
    module = estimator.net_.module_.eval()
    if not all(torch.isfinite(p).all() for p in module.parameters()):
        raise TrainingDivergedError(
            "The parameters of the network became NaN or infinite. Lower the learning "
            "rate, or scale X and y if their values are of very different size."
        )
    estimator.module_ = compose(estimator)
    if estimator.net is not None:
        (network,) = (m for m in estimator.module_.parts() if isinstance(m, Network))
        scaled = np.asarray(estimator.x_scaler_.transform(rows.X[:N_SAMPLE_ROWS]))
        check_slope(network, scaled, "The module of `net`")


def compose(estimator: Any) -> Map:
    """Return the map from raw X to raw y."""
    module = estimator.net_.module_
    parameter = next(module.parameters())
    network = Network(
        module,
        estimator._x_map.n_out,
        estimator.n_outputs_,
        parameter.dtype,
        "piecewise" if has_kinks(module) else "smooth",
    )
    # copies stay on the CPU, where a pickle of them can be read anywhere
    with torch.inference_mode(False):
        before, after = copy.deepcopy((estimator._x_map, estimator._y_map))
        composed = Sequential([before, network, after], estimator.n_features_in_)
        return composed.to(parameter.device).eval()


def _fit_scalers(estimator: Any, rows: Rows) -> None:
    weight = rows.weight / rows.weight.max()  # whose sums cannot overflow
    for name, data in (("x_scaler", rows.X), ("y_scaler", rows.y)):
        scaler = fit_scaler(getattr(estimator, name), data, weight, name)
        setattr(estimator, f"{name}_", scaler)
    estimator._x_map = input_map(estimator.x_scaler_)
    estimator._y_map = output_map(estimator.y_scaler_)
    estimator.n_outputs_ = rows.y.shape[1]


def _problem(estimator: Any, rows: Rows, *, go_on: bool) -> Problem:
    """Scale the rows in float64, then cast them for the network.

    Weights are taken in units of their mean, in partial_fit of that of the first batch.
    """
    if not go_on:
        largest = rows.weight.max()
        estimator._weight_unit = largest * (rows.weight / largest).mean()
    x_scaler, y_scaler = estimator.x_scaler_, estimator.y_scaler_
    arrays = (
        scale_inputs(x_scaler, estimator._x_map, rows.X, estimator.dtype),
        scale_targets(y_scaler, estimator._y_map, rows.y, estimator.dtype),
        (rows.weight / estimator._weight_unit).astype(estimator.dtype),
    )
    # without a copy: the arrays are not used elsewhere
    device = check_device(estimator.device)
    X, y, weight = (torch.from_numpy(array).to(device) for array in arrays)
    return Problem(X, y, weight, float(estimator.alpha / estimator._weight_unit))


def _train_built_in(
    estimator: Any, rows: Rows, *, resume: bool, one_epoch: bool, seed: int
) -> None:
    device = check_device(estimator.device)
    hidden = hidden_sizes(estimator.hidden_layer_sizes)
    activation = activation_class(estimator.activation, hidden)
    name = "adam" if one_epoch else _solver_name(estimator, rows)
    merged = rows if resume and name == "adam" else rows.merged()
    if resume:
        _check_same_network(estimator, hidden, rows.y.shape[1])
    else:
        _fit_scalers(estimator, merged)
    problem = _problem(
        estimator, merged if name == "lbfgs" else rows, go_on=resume and one_epoch
    )
    if resume:
        net, curve = copy.deepcopy(estimator.net_), list(estimator.loss_curve_)
    else:
        net, curve = make_net(problem, hidden, activation, device, seed), []
    problem = ignore_constant_columns(net, problem, new=not resume)
    solver, problem = _solver(estimator, name, problem, one_epoch, seed)
    named = isinstance(estimator.activation, str)
    # a module of the user's may draw from torch's global generator
    with nullcontext() if named else repeatable(seed, device):
        result = solver.fit(net, problem)
    if not (result.converged or one_epoch):
        _warn_of_convergence(estimator)
    estimator.net_ = net
    estimator.loss_curve_ = curve + result.loss_curve
    estimator.n_iter_ = len(estimator.loss_curve_)
    estimator.solver_ = name
    estimator.hidden_layer_sizes_ = hidden
    estimator.activation_ = estimator.activation
    estimator.alpha_ = float(estimator.alpha)


def _warn_of_convergence(estimator: Any) -> None:
    warn(
        f"The loss was still falling by more than tol={estimator.tol:g} of itself when "
        f"max_iter={estimator.max_iter} was reached: values and derivatives can "
        "improve. Raise max_iter, or tol if the fit is good enough.",
        ConvergenceWarning,
    )


def _solver_name(estimator: Any, rows: Rows) -> str:
    return solver_name(estimator.solver, len(rows.X), estimator.early_stopping)


def _check_same_network(
    estimator: Any, hidden: tuple[int, ...], n_outputs: int
) -> None:
    """Raise if the fitted network is not the one that the parameters describe."""
    parameter = next(estimator.net_.module_.parameters())
    fitted = {
        "hidden_layer_sizes": estimator.hidden_layer_sizes_,
        "activation": estimator.activation_,
        "dtype": str(parameter.dtype).removeprefix("torch."),
        "device": parameter.device.type,
        "number of outputs": estimator.n_outputs_,
    }
    asked = {
        "hidden_layer_sizes": hidden,
        "activation": estimator.activation,
        "dtype": estimator.dtype,
        "device": check_device(estimator.device).type,
        "number of outputs": n_outputs,
    }
    changed = [key for key in fitted if fitted[key] != asked[key]]
    if changed:
        raise ValueError(
            "Training cannot go on from the fitted network: "
            + ", ".join(f"{key} was {fitted[key]}, is {asked[key]}" for key in changed)
            + ". Set warm_start=False and call fit to begin anew."
        )


def _solver(
    estimator: Any, name: str, problem: Problem, one_epoch: bool, seed: int
) -> tuple[Solver, Problem]:
    """Return the solver, and the part of the problem that it is to train on."""
    options: dict[str, Any] = {
        "max_iter": 1 if one_epoch else estimator.max_iter,
        "tol": estimator.tol,
        "n_iter_no_change": estimator.n_iter_no_change,
        "verbose": 0 if one_epoch else estimator.verbose,
    }
    if name == "adam":
        if estimator.early_stopping and not one_epoch:
            problem, options["validation"] = _split(estimator, problem, seed)
        size = estimator.batch_size
        n = len(problem.X)
        options["batch_size"] = adam_batch_size(n) if size == "auto" else min(size, n)
        options["learning_rate_init"] = estimator.learning_rate_init
        options["anneal"] = not one_epoch
    return SOLVERS[name](**options), problem


def _split(estimator: Any, problem: Problem, seed: int) -> tuple[Problem, Problem]:
    """Withhold a shuffled part of the rows."""
    parts = train_test_split(
        np.arange(len(problem.X)),
        test_size=estimator.validation_fraction,
        random_state=seed,
    )
    training, validation = (
        Problem(problem.X[i], problem.y[i], problem.weight[i], problem.alpha)
        for i in parts
    )
    return training, validation


def _train_given(
    estimator: Any, rows: Rows, *, resume: bool, one_epoch: bool, seed: int
) -> None:
    device = check_device(estimator.device)
    weighted = bool(np.ptp(rows.weight) > 0)
    if resume:
        net = copy.deepcopy(estimator.net_)
        _check_resumable(estimator, rows.y.shape[1], weighted)
        problem = _problem(estimator, rows, go_on=True)
    else:
        _fit_scalers(estimator, rows.merged())
        problem = _problem(estimator, rows, go_on=False)
        net = prepare_net(
            clone(estimator.net),
            problem,
            device=device,
            seed=seed,
            verbose=estimator.verbose,
            weighted=weighted,
        )
    epochs = 1 if one_epoch else None
    train_net(net, problem, seed=seed, device=device, epochs=epochs)
    estimator.net_ = net
    estimator._net_parameters = _plain_parameters(estimator.net)
    estimator.loss_curve_ = loss_curve(net)
    estimator.n_iter_ = max(1, len(estimator.loss_curve_))


def _plain_parameters(net: Any) -> dict[str, Any]:
    """Return those parameters of a net that can be compared."""
    plain = (bool, int, float, str, type, type(None))
    parameters = net.get_params(deep=False)
    return {k: v for k, v in parameters.items() if isinstance(v, plain)}


def _check_resumable(estimator: Any, n_outputs: int, weighted: bool) -> None:
    before, now = estimator._net_parameters, _plain_parameters(estimator.net)
    changed = sorted(
        f"net__{name}"
        for name in before.keys() | now.keys()
        if before.get(name) != now.get(name)
    )
    parameter = next(estimator.net_.module_.parameters())
    kinds = {
        "dtype": (str(parameter.dtype), f"torch.{estimator.dtype}"),
        "device": (parameter.device.type, check_device(estimator.device).type),
    }
    changed += [name for name, (fitted, asked) in kinds.items() if fitted != asked]
    if changed:
        raise ValueError(
            f"Training cannot go on from the fitted network, because {changed} changed "
            "since. Call fit to begin anew."
        )
    if n_outputs != estimator.n_outputs_:
        raise ValueError(
            f"y has {n_outputs} outputs, but the fitted DifferentiableRegressor is "
            f"expecting {estimator.n_outputs_}."
        )
    if weighted and not takes_weights(estimator.net_):
        raise ValueError(
            "`net` was first trained without sample weights, which its criterion "
            "cannot take now. Give sample_weight from the first partial_fit on."
        )
