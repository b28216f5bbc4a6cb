"""Panels of derivatives along one feature, and over two."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._validation import Array
from ._figures import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    shortened,
    slope_label,
    slope_unit,
    with_unit,
    wrapped,
)
from ._grids import weighted_quantiles

# arrows along each side of a field
_N_ARROWS = 12
_BEYOND = "most rows are beyond the training data"
_PALE = f"pale: {_BEYOND}"


class Names:
    """Labels of a picture, short enough for its panels.

    Parameters
    ----------
    features : list of str
    output : str
    units : dict, default=None
    n_panels : int
    is_shared : bool
        Whether all panels share the name of the derivative, so that units are left.
    """

    def __init__(
        self,
        features: list[str],
        output: str,
        units: Any,
        *,
        n_panels: int,
        is_shared: bool,
    ) -> None:
        self.output, self._features, self._units = output, features, units
        self._width, self._is_shared = 60 if n_panels == 1 else 34, is_shared

    def feature(self, j: int) -> str:
        """Return the label of a feature."""
        return wrapped(with_unit(self._features[j], self._units), self._width)

    def slope(self, j: int) -> str:
        """Return the label of the derivative by a feature."""
        name = self._features[j]
        unit = slope_unit(self.output, name, self._units)
        if self._is_shared:
            return " ".join(unit)
        label = slope_label(shortened(self.output, 24), shortened(name, 24))
        return wrapped(" ".join([label, *unit]), self._width)

    def change(self, size: float) -> str:
        """Return a change of the output in its unit."""
        unit = (self._units or {}).get(self.output)
        return (
            f"{size:.3g} {unit}"
            if unit
            else f"{size:.3g} of {shortened(self.output, 12)}"
        )


def draw_curves(
    ax: Any, result: Any, weight: Array, names: Names, *, kind: str, n_lines: int
) -> None:
    """Draw the derivative along one feature: curves of rows, their mean, a band."""
    (grid,) = result.grid_values
    ax.axhline(0, color="black", linewidth=0.8, zorder=1)
    if kind != "average":
        _draw_rows(ax, result, n_lines)
    if kind != "individual":
        low, high = weighted_quantiles(result.individual, weight, (0.1, 0.9))
        ax.fill_between(
            grid, low, high, color=SKY, alpha=0.35, linewidth=0, label="80% of rows"
        )
        is_few = len(grid) < 20
        ax.plot(
            grid,
            result.average,
            color=BLUE,
            linewidth=2.2,
            marker="o" if is_few else "",
            markersize=4,
            label="mean",
        )
    _shade(ax, grid, result.share_beyond)
    low_y, high_y = ax.get_ylim()
    ax.vlines(
        result.deciles[0], 0, 0.04, transform=ax.get_xaxis_transform(), color="black"
    )
    ax.set_ylim(low_y, high_y)
    (j,) = result.features
    ax.set(xlabel=names.feature(j), ylabel=names.slope(j))


def _shade(ax: Any, grid: Array, share: Array | None) -> None:
    """Shade where most rows are beyond the training data."""
    if share is None or not (share > 0.5).any():
        return
    ax.fill_between(
        grid,
        0,
        1,
        where=share > 0.5,
        transform=ax.get_xaxis_transform(),
        facecolor="0.9",
        edgecolor="0.6",
        hatch="///",
        linewidth=0,
        zorder=0,
        label=_BEYOND,
    )


def _draw_rows(ax: Any, result: Any, n_lines: int) -> None:
    # evenly among the rows, so that a picture is the same every time
    n, (grid,) = len(result.individual), result.grid_values
    picked = np.unique(np.linspace(0, n - 1, min(n, n_lines)).astype(int))
    lines, style = result.individual[picked], {"linewidth": 0.7, "alpha": 0.7}
    is_beyond = np.zeros(lines.shape, dtype=bool)
    if result.is_beyond is not None:
        is_beyond = result.is_beyond[picked]
    within = np.where(is_beyond, np.nan, lines)
    (first, *_) = ax.plot(grid, within.T, color=GREY, **style)
    first.set_label("a row")
    if is_beyond.any():
        # up to the next points that are within, so that there is no gap
        reach = is_beyond.copy()
        reach[:, :-1] |= is_beyond[:, 1:]
        reach[:, 1:] |= is_beyond[:, :-1]
        outside = np.where(reach, lines, np.nan)
        dots = {"color": ORANGE, "linestyle": (0, (1, 1.5)), "linewidth": 1.0}
        (first, *_) = ax.plot(grid, outside.T, **dots)
        first.set_label("beyond the training data")


def draw_contour(ax: Any, result: Any, names: Names) -> None:
    """Draw the mean derivative by the first of two features as a filled contour."""
    (i, _), values = result.features, result.average[0].T
    low, high = np.nanmin(values), np.nanmax(values)
    largest = max(abs(low), abs(high)) or 1.0
    if high - low <= 1e-3 * largest:  # constant for the eye
        low, high = low - 0.01 * largest, high + 0.01 * largest
    from matplotlib.ticker import MaxNLocator

    levels = MaxNLocator(9).tick_values(low, high)
    is_signed = low < 0 < high
    norm = {"vmin": -largest, "vmax": largest} if is_signed else {}
    options = {"cmap": "RdBu_r" if is_signed else "cividis", **norm}
    filled = ax.contourf(*result.grid_values, values, levels=levels, **options)
    color = "black" if is_signed else "white"
    lines = ax.contour(
        *result.grid_values, values, levels=levels, colors=color, linewidths=0.5
    )
    ax.clabel(lines, fontsize="x-small")
    ax.figure.colorbar(filled, ax=ax, label=names.slope(i))
    _finish_pair(ax, result, names)


def draw_field(ax: Any, result: Any, names: Names) -> None:
    """Draw both mean derivatives as arrows uphill, in widths of the panel."""
    grids = result.grid_values
    steps = [-(-len(grid) // _N_ARROWS) for grid in grids]
    across, up = (slice(step // 2, None, step) for step in steps)
    u, v = (
        slopes[across, up].T * np.ptp(grid)
        for slopes, grid in zip(result.average, grids, strict=True)
    )
    largest = np.nanmax(np.hypot(u, v)) or 1.0
    ax.quiver(
        grids[0][across],
        grids[1][up],
        u,
        v,
        color=BLUE,
        pivot="mid",
        width=0.008,
        scale_units="width",
        scale=largest * 1.2 * u.shape[1],
    )
    title = f"longest arrow: {names.change(largest)} across"
    ax.set_title(title, fontsize="small")
    ax.set_box_aspect(1)
    _finish_pair(ax, result, names)


def _finish_pair(ax: Any, result: Any, names: Names) -> None:
    """Add the rows, where most extrapolate, and labels."""
    limits = {"xlim": ax.get_xlim(), "ylim": ax.get_ylim()}
    ax.plot(
        *result.observed.T,
        linestyle="",
        marker=".",
        markersize=4,
        color="0.25",
        markeredgecolor="white",
        markeredgewidth=0.3,
        alpha=0.8,
        label="a row",
        zorder=3,
    )
    share = result.share_beyond
    if share is not None and (share > 0.5).any():
        options = {"levels": [0.5, 2], "colors": ["white"], "alpha": 0.6}
        ax.contourf(*result.grid_values, share.T, **options)
        edge = {"colors": "black", "linestyles": "--", "linewidths": 1}
        ax.contour(*result.grid_values, share.T, levels=[0.5], **edge)
        edge = {"edgecolor": "black", "linestyle": "--"}
        ax.fill_between([], [], facecolor="white", label=_PALE, **edge)
    i, j = result.features
    ax.set(xlabel=names.feature(i), ylabel=names.feature(j), **limits)
