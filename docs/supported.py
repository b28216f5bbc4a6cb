"""The tables of what is supported, made from the registry for the user guide."""

import warnings

from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer
from sklearn.utils import all_estimators

from sklearn_nnderiv._converters._groups import BOUND, REFUSED
from sklearn_nnderiv._converters._lookup import REGISTRY, group_of

# what these name is experimental, and not there without them
EXPERIMENTAL = enable_halving_search_cv, enable_iterative_imputer
ROLES = tuple(REGISTRY)


def public_module(cls):
    """Return the module that users import a class from."""
    return ".".join(part for part in cls.__module__.split(".") if part[0] != "_")


def converted():
    """Return rows of module, class, and converted methods, of scikit-learn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classes = [cls for _, cls in all_estimators()]
    rows = []
    for cls in classes:
        methods = [
            role
            for role in ROLES
            if group_of(cls, role) == "converted" and hasattr(cls, role)
        ]
        if methods:
            rows.append((public_module(cls), cls.__name__, ", ".join(methods)))
    return sorted(rows)


def as_table(header, rows):
    """Return a table in reST."""
    lines = [".. list-table::", "   :header-rows: 1", ""]
    for row in (header, *rows):
        first, *others = row
        lines += [f"   * - {first}", *(f"     - {cell}" for cell in others)]
    return "\n".join([*lines, ""])


def code(name):
    """Return a name in reST."""
    return f"``{name}``"


def tables():
    """Return the tables of the three groups, under headings."""
    known = [
        (code(module), code(name), methods.replace(", ", ",\u00a0"))
        for module, name, methods in converted()
    ]
    bound = [(code(name), what) for name, what in sorted(BOUND.items())]
    refused = [
        (code(f"{name}.{role}"), why.reason, why.remedy)
        for role, table in REFUSED.items()
        for name, why in sorted(table.items())
    ]
    parts = [
        ("Converted", ("module", "class", "methods"), known),
        ("Bound", ("class", "what it returns, which has no derivative"), bound),
        ("Refused", ("method", "reason", "remedy"), refused),
    ]
    sections = [
        f"{title}\n{'-' * len(title)}\n\n{as_table(header, rows)}"
        for title, header, rows in parts
    ]
    return "\n".join(sections)
