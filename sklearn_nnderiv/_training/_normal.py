"""The linear systems of a Gauss-Newton step: (J' W J + diag(lam + mu)) x = v."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas, lapack

from .._engines import Combined, SlopePart, Stack, Sweep
from .._validation import Array
from ._products import slope_products

# numbers in a chunk of the Jacobian: as much as a cache of some MB holds
_CHUNK_SIZE = 2**18


class Factor(ABC):
    """A factorisation of A = J' W J + diag(lam + mu)."""

    log_det: float

    @abstractmethod
    def solve(self, v: Array) -> Array:
        """Return A^-1 v."""

    @abstractmethod
    def inverse_diagonal(self) -> Array:
        """Return the diagonal of A^-1."""


class System(ABC):
    """J' W J at one vector of parameters."""

    @abstractmethod
    def factor(self, damped: Array) -> Factor | None:
        """Factorise with `damped` on the diagonal; None if that is not possible."""


def normal_system(forward: Sweep, root_weight: Array) -> System:
    """Return the system in the form that is the cheaper to factorise."""
    stack = forward.stack
    n_residuals = len(forward.values) * stack.n_out
    if n_residuals < 0.8 * (stack.n_inner + stack.n_features):
        return Dual.of(forward, root_weight)
    return Primal.of(forward, root_weight)


def ridge(
    features: Array, y: Array, root_weight: Array, strength: Array
) -> Array | None:
    """Return the coefficients that minimise |w (features c - y)|^2 + strength c^2."""
    found = []
    root = by_output(root_weight)
    shared = root.shape[1] == 1
    for j, column in enumerate(root.T):
        weighted = features * column[:, None]
        gram = blas.dsyrk(1.0, weighted.T, lower=1)
        factor = _cholesky(_add_to_diagonal(gram, strength))
        if factor is None:
            return None
        target = (y if shared else y[:, j : j + 1]) * column[:, None]
        found.append(lapack.dpotrs(factor, weighted.T @ target, lower=1)[0])
    return np.hstack(found)


def _cholesky(matrix: Array) -> Array | None:
    """Factorise the lower triangle of a matrix in Fortran order, in place."""
    if not len(matrix):
        return matrix
    factor, failed = lapack.dpotrf(matrix, lower=1, overwrite_a=1, clean=0)
    return None if failed else factor


def _add_to_diagonal(matrix: Array, values: Array) -> Array:
    diagonal = np.einsum("ii->i", matrix)
    diagonal += values
    return matrix


def by_output(root_weight: Array) -> Array:
    """Return weights (n,) or (n, n_out) as a table (n, 1) or (n, n_out)."""
    return root_weight.reshape(len(root_weight), -1)


def _inverse_diagonal(factor: Array) -> Array:
    """Return the diagonal of (L L')^-1."""
    low = np.tril(lapack.dtrtri(factor, lower=1)[0])
    return np.asarray(np.einsum("ij,ij->j", low, low))


def _half_log_det(factor: Array) -> float:
    return float(np.log(np.diagonal(factor)).sum())


def _lower(factor: Array, rhs: Array) -> Array:
    """Return L^-1 rhs."""
    return blas.dtrsm(1.0, factor, rhs, lower=1) if len(factor) else rhs


def _upper(factor: Array, rhs: Array) -> Array:
    """Return L^-T rhs."""
    return blas.dtrsm(1.0, factor, rhs, lower=1, trans_a=1) if len(factor) else rhs


