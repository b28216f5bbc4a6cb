"""The units in which the lm solver works, whatever the scalers are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .._engines import Slopes, Stack
from .._validation import Array, Index
from ._data import Data
from ._labels import Labels, balance
from ._problem import Problem


@dataclass(frozen=True)
class Standard:
    """Inputs that vary, and the affine maps to zero mean and unit variance.

    Attributes
    ----------
    columns : ndarray of int
        The inputs that vary in training; the network does not depend on others.
    n_in : int
        The number of all inputs.
    x_mean, x_scale : ndarray of shape (n_columns,)
    y_mean, y_scale : ndarray of shape (n_out,)
    """

    columns: Index
    n_in: int
    x_mean: Array
    x_scale: Array
    y_mean: Array
    y_scale: Array

    @classmethod
    def of(cls, problem: Problem, *, shifted: bool) -> Standard:
        """Take the moments of a problem's rows, or leave the units as they are."""
        X, y, weight = _arrays(problem)
        labels = problem.labels
        varies = (X[:1] != X).any(axis=0)
        columns = np.flatnonzero(varies | _is_labelled(labels, len(varies)))
        if not len(columns):
            # the network needs an input, but is not to depend on it
            moments = _moments(y, weight) if shifted else _no_moments(y)
            infinite = np.full(1, np.inf)
            return cls(np.arange(1), X.shape[1], X[0, :1], infinite, *moments)
        if not shifted:
            zero, one = _no_moments(X[:, columns])
            return cls(columns, X.shape[1], zero, one, *_no_moments(y))
        x_mean, x_scale = _moments(X[:, columns], weight)
        if labels is not None and not varies[columns].all():
            length = abs(_numpy(labels.tangents)[:, :, columns]).max(axis=(0, 1))
            x_scale = np.where(varies[columns], x_scale, length)
        return cls(columns, X.shape[1], x_mean, x_scale, *_moments(y, weight))

    def data(self, problem: Problem) -> Data:
        """Return the rows in standard units."""
        X, y, weight = _arrays(problem)
        y = np.ascontiguousarray((y - self.y_mean) / self.y_scale)
        root_weight = np.sqrt(weight / weight.mean())
        count = problem.n_rows * y.shape[1]
        data = Data(self.inputs(X), y, root_weight, count)
        if problem.labels is None:
            return data
        return self._with_labels(data, problem.labels, problem.n_rows)

    def _with_labels(self, data: Data, labels: Labels, n_rows: float) -> Data:
        """Append the known slopes, in one common scale, to the values."""
        index = labels.index.cpu().numpy()
        tangents = _numpy(labels.tangents)[:, :, self.columns] / self.x_scale
        targets, weight = (_numpy(t) for t in (labels.slopes, labels.weight))
        n_out = weight.shape[2]
        targets = (targets / self.y_scale).reshape(-1, n_out)
        by_row = np.repeat(data.root_weight[index] ** 2, weight.shape[1])[:, None]
        # an input that an earlier fit left out cannot be learnt of now
        moves = np.broadcast_to((tangents != 0).any(axis=2), weight.shape[:2])
        relative = weight.reshape(-1, n_out) * moves.reshape(-1, 1)
        weight = by_row * relative
        if not weight.any():
            return data
        row_weight = data.root_weight**2
        strength = balance(data.y, row_weight, targets, weight, labels.n_features)
        # one of less weight is less of a residual, as a row of less weight is
        counted = by_row * np.minimum(relative, 1.0)
        n_slopes = float(counted.sum()) * n_rows / len(data.X)
        if (weight == weight[:, :1]).all():
            root_weight = np.sqrt(strength * weight[:, 0])
            values = data.root_weight
        else:
            root_weight = np.sqrt(strength * weight)
            values = np.tile(data.root_weight[:, None], n_out)
        return replace(
            data,
            y=np.concatenate([data.y, targets]),
            root_weight=np.concatenate([values, root_weight]),
            count=data.count + n_slopes,
            beside=Slopes(index, tangents),
            n_slopes=n_slopes,
        )

    def inputs(self, X: Array) -> Array:
        """Return inputs in standard units."""
        return np.ascontiguousarray((X[:, self.columns] - self.x_mean) / self.x_scale)

    def undone(self, stack: Stack, theta: Array) -> Array:
        """Return the parameters of the same function in the problem's own units."""
        whole = replace(stack, n_in=self.n_in)
        result = np.zeros(whole.n_parameters)
        for i, ((w, b), (weight, bias)) in enumerate(
            zip(whole.layers(result), stack.layers(theta), strict=True)
        ):
            w[:, self.columns if i == 0 else slice(None)] = weight
            b[:] = bias
            if i == 0:
                w[:, self.columns] /= self.x_scale
                b -= w[:, self.columns] @ self.x_mean
        self._undo_outputs(stack, stack.coefficients(theta), whole.coefficients(result))
        return result

    def _undo_outputs(self, stack: Stack, inner: Array, outer: Array) -> None:
        h = stack.hidden[-1] if stack.hidden else 0
        one = h if stack.hidden else self.n_in
        offset = inner[:, h if stack.hidden else stack.n_in].copy()
        outer[:, :h] = inner[:, :h]
        if stack.skip or not stack.hidden:
            linear = inner[:, h + 1 :] if stack.skip else inner[:, : stack.n_in]
            linear = linear / self.x_scale
            start = h + 1 if stack.skip else 0
            outer[:, start + self.columns] = linear
            offset -= linear @ self.x_mean
        outer[:, one] = offset
        outer *= self.y_scale[:, None]
        outer[:, one] += self.y_mean


def _is_labelled(labels: Labels | None, n_in: int) -> NDArray[np.bool_]:
    """Return the inputs along which derivatives are known."""
    if labels is None:
        return np.zeros(n_in, dtype=bool)
    return np.asarray((_numpy(labels.tangents) != 0).any(axis=(0, 1)))


def _numpy(tensor: Tensor) -> Array:
    return tensor.cpu().double().numpy()


def _arrays(problem: Problem) -> tuple[Array, Array, Array]:
    parts = (problem.X, problem.y, problem.weight)
    X, y, weight = map(_numpy, parts)
    return X, y, weight


def _moments(values: Array, weight: Array) -> tuple[Array, Array]:
    mean = np.average(values, axis=0, weights=weight)
    scale = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
    return mean, np.where(scale > 0, scale, 1.0)


def _no_moments(values: Array) -> tuple[Array, Array]:
    return np.zeros(values.shape[1]), np.ones(values.shape[1])
