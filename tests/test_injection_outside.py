"""Hostile values at a raw socket: each arrives as itself in exactly one well-formed request, or nothing is sent at all.

What a place can carry is written down beside it (`carries`), so that neither a refusal too many nor one too few goes unseen.
The readers are not ours: h11, `urllib.parse`, `json`, `email`, `xml.etree`, oauthlib.
"""

import asyncio
import base64
import email.policy
import json
import re
import ssl
import xml.etree.ElementTree as ET
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import httpx2
import pytest
import requests

from authweave.errors import AuthweaveError
from authweave.values import Secret, TaskRequest
from hostile import EXACT, HOSTILE, MARK, Arrived, recording, spoken
from services import engine, profile
from thorough import few

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Spares each client the reading of all the roots there are: none of them speaks TLS here."""
VALUES = list(dict.fromkeys([*EXACT, *HOSTILE]))
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def is_text(value):
    """Can it be written in UTF-8?"""
    return not re.search("[\ud800-\udfff]", value)


def in_header(value):
    return re.fullmatch(r"[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?", value) is not None


def in_cookie(value):
    octets = r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"
    return re.fullmatch(f'{octets}|"{octets}"', value) is not None


def in_path(value):
    return is_text(value) and value not in ("", ".", "..")


def in_xml(value):
    return is_text(value) and not re.search("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", value)


def in_basic(value):
    return is_text(value) and not CONTROL.search(value)


def in_basic_user(value):
    return in_basic(value) and ":" not in value


def composed(value):
    """RFC 7617 §2.1: user and password are composed (NFC)."""
    from unicodedata import normalize

    return normalize("NFC", value)


def header(name: str, prefix: str = "") -> Callable[[Arrived], Any]:
    def read(arrived):
        [value] = arrived.values(name)
        assert value.startswith(prefix)
        return value.removeprefix(prefix)

    return read


def cookie(arrived):
    [line] = arrived.values("cookie")
    first, second = line.split("; ")
    assert first == "a=1"
    return second.removeprefix("probe=")


def query(arrived):
    [first, (name, value)] = parse_qsl(arrived.target.partition("?")[2], keep_blank_values=True, strict_parsing=True, errors="strict")
    assert (first, name) == (("a", "1"), "probe")
    return value


def segment(arrived):
    empty, first, probe, last = arrived.target.partition("?")[0].split("/")
    assert (empty, first, last) == ("", "v1", "end")
    assert re.fullmatch(r"(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})+", probe)
    assert unquote(probe) not in ("", ".", "..")
    return unquote(probe, errors="strict")


def form(arrived):
    [first, (name, value)] = parse_qsl(arrived.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
    assert (first, name) == (("a", "1"), "probe")
    return value


def in_json(arrived):
    read = json.loads(arrived.body, object_pairs_hook=list)
    assert [name for name, _ in read] == ["a", "probe"]
    return read[1][1]


def in_json_deep(arrived):
    read = json.loads(arrived.body, object_pairs_hook=list)
    [(a, _), (outer, [(inner, [value])])] = read
    assert (a, outer, inner) == ("a", "deep", "list")
    return value


def xml_child(arrived):
    [first, second] = ET.fromstring(arrived.body)
    assert (first.tag, first.text, second.tag, list(second)) == ("a", "1", "probe", [])
    return second.text or ""


def part(arrived):
    message = BytesParser(policy=email.policy.HTTP).parsebytes(f"Content-Type: {arrived.values('content-type')[0]}\r\n\r\n".encode() + arrived.body)
    first, second = message.iter_parts()
    assert (first.get_param("name", header="content-disposition"), first.get_payload(decode=True)) == ("a", b"1")
    assert (second.get_param("name", header="content-disposition"), second.get_filename(), second.keys()) == ("probe", None, ["Content-Disposition"])
    boundary = message.get_boundary().encode()
    start = second_at(arrived.body, boundary)
    return arrived.body[start : arrived.body.rindex(b"\r\n--" + boundary + b"--")].decode()


def second_at(body, boundary):
    """Where the content of the last part begins: email's own reader makes one line end of another, so the bytes are taken as they are."""
    return body.index(b"\r\n\r\n", body.rindex(b"--" + boundary + b"\r\n")) + 4


def basic(half: int, other: str) -> Callable[[Arrived], Any]:
    def read(arrived):
        user, _, password = base64.b64decode(header("Authorization", "Basic ")(arrived), validate=True).decode().partition(":")
        halves = [user, password]
        assert halves[1 - half] == other
        return halves[half]

    return read


def oauth1(name: str) -> Callable[[Arrived], Any]:
    def read(arrived):
        line = header("Authorization", "OAuth ")(arrived)
        pairs = re.findall(r'([a-z_]+)="((?:[^"\\]|\\.)*)"(?:, |\Z)', line)
        assert ", ".join(f'{key}="{value}"' for key, value in pairs) == line
        assert len(pairs) == len(dict(pairs))
        value = dict(pairs).get(name, "")
        return re.sub(r"\\(.)", r"\1", value) if name == "realm" else unquote(value, errors="strict")

    return read


