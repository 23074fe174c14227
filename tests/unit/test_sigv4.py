"""AWS Signature Version 4 by the published suite and the examples printed in AWS's documentation."""

from __future__ import annotations

import pytest

from authweave.proofs.sigv4 import (
    CredentialScope,
    Keys,
    authorization,
    canonical_path,
    canonical_query,
    canonical_request,
    payload_hash,
    presigned,
    sent_path,
    sent_query,
    signature,
    signed_headers,
    signing_key,
    string_to_sign,
)
from parts.vectors import load

SUITE = load("aws_sigv4_suite.json")["vectors"]
DOCUMENTED = load("aws_sigv4_documented.json")["vectors"]


def _case(vector):
    context = vector["context"]
    credentials = context["credentials"]
    keys = Keys(credentials["access_key_id"], credentials["secret_access_key"], credentials.get("token", ""))
    timestamp = context["timestamp"].replace("-", "").replace(":", "")
    return context, keys, CredentialScope(timestamp, context["region"], context["service"])


def _names(fields):
    return ";".join(name for name, _ in fields)


@pytest.mark.parametrize("vector", SUITE, ids=lambda vector: vector["id"])
def test_suite_in_header(vector):
    """Canonical request, string to sign and signature of every case of the suite, signed in the header."""
    context, keys, scope = _case(vector)
    path, _, query = vector["target"].partition("?")
    digest = payload_hash(vector["body"].encode())
    headers = [*map(tuple, vector["headers"]), ("X-Amz-Date", scope.timestamp)]
    if keys.session_token and not context.get("omit_session_token"):
        headers.append(("X-Amz-Security-Token", keys.session_token))
    if context["sign_body"]:
        headers.append(("x-amz-content-sha256", digest))

    canonical = canonical_request(
        vector["method"], canonical_path(path, is_key=not context["normalize"]), canonical_query(query), signed_headers(headers), digest
    )

    assert canonical == vector["header"]["canonical_request"]
    assert string_to_sign(canonical, scope) == vector["header"]["string_to_sign"]
    assert signature(canonical, scope, keys) == vector["header"]["signature"]


@pytest.mark.parametrize("vector", SUITE, ids=lambda vector: vector["id"])
def test_suite_in_query(vector):
    """The same, signed in the query."""
    context, keys, scope = _case(vector)
    path, _, query = vector["target"].partition("?")
    fields = signed_headers(map(tuple, vector["headers"]))
    added = presigned(scope, keys, _names(fields), context["expiration_in_seconds"], with_token=not context.get("omit_session_token"))

    canonical = canonical_request(
        vector["method"], canonical_path(path, is_key=not context["normalize"]), canonical_query("&".join(filter(None, (query, added)))),
        fields, payload_hash(vector["body"].encode()),
    )  # fmt: skip

    assert canonical == vector["query"]["canonical_request"]
    assert string_to_sign(canonical, scope) == vector["query"]["string_to_sign"]
    assert signature(canonical, scope, keys) == vector["query"]["signature"]


@pytest.mark.parametrize("vector", [vector for vector in DOCUMENTED if "canonical_request" in vector], ids=lambda vector: vector["id"])
def test_documented_examples(vector):
    """The examples of the S3 reference and of the general reference, seed of a chunked upload included."""
    scope = CredentialScope(vector["timestamp"], vector["region"], vector["service"])
    keys = Keys(vector["access_key_id"], vector["secret_access_key"])
    query = "&".join(f"{name}={value.replace('/', '%2F')}" for name, value in vector["query"])
    fields = signed_headers(map(tuple, vector["headers"]))

    canonical = canonical_request(
        vector["method"], canonical_path(vector["canonical_uri"], is_key=vector["service"] == "s3"), canonical_query(query), fields, vector["payload_sha256"]
    )

    assert canonical == vector["canonical_request"]
    assert string_to_sign(canonical, scope) == vector["string_to_sign"]
    assert signature(canonical, scope, keys) == vector["signature"]


@pytest.mark.parametrize("vector", [vector for vector in DOCUMENTED if "signing_key_hex" in vector], ids=lambda vector: vector["id"])
def test_documented_signing_keys(vector):
    """The key of a day, region and service as AWS prints it."""
    key = signing_key(vector["secret_access_key"], vector["date"], vector["region"], vector["service"])

    assert key.hex() == vector["signing_key_hex"]


