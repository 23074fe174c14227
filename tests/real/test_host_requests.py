"""The door for requests at servers that are not ours: each reckons or looks for itself."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from authweave.hosts.requests import ProfileAuth, judgement_of
from identities import connected
from parts.apache import PASSWORD, USERNAME, Apache
from parts.installed import environment_of
from parts.moto import Moto
from parts.oidc import OidcProvider
from parts.tinyproxy import PASSWORD as PROXY_PASSWORD
from parts.tinyproxy import USERNAME as PROXY_USERNAME
from services import engine, profile


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


PROGRAM = """
import sys, requests
from authweave.hosts.requests import ProfileAuth, judgement_of

with requests.Session() as session:
    session.trust_env = False
    session.auth = ProfileAuth("acme-crm,tenant=blue")
    answer = session.get(sys.argv[1])
    print("SAW", answer.status_code, judgement_of(answer).verdict)
    session.get(sys.argv[2])
"""


def test_a_program_of_its_own(oidc_provider: OidcProvider, installed: Path, tmp_path: Path) -> None:
    """The ten lines of the documentation in a process of their own: a profile by its name, a refusal on standard error."""
    client = oidc_provider.new_client(scope="api:read")
    text = f"format: 1\nname: acme-crm\nidentity_provider: Acme\nservers: ['{oidc_provider.origin}']\nauth: {{type: oauth2, grant_type: client_credentials, token_url: '{oidc_provider.token_url}', scopes: [api:read]}}\n"
    (tmp_path / "acme-crm.yaml").write_text(text)
    known = {"AUTHWEAVE_PROFILES": str(tmp_path), "AUTHWEAVE_ACME_CRM_CLIENT_ID": client.client_id, "AUTHWEAVE_ACME_CRM_CLIENT_SECRET": client.client_secret}
    command = [sys.executable, "-c", PROGRAM, f"{oidc_provider.api_url}/read", f"{oidc_provider.api_url}/write"]
    environment = environment_of(installed, NO_PROXY="*", **known)
    ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)

    assert "SAW 200 accepted" in ended.stdout, ended.stderr
    assert "acme-crm,tenant=blue: the API knows the caller and forbids this (403)" in ended.stderr
    assert "authweave test acme-crm --tenant blue" in ended.stderr
