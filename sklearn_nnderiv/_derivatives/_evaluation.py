"""From a fitted object and rows to values and derivatives, chunk by chunk."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.validation import check_array, check_is_fitted
from torch import nn

from .._converters import Bound, Role, bind
from .._engines import evaluate
from .._table import ArrayTable, Table, table_of
from .._validation import Array, warn_of_nan
from ._cache import remembered
from ._checks import check_bound, check_rows
from ._columns import chunks
from ._methods import role_of
from ._undefined import mark_undefined, mark_unknown, without_undefined


def derivatives(
    fitted: Any, X: Any, *names: str, along: Any = None, method: str = "auto"
) -> list[Array]:
    """Return what `evaluate` computes under these names, in the shapes of predict.

    Parameters
    ----------
    fitted : estimator or torch.nn.Module
    X : array-like or frame of shape (n, d)
    *names : str
        Keys of what `evaluate` computes.
    along : array-like, default=None
        Directions or cotangents, if there are any.
    method : {"auto", "predict", "transform", "inverse_transform"}, default="auto"
        The method that is differentiated.
    """
    if not isinstance(fitted, nn.Module):
        check_is_fitted(fitted)
    role = role_of(fitted, method)
    table = table_of(X)
    _check_width(fitted, role, table)
    make = partial(_make, fitted, role, table)
    bound, is_flat = remembered(fitted, role, table, make)
    sizes = len(table), bound.function.n_out, table.width
    if along is not None:
        along = _check_along(along, names[0], sizes, is_flat=is_flat)
    run = _Run(fitted, role, bound, along)
    results = {name: np.empty(_shape(name, *sizes)) for name in names}
    warn_of_nan(run.fill(table, results), len(table))
    return [
        result[:, 0] if is_flat and name != "vjp" else result
        for name, result in results.items()
    ]


def _make(fitted: Any, role: Role, table: Table) -> tuple[Bound, bool]:
    """Return the bound map of a fitted object, and whether its output is 1-D."""
    with torch.inference_mode(False):  # whose tensors could not be differentiated
        bound = bind(fitted, table, role)
        is_flat = check_bound(fitted, role, bound, table)
    bound.forget_rows()
    return bound, is_flat


def _shape(name: str, n: int, k: int, d: int) -> tuple[int, ...]:
    return {
        "values": (n, k),
        "jacobian": (n, k, d),
        "hessian": (n, k, d, d),
        "laplacian": (n, k),
        "jvp": (n, k),
        "vjp": (n, d),
        "hvp": (n, k, d),
    }[name]


def _check_width(fitted: Any, role: Role, table: Table) -> None:
    """Raise in scikit-learn's words; of frames, names are compared later."""
    expected = getattr(fitted, "n_features_in_", table.width)
    is_array = isinstance(table, ArrayTable)
    if is_array and expected != table.width and role != "inverse_transform":
        raise ValueError(
            f"X has {table.width} features, but {type(fitted).__name__} is expecting "
            f"{expected} features as input."
        )


def _check_along(
    along: Any, name: str, sizes: tuple[int, int, int], *, is_flat: bool
) -> Array:
    """Return directions or cotangents, checked to have one for every row."""
    n, k, d = sizes
    letter = "U" if name == "vjp" else "V"
    along = check_array(
        along,
        dtype=np.float64,
        order="C",
        ensure_2d=False,
        allow_nd=True,
        input_name=letter,
    )
    expected: tuple[int, ...] = (n, d)
    if name == "vjp":
        expected = (n,) if is_flat else (n, k)
    if along.shape != expected:
        of = "the predictions" if name == "vjp" else "X"
        raise ValueError(
            f"{letter} must have the shape {expected} of {of}. Got {along.shape} "
            "instead."
        )
    return along.reshape(n, -1)


