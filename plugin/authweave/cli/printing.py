"""What commands print: plain tables for terminals and pipes, JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from authweave.redaction import inert


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under their heads, in columns as wide as needed."""
    return "\n".join(columns([tuple(heads), *rows]))


def columns(rows: Iterable[Sequence[str]], indent: str = "") -> list[str]:
    """Rows as lines, in columns as wide as needed; nothing in a cell can move the cursor."""
    cells = [tuple(inert(cell, lines=True) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [indent + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True) if width).rstrip() for row in cells]


def print_json(data: Any) -> None:
    """Print data for programs. What could move a cursor is an escape, as everything outside ASCII."""
    print(json.dumps(data, indent=2))
