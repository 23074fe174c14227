"""OAuth 1.0 on the wire: oauthlib's server side judges requests as they arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

import httpx
import httpx2
import pytest
from oauthlib.common import Request as Seen
from oauthlib.oauth1.rfc5849 import signature as oauthlib
from oauthlib.oauth1.rfc5849.utils import parse_authorization_header

import signing as signing_keys
from authweave.errors import InvalidInput, MissingInput, PlacementError
from authweave.values import TaskRequest
from services import Reply, engine, profile, says, serving
from thorough import every, few

FORM = "application/x-www-form-urlencoded"
KEYS = {"consumer_key": "ck/+ é", "consumer_secret": "cs& é", "token": "tk=1", "token_secret": "ts %"}


def signing(**more):
    """A smallest `auth`."""
    return {"type": "oauth1", **more}


@dataclass
class Provider:
    """Keeps what arrives."""

    asked: list = field(default_factory=list)
    url: str = ""

    def __call__(self, request) -> Reply:
        self.asked.append(request)
        return says({})


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with serving(Provider()) as api:
        yield api


def protocol_of(request):
    """The protocol parameters of a request, decoded, from the one place where they stand."""
    found = [(name, value) for name, value in parse_qsl(request.target.partition("?")[2], keep_blank_values=True) if name.startswith("oauth_")]
    if request.values("content-type")[:1] == [FORM]:
        found += [(name, value) for name, value in request.form.items() if name.startswith("oauth_")]
    for line in request.values("authorization"):
        found += [(name, unquote(value)) for name, value in parse_authorization_header(line)]
    assert len(found) == len(dict(found))
    return dict(found)


def is_signed(request, origin, keys=KEYS):
    """Does oauthlib find the signature right, over what arrived and nothing else?"""
    protocol = protocol_of(request)
    is_form = request.values("content-type")[:1] == [FORM]
    pairs = parse_qsl(request.target.partition("?")[2], keep_blank_values=True)
    pairs += parse_qsl(request.body.decode(), keep_blank_values=True) if is_form else []
    pairs = [pair for pair in pairs if not pair[0].startswith("oauth_")]
    seen = Seen(origin + request.target, http_method=request.method)
    seen.params = [*pairs, *((name, value) for name, value in protocol.items() if name not in ("oauth_signature", "realm"))]
    seen.signature = protocol["oauth_signature"]
    verify = {"HMAC-SHA1": oauthlib.verify_hmac_sha1, "HMAC-SHA256": oauthlib.verify_hmac_sha256, "HMAC-SHA512": oauthlib.verify_hmac_sha512}
    return verify[protocol["oauth_signature_method"]](seen, keys["consumer_secret"], keys["token_secret"])


WIRE = {
    "plain": {"url": "/"},
    "query": {"url": "/?b=2&a=2&a=1&empty=&none"},
    "space and plus": {"url": "/a b", "params": {"q": "a b+c&d"}},
    "typed plus": {"url": "/?q=a+b&r=a%2Bb&s=a%20b"},
    "brackets and quotes": {"url": "/?f[name]='x'&g={y}"},
    "beyond ASCII": {"url": "/ü", "params": {"k": "é☃"}},
    "reserved in path": {"url": "/a:b;c=d,e/@x"},
    "tilde": {"url": "/~me?t=~&u=%7E"},
    "form": {"url": "/?x=1", "method": "POST", "data": {"status": "Hello Ladies + Gentlemen, ü", "x": "2", "y": ""}},
    "JSON": {"url": "/", "method": "POST", "json": {"a": 1}},
    "files": {"url": "/", "method": "POST", "files": {"f": ("n.txt", b"\x00\xff")}, "data": {"a": "1"}},
    "empty POST": {"url": "/", "method": "POST"},
    "HEAD": {"url": "/x", "method": "HEAD"},
}


def sync_sends(package, connection, requests):
    with package.Client(auth=connection.auth, trust_env=False) as http:
        for request in requests:
            http.request(**request)


def async_sends(package, connection, requests):
    async def send():
        async with package.AsyncClient(auth=connection.auth, trust_env=False) as http:
            for request in requests:
                await http.request(**request)

    asyncio.run(send())


@pytest.mark.parametrize("place", ["header", "query", "payload"])
@pytest.mark.parametrize("method", few(["HMAC-SHA256", "HMAC-SHA1", "HMAC-SHA512"], every=3))
@pytest.mark.parametrize(("package", "send"), [(httpx, sync_sends), (httpx2, async_sends)], ids=["httpx", "httpx2"])
def test_what_arrives_is_what_was_signed(provider, place, method, package, send):
    """Every way to write a request and every place of the signature, by both packages in both colours."""
    realm = {"realm": 'A "b"'} if place == "header" else {}
    connection = engine(inputs=KEYS).connect(profile(signing(signature_method=method, signature_in=place, **realm), provider.url))
    cases = {name: case for name, case in WIRE.items() if place != "payload" or ("data" in case and "files" not in case)}
    before = len(provider.asked)

    send(package, connection, [{"method": "GET", **case, "url": provider.url + case["url"]} for case in cases.values()])

    arrived = dict(zip(cases, provider.asked[before:], strict=True))
    assert [name for name, request in arrived.items() if not is_signed(request, provider.url)] == []
    assert all(request.is_whole for request in arrived.values())


def test_the_judge_sees_changes(provider):
    """The same request with another value, another path or another secret is not signed."""
    connection = engine(inputs=KEYS).connect(profile(signing(), provider.url))
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        http.post(f"{provider.url}/x?a=1", data={"b": "2"})
    arrived = provider.asked[-1]
    assert is_signed(arrived, provider.url)

    assert not is_signed(arrived, provider.url, {**KEYS, "token_secret": "other"})
    arrived.body = b"b=3"
    assert not is_signed(arrived, provider.url)
    arrived.body, arrived.target = b"b=2", "/y?a=1"
    assert not is_signed(arrived, provider.url)


def test_each_send_has_its_own_nonce(provider):
    """Time and nonce are made for each request, also for one that is sent twice."""
    connection = engine(inputs=KEYS).connect(profile(signing(), provider.url))
    before = len(provider.asked)
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        for _ in range(3):
            http.get(f"{provider.url}/x")

    nonces = {protocol_of(request)["oauth_nonce"] for request in provider.asked[before:]}
    assert len(nonces) == 3


def sealed(auth=None, inputs=KEYS, server="https://api.example.com", **request):
    """The request that a platform gets to send by itself."""
    task = TaskRequest(**{"method": "GET", "url": "/", **request})
    return engine(inputs=inputs).connect(profile(auth or signing(), server)).authorize(task).result(10)


@pytest.mark.parametrize("also", [{}, {"token_secret": ""}])
def test_two_legs(also):
    """An empty token leaves `oauth_token` out, and the key ends with `&`: without a token there is no secret of one."""
    request = sealed(signing(token="", signature_method="PLAINTEXT", **also), {"consumer_key": "ck", "consumer_secret": "c s"})

    assert "oauth_token" not in request.header("authorization")
    assert 'oauth_signature="c%2520s%26"' in request.header("authorization")


def test_plaintext_on_this_machine_only_without_tls(provider):
    """PLAINTEXT goes over https; http:// passes on loopback, where nobody else listens."""
    assert "PLAINTEXT" in sealed(signing(signature_method="PLAINTEXT"), server=provider.url).header("authorization")


