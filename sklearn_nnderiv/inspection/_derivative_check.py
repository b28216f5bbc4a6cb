"""Derivatives against true ones or against slopes between rows, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils import check_consistent_length

from .._sklearn_compat import check_matplotlib_support
from .._validation import check_weights
from ._check_panels import draw_check, label_sides
from ._comparisons import against_true, observations, pair_of, slopes, with_errors
from ._figures import legend_of, panels_of, shortened, slope_unit, wrapped
from ._grids import rows_of
from ._model import Model, chosen_names
from ._sampled_rows import beyond
from ._secants import Observed, secants


class DerivativeCheckDisplay:
    r"""Fitted derivatives against true ones, or against secant slopes of data.

    It is recommended to use `from_estimator` or `from_predictions`. All parameters are
    stored as attributes.

    Parameters
    ----------
    results : list of Bunch
        One per panel, with

        feature : int
            The feature.
        true, predicted : ndarray of shape (n_points,)
            The true derivatives, or the secant slopes, and those of the estimator.
        weight : ndarray of shape (n_points,)
            Weights in the errors.
        noise_std : ndarray of shape (n_points,) or None
            Of secant slopes, what the noise of y does to each.
        is_beyond : ndarray of bool of shape (n_points,) or None
            Which points lie beyond the training data.
        rmse, relative_rmse, r2 : float
            The errors: in units of the derivative, relative to its spread, and the
            coefficient of determination, as in `sklearn_nnderiv.metrics`.
        floor : float
            Of secant slopes, the `relative_rmse` that an exact derivative would have by
            the noise of y. 0 for true derivatives.
    feature_names : list of str
        Names of all features.
    output_name : str, default="y"
        The name of the output.
    units : dict, default=None
        From names of features and of the output to units.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes of shape (n_panels,)
        The panels, in the order of `results`.
    figure_ : matplotlib Figure
        The figure.

    See Also
    --------
    sklearn_nnderiv.metrics.jacobian_rmse : The error that is named.
    sklearn.metrics.PredictionErrorDisplay : The same of predictions.

    Notes
    -----
    Without true derivatives, pairs of rows give slopes. For every row and feature
    :math:`j`, the partner is the row with the largest
    :math:`|\Delta z_j| / (h^2 + \|\Delta z\|^2)`, where :math:`\Delta z` is the
    difference of the two in standard deviations and :math:`h` is `step`: far enough
    along the feature for the noise, and near in all others. Pairs agree in what has no
    derivative, such as categories. Pairs of which the feature has less than an equal
    share, :math:`\Delta z_j^2 < \|\Delta z\|^2 / d`, are left out. The secant slope is

    .. math::

        s = \frac{\Delta y - \sum_{l \ne j} J_l \, \Delta x_l}{\Delta x_j} ,

    with the fitted derivative :math:`J` halfway between the two, to which :math:`s` is
    compared: what the other features do is taken off, as in a plot of partial
    residuals. :math:`\Delta x_j^2` weighs the pairs.

    Noise of y with the standard deviation :math:`\sigma` alone gives :math:`s` an error
    of :math:`\sqrt 2 \, \sigma / |\Delta x_j|`. This is the floor that is named: an
    exact derivative has about this error, and data do not tell a smaller one. By
    default :math:`\sigma` is estimated from above, by the lower of two root mean
    squares: of :math:`y - \hat y`, and of what is left between nearest rows over
    :math:`\sqrt 2`. Curvature adds :math:`f''' \Delta x_j^2 / 24` to the floor.

    On the rows of its own fit an overfitted model has residuals that are too small, and
    so is the floor. Rows that were held out make a fair test.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.kernel_ridge import KernelRidge
    >>> from sklearn_nnderiv.inspection import DerivativeCheckDisplay
    >>> X = np.random.default_rng(0).uniform(size=(200, 2))
    >>> y, J = X[:, 0] ** 2 + X[:, 1], np.c_[2 * X[:, 0], np.ones(200)]
    >>> model = KernelRidge(kernel="rbf", gamma=1.0, alpha=1e-6).fit(X, y)
    >>> display = DerivativeCheckDisplay.from_estimator(model, X, jacobian=J)
    >>> display.results[0].relative_rmse < 0.05
    True
    """

    def __init__(
        self,
        results: list[Any],
        *,
        feature_names: list[str],
        output_name: str = "y",
        units: dict[str, str] | None = None,
    ) -> None:
        self.results = results
        self.feature_names = feature_names
        self.output_name = output_name
        self.units = units

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        jacobian: Any = None,
        *,
        features: Sequence[Any] | None = None,
        target: Any = None,
        step: float = 0.5,
        noise_std: float | None = None,
        subsample: float | None = 1000,
        sample_weight: Any = None,
        X_train: Any = None,
        feature_names: Sequence[Any] | None = None,
        output_names: Sequence[Any] | None = None,
        units: dict[str, str] | None = None,
        random_state: Any = None,
        ax: Any = None,
    ) -> Self:
        """Compute the derivatives, compare them and draw that.

        Parameters
        ----------
        estimator : estimator or torch.nn.Module
            Anything that `sklearn_nnderiv.jacobian` takes.
        X : array-like or DataFrame of shape (n_samples, n_features)
            The rows, best such that are not in the fit.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Observations, of which secant slopes are made. Not used with `jacobian`.
        jacobian : array-like, default=None
            True derivatives of shape (n_samples[, n_outputs], n_features), NaN where
            unknown.
        features : list of int or str, default=None
            The features to draw. By default, all that have something to compare.
        target : int or str, default=None
            The output, by name or place. Needed if there are several.
        step : float, default=0.5
            Of secants: the distance at which they aim, in standard deviations of the
            feature. Larger ones suffer less from noise and more from curvature.
        noise_std : float, default=None
            Of secants: the standard deviation of the noise of y, if it is known.
        subsample : int, float or None, default=1000
            How many rows, or which share of them, to draw at random and use. None is
            all; secants then take time with the square of the rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the errors.
        X_train : array-like or DataFrame of shape (n_train, n_features), default=None
            The rows of the fit, for estimators that do not keep any. With it, or kept
            rows, points beyond the training data are marked.
        feature_names, output_names : sequence of str, default=None
            Names in place of the columns of X, and of "y", or "y0", "y1" and so on.
        units : dict, default=None
            From names of features and outputs to units.
        random_state : int, RandomState instance or None, default=None
            For `subsample`.
        ax : matplotlib Axes or array of them, default=None
            One per panel. By default, a new figure.

        Returns
        -------
        display : DerivativeCheckDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there are neither `y` nor `jacobian`, or nothing to compare.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        if y is None and jacobian is None:
            raise ValueError(
                "There is nothing to hold the derivatives against: pass true ones as "
                "`jacobian`, or observations as `y`, of which secant slopes are made."
            )
        model = Model(
            estimator, X, feature_names=feature_names, output_names=output_names
        )
        k, weight = model.output_index(target), model.weight(sample_weight)
        rows = rows_of(weight, subsample, random_state)
        if jacobian is None:
            observed = observations(y, len(weight), model.n_outputs, k)
            seen = Observed.of(model, k, observed, weight, rows)
            results = secants(seen, step, noise_std, X_train)
        else:
            shape = len(weight), model.n_outputs, model.n_features
            true = slopes(jacobian, "jacobian", shape, k)
            table = model.table.take(rows)
            flag = beyond(model, table, X_train)
            found = model.jacobian(table)[:, k]
            results = against_true(true[rows], found, weight[rows], flag)
        places = None if features is None else [*map(model.feature_index, features)]
        return cls(
            with_errors(results, places, model.feature_names),
            feature_names=model.feature_names,
            output_name=model.output_names[k],
            units=units,
        ).plot(ax)

    @classmethod
    def from_predictions(
        cls,
        jacobian_true: Any,
        jacobian_pred: Any,
        *,
        target: int | None = None,
        is_beyond: Any = None,
        sample_weight: Any = None,
        feature_names: Sequence[Any] | None = None,
        output_name: str = "y",
        units: dict[str, str] | None = None,
        ax: Any = None,
    ) -> Self:
        """Compare derivatives with true ones and draw that.

        Parameters
        ----------
        jacobian_true : array-like of shape (n_samples[, n_outputs], n_features)
            True derivatives, NaN where unknown.
        jacobian_pred : array-like of the shape of jacobian_true
            Derivatives of a model, such as `sklearn_nnderiv.jacobian` returns.
        target : int, default=None
            The place of the output. Needed if there are several.
        is_beyond : array-like of bool of shape (n_samples,), default=None
            Which rows lie beyond the training data.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the errors.
        feature_names : sequence of str, default=None
            By default the columns of `jacobian_true`, or "x0", "x1" and so on.
        output_name : str, default="y"
            The name of the output.
        units : dict, default=None
            From names of features and of the output to units.
        ax : matplotlib Axes or array of them, default=None
            One per panel. By default, a new figure.

        Returns
        -------
        display : DerivativeCheckDisplay
            The display, drawn.
        """
        check_matplotlib_support(f"{cls.__name__}.from_predictions")
        true, found = pair_of(jacobian_true, jacobian_pred, target)
        weight = check_weights(sample_weight, true)
        flag = None if is_beyond is None else np.asarray(is_beyond, dtype=bool)
        check_consistent_length(true, flag)
        default = [f"x{j}" for j in range(true.shape[1])]
        if feature_names is None:
            feature_names = getattr(jacobian_true, "columns", None)
        names = chosen_names(feature_names, "feature_names", default)
        return cls(
            with_errors(against_true(true, found, weight, flag), None, names),
            feature_names=names,
            output_name=output_name,
            units=units,
        ).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            One per panel. By default, a new figure.

        Returns
        -------
        display : DerivativeCheckDisplay
            The display itself.
        """
        caller = f"{type(self).__name__}.plot"
        figure, axes = panels_of(ax, len(self.results), caller)
        for axis, result in zip(axes, self.results, strict=True):
            name = self.feature_names[result.feature]
            unit = slope_unit(self.output_name, name, self.units)
            draw_check(axis, result, wrapped(" ".join([name, *unit]), 36))
        is_secant = self.results[0].noise_std is not None
        what = f"derivative of {shortened(self.output_name, 40)}"
        x = "secant slope between rows" if is_secant else f"true {what}"
        label_sides(axes, figure, x, f"fitted {what}", is_own=ax is None)
        legend_of(figure, axes, ax is None)
        self.axes_, self.figure_ = np.array(axes, dtype=object), figure
        return self
