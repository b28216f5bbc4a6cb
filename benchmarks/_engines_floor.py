"""The least time that the matrix products and the result alone would take.

The floor of a Jacobian is the FLOPs of the hidden layers and of the cheapest order of
the chain of products, at the rate of one large product of the same run, plus the bytes
of the result, at the rate of filling an array. Activations and reads are not counted.
"""

from functools import cache
from itertools import pairwise

import numpy as np
import torch
from _engines_clock import seconds_of

N_TRIALS = 5


def least_seconds(call):
    call()
    # of wall and CPU time the lesser: the one that other work disturbs less
    return min(min(seconds_of(call)) for _ in range(N_TRIALS))


@cache
def product_rate(dtype, size=1024):
    """Return the FLOPs in a second of the faster of NumPy's and torch's BLAS."""
    A = np.ones((size, size), dtype)
    x = torch.from_numpy(A)
    result, y = np.empty_like(A), torch.empty_like(x)
    by_numpy = least_seconds(lambda: np.matmul(A, A, out=result))
    by_torch = least_seconds(lambda: torch.mm(x, x, out=y))
    return 2 * size**3 / min(by_numpy, by_torch)


@cache
def write_rate(n_bytes=2**28):
    array = np.zeros(n_bytes // 8)
    return n_bytes / least_seconds(lambda: array.fill(1.0))


def chain_flops(sizes):
    """Return the FLOPs of the cheapest order of products of matrices of these sizes."""

    @cache
    def cost(i, j):
        if j - i < 2:
            return 0
        return min(
            cost(i, m) + cost(m, j) + 2 * sizes[i] * sizes[m] * sizes[j]
            for m in range(i + 1, j)
        )

    return cost(0, len(sizes) - 1)


def floor_seconds(quantity, net, n):
    """Return the floor of n rows; None where it is not defined."""
    d, k, hidden = net.shape
    flops = sum(2 * a * b for a, b in pairwise((d, *hidden)))
    if quantity == "value":
        flops += 2 * hidden[-1] * k
        written = k
    elif quantity == "jacobian":
        flops += chain_flops((k, *reversed(hidden), d))
        written = k * d
    else:
        return None
    seconds_written = written * net.itemsize / write_rate()
    return n * (flops / product_rate(net.dtype) + seconds_written)
