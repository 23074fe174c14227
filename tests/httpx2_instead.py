"""`AUTHWEAVE_HTTP=httpx2`: the suite on httpx2 in the place of httpx, as a host has it that gives the one the other's name."""

from __future__ import annotations

import os
import sys

import pytest

IS_CHOSEN = os.environ.get("AUTHWEAVE_HTTP") == "httpx2"
needs_httpx = pytest.mark.skipif(IS_CHOSEN, reason="httpx itself is looked at, and httpx2 stands in its place")


def take_its_place() -> None:
    """Let `import httpx` find httpx2. Before anything imports either."""
    import httpx2

    assert "httpx" not in sys.modules
    sys.modules["httpx"] = httpx2


if IS_CHOSEN:
    take_its_place()