FORM = {"headers": {"Content-Type": "application/x-www-form-urlencoded"}, "content": b"a=1"}
JSON = {"headers": {"Content-Type": "application/json"}, "content": b'{"a":1}'}
XML = {"headers": {"Content-Type": "application/xml"}, "content": b"<x><a>1</a></x>"}
PARTS = {"headers": {"Content-Type": "multipart/form-data; boundary=b0und"}, "content": b'--b0und\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b0und--\r\n'}
OAUTH1 = {"type": "oauth1", "consumer_key": "{{ inputs.v }}", "consumer_secret": "{{ inputs.other }}", "token": "", "token_secret": ""}


@dataclass
class Place:
    """Where a rendered value of a task request goes, who reads it there, and what it can carry."""

    name: str
    auth: dict[str, Any]
    read: Callable[[Arrived], Any]
    carries: Callable[[str], bool]
    request: dict[str, Any] = field(default_factory=dict)
    path: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    method: str = "POST"
    arrives: Callable[[str], Any] = str

    def __repr__(self) -> str:
        return self.name


def placed(where: str, key: str = "probe", value: str = "{{ inputs.v }}") -> dict[str, Any]:
    return {"type": "custom", "fields": [{"in": where, "key": key, "value": value}]}


PLACES = [
    Place("header", placed("header", "X-Probe"), header("X-Probe"), lambda value: value == "" or in_header(value)),
    Place("authorization prefix", placed("header", "Authorization", "Token {{ inputs.v }}"), header("Authorization", "Token "), lambda value: bool(value) and in_header(f"x{value}")),
    Place("user agent", placed("header", "User-Agent", "bot/{{ inputs.v }} (x)"), lambda arrived: header("User-Agent", "bot/")(arrived).removesuffix(" (x)"), lambda value: value == "" or in_header(f"x{value}x")),
    Place("cookie", placed("cookie"), cookie, in_cookie, {"headers": {"Cookie": "a=1"}}),
    Place("query", placed("query"), query, is_text, {"params": {"a": "1"}}),
    Place("path", {"type": "none"}, segment, in_path, path="/v1/{probe}/end", more={"fields": [{"in": "path", "key": "probe", "value": "{{ inputs.v }}", "optional": True}]}),
    Place("form", placed("payload"), form, is_text, FORM),
    Place("json", placed("payload"), in_json, is_text, JSON),
    Place("json, nested", placed("payload", "/deep/list/-"), in_json_deep, is_text, JSON),
    Place("xml", placed("payload"), xml_child, in_xml, XML),
    Place("multipart", placed("payload"), part, lambda value: is_text(value) and "--b0und" not in value, PARTS),
    Place("basic user", {"type": "basic", "username": "{{ inputs.v }}", "password": "{{ inputs.other }}"}, basic(0, "other"), in_basic_user, arrives=composed),
    Place("basic password", {"type": "basic", "username": "{{ inputs.other }}", "password": "{{ inputs.v }}"}, basic(1, "other"), in_basic, arrives=composed),
    Place("oauth1 consumer key", OAUTH1, oauth1("oauth_consumer_key"), lambda value: bool(value) and is_text(value)),
    Place("oauth1 realm", {**OAUTH1, "consumer_key": "k", "realm": "{{ inputs.v }}"}, oauth1("realm"), lambda value: in_header(f"x{value}x")),
    Place("bearer token", {"type": "bearer", "token": "{{ inputs.v }}"}, header("Authorization", "Bearer "), lambda value: re.fullmatch(r"[!#$%&'()*+\-./0-9:<>?@A-Z\[\]^_`a-z{|}~]+=*", value) is not None),
    Place("api key", {"type": "api_key", "fields": [{"in": "query", "key": "probe", "value": "{{ inputs.v }}"}]}, query, is_text, {"params": {"a": "1"}}),
]  # fmt: skip


def connecting(place: Place, server: str) -> Callable[[str], Any]:
    """Value → a connection that has it. The profile is made once."""
    declared = {"v": {"secret": True, "required": False, "default": ""}, "other": {"secret": True}}
    inputs = {name: spec for name, spec in declared.items() if f"inputs.{name}" in json.dumps([place.auth, place.more])}
    made, run = profile(place.auth, server, inputs=inputs, **place.more), engine(inputs={})
    others = {"other": "other"} if "other" in inputs else {}
    return lambda value: run.connect(made, inputs={**({"v": Secret(value, "the test")} if value else {}), **others})


def by_httpx(package):
    def send(connection, place, url):
        extensions = {"authweave": {"path": place.path}} if place.path else {}
        with package.Client(auth=connection.auth, trust_env=False, verify=NO_TLS) as client:
            client.request(place.method, url, extensions=extensions, **place.request)

    return send


def by_own_client(connection, place, url):
    extensions = {"authweave": {"path": place.path}} if place.path else {}
    with connection.client(verify=NO_TLS) as client:
        client.request(place.method, url, extensions=extensions, **place.request)


