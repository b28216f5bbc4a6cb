"""Box-Cox and Yeo-Johnson transformations and their inverses, one exponent a column.

Every branch is written with ``expm1(lmbda * u) / lmbda``, which stays accurate as
``lmbda`` goes to 0, and takes arguments from its own domain only: a NaN in the branch
that `torch.where` discards would still reach the gradient.
"""

import torch
from torch import Tensor


def _scaled_expm1(lmbda: Tensor, u: Tensor) -> Tensor:
    """Return (exp(lmbda u) - 1) / lmbda, which is u at lmbda = 0."""
    zero = lmbda == 0
    safe = torch.where(zero, 1.0, lmbda)
    return torch.where(zero, u, torch.expm1(safe * u) / safe)


def _scaled_log1p(lmbda: Tensor, v: Tensor) -> Tensor:
    """Return log(1 + lmbda v) / lmbda, which is v at lmbda = 0."""
    zero = lmbda == 0
    safe = torch.where(zero, 1.0, lmbda)
    return torch.where(zero, v, torch.log1p(safe * v) / safe)


def box_cox(x: Tensor, lmbda: Tensor) -> Tensor:
    """Box-Cox transformation of positive x."""
    return _scaled_expm1(lmbda, torch.log(x))


def inverse_box_cox(z: Tensor, lmbda: Tensor) -> Tensor:
    """Inverse of the Box-Cox transformation, NaN outside its range."""
    return torch.exp(_scaled_log1p(lmbda, z))


def yeo_johnson(x: Tensor, lmbda: Tensor) -> Tensor:
    """Yeo-Johnson transformation."""
    positive = x >= 0
    above = torch.where(positive, x, 0.0)
    below = torch.where(positive, 0.0, x)
    return torch.where(
        positive,
        _scaled_expm1(lmbda, torch.log1p(above)),
        -_scaled_expm1(2 - lmbda, torch.log1p(-below)),
    )


def inverse_yeo_johnson(z: Tensor, lmbda: Tensor) -> Tensor:
    """Inverse of the Yeo-Johnson transformation, NaN outside its range."""
    positive = z >= 0
    above = torch.where(positive, z, 0.0)
    below = torch.where(positive, 0.0, z)
    return torch.where(
        positive,
        torch.expm1(_scaled_log1p(lmbda, above)),
        -torch.expm1(_scaled_log1p(2 - lmbda, -below)),
    )