def test_the_realm_is_not_signed():
    """It stands first in the header, as a quoted string."""
    assert sealed(signing(realm="Photos \\ \"x\"")).header("authorization").startswith('OAuth realm="Photos \\\\ \\"x\\"", oauth_consumer_key="ck%2F%2B%20%C3%A9"')


@every("key", ["é", "a\r\nX-Injected: 1", "a\x00", "\u20ac"])
def test_a_realm_that_no_header_holds(key):
    """It is the one parameter that is not escaped: what a header cannot carry is refused, and not shown."""
    with pytest.raises(PlacementError, match="header Authorization: the value has a") as refused:
        sealed(signing(realm="{{ inputs.consumer_key }}"), inputs={**KEYS, "consumer_key": key})

    assert key not in str(refused.value)


@pytest.mark.parametrize(("place", "placed"), [("header", [("header", "Authorization", True)]), ("query", None), ("payload", None)])
def test_what_was_placed_is_told(place, placed):
    """The redirect guard takes the header away; the report shows each parameter, with its secrets hidden."""
    connection = engine(inputs=KEYS).connect(profile(signing(signature_in=place), "https://api.example.com"))
    task = TaskRequest("POST", "/", (("Content-Type", FORM), ("Content-Length", "3")), b"a=1")

    sent = connection.prepare(task).result(10)

    told = [(each.place, each.key, each.secret) for each in sent.placed]
    names = ("consumer_key", "token", "signature_method", "timestamp", "nonce", "version", "signature")
    assert told == (placed or [(place, f"oauth_{name}", name in ("token", "signature")) for name in names])
    assert sent.request.header("content-length") == str(len(sent.request.body))


