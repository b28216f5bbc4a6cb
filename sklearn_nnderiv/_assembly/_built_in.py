"""Training of the built-in net."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from .._choices import Choice, resolve
from .._training import (
    SOLVERS,
    Architecture,
    Problem,
    Rows,
    Solver,
    adam_batch_size,
    ignore_constant_columns,
    make_net,
    repeatable,
)
from .._validation import check_device, warn
from ._evidence import train_by_evidence
from ._prepare import fit_scalers, make_problem


def train_built_in(
    estimator: Any, rows: Rows, *, resume: bool, one_epoch: bool, seed: int
) -> None:
    """Train with whatever solver the parameters mean."""
    merged = rows if one_epoch and resume else rows.merged()
    choice = resolve(estimator, merged, one_epoch=one_epoch)
    if choice.solver == "adam" and resume:
        merged = rows
    if resume:
        choice = _keep_network(estimator, choice, rows.y.shape[1])
    else:
        fit_scalers(estimator, merged)
    if choice.solver == "lm":
        train_by_evidence(estimator, merged, choice, resume=resume, seed=seed)
    else:
        rows = merged if choice.solver == "lbfgs" else rows
        _train_by_loss(
            estimator, rows, choice, resume=resume, one_epoch=one_epoch, seed=seed
        )
    estimator.n_iter_ = len(estimator.loss_curve_)
    estimator.solver_ = choice.solver


def _train_by_loss(
    estimator: Any,
    rows: Rows,
    choice: Choice,
    *,
    resume: bool,
    one_epoch: bool,
    seed: int,
) -> None:
    device = check_device(estimator.device)
    problem = make_problem(estimator, rows, choice.alpha, go_on=resume and one_epoch)
    if resume:
        net, curve = copy.deepcopy(estimator.net_), list(estimator.loss_curve_)
        architecture = estimator._architecture
    else:
        architecture = Architecture(choice.hidden, choice.activation)
        net, curve = make_net(problem, architecture, device, seed), []
    problem = ignore_constant_columns(net, problem, new=not resume)
    solver, problem = _solver(estimator, choice, problem, one_epoch, seed)
    named = isinstance(architecture.activation, str)
    # a module of the user's may draw from torch's global generator
    with nullcontext() if named else repeatable(seed, device):
        result = solver.fit(net, problem)
    if not (result.converged or one_epoch):
        warn(
            f"The loss was still falling by more than tol={estimator.tol:g} of itself "
            f"when max_iter={choice.max_iter} was reached: values and derivatives can "
            "improve. Raise max_iter, or tol if the fit is good enough.",
            ConvergenceWarning,
        )
    estimator.net_ = net
    estimator.loss_curve_ = curve + result.loss_curve
    estimator._architecture = architecture
    estimator.hidden_layer_sizes_ = architecture.hidden
    estimator.activation_ = architecture.activation
    estimator.alpha_ = choice.alpha
    estimator._posterior = estimator._evidence = None
    for name in ("candidates_", "log_evidence_", "relevance_"):
        vars(estimator).pop(name, None)  # of an earlier fit by lm


def _keep_network(estimator: Any, choice: Choice, n_outputs: int) -> Choice:
    """Return the choice with the fitted network; raise if it is not the one asked."""
    parameter = next(estimator.net_.module_.parameters())
    architecture: Architecture = estimator._architecture
    fitted = {
        "hidden_layer_sizes": architecture.hidden,
        "activation": architecture.activation,
        "dtype": str(parameter.dtype).removeprefix("torch."),
        "device": parameter.device.type,
        "number of outputs": estimator.n_outputs_,
    }
    given = estimator.get_params(deep=False)
    free = {
        key for key in given if isinstance(given[key], str) and given[key] == "auto"
    }
    asked = {
        "hidden_layer_sizes": choice.hidden,
        "activation": choice.activation,
        "dtype": estimator.dtype,
        "device": check_device(estimator.device).type,
        "number of outputs": n_outputs,
    }
    changed = [key for key in fitted if key not in free and fitted[key] != asked[key]]
    if changed:
        raise ValueError(
            "Training cannot go on from the fitted network: "
            + ", ".join(f"{key} was {fitted[key]}, is {asked[key]}" for key in changed)
            + ". Set warm_start=False and call fit to begin anew."
        )
    return replace(
        choice, hidden=architecture.hidden, activation=architecture.activation
    )


def _solver(
    estimator: Any, choice: Choice, problem: Problem, one_epoch: bool, seed: int
) -> tuple[Solver, Problem]:
    """Return the solver, and the part of the problem that it is to train on."""
    options: dict[str, Any] = {
        "max_iter": 1 if one_epoch else choice.max_iter,
        "tol": estimator.tol,
        "n_iter_no_change": estimator.n_iter_no_change,
        "verbose": 0 if one_epoch else estimator.verbose,
    }
    if choice.solver == "adam":
        if choice.held_out:
            problem, options["validation"] = _split(estimator, problem, seed)
        size = estimator.batch_size
        n = len(problem.X)
        options["batch_size"] = adam_batch_size(n) if size == "auto" else min(size, n)
        options["learning_rate_init"] = choice.learning_rate
        options["anneal"] = not one_epoch
    return SOLVERS[choice.solver](**options), problem


def _split(estimator: Any, problem: Problem, seed: int) -> tuple[Problem, Problem]:
    """Withhold a shuffled part of the rows."""
    parts = train_test_split(
        np.arange(len(problem.X)),
        test_size=estimator.validation_fraction,
        random_state=seed,
    )
    device = problem.X.device
    training, validation = (
        problem.take(torch.as_tensor(rows, device=device)) for rows in parts
    )
    return training, validation
