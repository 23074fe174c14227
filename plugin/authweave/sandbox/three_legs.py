"""A provider of OAuth 1.0 to sign in at (RFC 5849 §2): temporary credentials, a page where everybody agrees at once, the token."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from authweave.profile import Request, TokenSettings, Variant
from authweave.sandbox.account import Account, Address
from authweave.sandbox.arrived import Arrived
from authweave.sandbox.ledger import Issued
from authweave.sandbox.listener import Reply, json_reply
from authweave.sandbox.shaping import token_answer
from authweave.sandbox.verifiers.case import Case, Refused
from authweave.sandbox.verifiers.oauth1 import CHALLENGE, protocol_of, verify
from authweave.sandbox.wanted import wanted_fields

_OWN: Final = {"token": "", "token_secret": "", "signature_in": "header"}
"""What the signature of a step is made from, beside the consumer's secret: the temporary token comes with the case."""
_FORM: Final = (("Content-Type", "application/x-www-form-urlencoded"), ("Cache-Control", "no-store"))


@dataclass(frozen=True, slots=True)
class _Temporary:
    secret: str
    callback: str
    verifier: str = ""


class LegsDesk:
    """The three places of one customer's sign-in. Safe for threads."""

    def __init__(self, account: Account, variant: Variant, settings: TokenSettings, *, lifetime: float, clock: Callable[[], float]) -> None:
        self.account = account
        self._variant = replace(variant, own={**variant.own, **_OWN})
        self._ledger = account.ledger(variant)
        self._settings = settings
        self._lifetime = lifetime
        self._clock = clock
        self._lock = threading.Lock()
        self._given: dict[str, _Temporary] = {}
        urls = {"temporary": variant.own["request_token_url"], "browser": settings.sign_in.authorization_url, "token": settings.token_url}
        self._addresses = {kind: account.address(url) for kind, url in urls.items() if url is not None}

    def serves(self, arrived: Arrived) -> bool:
        """Is the request for one of its places?"""
        return bool(self.kind(arrived))

    def is_named(self, arrived: Arrived) -> bool:
        """Does the request name this consumer, or a temporary token of its?"""
        names = {*dict(arrived.query).values(), *self._protocol(arrived).values()}
        return bool(names & {str(self._case(arrived, None).own("consumer_key") or ""), *self._given})

    def kind(self, arrived: Arrived) -> str:
        """`temporary`, `browser` or `token`; '' for none."""
        return next((kind for kind, address in self._addresses.items() if _leads_to(address, arrived)), "")

    def answer(self, arrived: Arrived) -> Reply:
        """The answer, to whichever place it is for."""
        return {"temporary": self._temporary, "browser": self._agreed, "token": self._exchanged}[self.kind(arrived)](arrived)

    def _temporary(self, arrived: Arrived) -> Reply:
        if refusal := self._refusal(arrived, None):
            return refusal
        callback = self._protocol(arrived).get("oauth_callback", "")
        if not callback:
            return _no("parameter_absent", "oauth_callback is missing (RFC 5849 2.1)")
        token, secret = secrets.token_hex(16), secrets.token_hex(16)
        with self._lock:
            self._given[token] = _Temporary(secret, callback)
        return Reply(200, urlencode({"oauth_token": token, "oauth_token_secret": secret, "oauth_callback_confirmed": "true"}).encode(), _FORM)

    def _agreed(self, arrived: Arrived) -> Reply:
        request = self._settings.sign_in.request or Request("GET", encoding="query")
        for field in wanted_fields(request.fields, self.account.scope(None, arrived.view()), self.account.profile):
            if not field.is_met(arrived):
                return json_reply(400, {"error": "invalid_request", "error_description": f"{field.words} {'is not as declared' if field.found(arrived) else 'is missing'}"})
        token = dict(arrived.query).get("oauth_token", "")
        with self._lock:
            given = self._given.get(token)
            if given is None or given.verifier:
                return json_reply(400, {"error": "token_rejected", "error_description": "oauth_token is no temporary token of this sandbox, or was used"})
            self._given[token] = given = replace(given, verifier=secrets.token_hex(8))
        mark = "&" if "?" in given.callback else "?"
        return Reply(302, b"", (("Location", f"{given.callback}{mark}{urlencode({'oauth_token': token, 'oauth_verifier': given.verifier})}"),))

    def _exchanged(self, arrived: Arrived) -> Reply:
        protocol = self._protocol(arrived)
        with self._lock:
            given = self._given.get(protocol.get("oauth_token", ""))
        if given is None:
            return _no("token_rejected", "oauth_token is no temporary token of this sandbox, or was used")
        temporary = Issued(protocol["oauth_token"], self._clock() + self._lifetime, kept={"token_secret": given.secret})
        if refusal := self._refusal(arrived, temporary):
            return refusal
        if not given.verifier or protocol.get("oauth_verifier") != given.verifier:
            return _no("verifier_invalid", "oauth_verifier is not the one of this sign-in")
        with self._lock:
            self._given.pop(temporary.access_token, None)
        issued = Issued(secrets.token_urlsafe(24), self._clock() + self._lifetime, kept=self.account.kept)
        self._ledger.add(issued)
        members = {"access_token": issued.access_token}
        return token_answer(self._settings.token_response, members, self.account.kept, issued.expires_at, self.account.scope(issued))

    def _refusal(self, arrived: Arrived, issued: Issued | None) -> Reply | None:
        said = verify(self._case(arrived, issued))
        return _no("signature_invalid", said.why) if isinstance(said, Refused) else None

    def _case(self, arrived: Arrived, issued: Issued | None) -> Case:
        return Case(arrived, self.account, self._variant, issued, self.account.memory(self._variant), self._clock())

    def _protocol(self, arrived: Arrived) -> dict[str, Any]:
        try:
            return protocol_of(arrived)[1]
        except ValueError:
            return {}


def _no(problem: str, why: str) -> Reply:
    body = urlencode({"oauth_problem": problem, "oauth_problem_advice": why})
    return Reply(401, body.encode(), (*_FORM, ("WWW-Authenticate", CHALLENGE)))


def _leads_to(address: Address, arrived: Arrived) -> bool:
    here = (arrived.scheme, arrived.host, arrived.port, arrived.path)
    written = parse_qsl(address.query, keep_blank_values=True)
    return (address.scheme, address.host, address.port, address.path) == here and all(pair in arrived.query for pair in written)
