"""The derivative along features, as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.utils import Bunch

from .._sklearn_compat import check_matplotlib_support
from .._validation import Array
from ._figures import legend_of, panels_of, wrapped
from ._grids import Moved, check_grid, check_known, grid_of, groups_of, rows_of
from ._model import Model
from ._options import check_choice
from ._partial_panels import Names, draw_contour, draw_curves, draw_field

_KINDS = ("both", "average", "individual")
_PAIRS = {"contour": draw_contour, "quiver": draw_field}


class PartialDerivativeDisplay:
    """Derivatives along one feature, or over two, at rows as they are otherwise.

    It is recommended to use `from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    results : list of Bunch
        One per panel, with

        features : tuple of int
            The feature or the two features along which rows are moved.
        grid_values : list of ndarray
            The points, of each feature.
        average : ndarray of shape (n_points,) or (2, n_points_0, n_points_1)
            The weighted mean over the rows of the derivative; for a pair, by the first
            and by the second feature.
        individual : ndarray of shape (n_rows, n_points)
            The derivative at every row, for one feature.
        is_beyond : ndarray of bool of the shape of individual, or None
            Where a row that is moved to the point lies beyond the training data.
        share_beyond : ndarray of shape (n_points,) or (n_points_0, n_points_1), or None
            The share of the rows that do.
        deciles : list of ndarray of shape (9,)
            Of each feature over all rows.
        observed : ndarray of shape (n_rows, 1) or (n_rows, 2)
            The features of the rows as observed.
    feature_names : list of str
        Names of all features.
    output_name : str, default="y"
        The name of the output.
    sample_weight : ndarray of shape (n_rows,), default=None
        Weights of the rows.
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
    sklearn.inspection.PartialDependenceDisplay : The same of predictions.
    marginal_effects : Contrasts between the levels of a category.

    Notes
    -----
    The mean curve is the derivative of the partial dependence [1]_, the others those of
    individual conditional expectations [2]_. A curve at 0 is of a feature without
    effect, a level one of a linear effect. Where curves of rows differ, the feature
    interacts with others.

    References
    ----------
    .. [1] J. H. Friedman, "Greedy function approximation: a gradient boosting machine",
       Annals of Statistics 29, 2001.
    .. [2] A. Goldstein, A. Kapelner, J. Bleich and E. Pitkin, "Peeking inside the black
       box", Journal of Computational and Graphical Statistics 24, 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.kernel_ridge import KernelRidge
    >>> from sklearn_nnderiv.inspection import PartialDerivativeDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> model = KernelRidge(kernel="rbf", gamma=10.0, alpha=0.1).fit(X, y)
    >>> display = PartialDerivativeDisplay.from_estimator(model, X, ["bmi", "bp"])
    >>> display.results[0].individual.shape
    (442, 50)
    """

    def __init__(
        self,
        results: list[Any],
        *,
        feature_names: list[str],
        output_name: str = "y",
        sample_weight: Array | None = None,
        units: dict[str, str] | None = None,
    ) -> None:
        self.results = results
        self.feature_names = feature_names
        self.output_name = output_name
        self.sample_weight = sample_weight
        self.units = units

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        features: Sequence[Any],
        *,
        kind: str = "both",
        method: str = "contour",
        target: Any = None,
        grid_resolution: int = 50,
        percentiles: tuple[float, float] = (0.05, 0.95),
        subsample: float | None = 1000,
        sample_weight: Any = None,
        X_train: Any = None,
        feature_names: Sequence[Any] | None = None,
        output_names: Sequence[Any] | None = None,
        units: dict[str, str] | None = None,
        random_state: Any = None,
        verbose: int = 0,
        ax: Any = None,
    ) -> Self:
        """Compute the derivatives and draw them.

        Parameters
        ----------
        estimator : estimator or torch.nn.Module
            Anything that `sklearn_nnderiv.jacobian` takes.
        X : array-like or DataFrame of shape (n_samples, n_features)
            The rows. All columns but those of a panel stay as they are.
        features : list of {int, str, pair of int or str}
            A panel each: a feature, by name or place, or two.
        kind : {"both", "average", "individual"}, default="both"
            What to draw along one feature: the curves of rows, their mean and a band of
            80% of the rows, or both.
        method : {"contour", "quiver"}, default="contour"
            What to draw of two features: the mean derivative by the first, or the field
            of both.
        target : int or str, default=None
            The output, by name or place. Needed if there are several.
        grid_resolution : int, default=50
            The number of points of a feature; half of it for each of two. A feature
            with fewer values is evaluated at these.
        percentiles : tuple of float, default=(0.05, 0.95)
            The quantiles of a feature between which the points lie.
        subsample : int, float or None, default=1000
            How many rows, or which share of them, to draw at random and use. None is
            all, with memory for `grid_resolution` numbers each.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the mean and the band.
        X_train : array-like or DataFrame of shape (n_train, n_features), default=None
            The rows of the fit, for estimators that do not keep any. With it, or kept
            rows, what lies beyond the training data is marked.
        feature_names, output_names : sequence of str, default=None
            Names in place of the columns of X, and of "y", or "y0", "y1" and so on.
        units : dict, default=None
            From names of features and outputs to units.
        random_state : int, RandomState instance or None, default=None
            For `subsample`.
        verbose : int, default=0
            Whether to show a progress bar.
        ax : matplotlib Axes or array of them, default=None
            One per panel. By default, a new figure.

        Returns
        -------
        display : PartialDerivativeDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a feature is a category: it has no derivative.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_choice("kind", kind, _KINDS)
        check_choice("method", method, _PAIRS)
        model = Model(
            estimator, X, feature_names=feature_names, output_names=output_names
        )
        k, groups = model.output_index(target), groups_of(model, features)
        weight = model.weight(sample_weight)
        rows = rows_of(weight, subsample, random_state)
        moved = Moved(model, rows, k, weight[rows], X_train, verbose)
        ends = check_grid(grid_resolution, percentiles)
        numbers = model.table.numbers()[weight > 0]
        results = []
        for group in groups:
            names = [model.feature_names[j] for j in group]
            # half of the points for each of two
            n_points = (
                grid_resolution if len(group) == 1 else (grid_resolution + 2) // 2
            )
            grids, deciles = zip(
                *(
                    grid_of(numbers[:, j], name, n_points, ends)
                    for j, name in zip(group, names, strict=True)
                ),
                strict=True,
            )
            found = moved.along(group, list(grids))
            check_known(found.average, names)
            results.append(Bunch(**found, deciles=list(deciles)))
        display = cls(
            results,
            feature_names=model.feature_names,
            output_name=model.output_names[k],
            sample_weight=weight[rows],
            units=units,
        )
        return display.plot(ax, kind=kind, method=method)

    def plot(
        self,
        ax: Any = None,
        *,
        kind: str = "both",
        method: str = "contour",
        n_lines: int = 50,
    ) -> Self:
        """Draw the panels.

        Parameters
        ----------
        ax : matplotlib Axes or array of them, default=None
            One per panel. By default, a new figure.
        kind : {"both", "average", "individual"}, default="both"
            As in `from_estimator`.
        method : {"contour", "quiver"}, default="contour"
            As in `from_estimator`.
        n_lines : int, default=50
            The largest number of rows whose curves are drawn.

        Returns
        -------
        display : PartialDerivativeDisplay
            The display itself.
        """
        check_choice("kind", kind, _KINDS)
        check_choice("method", method, _PAIRS)
        caller = f"{type(self).__name__}.plot"
        figure, axes = panels_of(ax, len(self.results), caller)
        are_curves = all(len(result.features) == 1 for result in self.results)
        is_shared = ax is None and len(axes) > 1 and are_curves
        names = Names(
            self.feature_names,
            self.output_name,
            self.units,
            n_panels=len(axes),
            is_shared=is_shared,
        )
        if is_shared:
            label = wrapped(f"derivative of {self.output_name}", 60)
            figure.supylabel(label, fontsize="medium")
        for axis, result in zip(axes, self.results, strict=True):
            if len(result.features) == 2:
                _PAIRS[method](axis, result, names)
                continue
            weight = self.sample_weight
            if weight is None:
                weight = np.ones(len(result.individual))
            draw_curves(axis, result, weight, names, kind=kind, n_lines=n_lines)
        legend_of(figure, axes, ax is None)
        self.axes_, self.figure_ = np.array(axes, dtype=object), figure
        return self
