"""What Levenberg-Marquardt is given: rows of values, and of what else is known."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .._engines import Contrasts, Slopes, Stack, Sweep, sweep
from .._validation import Array, Index


@dataclass(frozen=True)
class Data:
    """Scaled rows in float64.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_in)
    y : ndarray of shape (n_samples, n_out)
    root_weight : ndarray of shape (n_samples,) or (n_samples, n_out)
        Square roots of the weights, in units of their mean.
    count : float
        The number of residuals, a weight of 2 counted as two rows.
    beside : Contrasts, Slopes or None
        What are rows too: they come after those of X in y, and in root_weight.
        Contrasts have targets of zero.
    n_slopes : float
        How many of the residuals are slopes, weights counted.
    precision : float
        Of slopes, in units of that of values: `root_weight` has it in it.
    """

    X: Array
    y: Array
    root_weight: Array
    count: float
    beside: Contrasts | Slopes | None = None
    n_slopes: float = 0.0
    precision: float = 1.0

    def forward(self, stack: Stack, theta: Array) -> Sweep:
        """Return the sweep over all rows."""
        return sweep(stack, theta, self.X, self.beside)

    def rows(self, rows: Index) -> Data:
        """Return some of the rows, with their slopes, without contrasts."""
        n, beside, every = len(self.X), None, rows
        if isinstance(self.beside, Slopes):
            beside, own = self.beside.of(rows, n)
            every = np.concatenate([rows, n + own])
        root_weight = self.root_weight[every]
        part = float((root_weight**2).sum() / (self.root_weight**2).sum())
        return Data(
            self.X[rows],
            self.y[every],
            root_weight,
            self.count * part,
            beside,
            self.n_slopes * part,
            self.precision,
        )

    def balanced(self, precision: float) -> Data:
        """Return the same with another precision of slopes."""
        root_weight = self.root_weight.copy()
        root_weight[len(self.X) :] *= np.sqrt(precision / self.precision)
        return replace(self, root_weight=root_weight, precision=precision)
