"""How long metadata are used without being asked for again."""

from __future__ import annotations

import re
from typing import Final

from authweave.values import TaskResponse

SHORTEST: Final = 300.0
USUAL: Final = 3600.0
LONGEST: Final = 86_400.0
STALE: Final = 7 * 86_400.0
"""Seconds after which metadata are not used any more, also where their server gives no answer."""
AGAIN: Final = 30.0
"""Seconds before a server that failed is asked again."""
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age\s*=\s*\"?(\d{1,10})\"?(?=[\s,]|$)", re.IGNORECASE)
_FORBIDS: Final = re.compile(r"(?:^|[\s,])(?:no-store|no-cache)(?=[\s,=]|$)", re.IGNORECASE)


def fresh_for(response: TaskResponse) -> float:
    """Seconds that an answer stays fresh, as its Cache-Control says (RFC 9111 §5.2), within bounds.

    Who forbids keeping it is asked every few minutes: with each token call would be an attack on our own sign-in.
    """
    said = ", ".join(value for name, value in response.headers if name.lower() == "cache-control")
    if _FORBIDS.search(said):
        return SHORTEST
    found = _MAX_AGE.search(said)
    return min(max(float(found[1]), SHORTEST), LONGEST) if found else USUAL
