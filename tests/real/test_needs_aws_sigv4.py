"""AWS Signature Version 4 at moto, which signs every request once more and looks into the caller's policy."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from authweave.errors import TokenEndpointError
from parts.moto import Moto
from services import engine, profile

TABLES = {"headers": {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}, "content": b"{}"}


def signing(service: str, **more: Any) -> dict[str, Any]:
    return {"type": "aws_sigv4", "service": service, "region": "us-east-1", **more}


def keys(moto: Moto, **other: str) -> dict[str, str]:
    return {"access_key_id": moto.access_key_id, "secret_access_key": moto.secret_access_key, **other}


def client(auth: dict[str, Any], moto: Moto, **other: str) -> httpx.Client:
    """A client that sends with this `auth`, and with the keys of the user unless others are named."""
    connection = engine(inputs=keys(moto, **other)).connect(profile(auth, moto.origin))
    return httpx.Client(auth=connection.auth, base_url=moto.origin, trust_env=False)


def code_of(response: httpx.Response) -> str:
    """The word with which AWS refuses."""
    return response.text.partition("<Code>")[2].partition("</Code>")[0]


@pytest.mark.proves("auth kind: AWS SigV4")
def test_a_signed_request_is_answered(moto: Moto) -> None:
    """The user's key opens; the same request without a signature, or with another secret, does not."""
    with client(signing("dynamodb"), moto) as right, client(signing("dynamodb"), moto, secret_access_key="another") as wrong:
        good, bad = right.post("/", **TABLES), wrong.post("/", **TABLES)
    with client({"type": "none"}, moto) as unsigned:
        none = unsigned.post("/", **TABLES)

    assert (good.status_code, list(good.json())) == (200, ["TableNames"])
    assert (bad.status_code, code_of(bad)) == (403, "SignatureDoesNotMatch")
    assert none.status_code >= 400  # moto stumbles over it: 500


def test_keys_and_scopes_that_aws_does_not_know(moto: Moto) -> None:
    """An unknown key is refused as such."""
    with client(signing("dynamodb"), moto, access_key_id="AKIAUNKNOWN0000000") as stranger:
        assert stranger.post("/", **TABLES).status_code == 403


OBJECTS = ["/plain.txt", "/a b/ü☃.txt", "/a+b,c;d=e@f!$&'()*.txt", "/model:1/~me/%7Eyou", "/a%2Fb", "/..../x", "/deep//double"]


@pytest.mark.parametrize("name", OBJECTS)
def test_objects_of_any_name(moto: Moto, name: str) -> None:
    """What is put under a key is got under it, whatever its name: path, query and body are signed as S3 reads them."""
    with client(signing("s3"), moto) as http:
        put = http.put(f"/{moto.bucket}{name}", content=name.encode(), headers={"X-Amz-Meta-Note": "a   b", "Content-Type": "text/plain"})
        got = http.get(f"/{moto.bucket}{name}")
        listed = http.get(f"/{moto.bucket}", params={"list-type": "2", "prefix": name.strip("/")[:3], "delimiter": ""})

    assert [put.status_code, got.status_code, listed.status_code] == [200, 200, 200]
    assert got.text == name


def test_a_request_that_is_changed_on_its_way(moto: Moto) -> None:
    """The signature covers method, path, query, headers and body: each of them changed afterwards is refused."""
    connection = engine(inputs=keys(moto)).connect(profile(signing("dynamodb"), moto.origin))

    def sent(**changes: Any) -> int:
        request = httpx.Request("POST", f"{moto.origin}/?x=1", **TABLES)
        signed = next(connection.auth.sync_auth_flow(request))
        changed = {"method": signed.method, "url": str(signed.url), "content": signed.content, **changes}
        headers = {**signed.headers, **changes.get("headers", {}), "content-length": str(len(changed["content"]))}
        with httpx.Client(trust_env=False) as http:
            return http.request(**{**changed, "headers": headers}).status_code

    assert sent() == 200
    assert sent(content=b"{ }") == 403
    assert sent(url=f"{moto.origin}/?x=2") == 403
    assert sent(method="PUT") == 403
    assert sent(headers={"content-type": "application/x-amz-json-1.1"}) == 403


QUEUES = {"headers": {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"}, "content": b"{}"}


@pytest.mark.proves("auth kind: AWS SigV4", "token request and response: signed token request")
def test_a_role_is_assumed(moto: Moto) -> None:
    """What only the role may do is done with the role's keys; the user's own keys are refused, without a role or with an empty one."""
    role = signing("sqs", role_arn="{{ inputs.role }}", token_url=f"{moto.origin}/")
    answers = []
    for named in (moto.role_arn, ""):
        connection = engine(inputs=keys(moto, role=named)).connect(profile(role, moto.origin, inputs={"role": {"required": False, "default": ""}}))
        with httpx.Client(auth=connection.auth, base_url=moto.origin, trust_env=False) as http:
            answers.append([http.post("/", **QUEUES).status_code for _ in range(2)])
    with client(signing("sqs"), moto) as user:
        answers.append([user.post("/", **QUEUES).status_code])

    assert answers == [[200, 200], [403, 403], [403]]


def test_a_role_is_assumed_once(moto: Moto) -> None:
    """Its keys are shared like a token: they end when AWS says, and sign with their session token."""
    role = signing("sqs", role_arn=moto.role_arn, token_url=f"{moto.origin}/", duration_seconds=900, role_session_name="bot-7")
    connection = engine(inputs=keys(moto)).connect(profile(role, moto.origin))

    first, second = connection.token().result(10), connection.token().result(10)

    assert first is second is not None
    assert 800 < first.expires_at - first.issued_at <= 901
    assert set(first.kept) == {"access_key_id", "secret_access_key"}


@pytest.mark.parametrize(
    ("other", "word"), [({"secret_access_key": "another"}, "SignatureDoesNotMatch"), ({"access_key_id": "AKIAUNKNOWN00000000"}, "InvalidClientTokenId")]
)
def test_a_role_for_nobody(moto: Moto, other: dict[str, str], word: str) -> None:
    """The call that assumes the role is signed, too; STS's refusal is told in its own words."""
    role = signing("sqs", role_arn=moto.role_arn, token_url=f"{moto.origin}/")

    with pytest.raises(TokenEndpointError) as refused:
        engine(inputs=keys(moto, **other)).connect(profile(role, moto.origin)).token().result(10)

    assert refused.value.error == word


def test_a_refusal_of_aws_is_one_of_the_credential(moto: Moto) -> None:
    """AWS says 403 where others say 401: the verdict tells a wrong key from a policy that forbids."""
    with client(signing("dynamodb"), moto, secret_access_key="another") as http:
        wrong = http.post("/", **TABLES)
    with client(signing("sqs"), moto) as http:
        denied = http.post("/", **QUEUES)

    assert (wrong.status_code, denied.status_code) == (403, 403)
    assert (wrong.extensions["authweave"].verdict, denied.extensions["authweave"].verdict) == ("refused", "forbidden")
