"""The sandbox's revocation endpoint (RFC 7009), and where a session is logged out."""

from __future__ import annotations

import json
from typing import Final

from authweave.profile import Request, TokenSettings, Variant
from authweave.sandbox.account import Account, Address
from authweave.sandbox.arrived import Arrived
from authweave.sandbox.as_declared import authorization_of, declared, leads_to, missing, pairs, wrong_form
from authweave.sandbox.listener import Reply, json_reply
from authweave.sandbox.oauth import Provider
from authweave.sandbox.wanted import Wanted

_AT_REVOCATION: Final = ("client_id", "client_secret", "token", "token_type_hint")


class Revocation:
    """Ends the tokens of one customer. `others` are the places of the endpoint for tokens."""

    def __init__(self, account: Account, variant: Variant, settings: TokenSettings, provider: Provider, others: tuple[Address, ...]) -> None:
        self._account = account
        self._variant = variant
        self._settings = settings
        self._provider = provider
        self._others = others
        self._ledger = account.ledger(variant)

    def serves(self, arrived: Arrived) -> bool:
        """Is the request for this endpoint, which is none for tokens?"""
        addresses = self._account.revocation_addresses(self._variant)
        return any(leads_to(address, arrived) and address not in self._others for address in addresses)

    def answer(self, arrived: Arrived) -> Reply:
        """The token that is named dies, if it is one of ours; the client has to prove itself in any case."""
        request = self._settings.revoke_request
        assert request is not None  # noqa: S101 - it has an address
        if problem := wrong_form(arrived, request, self._account.scope()):
            return problem
        sent = dict(pairs(arrived, request))
        token = sent.get(request.rename.get("token", "token"), "")
        if self._settings.is_session:
            return self._logged_out(arrived, request)
        for issued in self._ledger.newest_first():
            fields = declared(request, self._account.scope(issued, arrived.view()), self._account.profile)
            named = {token, *(str(field.value) for field in fields), *arrived.segments}
            if named & {issued.access_token, issued.refresh_token}:
                return missing(fields, arrived) or self._revoked_as(arrived, request, fields, token or issued.access_token)
        return self._revoked_as(arrived, request, [], token)

    def _logged_out(self, arrived: Arrived, request: Request) -> Reply:
        """The session that the fields name ends; where none do, nobody is logged in."""
        for issued in self._ledger.newest_first():
            fields = declared(request, self._account.scope(issued, arrived.view()), self._account.profile)
            if not issued.ended and missing(fields, arrived) is None:
                self._ledger.end_for_good(issued.access_token)
                return json_reply(200, {})
        return json_reply(401, {"error": "invalid_request", "error_description": "this log out names no session"})

    def _revoked_as(self, arrived: Arrived, request: Request, fields: list[Wanted], token: str) -> Reply:
        original = {new: old for old, new in request.rename.items()}
        parameters = {original.get(name, name): value for name, value in pairs(arrived, request)}
        parameters = {name: value for name, value in parameters.items() if name in _AT_REVOCATION} | {"token": token}
        if self._provider.client.method == "none" and "client_id" in request.omit:
            parameters["client_id"] = self._provider.client.client_id
        is_own = any(field.place == "header" and field.key.lower() == "authorization" for field in fields)
        _, body, status = self._provider.revoke(parameters, {} if is_own else authorization_of(arrived))
        return json_reply(status, json.loads(body) if body else {})
