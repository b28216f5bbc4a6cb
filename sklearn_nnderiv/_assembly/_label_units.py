"""A cheap test whether derivative labels are in the units of the data."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from .._training import Rows
from .._validation import Array, Index, warn
from ..exceptions import DerivativeWarning

# rows among which neighbours are sought, those whose neighbours are, and how many
_N_AMONG, _N_ROWS, _N_NEIGHBOURS = 20_000, 1_000, 3
_LEAST_ROWS, _ROWS_PER_FEATURE = 8, 4
# what labels say of a difference has to explain so much of it, and be off by so much
_LEAST_SHARE, _LARGE_FACTOR = 0.6, 1.7


def warn_of_units(rows: Rows, names: Any) -> None:
    """Warn of labels that disagree with differences of y by a factor.

    Between two neighbours, y changes by about the mean of their derivatives times the
    step, summed over the features. For each feature, that is compared both ways: by how
    much what labels say has to be multiplied to give what is seen, and the other way
    round. Noise of either makes one of them smaller than it should be, never larger, so
    that only a factor that both agree on is one of units.
    """
    if rows.jacobian is None or rows.directions is not None:
        return
    rng = np.random.default_rng(0)
    if len(rows.X) > _N_AMONG:
        rows = rows.take(np.sort(rng.permutation(len(rows.X))[:_N_AMONG]))
    assert rows.jacobian is not None
    # in these units squares neither overflow nor vanish, and factors are the same
    (X, x_unit), (y, y_unit) = map(_in_units, (rows.X, rows.y))
    pairs = _neighbours(X, rng)
    if len(pairs) == 0:
        return
    step = X[pairs[:, 1]] - X[pairs[:, 0]]
    spread = X.std(axis=0)
    # the nearer, the less the derivative changes on the way
    distance = np.linalg.norm(step / np.where(spread > 0, spread, 1.0), axis=1)
    step /= distance[:, None]
    found: dict[int, list[float]] = {}
    for k in range(y.shape[1]):
        labels = rows.jacobian[:, k] * x_unit / y_unit[k]
        rise = (y[pairs[:, 1], k] - y[pairs[:, 0], k]) / distance
        for j, factor in _factors(labels, pairs, step, rise).items():
            found.setdefault(j, []).append(factor)
    if not found:
        return
    factors = {j: float(np.median(several)) for j, several in sorted(found.items())}
    shown = [j if names is None else str(names[j]) for j in factors]
    sizes = ", ".join(f"{factor:.3g}" for factor in factors.values())
    warn(
        f"`jacobian` is {sizes} times what differences of y between neighbouring rows "
        f"say, for the columns {shown} of X. Labels have to be in the units of the "
        "data, y per unit of X, as `predict_jacobian` returns them: not with respect "
        "to scaled inputs, nor of scaled outputs.",
        DerivativeWarning,
    )


def _in_units(values: Array) -> tuple[Array, Array]:
    """Return columns in units of their range, and the units."""
    unit = np.ptp(values, axis=0)
    unit = np.where(unit > 0, unit, 1.0)
    return values / unit, unit


def _neighbours(X: Array, rng: np.random.Generator) -> Index:
    """Return pairs of rows that are near one another, each once."""
    distinct, index = np.unique(X, axis=0, return_index=True)
    spread = distinct.std(axis=0)
    Z = distinct / np.where(spread > 0, spread, 1.0)
    n = len(Z)
    if n < 3:
        return np.empty((0, 2), dtype=np.int64)
    some = rng.permutation(n)[:_N_ROWS]
    search = NearestNeighbors(n_neighbors=min(_N_NEIGHBOURS + 1, n)).fit(Z)
    near = search.kneighbors(Z[some], return_distance=False)[:, 1:]
    pairs = np.stack([np.repeat(some, near.shape[1]), near.ravel()], axis=1)
    return index[np.unique(np.sort(pairs, axis=1), axis=0)]


def _factors(labels: Array, pairs: Index, step: Array, rise: Array) -> dict[int, float]:
    """Return how many times too large the labels of each column are, where they are."""
    ends = labels[pairs]
    known = np.isfinite(ends)
    mean = np.where(known, ends, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    full = known.any(axis=1)
    labelled = full.mean(axis=0) > 0.5
    said = np.where(full, mean, 0.0) * step
    # of what is not labelled, the straight part can be told
    table = np.where(labelled, said, step)
    size = abs(table).max(axis=0)
    used = np.flatnonzero(size > 0)
    n_rows = len(np.unique(pairs))
    if n_rows < max(_LEAST_ROWS, _ROWS_PER_FEATURE * len(used)) or not rise.any():
        return {}
    table = table[:, used] / size[used]
    slope, _, rank, _ = np.linalg.lstsq(table, rise, rcond=1e-3)
    if rank < len(used):
        return {}  # of columns that move together, each slope may be anything
    rest = rise - table @ slope
    found = {}
    for i, j in enumerate(used):
        own, seen = table[:, i], rest + table[:, i] * slope[i]
        both, squares = float(own @ seen), (float(own @ own), float(seen @ seen))
        if not labelled[j] or both**2 < _LEAST_SHARE * squares[0] * squares[1]:
            continue
        # what labels are multiplied by to give what is seen, and the other way round
        forth, back = both / squares[0] / size[j], both / squares[1] * size[j]
        large = max(forth, back) > _LARGE_FACTOR
        if large and 0 < min(forth, back) < 1 / _LARGE_FACTOR:
            found[int(j)] = float(size[j] * np.sqrt(squares[0] / squares[1]))
    return found
