"""Event loops, as platforms have them: is there one?"""

from __future__ import annotations

import asyncio


def is_in_loop() -> bool:
    """Is this called in an event loop?"""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
