"""What providers say of signed requests, told by cause: the words of AWS and of OAuth 1.0, each from a real socket."""

from __future__ import annotations

import json

import pytest

from probing import between, first, run, written
from sockets import answers

AWS = {"type": "aws_sigv4", "service": "execute-api", "region": "us-east-1"}
AWS_KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "s3cr3t-access-key-of-aws"}
OAUTH1 = {"type": "oauth1"}
OAUTH1_KEYS = {"consumer_key": "ck", "consumer_secret": "s3cr3t-of-consumer", "token": "t0k3n-of-user", "token_secret": "s3cr3t-of-token"}


def xml(code, message="no"):
    return answers(403, ("Content-Type", "application/xml"), body=f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode())


def typed(word, message="no", status=403):
    return answers(status, ("Content-Type", "application/x-amz-json-1.1"), body=json.dumps({"__type": word, "message": message}).encode())


OF_AWS = [
    ("aws_signature", xml("SignatureDoesNotMatch"), "refused", "auth.secret_access_key"),
    ("aws_signature", typed("InvalidSignatureException", status=400), "refused", "auth.secret_access_key"),
    ("aws_scope", typed("InvalidSignatureException", "Credential should be scoped to a valid region."), "refused", "auth.region"),
    ("aws_scope", answers(400, body=b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>"), "refused", "auth.region"),
    ("aws_clock", xml("RequestTimeTooSkewed"), "refused", "auth.type"),
    ("aws_clock", typed("InvalidSignatureException", "Signature expired: 20240101T000000Z is now earlier than 20240101T001000Z"), "refused", "auth.type"),
    ("aws_access_key", xml("InvalidAccessKeyId"), "refused", "auth.access_key_id"),
    ("aws_access_key", typed("UnrecognizedClientException", status=400), "refused", "auth.access_key_id"),
    ("aws_session_token", typed("ExpiredTokenException", status=400), "refused", "auth.session_token"),
    ("aws_denied", xml("AccessDenied"), "forbidden", "test.request.url"),
    ("api_403", answers(403, body=b"{}"), "forbidden", "test.request.url"),
]


@pytest.mark.parametrize(("code", "behaviour", "verdict", "key"), OF_AWS)
def test_what_aws_says(tmp_path, code, behaviour, verdict, key):
    """Wrong key, wrong scope, wrong time and a policy that forbids are told apart, though all are 403 or 400."""
    with between(api=behaviour) as (_, api):
        report = run(written(tmp_path, AWS, servers=[api.url.rstrip("/")]), inputs=AWS_KEYS)

    assert (code, key) == (first(report).code, first(report).fixes[0].key)
    assert verdict == report.credential.word
    assert AWS_KEYS["secret_access_key"] not in repr(report)


def test_how_far_the_clocks_are_apart(tmp_path):
    """The answer's own time says by how much."""
    late = answers(403, ("Date", "Tue, 14 Nov 2023 22:13:20 GMT"), body=b"<Error><Code>RequestTimeTooSkewed</Code></Error>")
    with between(api=late) as (_, api):
        report = run(written(tmp_path, AWS, servers=[api.url.rstrip("/")]), inputs=AWS_KEYS, clock=lambda: 1_700_000_000 + 1200)

    assert "this machine's clock is 1200 s ahead of AWS's" in first(report).sentence


def test_a_role_that_is_refused(tmp_path):
    """What STS says is told in the same words; the keys to look at are those of the role."""
    body = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>User is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>"
    with between(token=answers(403, ("Content-Type", "text/xml"), body=body)) as (sts, api):
        auth = {**AWS, "role_arn": "arn:aws:iam::123456789012:role/bot", "token_url": sts.url}
        report = run(written(tmp_path, auth, servers=[api.url.rstrip("/")]), inputs=AWS_KEYS)

    assert ("aws_denied", "auth.role_arn") == (first(report).code, first(report).fixes[0].key)
    assert "not_tested" == report.credential.word


OF_OAUTH1 = [
    ("oauth1_signature", answers(401, body=b"oauth_problem=signature_invalid"), "auth.consumer_secret"),
    ("oauth1_timestamp", answers(401, body=b"oauth_problem=timestamp_refused&oauth_acceptable_timestamps=1-2"), "auth.type"),
    ("oauth1_timestamp", answers(401, body=b'{"errors":[{"code":135,"message":"Timestamp out of bounds."}]}'), "auth.type"),
    ("oauth1_nonce", answers(401, body=b"oauth_problem=nonce_used"), "servers"),
    ("oauth1_token", answers(401, ("WWW-Authenticate", 'OAuth realm="1", error="token_rejected", error_description="Invalid login attempt."'), body=b""), "auth.token"),
    ("oauth1_token", answers(401, body=b'{"errors":[{"code":89,"message":"Invalid or expired token."}]}'), "auth.token"),
    ("oauth1_consumer", answers(401, body=b"oauth_problem=consumer_key_unknown"), "auth.consumer_key"),
    ("oauth1_refused", answers(401, body=b""), "auth.consumer_secret"),
]


@pytest.mark.parametrize(("code", "behaviour", "key"), OF_OAUTH1)
def test_what_providers_of_oauth1_say(tmp_path, code, behaviour, key):
    """Signature, time, nonce, token and consumer are told apart; without a word of the provider's, what to try first."""
    with between(api=behaviour) as (_, api):
        report = run(written(tmp_path, OAUTH1, servers=[api.url.rstrip("/")]), inputs=OAUTH1_KEYS)

    assert (code, key) == (first(report).code, first(report).fixes[0].key)
    assert "refused" == report.credential.word
    assert not any(secret in repr(report) for name, secret in OAUTH1_KEYS.items() if name.endswith("secret"))


def test_an_api_that_forbids_by_oauth1(tmp_path):
    """A 403 without words of OAuth 1.0 stays what it is."""
    with between(api=answers(403, body=b"{}")) as (_, api):
        report = run(written(tmp_path, OAUTH1, servers=[api.url.rstrip("/")]), inputs=OAUTH1_KEYS)

    assert "api_403" == first(report).code
