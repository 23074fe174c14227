"""How hard property tests try: a quick look in the core tier, a long one in the heavy tier."""

from __future__ import annotations

import os

HEAVY = os.environ.get("AUTHWEAVE_TIER") == "heavy" or (os.environ.get("AUTHWEAVE_REQUIRE") == "all" and not os.environ.get("AUTHWEAVE_TIER"))


def examples(heavy: int) -> int:
    """The number of examples: all of them in the heavy tier, a fifth (at least 20) otherwise."""
    return heavy if HEAVY else max(20, heavy // 5)
