"""The same values in the calls that get a token, and in what a server says that is sent on: raw sockets, readers that are not ours."""

import base64
import email.policy
import json
import re
import xml.etree.ElementTree as ET
from email.parser import BytesParser
from urllib.parse import parse_qs, parse_qsl, unquote, unquote_plus

import pytest

from authweave.errors import AuthweaveError
from authweave.redaction import inert
from authweave.values import Secret, TaskRequest
from hostile import EXACT, HOSTILE, MARK, answer, recording, spoken, tells_nothing
from services import engine, profile
from test_injection_outside import NASTIEST, in_basic, in_basic_user, in_header, in_path, in_xml, is_text
from thorough import few

VALUES = list(dict.fromkeys([*NASTIEST, *[value for number, value in enumerate([*EXACT, *HOSTILE]) if number % 8 == 0]]))
PARTS = ["x; boundary=evil", "x; charset=utf-16", "GET", "trace", "CONNECT", "ß", "application/json", "a\\b"]
"""What a method or a media type is tried with, too."""
TOKEN = {"access_token": "T1", "token_type": "Bearer", "expires_in": 3600}
V = "{{ inputs.v }}"


def form(name):
    def read(arrived):
        pairs = parse_qsl(arrived.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
        assert len(pairs) == len(dict(pairs))
        assert set(dict(pairs)) <= {"grant_type", "client_id", "client_secret", "scope", "audience", "resource", "username", "password", "probe"}
        return dict(pairs)[name]

    return read


def basic(half, *, encoded):
    def read(arrived):
        [line] = arrived.values("authorization")
        halves = base64.b64decode(line.removeprefix("Basic "), validate=True).decode().split(":", 1)
        return unquote_plus(halves[half], errors="strict") if encoded else halves[half]

    return read


def member(*path):
    def read(arrived):
        found = json.loads(arrived.body, object_pairs_hook=lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else pytest.fail("a member twice"))
        assert set(found) == {path[0], "rest"}
        for step in path:
            found = found[step]
        return found

    return read


def element(attribute=None):
    def read(arrived):
        root = ET.fromstring(arrived.body)
        [probe, rest] = root
        assert (root.tag, root.attrib, probe.tag, list(probe), rest.tag, rest.text) == ("login", {}, "probe", [], "rest", "1")
        assert set(probe.attrib) <= {attribute}
        return (probe.text or "") if attribute is None else probe.attrib[attribute]

    return read


def in_target(arrived):
    path, _, query = arrived.target.partition("?")
    empty, first, probe, last = path.split("/")
    assert (empty, first, last, query) == ("", "t", "token", "")
    assert re.fullmatch(r"(?:[A-Za-z0-9\-._~]|%[0-9A-F]{2})+", probe)
    return unquote(probe, errors="strict")


def in_query(arrived):
    path, _, query = arrived.target.partition("?")
    assert path == "/token"
    [(name, value), rest] = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    assert (name, rest) == ("probe", ("rest", "1"))
    return value


def written(encoding, content, **more):
    return {"token_request": {"encoding": encoding, "content": content, **more}, "client_auth": "none"}


def a_scope(value):
    return re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+", value) is not None


def scopes(value):
    return re.fullmatch(r"[\x20\x21\x23-\x5b\x5d-\x7e]+", value) is not None


def a_token_or_nothing(value):
    return re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]*", value) is not None


def boundary(arrived):
    """What the header says, which is what stands between the parts."""
    [line] = arrived.values("content-type")
    found = line.removeprefix("multipart/form-data; boundary=")
    assert arrived.body.startswith(f"--{found}\r\n".encode())
    assert arrived.body.endswith(f"\r\n--{found}--\r\n".encode())
    return found


def filled(value):
    return bool(value) and is_text(value)


