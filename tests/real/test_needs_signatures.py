"""Signed requests, judged by other people's code: vendors' own packages, an RFC 9421 verifier, Azure's emulator, npm wsse."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from authweave.loading import load
from authweave.resources import profiles_folder
from authweave.values import TaskRequest
from parts.azurite import ACCOUNT, KEY
from parts.identity import PASSWORD, USERNAME
from parts.verifiers import SECRET
from services import engine, profile

SLACK: dict[str, Any] = {
    "vars": {"timestamp": "{{ now() }}"},
    "auth": {
        "type": "signature", "string_to_sign": "v0:{{ vars.timestamp }}:{{ request.body }}",
        "fields": [
            {"in": "header", "key": "X-Slack-Request-Timestamp", "value": "{{ vars.timestamp }}"},
            {"in": "header", "key": "X-Slack-Signature", "value": "v0={{ signature | hex }}"},
        ],
    },
}  # fmt: skip
GITHUB: dict[str, Any] = {
    "auth": {
        "type": "signature", "string_to_sign": "{{ request.body }}",
        "fields": [{"in": "header", "key": "X-Hub-Signature-256", "value": "sha256={{ signature | hex }}"}],
    },
}  # fmt: skip
GITHUB_BY_FUNCTION: dict[str, Any] = {
    "inputs": {"signing_key": {"secret": True}},
    "auth": {"type": "custom", "fields": [{"in": "header", "key": "X-Hub-Signature-256", "value": "sha256={{ hmac(inputs.signing_key, request.body) | hex }}"}]},
}  # fmt: skip
TWILIO: dict[str, Any] = {
    "auth": {
        "type": "signature", "algorithm": "hmac-sha1", "string_to_sign": "{{ request.url }}{{ request.body | parse_form | sorted_pairs('', '') }}",
        "fields": [{"in": "header", "key": "X-Twilio-Signature", "value": "{{ signature | base64 }}"}],
    },
}  # fmt: skip
SCHEMES = [
    pytest.param("github", GITHUB, {"content": b"Hello, \xff\x00 World!"}, id="github", marks=pytest.mark.proves("auth kind: HMAC request signature")),
    pytest.param("slack", SLACK, {"content": b"token=1&command=%2Fweather"}, id="slack", marks=pytest.mark.proves("auth kind: HMAC request signature", "computed values: request-dependent values (method,path,body)", "computed values: timestamp with format/offset")),
    pytest.param("twilio", TWILIO, {"data": {"To": "+1 800", "From": "ü", "b": "", "a": "x&y"}}, id="twilio", marks=pytest.mark.proves("auth kind: HMAC request signature")),
    pytest.param("github", GITHUB_BY_FUNCTION, {"json": {"a": "ü"}}, id="github by function", marks=pytest.mark.proves("computed values: hash/hmac/sign function", "computed values: request-dependent values (method,path,body)")),
]  # fmt: skip


def client(made: dict[str, Any], origin: str, **inputs: str) -> httpx.Client:
    connection = engine(inputs=inputs).connect(profile(made["auth"], origin, **{name: part for name, part in made.items() if name != "auth"}))
    return httpx.Client(auth=connection.auth, trust_env=False)


def answer(made: dict[str, Any], url: str, key: str, method: str = "POST", **parts: Any) -> tuple[int, dict[str, Any]]:
    with client(made, url.partition("/", )[0] + "//" + url.split("/")[2], signing_key=key) as http:
        got = http.request(method, url, **parts)
    return got.status_code, got.json()


@pytest.mark.parametrize(("judge", "made", "parts"), SCHEMES)
def test_the_vendors_own_package_accepts(verifiers, judge, made, parts):
    """The vendor's package opens for our signature; not for another key, not unsigned, not for another body."""
    url = getattr(verifiers, f"{judge}_url")

    good, other = answer(made, url, SECRET, **parts), answer(made, url, "another secret", **parts)
    with httpx.Client(trust_env=False) as http:
        unsigned = http.post(url, **parts)
    with client(made, verifiers.origin, signing_key=SECRET) as http:
        request = http.build_request("POST", url, **parts)
        signed = next(http.auth.sync_auth_flow(request))
    with httpx.Client(trust_env=False) as http:
        changed = http.post(url, headers={**signed.headers, "content-length": "7"}, content=b"changed")

    assert (200, {"user": "me"}) == good
    assert [401, 401, 401] == [other[0], unsigned.status_code, changed.status_code]


