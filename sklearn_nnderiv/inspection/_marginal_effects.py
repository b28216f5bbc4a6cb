"""Marginal effects with standard errors."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from sklearn.utils import check_array, check_random_state
from torch import nn

from .._uncertainty import has_posterior
from .._validation import warn
from ._averages import can_refit
from ._delta import family_of
from ._effects import KINDS
from ._marginal_effects_result import MarginalEffects
from ._marginal_work import Fit, Work
from ._model import Model
from ._options import check_choice, check_count, quantile_of
from ._scenarios import Groups, Scenario, groups_of, scenarios_of
from ._terms import Term, terms_of

METHODS = ("auto", "posterior", "delta", "bootstrap", "rows")


def marginal_effects(
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    kind: str = "dydx",
    at: Any = "each",
    by: Any = None,
    features: Any = None,
    discrete: Any = "auto",
    sample_weight: Any = None,
    level: float = 0.95,
    method: str = "auto",
    n_resamples: int = 100,
    X_train: Any = None,
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    random_state: Any = None,
    verbose: int | bool = 0,
) -> MarginalEffects:
    r"""Average derivatives of predictions, with standard errors and intervals.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        A fitted one that `sklearn_nnderiv.jacobian` differentiates.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows to average over.
    y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
        Their targets, which the methods "delta" and "bootstrap" need.
    kind : {"dydx", "eyex", "eydx", "dyex"}, default="dydx"
        "dydx" is the derivative; "eyex" the elasticity, the relative change of y by a
        relative change of x; "eydx" and "dyex" are the semi-elasticities, relative in y
        alone and in x alone.
    at : {"each", "mean", "median"} or dict, default="each"
        "each" averages the effects at all rows (average marginal effects, AME).
        "mean" and "median" take the effect at one row of means or medians, with the
        most frequent level of categories (marginal effects at the means, MEM). A dict
        from features to a value or a list of values sets these columns, in all
        combinations, and averages over the rows otherwise as they are.
    by : str, list of str or array-like of shape (n_samples,), default=None
        Groups of rows, each with effects of its own: names of columns of X, or a value
        for every row.
    features : str, int or sequence of these, default=None
        The features whose effects are asked for; all by default.
    discrete : "auto", None or sequence of str or int, default="auto"
        Features whose effect is a difference rather than a derivative. "auto" takes
        those whose dtype is of whole numbers or truths: in an array of numbers, which
        has one dtype for all, none. Columns that are not numbers, or that an encoder
        takes for categories, always are.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows in averages; in the methods "delta" and "bootstrap" also
        those of the fit.
    level : float, default=0.95
        Of the intervals, which are normal.
    method : {"auto", "posterior", "delta", "bootstrap", "rows"}, default="auto"
        What standard errors are by, see the notes. "auto" takes the first that can be
        had.
    n_resamples : int, default=100
        The number of fits of the method "bootstrap".
    X_train : array-like or DataFrame, default=None
        Rows that the estimator was trained on, to tell how many of X lie beyond them. A
        `DifferentiableRegressor` keeps some of its own.
    feature_names, output_names : sequence of str, default=None
        Names to show, where the columns of X have none, or others are wanted.
    random_state : int, RandomState instance or None, default=None
        Determines the resampled rows, and those by which standard errors are estimated
        where there are very many.
    verbose : int or bool, default=0
        Whether to show progress bars.

    Returns
    -------
    effects : MarginalEffects
        With the attributes `estimate`, `std_error`, `ci_low`, `ci_high` and the
        `frame` of all, and the method `plot`.

    Raises
    ------
    ValueError
        If the method has no standard errors for this estimator, or lacks `y`. If a
        column that is not of numbers has more than 100 levels.
    NotConvertibleError
        If a part of the estimator has no derivative, or none that is known.

    Warns
    -----
    UserWarning
        If "auto" finds nothing better than the method "rows".
    DerivativeWarning
        If elasticities were left out of an average because a prediction is 0, or
        changes its sign. If X and y are not those that the delta method's estimator was
        fitted to.

    See Also
    --------
    sklearn_nnderiv.jacobian : The derivatives of single rows.
    jacobian_frame : These, with names.
    MarginalEffectsDisplay : The picture.

    Notes
    -----
    The average marginal effect of feature j is
    :math:`\frac{1}{\sum_i w_i} \sum_i w_i \, \partial \hat y_i / \partial x_{ij}`; with
    "eyex" each term is multiplied by :math:`x_{ij} / \hat y_i`. The rows are taken as
    given, so that standard errors are those of the fit:

    - "posterior": of a `DifferentiableRegressor` with a posterior, alone or at the end
      of Pipelines, searches and transformed targets. An average is linearised in the
      parameters, whose covariance is that of the Laplace posterior. The draws of
      `sample_jacobian` have the same spread: errors of neighbouring rows go together,
      which averages of single standard deviations, or a bootstrap of the rows alone,
      do not know.
    - "delta": of LinearRegression, PoissonRegressor, GammaRegressor and
      TweedieRegressor without a penalty, alone or behind transformers, which count as
      fixed. X and y have to be those of the fit. The covariance of the coefficients is
      that of the maximum likelihood, as in statsmodels [1]_.
    - "bootstrap": any other estimator is fitted anew to resampled rows of X and y.
    - "rows": the standard error of a mean over independent rows. The error
      of the fit is not in it, so that "auto" takes it with a warning.

    The effect of a discrete feature is the difference of predictions, averaged: between
    every other level and the first, for categories and where there are two numbers
    only; otherwise after a step of 1 from where each row is. With "eyex" and "eydx" it
    is the difference of the logarithms of the predictions. A cell without a derivative,
    such as a missing one, and a step from it are left out of its column's average.

    References
    ----------
    .. [1] W. Greene, Econometric Analysis, 7th edition, 2012, section 17.3.2.
    .. [2] V. Arel-Bundock, N. Greifer and A. Heiss, "How to interpret statistical
       models using marginaleffects for R and Python", Journal of Statistical Software
       111, 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_nnderiv.inspection import marginal_effects
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(200, 2))
    >>> y = X @ [1.0, -2.0] + 0.1 * rng.normal(size=200)
    >>> marginal_effects(LinearRegression().fit(X, y), X, y)
    Marginal effects, 0.95 intervals by the delta method
    output  feature  kind  estimate  std_error  ci_low  ci_high
    ...

    """
    _check_options(kind, method, n_resamples)
    n_errors = quantile_of(level)
    model = Model(estimator, X, feature_names=feature_names, output_names=output_names)
    weight = model.weight(sample_weight)
    groups = groups_of(model, by)
    scenarios = scenarios_of(model, at, weight, groups)
    terms = terms_of(model, features, discrete)
    method, targets = _resolved(method, model, y)
    given = None if sample_weight is None else weight
    fit = Fit(method, targets, given, n_resamples)
    rng = check_random_state(random_state)
    work = Work(model, terms, kind, scenarios, rng, verbose)
    estimate, by_rows = work.estimates(model)
    error = by_rows if method == "rows" else work.errors(fit)
    columns = _labels(model, terms, kind, scenarios, groups)
    n_groups = len(columns) - 3
    half = n_errors * error.ravel()
    columns["estimate"], columns["std_error"] = estimate.ravel(), error.ravel()
    columns["ci_low"] = columns["estimate"] - half
    columns["ci_high"] = columns["estimate"] + half
    share = work.extrapolating(X_train)
    if share is not None:
        columns["extrapolating"] = np.repeat(share, estimate[0].size)
    return MarginalEffects(columns, n_groups, level, method, X)


def _check_options(kind: str, method: str, n_resamples: int) -> None:
    check_choice("kind", kind, KINDS)
    check_choice("method", method, METHODS)
    check_count(n_resamples, "n_resamples", 2)


def _resolved(method: str, model: Model, y: Any) -> tuple[str, Any]:
    """Return the method that "auto" stands for, and checked targets."""
    estimator = model.estimator
    is_module = isinstance(estimator, nn.Module)
    possible = {
        "posterior": not is_module and has_posterior(estimator),
        "delta": not is_module and family_of(estimator) is not None,
        "bootstrap": not is_module and can_refit(estimator),
        "rows": True,
    }
    needs_y = ("delta", "bootstrap")
    if method == "auto":
        method = next(
            name
            for name, can in possible.items()
            if can and (name not in needs_y or y is not None)
        )
        if method == "rows":
            others = [f"method={name!r}" for name in needs_y if possible[name]]
            more = f"`y`, for {' or '.join(others)}, or " if others else ""
            warn(
                "The standard errors are those of the rows alone: nothing is known of "
                f"the error of the fit. Pass {more}method='rows' if this is meant.",
                UserWarning,
            )
    if not possible[method]:
        raise ValueError(
            f"method={method!r} does not apply to {type(estimator).__name__}: "
            f"{_WHY_NOT[method]} Those that do are "
            f"{[name for name, can in possible.items() if can]}."
        )
    if method not in needs_y:
        return method, None
    if y is None:
        raise ValueError(
            f"method={method!r} needs the targets `y` of the rows X. Pass them, or "
            "choose another method."
        )
    targets = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
    if targets.shape not in ((len(model.table),), (len(model.table), model.n_outputs)):
        raise ValueError(
            f"`y` must have {len(model.table)} rows and {model.n_outputs} outputs, as "
            f"X and the predictions have. Got an array of shape {targets.shape}."
        )
    return method, targets


_WHY_NOT = {
    "posterior": "it needs a DifferentiableRegressor fitted by solver='lm', alone or "
    "at the end of Pipelines, searches and transformed targets.",
    "delta": "it needs a LinearRegression, PoissonRegressor, GammaRegressor or "
    "TweedieRegressor with alpha=0, alone or at the end of a Pipeline.",
    "bootstrap": "it needs an estimator that can be fitted again, without a "
    "FrozenEstimator that predicts.",
}


def _labels(
    model: Model,
    terms: list[Term],
    kind: str,
    scenarios: list[Scenario],
    groups: Groups,
) -> dict[str, Any]:
    """Return the columns that say what is what, groups in front."""
    names = [*groups.names, *scenarios[0].labels]
    own = "output feature kind estimate std_error ci_low ci_high extrapolating"
    taken = set(own.split())
    names = [f"{name}_" if name in taken else name for name in names]
    if len(set(names)) < len(names):
        raise ValueError(f"`by` and `at` name the same column. Got {names}.")
    rows = [
        (
            *groups.keys[group],
            *scenario.labels.values(),
            output,
            model.feature_names[term.feature],
            _kind_of(term, kind),
        )
        for scenario in scenarios
        for group in scenario.groups
        for output, term in product(model.output_names, terms)
    ]
    columns = zip(*rows, strict=True)
    return dict(
        zip([*names, "output", "feature", "kind"], map(list, columns), strict=True)
    )


def _kind_of(term: Term, kind: str) -> str:
    if not term.label or kind == "dydx":
        return term.label or kind
    return f"{kind}: {term.label}"
