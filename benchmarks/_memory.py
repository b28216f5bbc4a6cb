"""How much memory a call needs."""

import re
import resource
import sys
import tracemalloc
from pathlib import Path


def forget_peak():
    """Let the peak begin anew from what is resident now, where Linux can."""
    if sys.platform == "linux":
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def peak_bytes():
    """Return the most memory that has been resident."""
    if sys.platform == "linux":
        # not ru_maxrss, which a process inherits from its parent
        status = Path("/proc/self/status").read_text("ascii")
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def traced_peak(call):
    tracemalloc.start()
    call()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak
