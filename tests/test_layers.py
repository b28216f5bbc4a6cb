"""Imports go downwards only, and private names of scikit-learn stay in one file."""

import ast
from pathlib import Path

import pytest

import sklearn_nnderiv

ROOT = Path(sklearn_nnderiv.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# from bottom to top; a room may import from those before it, and from itself
ROOMS = [
    "exceptions",
    "_sklearn_compat",
    "_validation",
    "_table",
    "_elementwise",
    "_maps",
    "_converters",
    "_scaling",
    "_engines",
    "_training",
    "_parameters",
    "_choices",
    "_intervals",
    "_reference",
    "_assembly",
    "_regressor",
    "_derivatives",
    "_uncertainty",
    "functional",
    "_carried",
    "_pipeline",
    "_comparison",
    "metrics",
    "inspection",
    "__init__",
]
THIRD_PARTIES = {
    "exceptions": set(),
    "_sklearn_compat": {"numpy", "sklearn"},
    "_validation": {"numpy", "sklearn", "torch"},
    "_table": {"numpy", "sklearn"},
    "_elementwise": {"numpy", "scipy", "torch"},
    "_maps": {"numpy", "torch"},
    "_converters": {"numpy", "sklearn", "torch"},
    "_scaling": {"numpy", "sklearn"},
    "_engines": {"numpy", "threadpoolctl", "torch"},
    "_training": {"joblib", "numpy", "scipy", "skorch", "torch", "tqdm"},
    "_parameters": {"numpy", "skorch", "sklearn", "torch"},
    "_choices": set(),
    "_intervals": {"numpy", "torch"},
    "_reference": {"numpy"},
    "_assembly": {"numpy", "sklearn", "torch"},
    "_regressor": {"numpy", "skorch", "sklearn", "torch"},
    "_derivatives": {"numpy", "skorch", "sklearn", "torch"},
    "_uncertainty": {"numpy", "sklearn", "torch"},
    "functional": {"torch"},
    "_carried": {"numpy", "sklearn"},
    "_pipeline": {"numpy", "sklearn"},
    "_comparison": {"numpy", "sklearn"},
    "metrics": {"numpy", "sklearn"},
    "inspection": {
        "matplotlib",
        "numpy",
        "openmdao",
        "pandas",
        "scipy",
        "sklearn",
        "torch",
        "tqdm",
        "xarray",
    },
    "__init__": set(),
}
STANDARD_LIBRARY = __import__("sys").stdlib_module_names


def room(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path):
    """Yield the dotted names that a file imports, absolute, with the names taken."""
    package = ["sklearn_nnderiv", *path.relative_to(ROOT).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def test_every_file_is_in_a_room():
    assert {room(path) for path in FILES} == set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_downwards(path):
    own = room(path)
    allowed = set(ROOMS[: ROOMS.index(own) + 1])
    for module, name in imports(path):
        top, *rest = module.split(".")
        if top == "sklearn_nnderiv":
            target = rest[0] if rest else name
            assert target in allowed, f"{own} imports {target}"
        elif top not in STANDARD_LIBRARY:
            assert top in THIRD_PARTIES[own], f"{own} imports {top}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_private_names_of_scikit_learn_stay_in_one_file(path):
    if path.name == "_sklearn_compat.py":
        return
    for module, name in imports(path):
        if module.split(".")[0] == "sklearn":
            parts = [*module.split("."), *([name] if name else [])]
            assert not any(part.startswith("_") for part in parts), (module, name)
