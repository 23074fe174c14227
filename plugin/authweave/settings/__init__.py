"""What an operator decides: one value, and where each part of it came from."""

from __future__ import annotations

from authweave.settings.value import CONFIG, MEMBERS, VARIABLES, Member, Settings

__all__ = ["CONFIG", "MEMBERS", "VARIABLES", "Member", "Settings"]
