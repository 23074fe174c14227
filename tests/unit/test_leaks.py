"""Secrets are planted wherever there are any; whatever servers do with them, none comes out."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import logging
import os
from urllib.parse import quote, quote_plus

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from authweave.extensions.catalog import default_catalog
from authweave.preview import preview
from authweave.probe import test_profile as probe_profile
from authweave.reports.page import Page
from authweave.reports.text import TextReport
from authweave.values import TaskRequest
from leaking import Search, overheard, told_by, ways_out
from probing import engine_of, written
from sockets import Server, http
from thorough import every, few


def _odd(text):
    return f"{text[:12]}+{text[12:17]}/%41{text[17:23]}&x=<{text[23:29]}>'\\{text[29:34]} =;Z"


PLAIN = ("access_token", "refresh_token", "id_token", "new_token", "cookie", "kept", "secret_access_key", "session_token", "assertion", "subject_token", "api_key")
ODD = ("client_secret", "password", "token_secret", "consumer_secret", "signing_key", "extra")
SECRETS = {name: hashlib.sha256(name.encode()).hexdigest()[:36].replace("a", "Kz") for name in PLAIN}
SECRETS |= {name: _odd(hashlib.sha256(name.encode()).hexdigest()) for name in ODD}
PEM = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()  # fmt: skip
TOKENS = ("access_token", "refresh_token", "id_token", "kept", "cookie")
"""Secrets that come with a token."""
GIVEN = {
    **SECRETS, "client_id": "my-client", "username": "anna", "key": PEM, "access_key_id": "AKIAIOSFODNN7EXAMPLE", "consumer_key": "consumer", "token": SECRETS["access_token"],
}  # fmt: skip
ALSO = {
    name: {"secret": True, "required": False}
    for name in ("password", "api_key", "extra", "token_secret", "consumer_secret", "assertion", "subject_token", "refresh_token", "session_token", "secret_access_key", "key", "signing_key")
}  # fmt: skip

OAUTH = {"type": "oauth2", "grant_type": "client_credentials", "token_url": "IDP/oauth/token", "scopes": ["read"]}
STEP = {"name": "first", "request": {"url": "IDP/step", "method": "POST", "encoding": "form", "fields": [{"key": "p", "value": "{{ inputs.extra }}"}]}}
KINDS = {
    "basic": {"type": "basic"},
    "bearer": {"type": "bearer"},
    **{f"api key in {place}": {"type": "api_key", "fields": [{"in": place, "key": "k", "value": "{{ inputs.api_key }}"}]} for place in ("header", "query", "cookie")},
    "made from a secret": {"type": "custom", "fields": [{"in": "query", "key": "sig", "value": "{{ inputs.api_key | sha256 | hex }}"}, {"in": "header", "key": "X-Up", "value": "id {{ inputs.api_key | upper }}"}]},
    "in the path": {"type": "custom", "fields": [{"in": "path", "key": "k", "value": "{{ inputs.api_key }}"}]},
    **{f"oauth2 {how}": {**OAUTH, "client_auth": how} for how in ("client_secret_basic", "client_secret_post", "client_secret_jwt")},
    "oauth2 raw": {**OAUTH, "basic_encoding": "raw"},
    "oauth2 json": {**OAUTH, "client_auth": "client_secret_post", "token_request": {"encoding": "json"}},
    "oauth2 query": {**OAUTH, "client_auth": "client_secret_post", "token_request": {"method": "GET"}},
    "private_key_jwt": {**OAUTH, "client_auth": "private_key_jwt", "client_assertion": {"signing_key": "{{ inputs.key }}"}},
    "password": {**OAUTH, "grant_type": "password"},
    "refresh_token": {**OAUTH, "grant_type": "refresh_token"},
    "jwt_bearer": {**OAUTH, "grant_type": "jwt_bearer", "assertion": "{{ inputs.assertion }}"},
    "token_exchange": {**OAUTH, "grant_type": "token_exchange", "token_request": {"fields": [{"key": "subject_token", "value": "{{ inputs.subject_token }}"}, {"key": "subject_token_type", "value": "urn:ietf:params:oauth:token-type:jwt"}]}},
    "dpop": {**OAUTH, "dpop": True},
    "steps": {**OAUTH, "before": [STEP], "token_response": {"keep": {"kept": {"value": "{{ response.json.kept }}", "secret": True}}}},
    "jwt": {"type": "jwt", "assertion": {"signing_key": "{{ inputs.key }}", "claims": {"iss": "me"}}},
    "session": {"type": "session", "token_url": "IDP/login", "token_request": {"fields": [{"key": "user", "value": "{{ inputs.username }}"}, {"key": "pass", "value": "{{ inputs.password }}"}]}},
    "session by cookie": {"type": "session", "token_url": "IDP/login", "token_response": {"access_token": "{{ response.cookies.sid }}", "expires_in": 60}, "fields": [{"in": "cookie", "key": "sid", "value": "{{ token.access_token }}"}]},
    "signature": {"type": "signature", "signing_key": "{{ inputs.extra }}", "string_to_sign": "{{ request.method }}{{ inputs.extra }}", "fields": [{"in": "header", "key": "X-Signature", "value": "{{ signature | hex }}"}]},
    "aws_sigv4": {"type": "aws_sigv4", "region": "eu-central-1", "service": "execute-api"},
    "oauth1": {"type": "oauth1"},
    "digest": {"type": "digest"},
}  # fmt: skip
ALL_OF_IT = (("token", "oauth2 client_secret_post"), ("api", "api key in header"))
"""Who meets every behaviour; all others meet the one that tells most, and in the heavy tier every one, too."""
IS_HEAVY = os.environ.get("AUTHWEAVE_TIER") == "heavy"
TELLS_MOST = "status 401"


def everything(asked, planted):
    """What came, and every secret that the run knows, in every form that a server may put into an answer."""
    sent = [asked.line, *(value for _, value in asked.headers), asked.body.decode("utf-8", "replace")]
    secrets = list(planted.values())
    return {
        "sent": sent, "all": secrets, "reversed": [secret[::-1] for secret in secrets],
        "percent": [quote(secret, safe="") for secret in secrets], "form": [quote_plus(secret) for secret in secrets],
        "base64": [base64.b64encode(secret.encode()).decode() for secret in (*secrets, *sent)],
        "wrapped": base64.encodebytes(" ".join(secrets).encode()).decode(), "url-safe": [base64.urlsafe_b64encode(b"a" + secret.encode()).decode() for secret in secrets],
        "hex": [secret.encode().hex() for secret in secrets], "html": [html.escape(secret) for secret in secrets],
        "escapes": "".join(f"\\u{ord(one):04x}" for one in secrets[0]), "entities": "".join(f"&#{ord(one)};" for one in secrets[0]),
        "message": f"you sent {secrets[0]}", "detail": f"reversed {secrets[-1][::-1]}",
    }  # fmt: skip


GOOD = {**{name: SECRETS[name] for name in TOKENS[:4]}, "token_type": "Bearer", "expires_in": 3600, "odd_name": SECRETS["kept"]}
COOKIE = ("Set-Cookie", f"sid={SECRETS['cookie']}; Path=/")


def written_as(kind, asked, planted, *, gives_token):
    """The body, and its media type."""
    told, one = everything(asked, planted), next(iter(planted.values()))
    if kind == "json":
        answer = GOOD if gives_token else {"error": "invalid_client", "error_description": f"bad {one} {quote_plus(one)} {one[::-1]} {told['sent']}", "error_uri": f"https://a.example/?x={quote_plus(one)}"}
        return json.dumps({**answer, **told}).encode(), "application/json"
    if kind == "escaped":
        return "".join(f"\\u{ord(one):04x}" if one.isalnum() else one for one in json.dumps({"error": one}, ensure_ascii=False)).encode(), "application/json"
    if kind == "html":
        return f"<html><title>{html.escape(one)} {told['sent']}</title><p>{html.escape(json.dumps(told))}".encode(), "text/html"
    if kind == "entities":
        return f"<html><title>{told['entities']}</title>".encode(), "text/html"
    if kind == "broken":
        return (json.dumps(told) + ",,").encode(), "application/json"
    if kind == "xml":
        return f"<e>{html.escape(json.dumps(told))}</e>".encode(), "text/xml"
    return "\n".join(map(str, told.values())).encode(), kind


def echo(status, kind="json", *, gives_token=False, reason="Odd", extra=lambda one: ()):
    """Answers with everything, in the body and in header fields."""

    def answer(asked, planted):
        body, media = written_as(kind, asked, planted, gives_token=gives_token)
        one = next(iter(planted.values()))
        quoted = one.replace("\\", "\\\\")
        seen = (asked.values("authorization") or asked.values("cookie") or [one])[0]
        headers = [
            ("Content-Type", media), ("WWW-Authenticate", f'Bearer realm="{quote(seen)}", error="invalid_token", error_description="{quoted} {seen}", scope="{quoted}"'),
            ("X-Echo", seen), ("X-Odd", quote_plus(one)), ("ETag", f'"{one}"'), ("Link", f'<https://a.example/?t={quote_plus(one)}>; rel="{quoted}"'), COOKIE, *extra(one),
        ]  # fmt: skip
        return http(status, *headers, body=body, reason=reason.format(one))

    return answer


def always(make):
    """The same bytes, made of one of the secrets."""
    return lambda asked, planted: make(next(iter(planted.values())))


def json_of(data, status=200):
    return http(status, ("Content-Type", "application/json"), body=json.dumps(data).encode())


def gzipped(asked, planted):
    return http(400, ("Content-Type", "application/json"), ("Content-Encoding", "gzip"), body=gzip.compress(json.dumps({"error": "x", **everything(asked, planted)}).encode()))


def leading(status):
    """A redirect that carries the secret in every part of its URL."""
    return echo(status, extra=lambda one: [("Location", f"https://login.example.com/{quote(one)}?token={quote_plus(one)}&x={quote(one)}&next={quote(quote(one))}#{quote(one)}")])


GOOD_ANSWER = always(lambda _: http(200, ("Content-Type", "application/json"), COOKIE, body=json.dumps(GOOD).encode()))
FINE = always(lambda _: json_of({"me": "someone"}))
BEHAVIOURS = {
    **{f"status {status}": echo(status) for status in (200, 400, 401, 403, 404, 405, 415, 422, 429, 500, 503)},
    "token with echo": echo(200, gives_token=True),
    "escaped": echo(400, "escaped"),
    "html": echo(200, "html"),
    "html of an error": echo(401, "html"),
    "entities": echo(403, "entities"),
    "xml": echo(400, "xml"),
    "text": echo(401, "text/plain"),
    "text as token": echo(200, "text/plain"),
    "form": always(lambda one: http(400, ("Content-Type", "application/x-www-form-urlencoded"), body=f"error=e&error_description={quote_plus(one)}&hint={quote_plus(one)}".encode())),
    "broken json": echo(200, "broken"),
    "broken json of an error": echo(400, "broken"),
    "gzip": gzipped,
    "not gzip": always(lambda one: http(200, ("Content-Encoding", "gzip"), body=one.encode())),
    "redirect": leading(302),
    "redirect with the body": leading(307),
    "reason": echo(401, reason="{} fine"),
    "garbage": always(lambda one: f"{one}\r\n\r\n".encode()),
    "odd header": always(lambda one: f"HTTP/1.1 200 OK\r\n{one}\r\nX: y\r\n\r\n".encode()),
    "truncated": always(lambda one: f"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{one}".encode()),
    "huge": always(lambda one: http(200, ("Content-Type", "application/json"), body=json.dumps({"pad": "x" * 2020, "it": one, "rest": one * 3}).encode() + b" " * 3_000_000)),
    "binary": always(lambda one: http(200, body=b"\0\1" + one.encode())),
    "odd types": always(lambda one: json_of({"access_token": [one], "expires_in": one, "scope": one, "token_type": one})),
    "odd type": always(lambda one: json_of({**GOOD, "token_type": one, "expires_in": one, "scope": [one]})),
    "nested error": always(lambda one: json_of({"error": {"code": one, "message": one, "details": [one]}}, 400)),
    "digest": always(lambda one: http(401, ("WWW-Authenticate", f'Digest realm="{quote(one)}", nonce="n0nce", qop="auth", opaque="{quote(one)}"'))),
    "reset": None,
    "silence": False,
}  # fmt: skip


class Switched:
    """A server that is switched from one behaviour to the next: the token's at IDP paths, the API's elsewhere."""

    def __init__(self):
        self.token, self.api, self.planted = GOOD_ANSWER, FINE, SECRETS

    def __call__(self, peer):
        asked = peer.request()
        answer = self.token if asked.line.split()[1].startswith(("/oauth", "/login", "/step")) else self.api
        if answer is None:
            peer.reset()
        elif answer is False:
            peer.hang()
        else:
            peer.send(answer(asked, self.planted))


@pytest.fixture(scope="module")
def server():
    """One for all."""
    with Server(Switched()) as running:
        yield running


@pytest.fixture(scope="module")
def profiles(server, tmp_path_factory):
    """A file of each kind."""
    made = {}
    for kind, auth in KINDS.items():
        text = json.dumps(auth).replace("IDP/", server.url)
        used = {name: spec for name, spec in ALSO.items() if f"inputs.{name}" in text}
        url = "/v1/{k}/me" if kind == "in the path" else "/v1/me"
        folder = tmp_path_factory.mktemp("profile")
        made[kind] = written(folder, json.loads(text), servers=[server.url.rstrip("/")], inputs=used, test={"request": {"url": url}})
    return made


def renderings(report, *, many):
    """In every registered format, at several widths."""
    for name, kind in default_catalog().named("reports").items():
        made = kind()
        yield f"--format {name}", made.render(report)
        if many and hasattr(made, "render_many"):
            yield f"--format {name}, many", made.render_many((report, report))
    if many:
        yield "text, 23 columns", TextReport(lambda: Page(23, colour=True)).render(report)


def errors_of(connection, url):
    """Every door is knocked at; what each raises, and the repr of what each answers."""
    doors = {
        "token": lambda: connection.token().result(5),
        "authorize": lambda: connection.authorize(TaskRequest("POST", url, body=b"x")).result(5),
        "client": lambda: _with_client(connection, url),
        "httpx": lambda: _with_httpx(connection, url),
    }
    for name, knock in doors.items():
        try:
            answer = knock()
        except Exception as error:  # noqa: BLE001 - whatever it raises is looked at
            yield from ((f"{name} raised", text) for text in told_by(error))
        else:
            yield f"{name} answered", repr(answer)
    yield "connection", f"{connection!r} {connection.engine!r} {connection.engine.status()!r}"


def _with_httpx(connection, url):
    with httpx.Client(auth=connection.auth, trust_env=False) as client:
        return client.post(url, content=b"x", timeout=1)


def _with_client(connection, url):
    with connection.client() as client:
        return client.post(url, content=b"x")


def secrets_of(path):
    """The secrets that a run of this profile gets to know: its secret inputs, and what comes with a token."""
    with engine_of(GIVEN) as engine:
        profile = engine.profile(path)
    names = [name for name, one in profile.inputs.items() if one.secret and name in GIVEN]
    gets_tokens = any(variant.tokens for variant in profile.variants)
    inputs = {name: GIVEN[name] for name in names if name != "key"} or {"line of the key": PEM.splitlines()[1]}
    return inputs | ({name: SECRETS[name] for name in TOKENS} if gets_tokens else {})


def looked_at(path, server, *, doors=True):
    """Everything that one profile brings out."""
    sinks = {}
    with overheard() as heard, engine_of(GIVEN, test_deadline=0.4, deadline=0.3) as engine:
        report = probe_profile(engine, path, events=lambda stage: heard.append(repr(stage)))
        sinks |= dict(renderings(report, many=doors))
        sinks["the value"] = repr(report)
        connection = engine.connect(path)
        made = preview(connection)
        sinks["preview"] = f"{made!r}{json.dumps(made.as_dict())}"
        if doors:
            sinks |= {f"{number} {name}": text for number, (name, text) in enumerate(errors_of(connection, f"{server.url}v1/me"))}
    return {**sinks, "heard": "\n".join(heard)}, report


@every("secret", [*list(SECRETS.values())[::5], PEM.splitlines()[1]], ids=["plain", "token", "odd", "odder", "key"])
def test_the_search_finds_every_form(secret):
    """Each form, wrapped and cut: a search that misses one proves nothing."""
    search = Search({"it": secret})

    assert [] == [name for name, text in ways_out(secret) if not search.found(text)]
    assert not search.found("nothing planted here: client_secret, access_token, " * 50)


def test_the_ears_hear():
    """Records of any logger and the local variables of frames are among what is searched."""
    search = Search(SECRETS)
    with overheard() as heard:
        logging.getLogger("httpcore.http11").debug("send_request_headers.complete %r", {"authorization": SECRETS["api_key"]})
        logging.getLogger("somebody.else").info(SECRETS["password"])

    assert {("api_key", "as it is"), ("password", "as it is")} <= {found for text in heard for found in search.found(text)}
    code = compile(f"def fail(x):\n    raise ValueError('no')\nfail({SECRETS['extra']!r})", "elsewhere.py", "exec")
    with pytest.raises(ValueError, match="no") as raised:
        exec(code, {})
    assert any(search.found(text) for text in told_by(raised.value))


CASES = [("api", kind) for kind in KINDS] + [("token", kind) for kind, auth in KINDS.items() if "IDP/" in json.dumps(auth)]


@pytest.mark.parametrize(("of", "kind"), few(CASES, every=16))
def test_nothing_comes_out(profiles, server, kind, of):
    """Whatever the token endpoint or the API does with what it got. The API's answers come back to the caller as they are, and nowhere else."""
    planted = secrets_of(profiles[kind])
    search = Search(planted)
    if of == "token":  # nothing but what was sent to it can be known, and the tokens that it then gives
        planted = {name: secret for name, secret in planted.items() if name not in TOKENS}
    behaviour = server.behaviour
    behaviour.planted, behaviour.token, behaviour.api = planted, GOOD_ANSWER, FINE
    for name in BEHAVIOURS if (of, kind) in ALL_OF_IT or IS_HEAVY else [TELLS_MOST]:
        setattr(behaviour, of, BEHAVIOURS[name])
        sinks, _ = looked_at(profiles[kind], server, doors=name in (TELLS_MOST, "reset"))
        search.refuse({f"{name}: {sink}": text for sink, text in sinks.items()})


def test_hpack_logs_no_fields(caplog):
    """HTTP/2's own encoder writes each field and its bytes at DEBUG; with authweave's clients at hand it writes how many there are."""
    import hpack

    import authweave.clients.url_logs  # noqa: F401  as soon as a client is made

    with caplog.at_level(logging.DEBUG):
        raw = [hpack.Encoder().encode([("authorization", "Bearer t0ken-planted"), ("x-key", "k3y-planted")], huffman=huffman) for huffman in (True, False)]
        for data in raw:
            hpack.Decoder().decode(data)

    assert [record for record in caplog.records if record.name.startswith("hpack")]
    assert "planted" not in caplog.text
    assert not [data for data in raw if repr(data)[2:-1] in caplog.text]
