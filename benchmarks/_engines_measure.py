"""The check and the interleaved rounds of the contestants of one cell."""

import numpy as np
from _engines_clock import seconds_of
from _engines_floor import floor_seconds
from _engines_problem import Skip, truth

MOST_BYTES = 2e9  # held beyond the result
MOST_SECONDS = 20.0  # of one call
BUDGET = 6.0  # seconds of all rounds of a contestant
LEAST_SECONDS = 0.02  # of one measurement, which repeats short calls
N_CHECKED = 50
# relative; differences are as accurate as they can be
BOUNDS = {"float32": 1e-3, "float64": 1e-9}
BOUNDS_OF_DIFFERENCES = {"float32": 0.1, "float64": 1e-4}


def check(name, net, result, expected):
    """Return the relative error; raise if it is not that of rounding."""
    head = np.reshape(result, (-1, *expected.shape[1:]))[: len(expected)]
    error = abs(head - expected).max() / abs(expected).max()
    bounds = BOUNDS_OF_DIFFERENCES if "differences" in name else BOUNDS
    if not error < bounds[net.dtype]:
        raise AssertionError(f"{name}: relative error {error:.1e}, {net.shape}")
    return float(error)


def admit(contestant, net, n, known):
    """Raise Skip if a contestant would need too much memory or time."""
    n_bytes = contestant.per_row(net) * net.itemsize * n
    if n_bytes > MOST_BYTES:
        raise Skip(f"would hold about {n_bytes / 1e9:.1f} GB")
    # calls of few rows take as long as of a hundred
    expected = known[0] * n / max(known[1], 100) if known else 0
    if expected > MOST_SECONDS:
        raise Skip(f"would take about {expected:.0f} s")


def interleaved(calls, first, n_rounds):
    """Return the medians of wall and CPU seconds, {name: (wall, cpu)}."""
    times = {name: [] for name in calls}
    for i in range(n_rounds):
        for name, call in calls.items():
            if i == 0 or (i + 1) * first[name] < BUDGET:
                n_calls = max(1, int(LEAST_SECONDS / first[name]))
                times[name].append(seconds_of(call, n_calls))
    return {name: np.median(pairs, axis=0).tolist() for name, pairs in times.items()}


def cell(quantity, contestants, net, X, n_rounds, known):
    """Return a row of results for each contestant.

    `known` holds, by contestant, the seconds and the number of rows of its last cell,
    by which the time of this one is foreseen.
    """
    expected = truth(quantity, net, X[:N_CHECKED])
    calls, first, rows = {}, {}, {}
    for name, contestant in contestants.items():
        rows[name] = {"contestant": name}
        try:
            admit(contestant, net, len(X), known.get(name))
            function = contestant.make(net, X)
        except Skip as reason:
            rows[name]["skipped"] = str(reason)
            continue
        # the first call compiles, too
        rows[name]["error"] = check(name, net, function(X), expected)
        calls[name] = lambda function=function: function(X)
        # the lesser of the two is the one that other work disturbs less
        first[name] = min(seconds_of(calls[name]))
    for name, (wall, cpu) in interleaved(calls, first, n_rounds).items():
        rows[name].update(wall=wall, cpu=cpu)
        known[name] = min(wall, cpu, first[name]), len(X)
    floor = floor_seconds(quantity, net, len(X))
    return [{**row, "floor": floor} for row in rows.values()]
