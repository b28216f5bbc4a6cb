"""Derivative-based global sensitivity measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._table import Table, table_of
from .._validation import Array
from ._distributions import Draws, check_n_samples, checked, constants
from ._frames import empty_like, frame_like
from ._model import Model, output_index
from ._moments import Moments
from ._sensitivity_display import SensitivityDisplay
from ._spread import spread_of
from ._text import quantile_of, text_table

_N_FIRST = 100


def dgsm(
    estimator: Any,
    X: Any = None,
    *,
    distributions: Any = None,
    n_samples: int = 2**14,
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    sample_weight: Any = None,
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
        that are left out, or None, have no bound. Without X all are needed.
    n_samples : int, default=2**14
        How many rows to draw if X is None, best a power of 2.
    feature_names, output_names : sequence of str, default=None
        Names in place of those of X, or of the rows that the estimator was fitted to,
        and of "y", or "y0", "y1" and so on.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights of the rows of X.
    level : float, default=0.95
        Of the intervals in `frame` and in pictures.
    random_state : int, RandomState instance or None, default=None
        Of the rows that are drawn.
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
        if sample_weight is not None:
            raise ValueError(
                "`sample_weight` goes with the rows of X. Rows that are drawn have "
                "equal weights; give X, or leave the weights out."
            )
        n = check_n_samples(n_samples)
        model, draws = _drawn(estimator, distributions, n, rng, names)
        constant = constants(draws.distributions, None)
        parts = _drawn_parts(model, draws, verbose)
    else:
        model = Model(estimator, X, **names)
        given = checked(distributions, model.feature_names, has_rows=True)
        weight = model.weight(sample_weight)
        is_fitted = any(isinstance(one, str) for one in given)
        spread = spread_of(model, weight, verbose) if is_fitted else None
        constant = constants(given, spread)
        chunks = model.chunks("dgsm", verbose)
        parts = ((table, weight[rows]) for rows, table in chunks)
    return _result(model, parts, constant, level, empty_like(X))


def _drawn(
    estimator: Any, distributions: Any, n: int, rng: Any, names: dict[str, Any]
) -> tuple[Model, Draws]:
    """Return draws from distributions, and the model of the first of them."""
    if distributions is None or isinstance(distributions, str):
        raise ValueError(
            "Give X, or the distribution of every feature to draw rows from. Got "
            f"X=None and distributions={distributions!r}."
        )
    columns = getattr(estimator, "feature_names_in_", None)
    known = names["feature_names"] if names["feature_names"] is not None else columns
    if known is None and isinstance(distributions, Mapping):
        known = list(distributions)
    if known is None:
        known = [f"x{j}" for j in range(len(distributions))]
    known = [str(name) for name in known]
    given = checked(distributions, known, has_rows=False)
    draws = Draws(given, n, rng, None if columns is None else list(columns))
    first = draws.rows(slice(0, min(n, _N_FIRST)))
    return Model(estimator, first, **{**names, "feature_names": known}), draws


def _drawn_parts(
    model: Model, draws: Draws, verbose: int | bool
) -> Iterator[tuple[Table, Array]]:
    for rows in model.slices(draws.n, "dgsm", verbose):
        yield table_of(draws.rows(rows)), np.ones(rows.stop - rows.start)


def _result(
    model: Model,
    parts: Iterator[tuple[Table, Array]],
    constant: Array,
    level: float,
    like: Any,
) -> DGSM:
    """Return the measures of parts of the rows together."""
    squares, values = Moments(), Moments()
    for table, weight in parts:
        value, jacobian = model.with_jacobian(table)
        squares.update(np.square(jacobian, out=jacobian), weight)
        values.update(value, weight)
    measures = squares.mean, squares.std_error, _bounds(squares, values, constant)
    return DGSM(
        *(table[0] if model.is_flat else table for table in measures),
        feature_names=model.feature_names,
        output_names=model.output_names,
        poincare_constants=constant,
        level=level,
        like=like,
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


class DGSM:
    """Derivative-based global sensitivity measures, as `dgsm` returns them.

    Parameters
    ----------
    dgsm : ndarray of shape ([n_outputs, ]n_features)
        The mean squares of the derivatives, in squared units of the output per squared
        unit of the feature. There is an axis of outputs where `predict` returns one.
    std_error : ndarray of the shape of dgsm
        Their standard errors, NaN of fewer than two rows.
    total_sobol_bound : ndarray of the shape of dgsm
        Upper bounds on the total Sobol indices; NaN where no distribution is given.
    feature_names, output_names : list of str
        The names.
    poincare_constants : ndarray of shape (n_features,)
        Those of the distributions, in squared units of the features.
    level : float
        Of the intervals.
    like : DataFrame, default=None
        A frame of the library that `frame` is to be of. None stands for pandas.

    Attributes
    ----------
    frame : DataFrame
        A row for every output and feature, with the measure, its standard error, its
        interval and the bound. Intervals are normal, cut off at 0.

    See Also
    --------
    dgsm : Compute the measures.
    SensitivityDisplay : The picture.
    """

    def __init__(
        self,
        dgsm: Array,
        std_error: Array,
        total_sobol_bound: Array,
        *,
        feature_names: list[str],
        output_names: list[str],
        poincare_constants: Array,
        level: float,
        like: Any = None,
    ) -> None:
        self.dgsm = dgsm
        self.std_error = std_error
        self.total_sobol_bound = total_sobol_bound
        self.feature_names = feature_names
        self.output_names = output_names
        self.poincare_constants = poincare_constants
        self.level = level
        self.like = like

    def __repr__(self) -> str:
        """Return the table as text."""
        return f"DGSM, intervals of {self.level:.0%}\n{text_table(self._columns())}"

    @property
    def frame(self) -> Any:
        """Return a row for every output and feature."""
        return frame_like(self.like, self._columns())

    def _columns(self) -> dict[str, Any]:
        d, k = len(self.feature_names), len(self.output_names)
        measure, error = self.dgsm.ravel(), self.std_error.ravel()
        reach = quantile_of(self.level) * error
        return {
            "output": [name for name in self.output_names for _ in range(d)],
            "feature": self.feature_names * k,
            "dgsm": measure,
            "std_error": error,
            "ci_low": np.maximum(measure - reach, 0.0),
            "ci_high": measure + reach,
            "total_sobol_bound": self.total_sobol_bound.ravel(),
        }

    def plot(
        self,
        ax: Any = None,
        *,
        target: int | str | None = None,
        units: dict[str, str] | None = None,
        max_features: int = 20,
    ) -> SensitivityDisplay:
        """Draw the measures of an output, and the bounds if there are any.

        Parameters
        ----------
        ax : matplotlib axes or sequence of two, default=None
            The axes of the measures, and those of the bounds, which a single one leaves
            out. None makes a new figure.
        target : int or str, default=None
            The output, which is needed if there are several.
        units : dict, default=None
            Units by name of feature or output.
        max_features : int, default=20
            How many features to draw, the most important ones.

        Returns
        -------
        display : SensitivityDisplay
            The picture.
        """
        d, k = len(self.feature_names), output_index(target, self.output_names)
        display = SensitivityDisplay(
            self.dgsm.reshape(-1, d)[k],
            self.std_error.reshape(-1, d)[k],
            self.total_sobol_bound.reshape(-1, d)[k],
            feature_names=self.feature_names,
            output_name=self.output_names[k],
            level=self.level,
        )
        return display.plot(ax, units=units, max_features=max_features)
