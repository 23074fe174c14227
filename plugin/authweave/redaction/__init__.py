"""Keeping secrets out of everything that people see: by value in every encoding, and by place."""

from __future__ import annotations

from authweave.redaction.redactor import Redactor, fingerprint, inert, masked

__all__ = ["Redactor", "fingerprint", "inert", "masked"]
