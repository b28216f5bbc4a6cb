"""Derivative-based global sensitivity measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from .._table import Table, table_of
from .._validation import Array
from ._dgsm_result import DGSM
from ._distributions import Draws, checked, constants
from ._frames import empty_like
from ._model import Model
from ._moments import Moments
from ._options import check_count, quantile_of
from ._sampled_rows import N_SAMPLED, share_beyond, some_rows
from ._spread import spread_of


def dgsm(
    estimator: Any,
    X: Any = None,
    *,
    distributions: Any = None,
    n_samples: int = 2**14,
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    sample_weight: Any = None,
    X_train: Any = None,
    level: float = 0.95,
    random_state: Any = None,
    verbose: int | bool = 0,
) -> DGSM:
    r"""Compute derivative-based global sensitivity measures (DGSM).

    The measure of a feature is the mean square of the derivative by it. With the
    distribution of the feature it bounds the total Sobol index: the part of the
    variance of the predictions that the feature has to do with. A feature with a small
    bound may be fixed, whatever the others are.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        Anything that `sklearn_nnderiv.jacobian` takes.
    X : array-like or DataFrame of shape (n_samples, n_features), default=None
        A sample of the inputs, to average over. If None, rows are drawn from
        `distributions`.
    distributions : sequence, dict, {"uniform", "normal"} or None, default=None
        The distribution of every feature, in the order of the features or by name: a
        frozen continuous distribution of scipy.stats, or a pair (low, high) for a
        uniform one. With X also "uniform" or "normal", which are fitted to columns of
        X, for one feature or for all; X remains what is averaged over, and features
        that are left out, or None, have no bound. Without X all are needed; if the
        estimator knows no names, a dict gives them, in the order of the features.
    n_samples : int, default=2**14
        How many rows to draw if X is None, best a power of 2.
    feature_names, output_names : sequence of str, default=None
        Names in place of those of X, or of the rows that the estimator was fitted to,
        and of "y", or "y0", "y1" and so on.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights of the rows of X.
    X_train : array-like or DataFrame of shape (n_train, n_features), default=None
        The rows that the estimator was fitted to, for `share_beyond`, as in
        `extrapolation_score`. If None, what the estimator has kept, if any.
    level : float, default=0.95
        Of the intervals in `frame` and in pictures.
    random_state : int, RandomState instance or None, default=None
        Of the rows that are drawn, and of those that `share_beyond` is estimated with.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    result : DGSM
        With `dgsm`, `std_error`, `total_sobol_bound`, `frame` and `plot`.

    Raises
    ------
    ValueError
        If a distribution is not one or missing, if names or weights do not fit, and
        as in `sklearn_nnderiv.jacobian`.

    See Also
    --------
    active_subspace : Directions in the space of the inputs that matter.
    interaction_strength : Which pairs of features act together.
    SensitivityDisplay : The picture.

    Notes
    -----
    With the derivative of a prediction :math:`f` by feature :math:`j` [1]_,

    .. math::

        \nu_j = \mathrm{E}\left[ \left( \frac{\partial f}{\partial x_j} \right)^2
        \right], \qquad
        S_j^{\mathrm{tot}} \le \frac{C_j \, \nu_j}{\mathrm{Var} f} ,

    where :math:`C_j` is the Poincaré constant of the distribution of the feature [2]_:
    :math:`(b - a)^2 / \pi^2` for a uniform one on :math:`[a, b]`, the variance of a
    normal one, the solution of an eigenvalue problem for others on bounded intervals
    [3]_, and :math:`4 \sup (\min(F, 1 - F) / p)^2` for others with the density
    :math:`p` and the distribution function :math:`F` [2]_. It is infinite for heavy
    tails, such as those of lognormal, Cauchy and Student distributions, and so is the
    bound. The bound holds for features that are independent.

    The bounds are not cut off at 1. One above 1 says nothing about the index, but the
    bounds still compare features that have different units. The bound of a feature
    whose derivative is 0 in all rows is 0; all are NaN if predictions do not vary.

    The standard error is that of a mean over independent rows,
    :math:`\sqrt{\sum_i w_i^2 (g_i^2 - \nu)^2} / \sum_i w_i` with the derivatives
    :math:`g_i`. It does not contain the error of the fit. Drawn rows are scrambled
    Sobol points: these fill the space more evenly than independent rows, so that the
    error of the mean is smaller as a rule, and the standard error is on the safe side.

    Derivatives that are NaN, as at missing cells, are left out of the averages; a
    feature that has none, such as a category, has a measure of NaN.

    References
    ----------
    .. [1] I. M. Sobol', S. Kucherenko, "Derivative based global sensitivity measures
       and their link with global sensitivity indices", Mathematics and Computers in
       Simulation 79, 2009.
    .. [2] M. Lamboni, B. Iooss, A.-L. Popelin, F. Gamboa, "Derivative-based global
       sensitivity measures: general links with Sobol' indices and numerical tests",
       Mathematics and Computers in Simulation 87, 2013.
    .. [3] O. Roustant, F. Barthe, B. Iooss, "Poincaré inequalities on intervals -
       application to sensitivity analysis", Electronic Journal of Statistics 11, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_nnderiv.inspection import dgsm
    >>> X = np.random.default_rng(0).uniform(size=(50, 2))
    >>> model = LinearRegression().fit(X, 3 * X[:, 0] + 4 * X[:, 1])
    >>> result = dgsm(model, distributions=[(0, 1), (0, 1)], random_state=0)
    >>> result.dgsm.round(6)
    array([ 9., 16.])
    >>> result.total_sobol_bound.round(2)
    array([0.44, 0.78])
    """
    quantile_of(level)
    rng = check_random_state(random_state)
    names = {"feature_names": feature_names, "output_names": output_names}
    if X is None:
        _check_drawn(distributions, sample_weight)
        n = check_count(n_samples, "n_samples", 2)
        rows = _drawn(estimator, distributions, n, rng, names, verbose)
    else:
        model = Model(estimator, X, **names)
        rows = _given(model, distributions, model.weight(sample_weight), rng, verbose)
    model, squares, values = rows.model, Moments(), Moments()
    for table, weight in rows.parts:
        value, jacobian = model.with_jacobian(table)
        squares.update(np.square(jacobian, out=jacobian), weight)
        values.update(value, weight)
    measures = squares.mean, squares.std_error, _bounds(squares, values, rows.constants)
    return DGSM(
        *(table[0] if model.is_flat else table for table in measures),
        feature_names=model.feature_names,
        output_names=model.output_names,
        poincare_constants=rows.constants,
        share_beyond=share_beyond(model, rows.some, X_train),
        level=level,
        like=empty_like(X),
    )


class _Rows(NamedTuple):
    """A model, and the rows to average over: some of them, and all with weights."""

    model: Model
    some: Table
    parts: Iterator[tuple[Table, Array]]
    constants: Array


def _given(
    model: Model, distributions: Any, weight: Array, rng: Any, verbose: int | bool
) -> _Rows:
    """Return the rows of X."""
    given = checked(distributions, model.feature_names, has_rows=True)
    is_fitted = any(isinstance(one, str) for one in given)
    spread = spread_of(model, weight, verbose) if is_fitted else None
    chunks = model.chunks("dgsm", verbose)
    parts = ((table, weight[rows]) for rows, table in chunks)
    return _Rows(model, some_rows(model, rng), parts, constants(given, spread))


def _check_drawn(distributions: Any, sample_weight: Any) -> None:
    if sample_weight is not None:
        raise ValueError(
            "`sample_weight` goes with the rows of X. Rows that are drawn have equal "
            "weights: give X, or leave the weights out."
        )
    if distributions is None or isinstance(distributions, str):
        raise ValueError(
            "Give X, or the distribution of every feature to draw rows from. Got "
            f"X=None and distributions={distributions!r}."
        )


def _drawn(
    estimator: Any,
    distributions: Any,
    n: int,
    rng: Any,
    names: dict[str, Any],
    verbose: int | bool,
) -> _Rows:
    """Return rows that are drawn as they are needed."""
    columns = getattr(estimator, "feature_names_in_", None)
    known = names["feature_names"] if names["feature_names"] is not None else columns
    known = _unnamed(estimator, distributions) if known is None else known
    known = [str(name) for name in known]
    given = checked(distributions, known, has_rows=False)
    draws = Draws(given, n, rng, None if columns is None else list(columns))
    first = draws.rows(slice(0, min(n, N_SAMPLED)))
    model = Model(estimator, first, **{**names, "feature_names": known})
    parts = (
        (table_of(draws.rows(rows)), np.ones(rows.stop - rows.start))
        for rows in model.slices(n, "dgsm", verbose)
    )
    return _Rows(model, model.table, parts, constants(given, None))


def _unnamed(estimator: Any, distributions: Any) -> list[str]:
    """Return names for features that have none: of a dict, otherwise x0, x1 and so on.

    A dict that has these in another order, or too few, is one of them.
    """
    n_given = len(distributions) if hasattr(distributions, "__len__") else 0
    n = getattr(estimator, "n_features_in_", n_given)
    default = [f"x{j}" for j in range(n)]
    is_own = isinstance(distributions, Mapping) and n_given == n
    return (
        list(distributions)
        if is_own and set(distributions) != set(default)
        else default
    )


def _bounds(squares: Moments, values: Moments, constant: Array) -> Array:
    """Return the bounds (n_outputs, n_features) on the total Sobol indices."""
    measure, variance = squares.mean, values.variance[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        bound = constant * measure / variance
    # no effect is no effect, also under an infinite constant
    bound[(measure == 0) & (variance > 0) & ~np.isnan(constant)] = 0.0
    bound[~(variance[:, 0] > 0)] = np.nan
    return bound
