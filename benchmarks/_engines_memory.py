"""Time and memory against the number of rows, in a process of its own."""

import tempfile
from pathlib import Path

import numpy as np
from _engines_clock import seconds_of
from _engines_problem import make_net, rows
from _engines_sections import SHAPES
from _memory import forget_peak, peak_bytes, traced_peak

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
IN_MEMORY = SHAPES[4], 200_000
ON_DISK = SHAPES[1]
N_WARM = 2000


def measure(net, X, out, n_rounds):
    """Return time and extra memory of one Jacobian into `out`."""
    jacobian = net.model.predict_jacobian
    jacobian(X[:N_WARM], out=out[:N_WARM])
    # its pages are resident from here on, and no growth of the call
    out[:] = 0

    def call():
        jacobian(X, out=out)

    forget_peak()
    before = peak_bytes()
    call()
    grown = peak_bytes() - before
    wall, cpu = np.median([seconds_of(call) for _ in range(n_rounds)], axis=0)
    return {
        "shape": str(net.shape),
        "activation": net.activation,
        "dtype": net.dtype,
        "n": len(X),
        "contestant": "predict_jacobian",
        "wall": float(wall),
        "cpu": float(cpu),
        "resident": grown,
        "traced": traced_peak(call),
    }


def scaling(n, n_rounds, folder):
    """Measure with a memory map of the result."""
    net = make_net(ON_DISK)
    X = rows(ON_DISK, n, net.dtype)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        path = Path(temporary) / "jacobian.npy"
        out = np.lib.format.open_memmap(path, "w+", net.dtype, (n, ON_DISK.d))
        return {"section": "scaling", **measure(net, X, out, n_rounds)}


def in_memory(n, n_rounds):
    """Measure with an array of the result."""
    shape = IN_MEMORY[0]
    net = make_net(shape)
    out = np.empty((n, shape.k, shape.d), net.dtype)
    X = rows(shape, n, net.dtype)
    return {"section": "memory", **measure(net, X, out, n_rounds)}
