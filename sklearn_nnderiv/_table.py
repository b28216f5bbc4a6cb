"""Rows of arrays and of frames: which columns are numbers, and what the numbers are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_array

from ._validation import Array, Index

# dtypes of numbers: bool, int, unsigned, float
_NUMBERS = "biuf"
_WHOLE = "biu"


class Table(ABC):
    """Rows of columns, some of which may not be numbers.

    Parameters
    ----------
    X : array or frame
    is_number : ndarray of bool of shape (width,), default=None
        Which columns are numbers, if that is known from more rows.
    """

    def __init__(self, X: Any, is_number: NDArray[np.bool_] | None = None) -> None:
        self.X = X
        if is_number is None:
            is_number = np.array(self._are_numbers(), dtype=bool)
        self.is_number = is_number

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.X.shape[0])

    @property
    def width(self) -> int:
        """Return the number of columns."""
        return int(self.X.shape[1])

    @property
    def names(self) -> list[Any] | None:
        """Return the names of the columns, if there are any."""
        columns = getattr(self.X, "columns", None)
        return None if columns is None else list(columns)

    def take(self, rows: Any) -> Self:
        """Return some rows, given by a slice or by their places."""
        return type(self)(self._rows(rows), self.is_number)

    @abstractmethod
    def are_discrete(self) -> NDArray[np.bool_]:
        """Return which columns (width,) are whole numbers or truths by their dtype.

        An array of numbers has one dtype, which says nothing of single columns, unless
        it is of truths.
        """

    @abstractmethod
    def column(self, column: int) -> list[Any]:
        """Return the values of a column as Python's objects."""

    def levels(self, column: int) -> dict[Any, int]:
        """Return the distinct values of a column, in order, and a row of each.

        Missing ones are left out. The order is that of the dtype's categories, if it
        has any, otherwise that of the sorted values.
        """
        first: dict[Any, int] = {}
        for row, value in enumerate(self.column(column)):
            if value not in first and not is_missing(value):
                first[value] = row
        categories = self._categories(column)
        if categories is not None:
            return {c: first[c] for c in list(categories) if c in first}
        try:
            return dict(sorted(first.items()))
        except TypeError:  # of kinds that do not compare
            return dict(sorted(first.items(), key=lambda item: str(item[0])))

    def _categories(self, column: int) -> Any:
        """Return the categories of a column by its dtype, if it has any."""
        return None

    @abstractmethod
    def cell(self, row: int, column: int) -> Any:
        """Return what stands somewhere, as `with_cell` takes it."""

    @abstractmethod
    def with_cell(self, column: int, cell: Any) -> Self:
        """Return the table with the same in all rows of a column."""

    @abstractmethod
    def _are_numbers(self) -> list[bool]:
        """Return which columns are numbers."""

    @abstractmethod
    def _rows(self, rows: Any) -> Any:
        """Return some rows of X."""

    @abstractmethod
    def numbers(self, rows: slice = slice(None)) -> Array:
        """Return rows (n, width) in float64, with 0 in columns of other things."""

    @abstractmethod
    def replaced(self, columns: Index, values: Array) -> Self:
        """Return the table with other numbers (n, n_columns) in some columns."""


class ArrayTable(Table):
    """An array of one dtype.

    Parameters
    ----------
    X : ndarray of shape (n, width)
    """

    def _are_numbers(self) -> list[bool]:
        if self.X.dtype.kind == "O":
            return [_are_numbers(column) for column in self.X.T]
        return [self._is_plain] * self.width

    def _rows(self, rows: Any) -> Any:
        return self.X[rows]

    @property
    def _is_plain(self) -> bool:
        return self.X.dtype.kind in _NUMBERS

    def numbers(self, rows: slice = slice(None)) -> Array:
        """Return rows (n, width) in float64, with 0 in columns of other things."""
        part = self.X[rows]
        if self._is_plain:
            return np.ascontiguousarray(part, dtype=np.float64)
        numbers = np.zeros(part.shape)
        numbers[:, self.is_number] = part[:, self.is_number].astype(np.float64)
        return numbers

    def replaced(self, columns: Index, values: Array) -> Self:
        """Return the table with other numbers (n, n_columns) in some columns."""
        X = self.X.astype(np.float64 if self._is_plain else object)
        X[:, columns] = values
        return type(self)(X, self.is_number)

    def are_discrete(self) -> NDArray[np.bool_]:
        """Return which columns (width,) are whole numbers or truths by their dtype."""
        if self.X.dtype.kind == "O":
            return np.array([_are_whole(column) for column in self.X.T])
        return np.full(self.width, self.X.dtype.kind == "b")

    def column(self, column: int) -> list[Any]:
        """Return the values of a column as Python's objects."""
        values: list[Any] = self.X[:, column].tolist()
        return values

    def cell(self, row: int, column: int) -> Any:
        """Return what stands somewhere."""
        return self.X[row, column]

    def with_cell(self, column: int, cell: Any) -> Self:
        """Return the table with the same in all rows of a column."""
        X = self.X.copy()
        X[:, column] = cell
        return type(self)(X, self.is_number)


