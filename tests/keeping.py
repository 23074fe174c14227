"""A profile `acme` in a folder of its own, its provider behind a socket, and the command line that keeps its tokens."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from authweave.cli.keeping import with_default_store
from authweave.engine import Engine
from authweave.settings import Settings
from authweave.values import Entry, Record, Secret, Token, TokenKey, Trouble
from commands import Done, here
from services import Identity, serving

CLIENT_SECRET = "s3cr3t-of-the-cl1ent"
REFRESH_TOKEN = "r3fresh-token-of-a-person"
HOLDS = f"{CLIENT_SECRET} {REFRESH_TOKEN}"
ACCESS = "acc3ss-token-number-"


class LongIdentity(Identity):
    """Its tokens are long enough to be looked for in an output."""

    @property
    def current(self) -> str:
        return f"{ACCESS}{self.granted}"


class Keeper:
    """The command line of one operator. Each command is asked for what nobody may see."""

    def __init__(self, capsys: Any, monkeypatch: pytest.MonkeyPatch, folder: Path, identity: Identity) -> None:
        self.capsys, self.monkeypatch, self.folder, self.identity = capsys, monkeypatch, folder, identity
        monkeypatch.setenv("AUTHWEAVE_PROFILES", str(folder))
        self.give(client_id="robot", client_secret=CLIENT_SECRET, refresh_token=REFRESH_TOKEN)

    def give(self, profile: str = "acme", **inputs: str) -> None:
        """Inputs, where an operator would put them."""
        for name, value in inputs.items():
            self.monkeypatch.setenv(f"AUTHWEAVE_{profile.upper()}_{name.upper()}", value)

    def write(self, name: str = "acme", **auth: Any) -> Path:
        """The profile, with more in its `auth`; a member of None is left out."""
        more = {key: auth.pop(key) for key in ("inputs", "subject", "version") if key in auth}
        usual = {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{self.identity.url}/token", "scopes": ["read"]}
        told = {key: value for key, value in {**usual, **auth}.items() if value is not None}
        path = self.folder / f"{name}.json"
        whole = {"format": 1, "name": name, "identity_provider": "Acme", "servers": [self.identity.url], "auth": told, **more}
        path.write_text(json.dumps(whole))
        return path

    def __call__(self, *arguments: object) -> Done:
        done = here(self.capsys, *arguments)
        for secret in (CLIENT_SECRET, REFRESH_TOKEN, ACCESS):
            assert secret not in done.out + done.err
        return done

    def data(self, *arguments: object) -> Any:
        """What a command says as JSON."""
        return json.loads(self(*arguments, "--format", "json").out)

    def states(self, *arguments: object) -> list[str]:
        """The states that `authweave status` tells, the worst first."""
        return [row["state"] for row in self.data("status", *arguments)["status"]]

    @contextlib.contextmanager
    def engine(self) -> Iterator[Engine]:
        """An engine on the same store, as a platform has it."""
        settings = with_default_store(Settings.load({}, os.environ))
        with Engine(settings=settings) as engine:
            yield engine

    def change(self, change: Callable[[Record, Entry], Entry], key: TokenKey | None = None) -> None:
        """Exchange what is stored of acme (or under the key), as a worker would."""
        with self.engine() as engine:
            key = key or self.key(engine)
            record = engine.ledger.read(key)
            assert engine.ledger.write(key, record.version, change(record, record.entry or Entry(key.facts())), keep=None)

    def key(self, engine: Engine, **whose: str) -> TokenKey:
        """The key of acme's token."""
        connection = engine.connect("acme", **whose)
        return connection.credential(connection.profile.variants[0]).token_key(connection.inputs())

    def trouble(self, kind: str, reason: str = "so it was", **more: Any) -> None:
        """Let the last attempt have ended so."""
        self.change(lambda record, entry: Entry(entry.facts, entry.token, Trouble(kind, reason, 1_700_000_000.0, **more), entry.rotates))


def token_of(text: str, expires_at: float, *, refresh: str | None = None, renew_at: float | None = None) -> Token:
    """A token."""
    refresh_token = Secret(refresh, "test") if refresh else None
    return Token(Secret(text, "test"), expires_at, expires_at - 60 if renew_at is None else renew_at, 1.0, refresh_token=refresh_token)


@pytest.fixture
def keeper(capsys, monkeypatch, tmp_path):
    """The command line with a profile and its provider."""
    folder = tmp_path / "profiles"
    folder.mkdir()
    with serving(LongIdentity()) as identity:
        made = Keeper(capsys, monkeypatch, folder, identity)
        made.write()
        yield made
