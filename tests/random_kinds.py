"""How to draw an estimator of a class, with parameters that its data allow."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from inspect import getattr_static

from hypothesis import strategies as st

from sklearn_nnderiv._converters._lookup import REGISTRY


@dataclass(frozen=True)
class Kind:
    """A class of estimators and how to draw one.

    Attributes
    ----------
    cls : type
    make : callable
        From the numbers of rows and columns to a strategy of unfitted estimators.
    wants : {"any", "unit", "positive", "fraction"}
        What values it is fitted on: any, of size one, also positive, between 0 and 1.
    least, most : int
        Numbers of columns for which it is drawn.
    """

    cls: type
    make: Callable
    wants: str = "any"
    least: int = 1
    most: int = 40

    def is_known(self, role):
        """Whether there is a converter for that method of the class."""
        return nearest(self.cls, role) is not None


def registered(role):
    """Return the classes that are registered, without those known by name only."""
    return [cls for cls in REGISTRY[role] if isinstance(cls, type)]


def nearest(cls, role):
    """Return the registered class whose converter serves a class, or None."""
    for ancestor in cls.__mro__:
        if ancestor in registered(role):
            same = getattr_static(cls, role) is getattr_static(ancestor, role)
            return ancestor if same else None
    return None


def kind(cls, wants="any", least=1, most=40, **parameters):
    """Return a kind whose parameters are strategies, or functions (n, d) to them."""
    # some are there since a later version of scikit-learn only
    known = inspect.signature(cls).parameters

    def make(n, d):
        resolved = {
            name: value(n, d) if inspect.isfunction(value) else value
            for name, value in parameters.items()
            if name in known
        }
        return st.builds(cls, **resolved)

    return Kind(cls, make, wants, least, most)


def one_of(*values):
    return st.sampled_from(values)


def up_to_columns(n, d):
    return st.integers(1, d)


unit = partial(kind, wants="unit")
YES_OR_NO = st.booleans()
SEEDS = st.integers(0, 9)
