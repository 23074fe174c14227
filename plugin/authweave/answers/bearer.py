"""What a Bearer header can carry: RFC 6750 §2.1.

The grammar (`b64token`) knows letters, digits and `-._~+/`, with `=` at the end. Real servers also hand out `!`, `|` or
`:` inside tokens and read them back, so these pass; what ends or splits a credential on its way does not.
"""

from __future__ import annotations

import re
from typing import Final

_CARRIED: Final = re.compile(r"[!#$%&'()*+\-./0-9:<>?@A-Z\[\]^_`a-z{|}~]+=*", re.ASCII)


def wrong_bearer(token: str) -> str:
    """Why a Bearer header cannot carry this token, without quoting it; '' if it can."""
    if _CARRIED.fullmatch(token):
        return ""
    if not token:
        return "is empty"
    if "=" in token.rstrip("="):
        return "has `=` before its end, which makes a parameter of it (RFC 6750 §2.1)"
    return "has a character that a Bearer header cannot carry: a blank, a quote, a comma, a control or non-ASCII character (RFC 6750 §2.1)"