RFC9421: dict[str, Any] = {
    "inputs": {"key_id": {}},
    "vars": {"parameters": '("@method" "@authority" "@path" "@query" "content-digest" "user-agent" "content-length");created={{ now() }};nonce="{{ random(12) | hex }}";keyid="{{ inputs.key_id }}";alg="{{ inputs.key_id }}"'},
    "auth": {
        "type": "signature", "algorithm": "{{ inputs.key_id }}",
        "string_to_sign": "\n".join((
            '"@method": {{ request.method }}', "\"@authority\": {{ request.headers['host'] }}", '"@path": {{ request.path }}',
            '"@query": ?{{ request.query_string }}', "\"content-digest\": {{ request.headers['content-digest'] }}",
            "\"user-agent\": {{ request.headers['user-agent'] }}", "\"content-length\": {{ request.headers['content-length'] }}",
            '"@signature-params": {{ vars.parameters }}',
        )),
        "fields": [
            {"in": "header", "key": "Signature-Input", "value": "sig1={{ vars.parameters }}"},
            {"in": "header", "key": "Signature", "value": "sig1=:{{ signature | base64 }}:"},
        ],
    },
    "fields": [
        {"in": "header", "key": "Content-Digest", "value": "sha-256=:{{ request.body | sha256 | base64 }}:"},
        {"in": "query", "key": "added", "value": "by the profile"},
    ],
}  # fmt: skip


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "ed25519", "ecdsa-p256-sha256", "rsa-v1_5-sha256", "rsa-pss-sha512"])
@pytest.mark.proves(
    "computed values: hash/hmac/sign function", "computed values: request-dependent values (method,path,body)", "computed values: random/uuid"
)
def test_http_message_signatures(verifiers, algorithm):
    """RFC 9421 as data, with every algorithm: Host, User-Agent and Content-Length are signed as they are sent."""
    url = f"{verifiers.rfc9421_url(algorithm)}/a%20b/ü?x=1&y=%2F"
    other = next(key for name, key in verifiers.keys.items() if name not in (algorithm, "rsa-v1_5-sha256", "rsa-pss-sha512"))

    def status(key: str, **changes: Any) -> int:
        with client(RFC9421, verifiers.origin, signing_key=key, key_id=algorithm) as http:
            request = http.build_request("POST", url, json={"hello": "world"})
            signed = next(http.auth.sync_auth_flow(request))
        with httpx.Client(trust_env=False) as http:
            headers = {**signed.headers, **changes.get("headers", {})}
            return http.request(signed.method, changes.get("url", signed.url), headers=headers, content=changes.get("content", signed.content)).status_code

    right = verifiers.keys[algorithm]
    assert 200 == status(right)
    assert 401 == status(right, url=f"{url}&more=1")
    assert 401 == status(right, headers={"user-agent": "another"})
    assert 401 == status(right, content=b'{"hello":"World"}')
    if algorithm == "hmac-sha256":
        assert 401 == status("another secret")
    elif algorithm == "ed25519":
        with pytest.raises(Exception, match="ed25519 takes"):
            status(other)


@pytest.mark.parametrize("made", [GITHUB, SLACK])
def test_without_the_signature_the_same_profile_is_refused(verifiers, made):
    """The negative twin: the same profile and key, sent with the field of the signature left out."""
    judge = "slack" if made is SLACK else "github"
    twin = {**made, "inputs": {"signing_key": {"secret": True}}, "vars": {}, "auth": {"type": "custom", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.signing_key }}"}]}}

    status, _ = answer(twin, getattr(verifiers, f"{judge}_url"), SECRET, content=b"x")

    assert 401 == status


# ---- Azure


@pytest.fixture
def storage(azurite):
    """A client of the shipped profile, with its key or another."""

    def make(key: str = KEY) -> httpx.Client:
        run = engine(inputs={"account": ACCOUNT, "signing_key": key})
        connection = run.connect(load(profiles_folder() / "azure-storage.yaml"), servers=[azurite.account_url])
        return httpx.Client(auth=connection.auth, base_url=azurite.account_url, trust_env=False)

    return make


