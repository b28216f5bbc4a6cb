"""Active subspaces, as they are found."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._table import table_of
from .._validation import Array
from ._active_display import ActiveSubspaceDisplay
from ._frames import frame_like
from ._options import check_count
from ._sampled_rows import trust_line
from ._text import text_table

# a part of the whole below which an eigenvalue counts as none
_NO_SHARE = 1e-4


class ActiveSubspace:
    """Directions along which predictions vary, as `active_subspace` returns them.

    All parameters are stored as attributes.

    Parameters
    ----------
    eigenvalues : ndarray of shape (n_components,)
        The mean squared derivatives along the directions, the largest one first, in
        squared units of the output. There are as many as features with derivatives.
    eigenvectors : ndarray of shape (n_features, n_components)
        The directions in the space of the scaled features, as columns of length 1. NaN
        in the rows of features without derivatives.
    interval : ndarray of shape (2, n_components)
        The ends of the intervals of the eigenvalues.
    feature_names : list of str
        The names of the features.
    output_name : str
        The name of the output.
    mean, scale : ndarray of shape (n_features,)
        What is subtracted from every feature, and what it is divided by then.
    rows : ndarray of shape (n_shown, n_features)
        Up to 1,000 of the rows, for the picture.
    predictions : ndarray of shape (n_shown,)
        The predictions for these rows.
    is_beyond : ndarray of bool of shape (n_shown,) or None, default=None
        Which of these rows lie beyond the training data, None if that is not known.
    level : float, default=0.95
        Of the intervals.
    like : DataFrame, default=None
        A frame of the library that `frame` is to be of. None stands for pandas.

    Attributes
    ----------
    share : ndarray of shape (n_components,)
        The eigenvalues as parts of their sum.
    dimension : int
        How many directions matter, by the largest gap between eigenvalues: all if there
        is none, 0 if predictions do not vary.
    frame : DataFrame
        A row for every direction.

    See Also
    --------
    active_subspace : Compute it.
    """

    def __init__(
        self,
        eigenvalues: Array,
        eigenvectors: Array,
        interval: Array,
        *,
        feature_names: list[str],
        output_name: str,
        mean: Array,
        scale: Array,
        rows: Array,
        predictions: Array,
        is_beyond: Any = None,
        level: float = 0.95,
        like: Any = None,
    ) -> None:
        self.eigenvalues = eigenvalues
        self.eigenvectors = eigenvectors
        self.interval = interval
        self.feature_names = feature_names
        self.output_name = output_name
        self.mean = mean
        self.scale = scale
        self.rows = rows
        self.predictions = predictions
        self.is_beyond = is_beyond
        self.level = level
        self.like = like
        total = eigenvalues.sum()
        self.share = eigenvalues / total if total > 0 else np.zeros_like(eigenvalues)
        self.dimension = _largest_gap(eigenvalues, interval)

    def __repr__(self) -> str:
        """Return the eigenvalues as text."""
        head = f"ActiveSubspace of {self.output_name}, suggested dimension "
        head += f"{self.dimension}, intervals of {self.level:.0%}\n"
        share = None if self.is_beyond is None else float(self.is_beyond.mean())
        return head + text_table(self._columns()) + trust_line(share)

    @property
    def frame(self) -> Any:
        """A row for every direction.

        With its number, the eigenvalue and its interval, the share, and the entries of
        the eigenvector, `weight_` and the name of the feature.
        """
        weights = {
            f"weight_{name}": self.eigenvectors[j]
            for j, name in enumerate(self.feature_names)
        }
        return frame_like(self.like, {**self._columns(), **weights})

    def _columns(self) -> dict[str, Any]:
        return {
            "component": np.arange(1, len(self.eigenvalues) + 1),
            "eigenvalue": self.eigenvalues,
            "ci_low": self.interval[0],
            "ci_high": self.interval[1],
            "share": self.share,
        }

    def transform(self, X: Any, n_components: int | None = None) -> Array:
        """Return the active variables of rows.

        Parameters
        ----------
        X : array-like or DataFrame of shape (n_samples, n_features)
            Rows with the columns, in the order, that the subspace was found with.
        n_components : int, default=None
            How many active variables. None stands for the suggested dimension.

        Returns
        -------
        active : ndarray of shape (n_samples, n_components)
            The scaled features, projected on the first eigenvectors. NaN for rows with
            missing cells.

        Raises
        ------
        ValueError
            If X has other columns, or there are not as many components.
        """
        table = table_of(X)
        if table.width != len(self.feature_names):
            raise ValueError(
                f"X has {table.width} features, but the subspace is one of "
                f"{len(self.feature_names)}, {self.feature_names}."
            )
        names = table.names
        if self.like is not None and names is not None:
            known = list(self.like.columns)
            if known != names:
                raise ValueError(f"The columns of X must be {known}. Got {names}.")
        return self._project(table.numbers(), n_components)

    def _project(self, numbers: Array, n_components: int | None) -> Array:
        if n_components is None:
            n_components = self.dimension
        most = len(self.eigenvalues)
        n_components = check_count(n_components, "n_components", 0, most)
        varies = self.scale > 0  # others, and those without derivatives, take no part
        varies &= ~np.isnan(self.eigenvectors).any(axis=1)
        scaled = (numbers - self.mean)[:, varies] / self.scale[varies]
        return scaled @ self.eigenvectors[varies, :n_components]

    def plot(
        self,
        ax: Any = None,
        *,
        n_components: int | None = None,
        units: dict[str, str] | None = None,
    ) -> ActiveSubspaceDisplay:
        """Draw the eigenvalues, and the sufficient summary plot.

        The summary plot shows predictions against the first active variable, or by
        colour over the first two. If they lie on a line, or a surface, then the active
        variables say nearly all of them.

        Parameters
        ----------
        ax : sequence of two matplotlib axes, default=None
            The axes of the eigenvalues, and those of the summary plot. None makes a new
            figure.
        n_components : {1, 2}, default=None
            How many active variables to show. None stands for the suggested dimension,
            two at most.
        units : dict, default=None
            Units by name of the output.

        Returns
        -------
        display : object
            With `axes_`, `ax_`, which are the axes of the summary plot, and `figure_`.
        """
        if n_components is None:
            n_components = min(max(self.dimension, 1), 2)
        most = min(2, len(self.eigenvalues))
        n_components = check_count(n_components, "n_components", 1, most)
        display = ActiveSubspaceDisplay(
            self.eigenvalues,
            self.interval,
            self._project(self.rows, n_components),
            self.predictions,
            is_beyond=self.is_beyond,
            dimension=self.dimension,
            output_name=self.output_name,
            level=self.level,
        )
        return display.plot(ax, units=units)


def _largest_gap(values: Array, interval: Array) -> int:
    """Return before which eigenvalue the ratio of neighbours is the largest.

    Gaps that the intervals do not confirm do not count.
    """
    if not values.any():
        return 0
    floored = np.maximum(values, _NO_SHARE * values.sum())
    ratio = floored[:-1] / floored[1:]
    ratio[interval[0, :-1] <= interval[1, 1:]] = 1.0
    return int(np.argmax(ratio)) + 1 if (ratio > 1).any() else len(values)
