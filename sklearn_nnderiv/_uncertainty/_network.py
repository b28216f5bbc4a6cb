"""Standard deviations of a DifferentiableRegressor between other maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .._engines import evaluate
from .._intervals import Intervals, acts_on_each
from .._validation import Array
from ._chain import Chain, composed

# rows at which it is looked whether outputs are mixed
_N_ROWS = 32


def network_stds(chain: Chain, X: Array) -> tuple[Array, Array]:
    """Return standard deviations of values (n, k) and of the Jacobian (n, k, d).

    Parameters
    ----------
    chain : Chain
        Around a fitted DifferentiableRegressor.
    X : array of shape (n, d)
        Raw rows.
    """
    between = between_maps(chain, X)
    return between.value_std(X), between.jacobian_std(X)


def between_maps(chain: Chain, X: Array) -> Intervals:
    """Return the posterior in units of what is before and after the regressor.

    X are rows for which a map behind it is looked at.
    """
    own = chain.regressor._intervals("return_std")
    x_map = composed((*chain.before, own.x_map))
    y_map = composed((own.y_map, *chain.after))
    if chain.after:
        head = X[:_N_ROWS]
        scaled = np.empty((len(head), x_map.n_out))
        evaluate(x_map, head, {"values": scaled})
        if not acts_on_each(y_map, own.posterior.network(scaled)):
            raise ValueError(
                "return_std=True needs a transformer of the target that leaves outputs "
                "apart: one that mixes them needs their covariance, which a "
                "DifferentiableRegressor does not provide."
            )
    return replace(own, x_map=x_map, y_map=y_map)
