"""Keeping secrets out of everything that people see: by value in every encoding, and by place."""

from __future__ import annotations

from authweave.redaction.inert import inert
from authweave.redaction.marks import fingerprint, masked
from authweave.redaction.redactor import Redactor

__all__ = ["Redactor", "fingerprint", "inert", "masked"]
