"""A linear function that stands for a fitted estimator near a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc
from sklearn.utils import check_random_state, check_scalar

from .._derivatives import named_rows
from .._table import Table, table_of
from .._validation import Array, Index
from ._extrapolation import known_range, score_if_known
from ._linearization import Linearization
from ._model import Model

# of the range of the training data, to either side
_RADIUS = 0.05


def linearize(
    estimator: Any,
    x0: Any,
    *,
    radius: Any = None,
    n_samples: int = 512,
    X_train: Any = None,
    feature_names: Sequence[Any] | None = None,
    output_names: Sequence[Any] | None = None,
    random_state: int | np.random.RandomState | None = 0,
) -> Linearization:
    r"""Replace a fitted estimator by a linear function, and measure how far it is off.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        Anything that `sklearn_nnderiv.jacobian` takes.
    x0 : array-like or frame, of shape (n_features,) or (1, n_features)
        The row to stay near, in raw units. A frame of one row may have columns that are
        not numbers; these stay as they are.
    radius : float, array-like of shape (n_features,) or dict, default=None
        How far around `x0` to measure. A float is a fraction of the range of every
        feature in the training data, to either side, 0.05 by default. An array is in
        raw units, and so is a dict from the names of features; those that it leaves out
        stay as they are.
    n_samples : int, default=512
        The number of points at which to measure, rounded up to a power of two. As many
        corners of the box are looked at besides, and the centres of its faces.
    X_train : array-like or frame of shape (n_train, n_features), default=None
        Training rows, for their range and for `score`. A `DifferentiableRegressor` that
        stands alone knows them itself.
    feature_names, output_names : sequence of str, default=None
        Names that replace those of the estimator or of `x0`, and "y", or "y0", "y1" and
        so on.
    random_state : int, RandomState instance or None, default=0
        Determines the points.

    Returns
    -------
    linearization : Linearization
        With the attributes `A`, `b`, `x0`, `y0`, `radius`, `error` and `score`.

    Raises
    ------
    ValueError
        If `radius` is a fraction of a range that is not known, or has no positive
        number. If `x0` is not one row.

    See Also
    --------
    as_scipy : The estimator as a function to be optimised.
    extrapolation_score : What `score` is.

    Notes
    -----
    The linear function is the tangent

    .. math::

        \hat y(x_0) + A (x - x_0) = A x + b , \qquad
        A = \left. \frac{\partial \hat y}{\partial x} \right|_{x_0} .

    `error` is measured: it is a lower bound of the largest deviation in the box. The
    points are those of a scrambled Sobol sequence, the corners that they are nearest
    to, and the centres of the faces. It compares the linear function to the estimator,
    and says nothing on how far the estimator is from the truth. It is NaN if the
    estimator predicts NaN in the box.

    References
    ----------
    A. B. Owen, "Scrambling Sobol' and Niederreiter-Xing points", Journal of Complexity
    14, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import PolynomialFeatures
    >>> from sklearn_nnderiv.inspection import linearize
    >>> X = np.arange(10.0).reshape(-1, 1)
    >>> model = make_pipeline(PolynomialFeatures(2), LinearRegression())
    >>> found = linearize(model.fit(X, X[:, 0] ** 2), [3.0], radius=[0.5])
    >>> found.A.round(6), round(found.b, 6), round(found.error, 6)
    (array([6.]), -9.0, 0.25)
    >>> found.predict([[3.1]]).round(6)
    array([9.6])
    """
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    row = _one_row(estimator, x0)
    model = Model(
        estimator, row.X, feature_names=feature_names, output_names=output_names
    )
    values, jacobian = (a[0] for a in model.with_jacobian(row))
    moves = row.is_number & ~np.isnan(jacobian).any(axis=0)
    size = np.where(moves, _radius(radius, model, X_train), 0.0)
    if not size.any():
        able = [model.feature_names[j] for j in np.flatnonzero(moves)]
        raise ValueError(
            f"`radius` leaves no feature to move. Got {radius!r}; those that have a "
            f"derivative are {able}."
        )
    x = row.numbers()[0]
    moving = np.flatnonzero(size)
    steps = size[moving] * _box(len(moving), int(n_samples), random_state)
    around = _moved(row, moving, x[moving] + steps)
    tangent = values + steps @ jacobian[:, moving].T
    error = abs(model.values(around) - tangent).max(axis=0)
    offset = values - np.where(moves, jacobian * x, 0.0).sum(axis=1)
    scores = score_if_known(estimator, around.X, X_train)
    flat = model.is_flat
    return Linearization(
        A=jacobian[0] if flat else jacobian,
        b=float(offset[0]) if flat else offset,
        x0=np.where(row.is_number, x, np.nan),
        y0=float(values[0]) if flat else values,
        radius=size,
        error=float(error[0]) if flat else error,
        score=None if scores is None else float(scores.max()),
        feature_names=model.feature_names,
        output_names=model.output_names,
    )


def _one_row(estimator: Any, x0: Any) -> Table:
    """Return one row as a table, named as the estimator wants it."""
    if hasattr(x0, "columns"):
        row = table_of(x0)
    else:
        row = table_of(np.array(x0, ndmin=2))
        if row.is_number.all():
            row = named_rows(row.numbers(), estimator)
    if len(row) != 1:
        raise ValueError(f"`x0` must be one row. Got {len(row)} rows.")
    return row


def _radius(radius: Any, model: Model, X_train: Any) -> Array:
    """Return how far to go by each feature, in raw units."""
    if isinstance(radius, Mapping):
        size = np.zeros(model.n_features)
        for name, value in radius.items():
            is_number = isinstance(value, Real)
            size[model.feature_index(name)] = value if is_number else np.nan
    elif isinstance(radius, str):
        size = np.full(1, np.nan)
    elif radius is None or isinstance(radius, Real):
        size = (_RADIUS if radius is None else float(radius)) * _spread(model, X_train)
    else:
        size = np.asarray(radius, dtype=np.float64)
    if size.shape != (model.n_features,) or not (np.isfinite(size) & (size >= 0)).all():
        raise ValueError(
            "`radius` must hold a finite number, 0 or more, for each of the "
            f"{model.n_features} features {model.feature_names}. Got {radius!r}."
        )
    return size


def _spread(model: Model, X_train: Any) -> Array:
    known = known_range(model.estimator, X_train)
    if known is None:
        raise ValueError(
            "The range of the training data is not known, of which `radius` is a "
            f"fraction: {type(model.estimator).__name__} does not keep it. Pass the "
            "training rows as `X_train`, or `radius` in units of each feature."
        )
    return np.nan_to_num(known[1] - known[0])


def _box(d: int, n_samples: int, random_state: Any) -> Array:
    """Return points of the box from -1 to 1, those at its surface at last."""
    seed = check_random_state(random_state).randint(2**31 - 1)
    sobol = qmc.Sobol(d, seed=np.random.default_rng(seed))
    points = 2 * sobol.random_base2((n_samples - 1).bit_length()) - 1
    faces = np.eye(d)
    return np.vstack([points, np.where(points < 0, -1.0, 1.0), faces, -faces])


def _moved(row: Table, columns: Index | NDArray[Any], values: Array) -> Table:
    """Return copies of a row with other numbers in some columns."""
    copies = row.take(np.zeros(len(values), dtype=int))
    return copies.replaced(columns, values)
