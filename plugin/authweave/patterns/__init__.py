"""Regular expressions of authors, run in linear time."""

from __future__ import annotations

from authweave.errors import PatternError
from authweave.patterns.pattern import ALL_STATES, Pattern, compile_pattern, size_of
from authweave.patterns.searching import note_proven, proven, searching

__all__ = ["ALL_STATES", "Pattern", "PatternError", "compile_pattern", "note_proven", "proven", "searching", "size_of"]