PLACES = {
    "client id, form": ({"client_auth": "client_secret_post", "client_id": V}, form("client_id"), filled, str),
    "client secret, form": ({"client_auth": "client_secret_post", "client_secret": V}, form("client_secret"), filled, str),
    "client id, basic": ({"client_id": V}, basic(0, encoded=True), lambda value: filled(value) and not re.search("%[0-9A-F]{2}", value.upper()), str),
    "client secret, basic": ({"client_secret": V}, basic(1, encoded=True), filled, str),
    "client id, raw": ({"client_id": V, "basic_encoding": "raw"}, basic(0, encoded=False), lambda value: bool(value) and in_basic_user(value), str),
    "client secret, raw": ({"client_secret": V, "basic_encoding": "raw"}, basic(1, encoded=False), lambda value: bool(value) and in_basic(value), str),
    "scope of a list": ({"scopes": ["a", V]}, lambda arrived: form("scope")(arrived).removeprefix("a "), a_scope, str),
    "scopes as text": ({"scopes": V}, form("scope"), scopes, str),
    "scope within a text": ({"scopes": f"a {V}"}, lambda arrived: form("scope")(arrived).removeprefix("a "), a_scope, str),
    "audience": ({"audience": V}, form("audience"), filled, str),
    "resource": ({"resource": V}, form("resource"), filled, str),
    "password": ({"grant_type": "password", "username": "anna", "password": V}, form("password"), filled, str),
    "user name": ({"grant_type": "password", "username": V, "password": "{{ inputs.other }}"}, form("username"), filled, str),
    "field": ({"token_request": {"fields": [{"key": "probe", "value": V}]}}, form("probe"), is_text, str),
    "header": ({"token_request": {"fields": [{"in": "header", "key": "X-Probe", "value": V}]}}, lambda arrived: arrived.values("x-probe")[0], lambda value: value == "" or in_header(value), str),
    "content type": ({"token_request": {"content_type": f"text/x{V}", "encoding": "text", "content": "a"}, "client_auth": "none"}, lambda arrived: arrived.values("content-type")[0].removeprefix("text/x"), a_token_or_nothing, str),
    "content type, whole": ({"token_request": {"content_type": V, "encoding": "text", "content": "a"}, "client_auth": "none"}, lambda arrived: arrived.values("content-type")[0], lambda value: value in ("", "application/json"), lambda value: value or "text/plain; charset=utf-8"),
    "boundary": ({"token_request": {"content_type": f"multipart/form-data; boundary={V}", "encoding": "multipart"}, "client_auth": "none"}, boundary, lambda value: bool(value) and a_token_or_nothing(value) and len(value) < 71 and re.fullmatch(r"[0-9A-Za-z'+_.\-]+", value) is not None, str),
    "method": ({"token_request": {"method": V}, "client_auth": "none"}, lambda arrived: arrived.method, lambda value: re.fullmatch("[A-Za-z-]+", value) is not None and value.upper() not in ("TRACE", "CONNECT"), str.upper),
    "path of the URL": ({"token_url": "SERVER/t/{{ inputs.v }}/token"}, in_target, in_path, str),
    "query of the URL": ({"token_url": "SERVER/token?probe={{ inputs.v }}&rest=1"}, in_query, is_text, str),
    "json written out, quoted": (written("json", '{"probe": "x{{ inputs.v }}", "rest": 1}'), lambda arrived: member("probe")(arrived).removeprefix("x"), is_text, str),
    "json written out, filtered": (written("json", '{"probe": {{ inputs.v | json }}, "rest": 1}'), member("probe"), is_text, str),
    "json by its type": (written("text", '{"probe": ["{{ inputs.v }}"], "rest": 1}', content_type="application/vnd.acme+json"), lambda arrived: member("probe")(arrived)[0], is_text, str),
    "form written out": (written("form", "probe={{ inputs.v }}"), form("probe"), is_text, str),
    "form written out, filtered": (written("form", "probe={{ inputs.v | urlencode }}"), form("probe"), is_text, str),
    "xml written out": (written("xml", "<login><probe>{{ inputs.v }}</probe><rest>1</rest></login>"), element(), in_xml, str),
    "xml attribute": (written("xml", '<login><probe a="{{ inputs.v }}"/><rest>1</rest></login>'), element("a"), in_xml, str),
    "xml attribute, other quote": (written("xml", "<login><probe a='{{ inputs.v }}'/><rest>1</rest></login>"), element("a"), in_xml, str),
    "xml cdata": (written("xml", "<login><probe><![CDATA[{{ inputs.v }}]]></probe><rest>1</rest></login>"), element(), lambda value: in_xml(value) and "\r" not in value, str),
}  # fmt: skip


