"""What a JWT says, as it is written (RFC 7519 §3): to tell people, never to believe. Nothing is verified."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from authweave.answers.responses import NotJson, parse_answer

LONGEST: Final = 16384
"""Characters of one part; of a longer one nothing is read."""


def jwt_part(part: str) -> Mapping[str, Any] | None:
    """The header or the claims, from their base64url; None for what is no JSON object."""
    if len(part) > LONGEST:
        return None
    try:
        found = parse_answer(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, NotJson):
        return None
    return found if isinstance(found, dict) else None
