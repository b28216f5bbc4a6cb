"""From trained parts to the one map from raw X to raw y."""

from __future__ import annotations

import copy
from typing import Any

import torch

from .._elementwise.activations import has_kinks
from .._maps import Map, Network, Sequential


def compose(estimator: Any) -> Map:
    """Return the map from raw X to raw y."""
    module = estimator.net_.module_
    parameter = next(module.parameters())
    network = Network(
        module,
        estimator._x_map.n_out,
        estimator.n_outputs_,
        parameter.dtype,
        "piecewise" if has_kinks(module) else "smooth",
    )
    # copies stay on the CPU, where a pickle of them can be read anywhere
    with torch.inference_mode(False):
        before, after = copy.deepcopy((estimator._x_map, estimator._y_map))
        composed = Sequential([before, network, after], estimator.n_features_in_)
        return composed.to(parameter.device).eval()
