"""aiohttp at servers that are not ours: an application in its own process, and every kind of proof in this one."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from applications import Application, write_profile
from authweave.hosts.aiohttp import ProfileAuth, judgement_of
from identities import connected, inputs_of
from parts.apache import PASSWORD, USERNAME
from services import engine, oauth, profile, until

APPLICATION = '''
import asyncio, json, logging, sys
import aiohttp
from authweave.errors import AuthweaveError
from authweave.hosts.aiohttp import ProfileAuth, judgement_of

logging.basicConfig()

async def answer(session, method, url, **parts):
    try:
        async with session.request(method, url, **parts) as response:
            return {"status": response.status, "body": await response.text(), "verdict": judgement_of(response).verdict}
    except AuthweaveError as error:
        return {"error": type(error).__name__, "message": str(error)}

async def main():
    async with aiohttp.ClientSession(middlewares=(ProfileAuth("acme,tenant=blue"),)) as session:
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await answer(session, **json.loads(line))), flush=True)

asyncio.run(main())
'''


@pytest.fixture
def application(oidc_provider, installed, tmp_path):
    """An application of a client whose tokens live two seconds, and the client."""
    client = oidc_provider.new_client(ttl=2, scope="api:read")
    write_profile(tmp_path, oauth(oidc_provider.token_url, scopes="api:read"), oidc_provider.origin)
    return Application(APPLICATION, tmp_path, installed, **inputs_of(client)), client


def sent(auth, *requests):
    """Status, verdict and body of these requests of one session."""

    async def run():
        answers = []
        async with aiohttp.ClientSession(middlewares=(auth,)) as session:
            for method, url, parts in requests:
                async with session.request(method, url, **parts) as response:
                    answers.append((response.status, judgement_of(response).verdict, await response.text()))
        return answers

    return asyncio.run(asyncio.wait_for(run(), 60))


# ---- an application


def test_it_outlives_its_tokens(application, oidc_provider):
    """Longer than a token lives, and once it is ended early: every request is answered, and each token was asked for once."""
    app, client = application
    with app:
        answers = []
        until(lambda: answers.append(app.get(oidc_provider.api_url + "/read")) or oidc_provider.counts(client)["granted"] > 2, 60)
        by_time = oidc_provider.counts(client)
        oidc_provider.kill(client)
        answers.append(app.get(oidc_provider.api_url + "/read"))

    counts = oidc_provider.counts(client)
    assert {(200, "accepted")} == {(answer["status"], answer["verdict"]) for answer in answers}
    assert (counts["token"], counts["token"]) == (counts["granted"], by_time["granted"] + 1)
    assert {"Bearer"} == {seen.header("authorization").partition(" ")[0] for seen in oidc_provider.seen(client, kind="api")}
    assert "authweave.hosts" not in app.log


def test_it_says_what_helps(application, oidc_provider):
    """Without the scope, and at another origin: the log names the scope and the command that shows more, and nothing left the process."""
    app, client = application
    with app:
        forbidden = app.get(oidc_provider.api_url + "/write")
        elsewhere = app.get("http://localhost:1/me")

    assert (403, "forbidden") == (forbidden["status"], forbidden["verdict"])
    assert "acme,tenant=blue: the API knows the caller and forbids this (403): it asks for scope api:write" in app.log
    assert "authweave test acme --tenant blue" in app.log
    assert "OriginRefused" == elsewhere["error"]
    assert client.client_secret not in app.log + elsewhere["message"]


def test_it_says_that_the_client_is_refused(oidc_provider, installed, tmp_path):
    """A wrong secret: the provider's own word, and no request to the API."""
    client = oidc_provider.new_client()
    write_profile(tmp_path, oauth(oidc_provider.token_url), oidc_provider.origin)
    with Application(APPLICATION, tmp_path, installed, **inputs_of(client, client_secret="wr0ng-one")) as app:
        refused = app.get(oidc_provider.api_url + "/me")

    assert "TokenEndpointError" == refused["error"]
    assert "invalid_client" in refused["message"]
    assert "wr0ng-one" not in refused["message"] + app.log
    assert 0 == oidc_provider.counts(client)["api"]


