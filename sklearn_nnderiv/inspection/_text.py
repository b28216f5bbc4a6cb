"""Tables as text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

_MOST_LINES = 20


def text_table(columns: dict[str, Sequence[Any]]) -> str:
    """Return columns as lines of text, the first ones of many."""
    n = len(next(iter(columns.values())))
    cells = [
        [name, *(_text(value) for value in values[:_MOST_LINES])]
        for name, values in columns.items()
    ]
    widths = [max(map(len, column)) for column in cells]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in zip(*cells, strict=True)
    ]
    if n > _MOST_LINES:
        lines.append(f"... and {n - _MOST_LINES} more; `frame` has all")
    return "\n".join(lines)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else f"{value:.4g}"
