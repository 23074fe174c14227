"""Planted values behind the hosts' own doors: what HTTPie and Kedro leave on their streams and disks, searched in every encoding."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from leaking import Search, files_under
from parts.httpie import Httpie
from parts.kedro import Project
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


LOGGING = json.dumps({
    "version": 1, "disable_existing_loggers": False, "root": {"level": "DEBUG", "handlers": ["console"]},
    "handlers": {"console": {"class": "logging.StreamHandler", "level": "DEBUG", "stream": "ext://sys.stderr"}}, "loggers": {"kedro": {"level": "DEBUG"}},
})  # fmt: skip
NODES = "from kedro.pipeline import node\n\nnodes = [node(lambda answer: print(catalog_of(answer)), 'contacts', None)]\n\ndef catalog_of(answer):\n    return answer.status_code\n"


def test_kedro_leaves_nothing(kedro: Project) -> None:
    """Every logger at DEBUG, a run that works and runs that fail; inputs from the environment and from the catalogue's credentials. Neither the streams nor
    any file but the one that a person wrote holds a planted value."""
    sinks = {}
    for number, (kind, token, api) in enumerate([("oauth2", "good", "good"), ("query", "good", "moves"), ("oauth2 post", "echo 400", "good"), ("cookie", "good", "echo 401")]):
        with Server(Place(token, api)) as server:
            profile(kedro.folder, kind, server.url.rstrip("/"))
            (kedro.folder / "logging.yml").write_text(LOGGING)
            needed = ("client_secret",) if kind.startswith("oauth2") else ("api_key",)
            inputs = {name: SECRETS[name] for name in needed if number % 2}
            own = {f"AUTHWEAVE_ACME_{name.upper()}": SECRETS[name] for name in needed if not number % 2}
            kedro.write({"contacts": {"type": "api.APIDataset", "url": f"{server.url}v1/me", "credentials": "acme"}}, NODES, {"acme": {"authweave": {"profile": "acme", "inputs": inputs}}})
            ended = kedro.run(AUTHWEAVE_PROFILES=str(kedro.folder), AUTHWEAVE_ACME_CLIENT_ID="me", KEDRO_LOGGING_CONFIG=str(kedro.folder / "logging.yml"), **own)
            told = [line for line in ended.stderr.splitlines() if not line.strip().startswith("conf_creds: ")]  # at DEBUG Kedro logs the file itself
            sinks |= {f"stdout of {kind}": ended.stdout, f"stderr of {kind}": "\n".join(told)}
            assert "urllib3" in ended.stderr or "http" in ended.stderr, ended.stderr
        (kedro.folder / "conf/local/credentials.yml").unlink()
    SEARCH.refuse({**sinks, **dict(files_under(kedro.folder))})
