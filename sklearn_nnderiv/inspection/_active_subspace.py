"""Active subspaces: the directions along which predictions vary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.utils import check_random_state

from ._active_result import ActiveSubspace
from ._frames import empty_like
from ._model import Model
from ._options import check_count, quantile_of
from ._outer import OuterProducts
from ._sampled_rows import beyond, some_rows
from ._spread import check_scale, resolved_scale, spread_of


def active_subspace(
    estimator: Any,
    X: Any,
    *,
    target: int | str | None = None,
    scale: Any = "std",
    n_resamples: int = 200,
    feature_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    sample_weight: Any = None,
    X_train: Any = None,
    level: float = 0.95,
    random_state: Any = None,
    verbose: int | bool = 0,
) -> ActiveSubspace:
    r"""Find the directions in the space of the inputs along which predictions vary.

    If few directions have nearly all of the mean squared gradient, the predictions are
    nearly a function of as many linear combinations of the features, and can be drawn.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        Anything that `sklearn_nnderiv.jacobian` takes.
    X : array-like or DataFrame of shape (n_samples, n_features)
        A sample of the inputs, to average over.
    target : int or str, default=None
        The output, by its place or its name. Needed if there are several.
    scale : "std", None or array-like of shape (n_features,), default="std"
        The unit of every feature, on which the result depends. "std" stands for the
        standard deviations of the columns of X, None for the units that X is in.
    n_resamples : int, default=200
        The number of bootstrap samples for the intervals.
    feature_names, output_names : sequence of str, default=None
        Names in place of those of X, and of "y", or "y0", "y1" and so on.
    sample_weight : array-like of shape (n_samples,), default=None
        Non-negative weights of the rows. A row of weight 0 counts as absent.
    X_train : array-like or DataFrame of shape (n_train, n_features), default=None
        The rows that the estimator was fitted to, by which `plot` marks rows beyond
        them, as in `extrapolation_score`. If None, what the estimator has kept, if any.
    level : float, default=0.95
        Of the intervals.
    random_state : int, RandomState instance or None, default=None
        Of the bootstrap samples, and of the rows in the picture.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    result : ActiveSubspace
        With `eigenvalues`, `eigenvectors`, `dimension`, `transform`, `frame` and
        `plot`.

    Raises
    ------
    ValueError
        If no row has derivatives by all features that have any, if names, weights or
        scales do not fit, and as in `sklearn_nnderiv.jacobian`.

    See Also
    --------
    dgsm : The features one by one.
    interaction_strength : Which pairs of features act together.

    Notes
    -----
    The directions are the eigenvectors :math:`w_k` of

    .. math::

        C = \mathrm{E}\left[ \nabla f \, \nabla f^\top \right]
        = \sum_k \lambda_k \, w_k w_k^\top

    with the gradient :math:`\nabla f` by the scaled features :math:`z_j = (x_j - \bar
    x_j) / s_j` [1]_. The eigenvalue :math:`\lambda_k` is the mean squared derivative
    along :math:`w_k`. The suggested dimension is where the eigenvalues have the largest
    gap, by their ratio; those below one in ten thousand of their sum count as none, and
    a gap between eigenvalues with intervals that overlap does not count.
    The largest entry of an eigenvector is positive.

    The intervals are percentiles of the eigenvalues of bootstrap samples of the rows,
    which do not contain the error of the fit. Of many rows, groups are resampled that
    rows belong to at random, so that memory does not grow with their number. They are
    NaN of fewer than two rows.

    A feature without derivatives, such as a category, takes no part, and its entries
    are NaN. A row that lacks the derivative by one of the others, as at a missing cell,
    is left out. A constant column has no standard deviation and takes no part either:
    its entries are 0 but in a direction of its own, which has the eigenvalue 0.

    References
    ----------
    .. [1] P. G. Constantine, "Active Subspaces: Emerging Ideas for Dimension Reduction
       in Parameter Studies", SIAM, 2015.

    Examples
    --------
    >>> import numpy as np, torch
    >>> from sklearn_nnderiv.inspection import active_subspace
    >>> class Ridge(torch.nn.Module):
    ...     def forward(self, x):
    ...         return torch.sin(0.6 * x[:, 0] + 0.8 * x[:, 1])
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> result = active_subspace(Ridge(), X, scale=None, random_state=0)
    >>> result.eigenvectors[:, 0].round(6)
    array([0.6, 0.8])
    >>> result.dimension, result.transform(X).shape
    (1, (100, 1))
    """
    quantile_of(level)
    n_resamples = check_count(n_resamples, "n_resamples", 2)
    rng = check_random_state(random_state)
    names = {"feature_names": feature_names, "output_names": output_names}
    model = Model(estimator, X, **names)
    output = model.output_index(target)
    scale = check_scale(scale, model.n_features)
    weight = model.weight(sample_weight)
    spread = spread_of(model, weight, verbose)
    scale = resolved_scale(scale, spread)
    sums = OuterProducts(model.n_features, len(model.table), rng)
    for rows, table in model.chunks("active subspace", verbose, order=2):
        sums.update(model.jacobian(table)[:, output] * scale, weight[rows])
    values, vectors, interval = sums.eigen(n_resamples, level)
    some = some_rows(model, rng)
    return ActiveSubspace(
        values,
        vectors,
        interval,
        feature_names=model.feature_names,
        output_name=model.output_names[output],
        mean=spread.mean,
        scale=scale,
        rows=some.numbers(),
        predictions=model.values(some)[:, output],
        is_beyond=beyond(model, some, X_train),
        level=level,
        like=empty_like(X),
    )
