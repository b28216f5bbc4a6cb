"""Random rows, and what is done to them step by step."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from .random_steps import BY_CLASS

WIDEST = 40
# of fits to rows whose columns are constant, or depend on each other
FAILURES = (ValueError, IndexError, ArithmeticError)
# columns of size one, positive ones, and fractions
RANGES = {"positive": (0.5, 2.0), "fraction": (0.1, 0.9)}


@dataclass
class Data:
    """Rows as they are after the steps so far, and targets.

    Attributes
    ----------
    X : ndarray or DataFrame
        The rows that the pipeline takes.
    y : ndarray of shape (n, 2)
    Z : ndarray or DataFrame
        The rows that the next step takes.
    rounded : ndarray or DataFrame
        The same, had the rows been rounded otherwise before every step.
    steps : list of estimators
        Fitted.
    """

    X: object
    y: np.ndarray
    Z: object
    rounded: object
    steps: list = field(default_factory=list)

    @property
    def shape(self):
        """Return the numbers of rows and columns of the next step."""
        return self.Z.shape


@st.composite
def data(draw):
    """Draw rows in units of all sizes, and two positive targets."""
    rng = np.random.default_rng(draw(st.integers(0, 2**31 - 1)))
    n, d = draw(st.integers(25, 45)), draw(st.integers(1, 4))
    u = rng.normal(size=(n, d))
    X = (u + rng.integers(-3, 4, size=d)) * 10.0 ** rng.integers(-2, 3, size=d)
    signal = np.sin(u @ rng.normal(size=(d, 2))) + u @ rng.normal(size=(d, 2)) / 3
    y = np.exp(0.3 * signal + 0.05 * rng.normal(size=(n, 2)))
    y *= 10.0 ** rng.integers(-2, 3, size=2)
    if draw(st.booleans()):
        X = pd.DataFrame(X, columns=[f"x{j}" for j in range(d)])
    return Data(X, y, X, X)


def suits(Z, wants):
    """Whether values are such as a kind of estimators wants."""
    Z = np.asarray(Z)
    if wants == "any":
        return True
    width = np.ptp(Z, axis=0)
    if (width[width > 0] < 0.3).any():
        return False
    low, high = RANGES.get(wants, (-8.0, 8.0))
    return Z.min() > low - 0.1 and Z.max() < high + 0.1


def fit(estimator, Z, y):
    """Fit a step or a regressor."""
    return estimator.fit(Z, y > np.median(y) if isinstance(estimator, BY_CLASS) else y)


def round_otherwise(Z):
    """Return what differs by a rounding of every number."""
    sign = np.random.default_rng(0).choice([-1.0, 1.0], size=Z.shape)
    return Z * (1 + sign * np.finfo(float).eps)


def has_digits(Z, rounded):
    """Whether columns that vary do so by much more than rounding makes of them."""
    width, noise = np.ptp(Z, axis=0), abs(rounded - Z).max(axis=0)
    return not (noise > 1e-11 * width)[width > 0].any()


def dense(Z):
    """Return an array of numbers."""
    return Z.toarray() if hasattr(Z, "toarray") else np.asarray(Z, dtype=np.float64)


def append(rows, step, *, may_be_constant=False):
    """Fit a step and append it, if what it makes of the rows can be gone on with."""
    try:
        Z = dense(fit(step, rows.Z, rows.y[:, 0]).transform(rows.Z))
        rounded = dense(step.transform(round_otherwise(rows.rounded)))
    except FAILURES:
        return False
    if not (0 < Z.shape[1] <= WIDEST and np.isfinite(Z).all() and abs(Z).max() < 1e6):
        return False
    if not (may_be_constant or np.ptp(Z, axis=0).any()) or not has_digits(Z, rounded):
        return False
    rows.steps.append(step)
    rows.Z, rows.rounded = Z, rounded
    return True


def scaler(wants):
    """Return what scales rows to what is wanted."""
    between = RANGES.get(wants)
    return MinMaxScaler(feature_range=between) if between else StandardScaler()


def adjust(rows, wants):
    """Scale the rows to what is wanted, unless they are such."""
    if not suits(rows.Z, wants):
        append(rows, scaler(wants))


def between(X, seed, n=8):
    """Return rows between pairs of given ones, where kinks are as rare as elsewhere."""
    rng = np.random.default_rng(seed)
    one, other = np.asarray(X)[rng.permutation(len(X))[: 2 * n]].reshape(2, n, -1)
    return one + rng.uniform(0.1, 0.4, size=(n, 1)) * (other - one)
