"""What "auto" stands for under solver="adam"."""

from __future__ import annotations

import math

# The largest step size of a schedule; half of it is as good on easy functions, worse on
# hard ones. Without a schedule it is noise at the end.
ADAM_LEARNING_RATE = 0.01
ADAM_CONSTANT_RATE = 0.003
# Steps of a schedule. More pay on hard functions only, and harm on noisy data.
ADAM_STEPS = 5_000
# Four layers of 64 beat two, or three of 128, from 500 to 50,000 rows; silu and gelu
# are alike, tanh is twice as far off.
ADAM_HIDDEN = (64, 64, 64, 64)
ADAM_ACTIVATION = "silu"
# rows from which it costs nothing to withhold some
HELD_OUT_FROM = 10_000


def adam_batch_size(n_rows: int) -> int:
    """Return the rows in a mini-batch.

    All rows up to 200 of them, then an eighth of them between 200 and 512, and 1,024
    from 200,000 rows on.

    Parameters
    ----------
    n_rows : int
        Training rows.

    Returns
    -------
    batch_size : int
        At most n_rows.
    """
    if n_rows >= 200_000:
        return 1024
    return min(n_rows, 512, max(200, n_rows // 8))


def adam_epochs(n_rows: int, batch_size: int) -> int:
    """Return the epochs of a schedule of about 5,000 steps.

    The limits keep small data from being visited more than 250 times and large data
    less than 10 times.

    Parameters
    ----------
    n_rows : int
        Training rows.
    batch_size : int
        Rows in a mini-batch.

    Returns
    -------
    epochs : int
        From 10 to 250.
    """
    n_batches = math.ceil(n_rows / batch_size)
    return min(250, max(10, math.ceil(ADAM_STEPS / n_batches)))
