"""The report of "test auth" as one value; every format renders this and nothing else. Redacted by construction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Report:
    """Placeholder until the probe lands."""

    profile: Any = None
