"""Diagnoses: signal → cause → key → fix. One file per family, each a table that a newcomer extends by one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from authweave.diagnosis import (
    api,
    assertions,
    aws,
    checks,
    discovery,
    logins,
    network,
    oauth1,
    profiles,
    signing,
    tls,
    token_answers,
    token_errors,
)
from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, worded

__all__ = ["ENTRIES", "Case", "Entry", "Remedy", "worded"]

ENTRIES: Final[Mapping[str, Entry]] = {
    **profiles.ENTRIES, **network.ENTRIES, **tls.ENTRIES, **token_errors.ENTRIES, **token_answers.ENTRIES, **logins.ENTRIES, **signing.ENTRIES, **api.ENTRIES, **assertions.ENTRIES, **aws.ENTRIES, **oauth1.ENTRIES,
    **discovery.ENTRIES, **checks.ENTRIES,
}  # fmt: skip
"""Every diagnosis by its code."""
