"""The command line as tests run it: in this process for speed, or as a process of its own where that matters.

`Provider` is a real server on loopback that answers token requests and task requests, and really checks both.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote_plus

import authweave
from authweave.cli.running import run
from sockets import Asked, Peer, Server, http

SOURCE = str(Path(authweave.__file__).parents[1])
SECRET = "hush+/% s3cr3t-42"
CLIENT = "acme-bot"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


def environment(**more: str) -> dict[str, str]:
    """This process's environment without what would change the product, and with the package to be found."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AUTHWEAVE", "_AUTHWEAVE"))}
    path = os.pathsep.join(filter(None, (SOURCE, os.environ.get("PYTHONPATH"))))
    return {**clean, "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "PYTHONWARNINGS": "error", **more}


def here(capsys, *arguments: object) -> Done:
    """Run in this process."""
    capsys.readouterr()
    code = run([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return Done(code, captured.out, captured.err)


def apart(*arguments: object, stdin: str | bytes = b"", cwd: Path | None = None, **env: str) -> Done:
    """Run as a process; nobody sits at its terminal."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(
        [sys.executable, "-m", "authweave", *map(str, arguments)], input=given, capture_output=True, timeout=60,
        env=environment(**env), cwd=cwd, check=False,
    )  # fmt: skip
    return Done(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


@dataclass
class Provider:
    """Gives tokens `token-1`, `token-2` … to the right client, and answers only those that are still good.

    `good` tells which numbers the API accepts; `status` is what it then answers. Paths: /token, /echo and any other.
    """

    secret: str = SECRET
    good: range = range(1, 100)
    status: int = 200
    given: int = 0
    token_answer: dict[str, object] = field(default_factory=dict)

    def __call__(self, peer: Peer) -> None:
        asked = peer.request()
        status, answer = self._token(asked) if asked.line.split()[1].partition("?")[0] == "/token" else self._api(asked)
        peer.send(http(status, ("Content-Type", "application/json"), body=json.dumps(answer).encode()))

    def _token(self, asked: Asked) -> tuple[int, object]:
        scheme, _, pair = (asked.values("authorization") or [""])[0].partition(" ")
        client, _, secret = base64.b64decode(pair).decode().partition(":")
        if (scheme, unquote_plus(client), unquote_plus(secret)) != ("Basic", CLIENT, self.secret):
            return 401, {"error": "invalid_client", "error_description": "who are you?"}
        if parse_qs(asked.body.decode()).get("grant_type") != ["client_credentials"]:
            return 400, {"error": "unsupported_grant_type"}
        self.given += 1
        return 200, {"access_token": f"token-{self.given}", "token_type": "Bearer", "expires_in": 900, **self.token_answer}

    def _api(self, asked: Asked) -> tuple[int, object]:
        if asked.values("authorization") not in [[f"Bearer token-{number}"] for number in self.good]:
            return 401, {"error": "invalid_token"}
        return self.status, {"line": asked.line, "body": asked.body.decode("utf-8", "replace"), "via": asked.values("x-via")}


PROFILE = """\
format: 1
name: acme
identity_provider: Acme
servers: ['{url}']
inputs:
  client_id: {{title: Client}}
auth:
  type: oauth2
  grant_type: client_credentials
  token_url: {url}/token
  scopes: [read, write]
"""


def profile_for(server: Server, folder: Path, text: str = PROFILE) -> Path:
    """A profile of this server in a file."""
    path = folder / "acme.yaml"
    path.write_text(text.format(url=server.url.rstrip("/")))
    return path
