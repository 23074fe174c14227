"""The identity provider's desk: a token request as the profile describes it, brought into the form of RFC 6749.

It checks what the profile adds to the standard (method, encoding, fields, names of parameters), hands the rest to
oauthlib, and answers in the shape that the profile reads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import unquote_plus

from authweave.profile import Request, TokenSettings, Variant
from authweave.sandbox.account import Account, Address
from authweave.sandbox.arrived import Arrived
from authweave.sandbox.as_declared import (
    authorization_of,
    declared,
    leads_to,
    missing,
    pairs,
    wrong_content,
    wrong_form,
)
from authweave.sandbox.assertions import Judge
from authweave.sandbox.front import Front
from authweave.sandbox.ledger import Issued
from authweave.sandbox.listener import Reply, json_reply
from authweave.sandbox.oauth import Provider
from authweave.sandbox.registered import client_of, plain, scopes_in, targets_of
from authweave.sandbox.revoking import Revocation
from authweave.sandbox.shaping import token_answer
from authweave.sandbox.validator import basic_of
from authweave.sandbox.verifiers import Case, Refused, verifier_of
from authweave.sandbox.wanted import Wanted

_STANDARD: Final = ("grant_type", "client_id", "client_secret", "scope", "refresh_token", "code", "redirect_uri", "code_verifier", "device_code", "username", "password")
_ASSERTIONS: Final = ("assertion", "client_assertion", "client_assertion_type")


class Desk:
    """One token endpoint of one customer: grants at `granting`, refreshes at `refreshing`."""

    def __init__(
        self, account: Account, variant: Variant, settings: TokenSettings, granting: Address, refreshing: Address, *,
        lifetime: float, clock: Callable[[], float],
    ) -> None:  # fmt: skip
        self.account = account
        self._variant = variant
        self._settings = settings
        self._granting = granting
        self._refreshing = refreshing
        self._ledger = account.ledger(variant)
        self._client = client_of(account, settings)
        self._given = plain(settings.refresh_token, account.scope())
        if self._given:
            self._ledger.hand_over(self._given, " ".join(self._client.default_scopes))
        gives = settings.refresh_with == "refresh_token" and (refreshing != granting or settings.grant_signs_in or settings.is_session)
        self._provider = Provider(
            self._client, self._ledger, lifetime=lifetime, clock=clock, gives_refresh_token=gives, kept=account.kept
        )
        self._revocation = Revocation(account, variant, settings, self._provider, (granting, refreshing))
        self._front = Front(account, settings, self._provider, scopes_in) if settings.signs_in else None

    def serves(self, arrived: Arrived) -> bool:
        """Is the request for this endpoint, or for where its people sign in?"""
        if self._front is not None and self._front.kind(arrived):
            return True
        return any(leads_to(address, arrived) for address in (self._granting, self._refreshing)) or self._revocation.serves(arrived)

    def is_named(self, arrived: Arrived) -> bool:
        """Does the request name this client?"""
        if self._front is not None and self._front.kind(arrived):
            return self._front.is_named(arrived, self._client.client_id)
        user, _ = basic_of(next(iter(arrived.header_lines("authorization")), "")) or ("", "")
        key = self._settings.token_request.rename.get("client_id", "client_id")
        sent = {user, unquote_plus(user), dict(pairs(arrived, self._settings.token_request)).get(key)}
        return self._client.client_id in sent or unquote_plus(self._client.client_id) in sent

    def kind(self, arrived: Arrived) -> str:
        """`sign_in`, `revoke`, `refresh` or `token`, as far as the request says."""
        if self._front is not None and self._front.kind(arrived):
            return "sign_in"
        if self._revocation.serves(arrived):
            return "revoke"
        return "refresh" if self._old(arrived) is not None or self._asks_to_refresh(arrived) else "token"

    def answer(self, arrived: Arrived) -> Reply:
        """The answer to a request that is for this endpoint."""
        if self._front is not None and self._front.kind(arrived):
            return self._front.answer(arrived)
        if self._revocation.serves(arrived):
            return self._revocation.answer(arrived)
        old = self._old(arrived)
        is_refresh = old is not None or self._asks_to_refresh(arrived)
        request = self._settings.refresh_request if is_refresh else self._settings.token_request
        renewed = self._renewed(arrived) if is_refresh and old is None else None
        scope = self.account.scope(old or renewed, arrived.view())
        fields = declared(request, scope, self.account.profile)
        problem = wrong_form(arrived, request, scope) or missing(fields, arrived) or wrong_content(arrived, request, scope) or self._unsigned(arrived)
        if problem:
            return problem
        parameters = self._canonical(arrived, request, fields, is_refresh=is_refresh)
        if renewed is not None and renewed.refresh_token:
            parameters.setdefault("refresh_token", renewed.refresh_token)
        if target := self._wrong_target(arrived, request, fields, is_refresh=is_refresh):
            return target
        if refused := self._not_asserted(arrived, request, parameters, is_refresh=is_refresh):
            return refused
        headers = (
            {}
            if self._is_signed or any(field.place == "header" and field.key.lower() == "authorization" for field in fields)
            else authorization_of(arrived)
        )
        if old is not None:
            parameters |= {"grant_type": self._client.grant_type, **({"refresh_token": self._given} if self._given else {})}
        jkt = self._bound_to(arrived, old, parameters.get("refresh_token", "") if is_refresh else "")
        if isinstance(jkt, Reply):
            return jkt
        ask = self._provider.refresh if is_refresh and old is None else self._provider.grant
        return self._shaped(*ask(parameters, headers), authorized=bool(headers), jkt=jkt)

    def _bound_to(self, arrived: Arrived, old: Issued | None, refresh_token: str) -> str | Reply:
        """The key that the token is to be bound to, which is that of the token it renews; '' where the profile binds none."""
        if not self._settings.dpop:
            return ""
        from authweave.sandbox.verifiers.dpop import proved

        jkt = proved(arrived, self.account.memory(self._variant), self.account.now())
        if isinstance(jkt, Refused):
            return json_reply(400, {"error": "invalid_dpop_proof", "error_description": jkt.why})
        known = old or (self._ledger.refreshable(refresh_token) if refresh_token else None)
        if known is not None and known.jkt not in ("", jkt):
            return json_reply(400, {"error": "invalid_grant", "error_description": "the proof is made with another key than that of the token"})
        return jkt

    @property
    def _is_signed(self) -> bool:
        """Does the seal of the type sign token calls, too?"""
        return getattr(self._variant.scheme, "signs_token_call", None) is not None

    def _unsigned(self, arrived: Arrived) -> Reply | None:
        """The refusal of a call that has to be signed like a task request (AWS's AssumeRole), and is not, or wrongly."""
        verify = verifier_of(self._variant) if self._is_signed else None
        if verify is None:
            return None
        variant = replace(self._variant, own={**self._variant.own, **self._variant.scheme.signs_token_call})  # type: ignore[attr-defined]  # it is there
        said = verify(Case(arrived, self.account, variant, None, self.account.memory(self._variant), self.account.now()))
        return json_reply(403, {"error": "access_denied", "error_description": said.why}) if isinstance(said, Refused) else None

    def _asks_to_refresh(self, arrived: Arrived) -> bool:
        if self._granting != self._refreshing:
            return leads_to(self._refreshing, arrived) and not leads_to(self._granting, arrived)
        sent = dict(pairs(arrived, self._settings.refresh_request))
        if self._settings.is_session:
            return bool(sent.get(self._settings.refresh_request.rename.get("refresh_token", "refresh_token")))
        if self._given:  # a refresh presents another one than the grant does
            return sent.get(self._settings.refresh_request.rename.get("refresh_token", "refresh_token")) not in (None, self._given)
        return sent.get("grant_type") == "refresh_token"

    def _old(self, arrived: Arrived) -> Issued | None:
        """The token that is presented to be refreshed, where the profile refreshes with the access token itself."""
        if self._settings.refresh_with != "access_token" or not leads_to(self._refreshing, arrived):
            return None
        for issued in self._ledger.newest_first():
            fields = declared(
                self._settings.refresh_request, self.account.scope(issued, arrived.view()), self.account.profile
            )
            if (
                not issued.ended
                and any(field.is_met(arrived) for field in fields if field.value == issued.access_token)
                and missing(fields, arrived) is None
            ):
                return issued
        return None

    def _renewed(self, arrived: Arrived) -> Issued | None:
        """The token whose refresh token is presented, where the profile presents it in a way of its own."""
        request = self._settings.refresh_request
        if "refresh_token" not in request.omit:
            return None
        for issued in self._ledger.newest_first():
            if issued.refresh_token and missing(declared(request, self.account.scope(issued, arrived.view()), self.account.profile), arrived) is None:
                return issued
        return None

    def _canonical(
        self, arrived: Arrived, request: Request, fields: list[Wanted], *, is_refresh: bool
    ) -> dict[str, str]:
        """The parameters by their RFC names, those that the profile leaves out or writes itself as it means them."""
        original = {new: old for old, new in request.rename.items()}
        sent: dict[str, str] = {}
        for name, value in pairs(arrived, request):
            sent.setdefault(original.get(name, name), value)
        written = {
            original.get(field.key, field.key): field.value for field in fields if field.place in ("payload", "query")
        }
        silent = request.content is not None or request.encoding in ("none", "text")
        if "grant_type" in written or "grant_type" in request.omit or silent or self._settings.is_session:
            sent["grant_type"] = "refresh_token" if is_refresh else self._client.grant_type
        if self._given and silent and not is_refresh:
            sent["refresh_token"] = self._given
        for name, value in (("username", self._client.username), ("password", self._client.password)):
            if value and not is_refresh and (name in written or name in request.omit or silent):
                sent[name] = value
        has_none = self._settings.client_id is None or self._is_anonymous(request, parameters=sent)
        if "client_id" in written or has_none or (self._client.method == "none" and silent):
            sent["client_id"] = self._client.client_id
        if "client_secret" in written and self._client.method != "client_secret_post":
            sent.pop("client_secret", None)
        sent["scope"] = " ".join(scopes_in(sent.get("scope", ""), self._settings.scope_separator))
        return {name: value for name, value in sent.items() if name in (*_STANDARD, *_ASSERTIONS) and (value or name != "scope")}

    def _is_anonymous(self, request: Request, *, parameters: Mapping[str, str]) -> bool:
        """Does nothing but an assertion say who asks?"""
        if self._settings.client_id is None or "client_id" in request.omit:
            return self._client.method == "none" or ("client_id" not in parameters and "client_assertion" in parameters)
        return False

    def _not_asserted(self, arrived: Arrived, request: Request, parameters: dict[str, str], *, is_refresh: bool) -> Reply | None:
        """The refusal of an assertion; what proved the client is then taken out of the parameters."""
        judge = Judge(self.account.profile, self.account.scope(None, arrived.view()), self.account.memory(self._variant), self.account.now())
        if why := judge.of_client(self._settings, parameters):
            return json_reply(401, {"error": "invalid_client", "error_description": why})
        if not is_refresh and (why := judge.of_grant(self._settings, parameters.get("assertion"), request.fields, arrived)):
            return json_reply(400, {"error": "invalid_grant", "error_description": why})
        for name in _ASSERTIONS:
            parameters.pop(name, None)
        return None

    def _wrong_target(
        self, arrived: Arrived, request: Request, fields: list[Wanted], *, is_refresh: bool
    ) -> Reply | None:
        """`audience`, `resource` and other keys of `scopes` must be the declared ones (RFC 8707 §2)."""
        if is_refresh or request.content is not None or request.encoding in ("none", "text"):
            return None
        sent = dict(pairs(arrived, request))
        for name, value in targets_of(self.account, self._settings).items():
            key = request.rename.get(name, name)
            if name not in request.omit and all(field.key != key for field in fields) and sent.get(key) != value:
                code = "invalid_target" if name in ("audience", "resource") else "invalid_request"
                return json_reply(
                    400, {"error": code, "error_description": f"parameter {key} is missing or is not the declared one"}
                )
        return None

    def _shaped(self, headers: Mapping[str, str], body: str, status: int, *, authorized: bool, jkt: str = "") -> Reply:
        """A success where the profile reads it; a refusal as RFC 6749 §5.2 has it."""
        members = json.loads(body)
        if status != 200:
            challenge = (("WWW-Authenticate", 'Basic realm="sandbox"'),) if status == 401 and authorized else ()
            return json_reply(status, members, *challenge)
        if jkt:
            members["token_type"] = "DPoP"
            self._ledger.bind(members["access_token"], jkt)
        issued = next(known for known in self._ledger.newest_first() if known.access_token == members["access_token"])
        return token_answer(
            self._settings.token_response, members, self.account.kept, issued.expires_at, self.account.scope(issued)
        )
