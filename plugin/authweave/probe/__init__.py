"""Test auth: the real path, recorded. `test_profile` answers a Report; a person who signs in meanwhile is `Goes` or `SignsIn`."""

from __future__ import annotations

from authweave.probe.run import test_profile
from authweave.probe.sign_in_part import Goes, SignsIn

__all__ = ["Goes", "SignsIn", "test_profile"]
