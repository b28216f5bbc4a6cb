"""Independent derivatives to hold the package's against."""

import numpy as np
import torch
from torch.func import jacrev


def central_differences(function, X, scale=None):
    """Fourth-order central differences of function(X) with respect to X.

    The step is eps**(1/5) of each column's spread: the truncation error of the
    five-point rule falls with h**4 while rounding grows with 1/h, which balances there
    and leaves about 1e-12 of the function's size over the step.
    """
    X = np.asarray(X, dtype=np.float64)
    if scale is None:
        scale = np.where(np.ptp(X, axis=0) > 0, np.std(X, axis=0), 1.0)
    steps = np.finfo(float).eps ** 0.2 * np.broadcast_to(scale, X.shape[1])
    columns = []
    for j, step in enumerate(steps):
        shift = np.zeros(X.shape[1])
        shift[j] = step
        columns.append(
            (
                8 * (function(X + shift) - function(X - shift))
                - (function(X + 2 * shift) - function(X - 2 * shift))
            )
            / (12 * step)
        )
    return np.stack(columns, axis=-1)


def steady_differences(function, X, scale):
    """Central differences, and how far those with half the step are from them.

    The two agree up to rounding where the function is smooth within the steps; next to
    a kink or a jump they do not.
    """
    fine = central_differences(function, X, np.asarray(scale) / 2)
    return fine, abs(fine - central_differences(function, X, scale))


def relative_difference(value, truth):
    """Largest difference per column, in units of the truth's largest entry there."""
    value, truth = np.asarray(value), np.asarray(truth)
    assert value.shape == truth.shape
    size = abs(truth).max(axis=0)
    return (abs(value - truth).max(axis=0) / np.where(size > 0, size, 1)).max()


def plain_network(stack, functions, theta, X):
    """The network that `Stack` describes, in torch, from its documentation alone.

    Parameters
    ----------
    stack : Stack
        Of which only the sizes are used.
    functions : list of callable
        The activations, each of one part of the units.
    theta : Tensor of shape (n_parameters,)
    X : Tensor of shape (..., n_in)
    """
    start, a = 0, X
    for width in stack.hidden:
        end = start + width * a.shape[-1]
        weight = theta[start:end].reshape(width, a.shape[-1])
        bias = theta[end : end + width]
        start = end + width
        parts = torch.tensor_split(a @ weight.T + bias, len(functions), dim=-1)
        a = torch.cat([f(p) for f, p in zip(functions, parts, strict=True)], dim=-1)
    one = torch.ones((*X.shape[:-1], 1), dtype=X.dtype)
    features = torch.cat([a, one, X] if stack.skip else [a, one], dim=-1)
    return features @ theta[start:].reshape(stack.n_out, -1).T


def all_derivatives(function, X, V, U):
    """The seven results of a torch function of rows, by torch.func in float64."""
    X, V, U = (torch.tensor(np.array(a, dtype=np.float64)) for a in (X, V, U))

    def total(x):
        return function(x).sum(dim=0)

    def slopes(x):
        return jacrev(total)(x).sum(dim=1)

    values = function(X).detach()
    jacobian = jacrev(total)(X).movedim(0, 1)
    hessian = jacrev(slopes)(X).movedim(2, 0)
    results = {
        "values": values,
        "jacobian": jacobian,
        "hessian": hessian,
        "laplacian": torch.einsum("njii->nj", hessian),
        "jvp": torch.einsum("nji,ni->nj", jacobian, V),
        "vjp": torch.einsum("nji,nj->ni", jacobian, U),
        "hvp": torch.einsum("njil,nl->nji", hessian, V),
    }
    return {name: result.detach().numpy() for name, result in results.items()}
