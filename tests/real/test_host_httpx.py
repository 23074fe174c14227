"""httpx alone and httpx2 alone, as applications see them that never import the other: sync and async, expiry, redirects, refusals; and both at once."""

from __future__ import annotations

import pytest

from applications import Application, write_profile
from identities import inputs_of
from parts.apache import PASSWORD, USERNAME
from services import oauth, until

SYNC = '''
import json, logging, sys
import {package}
from authweave import Engine
from authweave.errors import AuthweaveError

logging.basicConfig()

def answer(http, method, url, **parts):
    try:
        response = http.request(method, url, **parts)
    except AuthweaveError as error:
        return {"error": type(error).__name__, "message": str(error), "has_other": "{other}" in sys.modules}
    judgement = response.extensions["authweave"]
    return {"status": response.status_code, "body": response.text, "verdict": judgement.verdict, "reason": judgement.reason,
            "has_other": "{other}" in sys.modules}

with {package}.Client(auth=Engine().connect("acme", tenant="blue").auth, follow_redirects=True, trust_env=False) as http:
    for line in sys.stdin:
        print(json.dumps(answer(http, **json.loads(line))), flush=True)
'''

ASYNC = '''
import asyncio, json, logging, sys
import {package}
from authweave import Engine
from authweave.errors import AuthweaveError

logging.basicConfig()

async def answer(http, method, url, **parts):
    try:
        response = await http.request(method, url, **parts)
    except AuthweaveError as error:
        return {"error": type(error).__name__, "message": str(error), "has_other": "{other}" in sys.modules}
    judgement = response.extensions["authweave"]
    return {"status": response.status_code, "body": response.text, "verdict": judgement.verdict, "reason": judgement.reason,
            "has_other": "{other}" in sys.modules}

async def main():
    auth = Engine().connect("acme", tenant="blue").auth
    async with {package}.AsyncClient(auth=auth, follow_redirects=True, trust_env=False) as http:
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await answer(http, **json.loads(line))), flush=True)

asyncio.run(main())
'''

BOTH = '''
import json, sys
import httpx2
from authweave import Engine

connection = Engine().connect("acme", tenant="blue")
alone = connection.auth
with httpx2.Client(auth=alone, trust_env=False) as http:
    for line in sys.stdin:
        asked = json.loads(line)
        first = http.request(**asked)
        import httpx
        with httpx.Client(auth=connection.auth, trust_env=False) as late, connection.client(trust_env=False) as own:
            answers = [first, late.request(**asked), own.request(**asked), http.request(**asked)]
        kinds = [isinstance(connection.auth, package.Auth) for package in (httpx, httpx2)]
        print(json.dumps({"statuses": [answer.status_code for answer in answers], "kinds": kinds}), flush=True)
'''


@pytest.fixture(params=[SYNC, ASYNC], ids=["sync", "async"])
def colour(request):
    return request.param


@pytest.fixture(params=["httpx", "httpx2"])
def script(colour, request):
    other = {"httpx": "httpx2", "httpx2": "httpx"}[request.param]
    return colour.replace("{package}", request.param).replace("{other}", other)


def test_it_outlives_its_tokens(script, oidc_provider, installed, tmp_path):
    """Longer than a token lives, and once it is ended early: every request is answered, and the other package was never imported."""
    client = oidc_provider.new_client(ttl=2, scope="api:read")
    write_profile(tmp_path, oauth(oidc_provider.token_url, scopes="api:read"), oidc_provider.origin)
    with Application(script, tmp_path, installed, **inputs_of(client)) as app:
        answers = []
        until(lambda: answers.append(app.get(oidc_provider.api_url + "/read")) or oidc_provider.counts(client)["granted"] > 2, 60)
        by_time = oidc_provider.counts(client)
        oidc_provider.kill(client)
        answers.append(app.get(oidc_provider.api_url + "/read"))
        forbidden = app.get(oidc_provider.api_url + "/write")

    counts = oidc_provider.counts(client)
    assert {(200, "accepted", False)} == {(answer["status"], answer["verdict"], answer["has_other"]) for answer in answers}
    assert (counts["token"], counts["token"]) == (counts["granted"], by_time["granted"] + 1)
    assert (403, "forbidden", True) == (forbidden["status"], forbidden["verdict"], "scope api:write" in forbidden["reason"])


def test_what_it_says_when_refused(script, oidc_provider, installed, tmp_path):
    """A wrong secret is the provider's word; a URL elsewhere is refused before a token is asked for. Neither imports the other package."""
    client = oidc_provider.new_client()
    write_profile(tmp_path, oauth(oidc_provider.token_url), oidc_provider.origin)
    with Application(script, tmp_path, installed, **inputs_of(client, client_secret="wr0ng-one")) as app:
        elsewhere = app.get("http://localhost:1/me")
        refused = app.get(oidc_provider.api_url + "/me")

    assert ("OriginRefused", "TokenEndpointError") == (elsewhere["error"], refused["error"])
    assert ("invalid_client" in refused["message"], "wr0ng-one" in refused["message"]) == (True, False)
    assert (1, 0) == (oidc_provider.counts(client)["token"], oidc_provider.counts(client)["api"])
    assert not elsewhere["has_other"]
    assert not refused["has_other"]


def test_redirects_by_httpbin(script, oidc_provider, httpbin, installed, tmp_path):
    """A redirect elsewhere goes without the token, and its answer is not judged."""
    client = oidc_provider.new_client()
    write_profile(tmp_path, oauth(oidc_provider.token_url), httpbin)
    with Application(script, tmp_path, installed, **inputs_of(client)) as app:
        home = app.get(f"{httpbin}/redirect-to?url=/bearer")
        strayed = app.get(f"{httpbin}/redirect-to", params={"url": oidc_provider.api_url + "/me"})

    assert ((200, "accepted"), (401, "inconclusive")) == tuple((answer["status"], answer["verdict"]) for answer in (home, strayed))
    assert not strayed["has_other"]


def test_a_challenge_is_answered(script, apache, installed, tmp_path):
    """Digest: what is made of the request is made by the package's own request classes."""
    write_profile(tmp_path, {"type": "digest"}, apache.origin)
    with Application(script, tmp_path, installed, username=USERNAME, password=PASSWORD) as app:
        answers = [app.get(apache.digest_url) for _ in range(2)]

    assert [(200, "accepted", False)] * 2 == [(answer["status"], answer["verdict"], answer["has_other"]) for answer in answers]


def test_both_in_one_process(oidc_provider, installed, tmp_path):
    """An auth made for httpx2 goes on working once httpx is there, and the connection's next one is of both kinds: one token for all."""
    client = oidc_provider.new_client()
    write_profile(tmp_path, oauth(oidc_provider.token_url), oidc_provider.origin)
    with Application(BOTH, tmp_path, installed, **inputs_of(client)) as app:
        told = app.get(oidc_provider.api_url + "/me")

    assert {"statuses": [200, 200, 200, 200], "kinds": [True, True]} == told
    assert 1 == oidc_provider.counts(client)["granted"]
