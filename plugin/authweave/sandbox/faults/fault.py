"""What a fault is: something that goes wrong on purpose, where it does so, and which diagnosis it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from authweave.sandbox.listener import Reply, json_reply

if TYPE_CHECKING:
    from authweave.profile import Profile
    from authweave.sandbox.account import Account
    from authweave.sandbox.arrived import Arrived

Usual = Callable[[], Reply]


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""The value of a key that is taken out of a profile."""


def fits_every(_: Profile) -> str:
    """Every profile shows it."""
    return ""


@dataclass(frozen=True, slots=True)
class Struck:
    """The call that a fault strikes: to the identity provider (`token`) or to the API (`api`)."""

    stage: str
    arrived: Arrived
    accounts: tuple[Account, ...]

    @property
    def is_first(self) -> bool:
        """Is it the first call that a client makes?"""
        return self.stage == "token" or not any(account.gets_tokens for account in self.accounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing done wrong. `name` is the code of the diagnosis where there is one, `also` are further names.

    `provokes` is the code that `authweave test` comes to; empty if all goes well in the end. At least one of these says
    what happens:

    - `strike(struck, usual)` answers in the place of the sandbox's usual answer, or spoils it.
    - `given(profile, inputs)` are the inputs that the client gets in the place of those that the sandbox knows.
    - `profile(profile)` is what is changed of the profile before the client reads it, by dotted key (`auth.token_url`;
      of several variants `auth` is the first): a value, or ABSENT. The sandbox goes by the profile as it is written.
    - `settings` are settings of the client's engine.

    `fits(profile)` says why a profile cannot show it (`shows with a profile of type aws_sigv4`); '' if it can.
    """

    name: str
    description: str
    provokes: str = ""
    also: tuple[str, ...] = ()
    strike: Callable[[Struck, Usual], Reply] | None = None
    given: Callable[[Profile, dict[str, Any]], dict[str, Any]] | None = None
    profile: Callable[[Profile], Mapping[str, Any]] | None = None
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    fits: Callable[[Profile], str] = fits_every

    @property
    def acts_on_client(self) -> bool:
        """Does it act in what the client is given, so that only `authweave test --sandbox` can show it?"""
        return self.strike is None


def on_first(reply: Reply) -> Callable[[Struck, Usual], Reply]:
    """A strike that gives this answer to the first call."""
    return lambda struck, usual: reply if struck.is_first else usual()


def on_token(reply: Reply) -> Callable[[Struck, Usual], Reply]:
    """A strike that gives this answer to token calls."""
    return lambda struck, usual: reply if struck.stage == "token" else usual()


def on_api(reply: Reply) -> Callable[[Struck, Usual], Reply]:
    """A strike that gives this answer to calls of the API."""
    return lambda struck, usual: reply if struck.stage == "api" else usual()


def refused_token(why: str) -> Reply:
    """401 with the challenge of RFC 6750 §3."""
    challenge = f'Bearer realm="sandbox", error="invalid_token", error_description="{why}"'
    return json_reply(401, {"error": "invalid_token", "error_description": why}, ("WWW-Authenticate", challenge))
