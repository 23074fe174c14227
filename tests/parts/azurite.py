"""Microsoft's Azurite as a fixture: blobs behind shared keys, checked by Azurite itself."""

from __future__ import annotations

import base64
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from parts.catalogue import AZURITE, PARTS
from parts.not_run import need
from parts.process import PartFailed, started

ACCOUNT = "parts1"
KEY = base64.b64encode(b"a shared key of the tests, 64 bytes long, as Azure's keys are...").decode()


@dataclass(frozen=True)
class Azurite:
    """A storage account `azurite.ACCOUNT` with the key `azurite.KEY` (base64).

    `container_url` + `?restype=container`: PUT makes it, GET answers 200 where the SharedKey signature fits, else 403
    AuthorizationFailure/AuthenticationFailed. Its resource is `/parts1/parts1/…`: account, then the path as it is.
    """

    origin: str

    @property
    def account_url(self) -> str:
        """`?comp=list` lists the containers (needs the key)."""
        return f"{self.origin}/{ACCOUNT}"

    @property
    def container_url(self) -> str:
        return f"{self.account_url}/things"


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azurite]:
    """Azure's blob service, as its own emulator decides: see `Azurite`."""
    need(PARTS["azurite"])
    with ExitStack() as stack:
        yield _started(stack, tmp_path_factory.mktemp("azurite"))


def _started(stack: ExitStack, folder: Path, *, tries: int = 3) -> Azurite:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    main = AZURITE.folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    options = [
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        "--location",
        str(folder),
        "--silent",
        "--disableTelemetry",
    ]
    environment = {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    try:
        stack.enter_context(
            started(["node", main, *options], folder, answered=lambda: _answer(port), environment=environment)
        )
    except PartFailed:
        if tries == 1:
            raise
        return _started(stack, folder, tries=tries - 1)
    return Azurite(f"http://127.0.0.1:{port}")


def _answer(port: int) -> dict[str, int] | None:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return None
    return {"port": port}
