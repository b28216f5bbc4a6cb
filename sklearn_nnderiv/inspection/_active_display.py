"""The picture of an active subspace."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._validation import Array
from ._figures import BLUE, GREY, ORANGE, axes_of, shortened, with_unit

_MOST_EIGENVALUES = 20
# eigenvalues below, in units of the largest one, are drawn at the edge
_LEAST = 1e-8


class ActiveSubspaceDisplay:
    """Eigenvalues with intervals, and the sufficient summary plot.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_components,)
    interval : ndarray of shape (2, n_components)
    active : ndarray of shape (n_shown, 1) or (n_shown, 2)
        The active variables of some rows.
    predictions : ndarray of shape (n_shown,)
    is_beyond : ndarray of bool of shape (n_shown,) or None
        Which rows lie beyond the training data.
    dimension : int
    output_name : str
    level : float

    Attributes
    ----------
    axes_ : ndarray of two matplotlib axes
        Of the eigenvalues and of the summary plot.
    ax_ : matplotlib axes
        The second one.
    figure_ : matplotlib figure
    """

    def __init__(
        self,
        eigenvalues: Array,
        interval: Array,
        active: Array,
        predictions: Array,
        *,
        is_beyond: NDArray[np.bool_] | None = None,
        dimension: int = 1,
        output_name: str = "y",
        level: float = 0.95,
    ) -> None:
        self.eigenvalues = eigenvalues
        self.interval = interval
        self.active = active
        self.predictions = predictions
        self.is_beyond = is_beyond
        self.dimension = dimension
        self.output_name = output_name
        self.level = level

    def plot(
        self, ax: Any = None, *, units: dict[str, str] | None = None
    ) -> ActiveSubspaceDisplay:
        """Draw both, on two axes if they are given."""
        if ax is None:
            caller = "ActiveSubspace.plot"
            self.figure_, self.axes_ = axes_of(None, caller, ncols=2, figsize=(9, 4))
        else:
            self.axes_ = np.atleast_1d(np.asarray(ax, dtype=object))
            if self.axes_.shape != (2,):
                raise ValueError(
                    f"`ax` must be two axes. Got {self.axes_.size} instead."
                )
            self.figure_ = self.axes_[0].figure
        self.ax_ = self.axes_[1]
        self._draw_eigenvalues(self.axes_[0])
        self._draw_summary(self.ax_, units)
        return self

    def _draw_eigenvalues(self, ax: Any) -> None:
        """Draw eigenvalues on a logarithmic axis, and where the gap is."""
        values = self.eigenvalues[:_MOST_EIGENVALUES]
        number = np.arange(1, len(values) + 1)
        least = _LEAST * values[0]
        seen = values > least
        low, high = self.interval[:, : len(values)]
        reach = np.array([values - np.maximum(low, least), high - values])
        reach = np.nan_to_num(np.maximum(reach, 0.0))
        options = {"color": BLUE, "capsize": 3, "markersize": 6}
        for chosen, filled in ((number <= self.dimension, "full"), (True, "none")):
            drawn = seen & chosen
            ax.errorbar(
                number[drawn],
                values[drawn],
                yerr=reach[:, drawn],
                fmt="o",
                fillstyle=filled,
                **options,
            )
        if values[0] > 0:
            ax.set_yscale("log")
            ends = min(values[seen].min(), np.nanmin(low[seen], initial=values[0]))
            ax.set_ylim(max(min(ends, values[0] / 10), least) / 2, 2 * values[0])
        if not seen.all():
            ax.plot(
                number[~seen],
                np.full((~seen).sum(), 0.03),
                "v",
                color=GREY,
                fillstyle="none",
                transform=ax.get_xaxis_transform(),
                label="next to 0",
            )
            ax.legend(frameon=False, fontsize="small")
        if 0 < self.dimension < len(self.eigenvalues):
            ax.axvline(self.dimension + 0.5, color=GREY, linestyle="--", linewidth=1)
        ax.set_xlim(0.5, len(values) + 0.5)
        ax.set_xticks(number[:: 1 + len(number) // 10])
        ax.set_xlabel("component")
        ax.set_ylabel(f"eigenvalue, {self.level:.0%} interval")
        ax.set_title(f"Suggested dimension: {self.dimension}", fontsize="medium")

    def _draw_summary(self, ax: Any, units: dict[str, str] | None) -> None:
        """Draw predictions over one or two active variables."""
        label = shortened(with_unit(self.output_name, units))
        is_beyond = self.is_beyond
        if is_beyond is None:
            is_beyond = np.zeros(len(self.predictions), dtype=bool)
        is_plane = self.active.shape[1] == 2
        y = self.active[:, 1] if is_plane else self.predictions
        colors = {}
        if is_plane:
            limits = np.nanmin(self.predictions), np.nanmax(self.predictions)
            colors = {"cmap": "viridis", "vmin": limits[0], "vmax": limits[1]}
        for rows, marker, color, name in (
            (~is_beyond, "o", BLUE, "a row"),
            (is_beyond, "x", ORANGE, "beyond the training data"),
        ):
            drawn = ax.scatter(
                self.active[rows, 0],
                y[rows],
                c=self.predictions[rows] if is_plane else color,
                marker=marker,
                s=16 if marker == "o" else 30,
                linewidths=None if marker == "o" else 1.5,
                alpha=0.7,
                label=name,
                **colors,
            )
        if is_beyond.any():
            above = {"loc": "lower right", "bbox_to_anchor": (1, 1), "ncols": 2}
            ax.legend(frameon=False, fontsize="small", borderaxespad=0.2, **above)
        ax.set_xlabel("first active variable")
        ax.set_ylabel("second active variable" if is_plane else f"predicted {label}")
        if is_plane:
            self.figure_.colorbar(drawn, ax=ax, label=f"predicted {label}")
