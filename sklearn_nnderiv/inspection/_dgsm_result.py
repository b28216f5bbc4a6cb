"""Derivative-based global sensitivity measures, as they are found."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._validation import Array
from ._frames import frame_like
from ._model import output_index
from ._options import quantile_of
from ._sampled_rows import trust_line
from ._sensitivity_display import SensitivityDisplay
from ._text import text_table


class DGSM:
    """Derivative-based global sensitivity measures, as `dgsm` returns them.

    All parameters are stored as attributes.

    Parameters
    ----------
    dgsm : ndarray of shape ([n_outputs, ]n_features)
        The mean squares of the derivatives, in squared units of the output per squared
        unit of the feature. There is an axis of outputs where `predict` returns one.
    std_error : ndarray of the shape of dgsm
        Their standard errors, NaN of fewer than two rows.
    total_sobol_bound : ndarray of the shape of dgsm
        Upper bounds on the total Sobol indices; NaN where no distribution is given.
    feature_names, output_names : list of str
        The names.
    poincare_constants : ndarray of shape (n_features,)
        Those of the distributions, in squared units of the features.
    share_beyond : float, default=None
        The part of the rows, estimated with up to 1,000 of them, that lies beyond the
        training data. None if that is not known.
    level : float, default=0.95
        Of the intervals.
    like : DataFrame, default=None
        A frame of the library that `frame` is to be of. None stands for pandas.

    Attributes
    ----------
    frame : DataFrame
        A row for every output and feature.

    See Also
    --------
    dgsm : Compute the measures.
    SensitivityDisplay : The picture.
    """

    def __init__(
        self,
        dgsm: Array,
        std_error: Array,
        total_sobol_bound: Array,
        *,
        feature_names: list[str],
        output_names: list[str],
        poincare_constants: Array,
        share_beyond: float | None = None,
        level: float = 0.95,
        like: Any = None,
    ) -> None:
        self.dgsm = dgsm
        self.std_error = std_error
        self.total_sobol_bound = total_sobol_bound
        self.feature_names = feature_names
        self.output_names = output_names
        self.poincare_constants = poincare_constants
        self.share_beyond = share_beyond
        self.level = level
        self.like = like

    def __repr__(self) -> str:
        """Return the table as text."""
        table = text_table(self._columns())
        trust = trust_line(self.share_beyond)
        return f"DGSM, intervals of {self.level:.0%}\n{table}{trust}"

    @property
    def frame(self) -> Any:
        """A row for every output and feature.

        With the measure, its standard error and interval, and the bound. Intervals are
        normal, cut off at 0.
        """
        return frame_like(self.like, self._columns())

    def _columns(self) -> dict[str, Any]:
        d, k = len(self.feature_names), len(self.output_names)
        measure, error = self.dgsm.ravel(), self.std_error.ravel()
        reach = quantile_of(self.level) * error
        return {
            "output": [name for name in self.output_names for _ in range(d)],
            "feature": self.feature_names * k,
            "dgsm": measure,
            "std_error": error,
            "ci_low": np.maximum(measure - reach, 0.0),
            "ci_high": measure + reach,
            "total_sobol_bound": self.total_sobol_bound.ravel(),
        }

    def plot(
        self,
        ax: Any = None,
        *,
        target: int | str | None = None,
        units: dict[str, str] | None = None,
        max_features: int = 20,
    ) -> SensitivityDisplay:
        """Draw the measures of an output, and the bounds if there are any.

        Parameters
        ----------
        ax : matplotlib axes or sequence of two, default=None
            The axes of the measures, and those of the bounds, which a single one leaves
            out. None makes a new figure.
        target : int or str, default=None
            The output, which is needed if there are several.
        units : dict, default=None
            Units by name of feature or output.
        max_features : int, default=20
            How many features to draw, the most important ones.

        Returns
        -------
        display : SensitivityDisplay
            The picture.
        """
        d, k = len(self.feature_names), output_index(target, self.output_names)
        display = SensitivityDisplay(
            self.dgsm.reshape(-1, d)[k],
            self.std_error.reshape(-1, d)[k],
            self.total_sobol_bound.reshape(-1, d)[k],
            feature_names=self.feature_names,
            output_name=self.output_names[k],
            level=self.level,
        )
        return display.plot(ax, units=units, max_features=max_features)
