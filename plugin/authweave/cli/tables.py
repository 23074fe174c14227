"""Plain tables for terminals and pipes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from authweave.redaction import inert


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows under their heads, in columns as wide as needed."""
    return "\n".join(columns([tuple(heads), *rows]))


def columns(rows: Iterable[Sequence[str]], indent: str = "") -> list[str]:
    """Rows as lines, in columns as wide as needed; nothing in a cell can move the cursor."""
    cells = [tuple(inert(cell, lines=True) for cell in row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [indent + "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True) if width).rstrip() for row in cells]
