"""What arrives is what was signed: botocore judges requests as they came over the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import httpx2
import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from authweave.errors import InvalidInput, MissingInput, PlacementError
from authweave.values import TaskRequest
from services import Reply, engine, profile, says, serving
from thorough import every, few

KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
TEMPORARY = {**KEYS, "access_key_id": "ASIAEXAMPLE", "session_token": "AQoDYXdz//+EXAMPLE=="}


def signing(service="execute-api", **more):
    """A smallest `auth`."""
    return {"type": "aws_sigv4", "service": service, "region": "us-east-1", **more}


@dataclass
class Judge:
    """An API of AWS as botocore would see it: every request is signed once more, from what arrived and nothing else."""

    asked: list = field(default_factory=list)
    url: str = ""

    def __call__(self, request) -> Reply:
        self.asked.append(request)
        return says({"signed": is_signed(request, self.url)}, 200)


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with serving(Judge()) as api:
        yield api


def is_signed(request, origin, keys=TEMPORARY):
    """Is the signature that of botocore over the very request that arrived?"""
    [host] = request.values("host")
    assert f"http://{host}" == origin
    url = f"{origin}{request.target}"
    credentials = Credentials(keys["access_key_id"], keys["secret_access_key"], keys.get("session_token"))
    if lines := request.values("authorization"):
        scope = lines[0].split("Credential=")[1].split(",")[0]
        names = lines[0].split("SignedHeaders=")[1].split(",")[0].split(";")
        signature, stamp = lines[0].rpartition("Signature=")[2], request.values("x-amz-date")[0]
        kinds = (SigV4Auth, S3SigV4Auth)
    else:
        query = dict(httpx.URL(url).params)
        scope, names, signature, stamp = query["X-Amz-Credential"], query["X-Amz-SignedHeaders"].split(";"), query["X-Amz-Signature"], query["X-Amz-Date"]
        url = url.partition("&X-Amz-Signature=")[0]
        kinds = (SigV4QueryAuth, S3SigV4QueryAuth)
    _, _, region, service, _ = scope.split("/")
    signer = kinds[service == "s3"](credentials, service, region)
    again = AWSRequest(request.method, url, data=request.body)
    for name in names:
        for value in request.values(name):
            again.headers.add_header(name, value)
    again.context["timestamp"] = stamp
    canonical = signer.canonical_request(again)
    return signer.signature(signer.string_to_sign(again, canonical), again) == signature


WIRE = {
    "plain": {"url": "/"},
    "path with a space": {"url": "/a b/c"},
    "escaped slash": {"url": "/a%2Fb"},
    "reserved in path": {"url": "/model/anthropic.claude-v2:1/a+b,c;d=e@f!$&'()*/invoke"},
    "tilde": {"url": "/~me/%7Eyou?t=~&u=%7E"},
    "dots": {"url": "/a/./b/../c/"},
    "double slashes": {"url": "//a///b//"},
    "beyond ASCII": {"url": "/ü/☃", "params": {"q": "é☃"}},
    "space and plus": {"url": "/", "params": {"q": "a b+c"}},
    "typed plus": {"url": "/?q=a+b&r=a%2Bb&s=a%20b"},
    "repeated keys": {"url": "/?b=2&a=2&a=1&a=10&B=0"},
    "empty values": {"url": "/?empty=&none&z=1"},
    "brackets": {"url": "/?filter[name]=x&ids[]=2&ids[]=1"},
    "equals and quotes": {"url": "/?a=b=c&q='x'&p=100%25"},
    "header blanks": {"url": "/", "headers": {"X-Amz-Meta-Note": "a   b  c", "X-Custom": "x,  y"}},
    "repeated headers": {"url": "/", "headers": [("X-Amz-Meta-A", "2"), ("X-Amz-Meta-A", "1")]},
    "form": {"url": "/", "method": "POST", "data": {"Action": "List", "q": "a b+ü"}},
    "JSON": {"url": "/x", "method": "PUT", "json": {"ü": [1, 2]}},
    "files": {"url": "/x", "method": "POST", "files": {"f": ("n.txt", b"\x00\xff")}, "data": {"a": "1"}},
    "empty POST": {"url": "/x", "method": "POST"},
    "HEAD": {"url": "/x?lifecycle", "method": "HEAD"},
    "bytes": {"url": "/x", "method": "PATCH", "content": b"\x00\x01"},
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


@pytest.mark.parametrize("place", ["header", "query"])
@pytest.mark.parametrize("service", ["execute-api", "s3"])
@pytest.mark.parametrize("package", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize("send", few([sync_sends, async_sends], every=2), ids=["sync", "async"])
def test_what_arrives_is_what_was_signed(judge, service, place, package, send):
    """Every way to write a request, by httpx and httpx2, sync and async."""
    connection = engine(inputs=TEMPORARY).connect(profile(signing(service, signature_in=place), judge.url))
    before = len(judge.asked)

    send(package, connection, [{"method": "GET", **case, "url": judge.url + case["url"]} for case in WIRE.values()])

    arrived = dict(zip(WIRE, judge.asked[before:], strict=True))
    assert [name for name, request in arrived.items() if not is_signed(request, judge.url)] == []


@pytest.mark.parametrize("change", ["body", "target", "header", "method", "host"])
def test_the_judge_sees_changes(judge, change):
    """The judge is none that says yes to everything: the same request, changed on its way, is not signed."""
    connection = engine(inputs=TEMPORARY).connect(profile(signing(), judge.url))
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        http.post(f"{judge.url}/x", json={"a": 1}, headers={"X-Amz-Meta-A": "1"})
    arrived = judge.asked[-1]
    assert is_signed(arrived, judge.url)

    match change:
        case "body":
            arrived.body += b" "
        case "target":
            arrived.target += "?a=1"
        case "method":
            arrived.method = "PUT"
        case "header":
            arrived.headers = [(name, "2" if name.lower() == "x-amz-meta-a" else value) for name, value in arrived.headers]
        case "host":
            arrived.headers = [(name, "127.0.0.1" if name.lower() == "host" else value) for name, value in arrived.headers]

    assert not is_signed(arrived, judge.url if change != "host" else "http://127.0.0.1")


def sealed(auth=None, inputs=KEYS, server="https://api.example.com", **request):
    """The request that a platform gets to send by itself."""
    task = TaskRequest(**{"method": "GET", "url": "/", **request})
    return engine(inputs=inputs).connect(profile(auth or signing(), server)).authorize(task).result(10)


def test_temporary_keys_show_their_token():
    """The session token is a signed header."""
    request = sealed(inputs=TEMPORARY)

    assert request.header("x-amz-security-token") == TEMPORARY["session_token"]
    assert ";x-amz-security-token," in request.header("authorization")


def test_keys_that_do_not_end_have_no_token():
    """No empty header."""
    assert sealed().header("x-amz-security-token") is None


@pytest.mark.parametrize(("service", "stated"), [("s3", True), ("aoss", True), ("execute-api", False)])
def test_who_wants_the_hash_of_the_body(service, stated):
    """S3 and its like get `x-amz-content-sha256`, signed; others do not."""
    request = sealed(signing(service), method="PUT", url="/x", body=b"Welcome to Amazon S3.", headers=(("Content-Type", "text/plain"),))

    hashed = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
    assert request.header("x-amz-content-sha256") == (hashed if stated else None)
    assert ("x-amz-content-sha256" in request.header("authorization")) == stated


def test_a_stale_hash_is_replaced():
    """What a caller states of the body is taken for a word only (UNSIGNED-PAYLOAD), or where the body is not at hand."""
    stale = sealed(signing("s3"), headers=(("x-amz-content-sha256", "0" * 64),))
    word = sealed(signing("s3"), headers=(("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),))
    streamed = sealed(signing("kinesis"), method="PUT", streamed=True, headers=(("x-amz-content-sha256", "A" * 64),))

    assert stale.header("x-amz-content-sha256").startswith("e3b0c442")
    assert word.header("x-amz-content-sha256") == "UNSIGNED-PAYLOAD"
    assert streamed.header("x-amz-content-sha256") == "a" * 64


def test_streams_to_s3_are_unsigned():
    """Over TLS, S3 takes a body that nobody has read."""
    assert sealed(signing("s3"), method="PUT", streamed=True).header("x-amz-content-sha256") == "UNSIGNED-PAYLOAD"


def test_streams_to_others_are_refused():
    """Nothing is buffered behind the caller's back: the error says what to do instead."""
    with pytest.raises(PlacementError, match="send it as bytes"):
        sealed(method="PUT", streamed=True)


