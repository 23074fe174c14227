"""Regular expressions of authors, run in linear time."""

from __future__ import annotations

from authweave.errors import PatternError
from authweave.patterns.pattern import Pattern, compile_pattern

__all__ = ["Pattern", "PatternError", "compile_pattern"]
