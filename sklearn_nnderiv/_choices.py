"""What "auto" means for the data at hand, and which options go together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._parameters import check_activation, hidden_sizes
from ._training import (
    ADAM_ACTIVATION,
    ADAM_CONSTANT_RATE,
    ADAM_HIDDEN,
    ADAM_LEARNING_RATE,
    HELD_OUT_FROM,
    Rows,
    adam_batch_size,
    adam_epochs,
    has_kernels,
)
from ._validation import check_device

# residuals (rows times outputs) up to which lm is the more exact in equal time, and is
# done within minutes (benchmarks/solver_crossover.py, benchmarks/large.py)
MAX_RESIDUALS_LM = 10_000
# the same where derivatives are residuals too, which other solvers fit far less exactly
MAX_RESIDUALS_LABELLED = 20_000
# and its cost, residuals times the square of a first layer's weights
MAX_COST_LM = 1e10
# for what lm cannot train: beyond as many rows, lbfgs is behind adam in equal time
MAX_ROWS_LBFGS = 10_000

_HIDDEN = {"lbfgs": (50, 50), "adam": ADAM_HIDDEN}
_ACTIVATION = {"lbfgs": "tanh", "adam": ADAM_ACTIVATION}
_ALPHA = 1e-4
_MAX_ITER = {"lm": 200, "lbfgs": 1000}


@dataclass(frozen=True)
class Choice:
    """The parameters of a fit with "auto" resolved.

    Attributes
    ----------
    solver : {"lm", "lbfgs", "adam"}
    hidden : tuple of int or None
        None is left to the race of lm.
    activation : str, type or None
        None is left to the race of lm.
    alpha : float or None
        None is left to the evidence of lm.
    max_iter : int
    learning_rate : float
        Of adam.
    held_out : bool
        Whether adam withholds rows.
    """

    solver: str
    hidden: Any
    activation: Any
    alpha: Any
    max_iter: int
    learning_rate: float
    held_out: bool


def resolve(estimator: Any, rows: Rows, *, one_epoch: bool) -> Choice:
    """Return what the parameters mean for these rows; raise if they contradict."""
    hidden = _given(estimator.hidden_layer_sizes)
    hidden = None if hidden is None else hidden_sizes(hidden)
    activation = _given(estimator.activation)
    if activation is not None:
        check_activation(activation, hidden=hidden)
    solver = "adam" if one_epoch else _solver(estimator, rows, activation)
    alpha = _given(estimator.alpha)
    if solver != "lm":
        hidden = _HIDDEN[solver] if hidden is None else hidden
        activation = _ACTIVATION[solver] if activation is None else activation
        alpha = _ALPHA if alpha is None else alpha
    rate = _given(estimator.learning_rate_init)
    if rate is None:
        rate = ADAM_CONSTANT_RATE if one_epoch else ADAM_LEARNING_RATE
    early = _given(estimator.early_stopping)
    if early is None:
        early = len(rows.X) >= HELD_OUT_FROM
    return Choice(
        solver,
        hidden,
        activation,
        None if alpha is None else float(alpha),
        _max_iter(estimator, solver, len(rows.X)),
        rate,
        bool(early and solver == "adam" and not one_epoch),
    )


def _max_iter(estimator: Any, solver: str, n_rows: int) -> int:
    given = _given(estimator.max_iter)
    if given is not None:
        return int(given)
    if solver != "adam":
        return _MAX_ITER[solver]
    size = _given(estimator.batch_size)
    return adam_epochs(n_rows, adam_batch_size(n_rows) if size is None else size)


def _given(value: Any) -> Any:
    return None if isinstance(value, str) and value == "auto" else value


def _solver(estimator: Any, rows: Rows, activation: Any) -> str:
    n = len(rows.X)
    withhold = _given(estimator.early_stopping) or False
    if withhold and n < 2:
        raise ValueError(
            "early_stopping needs at least two rows, one of them to withhold. Got "
            f"{n} of positive weight."
        )
    obstacle = _obstacle_to_lm(estimator, activation)
    if estimator.solver == "auto":
        if obstacle is None and _cheap_enough(rows):
            return "lm"
        return "adam" if withhold or n > MAX_ROWS_LBFGS else "lbfgs"
    if estimator.solver == "lm" and obstacle is not None:
        raise ValueError(obstacle)
    if estimator.solver == "lbfgs" and withhold:
        raise ValueError(
            "early_stopping=True needs mini-batches, but solver='lbfgs' works on all "
            "rows at once. Use solver='adam', or early_stopping=False."
        )
    return estimator.solver


def _cheap_enough(rows: Rows) -> bool:
    weights = min(32 * (rows.X.shape[1] + 1), 1_500)
    n = rows.n_residuals
    most = MAX_RESIDUALS_LM if rows.jacobian is None else MAX_RESIDUALS_LABELLED
    return n <= most and n * weights**2 <= MAX_COST_LM


def _obstacle_to_lm(estimator: Any, activation: Any) -> str | None:
    """Return why solver="lm" cannot be used, if so."""
    if _given(estimator.early_stopping):
        return (
            "early_stopping=True withholds rows, but solver='lm' judges a fit by its "
            "evidence, on all of them. Use solver='adam', or early_stopping=False."
        )
    if check_device(estimator.device).type != "cpu":
        return (
            f"solver='lm' computes on the CPU, and device={estimator.device!r} is "
            "none. Its factorisations are too small to gain from a GPU. Use "
            "device='cpu', or solver='lbfgs' or 'adam'."
        )
    if activation is not None and not has_kernels(activation):
        return (
            "solver='lm' needs the first two derivatives of the activation in closed "
            f"form, and activation={activation!r} has none known. Use one of those "
            "with a name, or solver='lbfgs' or 'adam'."
        )
    return None
