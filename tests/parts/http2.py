"""Origins that speak HTTP/2 alone, as a fixture, by Node's own `http2`. The server itself: `http2/server.mjs`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from parts.catalogue import PARTS
from parts.certificates import LOOPBACK, Authority
from parts.not_run import need
from parts.part import HERE
from parts.process import running

CHALLENGE = 'Digest realm="r", nonce="0123456789abcdef", qop="auth", algorithm=SHA-256, opaque="opaque-of-the-realm"'


@dataclass(frozen=True)
class Http2:
    """Four origins: `home`, the same with another port, another address, and over IPv6. `/go/<status>/<location in hex>` redirects;
    `/digest…` wants an answer to a challenge first."""

    home: str
    port: str
    address: str
    ipv6: str
    ca: Path
    log: Path

    def seen(self) -> list[dict[str, Any]]:
        """What has arrived, in order: `origin`, `headers` (name, value; pseudo-headers, too) and `body`."""
        told = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        return [
            {"origin": one["origin"], "headers": list(zip(one["raw"][::2], one["raw"][1::2], strict=True)), "body": base64.b64decode(one["body"])}
            for one in told
        ]

    def forget(self) -> None:
        """Forget what has arrived."""
        self.log.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def http2(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Http2]:
    """Node's HTTP/2 server: no HTTP/1.1 is spoken there."""
    need(PARTS["http2"])
    folder = tmp_path_factory.mktemp("http2")
    tls = authority.issue(*LOOPBACK, "127.0.0.2")
    config = {"key": str(tls.key), "certificate": str(tls.certificate), "log": str(folder / "seen.jsonl"), "challenge": CHALLENGE}
    with running(["node", HERE / "http2" / "server.mjs"], folder, config=config) as facts:
        yield Http2(**facts, ca=authority.ca, log=folder / "seen.jsonl")
