"""Distributions of the inputs: as they are given, fitted to columns, and drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import stats
from scipy.stats import qmc

from .._validation import Array
from ._frames import frame_like
from ._poincare import poincare_constant
from ._spread import Spread

_FITTED = ("uniform", "normal")
_METHODS = ("pdf", "logpdf", "cdf", "sf", "ppf", "isf", "median", "support")
_WANTED = (
    "a frozen continuous distribution of scipy.stats, such as scipy.stats.norm(0, 1), "
    "or a pair (low, high) for a uniform one"
)
# Sobol points of scipy lie on multiples of 2**-30, 0 among them
_HALF_STEP = 2.0**-31


def checked(distributions: Any, names: Sequence[str], *, has_rows: bool) -> list[Any]:
    """Return a distribution, "uniform", "normal" or None for every feature.

    Parameters
    ----------
    distributions : str, sequence, dict by name, or None
    names : sequence of str
        The features.
    has_rows : bool
        Whether there are rows to fit a distribution to.
    """
    given = _by_feature(distributions, list(names))
    return [
        _checked(one, name, has_rows) for one, name in zip(given, names, strict=True)
    ]


def _by_feature(given: Any, names: list[str]) -> list[Any]:
    if given is None or isinstance(given, str):
        return [given] * len(names)
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ValueError(
                f"`distributions` names {unknown}, which are no features. The features "
                f"are {names}."
            )
        return [given.get(name) for name in names]
    if not isinstance(given, Sequence | np.ndarray):
        raise ValueError(
            "`distributions` must be a sequence or a dict by name of feature. Got "
            f"{given!r}."
        )
    if len(given) != len(names):
        raise ValueError(
            f"`distributions` must have one entry for each of {len(names)} features, "
            f"{names}. Got {len(given)}."
        )
    return list(given)


def _checked(given: Any, name: str, has_rows: bool) -> Any:
    if given is None and has_rows:
        return None
    if isinstance(given, str):
        if given in _FITTED and has_rows:
            return given
        raise ValueError(
            f"The distribution of {name!r} must be {_WANTED}; with X also 'uniform' or "
            f"'normal', which are fitted to its columns. Got {given!r}."
        )
    if all(hasattr(given, method) for method in _METHODS):
        middle = np.asarray(given.median())
        if middle.ndim == 0 and np.isfinite(middle):
            return given
        raise ValueError(
            f"The distribution of {name!r} must be a single one with valid parameters. "
            f"Its median is {middle}."
        )
    return stats.uniform(*_low_and_width(given, name))


def _low_and_width(given: Any, name: str) -> tuple[float, float]:
    error = ValueError(
        f"The distribution of {name!r} must be {_WANTED}. Got {given!r}."
    )
    try:
        low, high = (float(end) for end in given)
    except (TypeError, ValueError):
        raise error from None
    if not (np.isfinite([low, high]).all() and low < high):
        raise error
    return low, high - low


def constants(given: list[Any], spread: Spread | None) -> Array:
    """Return Poincaré constants (n_features,), NaN where no distribution is given."""
    found = np.full(len(given), np.nan)
    for j, one in enumerate(given):
        if not isinstance(one, str | None):
            found[j] = poincare_constant(one)
        elif one is not None and spread is not None:
            width, std = spread.high[j] - spread.low[j], spread.std[j]
            found[j] = (width / np.pi) ** 2 if one == "uniform" else std**2
    return found


class Draws:
    """Scrambled Sobol points of independent inputs.

    Parameters
    ----------
    distributions : list of frozen distributions
    n : int
        The number of rows.
    rng : RandomState
    names : list of str or None
        The columns of the frame that rows are put into, if the estimator wants one.
    """

    def __init__(
        self, distributions: list[Any], n: int, rng: Any, names: list[str] | None
    ) -> None:
        self.distributions, self.n, self.names = distributions, n, names
        seed = int(rng.randint(2**31 - 1))
        self._points = qmc.Sobol(len(distributions), scramble=True, seed=seed)

    def rows(self, places: slice) -> Any:
        """Return the rows from one place to another, the same at every call."""
        points = self._points.reset()
        n = places.stop - places.start
        if places.start:
            unit = points.fast_forward(places.start).random(n)
        else:  # a first draw of any number but a power of 2 is warned about
            unit = np.concatenate([points.random(1), points.random(n - 1)])
        columns = [
            one.ppf(unit[:, j] + _HALF_STEP) for j, one in enumerate(self.distributions)
        ]
        if self.names is None:
            return np.column_stack(columns)
        return frame_like(None, dict(zip(self.names, columns, strict=True)))