@pytest.mark.parametrize("name", few(PLACES, every=7))
def test_values_in_token_calls(name, caplog):
    """One well-formed call that holds exactly the value, or none at all and an error that does not tell it."""
    caplog.set_level("DEBUG", "authweave")
    own, read, carries, arrives = PLACES[name]
    wrong = []
    with recording() as server:
        connect = connecting(own, server.url)
        for value in (*VALUES, *PARTS):
            expected = arrives(value) if carries(value) else None
            if name == "client id, basic" and "%" in value:
                continue  # an id that is form-encoded already stays as it is: docs/profile.md
            try:
                got = asked(server, connect(value), value, read)
            except Exception as error:  # noqa: BLE001 - all of them are told at once
                got = f"{type(error).__name__}: {error}"[:200]
                server.take()
            if got != expected:
                wrong.append((value[:60], "arrived as", got and got[:200], "expected", expected and expected[:60]))
    assert not wrong, "\n".join(map(repr, wrong))
    assert MARK not in "\n".join(record.getMessage() for record in caplog.records)


def connecting(own, url):
    own = json.loads(json.dumps(own).replace("SERVER", url))
    auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{url}/token", **own}
    if own.get("client_auth") == "none":
        auth.setdefault("client_id", "robot")
    text = json.dumps(auth)
    inputs = {"v": {"secret": "client_id" not in own and "username" not in json.dumps(own), "required": False, "default": ""}} if "inputs.v" in text else {}
    if "inputs.other" in text:
        inputs["other"] = {"secret": True}
    made, run = profile(auth, url, inputs=inputs), engine(inputs={})
    implied = {"client_id": "robot", "client_secret": "s3cr3t", "other": "other", "username": "anna", "password": "pass"}
    others = {key: value for key, value in implied.items() if key in made.inputs}
    return lambda value: run.connect(made, inputs={**({"v": Secret(value, "the test")} if value else {}), **others})


def asked(server, connection, value, read):
    server.replies[:] = [answer(json.dumps(TOKEN).encode())]
    try:
        connection.authorize(TaskRequest("GET", "/x")).result(20)
    except AuthweaveError as error:
        assert not server.take(), "bytes went out"
        tells_nothing(error, *([value] if len(value) > 20 else []))
        return None
    [arrived] = server.take()
    assert arrived.rest == b""
    assert len(arrived.values("host")) == 1
    assert not arrived.values("x-injected")
    return read(arrived)


