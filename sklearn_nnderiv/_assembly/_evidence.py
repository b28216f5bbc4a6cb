"""Training of the built-in net by Levenberg-Marquardt under the evidence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._choices import Choice
from .._converters import N_SAMPLE_ROWS
from .._intervals import acts_on_each
from .._training import (
    PLAIN,
    Architecture,
    Data,
    Entrant,
    Hyper,
    Posterior,
    Problem,
    Race,
    Rows,
    Run,
    Standard,
    candidates,
    far_rows,
    flatten,
    is_better,
    make_net,
    mend,
    outliers,
    record,
    stack_for,
    swinging_columns,
    unflatten,
)
from .._validation import Array, check_device
from ._findings import (
    check_counts,
    table,
    warn_of_convergence,
    warn_of_doubt,
    warn_of_errors,
)
from ._prepare import make_problem

# races after one that leaves out gross errors of y, and the part that they leave
_MAX_REPEATS, _LEAST_PART = 3, 0.75
# a precision of labels, in units of that of values, that says that values lead
_FAR_NOISIER = 0.1


@dataclass(frozen=True)
class Fitted:
    """What another fit can go on from.

    Attributes
    ----------
    standard : Standard
    theta : ndarray
        In standard units.
    hyper : Hyper
    selective : bool
        Whether rows were left out as gross errors.
    """

    standard: Standard
    theta: Array
    hyper: Hyper
    selective: bool = False


def train_by_evidence(
    estimator: Any, rows: Rows, choice: Choice, *, resume: bool, seed: int
) -> None:
    """Race the candidates, or go on with the winner of an earlier race."""
    problem = make_problem(
        estimator, rows, choice.alpha or 0.0, go_on=False, dtype="float64"
    )
    if choice.alpha is None:
        check_counts(rows)
    else:  # the unit of the weights is that of alpha, and is not to matter otherwise
        problem = replace(problem, n_rows=float(len(rows.X)))
    race = Race(
        choice.max_iter,
        estimator.tol,
        estimator.n_iter_no_change,
        estimator.n_jobs,
        estimator.verbose,
    )
    before = list(estimator.loss_curve_) if resume else []
    n_rows = len(problem.y)
    if resume:
        age = len(before)
        problem, standard, entrants = _go_on(estimator, problem, choice, race, age)
    else:
        problem, standard, entrants = _compete(estimator, problem, choice, race, seed)
        if isinstance(estimator.jacobian_weight, str):  # "auto"
            entrants[0] = race.balance(entrants[0], seed)
            part = (estimator, problem, standard, choice, race, seed)
            entrants[0] = _from_values(entrants[0], *part)
    winner = entrants[0]
    rival = entrants[1].run if len(entrants) > 1 else None
    if not _finished(winner.run, race):
        warn_of_convergence(estimator, choice)
    if choice.alpha is None:
        if problem.labels is None:  # which say how it goes between levels
            winner.run = mend(winner.run) or winner.run
        if rival is not None and swinging_columns(rival):
            rival = None  # it says nothing of the winner's line between the levels
        warn_of_doubt(estimator, rows, standard, winner.run)
    _keep(estimator, problem, standard, entrants, rival, seed)
    if len(problem.y) < n_rows:
        estimator._evidence = replace(estimator._evidence, selective=True)
        warn_of_errors(n_rows - len(winner.run.data.X), n_rows)
    estimator.loss_curve_ = before + winner.losses
    alpha = winner.run.alpha_of_weights if choice.alpha is None else choice.alpha
    estimator.alpha_ = alpha


def _compete(
    estimator: Any, problem: Problem, choice: Choice, race: Race, seed: int
) -> tuple[Problem, Standard, list[Entrant]]:
    """Race the candidates, and again without gross errors of y if there are any."""
    kept = np.ones(len(problem.y), dtype=bool)
    standard, entrants = _race(estimator, problem, choice, race, seed)
    # a robust fit knows of values only
    looks = choice.alpha is None and problem.labels is None
    for _ in range(_MAX_REPEATS if looks else 0):
        whole = entrants[0].run.finish()
        found = outliers(whole)
        if not found.any():
            break
        some = kept.copy()
        some[kept] = ~found
        if some.mean() < _LEAST_PART:
            break
        part = (estimator, problem, some, choice, race, seed)
        some, units, others = _race_without_errors(*part)
        run = others[0].run
        if not is_better(run, units.y_scale, whole, standard.y_scale):
            break
        kept, standard, entrants = some, units, others
    return problem.rows(kept), standard, entrants


def _from_values(
    entrant: Entrant,
    estimator: Any,
    problem: Problem,
    standard: Standard,
    choice: Choice,
    race: Race,
    seed: int,
) -> Entrant:
    """Go on from a fit to the values alone if labels have not led to a good one.

    The residuals of slopes have more minima, the more so the fewer rows there are, and
    those of labels that are far noisier than the values lead to others than the best.
    """
    run = entrant.run
    misled = run.is_poor or run.data.precision < _FAR_NOISIER
    if problem.labels is None or run.alpha is not None or not misled:
        return entrant
    values = replace(problem, labels=None)
    units, others = _race(estimator, values, choice, race, seed)
    if units.columns.tolist() != standard.columns.tolist():
        return entrant
    start = others[0].run.finish()
    # the evidence of the first states, with precisions of values alone, is of no use
    data, theta = standard.data(problem), start.point.theta
    other = Run(start.stack, theta, data, None, start.state, balances=True)
    again = race.go_on(replace(others[0], run=other, losses=[]))
    return again if again.run.score > run.score else entrant


def _race_without_errors(
    estimator: Any,
    problem: Problem,
    some: NDArray[np.bool_],
    choice: Choice,
    race: Race,
    seed: int,
) -> tuple[NDArray[np.bool_], Standard, list[Entrant]]:
    """Race on some rows, and once more with those that prove to be near."""
    units, entrants = _race(estimator, problem.rows(some), choice, race, seed)
    near = ~far_rows(entrants[0].run.finish(), units.data(problem))
    if (near & ~some).any():
        some = some | near
        units, entrants = _race(estimator, problem.rows(some), choice, race, seed)
        entrants[0].run.finish()
    return some, units, entrants


def _race(
    estimator: Any, problem: Problem, choice: Choice, race: Race, seed: int
) -> tuple[Standard, list[Entrant]]:
    """Race the candidates that the parameters leave open."""
    standard = Standard.of(problem, shifted=choice.alpha is None)
    data = standard.data(problem)
    tried = candidates(
        estimator.n_candidates,
        len(standard.columns),
        len(data.y),  # slopes are rows too
        choice.hidden,
        choice.activation,
        labelled=problem.labels is not None,
    )
    alpha = None if choice.alpha is None else problem.alpha
    is_free = choice.hidden is None and choice.activation is None
    plain = PLAIN if is_free and alpha is None and not data.n_slopes else []
    return standard, race.run(tried, data, alpha, seed, plain)


def _finished(run: Run, race: Race) -> bool:
    """Go back to the best state; return whether the run had come to its end."""
    converged = run.done or run.gain(race.n_iter_no_change) < race.tol
    run.finish()
    return converged


def _go_on(
    estimator: Any, problem: Problem, choice: Choice, race: Race, age: int
) -> tuple[Problem, Standard, list[Entrant]]:
    """Continue the fitted network alone, without the rows that it left out."""
    alpha = None if choice.alpha is None else problem.alpha
    fitted: Fitted | None = estimator._evidence
    architecture: Architecture = estimator._architecture
    hyper = None
    if fitted is None:
        standard = Standard.of(problem, shifted=False)
        theta = flatten(estimator.net_.module_)
    else:
        standard, theta, hyper = fitted.standard, fitted.theta, fitted.hyper
    data: Data = standard.data(problem)
    stack = stack_for(architecture, data.X.shape[1], data.y.shape[1])
    run = Run(stack, theta, data, alpha, hyper, age)
    if (
        fitted is not None
        and fitted.selective
        and alpha is None
        and (problem.labels is None)
    ):
        problem = problem.rows(~far_rows(run, data))
        run = Run(stack, theta, standard.data(problem), alpha, hyper, age)
    return problem, standard, [race.go_on(Entrant(architecture, run))]


def _keep(
    estimator: Any,
    problem: Problem,
    standard: Standard,
    entrants: list[Entrant],
    rival: Run | None,
    seed: int,
) -> None:
    """Make the skorch net of the winner, and set the attributes."""
    winner = entrants[0]
    run, architecture = winner.run, winner.architecture
    stored = Problem(
        problem.X.to(getattr(torch, estimator.dtype)),
        problem.y,
        problem.weight,
        problem.alpha,
        problem.n_rows,
    )
    net = make_net(stored, architecture, check_device(estimator.device), seed)
    theta = run.point.theta
    unflatten(net.module_, standard.undone(run.stack, theta))
    for loss in winner.losses:
        record(net, train_loss=loss)
    estimator.net_ = net
    estimator._architecture = architecture
    estimator.hidden_layer_sizes_ = architecture.hidden
    estimator.activation_ = architecture.activation
    relevance = np.zeros(standard.n_in)
    relevance[standard.columns] = run.prior.relevance(run.state, run.stack)
    estimator.relevance_ = relevance
    estimator.candidates_ = table(entrants)
    estimator.log_evidence_ = estimator.candidates_["log_evidence"][0]
    estimator._evidence = Fitted(standard, theta, run.state)
    separate = acts_on_each(estimator._y_map, problem.y[:N_SAMPLE_ROWS].numpy())
    estimator._posterior = Posterior.of(run, rival, standard) if separate else None
