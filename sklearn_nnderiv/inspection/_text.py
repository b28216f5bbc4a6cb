"""Tables in plain text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def text_table(columns: Mapping[str, Sequence[Any]], most_rows: int = 40) -> str:
    """Return columns of equal length as lines of text, words left, numbers right."""
    n = len(next(iter(columns.values())))
    lines = [
        _aligned(name, list(values)[:most_rows]) for name, values in columns.items()
    ]
    rows = ["  ".join(parts).rstrip() for parts in zip(*lines, strict=True)]
    if n > most_rows:
        rows.append(f"... and {n - most_rows} more; `frame` has all")
    return "\n".join(rows)


def _aligned(name: str, values: list[Any]) -> list[str]:
    cells = [_cell(value) for value in values]
    width = max(map(len, [name, *cells]))
    is_number = all(isinstance(value, float | int | np.number) for value in values)
    return [
        f"{cell:>{width}}" if is_number else f"{cell:<{width}}"
        for cell in (name, *cells)
    ]


def _cell(value: Any) -> str:
    is_float = isinstance(value, float | np.floating)
    return f"{value:.4g}" if is_float else str(value)
