"""What the identity providers of the tests have in common: clients made on demand, counts, tokens that die early."""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

SPECIAL_SECRET = "s3cr3t basic/+:%"
COLON_ID = "appID:X:geo:us:clientName:default"
USERNAME, PASSWORD = "robot", "pässwörd: +%/"

_numbers = itertools.count(1)
# No proxy, whatever the environment says: everything here is on loopback.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True)
class Client:
    """A client as the identity provider knows it."""

    client_id: str
    client_secret: str


@dataclass(frozen=True)
class Seen:
    """A request as it came to the server, and what the server said. `kind` is token, api or other."""

    kind: str
    client_id: str
    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: str
    status: int
    error: str | None

    def header(self, name: str) -> str | None:
        """The value of a header, whatever its case, or None."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)


@dataclass(frozen=True)
class IdentityProvider:
    """A running identity provider with APIs that accept its tokens. One server serves the whole session.

    `origin` is where it listens; `token_path` and `api_path` are its own. With `https`, the same clients and tokens
    also work there (`over_https()`), behind a certificate of the authority whose file is `ca`.
    """

    http: str
    token_path: str
    api_path: str
    https: str | None = None
    ca: Path | None = None
    is_https: bool = False

    @property
    def origin(self) -> str:
        return self.https if self.is_https and self.https else self.http

    @property
    def token_url(self) -> str:
        return self.origin + self.token_path

    @property
    def api_url(self) -> str:
        """`/me` wants a token, `/read` and `/write` a scope as well."""
        return self.origin + self.api_path

    def over_https(self) -> IdentityProvider:
        """The same provider, with its URLs over https."""
        if self.https is None:
            raise ValueError("this part speaks http only")
        return replace(self, is_https=True)

    def new_client(
        self, *, client_id: str | None = None, client_secret: str = "plain-secret",
        client_auth: str = "client_secret_basic", grant_types: tuple[str, ...] = ("client_credentials",),
        scope: str | None = None, ttl: int = 600, delay: float = 0, **more: Any,
    ) -> Client:  # fmt: skip
        """A client of its own, so that a test's counts are its own too. Made again under the same id, it starts at 0.

        `ttl`: lifetime of its access tokens in seconds (servers that count in whole seconds cut off what is left of
        the first: 2 is the least that works everywhere). `delay`: the token endpoint acts at once but answers that
        much later (for races). `scope`: what it may ask for, space-separated. `more` is each provider's own: see
        its fixture.
        """
        client = Client(client_id or f"client-{next(_numbers)}", client_secret)
        wanted = {
            "client_id": client.client_id, "client_secret": client_secret, "client_auth": client_auth,
            "grant_types": grant_types, "ttl": ttl, "delay": delay, **({"scope": scope} if scope else {}), **more,
        }  # fmt: skip
        self._ask("POST", "/__clients", wanted)
        return client

    def counts(self, client: Client | None = None) -> Counter[str]:
        """What the server counted for this client, or in all.

        `token`: requests to the token endpoint; of these `granted`, and one entry per error (`invalid_grant`,
        `invalid_client`, `status_403` where it named none). `api`: requests to the API with a token this client was
        given (dead ones too); of these `api_200`, `api_401`, … A missing entry reads as 0. A request whose client
        cannot be told is only in the sum.
        """
        return Counter(self._ask("GET", "/__counts" + _query(client)))

    def seen(self, client: Client | None = None, *, kind: str | None = None) -> list[Seen]:
        """The requests themselves, oldest first."""
        told = self._ask("GET", "/__requests" + _query(client))
        seen = (Seen(**{**each, "headers": tuple(map(tuple, each["headers"]))}) for each in told)
        return [each for each in seen if kind in (None, each.kind)]

    def forget(self, client: Client | None = None) -> None:
        """Start counting at 0."""
        self._ask("DELETE", "/__counts" + _query(client))

    def kill(self, client: Client, *, refresh: bool = False) -> None:
        """End the client's access tokens (not JWT ones) before their time; with `refresh` its refresh tokens too."""
        self._ask("POST", "/__kill", {"client_id": client.client_id, "refresh": refresh})

    def lose(self, client: Client, answers: int = 1) -> None:
        """Cut off the client's next answers of the token endpoint, after the server has acted (and rotated)."""
        self._ask("POST", "/__lose", {"client_id": client.client_id, "answers": answers})

    def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.http + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with OPENER.open(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                raise ValueError(error.read().decode()) from None


def _query(client: Client | None) -> str:
    return "" if client is None else "?" + urlencode({"client_id": client.client_id})
