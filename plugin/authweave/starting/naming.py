"""The name of a new profile, which is that of its file."""

from __future__ import annotations

import re
from typing import Final

from authweave.frame import NAME

LONGEST: Final = 100
_NAME: Final = re.compile(NAME)


def wrong_name(name: str) -> str:
    """Why this cannot be a profile's name; '' if it can."""
    if _NAME.match(name) and len(name) <= LONGEST:
        return ""
    bare = re.sub(r"\.(ya?ml|json)$", "", name)
    tidy = re.sub("[^a-z0-9]+", "-", bare.lower()).strip("-")[:LONGEST].strip("-")
    near = f"; write {tidy}" if tidy and _NAME.match(tidy) else ""
    return f"a name is made of a-z, 0-9 and single hyphens, and at most {LONGEST} characters{near}"
