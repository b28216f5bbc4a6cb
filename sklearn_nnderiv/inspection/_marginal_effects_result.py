"""What marginal effects come as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .._validation import Array
from ._frames import empty_like, frame_like
from ._text import text_table

if TYPE_CHECKING:
    from ._marginal_effects_display import MarginalEffectsDisplay


class MarginalEffects:
    """Marginal effects with standard errors and intervals.

    `marginal_effects` makes it.

    Parameters
    ----------
    columns : dict of str to list or ndarray
        What becomes the columns of `frame`, those of the groups in front.
    n_groups : int
        How many of them say of which group an effect is.
    level : float
        Of the intervals.
    method : {"posterior", "delta", "bootstrap", "rows"}
        What the standard errors are by.
    X : array-like or DataFrame
        Rows in a frame, if `frame` is to be of its library.

    Attributes
    ----------
    groups : dict of str to list
        The group of each effect, by what is grouped, and the values of `at`. Empty if
        there are neither.
    output, feature : list of str
        Of what, and by what.
    kind : list of str
        That of the derivative; or, of a difference, what is compared.
    estimate, std_error, ci_low, ci_high : ndarray of shape (n_effects,)
        In units of y per unit of the feature, unless `kind` makes them relative.
    extrapolating : ndarray of shape (n_effects,) or None
        The part of the rows that lie beyond the training data, where that is known.
    level : float
        Of the intervals.
    method : {"posterior", "delta", "bootstrap", "rows"}
        What the standard errors are by.
    frame : DataFrame
        All of it, of pandas, or of the library of X.

    See Also
    --------
    marginal_effects : What it is made by, with an explanation of the numbers.
    MarginalEffectsDisplay : The picture.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn_nnderiv.inspection import marginal_effects
    >>> X, y = np.arange(6.0).reshape(-1, 1), [1.0, 3.0, 6.0, 7.0, 9.0, 12.0]
    >>> effects = marginal_effects(LinearRegression().fit(X, y), X, y)
    >>> effects.estimate.round(4), effects.std_error.round(4)
    (array([2.1143]), array([0.1256]))
    >>> effects.feature, effects.method
    (['x0'], 'delta')
    """

    def __init__(
        self, columns: dict[str, Any], n_groups: int, level: float, method: str, X: Any
    ) -> None:
        names = list(columns)
        self.groups = {name: columns[name] for name in names[:n_groups]}
        for name in names[n_groups:]:
            setattr(self, name, columns[name])
        self.extrapolating = columns.get("extrapolating")
        self.level, self.method = level, method
        self._columns = columns
        self._kind_of_frame = empty_like(X)

    output: list[str]
    feature: list[str]
    kind: list[str]
    estimate: Array
    std_error: Array
    ci_low: Array
    ci_high: Array

    @property
    def frame(self) -> Any:
        """Return a table with a row for every effect."""
        return frame_like(self._kind_of_frame, self._columns)

    def __repr__(self) -> str:
        """Return a table in plain text."""
        head = f"Marginal effects, {self.level:.4g} intervals by {_BY[self.method]}"
        return f"{head}\n{text_table(self._columns)}"

    def plot(
        self, *, ax: Any = None, units: dict[str, str] | None = None
    ) -> MarginalEffectsDisplay:
        """Draw the effects with their intervals.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            Where to draw; a new figure by default.
        units : dict of str to str, default=None
            Units of features and outputs, for the labels.

        Returns
        -------
        display : MarginalEffectsDisplay
            The picture.
        """
        from ._marginal_effects_display import MarginalEffectsDisplay

        return MarginalEffectsDisplay(self).plot(ax=ax, units=units)


_BY = {
    "posterior": "the posterior of the fit",
    "delta": "the delta method",
    "bootstrap": "a bootstrap of fits",
    "rows": "the spread of the rows alone",
}
