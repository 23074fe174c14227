"""Changing one key of a profile's text in its place: everything else stays byte for byte.

Comments, order, quotes, indentation and line ends around the change are the author's. What comes out is read again, and
must hold the old data with exactly that one change; else nothing is changed and EditRefused says so.
"""

from __future__ import annotations

from authweave.editing.change import edited, removed, renamed
from authweave.editing.lines import Lines, changed_lines

__all__ = ["Lines", "changed_lines", "edited", "removed", "renamed"]
