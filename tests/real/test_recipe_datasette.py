"""Datasette: a host with a pluggy project of its own, whose manager loads authweave by entry point, sends by the recipe of docs/hosts.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from parts.datasette import Datasette
from parts.identity import Client
from parts.oidc import OidcProvider


def settings(folder: Path, provider: OidcProvider, client: Client) -> dict[str, str]:
    """The profile `acme` for the provider's API, and this client as its inputs."""
    auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": provider.token_url, "scopes": ["api:read"]}
    tenant = {"in": "header", "key": "X-Acme-Tenant", "value": "blue"}
    document = {"format": 1, "name": "acme", "version": "1.0.0", "identity_provider": "Acme", "servers": [provider.origin], "auth": auth, "fields": [tenant]}
    (folder / "acme.json").write_text(json.dumps(document))
    credentials = {"AUTHWEAVE_ACME_CLIENT_ID": client.client_id, "AUTHWEAVE_ACME_CLIENT_SECRET": client.client_secret}
    return {"AUTHWEAVE_PROFILES": str(folder), **credentials}


LOOP = """
import asyncio
from datasette import Response, hookimpl

@hookimpl
def register_routes():
    return [(r"^/-/loop$", page)]

async def page():
    return Response.text(type(asyncio.get_running_loop()).__module__)
"""


def test_a_plugin_of_datasette_asks_an_api(datasette: Callable[..., Datasette], oidc_provider: OidcProvider, tmp_path: Path) -> None:
    """In a loop of uvloop. Its pages show what the API says; many at once share one token, and a token that ends is renewed once, unseen."""
    client = oidc_provider.new_client(scope="api:read")
    (tmp_path / "plugins" / "loop.py").write_text(LOOP)
    host = datasette(**settings(tmp_path, oidc_provider, client))

    with ThreadPoolExecutor(8) as people:
        first = list(people.map(host.get, ["/-/crm/read"] * 8))
    counted = [oidc_provider.counts(client)["granted"]]
    oidc_provider.kill(client)
    second = host.get("/-/crm/read")
    counted.append(oidc_provider.counts(client)["granted"])

    assert [200] * 9 == [page.status_code for page in (*first, second)], host.log
    assert {client.client_id} == {page.json()["client_id"] for page in (*first, second)}
    assert {"blue"} == {seen.header("x-acme-tenant") for seen in oidc_provider.seen(client, kind="api")}
    assert [1, 2] == counted
    assert "uvloop" == host.get("/-/loop").text


def test_datasette_shows_what_is_wrong_with_the_credential(datasette: Callable[..., Datasette], oidc_provider: OidcProvider, tmp_path: Path) -> None:
    """A scope that is missing and a secret that is wrong are said in a sentence, and the secret is in none."""
    client = oidc_provider.new_client(scope="api:read")
    host = datasette(**settings(tmp_path, oidc_provider, client))
    forbidden = host.get("/-/crm/write")
    oidc_provider.new_client(client_id=client.client_id, client_secret="rotated-meanwhile", scope="api:read")
    oidc_provider.kill(client)
    refused = host.get("/-/crm/read")

    assert (502, 502) == (forbidden.status_code, refused.status_code), host.log
    assert "api:write" in forbidden.json()["error"]
    assert "invalid_client" in refused.json()["error"]
    assert client.client_secret not in host.log + refused.text


def test_datasette_knows_the_plugin_by_its_name(datasette: Callable[..., Datasette], oidc_provider: OidcProvider, tmp_path: Path) -> None:
    """Hosts list their plugins by `__name__`, as of modules: ours has one."""
    host = datasette(**settings(tmp_path, oidc_provider, oidc_provider.new_client()))

    listed = host.get("/-/plugins.json")

    assert 200 == listed.status_code, host.log
    assert {"authweave", "datasette_crm.py"} <= {plugin["name"] for plugin in listed.json()}, listed.text