@pytest.mark.proves(
    "auth kind: HMAC request signature", "computed values: hash/hmac/sign function", "computed values: timestamp with format/offset",
    "computed values: request-dependent values (method,path,body)",
)
def test_azure_storage_by_its_shared_key(storage, azurite):
    """Containers, blobs of odd names, parameters in any order, conditions, ranges, streams: Azure's emulator signs every request once more."""
    body, box = "ü" * 1000, f"things-{uuid.uuid4().hex}"

    def stream():
        yield body.encode()

    with storage() as http:
        made = http.put(f"/{box}", params={"restype": "container"})
        put = http.put(f"/{box}/a b/ü+~.txt", content=body.encode(), headers={"x-ms-blob-type": "BlockBlob", "Content-Type": "text/plain", "x-ms-meta-b": "two", "X-Ms-Meta-A": "one  two"})
        streamed = http.put(f"/{box}/streamed", content=stream(), headers={"x-ms-blob-type": "BlockBlob", "Content-Length": str(len(body.encode()))})
        empty = http.put(f"/{box}/empty", content=b"", headers={"x-ms-blob-type": "BlockBlob"})
        got = http.get(f"/{box}/a b/ü+~.txt", headers={"Range": "bytes=0-1", "If-Match": put.headers["etag"]})
        listed = http.get(f"/{box}", params={"restype": "container", "comp": "list", "prefix": "a b/", "Delimiter": "|", "include": "metadata,copy"})
        deleted = http.delete(f"/{box}/empty")

    assert [201, 201, 201, 201] == [each.status_code for each in (made, put, streamed, empty)]
    assert (206, b"\xc3\xbc") == (got.status_code, got.content)
    assert (200, 202) == (listed.status_code, deleted.status_code)
    assert "ü+~.txt" in listed.text


def test_azure_refuses_another_key_no_signature_and_another_request(storage, azurite):
    """The negative twins: another key, the profile without its signature, a signed request that is changed on its way."""
    with storage() as http, storage(KEY[:-4] + "AAA=") as wrong:
        http.put("/twins", params={"restype": "container"})
        other = wrong.get("", params={"comp": "list"})
        request = http.build_request("GET", "", params={"comp": "list"})
        signed = next(http.auth.sync_auth_flow(request))
    with httpx.Client(trust_env=False) as plain:
        unsigned = plain.get(azurite.account_url, params={"comp": "list"}, headers={"x-ms-version": "2021-08-06"})
        changed = plain.get(f"{signed.url}&prefix=t", headers=signed.headers)
        unchanged = plain.get(signed.url, headers=signed.headers)

    assert [403, 403, 403, 200] == [each.status_code for each in (other, unsigned, changed, unchanged)]


# ---- WSSE


@pytest.mark.proves("auth kind: WSSE", "computed values: random/uuid", "computed values: hash/hmac/sign function", "computed values: timestamp with format/offset")
def test_wsse_of_the_shipped_profile(wsse_url):
    """The shipped profile `emarsys` opens an API behind npm wsse, every time with another nonce; another password does not."""
    origin = wsse_url.removesuffix("/me")

    def status(password: str) -> list[int]:
        connection = engine(inputs={"username": USERNAME, "password": password}).connect(load(profiles_folder() / "emarsys.yaml"), servers=[origin])
        with httpx.Client(auth=connection.auth, trust_env=False) as http:
            return [http.get(f"{wsse_url}?encoding=hex").status_code for _ in range(2)]

    assert [200, 200] == status(PASSWORD)
    assert [401, 401] == status("another")


def test_wsse_refuses_a_nonce_that_came_before_and_a_request_without(wsse_url):
    """The negative twins: the header of a request that was sent already, and no header."""
    origin = wsse_url.removesuffix("/me")
    connection = engine(inputs={"username": USERNAME, "password": PASSWORD}).connect(load(profiles_folder() / "emarsys.yaml"), servers=[origin])
    request = connection.authorize(TaskRequest("GET", f"{wsse_url}?encoding=hex")).result(20)

    with httpx.Client(trust_env=False) as http:
        answers = [http.get(request.url, headers=dict(request.headers)) for _ in range(2)]
        answers.append(http.get(request.url))

    assert [200, 401, 401] == [each.status_code for each in answers]
