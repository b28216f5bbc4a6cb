"""A fit from its rows to the fitted attributes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state

from .._converters import N_SAMPLE_ROWS, check_slope
from .._maps import Network
from .._parameters import check_net
from .._reference import Reference
from .._training import Rows, WeightedNet
from .._validation import Array, dense
from ..exceptions import TrainingDivergedError
from ._built_in import train_built_in
from ._compose import compose
from ._given import train_given
from ._label_units import warn_of_units


def train(estimator: Any, rows: Rows, *, resume: bool, one_epoch: bool) -> None:
    """Fit whatever is to be fitted, and set the fitted attributes."""
    seed = int(check_random_state(estimator.random_state).randint(2**31 - 1))
    if resume and isinstance(estimator.net_, WeightedNet) != (estimator.net is None):
        raise ValueError(
            "Training cannot go on from the fitted network, because it was trained "
            f"{'with' if estimator.net is None else 'without'} `net`. Call fit with "
            "warm_start=False to begin anew."
        )
    if rows.jacobian is not None and not resume:
        warn_of_units(rows, getattr(estimator, "feature_names_in_", None))
    if estimator.net is None:
        train_built_in(estimator, rows, resume=resume, one_epoch=one_epoch, seed=seed)
    else:
        check_net(estimator)
        train_given(estimator, rows, resume=resume, one_epoch=one_epoch, seed=seed)
    module = estimator.net_.module_.eval()
    if not all(torch.isfinite(p).all() for p in module.parameters()):
        raise TrainingDivergedError(
            "The parameters of the network became NaN or infinite. Lower the learning "
            "rate, or scale X and y if their values are of very different size."
        )
    estimator.module_ = compose(estimator)
    keep_reference(estimator, rows, go_on=resume and one_epoch)
    if estimator.net is not None:
        (network,) = (m for m in estimator.module_.parts() if isinstance(m, Network))
        scaled = np.asarray(estimator.x_scaler_.transform(rows.X[:N_SAMPLE_ROWS]))
        check_slope(network, scaled, "The module of `net`")


def keep_reference(estimator: Any, rows: Rows, *, go_on: bool) -> None:
    """Keep some of the rows, by which to tell later what lies beyond them."""

    def scaled(X: Array) -> Array:
        return dense(estimator.x_scaler_.transform(X))

    if not go_on:
        estimator._reference = Reference.of(rows.X, scaled)
    elif hasattr(estimator, "_reference"):  # an old pickle has none of its first rows
        estimator._reference = estimator._reference.with_more(rows.X, scaled)
