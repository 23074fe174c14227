"""How a WSGI part listens on a free loopback port and says so: `node/ready.mjs` in Python.

Runs in a part's own virtual environment: standard library and waitress only.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def config() -> dict[str, Any]:
    """What the tests want of this server: JSON in PART_CONFIG."""
    return json.loads(os.environ.get("PART_CONFIG", "{}"))  # type: ignore[no-any-return]  # an object by agreement


def listening() -> socket.socket:
    """A free loopback port, open already: who asks too early waits."""
    return socket.create_server(("127.0.0.1", 0), backlog=512)


def origin_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}"


def serve(
    application: Callable[[dict[str, Any], Any], Iterable[bytes]], *, threads: int = 16, listener: socket.socket | None = None
) -> None:
    """Serve until stopped; the file that PART_READY names gets `{"http": origin}` once the port is open."""
    import waitress  # type: ignore[import-not-found]  # lives in the part's own virtual environment

    listener = listener or listening()
    ready({"http": origin_of(listener)})
    waitress.serve(application, sockets=[listener], threads=threads, ident=None)


def ready(facts: dict[str, Any]) -> None:
    """Tell whoever waits."""
    if not (file := os.environ.get("PART_READY")):
        print(json.dumps(facts), flush=True)
        return
    new = Path(f"{file}.new")
    new.write_text(json.dumps(facts))
    new.replace(file)
