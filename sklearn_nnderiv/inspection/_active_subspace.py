"""Active subspaces: the directions along which predictions vary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils import check_random_state

from .._table import table_of
from .._validation import Array, Index
from ._active_display import _ActiveSubspaceDisplay
from ._frames import empty_like, frame_like
from ._model import Model
from ._spread import check_scale, spread_of
from ._text import check_count, quantile_of, text_table

# groups of rows that are resampled, and numbers kept of all of them
_MOST_GROUPS, _FEWEST_GROUPS, _MOST_NUMBERS = 2000, 50, 2**22
# rows of the summary plot
_N_SHOWN = 1000
# a part of the whole below which an eigenvalue counts as none
_NO_SHARE = 1e-4


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
    gap, by their ratio; those below one in ten thousand of their sum count as none.
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
    scale = spread.std if isinstance(scale, str) else scale
    sums = _Outer(model.n_features, len(model.table), rng)
    for rows, table in model.chunks("active subspace", verbose, order=2):
        sums.update(model.jacobian(table)[:, output] * scale, weight[rows])
    values, vectors, interval = sums.eigen(n_resamples, level)
    result = ActiveSubspace(
        values,
        vectors,
        interval,
        feature_names=model.feature_names,
        output_name=model.output_names[output],
        mean=spread.mean,
        scale=scale,
        level=level,
        like=empty_like(X),
    )
    result.shown = _shown(model, output, result, rng)
    return result


class _Outer:
    """Sums of outer products of gradients, in groups of rows that are resampled.

    Parameters
    ----------
    n_features, n_rows : int
    rng : RandomState
    """

    def __init__(self, n_features: int, n_rows: int, rng: Any) -> None:
        self.n_rows, self.rng, self.n_seen = n_rows, rng, 0
        # of columns with a derivative in some row
        self.used = np.zeros(n_features, dtype=bool)
        self.upper = np.triu_indices(n_features)
        n_pairs = len(self.upper[0])
        most = min(_MOST_GROUPS, max(_FEWEST_GROUPS, _MOST_NUMBERS // n_pairs))
        self.products = np.zeros((min(n_rows, most), n_pairs))
        self.weight = np.zeros(len(self.products))

    def update(self, gradient: Array, weight: Array) -> None:
        """Take gradients (n, n_features) of rows with weights (n,)."""
        n, n_groups = len(gradient), len(self.products)
        if self.n_rows == n_groups:
            group = np.arange(self.n_seen, self.n_seen + n)
        else:
            group = self.rng.randint(n_groups, size=n)
        self.n_seen += n
        known = ~np.isnan(gradient)
        used = known[weight > 0].any(axis=0)
        if (used & ~self.used).any():
            # so far no row had them all
            self.used |= used
            self.products[:], self.weight[:] = 0.0, 0.0
        weight = np.where(known[:, self.used].all(axis=1), weight, 0.0)
        gradient = np.where(known, gradient, 0.0)
        i, j = self.upper
        place = group, np.arange(n)
        member = csr_array((weight, place), shape=(n_groups, n))
        self.products += member @ (gradient[:, i] * gradient[:, j])
        self.weight += member.sum(axis=1)

    def eigen(self, n_resamples: int, level: float) -> tuple[Array, Array, Array]:
        """Return eigenvalues (n_used,), eigenvectors and intervals (2, n_used)."""
        filled = self.weight > 0
        if not (self.used.any() and filled.any()):
            raise ValueError(
                "No row has derivatives by all features that have any, so that there "
                "is no gradient. Fill in missing values, or leave those features out."
            )
        products, weight = self.products[filled], self.weight[filled]
        values, vectors = np.linalg.eigh(self._mean(products, weight))
        values, vectors = _in_order(values, vectors)
        full = np.full((len(self.used), len(values)), np.nan)
        full[self.used] = vectors
        interval = np.full((2, len(values)), np.nan)
        if len(weight) > 1:
            part = np.full(len(weight), 1 / len(weight))
            count = self.rng.multinomial(len(weight), part, size=n_resamples)
            resampled = [
                np.linalg.eigvalsh(self._mean(products, weight, c))[::-1] for c in count
            ]
            tails = [(1 - level) / 2, (1 + level) / 2]
            interval = np.maximum(np.quantile(resampled, tails, axis=0), 0.0)
        return values, full, interval

    def _mean(self, products: Array, weight: Array, count: Any = 1.0) -> Array:
        """Return the mean outer product of groups that are counted several times."""
        count = np.broadcast_to(count, weight.shape)
        matrix = np.zeros((len(self.used), len(self.used)))
        matrix[self.upper] = count @ products / (count @ weight)
        matrix = matrix + np.triu(matrix, 1).T
        return matrix[np.ix_(self.used, self.used)]


def _in_order(values: Array, vectors: Array) -> tuple[Array, Array]:
    """Return the largest eigenvalue first, and vectors with a fixed sign."""
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    largest = np.abs(vectors).argmax(axis=0)
    sign = np.sign(vectors[largest, np.arange(len(values))])
    return values, vectors * sign


def _shown(
    model: Model, output: int, result: ActiveSubspace, rng: Any
) -> tuple[Array, Array]:
    """Return two active variables and predictions of some rows."""
    n = len(model.table)
    rows = np.sort(rng.choice(n, min(n, _N_SHOWN), replace=False))
    table = model.table.take(rows)
    n_components = min(2, len(result.eigenvalues))
    active = result.transform(table.X, n_components=n_components)
    return active, model.values(table)[:, output]
