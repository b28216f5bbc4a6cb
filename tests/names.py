"""Names of test cases."""

import re


def stable_name(value):
    """Return what a value is printed as, the same in every process."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
