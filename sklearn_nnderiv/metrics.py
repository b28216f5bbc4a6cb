"""Scores of derivatives against true ones, and scorers for searches."""

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.metadata_routing import UNUSED

from . import functional
from ._comparison import average, compare
from ._sklearn_compat import ScorerMixin
from ._validation import Array

__all__ = [
    "jacobian_r2_score",
    "jacobian_r2_scorer",
    "jacobian_rmse",
    "neg_jacobian_rmse_scorer",
]


def jacobian_r2_score(
    jacobian_true: Any,
    jacobian_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Any = "uniform_average",
) -> float | Array:
    r"""Coefficient of determination of a derivative, per input and output.

    The best score is 1. A derivative that is constant, at the mean of the true one, has
    the score 0; worse ones are negative.

    Parameters
    ----------
    jacobian_true : array-like of shape (n_samples[, n_outputs], n_features)
        The true derivatives, in the shape and units of `jacobian`. NaN marks the
        entries that are not known.
    jacobian_pred : array-like of the shape of jacobian_true
        The derivatives to score. They have to be finite wherever the true one is known.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights of the rows. A row of weight 0 counts as absent.
    multioutput : str or array-like, default="uniform_average"
        How the scores of all pairs of an input and an output are put together.

        "raw_values" :
            Return all of them, with NaN where the score is not defined.
        "uniform_average" :
            Their mean.
        "variance_weighted" :
            Their mean, weighted by the variances of the true derivatives. These have
            units: an input with large derivatives weighs more.
        array-like of shape ([n_outputs, ]n_features) :
            Their mean with these weights, of which none is negative.

    Returns
    -------
    score : float or ndarray of shape ([n_outputs, ]n_features)
        The average; or the score of every pair, for "raw_values".

    Raises
    ------
    ValueError
        If the shapes do not agree, if no entry of `jacobian_true` is known, if one is
        infinite, or if a prediction is not finite where the true derivative is known.

    Warns
    -----
    UndefinedMetricWarning
        If pairs with a single known entry were left out of an average.

    See Also
    --------
    jacobian_rmse : The same as an error.
    jacobian_r2_scorer : For searches and cross-validation.
    sklearn.metrics.r2_score : The score of the values.

    Notes
    -----
    With the true derivative :math:`J_i` of a pair at row :math:`i`, its weighted mean
    :math:`\bar J` and the sums over the rows where it is known,

    .. math::

        R^2 = 1 - \frac{\sum_i w_i \, (\hat J_i - J_i)^2}
                       {\sum_i w_i \, (J_i - \bar J)^2} ,

    which is :func:`sklearn.metrics.r2_score` of the entries that are known. A pair
    without any is left out of the average, one with a single entry as well, with a
    warning.

    A true derivative that is constant has 1 if it is met exactly, otherwise 0, as in
    scikit-learn: that of a linear input, or of an input without effect. Constant and
    exact are meant up to rounding, ten times the resolution of the labels' dtype. Where
    such a pair should not count, choose "variance_weighted", give weights, or set its
    labels to NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_nnderiv.metrics import jacobian_r2_score
    >>> true = [[0.0, 5.0], [1.0, 7.0], [2.0, np.nan]]
    >>> pred = [[0.1, 5.0], [0.9, 6.0], [2.0, 9.0]]
    >>> round(jacobian_r2_score(true, pred), 6)
    0.745
    >>> jacobian_r2_score(true, pred, multioutput="raw_values").round(6)
    array([0.99, 0.5 ])
    """
    found = compare(jacobian_true, jacobian_pred, sample_weight)
    exact = found.error <= found.rounding
    ratio = found.error / np.where(found.is_flat, 1.0, found.spread)
    scores = np.where(found.is_flat, np.where(exact, 1.0, 0.0), 1.0 - ratio**2)
    scores[found.n_known < 2] = np.nan
    return average(scores, found, multioutput)


def jacobian_rmse(
    jacobian_true: Any,
    jacobian_pred: Any,
    *,
    sample_weight: Any = None,
    multioutput: Any = "uniform_average",
) -> float | Array:
    r"""Error of a derivative relative to the spread of the true one.

    The root mean squared error of every pair of an input and an output, divided by the
    standard deviation of the true derivative. It has no units. It is 0 at best, and 1
    for a derivative that is constant, at the mean of the true one.

    Parameters
    ----------
    jacobian_true : array-like of shape (n_samples[, n_outputs], n_features)
        The true derivatives, in the shape and units of `jacobian`. NaN marks the
        entries that are not known.
    jacobian_pred : array-like of the shape of jacobian_true
        The derivatives to score. They have to be finite wherever the true one is known.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights of the rows. A row of weight 0 counts as absent.
    multioutput : str or array-like, default="uniform_average"
        How the errors of all pairs are put together, as in `jacobian_r2_score`.

    Returns
    -------
    error : float or ndarray of shape ([n_outputs, ]n_features)
        The average; or the error of every pair, for "raw_values".

    Raises
    ------
    ValueError
        As in `jacobian_r2_score`.

    Warns
    -----
    UndefinedMetricWarning
        If pairs with a single known entry, or with a true derivative of 0 everywhere,
        were left out of an average.

    See Also
    --------
    jacobian_r2_score : The same as a score.
    neg_jacobian_rmse_scorer : For searches and cross-validation.
    sklearn.metrics.root_mean_squared_error : The error of the values, in their units.

    Notes
    -----
    With the sums over the rows where the true derivative is known,

    .. math::

        \sqrt{\frac{\sum_i w_i \, (\hat J_i - J_i)^2}
                   {\sum_i w_i \, (J_i - \bar J)^2}} = \sqrt{1 - R^2} .

    A true derivative that is constant, up to rounding, has no spread. The error is then
    relative to its size, :math:`|J|`: for a linear input, 0.01 is an error of one per
    cent of the slope. An input without effect has a size of 0 too, and nothing that an
    error could be relative to: its pairs are NaN, left out of averages with a warning,
    whatever the prediction. Look at the predicted derivatives themselves there; a
    weight of 0 or labels of NaN leave them out without a warning.

    Examples
    --------
    >>> from sklearn_nnderiv.metrics import jacobian_rmse
    >>> true = [[0.0, 5.0], [1.0, 7.0], [2.0, 9.0]]
    >>> pred = [[0.1, 5.0], [0.9, 7.0], [2.0, 9.0]]
    >>> jacobian_rmse(true, pred, multioutput="raw_values").round(6)
    array([0.1, 0. ])
    """
    found = compare(jacobian_true, jacobian_pred, sample_weight)
    scale = np.where(found.is_flat, found.size, found.spread)
    defined = (found.n_known >= 2) & (scale > 0)
    errors = np.where(defined, found.error / np.where(defined, scale, 1.0), np.nan)
    return average(errors, found, multioutput)


_METRICS = {"r2": (1, jacobian_r2_score), "rmse": (-1, jacobian_rmse)}


class _JacobianScorer(ScorerMixin, BaseEstimator):
    """Score the derivative of a fitted estimator against true derivatives.

    A scorer is called as below, or given to a search or to `cross_validate` as
    `scoring`. Greater is better.

    Parameters
    ----------
    estimator : estimator
        A fitted one, as for `sklearn_nnderiv.jacobian`, which differentiates it in raw
        units: a regressor, or a Pipeline or a search around one.
    X : array-like or DataFrame of shape (n_samples, n_features)
        The rows.
    y : array-like, default=None
        Not used.
    jacobian : array-like of shape (n_samples[, n_outputs], n_features)
        The true derivatives at these rows, NaN where they are not known. The scorer
        requests them in scikit-learn's metadata routing.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the rows. They are not requested, unless
        ``set_score_request(sample_weight=True)`` is called on a
        :func:`~sklearn.base.clone` of the scorer.

    Returns
    -------
    score : float
        The score, averaged over all pairs of an input and an output. On a clone,
        ``set_params(multioutput=...)`` chooses another average.

    Raises
    ------
    ValueError
        If there are no true derivatives, and as in the metrics.

    See Also
    --------
    jacobian_r2_score, jacobian_rmse : The metrics.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn import config_context
    >>> from sklearn.gaussian_process import GaussianProcessRegressor
    >>> from sklearn.gaussian_process.kernels import RBF
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn_nnderiv.metrics import jacobian_r2_scorer
    >>> X = np.linspace(0, 6, 40).reshape(-1, 1)
    >>> process = GaussianProcessRegressor(alpha=1e-6, optimizer=None)
    >>> kernels = {"kernel": [RBF(0.01), RBF(1.0)]}
    >>> with config_context(enable_metadata_routing=True):
    ...     search = GridSearchCV(process, kernels, scoring=jacobian_r2_scorer)
    ...     search = search.fit(X, np.sin(X[:, 0]), jacobian=np.cos(X))
    >>> search.best_params_
    {'kernel': RBF(length_scale=1)}
    """

    # labels are what it scores by, so that it asks for them unless told otherwise
    __metadata_request__score: ClassVar = {"estimator": UNUSED, "jacobian": True}

    def __init__(self, metric: str, multioutput: Any = "uniform_average") -> None:
        self.metric = metric
        self.multioutput = multioutput

    def score(
        self,
        estimator: Any,
        X: Any,
        y: Any = None,
        *,
        jacobian: Any = None,
        sample_weight: Any = None,
    ) -> float | Array:
        """Return the score of the derivative at the rows of X."""
        if jacobian is None:
            raise ValueError(_NO_LABELS)
        sign, metric = _METRICS[self.metric]
        found = functional.jacobian(estimator, X)
        options = {"sample_weight": sample_weight, "multioutput": self.multioutput}
        return sign * metric(jacobian, found, **options)

    __call__ = score


_NO_LABELS = (
    "A scorer of derivatives was given no true derivatives, `jacobian`. Searches and "
    "cross-validation route them: call "
    "sklearn.set_config(enable_metadata_routing=True) first, then pass them, as in "
    "GridSearchCV(...).fit(X, y, jacobian=J) or "
    "cross_validate(..., params={'jacobian': J}). The scorer asks for them unless "
    "scorer.set_score_request(jacobian=...) says otherwise. Alone it is called as "
    "scorer(estimator, X, y, jacobian=J)."
)

jacobian_r2_scorer = _JacobianScorer("r2")
"""Scorer by :func:`jacobian_r2_score`, for searches and cross-validation.

Called as ``jacobian_r2_scorer(estimator, X, y, jacobian=J)``, with the true derivatives
at the rows of X, which it requests as ``jacobian`` in metadata routing. Greater is
better.
"""

neg_jacobian_rmse_scorer = _JacobianScorer("rmse")
"""Scorer by the negative of :func:`jacobian_rmse`; as `jacobian_r2_scorer`."""