ANSWERED = {
    "access token": ({}, lambda value: {**TOKEN, "access_token": value}, "authorization", "Bearer ", r"[!#$%&'()*+\-./0-9:<>?@A-Z\[\]^_`a-z{|}~]+=*"),
    "access token elsewhere": ({"fields": [{"in": "header", "key": "X-Probe", "value": "{{ token.access_token }}"}]}, lambda value: {**TOKEN, "access_token": value}, "x-probe", "", r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?"),
    "kept value": (
        {"token_response": {"keep": {"k": {"value": "{{ response.json.k }}"}}}, "fields": [{"in": "header", "key": "Authorization", "value": "Bearer {{ token.access_token }}"}, {"in": "header", "key": "X-Probe", "value": "{{ kept.k }}"}]},
        lambda value: {**TOKEN, "k": value}, "x-probe", "", r"([\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?)?",
    ),
    "token type": ({"fields": [{"in": "header", "key": "X-Probe", "value": "{{ token.token_type }} {{ token.access_token }}"}]}, lambda value: {**TOKEN, "token_type": value}, "x-probe", "", r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?"),
}  # fmt: skip


@pytest.mark.parametrize("name", few(ANSWERED, every=2))
def test_what_a_token_server_says_is_placed_or_refused(name):
    """A token with a line break in it is no header: the API is not asked, and the error holds nothing of it."""
    own, said, header, prefix, carried = ANSWERED[name]
    wrong = []
    with recording() as server:
        connect = connecting(own, server.url)
        for number, value in enumerate(VALUES):
            if len(value) > 2000 or (name == "token type" and not value):
                continue
            server.replies[:] = [answer(json.dumps(said(value)).encode())]
            connection = connect("").of_subject(None)
            got, failure = None, None
            try:
                run = engine(inputs={})
                connection = run.connect(connection.profile, tenant=f"t{number}", inputs=dict(connection.given))
                ready = connection.authorize(TaskRequest("GET", "/x")).result(20)
                got = ready.header(header).removeprefix(prefix)
            except AuthweaveError as error:
                failure = spoken(error)
            server.take()
            text = f"{inert(value)} T1" if name == "token type" else value  # it is shown to people, too: kept as what no terminal obeys
            expected = text if is_text(value) and re.fullmatch(carried, text) else None
            if got != expected or (failure and MARK in value and MARK in failure):
                wrong.append((value[:60], got, failure and failure[:200]))
    assert not wrong, "\n".join(map(repr, wrong))


def test_a_redirect_uri_is_what_is_registered():
    """A scheme that runs things, a line break, a user name before the host: none is put into a link."""
    auth = {"type": "oauth2", "grant_type": "authorization_code", "authorization_url": "https://idp.example.com/authorize", "token_url": "https://idp.example.com/token"}
    connection = engine(inputs={"client_id": "robot", "client_secret": "s"}).connect(profile(auth, "https://api.example.com"), subject="anna", inputs={"redirect_uri": "https://app.example.com/back?a=1&b=2"})
    for wrong in ("javascript:alert(1)", "data:text/html,x", "https://app.example.com/\r\nX: 1", "https://a@evil.example/", "//evil.example", "http://evil.example/", "https://app.example.com/#x", f"https://app.example.com/{MARK}\x00", "vbscript:x", "JaVaScRiPt:x"):
        with pytest.raises(AuthweaveError) as refused:
            connection.begin_authorization(redirect_uri=wrong).result(10)
        assert MARK not in spoken(refused.value)
    begun = connection.begin_authorization().result(10)

    asked = parse_qs(begun.url.partition("?")[2])
    assert asked["redirect_uri"] == ["https://app.example.com/back?a=1&b=2"]


KEYS = [
    "a b", "a&b=c", "a=b", 'a"b', "a'b", "a;b", "a%20b", "a+b", "é", "😀", "a.b", "a[0]", "a[]", "__proto__", "<a>", "&amp;", "{key}", "--b", " a", "a ", "-", "1a", ":a", "a" * 10_000, "a\\b",
    "a\tb", "a\r\nX-Injected: 1", "a\r\n\r\n--b", "a\x00b", "a\x7fb", "a\x85b", "", "a\ud800",
]  # fmt: skip


@pytest.mark.parametrize("how", ["field", "rename"])
@pytest.mark.parametrize("encoding", few(["form", "json", "multipart", "query"], every=2))
def test_names_of_parameters(encoding, how):
    """A name that an author chose is the name that another parser reads, or the profile is refused, in words that are one line for each problem."""
    wrong = []
    with recording() as server:
        for key in KEYS:
            request = {"encoding": encoding, "omit": ["grant_type"], **({"method": "GET"} if encoding == "query" else {})}
            more = {"fields": [{"key": key, "value": "V"}], "omit": ["grant_type", "client_id"]} if how == "field" else {"rename": {"client_id": key}}
            auth = {"type": "oauth2", "grant_type": "client_credentials", "client_auth": "none", "client_id": "V", "token_url": f"{server.url}/token", "token_request": {**request, **more}}
            server.replies[:] = [answer(json.dumps(TOKEN).encode())]
            try:
                engine(inputs={}).connect(profile(auth, server.url)).authorize(TaskRequest("GET", "/x")).result(20)
            except AuthweaveError as refused:
                if _can_be_a_name(encoding, key) or server.take() or len(str(refused).splitlines()) != 1 or not str(refused).isprintable():
                    wrong.append((key[:30], "refused", str(refused)[:200]))
                continue
            [arrived] = server.take()
            if not _can_be_a_name(encoding, key) or _names(encoding, arrived) != [(key, "V")] or arrived.rest or arrived.values("x-injected"):
                wrong.append((key[:30], arrived.raw[-200:]))
    assert not wrong, "\n".join(map(repr, wrong))


def _can_be_a_name(encoding, key):
    """A profile holds no other control characters than tabs and line ends; servers disagree about a tab or backslash in the name of a part."""
    return bool(key) and is_text(key) and not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]", key) and not (encoding == "multipart" and re.search(r"[\\\t]", key))


def _names(encoding, arrived):
    if encoding == "multipart":
        message = BytesParser(policy=email.policy.HTTP).parsebytes(f"Content-Type: {arrived.values('content-type')[0]}\r\n\r\n".encode() + arrived.body)
        [name] = re.findall(rb'form-data; name="([^"\r\n]*)"\r\n\r\n', arrived.body)
        return [(name.decode().replace("%22", '"').replace("%0D%0A", "\r\n"), part.get_payload(decode=True).decode()) for part in message.iter_parts()]
    if encoding == "json":
        return json.loads(arrived.body, object_pairs_hook=list)
    return parse_qsl(arrived.target.partition("?")[2] if encoding == "query" else arrived.body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict")
