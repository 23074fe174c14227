"""The provider with odd ways answers as its fixture promises: each way works in its own form, and in no other."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import pytest

from parts.browsing import sign_in
from parts.identity import PASSWORD, USERNAME, Client
from parts.odd import OddProvider

BACK = "http://127.0.0.1:7777/callback"
XML = "<login><grant_type>client_credentials</grant_type><client_id>{}</client_id><client_secret>{}</client_secret></login>"


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def client(odd_provider: OddProvider) -> Client:
    grants = ("client_credentials", "password", "refresh_token", "authorization_code")
    return odd_provider.new_client(client_secret=token_hex(), grant_types=grants, redirect_uris=[BACK])


def standard(client: Client, **more: str) -> dict[str, str]:
    return {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": client.client_secret} | more


def asked(way: str, client: Client, odd: OddProvider) -> dict[str, Any]:
    """What httpx is told to ask in this way."""
    form, headers = standard(client), {}
    match way:
        case "json":
            return {"method": "POST", "json": form}
        case "nested":
            return {"method": "POST", "json": {"auth": form}}
        case "query":
            return {"method": "POST", "params": form}
        case "get":
            return {"method": "GET", "params": form}
        case "xml":
            content = XML.format(client.client_id, client.client_secret)
            return {"method": "POST", "content": content, "headers": {"Content-Type": "application/xml"}}
        case "renamed":
            form = {"grant_type": "client_credentials", "client_key": client.client_id, "client_code": client.client_secret}
        case "gateway":
            headers = {"X-Gateway-Key": "gateway-7"}
        case "audience":
            form["audience"] = "crm"
        case "secret-as-user":
            headers = {"Authorization": "Basic " + base64.b64encode(f"{client.client_secret}:".encode()).decode()}
            form = {"grant_type": "client_credentials"}
        case "nonce":
            form["nonce"] = httpx.post(odd.at("nonce") + "/nonce", trust_env=False).json()["nonce"]
        case "signed":
            form = {"grant_type": "client_credentials", "client_id": client.client_id}
            mac = hmac.new(client.client_secret.encode(), urlencode(form).encode(), hashlib.sha256).hexdigest()
            headers = {"X-Signature": f"sha256={mac}"}
    return {"method": "POST", "data": form, "headers": headers}


WAYS = ["json", "nested", "query", "get", "xml", "renamed", "gateway", "audience", "secret-as-user", "nonce", "signed"]


@pytest.mark.parametrize("way", WAYS)
def test_a_way_of_asking(http: httpx.Client, odd_provider: OddProvider, client: Client, way: str) -> None:
    """The odd form is granted; the standard one is not, and a wrong secret in the odd one is not either."""
    url = f"{odd_provider.at(way)}/token"
    wrong = Client(client.client_id, "wrong")

    good = http.request(url=url, **asked(way, client, odd_provider))
    plain = http.post(url, data=standard(client))
    bad = http.request(url=url, **asked(way, wrong, odd_provider))

    assert good.status_code == 200
    assert plain.status_code >= 400
    assert bad.status_code >= 400
    assert odd_provider.counts(client)["granted"] == 1
    token = {"Authorization": f"Bearer {good.json()['access_token']}"}
    assert [http.get(odd_provider.api_url + "/me", headers=each).status_code for each in (token, {})] == [200, 401]


def test_answers(http: httpx.Client, odd_provider: OddProvider, client: Client) -> None:
    """Each is what its fixture says, and nothing is where it would be otherwise."""

    def answer(ways: str, **more: str) -> httpx.Response:
        return http.post(f"{odd_provider.at(ways)}/token", data=standard(client, **more))

    header, cookie, instance, two = (answer(ways) for ways in ("answer-header", "answer-cookie", "instance", "two-tokens"))
    token = {"Authorization": f"Bearer {instance.json()['access_token']}"}
    both = {"Authorization": f"Bearer {two.json()['access_token']}", "X-Subscription-Key": two.json()["subscription_key"]}
    opened = [
        (odd_provider.at("answer-header"), {"X-Auth-Token": header.headers["X-Auth-Token"]}),
        (odd_provider.at("answer-cookie"), {"Cookie": cookie.headers["Set-Cookie"].partition(";")[0]}),
        (instance.json()["instance_url"], token),
        (odd_provider.at("two-tokens"), both),
    ]
    closed = [
        (odd_provider.at("answer-header"), {"Authorization": f"Bearer {header.headers['X-Auth-Token']}"}),
        (odd_provider.at("at-0123"), token),
        (odd_provider.at("two-tokens"), {"Authorization": both["Authorization"]}),
        (odd_provider.at("files"), token),
    ]

    assert set(answer("answer-nested").json()["data"]) == {"token", "seconds"}
    assert len(answer("answer-whole").text) == 64
    assert "access_token=" in answer("answer-form").text
    assert "<token>" in answer("answer-xml").text
    assert answer("expires-ms").json()["expires_ms"] == 600_000
    assert answer("expires-at").json()["expires_at"].endswith("Z")
    assert "expires_in" not in answer("no-expiry").json()
    assert (answer("code-0").json()["code"], answer("code-0", client_secret="no").json()["code"]) == (0, 40101)
    assert [http.get(url + "/api/me", headers=headers).status_code for url, headers in opened] == [200] * 4
    assert [http.get(url + "/api/me", headers=headers).status_code for url, headers in closed] == [401] * 4
    assert [http.get(odd_provider.at(way) + "/api/me").status_code for way in ("expired-403", "expired-200")] == [403, 200]


def test_refreshing(http: httpx.Client, odd_provider: OddProvider, client: Client) -> None:
    """By its own URL, under other names, by the access token, and without a new refresh token."""

    def ask(ways: str, **form: str) -> httpx.Response:
        return http.post(f"{odd_provider.at(ways)}/token", data=standard(client, **form))

    first = ask("no-refresh", grant_type="password", username=USERNAME, password=PASSWORD).json()
    refused = ask("no-refresh", grant_type="refresh_token", refresh_token=first["refresh_token"])
    second = ask("only-refresh", grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    kept = [ask("no-rotation", grant_type="refresh_token", refresh_token=second["refresh_token"]).json() for _ in range(2)]
    third = ask("renew", mode="renew", renew_token=second["refresh_token"]).json()
    exchanged = ask("standard", grant_type="exchange", access_token=first["access_token"], resource="files").json()

    assert refused.status_code == 400
    assert ["refresh_token" in each for each in kept] == [False, False]
    assert "access_token" in third
    assert http.get(odd_provider.at("files") + "/api/me", headers={"Authorization": f"Bearer {exchanged['access_token']}"}).status_code == 200
    assert ask("standard", grant_type="exchange", access_token="dead").status_code == 400


CONSENTS = [
    ("renamed", {"appid": "id", "callback": BACK}, {"client_id": "id", "redirect_uri": BACK}, "auth_code"),
    ("offline", {"client_id": "id", "redirect_uri": BACK, "access_type": "offline"}, {"client_id": "id", "redirect_uri": BACK}, "code"),
    ("comma", {"client_id": "id", "redirect_uri": BACK, "scope": "api:read,api:write"}, {"client_id": "id", "redirect_uri": BACK, "scope": "api:read api:write"}, "code"),
    ("strict", {"client_id": "id", "redirect_uri": BACK}, {"client_id": "id", "redirect_uri": BACK, "code_challenge": "x" * 43, "code_challenge_method": "S256"}, "code"),
    ("company", {"client_id": "id", "redirect_uri": BACK}, {"client_id": "id", "redirect_uri": "https://evil.example/"}, "realmId"),
]  # fmt: skip


@pytest.mark.parametrize(("way", "good", "bad", "name"), CONSENTS, ids=[each[0] for each in CONSENTS])
def test_consent(http: httpx.Client, odd_provider: OddProvider, client: Client, way: str, good: dict[str, str], bad: dict[str, str], name: str) -> None:
    """The odd request comes back with what it names; the other one is refused on the spot."""

    def link(words: dict[str, str]) -> str:
        mine = {key: client.client_id if value == "id" else value for key, value in words.items()}
        return f"{odd_provider.at(way)}/authorize?{urlencode({'response_type': 'code', 'state': 's', **mine})}"

    back = dict(parse_qsl(urlsplit(sign_in(link(good))).query))

    assert name in back
    assert http.get(link(bad)).status_code == 400


def test_consent_before_client_credentials(http: httpx.Client, odd_provider: OddProvider, client: Client) -> None:
    """Only a tenant whose consent was given gets a token."""
    url = odd_provider.at("consented")
    words = {"client_id": client.client_id, "redirect_uri": BACK, "tenant_hint": f"t-{client.client_id}", "state": "s"}

    before = http.post(f"{url}/token", data=standard(client, tenant=words["tenant_hint"]))
    back = dict(parse_qsl(urlsplit(sign_in(f"{url}/authorize?{urlencode(words)}")).query))
    after = http.post(f"{url}/token", data=standard(client, tenant=back["tenant"]))

    assert [before.status_code, after.status_code] == [400, 200]
