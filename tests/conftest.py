"""Settings that have to be made before scipy is imported, and small fixtures."""

import os

# scikit-learn's array API checks are skipped without it
os.environ.setdefault("SCIPY_ARRAY_API", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import numpy as np
import pytest


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def data(rng):
    """40 rows of three inputs in very different units, and two outputs."""
    u = rng.normal(size=(40, 3))
    X = u * [1.0, 100.0, 0.01] + [0.0, 300.0, 0.05]
    y = np.column_stack([np.sin(u[:, 0]) * 1e3, u[:, 1] * u[:, 2] + 3.0])
    return X, y