class PandasTable(Table):
    """A frame of pandas, or of a library that takes after it.

    Parameters
    ----------
    X : DataFrame
    """

    def _are_numbers(self) -> list[bool]:
        return [
            _are_numbers(self.X.iloc[:, j])
            if dtype == np.dtype(object)
            else getattr(dtype, "kind", "O") in _NUMBERS
            for j, dtype in enumerate(self.X.dtypes)
        ]

    def _rows(self, rows: Any) -> Any:
        return self.X.iloc[rows]

    def numbers(self, rows: slice = slice(None)) -> Array:
        """Return rows (n, width) in float64, with 0 in columns of other things."""
        part = self.X.iloc[rows]
        numbers = np.zeros(part.shape)
        for j in np.flatnonzero(self.is_number):
            column = part.iloc[:, j]
            numbers[:, j] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return numbers

    def replaced(self, columns: Index, values: Array) -> Self:
        """Return the table with other numbers (n, n_columns) in some columns."""
        X = self.X.copy()
        for j, column in zip(columns.tolist(), values.T, strict=True):
            X.isetitem(j, column)
        return type(self)(X, self.is_number)

    def are_discrete(self) -> NDArray[np.bool_]:
        """Return which columns (width,) are whole numbers or truths by their dtype."""
        return np.array(
            [
                _are_whole(self.X.iloc[:, j])
                if dtype == np.dtype(object)
                else getattr(dtype, "kind", "O") in _WHOLE
                for j, dtype in enumerate(self.X.dtypes)
            ]
        )

    def column(self, column: int) -> list[Any]:
        """Return the values of a column as Python's objects."""
        values: list[Any] = self.X.iloc[:, column].tolist()
        return values

    def _categories(self, column: int) -> Any:
        return getattr(self.X.dtypes.iloc[column], "categories", None)

    def cell(self, row: int, column: int) -> Any:
        """Return what stands somewhere, as a column of one row."""
        return self.X.iloc[[row], column]

    def with_cell(self, column: int, cell: Any) -> Self:
        """Return the table with the same in all rows of a column."""
        X = self.X.copy()
        same = cell.iloc[np.zeros(len(X), dtype=int)]
        X.isetitem(column, same.set_axis(X.index))
        return type(self)(X, self.is_number)


class PolarsTable(Table):
    """A frame of polars.

    Parameters
    ----------
    X : DataFrame
    """

    def _are_numbers(self) -> list[bool]:
        return [d.is_numeric() or str(d) == "Boolean" for d in self.X.dtypes]

    def _rows(self, rows: Any) -> Any:
        return self.X[rows]

    def numbers(self, rows: slice = slice(None)) -> Array:
        """Return rows (n, width) in float64, with 0 in columns of other things."""
        part = self.X[rows]
        numbers = np.zeros(part.shape)
        for j in np.flatnonzero(self.is_number).tolist():
            numbers[:, j] = part.to_series(j).cast(float).to_numpy()  # null is NaN
        return numbers

    def replaced(self, columns: Index, values: Array) -> Self:
        """Return the table with other numbers (n, n_columns) in some columns."""
        X = self.X.clone()
        for j, column in zip(columns.tolist(), values.T, strict=True):
            old = X.to_series(j)
            X.replace_column(j, type(old)(old.name, column))
        return type(self)(X, self.is_number)

    def are_discrete(self) -> NDArray[np.bool_]:
        """Return which columns (width,) are whole numbers or truths by their dtype."""
        return np.array(
            [d.is_integer() or str(d) == "Boolean" for d in self.X.dtypes], dtype=bool
        )

    def column(self, column: int) -> list[Any]:
        """Return the values of a column as Python's objects."""
        values: list[Any] = self.X.to_series(column).to_list()
        return values

    def _categories(self, column: int) -> Any:
        # those of a Categorical are of all the columns that the process has seen
        dtype = self.X.dtypes[column]
        return dtype.categories if type(dtype).__name__ == "Enum" else None

    def cell(self, row: int, column: int) -> Any:
        """Return what stands somewhere, as a column of one row."""
        return self.X.to_series(column)[[row]]

    def with_cell(self, column: int, cell: Any) -> Self:
        """Return the table with the same in all rows of a column."""
        X = self.X.clone()
        X.replace_column(column, cell.gather(np.zeros(len(X), dtype=np.int64)))
        return type(self)(X, self.is_number)


def table_of(X: Any) -> Table:
    """Return the table of what a user has given, checked to have rows and columns."""
    kind = _kind(X)
    if kind is ArrayTable:
        return ArrayTable(_array(X))
    if 0 in X.shape:
        check_array(np.empty(X.shape))  # raises in scikit-learn's words
    return kind(X)


def plain_table(X: Any, is_number: NDArray[np.bool_] | None = None) -> Table:
    """Return the table of what scikit-learn has returned."""
    if hasattr(X, "toarray"):
        X = X.toarray()
    kind = _kind(X)
    if kind is ArrayTable:
        X = np.asarray(X)
        X = X.reshape(-1, 1) if X.ndim == 1 else X
    return kind(X, is_number)


def _kind(X: Any) -> type[Table]:
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        return PandasTable
    if type(X).__module__.startswith("polars") and hasattr(X, "to_series"):
        return PolarsTable
    return ArrayTable


def _array(X: Any) -> NDArray[Any]:
    options = {"ensure_all_finite": False, "input_name": "X"}
    array: NDArray[Any] = check_array(X, dtype=None, **options)
    if array.dtype.kind in "US" and not hasattr(X, "dtype"):
        # in a list, numbers beside words stay numbers
        return check_array(X, dtype=object, **options)
    return array


def is_missing(value: Any) -> bool:
    """Whether one of Python's objects stands for a missing value."""
    # NaN differs from itself; whether NA of pandas does is NA
    return value is None or str(value != value) != "False"


def _are_numbers(column: Any) -> bool:
    """Whether Python's objects are all numbers, or missing."""
    return all(value is None or isinstance(value, Real) for value in column)


def _are_whole(column: Any) -> bool:
    """Whether Python's objects are all whole numbers or truths, or missing."""
    return all(
        value is None or isinstance(value, Integral | np.bool_) for value in column
    )
