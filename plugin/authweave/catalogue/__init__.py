"""Folders of profiles that are edited while they are used: the last good version of each, found by name, version or path."""

from __future__ import annotations

from authweave.catalogue.finding import Catalogue, Change
from authweave.catalogue.watched import BrokenProfile

__all__ = ["BrokenProfile", "Catalogue", "Change"]
