"""The evidence framework: how strong the prior is, and how strong the noise.

MacKay (1992) and, for networks trained by Levenberg-Marquardt, Foresee and Hagan
(1997).
Every group of parameters has a Gaussian prior with a precision of its own; those of the
first layer are grouped by input, which is automatic relevance determination.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .._engines import Stack
from .._validation import Array, Index
from ._normal import Factor

# a noise precision beyond it is rounding error
_MAX_BETA = 1e14
_ALPHA_RANGE = (1e-8, 1e8)
# beyond this part of the residuals, effective parameters interpolate
_MAX_FRACTION = 0.92
# noise precision that a fit begins with: a smooth fit first, details later
FIRST_BETA = 5.0
# hyperparameters are bounded for as long as the fit is still far from its optimum,
# or a network may be switched off before it has learnt anything
_WARM_UP = 20
_WARM_UP_RATIO = 10.0
# precision of the prior of biases where alpha is given, small but proper
_FREE = 1e-6


@dataclass(frozen=True)
class Hyper:
    """Precisions of the prior and of the noise.

    Attributes
    ----------
    alpha : ndarray of shape (n_groups,)
        Precision of the prior of each group.
    beta : float
        Precision of the noise, for rows of mean weight.
    gamma : float
        The effective number of parameters.
    log_evidence : float
        Up to a constant that is the same for all networks on the same data.
    interpolates : bool
        Whether there are almost as many effective parameters as residuals.
    precision : float
        Of labelled slopes, in units of that of values.
    """

    alpha: Array
    beta: float
    gamma: float = 0.0
    log_evidence: float = -np.inf
    interpolates: bool = False
    precision: float = 1.0


class Prior:
    """Groups of parameters, and their precisions from the evidence.

    Parameters
    ----------
    stack : Stack
        The network.
    count : float
        The number of residuals, weights counted as rows.
    alpha : float or None
        A fixed strength of the L2 penalty on all weights, in units of the noise, with
        free biases; None for precisions from the evidence.
    """

    def __init__(self, stack: Stack, count: float, alpha: float | None) -> None:
        self.groups, self.is_bias = _groups(stack)
        self.sizes = np.bincount(self.groups).astype(float)
        self.count = count
        self.alpha = alpha
        self.first = Hyper(np.ones(len(self.sizes)), FIRST_BETA)

    def ratio(self, hyper: Hyper) -> Array:
        """Return alpha over beta for every parameter: the weight decay in the fit."""
        if self.alpha is not None:
            return np.where(self.is_bias, 0.0, self.alpha)
        return (hyper.alpha / hyper.beta)[self.groups]

    def proper_ratio(self, hyper: Hyper) -> Array:
        """Return the same with a proper prior everywhere, for the posterior."""
        ratio = self.ratio(hyper)
        return ratio if self.alpha is None else np.maximum(ratio, _FREE)

    def update(
        self, hyper: Hyper, theta: Array, error: float, factor: Factor, n_iter: int
    ) -> Hyper:
        """Return the re-estimated precisions, with the evidence for them.

        Parameters
        ----------
        hyper : Hyper
            The present precisions.
        theta : ndarray
            The parameters.
        error : float
            The weighted sum of squared residuals.
        factor : Factor
            Of the Gauss-Newton matrix with `proper_ratio` on the diagonal.
        n_iter : int
            The iteration, for the bounds during the first ones.
        """
        used = self.proper_ratio(hyper) * factor.inverse_diagonal()
        gamma = self.sizes - np.bincount(self.groups, used)
        gamma = np.clip(gamma, 1e-3, self.sizes)
        total = float(gamma.sum())
        beta = max(self.count - total, 1.0) / max(error, 1e-300)
        beta = min(beta, _MAX_BETA)
        squares = np.bincount(self.groups, theta**2)
        if self.alpha is None:
            alpha = np.clip(gamma / (squares + 1e-12), *_ALPHA_RANGE)
            if n_iter < _WARM_UP:
                beta = max(beta, FIRST_BETA)
                alpha = np.minimum(alpha, _WARM_UP_RATIO * beta)
        else:
            ratio = np.bincount(self.groups, self.proper_ratio(hyper)) / self.sizes
            alpha = ratio * beta
        log_evidence = 0.5 * (
            -beta * error
            - alpha @ squares
            - factor.log_det
            + self.sizes @ np.log(alpha / beta)
            + self.count * np.log(beta)
        )
        full = total > _MAX_FRACTION * self.count
        return Hyper(alpha, beta, total, float(log_evidence), full)

    def evidence(
        self, hyper: Hyper, theta: Array, error: float, factor: Factor
    ) -> float:
        """Return the log evidence of precisions, with the best noise for their ratio.

        That of `update` is ahead of it while precisions rise: the new ones then belong
        to another factor than the one at hand.
        """
        ratio = np.bincount(self.groups, self.proper_ratio(hyper)) / self.sizes
        total = error + float(ratio @ np.bincount(self.groups, theta**2))
        beta = min(self.count / max(total, 1e-300), _MAX_BETA)
        return 0.5 * float(
            -beta * total
            - factor.log_det
            + self.sizes @ np.log(ratio)
            + self.count * np.log(beta)
        )

    def relevance(self, hyper: Hyper, stack: Stack) -> Array:
        """Return the prior scale of the weights of each input, at most 1.

        It is the root mean square over the kinds of units that the input feeds and its
        linear part, in units of the largest.
        """
        kinds = len(stack.kernels) if stack.hidden else 1
        variance = (1 / hyper.alpha[: kinds * stack.n_in]).reshape(kinds, -1)
        if stack.skip:
            variance = np.vstack([variance, 1 / hyper.alpha[-stack.n_in :]])
        scale = np.sqrt(variance.mean(0))
        return scale / scale.max()


def _groups(stack: Stack) -> tuple[Index, NDArray[np.bool_]]:
    """Return the group of every parameter, and whether it is a bias.

    Weights of the first layer have a group for each input and kind of units, those of
    the outputs one for each unit and each input, so that units and inputs which the
    data do not ask for are switched off; other layers and all biases have one each.
    """
    parts: list[Index] = []
    biases: list[NDArray[np.bool_]] = []
    n_groups = 0
    kinds = len(stack.kernels)

    def add(labels: Index, n_new: int, *, bias: bool = False) -> None:
        nonlocal n_groups
        parts.append(np.ravel(labels) + n_groups)
        biases.append(np.full(parts[-1].size, bias))
        n_groups += n_new

    widths = (stack.n_in, *stack.hidden)
    for i, (n, width) in enumerate(pairwise(widths)):
        if i == 0:
            add(np.arange(n) + n * stack.kinds(width)[:, None], n * kinds)
        else:
            add(np.zeros(n * width, int), 1)
        add(np.zeros(width, int), 1, bias=True)
    inner, inner_bias = parts[:], biases[:]
    parts, biases = [], []
    add(np.arange(widths[-1]), widths[-1])
    add(np.zeros(1, int), 1, bias=True)
    if stack.skip:
        add(np.arange(stack.n_in), stack.n_in)
    groups = [*inner, *parts * stack.n_out]
    is_bias = [*inner_bias, *biases * stack.n_out]
    return np.concatenate(groups), np.concatenate(is_bias)
