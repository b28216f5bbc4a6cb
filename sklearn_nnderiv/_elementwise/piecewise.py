"""Elementwise functions with kinks, jumps or gaps, and their derivatives there.

At a kink the derivative is the right-sided one, and 0 where a function is constant but
for jumps. Such a function stays part of the graph, so that its derivative can be asked.
"""

import torch
from torch import Tensor


def constant(y: Tensor, x: Tensor) -> Tensor:
    """Return y with a derivative of 0 by x."""
    return y + 0 * torch.nan_to_num(x, 0.0, 0.0, 0.0)


def magnitude(x: Tensor) -> Tensor:
    """Absolute value."""
    return torch.where(x < 0, -x, x)


def above(x: Tensor, threshold: Tensor) -> Tensor:
    """1 above the threshold, else 0."""
    return constant((x > threshold).to(x.dtype), x)


def excess(x: Tensor, threshold: Tensor) -> Tensor:
    """By how much x is above the threshold, else 0."""
    return torch.where(x < threshold, 0.0, x - threshold)


def soft_threshold(x: Tensor, threshold: Tensor) -> Tensor:
    """X moved towards 0 by the threshold, 0 within it."""
    return excess(x, threshold) - excess(-x, threshold)


def single(x: Tensor) -> Tensor:
    """X rounded to float32, with a derivative of 1."""
    # the difference is exact, and so is the sum
    return x + (x.to(torch.float32).to(x.dtype) - x).detach()


def fill_nan(x: Tensor, value: Tensor) -> Tensor:
    """Value where x is NaN."""
    return torch.where(torch.isnan(x), value, x)


def fill_equal(x: Tensor, value: Tensor, missing: Tensor) -> Tensor:
    """Value where x is the number that stands for a missing one."""
    return torch.where(x == missing, value, x)


def is_nan(x: Tensor) -> Tensor:
    """1 where x is NaN, else 0."""
    return constant(torch.isnan(x).to(x.dtype), x)


def is_equal(x: Tensor, missing: Tensor) -> Tensor:
    """1 where x is the number that stands for a missing one, else 0."""
    return constant((x == missing).to(x.dtype), x)


def bin_index(x: Tensor, edges: Tensor) -> Tensor:
    """How many edges of its column, (n_columns, n_edges), are at x or below."""
    return constant((x.unsqueeze(-1) >= edges).sum(dim=-1).to(x.dtype), x)


def look_up(x: Tensor, table: Tensor, sizes: Tensor) -> Tensor:
    """Entry x, rounded towards 0, of the table of its column; NaN beyond the table.

    Entries from -1 down are counted from the end, as in NumPy.
    """
    index = torch.nan_to_num(x.detach(), -torch.inf).trunc()
    index = torch.where(index < 0, index + sizes, index)
    known = (index >= 0) & (index < sizes)
    place = torch.where(known, index, 0.0).to(torch.int64).unsqueeze(-1)
    table = table.expand(*place.shape[:-1], table.shape[-1])
    found = table.gather(-1, place).squeeze(-1)
    return constant(torch.where(known, found, torch.nan), x)


def damped_count(x: Tensor) -> Tensor:
    """1 + log(x), but 0 at 0, where the derivative is infinite."""
    zero = x == 0
    # the root is 0 there too, and brings its infinite derivative
    edge = torch.sqrt(torch.where(zero, x, 1.0))
    return torch.where(zero, edge, 1 + torch.log(torch.where(zero, 1.0, x)))
