"""The picture of sensitivity measures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._validation import Array, Index
from ._figures import BLUE, GREY, ORANGE, axes_of, grouped, shortened, with_unit
from ._options import check_count, quantile_of

# measures further apart are drawn on a logarithmic axis
_WIDE = 1e3
# the end of the axis of bounds, which say nothing above 1
_LAST_BOUND = 1.2


class SensitivityDisplay:
    """Bars of sensitivity measures, and of their bounds on total Sobol indices.

    It is recommended to use :meth:`from_estimator`, or `plot` of a :class:`DGSM`. All
    parameters are stored as attributes.

    Parameters
    ----------
    dgsm : ndarray of shape (n_features,)
        The measures of one output.
    std_error : ndarray of shape (n_features,)
        Their standard errors.
    total_sobol_bound : ndarray of shape (n_features,)
        The bounds, NaN where none is known.
    feature_names : list of str
        The names of the features.
    output_name : str, default="y"
        The name of the output.
    level : float, default=0.95
        Of the intervals.

    Attributes
    ----------
    ax_ : matplotlib axes
        The axes of the measures.
    axes_ : ndarray of matplotlib axes
        The same, and the axes of the bounds if these are drawn.
    figure_ : matplotlib figure
        The figure.

    See Also
    --------
    dgsm : The measures and what they mean.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_nnderiv.inspection import SensitivityDisplay
    >>> X = np.random.default_rng(0).uniform(size=(50, 2))
    >>> model = LinearRegression().fit(X, 3 * X[:, 0] + 4 * X[:, 1])
    >>> display = SensitivityDisplay.from_estimator(model, X, distributions="uniform")
    >>> display.ax_.get_xlabel()
    'mean of (∂y / ∂feature)²'
    """

    def __init__(
        self,
        dgsm: Array,
        std_error: Array,
        total_sobol_bound: Array,
        *,
        feature_names: list[str],
        output_name: str = "y",
        level: float = 0.95,
    ) -> None:
        self.dgsm = dgsm
        self.std_error = std_error
        self.total_sobol_bound = total_sobol_bound
        self.feature_names = feature_names
        self.output_name = output_name
        self.level = level

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any = None,
        *,
        distributions: Any = None,
        n_samples: int = 2**14,
        target: int | str | None = None,
        feature_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        sample_weight: Any = None,
        level: float = 0.95,
        random_state: Any = None,
        verbose: int | bool = 0,
        units: dict[str, str] | None = None,
        max_features: int = 20,
        ax: Any = None,
    ) -> SensitivityDisplay:
        """Compute the measures of an estimator and draw them.

        Parameters
        ----------
        estimator : estimator or torch.nn.Module
            Anything that `sklearn_nnderiv.jacobian` takes.
        X : array-like or DataFrame of shape (n_samples, n_features), default=None
            A sample of the inputs. If None, rows are drawn from `distributions`.
        distributions : sequence, dict, {"uniform", "normal"} or None, default=None
            The distributions of the features, as for `dgsm`.
        n_samples : int, default=2**14
            How many rows to draw if X is None.
        target : int or str, default=None
            The output, which is needed if there are several.
        feature_names, output_names : sequence of str, default=None
            Names in place of those of X, and of "y", or "y0", "y1" and so on.
        sample_weight : array-like of shape (n_samples,), default=None
            Non-negative weights of the rows of X.
        level : float, default=0.95
            Of the intervals.
        random_state : int, RandomState instance or None, default=None
            Of the rows that are drawn.
        verbose : int, default=0
            Whether to show a progress bar.
        units : dict, default=None
            Units by name of feature or output.
        max_features : int, default=20
            How many features to draw, the most important ones.
        ax : matplotlib axes or sequence of two, default=None
            As for `plot`.

        Returns
        -------
        display : SensitivityDisplay
            The picture.
        """
        from ._dgsm import dgsm

        result = dgsm(
            estimator,
            X,
            distributions=distributions,
            n_samples=n_samples,
            feature_names=feature_names,
            output_names=output_names,
            sample_weight=sample_weight,
            level=level,
            random_state=random_state,
            verbose=verbose,
        )
        return result.plot(ax, target=target, units=units, max_features=max_features)

    def plot(
        self,
        ax: Any = None,
        *,
        units: dict[str, str] | None = None,
        max_features: int = 20,
    ) -> SensitivityDisplay:
        """Draw the measures, and the bounds if there are any.

        Features are sorted by their bound, otherwise by their measure, the most
        important ones on top. Measures that are far apart are drawn on a logarithmic
        axis, without bars.

        Parameters
        ----------
        ax : matplotlib axes or sequence of two, default=None
            The axes of the measures, and those of the bounds, which a single one leaves
            out. None makes a new figure.
        units : dict, default=None
            Units by name of feature or output.
        max_features : int, default=20
            How many features to draw, the most important ones.

        Returns
        -------
        display : SensitivityDisplay
            The object itself.
        """
        order = self._order()[: check_count(max_features, "max_features", 1)]
        has_bounds = not np.isnan(self.total_sobol_bound).all()
        if ax is None:
            size = (8.0 if has_bounds else 6.4, max(3.0, 1.4 + 0.24 * len(order)))
            options = {"ncols": 1 + has_bounds, "figsize": size, "squeeze": False}
            caller = "SensitivityDisplay.plot"
            self.figure_, grid = axes_of(None, caller, sharey=True, **options)
            self.axes_ = grid[0]
        else:
            self.axes_ = np.atleast_1d(ax)
            self.figure_ = self.axes_[0].figure
        self.ax_ = self.axes_[0]
        self._draw_measures(self.ax_, order, units)
        if has_bounds and len(self.axes_) > 1:
            self._draw_bounds(self.axes_[1], order)
        return self

    def _order(self) -> Index:
        """Return the places of the features, the most important one first."""
        bound, measure = self.total_sobol_bound, self.dgsm
        # NaN, which nothing is known of, comes last
        keys = [np.where(np.isnan(key), np.inf, -key) for key in (measure, bound)]
        return np.lexsort((*keys, np.isnan(measure)))

    def _draw_measures(
        self, ax: Any, order: Index, units: dict[str, str] | None
    ) -> None:
        """Draw points or bars, with intervals."""
        measure = self.dgsm[order]
        reach = quantile_of(self.level) * np.nan_to_num(self.std_error[order])
        places = np.arange(len(order))
        positive = measure[measure > 0]
        is_log = len(positive) > 0 and positive.max() > _WIDE * positive.min()
        known = measure > 0 if is_log else ~np.isnan(measure)
        low = np.minimum(reach, measure * (0.999 if is_log else 1.0))
        if is_log:
            ax.set_xscale("log")
        else:
            ax.barh(places[known], measure[known], color=BLUE, height=0.7, alpha=0.6)
        ax.errorbar(
            measure[known],
            places[known],
            xerr=[low[known], reach[known]],
            fmt="o" if is_log else "none",
            color=BLUE if is_log else "black",
            ecolor="black",
            markersize=5,
            capsize=2,
            linewidth=1,
        )
        if not is_log:
            ax.set_xlim(left=0)
        for place in places[~known]:
            text = "no derivative" if np.isnan(measure[place]) else "0"
            _write(ax, place, text)
        names = [
            shortened(with_unit(self.feature_names[j], units)) for j in order.tolist()
        ]
        ax.set_yticks(places, names, fontsize=9)
        ax.set_ylim(len(order) - 0.4, -0.6)
        unit = (units or {}).get(self.output_name)
        name = shortened(self.output_name)
        suffix = ""
        if unit:
            suffix = f"\n[{grouped(unit)}² per squared unit of the feature]"
        ax.set_xlabel(f"mean of (∂{name} / ∂feature)²{suffix}")

    def _draw_bounds(self, ax: Any, order: Index) -> None:
        """Draw bars up to 1, beyond which a bound says nothing."""
        bound = self.total_sobol_bound[order]
        for place, value in enumerate(bound):
            if np.isnan(value):
                _write(ax, place, "not known")
                continue
            is_useful = value <= 1
            ax.barh(
                place,
                min(value, 1.0),
                height=0.7,
                color=ORANGE if is_useful else "white",
                alpha=0.75 if is_useful else 1.0,
                edgecolor=ORANGE if is_useful else GREY,
                hatch=None if is_useful else "////",
            )
            text = "∞" if np.isinf(value) else f"{value:.2g}"
            ax.text(
                min(value, 1.0) + 0.02,
                place,
                text,
                va="center",
                fontsize=8,
                bbox={"color": "white", "pad": 0.5},
            )
        ax.axvline(1.0, color=GREY, linestyle="--", linewidth=1, zorder=0)
        ax.set_xlim(0, _LAST_BOUND)
        ax.set_ylim(len(order) - 0.4, -0.6)
        ax.set_xlabel("bound on the total Sobol index\n(hatched: above 1, no limit)")


def _write(ax: Any, place: int, text: str) -> None:
    """Write in place of a bar."""
    where = ax.get_yaxis_transform()
    ax.text(0.02, place, text, transform=where, va="center", fontsize=8, color=GREY)
