"""What `linearize` returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .._table import table_of
from .._validation import Array
from ._frames import frame_like


@dataclass(frozen=True, eq=False)
class Linearization:
    """A linear function that stands for a fitted estimator near a row.

    Call it, or its `predict`, with rows to have ``X @ A.T + b``.

    Parameters
    ----------
    A : ndarray of shape (n_features,) or (n_outputs, n_features)
        The derivative at `x0`, in units of y per unit of X. Its shape is that of
        `predict` with the features appended. NaN by columns that have no derivative:
        they stay as they are in `x0`.
    b : float or ndarray of shape (n_outputs,)
        The offset, in units of y.
    x0 : ndarray of shape (n_features,)
        The row, NaN in columns that are not numbers.
    y0 : float or ndarray of shape (n_outputs,)
        The prediction at `x0`.
    radius : ndarray of shape (n_features,)
        The box around `x0` that was looked at, to either side, in raw units.
    error : float or ndarray of shape (n_outputs,)
        The largest deviation of the estimator from the linear function that was found
        in the box, in units of y.
    score : float or None
        The largest `extrapolation_score` at `x0` and in the box; above 1, some of it is
        beyond the training data. None if these are not known.
    feature_names, output_names : list of str
        The names.

    Attributes
    ----------
    frame : DataFrame
        A row for every output and feature, with the slope, `x0` and the radius.
    """

    A: Array
    b: Any
    x0: Array
    y0: Any
    radius: Array
    error: Any
    score: float | None
    feature_names: list[str]
    output_names: list[str]

    def predict(self, X: Any) -> Array:
        """Return the values of the linear function.

        Parameters
        ----------
        X : array-like or frame of shape (n_samples, n_features)
            Rows in raw units. Columns without a derivative are taken to be as in `x0`.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In units of y, and of the shape that the estimator predicts.
        """
        table = table_of(X)
        if table.width != len(self.x0):
            raise ValueError(
                f"X has {table.width} features, but the linearization was made of "
                f"{len(self.x0)}."
            )
        moves = ~np.isnan(self.A).reshape(-1, len(self.x0)).any(axis=0)
        step = (table.numbers() - self.x0)[:, moves]
        # from x0, where offsets of a great size do not cancel
        return self.y0 + step @ self.A[..., moves].T

    __call__ = predict

    @property
    def frame(self) -> Any:
        """Return a DataFrame with a row for every output and feature."""
        k, d = len(self.output_names), len(self.x0)
        return frame_like(
            None,
            {
                "output": np.repeat(self.output_names, d),
                "feature": np.tile(self.feature_names, k),
                "slope": self.A.ravel(),
                "x0": np.tile(self.x0, k),
                "radius": np.tile(self.radius, k),
            },
        )

    def __repr__(self) -> str:
        """Return the function and how far it is off, as text."""
        flat = (np.ravel(a) for a in (self.y0, self.b, self.error))
        slopes = self.A.reshape(-1, len(self.x0))
        lines = []
        for name, y0, b, error, row in zip(
            self.output_names, *flat, slopes, strict=True
        ):
            lines += [
                f"Linearization: {name} = {y0:.6g} at x0, offset {b:.6g}, "
                f"error up to {error:.3g} in x0 ± radius",
                f"{'feature':<20} {'x0':>12} {'radius':>12} {'slope':>12}",
            ]
            columns = zip(self.feature_names, self.x0, self.radius, row, strict=True)
            lines += [
                f"{n:<20} {x:12.6g} {r:12.4g} {a:12.6g}" for n, x, r, a in columns
            ]
        if self.score is not None and self.score > 1:
            lines.append(f"Beyond the training data: score {self.score:.3g} (edge: 1)")
        return "\n".join(lines)