def by_own_async_client(connection, place, url):
    async def run():
        extensions = {"authweave": {"path": place.path}} if place.path else {}
        async with connection.async_client(verify=NO_TLS) as client:
            await client.request(place.method, url, extensions=extensions, **place.request)

    asyncio.run(run())


def by_authorize(connection, place, url):
    """A platform that sends by itself, letter for letter, whatever it was given: nothing behind us would notice a line break."""
    import socket

    asked = place.request
    mark = "?a=1" if "params" in asked else ""
    task = TaskRequest(place.method, url + (place.path or "/") + mark, asked.get("headers", {}), asked.get("content"), path_template=bool(place.path))
    ready = connection.authorize(task).result()
    _, _, rest = ready.url.partition("://")
    host, slash, target = rest.partition("/")
    lines = [f"{ready.method} {slash}{target} HTTP/1.1", f"Host: {host}", *(f"{name}: {value}" for name, value in ready.headers), "Connection: close"]
    name, _, port = host.partition(":")
    with socket.create_connection((name, int(port)), timeout=5) as peer:
        peer.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + (ready.body or b""))
        while peer.recv(65536):
            pass


def by_requests(connection, place, url):
    from authweave.hosts.requests import ProfileAuth

    auth = ProfileAuth(connection)
    asked = dict(place.request)
    if "content" in asked:
        asked["data"] = asked.pop("content")
    with requests.Session() as session:
        session.trust_env = False
        session.request(place.method, url + (place.path or "/"), auth=auth.at(place.path) if place.path else auth, timeout=5, **asked)


def by_aiohttp(connection, place, url):
    import aiohttp

    from authweave.hosts.aiohttp import ProfileAuth

    async def run():
        auth = ProfileAuth(connection)
        asked = dict(place.request)
        if "content" in asked:
            asked["data"] = asked.pop("content")
        async with aiohttp.ClientSession(middlewares=(auth.at(place.path) if place.path else auth,)) as session, session.request(place.method, url + "/", **asked) as response:
            await response.read()

    asyncio.run(run())


DOORS = {
    "httpx": by_httpx(httpx), "httpx2": by_httpx(httpx2), "client": by_own_client, "async client": by_own_async_client, "authorize": by_authorize,
    "requests": by_requests, "aiohttp": by_aiohttp,
}  # fmt: skip
NASTIEST = [value for value in VALUES if "X-Injected" in value or "smuggled" in value or value in ("é", "..", "0012", f"{MARK}\x00y", f"{MARK}\x85y", "p:w%+ x", "a{{b}}c", "x\\", "a;b=c", "%2e%2e", f"{MARK}\ud800", "😀")]
"""What the doors beside the first are tried with."""


def tried(send, recorder, place, value, connect):
    """The value that the server read, or None where nothing was sent; and that the error, if there was one, is ours and does not tell."""
    failure = None
    connection = connect(value)
    try:
        send(connection, place, recorder.url)
    except AuthweaveError as error:
        failure = error
    arrived = recorder.take()
    if failure is not None:
        assert not arrived, f"bytes went out: {arrived}"
        if MARK in value or len(value) > 20:
            assert MARK not in spoken(failure)
            assert value not in spoken(failure)
        return None
    [request] = arrived
    assert request.rest == b""
    assert not request.values("x-injected")
    assert len(request.values("host")) == 1
    return place.read(request)


def check(send, place, values, caplog):
    caplog.set_level("DEBUG")
    wrong = []
    with recording() as recorder:
        connect = connecting(place, recorder.url)
        for value in values:
            try:
                got = tried(send, recorder, place, value, connect)
            except Exception as error:  # noqa: BLE001 - all of them are told at once
                wrong.append((value[:60], f"{type(error).__name__}: {error}"[:300]))
                recorder.take()
                continue
            expected = place.arrives(value) if place.carries(value) else None
            if got != expected:
                wrong.append((value[:60], "arrived as", got if got is None else str(got)[:60], "expected", expected if expected is None else expected[:60]))
    assert not wrong, "\n".join(map(repr, wrong))
    said = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("authweave"))
    assert MARK not in said


@pytest.mark.parametrize("place", few(PLACES, every=3), ids=repr)
def test_values_in_every_place(place, caplog):
    """Through `auth` of httpx, the nastiest ones."""
    check(DOORS["httpx"], place, NASTIEST[::3], caplog)


@pytest.mark.thorough
@pytest.mark.parametrize("place", PLACES, ids=repr)
def test_every_value_in_every_place(place, caplog):
    """All of them."""
    check(DOORS["httpx"], place, VALUES, caplog)


@pytest.mark.parametrize(("place", "door"), few([(place, door) for m, place in enumerate(PLACES) for n, door in enumerate(DOORS) if door != "httpx" and (m + n) % 3 == 0], every=20))
def test_every_door(place, door, caplog):
    """Through the other doors, with the nastiest ones: two doors for each place, and six places for each door."""
    check(DOORS[door], place, NASTIEST, caplog)
