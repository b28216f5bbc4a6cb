"""Coloured cells with numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._validation import Array

# inches that a character takes per point of its size
_PER_CHARACTER = 0.62 / 72
_FONT_SIZES = (9, 8, 7, 6)


def draw_cells(ax: Any, values: Array, *, is_signed: bool, robust: bool) -> Any:
    """Draw values (n_down, n_across) as cells with a colour bar, the first row on top.

    Parameters
    ----------
    ax : matplotlib Axes
    values : ndarray
    is_signed : bool
        Whether colours are centred at 0; otherwise they begin there.
    robust : bool
        Whether two per cent of the cells may lie outside the colours.
    """
    sizes = abs(values[np.isfinite(values)])
    largest = sizes.max(initial=0.0)
    limit = np.quantile(sizes, 0.98) if robust and len(sizes) else largest
    limit = limit or largest or 1.0
    # cells without a colour show what is behind them
    ax.patch.set(facecolor="0.92", edgecolor="0.65", hatch="///", linewidth=0)
    cells = ax.pcolormesh(
        np.ma.masked_invalid(values),
        cmap="RdBu_r" if is_signed else "Blues",
        vmin=-limit if is_signed else 0,
        vmax=limit,
        edgecolors="none" if robust else "white",
        linewidth=0 if robust else 1.5,
    )
    ends = "both" if is_signed else "max"
    ax.figure.colorbar(
        cells, ax=ax, aspect=35, extend=ends if largest > limit else "neither"
    )
    ax.invert_yaxis()
    ax.tick_params(length=0, axis="y")
    return cells


def name_empty(ax: Any, values: Array) -> None:
    """Say of what there is no derivative in rows of values (n_down, n_across)."""
    for y in np.flatnonzero(np.isnan(values).all(axis=1)):
        ax.text(
            values.shape[1] / 2,
            y + 0.5,
            "no derivative",
            ha="center",
            va="center",
            fontsize=8,
        )


def write_numbers(cells: Any, values: Array) -> list[Any]:
    """Write values (n_down, n_across) into cells, in the largest size that fits.

    Returns
    -------
    text : list of matplotlib Text
        Empty if none fits.
    """
    ax = cells.axes
    words = [[_word(value) for value in row] for row in values]
    longest = max(len(word) for row in words for word in row)
    ax.figure.draw_without_rendering()  # only then the size of the axes is known
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    width, height = box.width / values.shape[1], box.height / values.shape[0]
    for size in _FONT_SIZES:
        if size * _PER_CHARACTER * longest < width and size / 72 * 1.2 < height:
            break
    else:
        return []
    colors = cells.to_rgba(np.ma.masked_invalid(values))[..., :3]
    is_dark = (colors @ [0.2126, 0.7152, 0.0722] < 0.45) & ~np.isnan(values)
    return [
        ax.text(
            x + 0.5,
            y + 0.5,
            word,
            ha="center",
            va="center",
            fontsize=size,
            color="white" if is_dark[y, x] else "black",
        )
        for y, row in enumerate(words)
        for x, word in enumerate(row)
    ]


def _word(value: float) -> str:
    return "none" if np.isnan(value) else f"{value:.3g}"