def test_redirects_by_httpbin(oidc_provider, httpbin):
    """On the same server with the token; elsewhere without it, also where the other one is a server of the profile, too."""
    client = oidc_provider.new_client()
    target = f"{httpbin}/redirect-to"
    there = {"params": {"url": oidc_provider.api_url + "/me"}}
    made = profile(oauth(oidc_provider.token_url), httpbin)
    both = profile(oauth(oidc_provider.token_url), httpbin, oidc_provider.origin)
    run = engine()

    [stranger] = sent(ProfileAuth(run.connect(made, inputs=inputs_of(client))), ("GET", target, there))
    [member] = sent(ProfileAuth(run.connect(both, inputs=inputs_of(client))), ("GET", target, there))
    [home] = sent(ProfileAuth(run.connect(made, inputs=inputs_of(client))), ("GET", target, {"params": {"url": f"{httpbin}/bearer"}}))

    assert [(401, "inconclusive"), (401, "inconclusive"), (200, "accepted")] == [stranger[:2], member[:2], home[:2]]


# ---- proofs that are made of the request


def test_digest_at_apache(apache):
    """The challenge is answered, a body sent again, and from then on the proof goes along."""
    auth = ProfileAuth(engine(inputs={}).connect(profile({"type": "digest"}, apache.origin), inputs={"username": USERNAME, "password": PASSWORD}))

    answers = sent(auth, ("POST", apache.digest_url, {"data": b"x" * 1000}), ("GET", f"{apache.digest_url}?q=a%20b&c=d", {}))

    assert [(200, "accepted")] * 2 == [answer[:2] for answer in answers]


def test_a_stream_and_a_challenge(apache):
    """A body that is used up is not sent again: the server's refusal comes back, judged."""

    async def stream():
        yield b"x"

    auth = ProfileAuth(engine(inputs={}).connect(profile({"type": "digest"}, apache.origin), inputs={"username": USERNAME, "password": PASSWORD}))

    [first, second] = sent(auth, ("POST", apache.digest_url, {"data": stream()}), ("GET", apache.digest_url, {}))

    assert ((401, "refused"), (200, "accepted")) == (first[:2], second[:2])


@pytest.mark.parametrize("nonce", [False, True])
def test_dpop_at_oidc_provider(oidc_provider, nonce):
    """A bound token, a proof for each request, and the nonces of both servers."""
    client = oidc_provider.new_client(dpop_bound_access_tokens=True, dpop_nonce=nonce)

    answers = sent(
        ProfileAuth(connected(oidc_provider, client, dpop=True)),
        ("GET", oidc_provider.api_url + "/me", {}), ("POST", oidc_provider.api_url + "/me?x=1", {"json": {"a": 1}}),
    )  # fmt: skip

    assert [(200, "accepted")] * 2 == [answer[:2] for answer in answers]
    assert 1 == oidc_provider.counts(client)["granted"]


def test_signature_version_4_at_moto(moto, tmp_path):
    """Bytes and a file of the disk, under a key with odd characters: what is signed is what arrives."""
    auth = {"type": "aws_sigv4", "service": "s3", "region": "us-east-1"}
    keys = {"access_key_id": moto.access_key_id, "secret_access_key": moto.secret_access_key}
    url = f"{moto.origin}/{moto.bucket}/a b/ü☃.txt"
    (tmp_path / "a.txt").write_text("from the disk")

    with (tmp_path / "a.txt").open("rb") as file:
        run = ProfileAuth(engine(inputs=keys).connect(profile(auth, moto.origin)))
        answers = sent(run, ("PUT", url, {"data": b"bytes"}), ("GET", url, {}), ("PUT", url, {"data": file}), ("GET", url, {"params": {"x": "a b"}}))

    assert [200] * 4 == [status for status, _, _ in answers]
    assert ("bytes", "from the disk") == (answers[1][2], answers[3][2])


def test_payload_and_query_at_httpbin(httpbin):
    """What httpbin echoes is what the profile says, in a form of files, too."""
    fields = [{"in": "payload", "key": "account", "value": "7"}, {"in": "query", "key": "region", "value": "e u"}]
    auth = ProfileAuth(engine(inputs={"api_key": "k3y"}).connect(profile({"type": "api_key"}, httpbin, fields=fields)))
    form = aiohttp.FormData({"own": "1"})
    form.add_field("file", b"content", filename="a.txt")

    plain, files = (json.loads(body) for _, _, body in sent(auth, ("POST", f"{httpbin}/anything", {"json": {"n": 1}}), ("POST", f"{httpbin}/anything", {"data": form})))

    assert ({"n": 1, "account": "7"}, {"region": "e u"}, "k3y") == (plain["json"], plain["args"], plain["headers"]["X-Api-Key"])
    assert ({"own": "1", "account": "7"}, {"file": "content"}) == (files["form"], files["files"])
