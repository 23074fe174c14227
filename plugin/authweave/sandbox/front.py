"""Where people sign in at the sandbox: the authorization page, and the device endpoint with its page. Everybody agrees at once.

It checks what the profile adds to the standard and hands the rest to oauthlib (see `oauth.Provider`). It is the sandbox
that plays the person: `person.Person` goes to the link, or to the page of the device.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from authweave.profile import Request, TokenSettings
from authweave.sandbox.account import Account, Address
from authweave.sandbox.arrived import Arrived
from authweave.sandbox.listener import Reply, json_reply
from authweave.sandbox.wanted import Wanted, wanted_fields

if TYPE_CHECKING:
    from authweave.sandbox.oauth import Provider

PAGE: Final = "/sandbox-device"
INTERVAL: Final = 1
LIFETIME: Final = 600
_TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"))


class Front:
    """The part of a provider that people see. `separated` parts a text into scopes, as the profile writes them."""

    def __init__(self, account: Account, settings: TokenSettings, provider: Provider, separated: Any) -> None:
        self._account = account
        self._settings = settings
        self._provider = provider
        self._separated = separated
        sign_in = settings.sign_in
        urls = {"browser": sign_in.authorization_url, "device": sign_in.device_authorization_url if settings.at_device else None}
        self.addresses: Mapping[str, Address] = {kind: account.address(url) for kind, url in urls.items() if url is not None}
        if (device := self.addresses.get("device")) is not None:
            self.addresses = {**self.addresses, "page": replace(device, path=PAGE, query="")}
        self._codes: dict[str, str] = {}

    def kind(self, arrived: Arrived) -> str:
        """Which of its places a request is for; '' for none."""
        here = (arrived.scheme, arrived.host, arrived.port, arrived.path)
        for kind, address in self.addresses.items():
            written = parse_qsl(address.query, keep_blank_values=True)
            if (address.scheme, address.host, address.port, address.path) == here and all(pair in arrived.query for pair in written):
                return kind
        return ""

    def is_named(self, arrived: Arrived, client_id: str) -> bool:
        """Does a request for one of its places name this client, or a code of its own?"""
        if self.kind(arrived) == "page":
            return dict(arrived.query).get("user_code", "") in self._codes
        return client_id in [value for _, value in (*arrived.query, *(arrived.form or ()))]

    def answer(self, arrived: Arrived) -> Reply:
        """The answer, to whichever place it is for."""
        return {"browser": self._agreed, "device": self._asked, "page": self._typed}[self.kind(arrived)](arrived)

    def _agreed(self, arrived: Arrived) -> Reply:
        """The redirect that brings the person back (RFC 6749 §4.1.2), or an error page where there is nowhere to go."""
        request = self._request("GET")
        if problem := self._wrong(arrived, request):
            return problem
        status, location, why = self._provider.authorize(self._canonical(arrived.query, request), grants_code=self._settings.grant_signs_in)
        if not location:
            return json_reply(status, {"error": "invalid_request", "error_description": why})
        return Reply(302, b"", (("Location", self._dressed(location)), *_TEXT))

    def _asked(self, arrived: Arrived) -> Reply:
        """The device authorization answer (RFC 8628 §3.2)."""
        request = self._request("POST")
        if problem := self._wrong(arrived, request):
            return problem
        lines = arrived.header_lines("authorization")
        headers = {"Authorization": lines[0]} if lines else {}
        error = self._provider.device(self._canonical(arrived.form or (), request), headers)
        if isinstance(error, tuple):
            return json_reply(error[2], json.loads(error[1]))
        page = self.addresses["page"]
        port = "" if page.port in (80, 443) else f":{page.port}"
        uri, user_code = f"{page.scheme}://{page.host}{port}{PAGE}", f"{secrets.token_hex(2)}-{secrets.token_hex(2)}".upper()
        self._codes[user_code] = error
        return json_reply(200, {
            "device_code": error, "user_code": user_code, "verification_uri": uri,
            "verification_uri_complete": f"{uri}?{urlencode({'user_code': user_code})}", "expires_in": LIFETIME, "interval": INTERVAL,
        })  # fmt: skip

    def _typed(self, arrived: Arrived) -> Reply:
        """The page where the person types the code."""
        device_code = self._codes.pop(dict(arrived.query).get("user_code", ""), "")
        if not device_code:
            return Reply(404, b"no such code", _TEXT)
        self._provider.approve(device_code)
        return Reply(200, b"signed in; go back to your device", _TEXT)

    def _request(self, method: str) -> Request:
        return self._settings.sign_in.request or Request(method, encoding="query" if method == "GET" else "form")

    def _wrong(self, arrived: Arrived, request: Request) -> Reply | None:
        if arrived.method != request.method:
            return json_reply(405, {"error": "invalid_request", "error_description": f"this page takes {request.method}"}, ("Allow", str(request.method)))
        for field in self._fields(arrived, request):
            if not field.is_met(arrived):
                return json_reply(400, {"error": "invalid_request", "error_description": f"{field.words} {'is not as declared' if field.found(arrived) else 'is missing'}"})
        sent, written = dict(arrived.query), {field.key for field in self._fields(arrived, request)}
        for key, value in self._other_targets().items():
            if key not in written and key not in request.omit and arrived.method == "GET" and sent.get(request.rename.get(key, key)) != value:
                return json_reply(400, {"error": "invalid_request", "error_description": f"parameter {key} is missing or is not the declared one"})
        return None

    def _fields(self, arrived: Arrived, request: Request) -> list[Wanted]:
        return wanted_fields(request.fields, self._account.scope(None, arrived.view()), self._account.profile)

    def _other_targets(self) -> dict[str, str]:
        """The parameters beside `scope` that `scopes` makes."""
        scope, joined = self._account.scope(), dict[str, str]()
        for key, template in self._settings.scopes:
            if key != "scope":
                text = template.render(scope)
                joined[key] = f"{joined[key]}{self._settings.scope_separator}{text}" if key in joined else text
        return joined

    def _canonical(self, pairs: Any, request: Request) -> list[tuple[str, str]]:
        """The parameters by their RFC names; what the profile leaves out is as it means it."""
        original = {new: old for old, new in request.rename.items()}
        sent = [(original.get(name, name), value) for name, value in pairs]
        names = {name for name, _ in sent}
        if "response_type" in request.omit and "response_type" not in names:
            sent.append(("response_type", "code"))
        if "client_id" in request.omit and "client_id" not in names:
            sent.append(("client_id", self._provider.client.client_id))
        return [(name, " ".join(self._separated(value, self._settings.scope_separator)) if name == "scope" else value) for name, value in sent]

    def _dressed(self, location: str) -> str:
        """The redirect with the code where the profile reads it, what it keeps, and the issuer's name where it knows one."""
        parts = urlsplit(location)
        words = parse_qsl(parts.query, keep_blank_values=True)
        callback, issuer = self._settings.sign_in.callback, self._settings.discovery.issuer
        if callback is not None:
            name = next((read[1] for read in callback.code.reads if read[0] == "callback" and len(read) > 1), "code")
            words = [(name if key == "code" else key, value) for key, value in words]
            for keep in callback.keep:
                names = {read[1] for read in keep.value.reads if read[0] == "callback" and len(read) > 1}
                words += [(one, str(self._account.kept[keep.name])) for one in names if one not in dict(words) and keep.name in self._account.kept]
        if issuer is not None:
            words.append(("iss", issuer.render(self._account.scope())))
        return urlunsplit(parts._replace(query=urlencode(words)))
