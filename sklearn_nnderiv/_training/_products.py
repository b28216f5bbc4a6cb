"""Products of the Jacobian of slopes by parameters, without that Jacobian.

The slope of an output along a direction t moves with the weights of a layer by
d_t a' + d a_t', where a goes into the layer, d is the derivative of the output by what
comes out of it before the activation, and a_t and d_t are how they move along t. Summed
over the directions at a row of X, the products of such rows are sums of four Kronecker
products of small matrices, and these sums over the rows of X are products of matrices
whose common length is that of X, however many directions there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import accumulate, pairwise

import numpy as np
from scipy.linalg import blas

from .._engines import Moved, SlopePart, Stack
from .._validation import Array, Index

# directions from which on this is the faster way, and rows of X in a chunk
_LEAST_TANGENTS, _CHUNK_ROWS = 6, 128


def slope_products(part: SlopePart, root: Array) -> tuple[Array, Array] | None:
    """Return J'J and J'F of slopes, or None if that is faster with J itself.

    Parameters
    ----------
    part : SlopePart
        J is its Jacobian by the inner parameters, F its features.
    root : ndarray of shape (n, 1) or (n, n_out)
        What the rows are multiplied by.

    Returns
    -------
    inner : ndarray of shape (n_inner, n_inner)
        The lower triangle at least.
    mixed : ndarray of shape (n_out, n_inner, n_features)
    """
    stack, m, n = part.forward.stack, part.n_tangents, len(part.forward.X)
    if not stack.hidden or m < _LEAST_TANGENTS:
        return None
    sums = SlopeProducts(stack)
    weight = (root**2).reshape(n, m, -1)
    for start in range(0, n, _CHUNK_ROWS):
        rows = slice(start, min(start + _CHUNK_ROWS, n))
        for j in range(stack.n_out):
            own = weight[rows, :, min(j, weight.shape[2] - 1)]
            sums.add(part.moved, j, rows, own)
    return sums.inner(), np.stack([sums.mixed(j) for j in range(stack.n_out)])


class SlopeProducts:
    """Sums over rows of X, directions and outputs.

    Parameters
    ----------
    stack : Stack
        With hidden layers.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.widths = (stack.n_in, *stack.hidden)
        self.n_layers = len(stack.hidden)
        self.sums: dict[tuple[object, ...], Array] = {}
        self.units = [slice(*ends) for ends in pairwise(accumulate((0, *stack.hidden)))]
        # of what moves: the last units and the inputs, which are the features, first
        inputs = (stack.hidden[-1], *self.widths[:-1])
        self.moving = [slice(*ends) for ends in pairwise(accumulate((0, *inputs)))]

    def add(self, moved: Moved, output: int, rows: slice, weight: Array) -> None:
        """Add the rows of one output, whose weights are (n, n_tangents)."""
        forward = moved.forward
        deltas = moved.deltas(output, rows)
        delta = [own for own, _ in deltas]
        bent = np.concatenate([own for _, own in deltas], axis=2)
        *inputs, last = (table[rows] for table in moved.moved)
        along = np.concatenate([last, *inputs], axis=2)
        ones = np.ones((len(bent), 1))
        below = [forward.X, *(unit.a for unit in forward.units[:-1])]
        a = [np.hstack([table[rows], ones]) for table in below]
        width = self.widths[-1]
        weighted = (weight[:, :, None] * bent).transpose(0, 2, 1)
        P, Q = np.matmul(weighted, bent), np.matmul(weighted, along)
        weighted = (weight[:, :, None] * along[:, :, width:]).transpose(0, 2, 1)
        R = np.matmul(weighted, along)
        for i, j in self._pairs():
            self._add_pair(i, j, a, delta, (P, Q, R))
        features = slice(0, width + self.stack.n_in)
        for i, own in enumerate(self.units):
            self._sum(("units", output, i), a[i], _flat(Q[:, own, features]))
            before = self._before(i)
            self._sum(("inputs", output, i), delta[i], _flat(R[:, before, features]))

    def _pairs(self) -> Iterator[tuple[int, int]]:
        return ((i, j) for i in range(self.n_layers) for j in range(i + 1))

    def _before(self, i: int) -> slice:
        """Return where the inputs of a layer are among the inputs of layers."""
        own, width = self.moving[i + 1], self.widths[-1]
        return slice(own.start - width, own.stop - width)

    def _add_pair(
        self,
        i: int,
        j: int,
        a: list[Array],
        delta: list[Array],
        products: tuple[Array, Array, Array],
    ) -> None:
        """Add the four terms of the block of two layers."""
        P, Q, R = products
        P = P[:, self.units[i], self.units[j]]
        mixed = _flat(Q[:, self.units[i], self.moving[j + 1]])
        R = R[:, self._before(i), self.moving[j + 1]]
        self._sum(("ad", i, j), _outer(a[i], delta[j]), mixed)
        if i == j:  # of symmetric matrices, one triangle
            half = _flat(P).take(_low(P.shape[1])[0], axis=1)
            self._sum(("aa", i, j), half, _half_outer(a[i]))
            half = _flat(R).take(_low(R.shape[1])[0], axis=1)
            self._sum(("dd", i, j), _half_outer(delta[i]), half)
            return
        self._sum(("aa", i, j), _flat(P), _outer(a[i], a[j]))
        self._sum(("dd", i, j), _outer(delta[i], delta[j]), _flat(R))
        mixed = _flat(Q[:, self.units[j], self.moving[i + 1]])
        self._sum(("da", i, j), _outer(delta[i], a[j]), mixed)

    def _sum(self, key: tuple[object, ...], left: Array, right: Array) -> None:
        """Add left' right."""
        before = self.sums.get(key)
        kept = {} if before is None else {"c": before.T, "beta": 1.0, "overwrite_c": 1}
        self.sums[key] = blas.dgemm(1.0, right.T, left.T, trans_b=1, **kept).T

    def inner(self) -> Array:
        """Return the products (n_inner, n_inner), their lower triangle at least."""
        result = np.zeros((self.stack.n_inner, self.stack.n_inner), order="F")
        for i, j in self._pairs():
            block = self._block(i, j)
            (w, b, _), (w2, b2, _) = self.stack.slices[i], self.stack.slices[j]
            size, size2 = w.stop - w.start, w2.stop - w2.start
            result[w, w2] = block[:, :-1, :, :-1].reshape(size, size2)
            result[w, b2] = block[:, :-1, :, -1].reshape(size, -1)
            result[b, w2] = block[:, -1, :, :-1].reshape(-1, size2)
            result[b, b2] = block[:, -1, :, -1]
        return result

    def _block(self, i: int, j: int) -> Array:
        """Return the products of two layers by unit and input, and unit and input."""
        (n, m), (n2, m2) = self.widths[i : i + 2], self.widths[j : j + 2]
        first, last = self.sums["aa", i, j], self.sums["dd", i, j]
        if i == j:
            first = first.take(_low(m)[1], axis=0).take(_low(n + 1)[1], axis=1)
            last = last.take(_low(m)[1], axis=0).take(_low(n)[1], axis=1)
        mixed = self.sums["ad", i, j].reshape(n + 1, m2, m, n2).transpose(2, 0, 1, 3)
        block = first.reshape(m, m2, n + 1, n2 + 1).transpose(0, 2, 1, 3).copy()
        block[:, :-1, :, :-1] += last.reshape(m, m2, n, n2).transpose(0, 2, 1, 3)
        block[..., :-1] += mixed
        if i == j:
            block[:, :-1] += mixed.transpose(2, 3, 0, 1)
        else:
            other = self.sums["da", i, j].reshape(m, n2 + 1, m2, n)
            block[:, :-1] += other.transpose(0, 3, 2, 1)
        return block

    def mixed(self, output: int) -> Array:
        """Return the products (n_inner, n_features) with the features of slopes."""
        stack, width = self.stack, self.widths[-1]
        result = np.zeros((stack.n_inner, stack.n_features))
        for i, (w, b, (m, n)) in enumerate(stack.slices):
            by_units = self.sums["units", output, i].reshape(n + 1, m, -1)
            by_units = by_units.transpose(1, 0, 2).copy()
            by_units[:, :-1] += self.sums["inputs", output, i].reshape(m, n, -1)
            for target, source in ((w, by_units[:, :-1]), (b, by_units[:, -1])):
                rows = source.reshape(target.stop - target.start, -1)
                result[target, :width] = rows[:, :width]
                if stack.skip:
                    result[target, width + 1 :] = rows[:, width:]
        return result


def _flat(table: Array) -> Array:
    return table.reshape(len(table), -1)


def _outer(left: Array, right: Array) -> Array:
    return _flat(left[:, :, None] * right[:, None, :])


def _half_outer(table: Array) -> Array:
    rows, columns = np.divmod(_low(table.shape[1])[0], table.shape[1])
    return table.take(rows, axis=1) * table.take(columns, axis=1)


@cache
def _low(n: int) -> tuple[Index, Index]:
    """Return the places of the lower triangle in a flat symmetric matrix, and back."""
    places = np.arange(n * n).reshape(n, n)
    rows, columns = np.tril_indices(n)
    back = np.empty((n, n), dtype=np.intp)
    back[rows, columns] = back[columns, rows] = np.arange(len(rows))
    return places[rows, columns], back.ravel()
