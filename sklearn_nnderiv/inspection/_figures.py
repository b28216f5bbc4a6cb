"""What all pictures share: axes, colours and labels."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np

from .._sklearn_compat import check_matplotlib_support

# of Okabe and Ito, which colour-blind people tell apart
BLUE, ORANGE, GREEN, PURPLE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
)
GREY = "0.45"


def axes_of(ax: Any, caller: str, **options: Any) -> tuple[Any, Any]:
    """Return the figure and the axes to draw on, new ones unless some are given."""
    check_matplotlib_support(caller)
    import matplotlib.pyplot as plt

    if ax is None:
        return plt.subplots(layout="constrained", **options)
    return ax.figure, ax


def panels_of(ax: Any, n: int, caller: str) -> tuple[Any, list[Any]]:
    """Return the figure and n axes to draw on, new ones unless they are given.

    Raises
    ------
    ValueError
        If another number of axes is given.
    """
    if ax is None:
        n_cols = min(n, 3 if n <= 9 else 4)
        n_rows = -(-n // n_cols)
        width, height = {1: (6.4, 4.8), 2: (4.4, 3.4)}.get(n, (3.2, 2.8))
        figure, grid = axes_of(
            None,
            caller,
            nrows=n_rows,
            ncols=n_cols,
            figsize=(width * n_cols, height * n_rows + 0.4),
            squeeze=False,
        )
        for spare in grid.flat[n:]:
            spare.remove()
        return figure, list(grid.flat[:n])
    check_matplotlib_support(caller)
    axes = list(np.atleast_1d(np.asarray(ax, dtype=object)).flat)
    if len(axes) != n:
        raise ValueError(f"`ax` must hold {n} axes, one per panel. Got {len(axes)}.")
    return axes[0].figure, axes


def legend_of(figure: Any, axes: list[Any], is_own: bool) -> None:
    """Explain once what is drawn: above all panels, or in the first of given axes."""
    drawn: dict[str, Any] = {}
    for axis in axes:
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True):
            drawn.setdefault(label, handle)
    options = {"frameon": False, "fontsize": "small"}
    if is_own:
        n_cols = max(1, int(figure.get_figwidth() / 2.1))
        place = "outside upper center"
        figure.legend(drawn.values(), drawn, loc=place, ncols=n_cols, **options)
    else:
        axes[0].legend(drawn.values(), drawn, **options)


def with_unit(name: str, units: dict[str, str] | None) -> str:
    """Return a name with its unit in brackets, if it has one."""
    unit = (units or {}).get(name)
    return name if not unit else f"{name} [{unit}]"


def slope_label(output: str, feature: str, units: dict[str, str] | None = None) -> str:
    """Return the label of a derivative, with its unit if both are known."""
    label = f"∂{output} / ∂{feature}"
    return " ".join([label, *slope_unit(output, feature, units)])


def slope_unit(output: str, feature: str, units: dict[str, str] | None) -> list[str]:
    """Return the unit of a derivative in brackets, nothing unless both are known."""
    over, under = ((units or {}).get(name) for name in (output, feature))
    return [f"[{over} / {grouped(under)}]"] if over and under else []


def grouped(unit: str) -> str:
    """Return a unit in parentheses if it consists of several."""
    return f"({unit})" if any(sign in unit for sign in " /*·^$²³⁻") else unit


def wrapped(text: str, width: int) -> str:
    """Return a text on at most two lines of a width in characters, cut beyond."""
    lines = textwrap.wrap(text.replace("_", "_ "), width, max_lines=2, placeholder="…")
    return "\n".join(lines).replace("_ ", "_")


def shortened(name: str, length: int = 32) -> str:
    """Return a name that leaves room for the picture, without its middle if long."""
    if len(name) <= length:
        return name
    half = (length - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
