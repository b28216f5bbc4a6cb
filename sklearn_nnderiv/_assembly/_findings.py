"""What a fit by the evidence tells its user: the race, and what is doubtful."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._choices import Choice
from .._training import Entrant, Rows, Run, Standard, doubtful_columns
from .._validation import warn
from ..exceptions import DerivativeWarning

# mean weight beyond which weights that are no whole numbers are no counts of rows
_LARGE_WEIGHT = 3.0


def table(entrants: list[Entrant]) -> dict[str, Any]:
    """Return the candidates as columns, the winner first, the others by evidence."""
    evidence = {id(e): e.run.settled_score() for e in entrants}
    winner, *others = entrants
    others.sort(key=lambda e: evidence[id(e)] / e.run.data.count, reverse=True)
    entrants = [winner, *others]
    shapes = [entrant.architecture for entrant in entrants]
    columns: dict[str, list[Any]] = {
        "hidden_layer_sizes": [shape.hidden for shape in shapes],
        "activation": [shape.activation for shape in shapes],
        "skip": [shape.skip for shape in shapes],
        "log_evidence": [evidence[id(entrant)] for entrant in entrants],
        "n_iter": [entrant.n_iter for entrant in entrants],
        "fit_time": [entrant.seconds for entrant in entrants],
    }
    return columns


def warn_of_errors(n_out: int, n_rows: int) -> None:
    """Tell that rows were left out."""
    warn(
        f"{n_out} of {n_rows} rows were left out of the fit as gross errors: their y "
        "is further from what the other rows predict than noise explains. They are "
        f"the largest {n_out} of abs(y - predict(X)), about. If they are right, fit "
        "all rows with a number as alpha, such as 1e-4.",
        UserWarning,
    )


def check_counts(rows: Rows) -> None:
    """Warn of weights that are no counts of rows."""
    mean = float(rows.weight.mean())
    counts = bool((rows.weight == np.round(rows.weight)).all())
    if mean < 0.5 or (mean > _LARGE_WEIGHT and not counts):
        warn(
            f"sample_weight has a mean of {mean:.3g}. Under alpha='auto' weights count "
            "rows (2 is the same as the row twice), so the fit takes the data for "
            f"{'fewer' if mean < 1 else 'more'} than the {len(rows.X)} rows that they "
            f"are, and smooths too {'much' if mean < 1 else 'little'}. Scale the "
            "weights to a mean of 1 if they are relative.",
            UserWarning,
        )


def warn_of_convergence(estimator: Any, choice: Choice) -> None:
    warn(
        f"The evidence still changed by more than tol={estimator.tol:g} per row within "
        f"{estimator.n_iter_no_change} iterations when max_iter={choice.max_iter} was "
        "reached: values and derivatives can improve. Raise max_iter, or tol if the "
        "fit is good enough.",
        ConvergenceWarning,
    )


def warn_of_doubt(estimator: Any, rows: Rows, standard: Standard, run: Run) -> None:
    """Name the columns of X along which the data say little of the derivative."""
    if standard.n_in != rows.X.shape[1] or rows.directions is not None:
        return  # columns of the network are not those of X
    found = doubtful_columns(run)
    if rows.jacobian is not None:
        unknown = np.atleast_1d(np.isnan(rows.jacobian).all(axis=(0, 1)))
        found = {j: why for j, why in found.items() if unknown[standard.columns[j]]}
    if not found:
        return
    names = getattr(estimator, "feature_names_in_", None)
    by_reason: dict[str, list[Any]] = {}
    for j, reason in found.items():
        column = int(standard.columns[j])
        name = column if names is None else names[column]
        by_reason.setdefault(reason, []).append(name)
    reasons = "; ".join(f"{columns}: {why}" for why, columns in by_reason.items())
    warn(
        f"The derivative along these columns of X is not to be trusted: {reasons}. "
        "Sample more levels, or independently of other "
        "columns, if the derivative matters.",
        DerivativeWarning,
    )
