"""A bench for renewals: a token endpoint that a test tells what to do, a store, and workers that share it."""

from __future__ import annotations

import time
from typing import Any

from authweave.at_rest.keys import Keys
from authweave.stores.memory import MemoryStore
from authweave.tokens.flights import Flights
from authweave.tokens.ledger import Ledger
from authweave.tokens.tokens import Tokens
from authweave.values import Entry, Secret, Token, TokenKey
from services import Clock


def key_of(**parts: Any) -> TokenKey:
    """A key; all parts but those named are the same each time."""
    usual = {
        "tenant": "", "connection": "acme/oauth2", "subject": "", "endpoint": "https://id.example", "client_id": "robot", "grant": "g",
        "scopes": "", "audience": "", "inputs": (), "secret": "",
    }  # fmt: skip
    return TokenKey(**{**usual, **parts})


KEY = key_of()


def name(token: Token | None) -> str | None:
    """The access token."""
    return token.access_token.reveal() if token else None


class Endpoint:
    """Gives T1, T2, …; each lives `life` seconds and may be renewed `window` before its end. Raises `errors` first.

    `refresh`: with refresh tokens R1, R2, … that rotate; `attended`: there is no other way than by one.
    """

    def __init__(self, clock, life=600.0, window=60.0, *, refresh=False, attended=False, given=None):
        self.clock, self.life, self.window, self.refresh, self.attended = clock, life, window, refresh, attended
        self.given = Secret(given, "test") if given else None
        self.credentials = ""
        self.brought = None
        self.olds, self.ends, self.errors, self.spent = [], [], [], []
        self.gate = self.paused = None
        self.keeps = ()
        self.before = lambda: None

    @property
    def count(self):
        return len(self.olds)

    def refuse_early(self, end):
        if self.paused is not None:
            raise self.paused

    def needs_person(self, old):
        return False

    def fits(self, token):
        return all(name in token.kept for name in self.keeps)

    def spends(self, old):
        return old.refresh_token if old is not None and old.refresh_token else self.given

    def get(self, old, end):
        self.olds.append(old)
        self.ends.append(end)
        spends = self.spends(old)
        self.spent.append(spends.reveal() if spends else None)
        number = self.count
        if self.gate is not None:
            assert self.gate.wait(20)
        self.before()
        if self.errors and (error := self.errors.pop(0)) is not None:
            raise error
        now = self.clock()
        refresh = Secret(f"R{number}", "test") if self.refresh else None
        return Token(Secret(f"T{number}", "test"), now + self.life, now + self.life - self.window, now, refresh_token=refresh)


class Bench:
    """Tokens with everything around them; `same()` is another process's on the same store. `told` holds the events."""

    lease_seconds = 45.0

    def __init__(self, *, store=None, required=False, **endpoint):
        self.clock = Clock()
        self.endpoint = Endpoint(self.clock, **endpoint)
        self.store = store or MemoryStore(self.clock)
        self.required = required
        self.told = []
        self.tokens = self.same()

    def tell(self, kind, **fields):
        self.told.append((kind, fields))

    @property
    def kinds(self):
        return [kind for kind, _ in self.told]

    @property
    def ledger(self):
        """A ledger on the store, as another process has it."""
        return Ledger(self.store, Keys(None), self.tell, 0.2)

    def same(self, endpoint=None, *, lease_seconds=None, deadline=30.0, ledger=None):
        return Tokens(
            KEY, lambda: endpoint or self.endpoint, ledger or self.ledger, Flights(4), lane="lane", lease_seconds=lease_seconds or self.lease_seconds,
            deadline=deadline, tell=self.tell, required=self.required, clock=self.clock,
        )  # fmt: skip

    def record(self):
        return self.ledger.read(KEY)

    def keep(self, token, *, version=0, trouble=None, rotates=None):
        assert self.ledger.write(KEY, version, Entry(KEY.facts(), token, trouble, rotates), keep=None)

    def renewed(self, refused=None):
        return self.tokens.renewed(refused).result(10)

    def token(self, text, *, life=600.0, refresh=None):
        now = self.clock()
        return Token(Secret(text, "test"), now + life, now + life - 60, now, refresh_token=Secret(refresh, "test") if refresh else None)


def waited(seconds: float, since: float) -> bool:
    """Have so many seconds passed since that moment of `time.monotonic`?"""
    return time.monotonic() - since >= seconds
