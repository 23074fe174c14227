"""tinyproxy as a fixture: a forward proxy that wants credentials, and lets CONNECT through to some ports alone."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from parts.catalogue import PARTS, TINYPROXY
from parts.not_run import need
from parts.process import PartFailed, started

USERNAME, PASSWORD = "robot", "proxy-planted-s3cr3t"
CONFIG = """
Port {port}
Listen 127.0.0.1
Timeout 30
MaxClients 50
LogLevel Error
{access}
"""

NewProxy = Callable[..., str]


@pytest.fixture
def tinyproxy(tmp_path: Path) -> Iterator[NewProxy]:
    """Starts proxies of the test's own; each answers `http://127.0.0.1:port`.

    `tinyproxy()` lets CONNECT through to every port, `tinyproxy(ports=(443,))` to these alone (else 403), and
    `tinyproxy(credentials=True)` wants USERNAME and PASSWORD (else 407).
    """
    need(PARTS["tinyproxy"])
    with ExitStack() as stack:

        def new(*, ports: tuple[int, ...] = (), credentials: bool = False) -> str:
            access = [*(f"ConnectPort {port}" for port in ports), *([f"BasicAuth {USERNAME} {PASSWORD}"] if credentials else [])]
            return _started(stack, tmp_path, "\n".join(access))

        yield new


def _started(stack: ExitStack, folder: Path, access: str, *, tries: int = 3) -> str:
    """It has to be told its port; should somebody take a free one first, take another."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    own = folder / f"tinyproxy-{port}"
    own.mkdir()
    (own / "tinyproxy.conf").write_text(CONFIG.format(port=port, access=access))
    command = [str(TINYPROXY.path()), "-d", "-c", str(own / "tinyproxy.conf")]
    try:
        stack.enter_context(started(command, own, answered=lambda: _answers(port)))
    except PartFailed:
        if tries == 1:
            raise
        return _started(stack, folder, access, tries=tries - 1)
    return f"http://127.0.0.1:{port}"


def _answers(port: int) -> dict[str, int] | None:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return {"port": port}
    except OSError:
        return None
