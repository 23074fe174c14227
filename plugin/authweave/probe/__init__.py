"""Test auth: the real path, recorded. `test_profile` answers a Report."""

from __future__ import annotations

from authweave.probe.run import test_profile

__all__ = ["test_profile"]
