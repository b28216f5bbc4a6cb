"""Random fitted pipelines of all that converts, and rows to differentiate them at."""

import warnings
from collections import Counter
from dataclasses import dataclass

import numpy as np
import pandas as pd
from hypothesis import assume, reject
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from .random_kinds import Kind
from .random_regressors import AROUND, OF_ONE, OF_TWO, REGRESSORS
from .random_rows import (
    FAILURES,
    adjust,
    append,
    between,
    data,
    fit,
    round_otherwise,
    scaler,
)
from .random_steps import STEPS, WITH_SCORES


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
    suitable = kinds(STEPS, "transform", d)
    found = draw(suitable.filter(lambda kind: kind.cls not in WITH_SCORES))
    step = draw(found.make(n, d))
    if found.wants == "any":
        return step
    return Pipeline([("scale", scaler(found.wants)), ("step", step)])


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
    # whose transform returns the predictions of the parts
    *(kind for kind in AROUND if kind.cls in OF_ONE),
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


def fit_regressor(draw, rows, found):
    """Scale the rows as a kind of regressors wants them, draw, fit and append one."""
    adjust(rows, found.wants)
    model = draw(found.make(*rows.shape))
    tags = get_tags(model).target_tags
    two = found.cls in OF_TWO or not tags.single_output
    if not two and tags.multi_output and found.cls not in OF_ONE:
        two = draw(st.booleans())
    try:
        fit(model, rows.Z, rows.y if two else rows.y[:, 0])
    except FAILURES:
        reject()
    values = model.predict(rows.Z), model.predict(round_otherwise(rows.rounded))
    # large coefficients that cancel leave few digits
    assume(abs(values[1] - values[0]).max() <= 1e-11 * abs(values[0]).max())
    rows.steps.append(model)


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
        fit_regressor(draw, rows, draw(kinds(REGRESSORS, "predict", rows.shape[1])))
    return as_case(rows, draw(st.integers(0, 2**31 - 1)))


def as_case(rows, seed):
    """Return the case of what has been fitted."""
    model = Pipeline([(f"step{i}", step) for i, step in enumerate(rows.steps)])
    case = Case(model, rows.X, None, Counter(classes(model)))
    case.points = case.like(between(rows.X, seed))
    return case


def classes(estimator):
    """Yield the names of the classes of an estimator and of all within it."""
    yield type(estimator).__name__
    for value in estimator.get_params(deep=True).values():
        if isinstance(value, BaseEstimator):
            yield type(value).__name__


@st.composite
def singles(draw, found, role):
    """Draw a fitted estimator of one kind, and rows for one of its methods."""
    rows = draw(data())
    rows.Z = rows.rounded = np.asarray(rows.Z)
    assume(found.least <= rows.shape[1] <= found.most)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if role == "predict":
            fit_regressor(draw, rows, found)
        else:
            adjust(rows, found.wants)
            before = rows.Z
            step = draw(found.make(*rows.shape))
            assume(append(rows, step, may_be_constant=True))
            rows.Z = rows.Z if role == "inverse_transform" else before
    return rows.steps[-1], between(rows.Z, draw(st.integers(0, 2**31 - 1)))
