"""Whole engines on a store that a test breaks: a provider, an API, and what the engines told."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from authweave.errors import StoreUnavailable
from services import INPUTS, Api, Clock, Identity, Request, connect, engine, oauth, serving

GIVEN = "R0"
LONG = 60.0
"""Seconds in which even a very busy machine gets there."""


class TimedApi(Api):
    """Notes when a request came."""

    def __init__(self) -> None:
        super().__init__()
        self.timed: list[tuple[float, Request]] = []

    def __call__(self, request: Request) -> Any:
        self.timed.append((time.monotonic(), request))
        return super().__call__(request)


class Rotating(Identity):
    """A provider of a person's tokens: each refresh token is good once, and the one that was given is R0."""

    def __init__(self, **options: Any) -> None:
        super().__init__(refresh=True, **options)
        self.good_refresh = GIVEN

    @property
    def spent(self) -> list[str]:
        return [request.form["refresh_token"] for request in self.asked]


class Bench:
    """An engine on a store, a provider and an API. `told` holds the kinds of events."""

    def __init__(self, url: str, key: Path, identity: Identity, api: Api) -> None:
        self.url, self.key, self.identity, self.api = url, key, identity, api
        self.clock = Clock()
        self.told: list[str] = []
        self.words: list[str] = []
        self.engines: list[Any] = []

    def engine(self, **settings: Any) -> Any:
        def tell(event: Any) -> None:
            self.told.append(event.kind)
            self.words.append(event.detail)

        run = engine(
            settings={"store": self.url, "store_key": str(self.key), **settings}, clock=self.clock, on_event=tell,
            inputs={**INPUTS, "refresh_token": GIVEN},
        )  # fmt: skip
        self.engines.append(run)
        return run

    def connection(self, run: Any = None, *, tenant: str = "", **auth: Any) -> Any:
        return connect(oauth(self.identity, **auth), self.api, run=run or self.engine(), tenant=tenant)

    def count(self, kind: str) -> int:
        return self.told.count(kind)


BenchOn = Callable[..., Bench]


def new_key(folder: Path) -> Path:
    """A key file for stores that are shared."""
    path = folder / "store.key"
    path.touch(0o600)
    path.write_text(base64.b64encode(os.urandom(32)).decode())
    return path


@contextmanager
def benches(key: Path) -> Iterator[BenchOn]:
    """Benches on stores of any URL; `attended`: for a person's tokens. Their engines are closed."""
    with serving(Identity()) as identity, serving(Rotating()) as person, serving(Api()) as api:
        made: list[Bench] = []

        def on(url: str, *, attended: bool = False) -> Bench:
            made.append(Bench(url, key, person if attended else identity, api))
            return made[-1]

        yield on
        for bench in made:
            for run in bench.engines:
                run.close()


def gives(connection: Any) -> bool:
    """Does it give a token, or does the store still keep it from that?"""
    try:
        return bool(connection.token().result(30))
    except StoreUnavailable:
        return False
