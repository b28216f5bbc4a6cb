"""What "auto" stands for under solver="adam", and why."""

from __future__ import annotations

import math

ADAM_LEARNING_RATE = 0.01
N_STEPS = 10_000


def adam_batch_size(n_rows: int) -> int:
    return min(512, n_rows)


def adam_epochs(n_rows: int, batch_size: int) -> int:
    return min(500, max(10, math.ceil(N_STEPS / math.ceil(n_rows / batch_size))))


def adam_architecture(n_rows: int, n_in: int) -> tuple[tuple[int, ...], str]:
    return (64, 64, 64, 64), "silu"
