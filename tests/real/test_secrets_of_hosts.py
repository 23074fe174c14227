"""Planted values behind the hosts' own doors: what HTTPie leaves on its streams and disks, searched in every encoding."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from leaking import Search, files_under
from parts.httpie import Httpie
from sockets import Server
from test_secrets_outside import KINDS, SECRETS, Place

SEARCH = Search(SECRETS)


def profile(folder: Path, kind: str, origin: str) -> None:
    """`acme`, whose credential is of this kind."""
    auth = json.dumps(KINDS[kind]).replace("IDP", origin)
    secrets = {name: {"secret": True} for name in ("api_key", "password") if f"inputs.{name}" in auth}
    document = {"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [origin], "auth": json.loads(auth), "inputs": secrets}
    (folder / "acme.json").write_text(json.dumps(document))


ENDS = [
    ("oauth2", "good", "echo 401"), ("oauth2 post", "garbage", "good"), ("session", "good", "good"),
    ("query", "good", "moves"), ("oauth2 in query", "dies", "echo 401"),
]  # fmt: skip


def test_httpie_leaves_nothing(httpie: Httpie, tmp_path: Path) -> None:
    """`--debug`, `--traceback`, a named session, redirects followed: neither its streams nor any file of its folders holds a planted value."""
    sinks = {}
    for number, (kind, token, api) in enumerate(ENDS):
        folder = tmp_path / str(number)
        folder.mkdir()
        own = {f"AUTHWEAVE_ACME_{name.upper()}": value for name, value in {"client_id": "me", "username": "anna", **SECRETS}.items()}
        with Server(Place(token, api)) as server:
            profile(folder, kind, server.url.rstrip("/"))
            http = replace(httpie, settings={"AUTHWEAVE_PROFILES": str(folder), **own})
            words = ("--auth-type=authweave", "-a", "acme", "--debug", "--traceback", "--follow", f"--session=s{number}", "--print=", f"{server.url}v1/me")
            ended = http.run(*words)
            sinks |= {f"stdout of {ENDS[number]}": ended.stdout, f"stderr of {ENDS[number]}": ended.stderr}
            assert "requests" in ended.stderr, "it said nothing of what it did"
    SEARCH.refuse({**sinks, **dict(files_under(httpie.folder, tmp_path))})
