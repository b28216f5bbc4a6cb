"""The picture of marginal effects."""

from __future__ import annotations

from typing import Any, Self

import numpy as np

from ._figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    axes_of,
    shortened,
    with_unit,
)
from ._marginal_effects import marginal_effects
from ._marginal_effects_result import MarginalEffects

# groups are told apart by marker as well as by colour
_STYLES = [
    (BLUE, "o"),
    (ORANGE, "s"),
    (GREEN, "^"),
    (PURPLE, "D"),
    (SKY, "v"),
    ("0.2", "P"),
]
_INCHES_PER_LINE = 0.3
# characters of a label
_LONGEST = 48


class MarginalEffectsDisplay:
    """Forest plot of marginal effects with their intervals.

    Effects that are not known to differ from 0 have hollow markers.

    Parameters
    ----------
    effects : MarginalEffects
        What `marginal_effects` returns.

    Attributes
    ----------
    axes_ : ndarray of matplotlib axes of shape (n_outputs,)
        One for every output.
    ax_ : matplotlib axes
        The first of them.
    figure_ : matplotlib figure
        The figure.

    See Also
    --------
    marginal_effects : The numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_nnderiv.inspection import MarginalEffectsDisplay
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    >>> model = LinearRegression().fit(X, y)
    >>> display = MarginalEffectsDisplay.from_estimator(
    ...     model, X, y, features=["bmi", "bp"]
    ... )
    >>> [label.get_text() for label in display.ax_.get_yticklabels()]
    ['bmi', 'bp']
    """

    def __init__(self, effects: MarginalEffects) -> None:
        self.effects = effects

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        ax: Any = None,
        units: dict[str, str] | None = None,
        **options: Any,
    ) -> Self:
        """Compute marginal effects and draw them.

        Parameters
        ----------
        estimator : estimator or torch.nn.Module
            As for `marginal_effects`.
        X : array-like or DataFrame of shape (n_samples, n_features)
            The rows.
        y : array-like, default=None
            Their targets.
        ax : matplotlib axes, default=None
            Where to draw; a new figure by default.
        units : dict of str to str, default=None
            Units of features and outputs, for the labels.
        **options : dict
            Further parameters of `marginal_effects`.

        Returns
        -------
        display : MarginalEffectsDisplay
            The picture.
        """
        return cls(marginal_effects(estimator, X, y, **options)).plot(
            ax=ax, units=units
        )

    def plot(self, *, ax: Any = None, units: dict[str, str] | None = None) -> Self:
        """Draw the effects.

        Parameters
        ----------
        ax : matplotlib axes or sequence of them, default=None
            Where to draw, one for every output; a new figure by default.
        units : dict of str to str, default=None
            Units of features and outputs, for the labels.

        Returns
        -------
        display : MarginalEffectsDisplay
            The picture.

        Raises
        ------
        ValueError
            If there are not as many axes as outputs.
        """
        outputs = list(dict.fromkeys(self.effects.output))
        lines = self._lines()
        given = None if ax is None else np.atleast_1d(np.asarray(ax, dtype=object))
        if given is not None and given.size != len(outputs):
            raise ValueError(
                f"`ax` must be axes for each of the {len(outputs)} outputs {outputs}. "
                f"Got {given.size}. Leave it out for a new figure."
            )
        n_groups = len(self._groups())
        n_lines = max(3.0, len(lines) * max(1.0, n_groups / 3))
        height = 1.5 + _INCHES_PER_LINE * n_lines + 0.23 * -(-n_groups // 3)
        size = 1.6 + 4.8 * len(outputs), height
        self.figure_, axes = axes_of(
            None if given is None else given.flat[0],
            "MarginalEffectsDisplay",
            ncols=len(outputs),
            figsize=size,
            sharey=True,
        )
        self.axes_ = np.atleast_1d(axes) if given is None else given.ravel()
        self.ax_ = self.axes_[0]
        for output, axis in zip(outputs, self.axes_, strict=True):
            self._draw(axis, output, lines, units)
        if self._groups():
            self._legend(is_own=given is None)
        return self

    def _groups(self) -> list[tuple[Any, ...]]:
        """Return the groups that there are, in order."""
        columns = self.effects.groups.values()
        return list(dict.fromkeys(zip(*columns, strict=True))) if columns else []

    def _measure(self) -> str:
        """Return the kind of derivative that was asked for."""
        kind = self.effects.kind[0].partition(":")[0]
        return kind if kind in _QUANTITIES else "dydx"

    def _output(self, output: str, units: dict[str, str] | None) -> str:
        return with_unit(output, units if self._measure().startswith("dy") else None)

    def _lines(self) -> list[tuple[str, str]]:
        """Return feature and kind of every line, from the top."""
        return list(
            dict.fromkeys(zip(self.effects.feature, self.effects.kind, strict=True))
        )

    def _draw(
        self, axis: Any, output: str, lines: list[Any], units: dict[str, str] | None
    ) -> None:
        found, groups = self.effects, self._groups() or [()]
        keys = list(zip(*found.groups.values(), strict=True)) or [()] * len(
            found.output
        )
        for i, group in enumerate(groups):
            own = [
                j
                for j, name in enumerate(found.output)
                if name == output and keys[j] == group
            ]
            shift = (i - (len(groups) - 1) / 2) * 0.8 / len(groups)
            places = [lines.index((found.feature[j], found.kind[j])) for j in own]
            self._points(axis, np.array(places) + shift, own, i)
        axis.axvline(0, color=GREY, linewidth=1, zorder=0)
        axis.set_yticks(
            range(len(lines)), [_label(feature, kind, units) for feature, kind in lines]
        )
        axis.set_ylim(len(lines) - 0.4, -0.6)
        axis.set_xlabel(
            _QUANTITIES[self._measure()].format(self._output(output, units))
        )
        axis.grid(axis="x", color="0.9", linewidth=0.8)
        axis.set_axisbelow(True)
        axis.spines[["top", "right"]].set_visible(False)

    def _points(self, axis: Any, places: Any, own: list[int], style: int) -> None:
        found = self.effects
        colour, marker = _style(style)
        estimate, low, high = (
            values[own] for values in (found.estimate, found.ci_low, found.ci_high)
        )
        known = np.isfinite(low)
        axis.hlines(places[known], low[known], high[known], color=colour, linewidth=1.8)
        crosses = ~((low > 0) | (high < 0))
        for chosen, face in ((~crosses, colour), (crosses, "white")):
            axis.plot(
                estimate[chosen],
                places[chosen],
                marker,
                color=colour,
                markerfacecolor=face,
                markersize=6,
                linestyle="none",
            )

    def _legend(self, *, is_own: bool) -> None:
        from matplotlib.lines import Line2D

        names = list(self.effects.groups)
        handles = []
        for i, group in enumerate(self._groups()):
            colour, marker = _style(i)
            pairs = zip(names, group, strict=True)
            label = ", ".join(f"{name} = {_short(value)}" for name, value in pairs)
            handles.append(Line2D([], [], color=colour, marker=marker, label=label))
        if not is_own:
            self.ax_.legend(handles=handles, fontsize="small")
            return
        self.figure_.legend(
            handles=handles,
            loc="outside lower center",
            ncols=min(3, len(handles)),
            frameon=False,
        )


_QUANTITIES = {
    "dydx": "effect on {}",
    "eyex": "elasticity of {}",
    "eydx": "relative effect on {}",
    "dyex": "effect on {} of a relative change",
}


def _label(feature: str, kind: str, units: dict[str, str] | None) -> str:
    """Return the label of a line: the feature, and what is compared if anything is."""
    if kind in _QUANTITIES:
        unit = (units or {}).get(feature) if kind.endswith("dx") else None
        return shortened(feature, _LONGEST) + (f" [per {unit}]" if unit else "")
    return shortened(f"{feature}: {kind.rpartition(': ')[2]}", _LONGEST)


def _style(i: int) -> tuple[str, str]:
    """Return the colour and the marker of a group, both others in every round."""
    n = len(_STYLES)
    return _STYLES[i % n][0], _STYLES[(i + i // n) % n][1]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
