"""Processes of their own for the tests: what they need to know, and what they tell.

They come from a fork server, which has everything imported and no threads: each is a process as a platform starts it,
within milliseconds. A process that is killed or stopped is the system's own: nothing in it can clean up.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from typing import Any

import httpx

from authweave.engine import Engine
from authweave.equipment import store_of
from authweave.errors import AuthweaveError
from authweave.events import Events
from authweave.settings import Settings
from authweave.values import Record, TokenKey
from identities import ACCOUNT
from parts.identity import Client
from parts.oidc import OidcProvider
from services import Clock, engine, oauth, profile

PATIENCE = 120.0

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["workers", "redis"])

ATTENDED, VENDOR, OWN = "attended", "vendor", "own"
"""A person's refresh token; a grant in the client's name that brings refresh tokens; one that brings none."""


_ONE_AT_A_TIME = threading.Lock()
"""multiprocessing reads the end of a process in whatever thread looks at any: two at once, and one reads nothing (255)."""


@dataclass(frozen=True)
class Place:
    """Where a process gets its tokens: what a platform's configuration says. `ahead` is added to its clock (seconds)."""

    provider: OidcProvider
    client: Client
    store: str
    key_file: str
    grant: str = ATTENDED
    given: str = ""
    ahead: float = 0.0
    deadline: float = 30.0
    tenant: str = ""
    subject: str = ""

    @property
    def settings(self) -> dict[str, Any]:
        """For the engine."""
        return {"store": self.store, "store_key": self.key_file, "deadline": self.deadline, "store_patience": 5.0}

    def engine(self, told: list[Any] | None = None, around: Callable[[Any], Any] | None = None) -> Engine:
        """An engine; `around` may put something around its store, `told` gets its events."""
        clock = Clock()
        clock.ahead = self.ahead
        on_event = told.append if told is not None else None
        if around is None:
            return engine(clock=clock, inputs=None, settings=self.settings, on_event=on_event)
        settings = Settings.load({"sources": [], **self.settings}, env={})
        store = around(store_of(settings, _catalog(), Events()))
        return engine(clock=clock, inputs=None, settings=self.settings, store=store, on_event=on_event)

    def connection(self, run: Engine) -> Any:
        """The connection that everybody at this place uses."""
        inputs = {"client_id": self.client.client_id, "client_secret": self.client.client_secret}
        url, origin = self.provider.token_url, self.provider.origin
        if self.grant == ATTENDED:
            made, inputs["refresh_token"] = profile(oauth(url, grant_type="refresh_token"), origin), self.given
        elif self.grant == VENDOR:
            how = {"grant_type": "account_credentials", "token_request": {"fields": [ACCOUNT]}}
            made, inputs["account_id"] = profile(oauth(url, **how), origin, inputs={"account_id": {}}), "7"
        else:
            made = profile(oauth(url), origin)
        return run.connect(made, inputs=inputs, tenant=self.tenant, subject=self.subject)

    def key(self, run: Engine) -> TokenKey:
        """The key of the one token of this place."""
        [credential] = self.connection(run).credentials
        credential.resolving().result(30)
        key: TokenKey = credential.tokens.key
        return key

    def record(self) -> Record | None:
        """What the store holds of the one key of this place."""
        with self.engine() as run:
            return next((record for _, record in run.ledger.entries()), None)


def _catalog() -> Any:
    from authweave.extensions.catalog import default_catalog

    return default_catalog()


@dataclass(frozen=True)
class Told:
    """What a caller was told: the token and the API's answer to it, or the error; and the events until then."""

    token: str = ""
    status: int = 0
    error: str = ""
    words: str = ""
    kinds: tuple[str, ...] = ()
    details: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        """Was there a token, and did the API take it?"""
        return self.status == 200


def asked(place: Place, run: Engine, told: list[Any]) -> Told:
    """One caller: get the token, then use it at the API."""
    events = lambda: {"kinds": tuple(event.kind for event in told), "details": tuple(event.detail for event in told)}  # noqa: E731
    connection = place.connection(run)
    try:
        token = connection.token().result(PATIENCE).access_token.reveal()
    except AuthweaveError as error:
        return Told(error=type(error).__name__, words=str(error), **events())
    with httpx.Client(auth=connection.auth, trust_env=False, timeout=PATIENCE) as http:
        answer = http.get(place.provider.api_url + "/me")
    verdict = answer.extensions["authweave"]
    error = verdict.error if answer.status_code != 200 else None
    return Told(token, answer.status_code, type(error).__name__ if error else "", str(error or ""), **events())


def consented(provider: OidcProvider, client: Client) -> str:
    """A refresh token as a person's consent gave it."""
    form = {"grant_type": "account_credentials", "account_id": "7"}
    answer = httpx.post(provider.token_url, data=form, auth=(client.client_id, client.client_secret), trust_env=False, timeout=60)
    return str(answer.json()["refresh_token"])


def call(place: Place, pipe: Pipe) -> None:
    """A caller as a process."""
    told: list[Any] = []
    with place.engine(told) as run:
        pipe.send(asked(place, run, told))


@dataclass
class Worker:
    """A process with a line to it."""

    process: Any
    pipe: Pipe
    said: list[Any] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return int(self.process.pid)

    def hear(self, seconds: float = PATIENCE) -> Any:
        """What it says next. Raises EOFError if it has ended without a word."""
        assert self.pipe.poll(seconds), "the process says nothing"
        return self.pipe.recv()

    def end(self) -> int | None:
        """Wait for it; its exit code."""
        wait([self.process.sentinel], PATIENCE)
        with _ONE_AT_A_TIME:
            self.process.join(PATIENCE)
        self.pipe.close()
        return self.process.exitcode  # type: ignore[no-any-return]  # as multiprocessing types it


def start(work: Callable[..., None], *arguments: Any) -> Worker:
    """Run `work(*arguments, pipe)` in a process of its own."""
    with _ONE_AT_A_TIME, _path_for_fork_server():
        mine, theirs = processes.Pipe()
        process = processes.Process(target=work, args=(*arguments, theirs), daemon=True)
        process.start()
    theirs.close()
    return Worker(process, mine)


def caller(place: Place) -> Told:
    """Call in a process of its own, and wait."""
    worker = start(call, place)
    told: Told = worker.hear()
    assert worker.end() == 0
    return told


@contextlib.contextmanager
def _path_for_fork_server() -> Iterator[None]:
    """The fork server imports before it is told where from: it learns that from the environment it starts in."""
    if getattr(multiprocessing.forkserver._forkserver, "_forkserver_pid", None):
        yield
        return
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        multiprocessing.forkserver.ensure_running()
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
