"""The picture of interactions."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._validation import Array
from ._figures import axes_of, shortened, with_unit
from ._options import check_count

# features with which numbers fit into the cells, and the sides of cells in inches
_MOST_NUMBERED, _WIDE, _NARROW = 8, 0.5, 0.3


class InteractionDisplay:
    """The strengths of pairs of features, as a heatmap.

    Parameters
    ----------
    matrix : ndarray of shape (n_features, n_features)
    feature_names : list of str
    output_name : str

    Attributes
    ----------
    ax_ : matplotlib axes
    figure_ : matplotlib figure
    """

    def __init__(
        self, matrix: Array, *, feature_names: list[str], output_name: str = "y"
    ) -> None:
        self.matrix = matrix
        self.feature_names = feature_names
        self.output_name = output_name

    def plot(
        self,
        ax: Any = None,
        *,
        units: dict[str, str] | None = None,
        max_features: int = 20,
    ) -> InteractionDisplay:
        """Draw the pairs of the features that are in the strongest ones."""
        places = self._places(check_count(max_features, "max_features", 2))
        n = len(places)
        names = [shortened(self.feature_names[j], 24) for j in places]
        cells = n * (_WIDE if n <= _MOST_NUMBERED else _NARROW)
        side = cells + 0.08 * max(map(len, names))
        size = max(4.5, side + 1.8), max(3.5, side + 0.4)
        self.figure_, self.ax_ = axes_of(ax, "InteractionStrength.plot", figsize=size)
        shown = self.matrix[np.ix_(places, places)].copy()
        shown[np.triu_indices(n)] = np.nan  # each pair once, and no curvatures
        shown = shown[1:, :-1]
        image = self.ax_.imshow(shown, cmap="cividis", vmin=0)
        options = {"fontsize": 9 if n <= _MOST_NUMBERED else 8}
        self.ax_.set_xticks(range(n - 1), names[:-1], rotation=90, **options)
        self.ax_.set_yticks(range(n - 1), names[1:], **options)
        self.ax_.spines[:].set_visible(False)
        if n <= _MOST_NUMBERED:
            self._write(shown)
        self._mark(shown)
        label = f"interaction in {shortened(with_unit(self.output_name, units))}"
        self.figure_.colorbar(image, ax=self.ax_, label=label, shrink=0.8)
        return self

    def _places(self, max_features: int) -> list[int]:
        """Return features to draw, in their own order."""
        pairs = self.matrix.copy()
        np.fill_diagonal(pairs, np.nan)
        strongest = np.max(np.nan_to_num(pairs, nan=-1.0), axis=1)
        places = np.argsort(-strongest, kind="stable")[:max_features]
        return sorted(places.tolist())

    def _write(self, shown: Array) -> None:
        """Write numbers into the cells, light on dark."""
        middle = np.nanmax(shown, initial=0.0) / 2
        for i, j in np.argwhere(~np.isnan(shown)).tolist():
            color = "white" if shown[i, j] < middle else "black"
            text = f"{shown[i, j]:.2g}"
            self.ax_.text(j, i, text, ha="center", va="center", color=color, fontsize=8)

    def _mark(self, shown: Array) -> None:
        """Mark pairs without a derivative."""
        below = np.tril(np.ones(shown.shape, dtype=bool))
        for i, j in np.argwhere(below & np.isnan(shown)).tolist():
            self.ax_.text(j, i, "?", ha="center", va="center", color="0.45")
