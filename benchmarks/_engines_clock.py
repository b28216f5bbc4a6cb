"""The clock of `engines.py`."""

import time


def seconds_of(call, n_calls=1):
    """Return wall and CPU seconds of a call."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(n_calls):
        call()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return wall / n_calls, cpu / n_calls
