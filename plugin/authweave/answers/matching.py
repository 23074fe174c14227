"""Does an answer meet a condition? `accepted_when`, `rejected_when`, and the tests' own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from authweave.profile import Match


def matches(match: Match, status: int, scope: Mapping[str, Any]) -> bool:
    """Status (any, if none is written) and `when` both hold."""
    return (not match.statuses or status in match.statuses) and (match.when is None or match.when.is_true(scope))


def statuses_of(written: Iterable[int | str]) -> frozenset[int]:
    """Exact codes, and classes such as `4xx` spelt out."""
    codes: set[int] = set()
    for item in written:
        codes |= {item} if isinstance(item, int) else set(range(int(item[0]) * 100, int(item[0]) * 100 + 100))
    return frozenset(codes)
