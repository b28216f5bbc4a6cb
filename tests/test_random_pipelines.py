"""Random pipelines against their own predictions and differences of these."""

import warnings
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_nnderiv import jacobian, to_torch, value_and_jacobian

from .oracles import steady_differences
from .random_kinds import nearest, registered
from .random_pipelines import NESTED, Case, cases
from .random_regressors import REGRESSORS
from .random_steps import STEPS


def check_values(case, values):
    """Raise unless values are those of predict, to 1e-9 of the largest.

    More is admitted where a converter states by how much scikit-learn itself is off.
    """
    expected = case.predict(np.asarray(case.points))
    values = values.reshape(expected.shape)
    assert np.isfinite(expected).all()
    relative = max(1e-9, to_torch(case.model).tolerance[0])
    assert (abs(values - expected) <= relative * abs(expected).max(axis=0)).all()


def check_jacobian(case, result, counts):
    """Raise unless a Jacobian is that of differences, to 1e-5 of its largest entry.

    Left out is what differences cannot tell: where those with half the step are others
    than those with the whole.
    """
    points = np.asarray(case.points)
    scale = 0.2 * np.asarray(case.X).std(axis=0)
    truth, error = steady_differences(case.predict, points, scale)
    result = result.reshape(truth.shape)
    assert np.isfinite(result).all()
    size = np.maximum(abs(truth), abs(result)).max(axis=0)
    known = error <= 1e-6 * size
    # a slope too small to change the last digit of a value is none to differences
    last_digit = 1e-15 * abs(case.predict(points)).max(axis=0)[:, None] / (1e-4 * scale)
    assert (abs(result - truth) <= 1e-5 * size + last_digit)[known].all()
    counts["all"] += known.size
    counts["known"] += int(known.sum())
    counts.update(case.used)


def check_one_row(case, result):
    """Raise unless the Jacobian of the first row alone is what it is among others."""
    row = case.points[:1]
    try:
        size = abs(case.model.predict(row)).max() / np.asarray(case.X).std(axis=0)
    except ValueError:
        return  # not all steps of scikit-learn's take a single row
    difference = abs(jacobian(case.model, row) - result[:1])
    assert (difference <= 1e-9 * abs(result).max() + 1e-12 * size).all()


def check(case, counts):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        values, result = value_and_jacobian(case.model, case.points)
        check_values(case, values)
        check_jacobian(case, result, counts)
        check_one_row(case, result)


def run(n, **options):
    """Check n random pipelines; return how much was seen."""
    counts = Counter()

    @settings(
        max_examples=n,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
        **options,
    )
    @given(cases())
    def one(case):
        check(case, counts)

    one()
    return counts


def test_random_pipelines():
    counts = run(100, derandomize=True)
    assert counts["known"] > 0.9 * counts["all"]


@pytest.mark.slow
def test_random_pipelines_long():
    counts = run(2000)
    assert counts["known"] > 0.9 * counts["all"]


def test_a_wrong_slope_is_seen(rng):
    X = rng.normal(size=(30, 2))
    model = make_pipeline(StandardScaler(), Ridge()).fit(X, np.sin(X[:, 0]) + X[:, 1])
    case = Case(model, X, X[:5], Counter())
    values, result = value_and_jacobian(model, X[:5])
    check_values(case, values)
    check_jacobian(case, result, Counter())
    with pytest.raises(AssertionError):
        check_values(case, values * (1 + 1e-8))
    with pytest.raises(AssertionError):
        check_jacobian(case, result * (1 + 1e-4), Counter())


# around others, or of inputs that no random pipeline has
LEFT_OUT = {
    "transform": {
        "BaseSearchCV",
        "FrozenEstimator",
        "IsotonicRegression",
        "KNNImputer",
        "KernelCenterer",
        "Pipeline",
        "TfidfTransformer",
    },
    "predict": {"FrozenEstimator", "Pipeline"},
}


@pytest.mark.parametrize("role", ["transform", "predict"])
def test_everything_that_is_registered_can_be_drawn(role):
    groups = [*STEPS, NESTED] if role == "transform" else REGRESSORS
    drawn = {nearest(kind.cls, role) for group in groups for kind in group}
    classes = [cls for cls in registered(role) if cls.__module__.startswith("sklearn.")]
    assert len(classes) > 5
    missing = {cls.__name__ for cls in classes if cls not in drawn}
    assert missing <= LEFT_OUT[role]