class _Run:
    """Fills results with what a bound map gives, chunk by chunk.

    Parameters
    ----------
    fitted, role, bound
        What is differentiated, and its map.
    along : ndarray or None
        Directions (n, d) or cotangents (n, n_out).
    """

    def __init__(
        self, fitted: Any, role: Role, bound: Bound, along: Array | None
    ) -> None:
        self.fitted, self.role, self.bound, self.along = fitted, role, bound, along
        self._seen: set[bytes] = set()

    def fill(self, table: Table, results: dict[str, Array]) -> int:
        """Compute results; return how many rows have values that are NaN."""
        n_unknown = 0
        k, a = self.bound.function.n_out, len(self.bound.active)
        numbers = sum(int(np.prod(_shape(name, 1, k, a))) for name in results)
        for rows in chunks(table, self.bound, numbers):
            out = {name: result[rows] for name, result in results.items()}
            along = None if self.along is None else self.along[rows]
            n_unknown += self._fill(table.take(rows), out, along)
        return n_unknown

    def _fill(self, table: Table, out: dict[str, Array], along: Array | None) -> int:
        """Compute the results of a chunk."""
        numbers = table.numbers()
        inputs = self.bound.inputs(table, numbers)
        undefined = self.bound.undefined(table, numbers)
        has_gaps = not np.isfinite(numbers.sum())
        if has_gaps:
            self._check_accepted(table, numbers)
        targets = self._targets(out)
        is_unknown = self._compute(inputs, targets, self._active(along, out, undefined))
        for name, result in out.items():
            self._spread(name, targets, result)
            mark_unknown(name, result, is_unknown)
            if undefined.any():
                mark_undefined(name, result, undefined, along)
        known = np.isfinite(inputs).all(axis=1) if has_gaps else True
        return int((is_unknown.any(axis=1) & known).sum())

    def _targets(self, out: dict[str, Array]) -> dict[str, Array]:
        """Return where to write values, and derivatives by the active columns."""
        n, k = len(next(iter(out.values()))), self.bound.function.n_out
        targets = {}
        for name, result in out.items():
            if self.bound.is_plain or name == "values":
                targets[name] = result
            elif len(self.bound.active):
                shape = _shape(name, n, k, len(self.bound.active))
                targets[name] = np.empty(shape)
        # at last: a derivative knows the values
        values = targets.pop("values", None)
        targets["values"] = np.empty((n, k)) if values is None else values
        return targets

    def _active(
        self, along: Array | None, names: Any, undefined: NDArray[np.bool_]
    ) -> Array | None:
        """Return directions in the active columns; cotangents as they are."""
        if along is None or "vjp" in names:
            return along
        return without_undefined(along, undefined)[:, self.bound.active]

    def _compute(
        self, inputs: Array, targets: dict[str, Array], along: Array | None
    ) -> NDArray[np.bool_]:
        """Write values and derivatives; return which values are NaN."""
        function, n_active = self.bound.function, len(self.bound.active)
        values = targets["values"]
        if not evaluate(function, inputs, targets, along, n_active=n_active):
            return np.zeros(values.shape, dtype=bool)
        return np.isnan(values)

    def _spread(self, name: str, targets: dict[str, Array], out: Array) -> None:
        """Write what was computed by the active columns among all columns."""
        if targets.get(name) is out:
            return
        columns = self.bound.active
        out[...] = 0
        if name not in targets:
            return
        if name == "hessian":
            out[:, :, columns[:, None], columns] = targets[name]
        elif name in ("laplacian", "jvp"):
            out[...] = targets[name]
        else:
            out[..., columns] = targets[name]

    def _check_accepted(self, table: Table, numbers: Array) -> None:
        """Let the fitted object refuse missing and infinite numbers, or compare."""
        kinds = np.isnan(numbers) + 2 * np.isposinf(numbers) + 4 * np.isneginf(numbers)
        rows = np.flatnonzero(kinds.any(axis=1))
        patterns, first = np.unique(kinds[rows], axis=0, return_index=True)
        new = [
            row
            for pattern, row in zip(patterns, rows[first], strict=True)
            if pattern.tobytes() not in self._seen
        ]
        if new:
            self._seen.update(pattern.tobytes() for pattern in patterns)
            what = "rows with missing or infinite numbers"
            check_rows(self.fitted, self.role, self.bound, table.take(new), what)
