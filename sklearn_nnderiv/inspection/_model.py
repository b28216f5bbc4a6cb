"""A fitted estimator and rows, with names, evaluated chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from torch import nn
from tqdm.auto import tqdm

from .. import functional
from .._table import Table, table_of
from .._validation import Array, check_weights

# numbers of a chunk's Jacobian: 8 MiB
_CHUNK_SIZE = 2**20
# rows by which a model shows what it returns
_N_FIRST = 100


class Model:
    """A fitted estimator and rows, with the names of features and outputs.

    Parameters
    ----------
    estimator : estimator or torch.nn.Module
        Anything that `sklearn_nnderiv.jacobian` takes.
    X : array-like or frame of shape (n_samples, n_features)
    feature_names, output_names : sequence of str, default=None
        Names that replace those of X, and "y", or "y0", "y1" and so on.

    Attributes
    ----------
    table : Table
        The rows.
    n_features, n_outputs : int
    is_flat : bool
        Whether `predict` returns one dimension.
    has_slopes : ndarray of bool of shape (n_features,)
        By which features there is a derivative, judged by the first rows that have a
        number there.
    feature_names, output_names : list of str
    """

    def __init__(
        self,
        estimator: Any,
        X: Any,
        *,
        feature_names: Sequence[Any] | None = None,
        output_names: Sequence[Any] | None = None,
    ) -> None:
        self.estimator = estimator
        self.table = table_of(X)
        first = functional.jacobian(estimator, self.table.take(slice(0, _N_FIRST)).X)
        self.is_flat = first.ndim == 2
        self.n_outputs = 1 if self.is_flat else first.shape[1]
        self.n_features = first.shape[-1]
        self.feature_names = chosen_names(
            feature_names, "feature_names", self._default_features()
        )
        self.output_names = chosen_names(
            output_names, "output_names", default_outputs(self.n_outputs)
        )
        self.has_slopes = self._have_slopes(first.reshape(-1, self.n_features))

    def of(self, estimator: Any) -> Self:
        """Return the same for another estimator that takes and returns the same."""
        other = copy(self)
        other.estimator = estimator
        return other

    def _have_slopes(self, first: Array) -> NDArray[np.bool_]:
        """Return which features (n_features,) have derivatives, from some of these."""
        have = np.array(~np.isnan(first).all(axis=0))
        # at a missing cell there is none, whatever the column is
        head = self.table.numbers(slice(0, _N_FIRST))
        for j in np.flatnonzero(np.isnan(head).all(axis=0)).tolist():
            known = np.flatnonzero(~np.isnan(self.table.numbers()[:, j]))
            if len(known):
                some = self.table.take(known[:_N_FIRST])
                have[j] = not np.isnan(self.jacobian(some)[..., j]).all()
        return have

    def _default_features(self) -> list[str]:
        names = self.table.names
        if names is None:
            names = getattr(self.estimator, "feature_names_in_", None)
        if names is None or len(names) != self.n_features:
            return [f"x{j}" for j in range(self.n_features)]
        return [str(name) for name in names]

    def feature_index(self, feature: Any) -> int:
        """Return the place of a feature that is given by its name or its place."""
        return _index(feature, self.feature_names, "feature")

    def output_index(self, output: Any) -> int:
        """Return the place of an output; None stands for the only one."""
        return output_index(output, self.output_names)

    def values(self, table: Table) -> Array:
        """Return predictions (n, n_outputs)."""
        if isinstance(self.estimator, nn.Module):
            return self.with_jacobian(table)[0]
        values = np.asarray(self.estimator.predict(table.X), dtype=np.float64)
        return values.reshape(len(table), self.n_outputs)

    def jacobian(self, table: Table) -> Array:
        """Return derivatives (n, n_outputs, n_features)."""
        jacobian = functional.jacobian(self.estimator, table.X)
        return jacobian.reshape(len(table), self.n_outputs, self.n_features)

    def with_jacobian(self, table: Table) -> tuple[Array, Array]:
        """Return predictions (n, n_outputs) and their derivatives."""
        values, jacobian = functional.value_and_jacobian(self.estimator, table.X)
        shape = len(table), self.n_outputs
        return values.reshape(shape), jacobian.reshape(*shape, self.n_features)

    def hessian(self, table: Table) -> Array:
        """Return second derivatives (n, n_outputs, n_features, n_features)."""
        hessian = functional.hessian(self.estimator, table.X)
        d = self.n_features
        return hessian.reshape(len(table), self.n_outputs, d, d)

    def chunks(
        self,
        what: str,
        verbose: int | bool = 0,
        *,
        order: int = 1,
        table: Table | None = None,
    ) -> Iterator[tuple[slice, Table]]:
        """Yield parts of the rows, whose derivatives of an order fit into memory.

        Parameters
        ----------
        what : str
            The name of the work in the progress bar.
        verbose : int or bool, default=0
            Whether to show one.
        order : int, default=1
            2 for Hessians.
        table : Table, default=None
            Other rows than the model's own.
        """
        table = self.table if table is None else table
        for rows in self.slices(len(table), what, verbose, order=order):
            yield rows, table.take(rows)

    def slices(
        self, n: int, what: str, verbose: int | bool = 0, *, order: int = 1
    ) -> Iterator[slice]:
        """Yield the places of n rows in parts, as `chunks` does of its rows."""
        size = max(1, _CHUNK_SIZE // (self.n_outputs * self.n_features**order))
        with tqdm(total=n, disable=not verbose, desc=what, unit="rows") as bar:
            for start in range(0, n, size):
                rows = slice(start, min(start + size, n))
                yield rows
                bar.update(rows.stop - rows.start)

    def weight(self, sample_weight: Any) -> Array:
        """Return checked weights (n,) of the rows, ones in place of None."""
        return check_weights(sample_weight, np.empty((len(self.table), 1)))


def chosen_names(names: Any, parameter: str, default: list[str]) -> list[str]:
    """Return names that were given, checked to be as many as those of the default."""
    if names is None:
        return default
    names = [str(name) for name in names]
    if len(names) != len(default):
        raise ValueError(
            f"`{parameter}` must have {len(default)} names. Got {len(names)}: {names}."
        )
    if len(set(names)) < len(names):
        raise ValueError(f"`{parameter}` must be distinct. Got {names}.")
    return names


def output_index(output: Any, names: list[str]) -> int:
    """Return the place of an output among names; None stands for the only one."""
    if output is None:
        if len(names) > 1:
            raise ValueError(
                f"The estimator has {len(names)} outputs, {names}. Say which one by "
                "`target`."
            )
        return 0
    return _index(output, names, "target")


def default_outputs(n_outputs: int) -> list[str]:
    """Return names of outputs that have none."""
    return ["y"] if n_outputs == 1 else [f"y{k}" for k in range(n_outputs)]


def _index(given: Any, names: list[str], what: str) -> int:
    if isinstance(given, str):
        if given in names:
            return names.index(given)
        raise ValueError(f"There is no {what} {given!r}. The names are {names}.")
    n = len(names)
    if isinstance(given, int | np.integer) and not isinstance(given, bool):
        if -n <= given < n:
            return int(given) % n
        raise ValueError(f"There is no {what} {given}: there are {n}, {names}.")
    raise ValueError(f"A {what} is given by its name or its place. Got {given!r}.")