def test_authorization_header():
    """The header has the three parts in AWS's order, and no more."""
    scope = CredentialScope.at(1440938160, "us-east-1", "iam")

    value = authorization("ab", "host;x-amz-date", scope, Keys("AKIDEXAMPLE", "secret"))

    assert value == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=host;x-amz-date, Signature=ab"


def test_keys_are_not_shown():
    """No repr holds a secret."""
    assert "s3cr3t" not in repr(Keys("AKID", "s3cr3t", "s3cr3t-token"))


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("", "/"),
        ("/a b/c", "/a%20b/c"),
        ("/a%20b/~x", "/a%20b/~x"),
        ("/a+b", "/a%2Bb"),
        ("/model/claude-v2:1/invoke", "/model/claude-v2%3A1/invoke"),
        ("/%7Efoo/%2e%2E/%c3%a9", "/~foo/%2E%2E/%C3%A9"),
        ("/a/./b/../c", "/a/c"),
        ("/a/..", "/"),
        ("/a/.", "/a/"),
        ("//a//", "//a//"),
        ("/a%2Fb", "/a%2Fb"),
        ("/100%", "/100%25"),
    ],
)
def test_path_has_one_way_to_be_read(written, sent):
    """A path is sent with every reserved character escaped, once; a slash that is data stays data."""
    assert sent_path(written) == sent
    assert sent_path(sent) == sent


def test_slashes_of_a_key():
    """An object's key knows one kind of slash; dots between them stay a name."""
    assert sent_path("/a%2Fb%2f..%2Fc", is_key=True) == "/a/b/%2E%2E/c"
    assert canonical_path("/a/b/%2E%2E/c", is_key=True) == "/a/b/../c"


@pytest.mark.parametrize(
    ("written", "sent", "canonical"),
    [
        ("q=a+b", "q=a%20b", "q=a%20b"),
        ("q=a%20b", "q=a%20b", "q=a%20b"),
        ("q=a%2Bb", "q=a%2Bb", "q=a%2Bb"),
        ("t=%7E~", "t=~~", "t=~~"),
        ("b=2&a=1&b=1", "b=2&a=1&b=1", "a=1&b=1&b=2"),
        ("lifecycle", "lifecycle", "lifecycle="),
        ("empty=&x", "empty=&x", "empty=&x="),
        ("a=b=c", "a=b%3Dc", "a=b%3Dc"),
        ("a[]=1&a[]=0", "a%5B%5D=1&a%5B%5D=0", "a%5B%5D=0&a%5B%5D=1"),
        ("&&a=1&", "a=1", "a=1"),
        ("k=%ff", "k=%FF", "k=%FF"),
        ("A=1&a=1&a-b=1", "A=1&a=1&a-b=1", "A=1&a=1&a-b=1"),
    ],
)
def test_query_has_one_way_to_be_read(written, sent, canonical):
    """A query is sent with everything escaped in the order it had, and signed sorted; `+` was a space."""
    assert sent_query(written) == sent
    assert canonical_query(written) == canonical_query(sent) == canonical


def test_paths_are_encoded_twice_but_for_objects():
    """Every service but S3 signs the path with its escapes escaped, and with double slashes gone."""
    assert canonical_path("/a%20b//c", is_key=False) == "/a%2520b/c"
    assert canonical_path("/a%20b//c", is_key=True) == "/a%20b//c"


def test_header_values_are_trimmed_and_joined():
    """Runs of blanks are one space, fields of one name are one value; what others rewrite is left out."""
    headers = [("Host", "h"), ("X-B", "  a   b\t c "), ("x-b", "d"), ("Accept-Encoding", "gzip"), ("Authorization", "old"), ("User-Agent", "me")]

    assert signed_headers(headers) == [("host", "h"), ("x-b", "a b c,d")]


def test_header_bytes_are_signed_as_sent():
    """A header value beyond ASCII counts as the bytes that are sent, not as their UTF-8 form."""
    scope = CredentialScope.at(0, "r", "s")

    assert string_to_sign("a:\xe9", scope) != string_to_sign("a:\xc3\xa9", scope)
    assert string_to_sign("a:\xc3\xa9", scope).endswith(payload_hash("a:é".encode()))
