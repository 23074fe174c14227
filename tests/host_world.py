"""Two profiles, an identity provider and an API behind sockets: what the examples of the host contract are run against."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from authweave.engine import Engine
from authweave.settings import Settings
from authweave.wire import Route, Wire
from provider import AUTHORITY
from services import INPUTS, Api, Identity, talks
from sockets import tls_server

API = "https://api.acme.example"
LOGIN = "https://login.acme.example"
CRM = {
    "format": 1, "name": "acme-crm", "version": "1.2.0", "identity_provider": "Acme", "servers": [API],
    "auth": {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{LOGIN}/token"},
    "test": {"request": {"url": "/v1/me"}},
}  # fmt: skip
MAIL = {
    "format": 1, "name": "acme-mail", "version": "1.0.0", "identity_provider": "Acme", "servers": [API], "subject": "user",
    "auth": {"type": "oauth2", "grant_type": "authorization_code", "authorization_url": f"{LOGIN}/authorize", "token_url": f"{LOGIN}/token"},
}  # fmt: skip


class World:
    """An engine with both profiles, and whom its calls reach."""

    def __init__(self, engine: Engine, identity: Identity, api: Api, ports: dict[str, int]) -> None:
        self.engine = engine
        self.identity = identity
        self.api = api
        self.ports = ports


@contextmanager
def world(folder: Path, **options: Any) -> Iterator[World]:
    """Both profiles in the folder, and servers for them."""
    for profile in (CRM, MAIL):
        (folder / f"{profile['name']}.json").write_text(json.dumps(profile))
    identity, api = Identity(refresh=True), Api()
    with tls_server(talks(identity), AUTHORITY, "login.acme.example") as login, tls_server(talks(api), AUTHORITY, "api.acme.example") as task:
        ports = {"login.acme.example": login.port, "api.acme.example": task.port}
        wire = Wire(routes={(host, 443): Route("127.0.0.1", port, ca=AUTHORITY.pem) for host, port in ports.items()}, environ={}, proxy="")
        inputs = {**INPUTS, "redirect_uri": "https://bot.example/callback"}
        with Engine(folder, settings=Settings.load({"sources": []}, env={}), wire=wire, inputs=inputs, **options) as engine:
            yield World(engine, identity, api, ports)


def browser(link: str) -> str:
    """Where the browser comes back to once the person has said yes."""
    asked = dict(parse_qsl(urlsplit(link).query))
    return f"{asked['redirect_uri']}?{urlencode({'code': 'the-code', 'state': asked['state']})}"
