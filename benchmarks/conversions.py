"""Every converter: smoothness, and how far values and Jacobian are from scikit-learn's.

The configurations are random, those of the property tests. Values are held against the
method's own, relative to the largest of each output, or a thousandth of all outputs'.
Jacobians are held against central differences of the method, relative to the largest
entry of each input and output, or a millionth of the values in units of the inputs'
spread; where differences with half the step are the same.
"""

import argparse
import sys
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, reject, settings
from hypothesis.errors import Unsatisfiable

sys.path.insert(0, str(Path(__file__).parent.parent))  # of the tests

from sklearn_nnderiv._converters import convert
from sklearn_nnderiv._engines import evaluate
from sklearn_nnderiv.exceptions import NotConvertibleError
from tests.oracles import steady_differences
from tests.random_kinds import nearest
from tests.random_pipelines import NESTED, singles
from tests.random_regressors import REGRESSORS
from tests.random_steps import STEPS

ROLES = ("transform", "inverse_transform", "predict")


@dataclass
class Row:
    """What was found of one method of a class."""

    n: int = 0
    smoothness: set = field(default_factory=set)
    value: float = 0.0
    slope: float = 0.0


def method(estimator, role):
    """Return a method as a function of arrays that gives arrays (n, n_out)."""

    def call(X):
        result = getattr(estimator, role)(X)
        result = result.toarray() if hasattr(result, "toarray") else np.asarray(result)
        return result.astype(np.float64).reshape(len(X), -1)

    return call


def relative(difference, size):
    """Return the largest relative difference, of what is not zero throughout."""
    part = np.divide(difference, size, out=np.zeros_like(difference), where=size != 0)
    return float(part.max(initial=0))


def add(row, estimator, points, role):
    """Add one configuration to a row."""
    function, call = convert(estimator, role), method(estimator, role)
    n, k, d = len(points), function.n_out, function.n_in
    values, slopes = np.empty((n, k)), np.empty((n, k, d))
    evaluate(function, points, {"values": values, "jacobian": slopes})
    expected = call(points)
    row.n += 1
    row.smoothness.add(function.smoothness)
    size = np.maximum(abs(expected).max(axis=0), 1e-3 * abs(expected).max(initial=0))
    row.value = np.maximum(row.value, relative(abs(values - expected), size))
    spread = np.where(np.ptp(points, axis=0) > 0, points.std(axis=0), 1.0)
    truth, error = steady_differences(call, points, 0.2 * spread)
    size = np.maximum(
        np.maximum(abs(truth), abs(slopes)).max(axis=0), 1e-6 * size[:, None] / spread
    )
    difference = np.where(error >= 1e-7 * size, 0.0, abs(slopes - truth))
    row.slope = np.maximum(row.slope, relative(difference, size))


def measure(kind, role, n_examples, row):
    """Add random configurations of a kind to a row."""

    @settings(
        max_examples=n_examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(singles(kind, role))
    def one(pair):
        try:
            add(row, *pair, role)
        except NotConvertibleError:  # some settings are
            reject()

    # all of few may be refused: the row then shows that there are none
    with suppress(Unsatisfiable):
        one()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few configurations")
    n_examples = 3 if parser.parse_args().quick else 20
    warnings.simplefilter("ignore")
    print("largest relative error of values and slopes, over n configurations")
    head = f"{'class':30} {'role':18} {'smoothness':20} {'n':>3}"
    print(f"{head} {'values':>8} {'slopes':>8}")
    for role in ROLES:
        groups = REGRESSORS if role == "predict" else [*STEPS, NESTED]
        rows = {}
        for kind in (kind for group in groups for kind in group):
            if hasattr(kind.cls, role) and nearest(kind.cls, role):
                row = rows.setdefault(kind.cls.__name__, Row())
                measure(kind, role, n_examples, row)
        for name, row in sorted(rows.items()):
            found = f"{row.value:8.0e} {row.slope:8.0e}" if row.n else " refused"
            smoothness = ", ".join(sorted(row.smoothness))
            print(f"{name:30} {role:18} {smoothness:20} {row.n:3} {found}", flush=True)


if __name__ == "__main__":
    main()
