"""Folders of profiles that are edited while they are used: the last good version of each, found by name, version or path."""

from __future__ import annotations

from authweave.profile_files.by_tenant import FilesByTenant
from authweave.profile_files.finding import Change, ProfileFiles
from authweave.profile_files.watched import BrokenProfile

__all__ = ["BrokenProfile", "Change", "FilesByTenant", "ProfileFiles"]
