"""One customer of the sandbox: a profile with the values of its inputs, and what was issued to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from authweave.applying.scopes import make_scope
from authweave.errors import AuthweaveError, PatternError, UsageError
from authweave.profile import Profile, TokenSettings, Variant
from authweave.sandbox.from_pattern import text_of_pattern
from authweave.sandbox.ledger import Issued, Ledger
from authweave.sandbox.made_up import good_value
from authweave.sandbox.made_up_keys import RSA, MadeUpKeys
from authweave.sandbox.shown import certificates_of
from authweave.sandbox.signers import key_kinds
from authweave.sandbox.verifiers.case import Memory
from authweave.sandbox.well_known import completed, documents
from authweave.urls import ServerPattern, UrlTemplate
from authweave.values import Secret, Token

WILD: Final = "sandbox"
"""What stands for `*` in a server such as https://*.api.example.com."""


@dataclass(frozen=True, slots=True)
class Address:
    """An endpoint: where it is, its path, and the query that is written into it."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @classmethod
    def of(cls, url: str) -> Address:
        """The address of a finished URL."""
        parts = urlsplit(url)
        return cls(
            parts.scheme,
            (parts.hostname or "").removesuffix("."),
            parts.port or (443 if parts.scheme == "https" else 80),
            parts.path or "/",
            parts.query,
        )


class Account:
    """`inputs` are plain values: the sandbox knows its customers' secrets. UsageError where none can be found."""

    def __init__(self, profile: Profile, chosen: Mapping[str, Any], clock: Callable[[], float] = time.time) -> None:
        self.profile = profile
        self.chosen = dict(chosen)
        self._clock = clock
        self._ledgers = {variant.name: Ledger(clock) for variant in profile.variants}
        self._memories = {variant.name: Memory() for variant in profile.variants}
        failure = ""
        try:
            self.inputs = _inputs(profile, chosen)
            self.kept = _kept(profile)
            self.certificates = certificates_of(self) if profile.tls else frozenset[bytes]()
            self.servers = tuple(template.render(self.scope()) for template in profile.servers)
            self.patterns = tuple(ServerPattern.of(server) for server in self.servers)
        except (AuthweaveError, PatternError) as error:
            failure = str(error)
        if failure:
            raise UsageError(f"the sandbox finds no inputs for {profile.name}: {failure}")

    @property
    def gets_tokens(self) -> bool:
        """Does any variant call a token endpoint?"""
        return any(variant.tokens is not None for variant in self.profile.variants)

    def ledger(self, variant: Variant) -> Ledger:
        """The tokens of a variant."""
        return self._ledgers[variant.name]

    def memory(self, variant: Variant) -> Memory:
        """What is remembered of the sealed requests of a variant."""
        return self._memories[variant.name]

    def now(self) -> float:
        """The sandbox's time, in Unix seconds."""
        return self._clock()

    def end_tokens(self, reason: str, *, used_only: bool) -> None:
        """Let tokens of every variant die before their time."""
        for ledger in self._ledgers.values():
            ledger.end(reason, used_only=used_only)

    def scope(self, issued: Issued | None = None, request: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The namespaces that templates of the profile read."""
        scope = make_scope(self.profile, self.inputs, self._clock(), _token(issued) if issued else None)
        scope["kept"] = issued.kept if issued else self.kept
        if request is not None:
            scope["request"] = request
        return scope

    def address(self, url: UrlTemplate) -> Address:
        """Where a URL of the profile leads for this customer."""
        return Address.of(url.render(self.scope()))

    def settings(self, variant: Variant) -> TokenSettings | None:
        """How a variant gets tokens, with the endpoints that the sandbox's metadata name."""
        return completed(self, variant.tokens) if variant.tokens is not None else None

    @cached_property
    def documents(self) -> Mapping[str, Mapping[str, Any]]:
        """What stands at the well-known places of this customer's servers, by URL."""
        return dict(documents(self))

    def endpoints(self) -> Iterator[tuple[Variant, TokenSettings, Address, Address]]:
        """Every variant that gets tokens, with where it grants and where it refreshes."""
        for variant in self.profile.variants:
            if (settings := self.settings(variant)) is not None and settings.token_url is not None and settings.refresh_url is not None:
                yield variant, settings, self.address(settings.token_url), self.address(settings.refresh_url)

    def revocation_addresses(self, variant: Variant) -> Iterator[Address]:
        """Where a variant ends tokens; where the URL holds the token, one address for each."""
        settings = self.settings(variant)
        request = settings.revoke_request if settings is not None else None
        if request is None or request.url is None:
            return
        holds_token = any(read[0] == "token" for read in request.url.reads)
        for issued in self.ledger(variant).newest_first() if holds_token else [None]:
            yield Address.of(request.url.render(self.scope(issued)))

    def places(self) -> set[tuple[str, int]]:
        """Every host and port that the profile names. A `*` gets one host that stands for it."""
        found = {(address.host, address.port) for _, _, *both in self.endpoints() for address in both}
        found |= {(address.host, address.port) for address in map(Address.of, self.documents)}
        for variant in self.profile.variants:
            settings = self.settings(variant)
            request = settings.revoke_request if settings is not None else None
            steps = (*variant.tokens.before, *variant.tokens.after) if variant.tokens is not None else ()
            for called in (step.request.url for step in steps if step.request.url is not None):
                address = Address.of(called.render(self.scope(Issued("token", 0.0, refresh_token="token", kept=self.kept))))
                found.add((address.host, address.port))
            if request is not None and request.url is not None:
                address = Address.of(request.url.render(self.scope(Issued("token", 0.0, refresh_token="token", kept=self.kept))))
                found.add((address.host, address.port))
            sign_in = settings.sign_in if settings is not None else None
            temporary = variant.own.get("request_token_url")
            for url in (sign_in.authorization_url, sign_in.device_authorization_url, temporary) if sign_in is not None else ():
                if url is not None:
                    found.add((self.address(url).host, self.address(url).port))
        for server in (server.replace("://*.", f"://{WILD}.") for server in self.servers):
            address = Address.of(server.replace("{", "%7B"))
            found.add((address.host, address.port))
        return found | set(self._test_places())

    def variant_for(self, request: Mapping[str, Any]) -> Variant | None:
        """The way a request has to authenticate: the first variant whose `when` is true."""
        scope = self.scope(request=request)
        return next(
            (variant for variant in self.profile.variants if variant.when is None or variant.when.is_true(scope)), None
        )

    def secrets(self) -> Iterator[tuple[str, str]]:
        """The names and values of what must never be shown."""
        for name, value in self.inputs.items():
            if self.profile.inputs[name].secret and value not in (None, ""):
                yield name, value
        for variant in self.profile.variants:
            for issued in self.ledger(variant).newest_first():
                yield "access_token", issued.access_token
                yield from [("refresh_token", issued.refresh_token)] if issued.refresh_token else []

    def _test_places(self) -> Iterator[tuple[str, int]]:
        """Hosts that only a test names: one that a server's `*` stands for."""
        for test in self.profile.tests if isinstance(self.profile.tests, tuple) else ():
            if test.request.url is not None and not test.request.url.relative:
                try:
                    address = self.address(test.request.url)
                except AuthweaveError:
                    continue
                yield address.host, address.port


def _inputs(profile: Profile, chosen: Mapping[str, Any]) -> dict[str, Any]:
    if unknown := sorted(set(chosen) - set(profile.inputs)):
        raise UsageError(f"{profile.name} has no input {', '.join(unknown)}")
    reads, kinds, keys = _reads(profile), key_kinds(profile), MadeUpKeys()
    made = {}
    for name, wanted in profile.inputs.items():
        if name in chosen:
            made[name] = chosen[name].reveal() if isinstance(chosen[name], Secret) else chosen[name]
        else:
            made[name] = good_value(wanted, sorted(read[2:] for read in reads if read[:2] == ("inputs", name)), keys, kinds.get(name, RSA))
    return made


def _reads(profile: Profile) -> set[tuple[str, ...]]:
    """Every look-up of the profile, wherever it stands."""
    found: set[tuple[str, ...]] = set()
    waiting: list[Any] = [profile.vars, profile.servers, profile.variants, profile.fields]
    while waiting:
        part = waiting.pop()
        if hasattr(part, "reads"):
            found |= part.reads
        elif isinstance(part, Mapping):
            waiting += part.values()
        elif isinstance(part, tuple | list | frozenset):
            waiting += part
        elif hasattr(part, "__dataclass_fields__"):
            waiting += [getattr(part, name) for name in part.__dataclass_fields__]
    return found


def _kept(profile: Profile) -> dict[str, Any]:
    """A value for each thing that is kept of an answer."""
    return {
        keep.name: text_of_pattern(keep.pattern) if keep.pattern else f"kept-{keep.name}-sandbox"
        for variant in profile.variants
        if variant.tokens is not None
        for keep in variant.tokens.keeps
    }


def _token(issued: Issued) -> Token:
    refresh = Secret(issued.refresh_token, "sandbox") if issued.refresh_token else None
    return Token(
        Secret(issued.access_token, "sandbox"), issued.expires_at, refresh_token=refresh, scope=issued.scope or None
    )
