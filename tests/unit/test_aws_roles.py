"""The keys of a role live like a token: got once for all, renewed before their end, and once more where AWS says they have ended."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx
import pytest

from authweave.errors import SigningError
from authweave.values import TaskRequest
from services import Clock, Reply, engine, profile, says, serving

KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
GONE = Reply(403, b'{"__type": "ExpiredTokenException", "message": "The security token included in the request is expired"}', (("Content-Type", "application/x-amz-json-1.0"),))


@dataclass
class Sts:
    """AssumeRole, which hands out keys number 1, 2, … for a quarter of an hour."""

    clock: Clock = field(default_factory=Clock)
    asked: list = field(default_factory=list)
    url: str = ""

    def __call__(self, request) -> Reply:
        self.asked.append(request)
        number, end = len(self.asked), datetime.fromtimestamp(self.clock() + 900, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = (
            '<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>'
            f"<AccessKeyId>ASIA{number}</AccessKeyId><SecretAccessKey>secret{number}</SecretAccessKey>"
            f"<SessionToken>session{number}==</SessionToken><Expiration>{end}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )
        return Reply(200, body.encode(), (("Content-Type", "text/xml"),))


@dataclass
class Service:
    """Takes the keys whose numbers are in `good`."""

    good: set = field(default_factory=lambda: {"1", "2", "3"})
    asked: list = field(default_factory=list)
    url: str = ""

    def __call__(self, request) -> Reply:
        self.asked.append(request)
        return says({}) if used(request) in self.good else GONE


def used(request):
    """The number of the keys that signed."""
    return request.values("authorization")[0].partition("Credential=ASIA")[2].partition("/")[0]


@pytest.fixture
def sts() -> Iterator[Sts]:
    with serving(Sts()) as server:
        yield server


@pytest.fixture
def service() -> Iterator[Service]:
    with serving(Service()) as server:
        yield server


def connected(sts, service, **more):
    auth = {"type": "aws_sigv4", "service": "dynamodb", "region": "us-east-1", "role_arn": "arn:aws:iam::123456789012:role/bot", "token_url": f"{sts.url}/", **more}
    return engine(inputs=KEYS, clock=sts.clock).connect(profile(auth, service.url))


def test_the_call_that_assumes_the_role(sts, service):
    """Form, names and service as STS wants them, signed with the access key for `sts`."""
    connected(sts, service, external_id="acme", duration_seconds=900).token().result(10)

    [asked] = sts.asked
    assert asked.form == {
        "Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::123456789012:role/bot", "RoleSessionName": "authweave",
        "ExternalId": "acme", "DurationSeconds": "900",
    }  # fmt: skip
    assert "/us-east-1/sts/aws4_request" in asked.values("authorization")[0]
    assert "Credential=AKIDEXAMPLE/" in asked.values("authorization")[0]


def test_the_keys_of_the_role_sign(sts, service):
    """Its access key, for the service itself, with its session token."""
    connection = connected(sts, service)
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        http.get(f"{service.url}/x")

    [asked] = service.asked
    assert "Credential=ASIA1/" in asked.values("authorization")[0]
    assert "/us-east-1/dynamodb/aws4_request" in asked.values("authorization")[0]
    assert asked.values("x-amz-security-token") == ["session1=="]


@pytest.mark.parametrize("part", ["ASIA1", "secret1"])
def test_half_a_key_signs_nothing(sts, service, part):
    """An answer without access key or secret: an error before the task request, not a signature that everybody can make."""
    class Halved(Sts):
        def __call__(self, request) -> Reply:
            whole = super().__call__(request)
            return Reply(whole.status, whole.body.replace(part.encode(), b""), whole.headers)

    with serving(Halved(sts.clock)) as halved, pytest.raises(SigningError, match="no access key of AWS"):
        connected(halved, service).authorize(TaskRequest("GET", f"{service.url}/x")).result(10)


def test_many_callers_assume_once(sts, service):
    """Thirty threads, one call."""
    connection = connected(sts, service)
    start = threading.Barrier(30)

    def call():
        start.wait(10)
        connection.authorize(TaskRequest("GET", f"{service.url}/x")).result(10)

    threads = [threading.Thread(target=call) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(sts.asked) == 1


def test_keys_are_renewed_before_their_end(sts, service):
    """After their time the role is assumed anew; nothing is refreshed."""
    connection = connected(sts, service)
    first = connection.authorize(TaskRequest("GET", f"{service.url}/x")).result(10)
    sts.clock.ahead = 1000
    second = connection.authorize(TaskRequest("GET", f"{service.url}/x")).result(10)

    assert ["ASIA1" in first.header("authorization"), "ASIA2" in second.header("authorization")] == [True, True]
    assert [asked.form["Action"] for asked in sts.asked] == ["AssumeRole"] * 2


def test_keys_that_ended_early_are_renewed_once(sts, service):
    """ExpiredToken comes with 403, and means the credential: the role is assumed anew, and the request sent once more."""
    connection = connected(sts, service)
    service.good = {"2"}
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        answer = http.post(f"{service.url}/x", json={"a": 1})

    assert (answer.status_code, [used(request) for request in service.asked]) == (200, ["1", "2"])
    assert [request.body for request in service.asked] == [b'{"a":1}'] * 2
    assert len(sts.asked) == 2


def test_keys_that_are_never_taken(sts, service):
    """Renewed once, and then the answer stands, with its verdict."""
    connection = connected(sts, service)
    service.good = set()
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        answer = http.get(f"{service.url}/x")

    assert (answer.status_code, answer.extensions["authweave"].verdict, len(service.asked), len(sts.asked)) == (403, "refused", 2, 2)


def test_without_a_role_nobody_asks_sts(sts, service):
    """An input that may be empty decides."""
    auth = {"type": "aws_sigv4", "service": "dynamodb", "region": "us-east-1", "role_arn": "{{ inputs.role }}", "token_url": f"{sts.url}/"}
    connection = engine(inputs=KEYS).connect(profile(auth, service.url, inputs={"role": {"required": False}}))

    request = connection.authorize(TaskRequest("GET", f"{service.url}/x")).result(10)

    assert "Credential=AKIDEXAMPLE/" in request.header("authorization")
    assert (connection.token().result(10), sts.asked) == (None, [])