def test_a_stream_of_httpx_is_not_read(judge):
    """A generator reaches S3 as it is produced; on this machine, without TLS, it is refused before it is touched."""
    touched = []

    def pieces():
        touched.append(1)
        yield b"x"

    connection = engine(inputs=TEMPORARY).connect(profile(signing("s3"), judge.url))
    with httpx.Client(auth=connection.auth, trust_env=False) as http, pytest.raises(PlacementError, match="streamed"):
        http.put(f"{judge.url}/x", content=pieces())

    assert touched == []


def test_signed_urls():
    """The query says all of it, nothing is left in the header, and the token is in it."""
    request = sealed(signing("s3", signature_in="query"), TEMPORARY, url="/k?x=1&X-Amz-Date=old", headers=(("Authorization", "old"), ("X-Amz-Date", "old")))

    query = dict(httpx.URL(request.url).params)
    assert list(query) == ["x", "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Expires", "X-Amz-Security-Token", "X-Amz-SignedHeaders", "X-Amz-Signature"]
    assert query["X-Amz-Security-Token"] == TEMPORARY["session_token"]
    assert query["X-Amz-Expires"] == "300"
    assert request.header("authorization") is None
    assert request.header("x-amz-date") is None


def test_the_gateway_of_devices_gets_the_token_last():
    """`iotdevicegateway` wants the session token after the signature, and unsigned."""
    request = sealed(signing("iotdevicegateway", signature_in="query"), TEMPORARY, url="/mqtt")

    assert list(httpx.URL(request.url).params)[-2:] == ["X-Amz-Signature", "X-Amz-Security-Token"]
    assert httpx.URL(request.url).params["X-Amz-Security-Token"] == TEMPORARY["session_token"]


