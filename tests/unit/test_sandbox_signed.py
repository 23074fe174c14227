"""The sandbox decides on signatures of AWS and of OAuth 1.0 by code of its own: what is right passes, every change is refused with its cause."""

from __future__ import annotations

import time
from dataclasses import replace
from urllib.parse import urlsplit

import pytest

from authweave.net.values import Call
from authweave.sandbox import Person, Sandbox
from authweave.sandbox.account import Account
from authweave.sandbox.arrived import Arrived
from authweave.sandbox.verifiers import Case, Passed, Refused, verifier_of
from authweave.values import TaskRequest
from services import engine, profile

pytestmark = pytest.mark.thorough

AWS = {"type": "aws_sigv4", "service": "s3", "region": "us-east-1"}
AWS_KEYS = {"access_key_id": "ASIDEXAMPLE", "secret_access_key": "s3cr3t", "session_token": "s3ss10n"}
OAUTH1 = {"type": "oauth1", "realm": "1042"}
OAUTH1_KEYS = {"consumer_key": "ck", "consumer_secret": "cs", "token": "tk", "token_secret": "ts"}
SERVER = "https://api.acme.example"
TASK = TaskRequest("POST", "/a b+c/ü?q=1&q=a%20b".replace(" ", "%20").replace("ü", "%C3%BC"), (("Content-Type", "application/x-www-form-urlencoded"),), b"x=1&y=a+b")


def sealed(auth, inputs, task=TASK):
    """A request as it arrives."""
    request = engine(inputs=inputs).connect(profile(auth, SERVER)).authorize(task).result(10)
    parts = urlsplit(request.url)
    target = f"{parts.path}{'?' if parts.query else ''}{parts.query}"
    return Arrived(request.method, "https", "api.acme.example", 443, target, (("Host", "api.acme.example"), *request.headers), request.body or b"")


def case_of(auth, inputs, arrived, now=None):
    made = profile(auth, SERVER)
    account = Account(made, inputs)
    variant = made.variants[0]
    return Case(arrived, account, variant, None, account.memory(variant), now or time.time())


def said_of(auth, inputs, arrived, now=None):
    case = case_of(auth, inputs, arrived, now)
    return verifier_of(case.variant)(case)


def with_header(arrived, name, change):
    return replace(arrived, headers=tuple((key, change(value) if key.lower() == name else value) for key, value in arrived.headers))


def without(arrived, name):
    return replace(arrived, headers=tuple(field for field in arrived.headers if field[0].lower() != name))


@pytest.mark.parametrize("place", ["header", "query"])
@pytest.mark.parametrize("service", ["s3", "execute-api"])
def test_aws_signatures_pass(service, place):
    """In header and query, for objects and for everything else."""
    auth = {**AWS, "service": service, "signature_in": place}

    assert isinstance(said_of(auth, AWS_KEYS, sealed(auth, AWS_KEYS)), Passed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda arrived: replace(arrived, body=b"other"), "hash of the body"),
        (lambda arrived: replace(arrived, target=arrived.target + "&r=1"), "does not match"),
        (lambda arrived: replace(arrived, target=arrived.target.replace("/a", "/b")), "does not match"),
        (lambda arrived: replace(arrived, method="PUT"), "does not match"),
        (lambda arrived: with_header(arrived, "content-type", lambda _: "text/plain"), "does not match"),
        (lambda arrived: with_header(arrived, "x-amz-security-token", lambda _: "x"), "session token"),
        (lambda arrived: with_header(arrived, "authorization", lambda value: value.replace("us-east-1", "eu-west-1")), "credential scope"),
        (lambda arrived: with_header(arrived, "authorization", lambda value: value.replace("ASIDEXAMPLE", "AKIDOTHER")), "access key id"),
        (lambda arrived: with_header(arrived, "authorization", lambda value: value.replace("content-type;", "")), "content-type is not signed"),
        (lambda arrived: with_header(arrived, "x-amz-date", lambda _: "yesterday"), "YYYYMMDD"),
        (lambda arrived: without(arrived, "x-amz-content-sha256"), "did not arrive"),
        (lambda arrived: without(arrived, "authorization"), "no AWS4-HMAC-SHA256 signature"),
    ],
)
def test_changed_requests_to_aws_are_refused(change, words):
    """Each part that is signed counts, and the refusal names it."""
    said = said_of(AWS, AWS_KEYS, change(sealed(AWS, AWS_KEYS)))

    assert isinstance(said, Refused)
    assert words in said.why or "date, region and service" in said.why


