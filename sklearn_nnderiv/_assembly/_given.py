"""Training of a net that the user brings."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from sklearn.base import clone

from .._training import Rows, loss_curve, prepare_net, takes_weights, train_net
from .._validation import check_device
from ._prepare import fit_scalers, make_problem


def train_given(
    estimator: Any, rows: Rows, *, resume: bool, one_epoch: bool, seed: int
) -> None:
    device = check_device(estimator.device)
    weighted = bool(np.ptp(rows.weight) > 0)
    if resume:
        net = copy.deepcopy(estimator.net_)
        _check_resumable(estimator, rows.y.shape[1], weighted)
        problem = make_problem(estimator, rows, 0.0, go_on=True)
    else:
        fit_scalers(estimator, rows.merged())
        problem = make_problem(estimator, rows, 0.0, go_on=False)
        net = prepare_net(
            clone(estimator.net),
            problem,
            device=device,
            seed=seed,
            verbose=estimator.verbose,
            weighted=weighted,
        )
    epochs = 1 if one_epoch else None
    train_net(net, problem, seed=seed, device=device, epochs=epochs)
    estimator.net_ = net
    estimator._posterior = estimator._evidence = None
    estimator._net_parameters = _plain_parameters(estimator.net)
    estimator.loss_curve_ = loss_curve(net)
    estimator.n_iter_ = max(1, len(estimator.loss_curve_))


def _plain_parameters(net: Any) -> dict[str, Any]:
    """Return those parameters of a net that can be compared."""
    plain = (bool, int, float, str, type, type(None))
    parameters = net.get_params(deep=False)
    return {k: v for k, v in parameters.items() if isinstance(v, plain)}


def _check_resumable(estimator: Any, n_outputs: int, weighted: bool) -> None:
    before, now = estimator._net_parameters, _plain_parameters(estimator.net)
    changed = sorted(
        f"net__{name}"
        for name in before.keys() | now.keys()
        if before.get(name) != now.get(name)
    )
    parameter = next(estimator.net_.module_.parameters())
    kinds = {
        "dtype": (str(parameter.dtype), f"torch.{estimator.dtype}"),
        "device": (parameter.device.type, check_device(estimator.device).type),
    }
    changed += [name for name, (fitted, asked) in kinds.items() if fitted != asked]
    if changed:
        raise ValueError(
            f"Training cannot go on from the fitted network, because {changed} changed "
            "since. Call fit to begin anew."
        )
    if n_outputs != estimator.n_outputs_:
        raise ValueError(
            f"y has {n_outputs} outputs, but the fitted DifferentiableRegressor is "
            f"expecting {estimator.n_outputs_}."
        )
    if weighted and not takes_weights(estimator.net_):
        raise ValueError(
            "`net` was first trained without sample weights, which its criterion "
            "cannot take now. Give sample_weight from the first partial_fit on."
        )
