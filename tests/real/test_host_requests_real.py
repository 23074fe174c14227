"""The door for requests at servers that are not ours: each reckons or looks for itself."""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from applications import Application, write_profile
from authweave.hosts.requests import ProfileAuth, judgement_of
from identities import connected, inputs_of
from parts.apache import PASSWORD, USERNAME, Apache
from parts.identity import Client
from parts.moto import Moto
from parts.oidc import OidcProvider
from parts.tinyproxy import PASSWORD as PROXY_PASSWORD
from parts.tinyproxy import USERNAME as PROXY_USERNAME
from services import engine, oauth, profile, until


def session(auth: Any) -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.auth = auth
    return made


@pytest.mark.parametrize(("place", "via"), [("header", "header"), ("query", "query"), ("payload", "body")])
def test_a_session_outlives_its_token(oidc_provider: OidcProvider, place: str, via: str) -> None:
    """Three tokens of two seconds one after the other, in each place; one that the provider ends early is renewed in between."""
    client = oidc_provider.new_client(ttl=2, scope="api:read")
    fields = {} if place == "header" else {"fields": [{"in": place, "key": "access_token", "value": "{{ token.access_token }}"}]}
    http = session(ProfileAuth(connected(oidc_provider, client, scopes=["api:read"], **fields)))
    method, body = ("POST", {"colour": "red"}) if place == "payload" else ("GET", None)
    answers = []
    for ending in (lambda: time.sleep(2.5), lambda: oidc_provider.kill(client), lambda: None):
        answers.append(http.request(method, f"{oidc_provider.api_url}/read", data=body))
        ending()

    assert [(200, via)] * 3 == [(answer.status_code, answer.json()["via"]) for answer in answers]
    assert (3, 3) == tuple(oidc_provider.counts(client)[name] for name in ("token", "api_200"))


def test_a_scope_that_is_missing_is_named(oidc_provider: OidcProvider) -> None:
    """403: the answer as it came, and the scope in the judgement."""
    http = session(ProfileAuth(connected(oidc_provider, oidc_provider.new_client(scope="api:read"), scopes=["api:read"])))
    answer = http.get(f"{oidc_provider.api_url}/write")
    judgement = judgement_of(answer)

    assert 403 == answer.status_code
    assert judgement is not None
    assert ("forbidden", True) == (judgement.verdict, "api:write" in judgement.reason)


def test_a_token_bound_to_a_key_is_proven_for_each_request(oidc_provider: OidcProvider) -> None:
    """DPoP with a nonce: the server asks for it once, and the proof is for the very URL and method."""
    client = oidc_provider.new_client(scope="api:read", dpop_bound_access_tokens=True, dpop_nonce=True)
    http = session(ProfileAuth(connected(oidc_provider, client, scopes=["api:read"], dpop=True)))

    assert [200, 200] == [http.get(f"{oidc_provider.api_url}/read", params={"n": number}).status_code for number in range(2)]


def test_apache_opens_for_a_digest(apache: Apache) -> None:
    """One refusal in all; afterwards the proof goes along, for each URL."""
    connection = engine(inputs={}).connect(profile({"type": "digest"}, apache.origin), inputs={"username": USERNAME, "password": PASSWORD})
    http = session(ProfileAuth(connection))
    answers = [http.get(apache.digest_url, params={"page": number, "q": "a b/c;d=é"}) for number in range(3)]

    assert [200] * 3 == [answer.status_code for answer in answers]
    assert [1, 0, 0] == [len(answer.history) for answer in answers]


@pytest.mark.parametrize("name", ["/plain.txt", "/a b/ü☃.txt", "/model:1/~me/%7Eyou", "/a%2Fb"])
def test_aws_reckons_the_same_signature(moto: Moto, name: str) -> None:
    """What requests and urllib3 make of a URL is what was signed; a file as a body is refused, bytes are not."""
    given = {"access_key_id": moto.access_key_id, "secret_access_key": moto.secret_access_key}
    auth = {"type": "aws_sigv4", "service": "s3", "region": "us-east-1"}
    http = session(ProfileAuth(engine(inputs=given).connect(profile(auth, moto.origin))))
    bucket = f"{moto.origin}/bucket-of-requests"
    http.put(bucket)

    assert 200 == http.put(f"{bucket}{name}", data=b"content").status_code
    assert b"content" == http.get(f"{bucket}{name}", params={"x": "1 2"}).content