def test_other_keys_and_other_times():
    """Another secret, and a signature of an hour ago."""
    arrived = sealed(AWS, AWS_KEYS)

    assert "does not match" in said_of(AWS, {**AWS_KEYS, "secret_access_key": "another"}, arrived).why
    assert "clock" in said_of(AWS, AWS_KEYS, arrived, time.time() + 3600).why
    assert "clock" in said_of({**AWS, "signature_in": "query"}, AWS_KEYS, sealed({**AWS, "signature_in": "query"}, AWS_KEYS), time.time() + 600).why


@pytest.mark.parametrize("place", ["header", "query", "payload"])
@pytest.mark.parametrize("method", ["HMAC-SHA1", "HMAC-SHA256", "HMAC-SHA512", "PLAINTEXT"])
def test_oauth1_signatures_pass_once(method, place):
    """Every place and method; the same request a second time is refused."""
    auth = {**OAUTH1, "signature_method": method, "signature_in": place}
    auth = auth if place == "header" else {key: value for key, value in auth.items() if key != "realm"}
    case = case_of(auth, OAUTH1_KEYS, sealed(auth, OAUTH1_KEYS))
    verify = verifier_of(case.variant)

    assert isinstance(verify(case), Passed)
    assert "nonce was used before" in verify(case).why


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda arrived: replace(arrived, body=b"x=2&y=a+b"), "does not match"),
        (lambda arrived: replace(arrived, target=arrived.target + "&r=1"), "does not match"),
        (lambda arrived: replace(arrived, method="PUT"), "does not match"),
        (lambda arrived: replace(arrived, target=arrived.target + "&oauth_token=tk"), "one place"),
        (lambda arrived: with_header(arrived, "authorization", lambda value: value.replace('"tk"', '"tx"')), "oauth_token is not"),
        (lambda arrived: with_header(arrived, "authorization", lambda value: value.replace('"ck"', '"cx"')), "oauth_consumer_key"),
        (lambda arrived: with_header(arrived, "authorization", lambda value: value.replace("1042", "1043")), "realm"),
        (lambda arrived: with_header(arrived, "authorization", lambda value: value.replace("HMAC-SHA1", "PLAINTEXT")), "declared HMAC-SHA1"),
        (lambda arrived: without(arrived, "authorization"), "no OAuth 1.0 signature"),
    ],
)
def test_changed_requests_by_oauth1_are_refused(change, words):
    """Each part that is signed counts, and the refusal names it."""
    said = said_of(OAUTH1, OAUTH1_KEYS, change(sealed(OAUTH1, OAUTH1_KEYS)))

    assert isinstance(said, Refused)
    assert words in said.why


def test_other_secrets_and_other_times_by_oauth1():
    """Another token secret, and a request of an hour ago."""
    arrived = sealed(OAUTH1, OAUTH1_KEYS)

    assert "does not match" in said_of(OAUTH1, {**OAUTH1_KEYS, "token_secret": "another"}, arrived).why
    assert "clock" in said_of(OAUTH1, OAUTH1_KEYS, arrived, time.time() + 3600).why


LEGS = {
    "type": "oauth1", "signature_method": "HMAC-SHA256", "request_token_url": "https://login.acme.example/oauth/request_token",
    "authorization_url": "https://login.acme.example/oauth/authorize", "access_token_url": "https://login.acme.example/oauth/access_token",
}  # fmt: skip
ROLE = {**AWS, "role_arn": "arn:aws:iam::123456789012:role/bot", "external_id": "acme"}


@pytest.mark.parametrize("auth", [LEGS, ROLE], ids=["three legs", "role"])
def test_the_whole_way(auth):
    """A sign-in by three legs, and a role that is assumed: the sandbox takes every step, and the API the result."""
    made = profile(auth, SERVER)
    with Sandbox([made]) as box, box.engine() as sandboxed:
        connection = sandboxed.connect(made)
        if auth is LEGS:
            link = connection.begin_authorization(redirect_uri="http://127.0.0.1:8912/callback").result(10)
            connection.complete_authorization(Person(sandboxed.wire)(link)).result(10)
        requests = [connection.authorize(TaskRequest("GET", "/v1/me")).result(10) for _ in range(2)]
        sent = [sandboxed.wire.send(Call(one.method, one.url, one.headers, one.body), deadline=5).status for one in requests]

    assert sent == [200, 200]
