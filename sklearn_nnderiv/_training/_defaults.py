"""What "auto" stands for under solver="adam", and why.

The figures are relative errors of the Jacobian on new points, of noise-free functions
of 3 to 10 inputs, after equal time (benchmarks/large.py prints some of them).
"""

from __future__ import annotations

import math

ADAM_LEARNING_RATE = 0.01
"""The largest step size.

0.005 is as good on easy functions (wing weight, 10,000 rows: 6.0e-4 against 6.6e-4) and
worse on hard ones (robot arm: 0.110 against 0.088).
"""

ADAM_STEPS = 5_000


def adam_batch_size(n_rows: int) -> int:
    """Return the rows in a mini-batch.

    All rows up to 200 of them, then an eighth of them between 200 and 512. From 50,000
    rows on, 1,024 rows do as well as 512 in equal time, and are taken from 200,000 rows
    on, where they save a part of the preconditioner's time in every epoch.

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

    More steps pay on hard functions only: the robot arm at 10,000 rows goes from 0.095
    (2,500 steps) to 0.062 (10,900), borehole from 4.4e-3 to 4.2e-3. On noisy data they
    do harm: with 10% of noise, wing weight at 10,000 rows goes from 0.04 (400 steps) to
    0.23 (2,000) unless early_stopping ends them. The limits keep small data from being
    visited more than 250 times and large data less than 10 times.

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


def adam_architecture(n_rows: int, n_in: int) -> tuple[tuple[int, ...], str]:
    """Return the hidden layers' widths and the activation.

    They depend on neither argument: four layers of 64 are better than two at 500 rows
    (wing weight 0.010 against 0.017, piston 0.034 against 0.094) as at 10,000 (robot
    arm 0.09 with four, 0.13 with three of 64 or of 128), and 96 wide gain nothing at
    50,000 rows in equal time. silu and gelu are alike, tanh is twice as far off.

    Parameters
    ----------
    n_rows : int
        Training rows.
    n_in : int
        Inputs of the network.

    Returns
    -------
    hidden_layer_sizes : tuple of int
    activation : str
    """
    return (64, 64, 64, 64), "silu"
