"""What a fault is: something that goes wrong on purpose, where it does so, and which diagnosis it comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from authweave.errors import AuthweaveError
from authweave.sandbox.listener import Reply, json_reply

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.net.values import Route
    from authweave.profile import Profile
    from authweave.sandbox.account import Account
    from authweave.sandbox.arrived import Arrived
    from authweave.sandbox.authority import Authority
    from authweave.sandbox.listener import Listener

Routes = Mapping[tuple[str, int], "Route"]
Usual = Callable[[], Reply]


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""The value of a key that is taken out of a profile."""


def fits_every(_: Profile) -> str:
    """Every profile shows it."""
    return ""


def calls_somebody(profile: Profile) -> str:
    """Profiles that get tokens, or have a check request."""
    calls = any(variant.tokens is not None for variant in profile.variants) or (not isinstance(profile.tests, str) and bool(profile.servers))
    return "" if calls else "shows with a profile that gets tokens or has a check request (`test`)"


@dataclass(frozen=True, slots=True)
class Struck:
    """The call that a fault strikes: to the token endpoint (`token`), a step beside it (`step`), metadata (`discovery`),
    the API (`api`), or a place that no profile names (`other`).

    `kind` is what a call of the first stage is: `token`, `refresh`, or `sign_in` where a person goes and not the client.
    """

    stage: str
    arrived: Arrived
    accounts: tuple[Account, ...]
    kind: str = "token"

    @property
    def is_token_call(self) -> bool:
        """Is it a call of the client to the identity provider?"""
        return self.stage == "token" and self.kind not in ("sign_in", "browser")

    @property
    def is_first(self) -> bool:
        """Is it the first call that a client makes?"""
        if self.stage == "api":
            return not any(_gets_token(account, self.arrived) for account in self.accounts)
        return self.is_token_call


def _gets_token(account: Account, arrived: Arrived) -> bool:
    """Does a request like this one need a token of this customer?"""
    try:
        variant = account.variant_for(arrived.view())
    except AuthweaveError:
        variant = None
    return account.gets_tokens if variant is None else variant.tokens is not None


@dataclass(frozen=True, slots=True)
class Ground:
    """What a fault of the way may build on. `routes` are the usual ones; what `stack` holds ends with the sandbox;
    `listener(shows, tls_only=)` answers as the sandbox does, with another TLS, and is not started yet."""

    routes: Routes
    authority: Authority
    listener: Callable[..., Listener]
    stack: ExitStack


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing done wrong. `name` is the code of the diagnosis where there is one, `also` are further names.

    `provokes` is the code that `authweave test` comes to; empty if all goes well in the end. At least one of these says
    what happens:

    - `strike(struck, usual)` answers in the place of the sandbox's usual answer, or spoils it.
    - `connect(ground)` are the routes to what stands in the place of the sandbox's servers.
    - `wire(ground)` are options of the client's Wire: how it resolves, its proxy, its routes.
    - `agreed(profile)` are inputs that both sides have.
    - `given(profile, inputs)` are the inputs that the client gets in the place of those that the sandbox knows.
    - `profile(profile)` is what is changed of the profile before the client reads it, by dotted key (`auth.token_url`;
      of several variants `auth` is the first): a value, or ABSENT. The sandbox goes by the profile as it is written.
    - `stored(engine, profile, inputs)` is done to the client's store before it begins.
    - `nobody`: the person who would sign in is not there.
    - `settings` are settings of the client's engine; `asks_outside` lets it ask for tickets, which nobody here gives.

    `fits(profile)` says why a profile cannot show it (`shows with a profile of type aws_sigv4`); '' if it can.
    """

    name: str
    description: str
    provokes: str = ""
    also: tuple[str, ...] = ()
    strike: Callable[[Struck, Usual], Reply] | None = None
    connect: Callable[[Ground], Routes] | None = None
    wire: Callable[[Ground], Mapping[str, Any]] | None = None
    agreed: Callable[[Profile], Mapping[str, Any]] | None = None
    given: Callable[[Profile, dict[str, Any]], dict[str, Any]] | None = None
    profile: Callable[[Profile], Mapping[str, Any]] | None = None
    settings: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    asks_outside: bool = False
    nobody: bool = False
    stored: Callable[[Engine, Profile, Mapping[str, Any]], None] | None = None
    fits: Callable[[Profile], str] = calls_somebody

    @property
    def acts_on_client(self) -> bool:
        """Does it act in what the client is given, so that only `authweave test --sandbox` can show it?"""
        if self.strike is None:
            return self.connect is None or self.profile is not None
        return self.profile is not None or self.given is not None


def on_first(reply: Reply) -> Callable[[Struck, Usual], Reply]:
    """A strike that gives this answer to the first call."""
    return lambda struck, usual: reply if struck.is_first else usual()


def on_token(reply: Reply) -> Callable[[Struck, Usual], Reply]:
    """A strike that gives this answer to token calls."""
    return lambda struck, usual: reply if struck.is_token_call else usual()


def on_api(reply: Reply) -> Callable[[Struck, Usual], Reply]:
    """A strike that gives this answer to calls of the API."""
    return lambda struck, usual: reply if struck.stage == "api" else usual()


def refused_token(why: str) -> Reply:
    """401 with the challenge of RFC 6750 §3."""
    challenge = f'Bearer realm="sandbox", error="invalid_token", error_description="{why}"'
    return json_reply(401, {"error": "invalid_token", "error_description": why}, ("WWW-Authenticate", challenge))
