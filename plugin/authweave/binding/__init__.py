"""From checked data to a frozen Profile. Called only for data without errors."""

from __future__ import annotations

from authweave.binding.profile import bind

__all__ = ["bind"]
