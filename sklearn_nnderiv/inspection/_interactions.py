"""Which pairs of features act together, from mixed second derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from .._validation import Array, warn
from ..exceptions import DerivativeWarning
from ._frames import empty_like, frame_like
from ._interaction_display import InteractionDisplay
from ._model import Model
from ._moments import Moments
from ._options import quantile_of
from ._sampled_rows import share_beyond, some_rows, trust_line
from ._spread import check_scale, resolved_scale, spread_of
from ._text import text_table


def interaction_strength(
    estimator: Any,
    X: Any,
    *,
    target: int | str | None = None,
    scale: Any = "std",
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    sample_weight: Any = None,
    X_train: Any = None,
    level: float = 0.95,
    random_state: Any = None,
    verbose: int | bool = 0,
) -> InteractionStrength:
    r"""Compute how strongly pairs of features act together.

    The strength of a pair is the mean absolute mixed second derivative: by how much the
    effect of one feature changes with the other. It is 0 if, and only if, the
    predictions are a sum of one part without the one and one without the other.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        Anything that `sklearn_nnderiv.hessian` takes.
    X : array-like or DataFrame of shape (n_samples, n_features)
        A sample of the inputs, to average over.
    target : int or str, default=None
        The output, by its place or its name. Needed if there are several.
    scale : "std", None or array-like of shape (n_features,), default="std"
        The unit of every feature. "std" stands for the standard deviations of the
        columns of X, by which pairs are comparable: strengths have the unit of the
        output. None stands for the units that X is in.
    feature_names, output_names : sequence of str, default=None
        Names in place of those of X, and of "y", or "y0", "y1" and so on.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights of the rows. A row of weight 0 counts as absent.
    X_train : array-like or DataFrame of shape (n_train, n_features), default=None
        The rows that the estimator was fitted to, for `share_beyond`, as in
        `extrapolation_score`. If None, what the estimator has kept, if any.
    level : float, default=0.95
        Of the intervals.
    random_state : int, RandomState instance or None, default=None
        Of the rows that `share_beyond` is estimated with.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    result : InteractionStrength
        With `matrix`, `std_error`, `frame` and `plot`.

    Raises
    ------
    ValueError
        If there are fewer than two features, if names, weights or scales do not fit,
        and as in `sklearn_nnderiv.hessian`.

    Warns
    -----
    DerivativeWarning
        If all second derivatives are 0 though the first ones vary, as those of networks
        with ReLU: these have interactions, all of them in kinks.

    See Also
    --------
    dgsm : The features one by one.
    active_subspace : Directions in the space of the inputs that matter.

    Notes
    -----
    With the scales :math:`s_j`, the strength of a pair is

    .. math::

        I_{jl} = s_j \, s_l \, \mathrm{E} \left|
        \frac{\partial^2 f}{\partial x_j \partial x_l} \right| .

    Friedman and Popescu [1]_ take it, squared, as the definition of an interaction. On
    the diagonal is the mean absolute curvature. The standard error is that of a mean
    over independent rows; it does not contain the error of the fit, which is larger for
    second derivatives than for first ones. Features without derivatives, such as
    categories, have NaN; missing cells are left out.

    References
    ----------
    .. [1] J. H. Friedman, B. E. Popescu, "Predictive learning via rule ensembles",
       Annals of Applied Statistics 2, 2008.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn_nnderiv.inspection import interaction_strength
    >>> class Product(torch.nn.Module):
    ...     def forward(self, x):
    ...         return 2 * x[:, 0] * x[:, 1] + x[:, 2]
    >>> X = np.random.default_rng(0).normal(size=(100, 3))
    >>> interaction_strength(Product(), X, scale=None).matrix
    array([[0., 2., 0.],
           [2., 0., 0.],
           [0., 0., 0.]])
    """
    quantile_of(level)
    rng = check_random_state(random_state)
    names = {"feature_names": feature_names, "output_names": output_names}
    model = Model(estimator, X, **names)
    if model.n_features < 2:
        raise ValueError(
            "An interaction is one of two features or more. Got a single one, "
            f"{model.feature_names[0]!r}."
        )
    output = model.output_index(target)
    has_units = scale is None
    scale = check_scale(scale, model.n_features)
    weight = model.weight(sample_weight)
    if isinstance(scale, str):
        scale = resolved_scale(scale, spread_of(model, weight, verbose))
    moments = Moments()
    for rows, table in model.chunks("interactions", verbose, order=2):
        mixed = np.abs(model.hessian(table)[:, output])
        moments.update(mixed * np.outer(scale, scale), weight[rows])
    some = some_rows(model, rng)
    if not np.nan_to_num(moments.mean).any():
        _warn_of_kinks(model.jacobian(some)[:, output])
    return InteractionStrength(
        moments.mean,
        moments.std_error,
        feature_names=model.feature_names,
        output_name=model.output_names[output],
        scale=None if has_units else scale,
        share_beyond=share_beyond(model, some, X_train),
        level=level,
        like=empty_like(X),
    )


def _warn_of_kinks(jacobian: Array) -> None:
    """Warn if first derivatives vary though second ones are 0."""
    jacobian = jacobian[:, ~np.isnan(jacobian).any(axis=0)]
    if (np.ptp(jacobian, axis=0) > 1e-9 * np.abs(jacobian).max(initial=0.0)).any():
        warn(
            "All second derivatives are 0 and the first ones vary: the predictions are "
            "straight between kinks, as of a network with ReLU, so that their "
            "interactions do not show in second derivatives. Fit a smooth model, such "
            "as one with the activation 'tanh'.",
            DerivativeWarning,
        )


class InteractionStrength:
    """How pairs of features act together, as `interaction_strength` returns it.

    All parameters are stored as attributes.

    Parameters
    ----------
    matrix : ndarray of shape (n_features, n_features)
        The strengths, symmetric; the mean absolute curvatures on the diagonal.
    std_error : ndarray of shape (n_features, n_features)
        Their standard errors, NaN of fewer than two rows.
    feature_names : list of str
        The names of the features.
    output_name : str, default="y"
        The name of the output.
    scale : ndarray of shape (n_features,), default=None
        The units of the features. None stands for those that X is in.
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
        A row for every pair of features.

    See Also
    --------
    interaction_strength : Compute it.
    """

    def __init__(
        self,
        matrix: Array,
        std_error: Array,
        *,
        feature_names: list[str],
        output_name: str = "y",
        scale: Array | None = None,
        share_beyond: float | None = None,
        level: float = 0.95,
        like: Any = None,
    ) -> None:
        self.matrix = matrix
        self.std_error = std_error
        self.feature_names = feature_names
        self.output_name = output_name
        self.scale = scale
        self.share_beyond = share_beyond
        self.level = level
        self.like = like

    def __repr__(self) -> str:
        """Return the strongest pairs as text."""
        head = f"InteractionStrength for {self.output_name}, intervals of "
        table = text_table(self._columns())
        return f"{head}{self.level:.0%}\n{table}{trust_line(self.share_beyond)}"

    @property
    def frame(self) -> Any:
        """A row for every pair of features, the strongest one first.

        With the strength, its standard error and interval. Intervals are normal, cut
        off at 0.
        """
        return frame_like(self.like, self._columns())

    def _columns(self) -> dict[str, Any]:
        first, second = np.triu_indices(len(self.matrix), 1)
        order = np.argsort(-self.matrix[first, second], kind="stable")  # NaN last
        first, second = first[order], second[order]
        strength, error = self.matrix[first, second], self.std_error[first, second]
        reach = quantile_of(self.level) * error
        return {
            "feature_1": [self.feature_names[j] for j in first.tolist()],
            "feature_2": [self.feature_names[j] for j in second.tolist()],
            "strength": strength,
            "std_error": error,
            "ci_low": np.maximum(strength - reach, 0.0),
            "ci_high": strength + reach,
        }

    def plot(
        self,
        ax: Any = None,
        *,
        units: dict[str, str] | None = None,
        max_features: int = 20,
    ) -> InteractionDisplay:
        """Draw the strengths of all pairs.

        Parameters
        ----------
        ax : matplotlib axes, default=None
            The axes to draw on. None makes a new figure.
        units : dict, default=None
            The unit of the output by its name, which the strengths have too if the
            features are scaled.
        max_features : int, default=20
            How many features to draw, those in the strongest pairs.

        Returns
        -------
        display : object
            With `ax_` and `figure_`.
        """
        display = InteractionDisplay(
            self.matrix,
            feature_names=self.feature_names,
            output_name=self.output_name,
        )
        units = None if self.scale is None else units
        return display.plot(ax, units=units, max_features=max_features)
