"""Random fitted pipelines of all that converts, and rows to differentiate them at."""

import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from hypothesis import reject
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.utils import get_tags

from .random_regressors import OF_ONE, OF_TWO, REGRESSORS
from .random_steps import BY_CLASS, STEPS, Kind

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
    steps : list of estimators
        Fitted, those that a failed step was left out of included.
    """

    X: object
    y: np.ndarray
    Z: object
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
    return Data(X, y, X)


def suits(Z, wants):
    """Whether values are such as a kind of estimators wants."""
    Z = np.asarray(Z)
    if wants == "any":
        return True
    if wants == "unit":
        width = np.ptp(Z, axis=0)
        return abs(Z).max() < 8 and (width[width > 0] > 0.3).all()
    low, high = RANGES[wants]
    return Z.min() > 0.8 * low and Z.max() < 1.1 * high


def fit(estimator, Z, y):
    """Fit a step or a regressor."""
    return estimator.fit(Z, y > np.median(y) if isinstance(estimator, BY_CLASS) else y)


def has_digits(Z):
    """Whether columns vary by more than rounding, which scalers would make much of."""
    width, size = np.ptp(Z, axis=0), abs(Z).max(axis=0)
    faint = (width < 1e-4 * size) | (width < 1e-7 * size.max())
    return width.any() and size.max() < 1e6 and not faint[width > 0].any()


def append(rows, step):
    """Fit a step and append it, if what it makes of the rows can be gone on with."""
    try:
        Z = fit(step, rows.Z, rows.y[:, 0]).transform(rows.Z)
    except FAILURES:
        return False
    Z = Z.toarray() if hasattr(Z, "toarray") else np.asarray(Z, dtype=np.float64)
    if not (0 < Z.shape[1] <= WIDEST and np.isfinite(Z).all()):
        return False
    if not has_digits(Z):
        return False
    rows.steps.append(step)
    rows.Z = Z
    return True


def adjust(rows, wants):
    """Scale the rows to what is wanted."""
    if not suits(rows.Z, wants):
        between = RANGES.get(wants)
        append(
            rows, MinMaxScaler(feature_range=between) if between else StandardScaler()
        )


def kinds(groups, role, d):
    """Return a strategy of kinds that convert and take d columns, by their groups."""
    fitting = [
        [k for k in group if k.is_known(role) and k.least <= d <= k.most]
        for group in groups
    ]
    found = [st.sampled_from(group) for group in fitting if group]
    return st.one_of(found)


@st.composite
def branches(draw, n, d):
    """Draw a transformer that takes any values, to be put beside others."""
    found = draw(kinds(STEPS, "transform", d))
    step = draw(found.make(n, d))
    if found.wants == "any":
        return step
    between = RANGES.get(found.wants)
    scaler = MinMaxScaler(feature_range=between) if between else StandardScaler()
    return Pipeline([("scale", scaler), ("step", step)])


@st.composite
def unions(draw, n, d):
    """Draw a FeatureUnion of two transformers."""
    pair = [("a", draw(branches(n, d))), ("b", draw(branches(n, d)))]
    pair += draw(st.sampled_from([[], [("c", "passthrough")], [("c", "drop")]]))
    weights = draw(st.sampled_from([None, {"a": 0.5}, {"a": 2.0, "b": -1.0}]))
    return FeatureUnion(pair, transformer_weights=weights)


@st.composite
def column_transformers(draw, n, d):
    """Draw a ColumnTransformer whose columns are chosen in one of many ways."""
    first = draw(st.integers(1, d))
    second = draw(st.integers(0, d - 1))
    width = d - second
    ways = [slice(0, first), list(range(first)), [j < first for j in range(d)]]
    parts = [
        ("a", draw(branches(n, first)), draw(st.sampled_from(ways))),
        ("b", draw(branches(n, width)), list(range(second, d))[::-1]),
    ]
    return ColumnTransformer(
        parts,
        remainder=draw(st.sampled_from(["drop", "passthrough", StandardScaler()])),
        transformer_weights=draw(st.sampled_from([None, {"b": 3.0}])),
    )


NESTED = [
    Kind(FeatureUnion, unions, most=5),
    Kind(ColumnTransformer, column_transformers, most=8),
]


@st.composite
def transformers(draw, n, d):
    """Draw what a step may be, and its kind."""
    found = draw(kinds([*STEPS, NESTED], "transform", d))
    return found, draw(found.make(n, d))


@dataclass
class Case:
    """A fitted regressor and where to look at it.

    Attributes
    ----------
    model : Pipeline
    X : ndarray or DataFrame
        The rows of the fit.
    points : ndarray or DataFrame
        Rows between these.
    used : Counter
        Names of the classes of which it consists.
    """

    model: BaseEstimator
    X: object
    points: object
    used: Counter

    def predict(self, rows):
        """Return predictions of shape (n, n_outputs) of an array of rows."""
        return self.model.predict(self.like(rows)).reshape(len(rows), -1)

    def like(self, rows):
        """Return rows of the kind that the pipeline was fitted on."""
        if isinstance(self.X, pd.DataFrame):
            return pd.DataFrame(rows, columns=self.X.columns)
        return rows

    def __repr__(self):
        return f"Case({self.model!r}, X of shape {self.X.shape})"


def fit_regressor(draw, rows):
    """Draw a regressor, scale the rows as it wants them, fit and append it."""
    found = draw(kinds(REGRESSORS, "predict", rows.shape[1]))
    adjust(rows, found.wants)
    model = draw(found.make(*rows.shape))
    tags = get_tags(model).target_tags
    two = found.cls in OF_TWO or not tags.single_output
    if not two and tags.multi_output and found.cls not in OF_ONE:
        two = draw(st.booleans())
    try:
        rows.steps.append(fit(model, rows.Z, rows.y if two else rows.y[:, 0]))
    except FAILURES:
        reject()


@st.composite
def cases(draw):
    """Draw a pipeline of one to five steps and a regressor, fitted."""
    rows = draw(data())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(draw(st.integers(1, 5))):
            found, step = draw(transformers(*rows.shape))
            adjust(rows, found.wants)
            if rows.shape[1] >= found.least:
                append(rows, step)
        fit_regressor(draw, rows)
    return as_case(rows, draw(st.integers(0, 2**31 - 1)))


def as_case(rows, seed):
    """Return the case of what has been fitted."""
    model = Pipeline([(f"step{i}", step) for i, step in enumerate(rows.steps)])
    rng = np.random.default_rng(seed)
    X = np.asarray(rows.X)
    one, other = X[rng.permutation(len(X))[:16]].reshape(2, 8, -1)
    points = one + rng.uniform(0.1, 0.4, size=(8, 1)) * (other - one)
    case = Case(model, rows.X, points, Counter(classes(model)))
    case.points = case.like(points)
    return case


def classes(estimator):
    """Yield the names of the classes of an estimator and of all within it."""
    yield type(estimator).__name__
    for value in estimator.get_params(deep=True).values():
        if isinstance(value, BaseEstimator):
            yield type(value).__name__
