"""The covariance of the parameters, for many quantities that depend on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas, lapack

from .._engines import Stack, Sweep
from .._validation import Array
from ._normal import DualFactor, Factor, PrimalFactor, by_output

# numbers in a chunk of gradients
_CHUNK_SIZE = 2**18


@dataclass(frozen=True)
class Covariance:
    """A^-1 by the inverses of the Cholesky factors of its blocks.

    Multiplying by an inverse takes half the time of solving with a factor, which is
    worth it for the many right-hand sides of a prediction.

    Attributes
    ----------
    stack : Stack
    low : list of ndarray
    root : ndarray
        Inverses of the factors of the same names.
    mixed : ndarray
        See `PrimalFactor`.
    """

    stack: Stack
    low: list[Array]
    mixed: Array
    root: Array

    @classmethod
    def of(cls, factor: PrimalFactor) -> Covariance:
        """Invert the factors."""
        low = [_inverse(part) for part in factor.low]
        return cls(factor.stack, low, factor.mixed, _inverse(factor.root))

    def squared_norm(self, output: int, inner: Array, features: Array) -> Array:
        """Return g' A^-1 g for each row g.

        A row is the derivative of a quantity of one output by the inner parameters
        (m, n_inner) and by the coefficients of that output (m, n_features).
        """
        p = self.stack.n_inner
        low = self.low[min(output, len(self.low) - 1)]
        y = blas.dtrmm(1.0, low, features.T, lower=1)
        norm = np.einsum("ij,ij->j", y, y)
        if p:
            part = self.mixed[:, output * p : (output + 1) * p]
            rest = blas.dgemm(-1.0, part, y, beta=1.0, c=inner.T, trans_a=1)
            z = blas.dtrmm(1.0, self.root, rest, lower=1, overwrite_b=1)
            norm += np.einsum("ij,ij->j", z, z)
        return norm

    def coloured(self, normal: Array) -> Array:
        """Turn independent normal numbers into a draw of covariance A^-1."""
        p, q, k = self.stack.n_inner, self.stack.n_features, self.stack.n_out
        x = np.empty_like(normal)
        y = normal[p:].reshape(k, q).T
        if p:
            x[:p] = _transposed_product(self.root, normal[:p, None])[:, 0]
            y = y - np.matmul(x[:p], self.mixed.T.reshape(k, p, q)).T
        for j in range(k):
            low = self.low[min(j, len(self.low) - 1)]
            own = x[p + j * q : p + (j + 1) * q]
            own[:] = _transposed_product(low, y[:, j : j + 1])[:, 0]
        return x


def determined(factor: Factor, forward: Sweep, root_weight: Array, n: int) -> float:
    """Return how many parameters the first n rows determine: a sum of leverages."""
    k = forward.stack.n_out
    if isinstance(factor, DualFactor):
        return float(factor.leverages()[: n * k].sum())
    assert isinstance(factor, PrimalFactor)
    covariance, root = Covariance.of(factor), by_output(root_weight)
    total = 0.0
    for rows in forward.chunks(max(1, _CHUNK_SIZE // factor.stack.n_parameters)):
        if rows.start >= n:
            break
        inner = np.empty((rows.stop - rows.start, k, forward.stack.n_inner))
        if inner.size:
            forward.inner_jacobian(inner, rows, root)
        for j in range(k):
            own = root[rows, min(j, root.shape[1] - 1), None]
            features = forward.features[rows] * own
            leverage = covariance.squared_norm(j, inner[:, j], features)
            total += float(leverage[: n - rows.start].sum())
    return total


def _inverse(factor: Array) -> Array:
    return lapack.dtrtri(factor, lower=1)[0] if len(factor) else factor


def _transposed_product(lower: Array, rhs: Array) -> Array:
    return blas.dtrmm(1.0, lower, rhs, lower=1, trans_a=1)
