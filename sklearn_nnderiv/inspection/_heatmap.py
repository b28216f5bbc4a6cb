"""Jacobians as a picture: features by outputs, or features by rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .._sklearn_compat import check_matplotlib_support
from .._validation import Array
from ._cells import draw_cells, name_empty, write_numbers
from ._figures import ORANGE, axes_of, shortened, with_unit, wrapped
from ._heatmap_numbers import by_outputs, by_rows
from ._model import Model
from ._options import check_choice

_CHOICES = {
    "kind": ("auto", "outputs", "rows"),
    "statistic": ("mean", "mean_abs", "rms"),
    "scale": (None, "features", "both"),
}


class JacobianHeatmapDisplay:
    """Derivatives as colours: features by outputs, or features by rows.

    It is recommended to use `from_estimator`. All parameters are stored as attributes.

    Parameters
    ----------
    values : ndarray of shape (n_features, n_columns)
        The numbers: a column per output, or per row of the data. NaN is no derivative.
    feature_names : list of str
        Names of the features.
    column_names : list of str, default=None
        Names of the outputs; None where the columns are rows of the data.
    predictions : ndarray of shape (n_columns,), default=None
        Where the columns are rows, their predictions, in rising order.
    is_beyond : ndarray of bool of shape (n_columns,), default=None
        Which of the rows lie beyond the training data.
    label : str, default=""
        What the numbers are.
    output_name : str, default="y"
        Where the columns are rows, the name of the output.
    is_signed : bool, default=True
        Whether the colours are centred at 0.
    units : dict, default=None
        From names of features and outputs to units.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure.
    im_ : matplotlib QuadMesh
        The coloured cells.
    text_ : list of matplotlib Text
        The numbers in the cells, none where they do not fit.

    See Also
    --------
    jacobian_frame : The derivatives as a table.
    MarginalEffectsDisplay : Averages with intervals.

    Notes
    -----
    Derivatives by features of different units do not compare. `scale` brings them to
    the change of an output per standard deviation of a feature.

    Examples
    --------
    >>> from sklearn.datasets import load_linnerud
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn_nnderiv.inspection import JacobianHeatmapDisplay
    >>> X, y = load_linnerud(return_X_y=True, as_frame=True)
    >>> display = JacobianHeatmapDisplay.from_estimator(
    ...     Ridge().fit(X, y), X, output_names=y.columns
    ... )
    >>> display.values.shape
    (3, 3)
    """

    def __init__(
        self,
        values: Array,
        *,
        feature_names: list[str],
        column_names: list[str] | None = None,
        predictions: Array | None = None,
        is_beyond: NDArray[np.bool_] | None = None,
        label: str = "",
        output_name: str = "y",
        is_signed: bool = True,
        units: dict[str, str] | None = None,
    ) -> None:
        self.values = values
        self.feature_names = feature_names
        self.column_names = column_names
        self.predictions = predictions
        self.is_beyond = is_beyond
        self.label = label
        self.output_name = output_name
        self.is_signed = is_signed
        self.units = units

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        *,
        kind: str = "auto",
        statistic: str = "mean",
        scale: str | None = None,
        target: Any = None,
        max_rows: int = 200,
        sample_weight: Any = None,
        X_train: Any = None,
        feature_names: Sequence[Any] | None = None,
        output_names: Sequence[Any] | None = None,
        units: dict[str, str] | None = None,
        verbose: int = 0,
        ax: Any = None,
    ) -> Self:
        """Compute the derivatives and draw them.

        Parameters
        ----------
        estimator : estimator or torch.nn.Module
            Anything that `sklearn_nnderiv.jacobian` takes.
        X : array-like or DataFrame of shape (n_samples, n_features)
            The rows.
        kind : {"auto", "outputs", "rows"}, default="auto"
            What is beside the features.

            "outputs" :
                All outputs, or the `target`. The numbers are averages over the rows.
            "rows" :
                The rows, from the lowest to the highest prediction of one output.
            "auto" :
                "outputs" if there are several and no `target`, otherwise "rows".
        statistic : {"mean", "mean_abs", "rms"}, default="mean"
            The average over the rows: of the derivative, of its size, or the root of
            the mean square. For "outputs".
        scale : {"features", "both"} or None, default=None
            None is raw units. "features" multiplies derivatives by the standard
            deviation of the feature, "both" divides them by that of the predictions,
            too.
        target : int or str, default=None
            The output, by name or place. Needed for "rows" if there are several.
        max_rows : int, default=200
            How many rows to draw. Of more, those at equal steps in the order of their
            predictions are drawn.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in averages and spreads. A row of weight 0 is absent.
        X_train : array-like or DataFrame of shape (n_train, n_features), default=None
            The rows of the fit, for estimators that do not keep any. With it, or kept
            rows, rows beyond the training data are marked.
        feature_names, output_names : sequence of str, default=None
            Names in place of the columns of X, and of "y", or "y0", "y1" and so on.
        units : dict, default=None
            From names of features and outputs to units.
        verbose : int, default=0
            Whether to show a progress bar.
        ax : matplotlib Axes, default=None
            By default, a new figure.

        Returns
        -------
        display : JacobianHeatmapDisplay
            The display, drawn.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        for name, given in (("kind", kind), ("statistic", statistic), ("scale", scale)):
            check_choice(name, given, _CHOICES[name])
        model = Model(
            estimator, X, feature_names=feature_names, output_names=output_names
        )
        weight = model.weight(sample_weight)
        if kind == "auto":
            kind = "rows" if model.n_outputs == 1 or target is not None else "outputs"
        if kind == "outputs":
            found = by_outputs(model, target, statistic, scale, weight, verbose)
        else:
            k = model.output_index(target)
            found = by_rows(model, k, max_rows, scale, weight, X_train, verbose)
        return cls(**found, feature_names=model.feature_names, units=units).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the cells.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            By default, a new figure of a size that suits the names.

        Returns
        -------
        display : JacobianHeatmapDisplay
            The display itself.
        """
        n_features, n_columns = self.values.shape
        by_rows = self.column_names is None
        size = 7.5 if by_rows else min(14.0, 4.5 + 0.9 * n_columns)
        figure, ax = axes_of(
            ax,
            f"{type(self).__name__}.plot",
            figsize=(size, max(3.2, 1.7 + 0.3 * n_features)),
        )
        self.ax_, self.figure_ = ax, figure
        self.im_ = draw_cells(ax, self.values, is_signed=self.is_signed, robust=by_rows)
        self.im_.colorbar.set_label(wrapped(self.label, 34))
        names = [wrapped(with_unit(n, self.units), 34) for n in self.feature_names]
        font = "small" if any("\n" in name for name in names) else "medium"
        ax.set_yticks(np.arange(n_features) + 0.5, names, fontsize=font)
        self.text_ = []
        if by_rows:
            self._label_rows()
            name_empty(ax, self.values)
        else:
            self._label_outputs()
            self.text_ = write_numbers(self.im_, self.values)
        return self

    def _label_outputs(self) -> None:
        names = [with_unit(name, self.units) for name in self.column_names or []]
        # a character takes some 0.08 inches, the cells half of the figure
        room = 0.5 * self.figure_.get_figwidth() / len(names) / 0.08
        is_long = max(map(len, names)) > room
        self.ax_.set_xticks(
            np.arange(len(names)) + 0.5,
            [shortened(name, 34) for name in names],
            rotation=40 if is_long else 0,
            ha="right" if is_long else "center",
            rotation_mode="anchor",
        )

    def _label_rows(self) -> None:
        ax, n = self.ax_, self.values.shape[1]
        name = with_unit(self.output_name, self.units)
        text = f"rows, by their prediction of {name}"
        if self.predictions is not None:
            places = np.unique(np.linspace(0, n - 1, min(n, 6)).round().astype(int))
            ax.set_xticks(places + 0.5, [f"{self.predictions[i]:.3g}" for i in places])
        ax.set_xlabel(wrapped(text, 60))
        if self.is_beyond is not None and self.is_beyond.any():
            places = np.flatnonzero(self.is_beyond) + 0.5
            ax.plot(
                places,
                np.full(len(places), 1.02),
                "v",
                transform=ax.get_xaxis_transform(),
                color=ORANGE,
                markersize=5,
                clip_on=False,
            )
            ax.set_title(
                "▼ rows beyond the training data",
                fontsize="small",
                color=ORANGE,
                pad=12,
            )
