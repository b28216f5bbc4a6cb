"""Panels of derivatives against true ones or secant slopes."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._figures import BLUE, ORANGE
from ._moments import Moments

# of pairs whose mean is drawn, and how many they are at least
_N_GROUPS, _N_ROWS = 5, 8


def draw_check(ax: Any, result: Any, label: str) -> None:
    """Draw predicted against true derivatives, with the diagonal and the errors."""
    true, predicted = result.true, result.predicted
    is_beyond = np.zeros(len(true), dtype=bool)
    if result.is_beyond is not None:
        is_beyond = result.is_beyond
    if result.noise_std is not None:
        ax.errorbar(
            true,
            predicted,
            xerr=result.noise_std,
            fmt="none",
            ecolor="0.87",
            elinewidth=0.5,
            zorder=1,
            label="noise of the secant",
        )
    for rows, style, color, text in (
        (~is_beyond, "o", BLUE, "a row" if result.noise_std is None else "a pair"),
        (is_beyond, "x", ORANGE, "beyond the training data"),
    ):
        if rows.any():
            ax.plot(
                true[rows],
                predicted[rows],
                style,
                color=color,
                markersize=3.5 if style == "o" else 5,
                markeredgewidth=0 if style == "o" else 1,
                alpha=0.6,
                label=text,
            )
    if result.noise_std is not None:
        _draw_means(ax, result)
    limits = _limits(result)
    ax.plot(limits, limits, color="black", linewidth=1, linestyle="--", label="equal")
    ax.set(xlim=limits, ylim=limits)
    ax.set_title(f"{label}\n{_errors(result)}", fontsize="small")


def _draw_means(ax: Any, result: Any) -> None:
    """Draw means of secants where derivatives are alike, which average the noise."""
    order = np.argsort(result.predicted)
    groups = [rows for rows in np.array_split(order, _N_GROUPS) if len(rows) >= _N_ROWS]
    if not groups:
        return
    means, errors, at = [], [], []
    for rows in groups:
        moments = Moments()
        both = np.column_stack([result.true, result.predicted])[rows]
        moments.update(both, result.weight[rows])
        means.append(moments.mean[0])
        at.append(moments.mean[1])
        errors.append(2 * moments.std_error[0])
    ax.errorbar(
        means,
        at,
        xerr=errors,
        fmt="D",
        color="black",
        markersize=4,
        elinewidth=1.5,
        label="mean of pairs ± 2 standard errors",
    )


def _limits(result: Any) -> tuple[float, float]:
    """Return limits that hold all points, of secants nine tenths."""
    true = result.true
    if result.noise_std is not None:
        true = np.quantile(true, (0.05, 0.95))
    low = min(true.min(), result.predicted.min())
    high = max(true.max(), result.predicted.max())
    margin = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - margin, high + margin


def _errors(result: Any) -> str:
    if np.isnan(result.relative_rmse):
        return f"RMSE {result.rmse:.2g}, true slope 0"
    text = f"relative RMSE {result.relative_rmse:.3g}, R² {result.r2:.3f}"
    if result.noise_std is not None:
        text += f"\nby noise alone about {result.floor:.3g}"
    return text


def label_sides(axes: list[Any], figure: Any, x: str, y: str, *, is_own: bool) -> None:
    """Label the axes: once for all panels of a figure, otherwise each."""
    if is_own and len(axes) > 1:
        figure.supxlabel(x, fontsize="medium")
        figure.supylabel(y, fontsize="medium")
        return
    for ax in axes:
        ax.set(xlabel=x, ylabel=y)
