"""The record of a sign-in that was begun: everything that whoever completes it, in whatever process, has to know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from authweave.tokens.records import SIGN_IN_HEAD
from authweave.values import Authorization

FORMAT: Final = 1
LIFETIME: Final = 600.0
"""Seconds for which a link is good."""
KEPT_LONGER: Final = 600.0
"""Seconds for which it is still told that a link was used, or ran out."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way. `facts` are those of the token key; `state` names it, and is good once.

    `verifier`, `device_code` and `more` are open here: the record is sealed before anybody stores it. `session` is the mark
    of the browser session it is bound to, '' for none. `used_at` is when it was taken, `ended` (a word) and `why` how it
    ended without a token. Times are Unix seconds.
    """

    kind: str
    facts: Mapping[str, Any] = field(repr=False)
    profile: str
    source: str
    variant: str
    servers: tuple[str, ...]
    made_from: str
    state: str = field(repr=False)
    begun_at: float
    expires_at: float
    session: str = field(default="", repr=False)
    url: str = field(default="", repr=False)
    redirect_uri: str = ""
    issuer: str = ""
    iss_required: bool = False
    hosts: tuple[str, ...] = ()
    verifier: str = field(default="", repr=False)
    device_code: str = field(default="", repr=False)
    user_code: str = field(default="", repr=False)
    verification_uri: str = ""
    verification_uri_complete: str = field(default="", repr=False)
    interval: float = 5.0
    more: Mapping[str, str] = field(default_factory=dict, repr=False)
    used_at: float = 0.0
    ended: str = ""
    why: str = ""

    @property
    def is_open(self) -> bool:
        """Has nobody taken it, and has it not ended?"""
        return not self.used_at and not self.ended

    def is_good(self, now: float, least: float = 0.0) -> bool:
        """Can a person still use it, for `least` seconds more?"""
        return self.is_open and now + least < self.expires_at

    @property
    def tenant(self) -> str:
        """Whose it is."""
        return str(self.facts.get("tenant", ""))

    @property
    def subject(self) -> str:
        """For which person."""
        return str(self.facts.get("subject", ""))

    def authorization(self) -> Authorization:
        """What a person is sent."""
        return Authorization(
            self.kind if self.kind == "device" else "browser", self.url, self.state, self.expires_at, self.begun_at, self.redirect_uri,
            self.user_code, self.verification_uri, self.verification_uri_complete, self.interval,
        )  # fmt: skip

    def encoded(self) -> bytes:
        """As JSON in UTF-8, with the head by which a store's rows of this kind are known."""
        return SIGN_IN_HEAD + json.dumps({"format": FORMAT, **asdict(self)}, separators=(",", ":"), allow_nan=False).encode()


def decoded(data: bytes) -> Begun | None:
    """The reverse; None for anything else."""
    if not data.startswith(SIGN_IN_HEAD):
        return None
    try:
        said = json.loads(data[len(SIGN_IN_HEAD) :])
        if said.pop("format") != FORMAT or said.keys() != {one.name for one in fields(Begun)}:
            return None
        return Begun(**{**said, "servers": tuple(said["servers"]), "hosts": tuple(said["hosts"])})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def session_mark(session: str) -> str:
    """What stands for a browser session in a record: a session id is as good as a password; '' for none."""
    return hashlib.sha256(b"authweave session\0" + session.encode(errors="surrogatepass")).hexdigest() if session else ""