RSA = signing_keys.pem(signing_keys.key("RSA"))


def test_rsa_keys_as_they_come():
    """PEM with its line ends, with `\\n` in their place, or on one line: as forms and variables pass it on."""
    for pem in (RSA, RSA.replace("\n", "\\n"), RSA.replace("\n", " ")):
        assert 'oauth_signature_method="RSA-SHA1"' in sealed(signing(signature_method="RSA-SHA1"), {**KEYS, "consumer_secret": pem}).header("authorization")


@every(
    "auth, inputs, request_, error, words",
    [
        (signing(signature_method="RSA-SHA1"), KEYS, {}, InvalidInput, "wants an RSA private key in PEM"),
        (signing(signature_in="payload"), KEYS, {"method": "POST", "body": b"{}", "headers": (("Content-Type", "application/json"),)}, PlacementError, "signature_in: header or query"),
        (signing(), KEYS, {"url": "/?oauth_token=x"}, PlacementError, "oauth_token is in the request already"),
        (signing(), KEYS, {"method": "POST", "streamed": True, "headers": (("Content-Type", FORM),)}, PlacementError, "send it as bytes"),
        (signing(token="", token_secret="{{ inputs.token_secret }}"), KEYS, {}, MissingInput, "token is empty, and a token_secret is there"),
        (signing(consumer_key="{{ inputs.c | trim }}"), {**KEYS, "c": " "}, {}, MissingInput, "consumer_key is empty"),
    ],
)
def test_bad_input_is_told(auth, inputs, request_, error, words):
    """Typed, with what to change, and without the value."""
    declared = {"c": {}} if "c" in inputs else {}
    connection = engine(inputs=inputs).connect(profile(auth, "https://api.example.com", inputs=declared))
    task = TaskRequest(**{"method": "GET", "url": "/", **request_})

    with pytest.raises(error, match=words) as caught:
        connection.authorize(task).result(10)

    assert inputs["consumer_secret"] not in str(caught.value)


@pytest.mark.parametrize("name", ["consumer_secret", "token_secret"])
def test_a_secret_that_nobody_supplied_is_missing(name):
    """An optional input without a value is an error before the network: nothing is signed with half a key."""
    given = {key: value for key, value in KEYS.items() if key != name}
    declared = {name: {"required": False, "secret": True}}
    connection = engine(inputs=given).connect(profile(signing(), "https://api.example.com", inputs=declared))

    with pytest.raises(MissingInput, match=f"{name} is not there"):
        connection.authorize(TaskRequest("GET", "/")).result(10)


def test_other_streams_are_not_touched():
    """Only forms are signed; any other body flows as it comes."""
    assert sealed(method="PUT", streamed=True, headers=(("Content-Type", "video/mp4"),)).streamed