@dataclass
class Primal(System):
    """The matrix itself, by blocks.

    All outputs have the same features, so the blocks of their coefficients are equal
    unless their weights differ, and are eliminated before the inner parameters: the
    cost is linear in the number of outputs.

    Attributes
    ----------
    inner : ndarray of shape (n_inner, n_inner)
        The lower triangle.
    mixed : ndarray of shape (n_features, n_out * n_inner)
    outer : list of ndarray of shape (n_features, n_features)
        The lower triangle, of one output that stands for all, or of each.
    """

    stack: Stack
    inner: Array
    mixed: Array
    outer: list[Array]

    @classmethod
    def of(cls, forward: Sweep, root_weight: Array) -> Primal:
        """Accumulate the blocks over chunks of rows."""
        stack, root = forward.stack, by_output(root_weight)
        p, q, k = stack.n_inner, stack.n_features, stack.n_out
        rest: Sweep = forward
        inner, mixed = np.zeros((p, p), order="F"), np.zeros((k, p, q))
        if isinstance(forward, Combined) and isinstance(forward.part, SlopePart):
            known = slope_products(forward.part, root[len(forward.rows.values) :])
            if known is not None:
                rest, (inner, mixed) = forward.rows, known
        weighted = [forward.features * column[:, None] for column in root.T]
        outer = [blas.dsyrk(1.0, features.T, lower=1) for features in weighted]
        if p:
            chunks = rest.chunks(max(16, _CHUNK_SIZE // (k * p)))
            buffer = np.empty((max(c.stop - c.start for c in chunks), k, p))
            for rows in chunks:
                J = buffer[: rows.stop - rows.start]
                rest.inner_jacobian(J, rows, root)
                flat = J.reshape(-1, p)
                blas.dsyrk(1.0, flat.T, beta=1.0, c=inner, lower=1, overwrite_c=1)
                if len(weighted) == 1:
                    both = J.reshape(len(J), -1).T @ weighted[0][rows]
                    mixed += both.reshape(k, p, q)
                else:
                    for j, features in enumerate(weighted):
                        mixed[j] += J[:, j].T @ features[rows]
        return cls(stack, inner, mixed.reshape(k * p, q).T, outer)

    def factor(self, damped: Array) -> PrimalFactor | None:
        """Factorise with `damped` on the diagonal; None if that is not possible."""
        stack = self.stack
        p, q, k = stack.n_inner, stack.n_features, stack.n_out
        own = damped[p : p + q]  # the same for every output
        low: list[Array] = []
        for outer in self.outer:
            block = _cholesky(_add_to_diagonal(outer.copy(order="F"), own))
            if block is None:
                return None
            low.append(block)
        if len(low) == 1:
            T = _lower(low[0], self.mixed)
        else:
            parts = np.split(self.mixed, k, axis=1)
            T = np.hstack([_lower(L, m) for L, m in zip(low, parts, strict=True)])
        schur = _add_to_diagonal(self.inner.copy(order="F"), damped[:p])
        for j in range(k if p else 0):
            part = T[:, j * p : (j + 1) * p]
            blas.dsyrk(-1.0, part, beta=1.0, c=schur, trans=1, lower=1, overwrite_c=1)
        root = _cholesky(schur)
        return None if root is None else PrimalFactor(stack, low, T, root)


class PrimalFactor(Factor):
    """Cholesky factors of the blocks.

    Parameters
    ----------
    stack : Stack
    low : list of ndarray
        Factors L of the block of the features, of one output for all, or of each.
    mixed : ndarray
        L^-1 times the mixed blocks.
    root : ndarray
        Factor of the Schur complement of the inner parameters.
    """

    def __init__(
        self, stack: Stack, low: list[Array], mixed: Array, root: Array
    ) -> None:
        self.stack = stack
        self.low = low
        self.mixed = mixed
        self.root = root
        shared = stack.n_out / len(low)
        self.log_det = 2 * (shared * sum(map(_half_log_det, low)) + _half_log_det(root))

    def solve(self, v: Array) -> Array:
        """Return A^-1 v."""
        p, q, k = self.stack.n_inner, self.stack.n_features, self.stack.n_out
        y = self._each(_lower, v[p:].reshape(k, q).T)
        x = np.empty_like(v)
        if p:
            T = self.mixed.T.reshape(k, p, q)  # a view
            rhs = v[:p] - np.matmul(T, y.T[..., None]).sum(0)[:, 0]
            x[:p] = lapack.dpotrs(self.root, rhs, lower=1)[0]
            y = y - np.matmul(x[:p], T).T
        x[p:] = self._each(_upper, y).T.ravel()
        return x

    def inverse_diagonal(self) -> Array:
        """Return the diagonal of A^-1."""
        p, q, k = self.stack.n_inner, self.stack.n_features, self.stack.n_out
        own = np.empty((k, q))
        own[:] = [_inverse_diagonal(low) for low in self.low]
        if not p:
            return own.ravel()
        root = np.tril(lapack.dtrtri(self.root, lower=1)[0])
        inner = np.einsum("ij,ij->j", root, root)
        for j in range(k):
            # rows of L^-T T R^-T
            low = self.low[min(j, len(self.low) - 1)]
            V = _upper(low, self.mixed[:, j * p : (j + 1) * p]) @ root.T
            own[j] += np.einsum("ij,ij->i", V, V)
        return np.concatenate([inner, own.ravel()])

    def _each(self, solve: Callable[[Array, Array], Array], rhs: Array) -> Array:
        """Solve with the block of each output, for its column."""
        if len(self.low) == 1:
            return solve(self.low[0], rhs)
        columns = zip(self.low, rhs.T, strict=True)
        return np.stack([solve(L, c[:, None])[:, 0] for L, c in columns], axis=1)


@dataclass
class Dual(System):
    """The weighted Jacobian itself, for more parameters than residuals.

    Attributes
    ----------
    jacobian : ndarray of shape (n_samples * n_out, n_parameters)
    """

    jacobian: Array

    @classmethod
    def of(cls, forward: Sweep, root_weight: Array) -> Dual:
        """Fill the Jacobian."""
        return cls(full_jacobian(forward, root_weight))

    def factor(self, damped: Array) -> DualFactor | None:
        """Factorise with `damped` on the diagonal; None if that is not possible."""
        scale = 1 / damped
        J = self.jacobian * np.sqrt(scale)
        kernel = blas.dsyrk(1.0, J.T, trans=1, lower=1)
        root = _cholesky(_add_to_diagonal(kernel, np.ones(len(kernel))))
        return None if root is None else DualFactor(self.jacobian, J, scale, root)


def full_jacobian(forward: Sweep, root_weight: Array) -> Array:
    """Return the weighted Jacobian (n * n_out, n_parameters)."""
    stack, n = forward.stack, len(forward.values)
    p, q, k = stack.n_inner, stack.n_features, stack.n_out
    root = by_output(root_weight)
    J = np.zeros((n, k, p + k * q))
    if p:
        forward.inner_jacobian(J[:, :, :p], slice(0, n), root)
    for j in range(k):
        own = J[:, j, p + j * q : p + (j + 1) * q]
        np.multiply(forward.features, root[:, min(j, root.shape[1] - 1), None], out=own)
    return J.reshape(n * k, -1)


class DualFactor(Factor):
    """Cholesky factor of I + J D^-1 J', by the identity of Woodbury.

    Parameters
    ----------
    jacobian : ndarray
    scaled : ndarray
        The Jacobian times D^-1/2.
    scale : ndarray
        The diagonal of D^-1.
    root : ndarray
        The factor.
    """

    def __init__(
        self, jacobian: Array, scaled: Array, scale: Array, root: Array
    ) -> None:
        self.jacobian = jacobian
        self.scaled = scaled
        self.scale = scale
        self.root = root
        self.log_det = 2 * _half_log_det(root) - float(np.log(scale).sum())

    def solve(self, v: Array) -> Array:
        """Return A^-1 v."""
        first = self.scale * v
        dual = lapack.dpotrs(self.root, self.jacobian @ first, lower=1)[0]
        return first - self.scale * (dual @ self.jacobian)

    def inverse_diagonal(self) -> Array:
        """Return the diagonal of A^-1."""
        Q = _lower(self.root, self.scaled)
        return self.scale * (1 - np.einsum("ij,ij->j", Q, Q))

    def leverages(self) -> Array:
        """Return by how much each residual moves its own value."""
        inverse = lapack.dtrtri(self.root, lower=1)[0]
        squares = np.tril(inverse) ** 2
        return np.asarray(1 - squares.sum(axis=0))
