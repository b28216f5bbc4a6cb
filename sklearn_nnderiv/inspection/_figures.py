"""What all pictures share: axes, colours and labels."""

from __future__ import annotations

from typing import Any

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


def with_unit(name: str, units: dict[str, str] | None) -> str:
    """Return a name with its unit in brackets, if it has one."""
    unit = (units or {}).get(name)
    return name if not unit else f"{name} [{unit}]"


def slope_label(output: str, feature: str, units: dict[str, str] | None = None) -> str:
    """Return the label of a derivative, with its unit if both are known."""
    label = f"∂{output} / ∂{feature}"
    over, under = ((units or {}).get(name) for name in (output, feature))
    return f"{label} [{over} / {under}]" if over and under else label


def shortened(name: str, length: int = 32) -> str:
    """Return a name that leaves room for the picture, without its middle if long."""
    if len(name) <= length:
        return name
    half = (length - 1) // 2
    return f"{name[:half]}…{name[-half:]}"