def test_through_a_proxy_with_its_own_credentials(oidc_provider: OidcProvider, tinyproxy: Callable[..., str]) -> None:
    """The proxy's credentials are the session's, the API's are the profile's; a dead token is renewed through the same proxy."""
    client = oidc_provider.new_client(scope="api:read")
    http = session(ProfileAuth(connected(oidc_provider, client, scopes=["api:read"])))
    http.proxies = {"http": tinyproxy(credentials=True).replace("//", f"//{PROXY_USERNAME}:{PROXY_PASSWORD}@")}
    first = http.get(f"{oidc_provider.api_url}/read")
    oidc_provider.kill(client)
    second = http.get(f"{oidc_provider.api_url}/read")

    assert [200, 200] == [first.status_code, second.status_code]
    assert 1 == oidc_provider.counts(client)["api_401"]
    assert not any(seen.header("proxy-authorization") for seen in oidc_provider.seen(client))


def test_an_upload_comes_again_in_full(oidc_provider: OidcProvider) -> None:
    """A file whose token has died: from its beginning, with its length."""
    client = oidc_provider.new_client(scope="api:read")
    http = session(ProfileAuth(connected(oidc_provider, client, scopes=["api:read"])))
    http.get(f"{oidc_provider.api_url}/read")
    oidc_provider.kill(client)
    answer = http.post(f"{oidc_provider.api_url}/read", data=io.BytesIO(b"colour=red"), headers={"Content-Type": "application/x-www-form-urlencoded"})

    assert 200 == answer.status_code
    assert ["colour=red"] * 2 == [seen.body for seen in oidc_provider.seen(client, kind="api") if seen.method == "POST"]


APPLICATION = """
import json, logging, sys
import requests
from authweave.errors import AuthweaveError
from authweave.hosts.requests import ProfileAuth, judgement_of

logging.basicConfig()

def answer(session, method, url):
    try:
        response = session.request(method, url)
    except AuthweaveError as error:
        return {"error": type(error).__name__, "message": str(error)}
    return {"status": response.status_code, "via": response.json().get("via"), "verdict": judgement_of(response).verdict}

with requests.Session() as session:
    session.trust_env = False
    session.auth = ProfileAuth("acme,tenant=blue")
    for line in sys.stdin:
        print(json.dumps(answer(session, **json.loads(line))), flush=True)
"""


@pytest.fixture
def application(oidc_provider: OidcProvider, installed: Path, tmp_path: Path) -> Callable[..., Application]:
    """A program of its own that knows the profile `acme` by its name, for a client of the provider."""

    def made(client: Client, **inputs: str) -> Application:
        write_profile(tmp_path, oauth(oidc_provider.token_url, scopes="api:read"), oidc_provider.origin)
        return Application(APPLICATION, tmp_path, installed, **inputs_of(client, **inputs))

    return made


def test_a_program_of_its_own_outlives_its_tokens(oidc_provider: OidcProvider, application: Callable[..., Application]) -> None:
    """Longer than a token lives, and once it is ended early: every request is answered, with a bearer token in its header."""
    client = oidc_provider.new_client(ttl=2, scope="api:read")
    answers: list[Any] = []
    with application(client) as running:
        until(lambda: answers.append(running.get(f"{oidc_provider.api_url}/read")) or oidc_provider.counts(client)["granted"] > 2, 60)
        by_time = oidc_provider.counts(client)["granted"]
        oidc_provider.kill(client)
        answers.append(running.get(f"{oidc_provider.api_url}/read"))

    counts = oidc_provider.counts(client)
    assert [answer for answer in answers if answer != {"status": 200, "via": "header", "verdict": "accepted"}] == []
    assert counts["token"] == counts["granted"] == by_time + 1
    assert "authweave.hosts" not in running.log


def test_a_program_of_its_own_says_what_helps(oidc_provider: OidcProvider, application: Callable[..., Application]) -> None:
    """Without the scope the log names it, and the command that shows more; a secret that is wrong is the provider's own word."""
    client = oidc_provider.new_client(scope="api:read")
    with application(client) as running:
        forbidden = running.get(f"{oidc_provider.api_url}/write")
    with application(client, client_secret="wr0ng-one") as mistaken:
        refused = mistaken.get(f"{oidc_provider.api_url}/read")

    assert (403, "forbidden") == (forbidden["status"], forbidden["verdict"])
    assert "acme,tenant=blue: the API knows the caller and forbids this (403): it asks for scope api:write" in running.log
    assert "authweave test acme --tenant blue" in running.log
    assert ("TokenEndpointError", True) == (refused["error"], "invalid_client" in refused["message"])
    assert "wr0ng-one" not in refused["message"] + mistaken.log
