"""Rows at which scikit-learn's output depends on the order of its search."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._maps import Map, device_of
from .._validation import Array, warn
from ..exceptions import DerivativeWarning


def left_open(function: Map, X: Array, name: str) -> NDArray[np.bool_]:
    """Return at which rows a part says that another choice is as good; warn of them."""
    rows = np.zeros(len(X), dtype=np.bool_)

    def note(part: Any, inputs: Any) -> None:
        found = part.undecided(inputs[0]).reshape(len(X), -1).any(dim=1)
        rows[:] |= found.cpu().numpy()

    parts = [part for part in function.modules() if hasattr(part, "undecided")]
    if not parts:
        return rows
    hooks = [part.register_forward_pre_hook(note) for part in parts]
    try:
        with torch.inference_mode(False), torch.no_grad():
            function(torch.tensor(X, device=device_of(function)))
    finally:
        for hook in hooks:
            hook.remove()
    if rows.any():
        warn(
            f"{rows.sum()} of {len(X)} sample rows are as far from one training row as "
            f"from others, of which {name} takes those that its search meets first. "
            "It jumps there, and the values of its torch map may be of another choice.",
            DerivativeWarning,
        )
    return rows