def test_a_url_that_is_signed_already():
    """Two signatures are refused here, before AWS refuses them."""
    with pytest.raises(PlacementError, match="signed already"):
        sealed(url="/?X-Amz-Signature=1")


def test_what_was_placed_is_told():
    """The redirect guard takes away every header of the signature; the report shows where each came from."""
    connection = engine(inputs=TEMPORARY).connect(profile(signing("s3"), "https://api.example.com"))

    sent = connection.prepare(TaskRequest("GET", "/")).result(10)

    assert [(placed.place, placed.key, placed.origin, placed.secret) for placed in sent.placed] == [
        ("header", "X-Amz-Date", "auth", False), ("header", "X-Amz-Security-Token", "auth", True),
        ("header", "X-Amz-Content-Sha256", "auth", False), ("header", "Authorization", "auth", True),
    ]  # fmt: skip


@every(
    "auth, inputs, error, words",
    [
        (signing(), {"access_key_id": "", "secret_access_key": "x"}, MissingInput, "access_key_id"),
        (signing(access_key_id="{{ inputs.a }}"), {**KEYS, "a": "AKIA/x y"}, InvalidInput, "access_key_id is made of letters and digits"),
        (signing(), {**KEYS, "secret_access_key": "s3cr3t key"}, InvalidInput, "secret_access_key holds a blank"),
        (signing(), {**KEYS, "access_key_id": "ASIAX"}, MissingInput, "session_token"),
        ({**signing(), "region": "{{ inputs.r }}"}, {**KEYS, "r": "us east"}, InvalidInput, "region is a name such as us-east-1"),
        ({**signing(), "service": "{{ inputs.r }}"}, {**KEYS, "r": "s3/x"}, InvalidInput, "service is a name"),
        ({**signing(), "region": "{{ inputs.r | trim }}"}, {**KEYS, "r": " "}, MissingInput, "region is empty"),
    ],
)
def test_bad_input_is_told(auth, inputs, error, words):
    """Typed, with what to change, and without the value."""
    declared = {name: {} for name in ("a", "r") if name in inputs}
    connection = engine(inputs=inputs).connect(profile(auth, "https://api.example.com", inputs=declared))

    with pytest.raises(error, match=words) as caught:
        connection.authorize(TaskRequest("GET", "/")).result(10)

    assert not any(value and value in str(caught.value) for value in (inputs.get("secret_access_key"), inputs.get("a")))


def _signature_of(server, target="/", headers=(), host=None):
    """What botocore makes of a GET at the time that our request states."""
    ours = sealed(server=server, url=f"{server}{target}", headers=headers)
    again = AWSRequest("GET", f"{server}{target}")
    for name, value in (*(line for line in headers if line[0].lower() != "host"), ("x-amz-date", ours.header("x-amz-date")), ("host", host)):
        again.headers[name] = value
    again.context["timestamp"] = ours.header("x-amz-date")
    signer = SigV4Auth(Credentials(KEYS["access_key_id"], KEYS["secret_access_key"]), "execute-api", "us-east-1")
    return ours.header("authorization").rpartition("=")[2], signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)


@every(
    "server, headers, host",
    [
        ("https://api.example.com", (), "api.example.com"),
        ("https://api.example.com:443", (), "api.example.com"),
        ("https://API.example.com:8443", (), "api.example.com:8443"),
        ("https://api.example.com:8443", (("Host", "API.example.com:8443"),), "API.example.com:8443"),
        ("https://api.example.com", (("host", "api.example.com"),), "api.example.com"),
    ],
)
def test_the_host_that_will_be_sent(server, headers, host):
    """The Host as the platform writes it, else as the URL does, without its usual port: HTTP/2 calls it :authority."""
    ours, theirs = _signature_of(server, headers=headers, host=host)

    assert ours == theirs


def test_blanks_around_and_inside_of_values():
    """Runs of blanks count as one, those around not at all: whoever sends may trim them."""
    headers = (("X-Amz-Meta-A", "a   b  c"), ("X-Amz-Meta-B", "x,  y"))

    ours, theirs = _signature_of("https://api.example.com", headers=headers, host="api.example.com")

    assert ours == theirs


def test_what_middlemen_rewrite_is_not_signed():
    """Such fields may come, change and go between here and AWS."""
    request = sealed(headers=(("Accept-Encoding", "gzip"), ("Cookie", "a=1"), ("User-Agent", "x"), ("Via", "1.1 p"), ("X-Forwarded-For", "10.0.0.1"), ("X-Kept", "1")))

    assert "SignedHeaders=host;x-amz-date;x-kept," in request.header("authorization")
