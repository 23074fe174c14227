"""Answers of token endpoints: status, headers and body → a Token, or a typed error. `python tests/fuzz/token_answers.py --seconds 60`.

An input is an answer as text: `200 default` (status, and the profile that reads it: see READERS), header lines, an empty line, the
body as bytes. Each answer is read as that of the token request, of a step before and after it, of a revocation and of a device
authorization. What a server repeats of our secrets, in whatever writing, is in no error; a token is one that can be kept and found again.
"""

from __future__ import annotations

import base64
import json
import math
import re
import sys
import zlib
from collections.abc import Callable, Hashable, Iterable
from contextlib import AbstractContextManager
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, quote_plus

from fuzz_target import Target, bug, planted

from authweave.answers.bearer import wrong_bearer
from authweave.errors import AuthweaveError, TemplateError, TokenError
from authweave.loading import loads
from authweave.profile import TokenSettings
from authweave.redaction import Redactor
from authweave.token_calls import answers as token_answers
from authweave.token_calls import reading as token_readings
from authweave.token_calls.lifetimes import LONGEST_LIFETIME
from authweave.token_calls.reading import LONGEST_WORDS, Reading
from authweave.token_calls.refusals import refusal_word
from authweave.tokens import records
from authweave.values import NEVER, Entry, Secret, TaskResponse, Token

NOW = 1_700_000_000.0
CLIENT_SECRET = 'pl4nted/Cl1ent+Secret"é&x='
OLD_REFRESH = "pl4nted-refresh-t0ken-4711"
OLD_ACCESS = "pl4nted-access-t0ken-0815"
_SECRETS = (CLIENT_SECRET, OLD_REFRESH, OLD_ACCESS)

_HEAD = "format: 1\nname: fuzz\nidentity_provider: Acme\nversion: 1.0.0\nservers: [https://api.acme.example]\nauth:\n"
READERS = {
    "default": "  {type: oauth2, grant_type: client_credentials, token_url: 'https://id.acme.example/token'}",
    "person": "  {type: oauth2, grant_type: authorization_code, authorization_url: 'https://id.acme.example/a', token_url: 'https://id.acme.example/token'}",
    "dpop": "  {type: oauth2, grant_type: client_credentials, token_url: 'https://id.acme.example/token', dpop: true}",
    "written": """  type: oauth2
  grant_type: client_credentials
  token_url: https://id.acme.example/token
  token_response:
    access_token: '{{ response.json.data.token }}'
    expires_at: '{{ response.json.data.at }}'
    token_type: '{{ response.json.kind | default("Bearer") }}'
    error: '{{ response.json.fault.code }}'
    error_description: '{{ response.text }}'
    accepted_when: [{status: [2xx], when: '{{ response.json.ok or response.json.data }}'}]
    keep: {site: {value: '{{ response.json.site }}', pattern: 'https://[a-z0-9.-]+'}, claims: '{{ jwt_claims(response.json.id) }}', raw: '{{ unbase64(response.headers["x-raw"]) }}', list: '{{ [unbase64(response.headers["x-list"])] if response.headers["x-list"] else 1 }}'}
  fields: [{in: header, key: X-Token, value: '{{ token.access_token }}{{ kept.site }}'}]""",
    "session": """  type: session
  token_url: https://id.acme.example/login
  token_response:
    access_token: '{{ response.cookies.SID }}'
    expires_in: '{{ response.json.minutes * 60 }}'
    keep: {route: '{{ response.cookies.ROUTE }}', all: {value: '{{ [response.json, response.form, response.cookies] }}', secret: false}, json: '{{ response.json }}',
      odd: {value: '{{ {1: parse_json(response.text | default("1")), "a": response.headers} }}', secret: false}}
  fields: [{in: cookie, key: SID, value: '{{ token.access_token }}'}]""",
    "xml": """  type: session
  token_url: https://id.acme.example/soap
  token_response:
    access_token: '{{ response.xml.response.session["@id"] | default(response.xml.response.session) }}'
    expires_at: '{{ response.xml.response.until }}'
    error: '{{ response.xml.response.fault.code }}'
    error_description: '{{ response.xml.response.fault }}'
    keep: {tree: {value: '{{ response.xml }}', secret: false}}
  fields: [{in: header, key: X-Token, value: '{{ token.access_token }}'}]""",
    "steps": """  type: oauth2
  grant_type: client_credentials
  token_url: https://id.acme.example/token
  before:
    - {name: find, request: {url: https://id.acme.example/find}, response: {keep: {host: {value: '{{ response.json.host }}', pattern: '[a-z.]{1,40}'}}}}
  after:
    - {name: plain, request: {url: https://id.acme.example/more}}
    - {name: look, request: {url: https://id.acme.example/look}, response: {expires_at: '{{ response.json.exp }}', access_token: '{{ response.json.access_token }}', keep: {who: '{{ response.json.sub }}'}}}""",
}  # fmt: skip


class Inputs(dict[str, Any]):
    """Resolved inputs, as the flow has them."""

    secrets = (("client_secret", Secret(CLIENT_SECRET, "test")),)


OLD = Token(Secret(OLD_ACCESS, "store"), refresh_token=Secret(OLD_REFRESH, "store"), expires_at=NOW - 5, kept={"site": "https://old.example"})


@cache
def _settings(name: str) -> TokenSettings:
    [variant] = loads(_HEAD + READERS[name]).variants
    assert variant.tokens is not None
    return variant.tokens


@cache
def _learned(known: tuple[tuple[str, Any], ...]) -> Redactor:
    return Redactor((name, Secret(value, "test")) for name, value in known)


def _remembered(known: Iterable[tuple[str, Secret]]) -> Redactor:
    """To learn the same few secrets again for each answer would be most of the work."""
    return _learned(tuple((name, secret.reveal()) for name, secret in known))


def check(data: bytes) -> Hashable:
    """Every reading of the answer ends as it may."""
    with patch.object(token_readings, "Redactor", _remembered):
        return _checked(data)


def _checked(data: bytes) -> Hashable:
    response, name = _answer(data)
    settings = _settings(name)
    old = OLD if zlib.crc32(data) % 2 else None
    scope: dict[str, Any] = {"inputs": Inputs(client_id="robot", client_secret=Inputs.secrets[0][1]), "kept": dict(OLD.kept) if old else {}, "now": NOW}
    if old:
        scope["token"] = old.as_scope()
    reading = Reading(settings, scope, old, NOW, "https://id.acme.example/token?client_secret=" + quote(CLIENT_SECRET))
    ended = partial(_outcome, _SECRETS if old else (CLIENT_SECRET,))
    token = ended(lambda: token_answers.read_token(response, reading))
    if isinstance(token, Token):
        _check_token(token, settings)
        for step in settings.after:
            later = ended(lambda step=step: token_answers.read_after(response, reading, step, token))
            if isinstance(later, Token):
                _check_kept(later)
    for step in settings.before:
        ended(lambda step=step: token_answers.read_before(response, reading, step))
    others = [ended(lambda read=read: read(response, reading)) for read in (token_answers.read_revocation, token_answers.read_members, refusal_word, token_answers.brought_refresh_token)]
    return name, _kind(token), tuple(map(_kind, others))


def _answer(data: bytes) -> tuple[TaskResponse, str]:
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    found = re.match(r"(\d{3}) (\w+)", first)
    name = found[2] if found and found[2] in READERS else "default"
    headers = tuple((key, value.strip()) for key, colon, value in (line.partition(":") for line in lines) if colon and key)
    return TaskResponse(int(found[1]) if found else 200, headers, body), name


def _outcome(secrets: tuple[str, ...], read: Callable[[], Any]) -> Any:
    try:
        return read()
    except AuthweaveError as error:
        if not isinstance(error, TokenError | TemplateError):
            bug(f"an answer ends in {type(error).__name__}")
        _check_error(error, secrets)
        return error


def _kind(outcome: Any) -> Hashable:
    if isinstance(outcome, AuthweaveError):
        return type(outcome).__name__, getattr(outcome, "kind", ""), re.sub(r"'.*'|\d+|`[^`]*`", "_", str(outcome).partition(": ")[2])[:20]
    if isinstance(outcome, Token):
        return outcome.expires_at == NEVER, outcome.refresh_token is None, outcome.scope is None, sorted(outcome.kept) != []
    return type(outcome).__name__


def _check_error(error: AuthweaveError, secrets: tuple[str, ...]) -> None:
    told = f"{error!s} {error.args} {[value for value in error.__dict__.values() if not callable(value)]}"
    for secret in secrets:
        for form in _forms(secret):
            if form in told:
                bug(f"an error tells a secret ({type(error).__name__}, {getattr(error, 'kind', '')})")
    if len(str(error)) > 5000:
        bug("an error is as long as the server wants it")
    if any(not char.isprintable() for char in str(error)):
        bug(f"an error holds a character that moves a cursor or hides ({type(error).__name__}, {getattr(error, 'kind', '')})")
    if error.__cause__ or error.__context__:
        bug(f"something foreign hangs on an error ({type(error).__name__})")
    if not isinstance(error.fresh(), type(error)) or str(error.fresh()) != str(error):
        bug("a copy of an error is another one")


@cache
def _forms(secret: str) -> frozenset[str]:
    raw = secret.encode()
    return frozenset((
        secret, quote(secret, ""), quote_plus(secret), json.dumps(secret)[1:-1], base64.b64encode(raw).decode().rstrip("="), raw.hex(), secret[::-1],
        base64.urlsafe_b64encode(raw).decode().rstrip("="), base64.b64encode(b"robot:" + raw).decode()[8 : (6 + len(raw)) * 8 // 6], secret.upper(),
    ))  # fmt: skip


def _check_token(token: Token, settings: TokenSettings) -> None:
    if settings.default_fields and not settings.dpop and wrong_bearer(token.access_token.reveal()):
        bug("a token that no Bearer header can carry")
    if not token.access_token.reveal():
        bug("an empty token")
    if not (math.isfinite(token.expires_at) or token.expires_at == NEVER) or math.isnan(token.renew_at):
        bug("a time that is none")
    if token.expires_at != NEVER and token.expires_at > NOW + LONGEST_LIFETIME:
        bug("a token that lives for ever")
    if token.renew_at > token.expires_at or token.issued_at != NOW:
        bug("a token is renewed after its end")
    if len(token.token_type) > LONGEST_WORDS or len(token.scope or "") > LONGEST_WORDS:
        bug("words of the server that are stored are too long")
    _check_kept(token)


def _check_kept(token: Token) -> None:
    """What is kept of it comes back the same, and it is written in what every place can hold."""
    kept = records.encoded(Entry({}, token))
    again = records.decoded(kept).token
    if again is None or records.encoded(Entry({}, again)) != kept:
        bug("a token that was kept comes back another")
    if again.access_token.reveal() != token.access_token.reveal() or again.expires_at != token.expires_at:
        bug("a token that was kept comes back another")
    for name, value in token.kept.items():
        back = again.kept[name]
        plain, other = (one.reveal() if isinstance(one, Secret) else one for one in (value, back))
        if type(plain) is not type(other) or repr(plain) != repr(other):
            bug("a kept value comes back another")
    for text in (token.access_token.reveal(), token.refresh_token and token.refresh_token.reveal(), token.id_token and token.id_token.reveal(), token.scope, token.token_type):
        try:
            (text or "").encode()
        except UnicodeEncodeError:
            bug("half a character in a token")


# Inputs


_JSON = b"\nContent-Type: application/json\n\n"
_GOOD = b'{"access_token":"AT","token_type":"Bearer","expires_in":3600,"refresh_token":"RT","scope":"read write","id_token":"a.b.c"}'
SEEDS = (
    b"200 default" + _JSON + _GOOD, b"200 person" + _JSON + _GOOD, b"200 dpop" + _JSON + _GOOD.replace(b"Bearer", b"DPoP"), b"200 dpop" + _JSON + _GOOD,
    b"200 steps" + _JSON + b'{"access_token":"AT","host":"a.b","exp":1700000600,"sub":"x"}',
    b"200 written\nContent-Type: application/json; charset=utf-16\nX-Raw: AAE=\n\n" + b'{"ok":true,"kind":"bot","data":{"token":"T","at":"2030-03-17T17:46:40Z"},"site":"https://a.example","id":"e30.eyJzdWIiOiJhIn0."}',
    b"400 written" + _JSON + b'{"fault":{"code":7,"message":"no"}}',
    b"200 session\nSet-Cookie: SID=abc; Path=/\nSet-Cookie: ROUTE=.node1; HttpOnly\nContent-Type: application/json\n\n" + b'{"minutes":30,"x":[1,{"a":null}]}',
    b"200 session\nSet-Cookie: SID=abc\nContent-Type: application/x-www-form-urlencoded\n\na=b&c=%C3%A9&a=d",
    b"200 xml\nContent-Type: text/xml\n\n<?xml version='1.0'?><response xmlns='u'><session id='7'>S</session><until>2030-03-17T17:46:40Z</until></response>",
    b"500 xml\nContent-Type: text/xml\n\n<response><fault><code>INV</code><s>x</s></fault></response>",
    b"200 default\nContent-Type: application/x-www-form-urlencoded\n\naccess_token=gho_x&scope=repo%2Cgist&token_type=bearer", b"200 default\n\naccess_token=AT&expires_in=7",
    b"400 default" + _JSON + b'{"error":"invalid_client","error_description":"bad ' + quote(CLIENT_SECRET).encode() + b'","error_uri":"https://x"}',
    b"401 default" + _JSON + json.dumps({"error": {"code": "E", "message": f"you sent {CLIENT_SECRET}"}}).encode(), b"400 default" + _JSON + b'{"code":"40013"}',
    b"429 default\nRetry-After: 120\n\n{}", b"503 person\nRetry-After: Sun, 17 Mar 2030 17:46:40 GMT\n\n", b"429 default\n\n", b"302 default\nLocation: https://evil.example/\n\n",
    b"200 default\nContent-Type: text/html\n\n<html><title>Log in " + CLIENT_SECRET.encode() + b"</title></html>", b"200 default\n\n<!DOCTYPE html><title>x", b"204 default\n\n",
    b"200 default" + _JSON + b'{"access_token":"AT"', b"200 default" + _JSON + b'{"access_token":"A","access_token":"B"}', b"200 default" + _JSON + b"[[[[1]]]]",
    b"200 default\nContent-Type: application/json; charset=x\n\n" + _GOOD.decode().encode("utf-16"), b"200 default" + _JSON + b"\xef\xbb\xbf" + _GOOD,
    b"200 person" + _JSON + b'{"access_token":"\\ud800","expires_in":"1e3"}', b"200 default" + _JSON + b'{"error":"authorization_pending"}',
)  # fmt: skip
_NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1e15, 1e308, 2**63, 10**300, "", " ", "0", "3600", "-5", "1e3", "9" * 16, "NaN", "2030-03-17T17:46:40Z", "2030-03-17T17:46:40.5+23:59", "9999-12-31T23:59:60Z",
    "0001-01-01T00:00:00+23:59", "Sun, 17 Mar 2030 17:46:40 GMT", "Sunday, 17-Mar-30 17:46:40 GMT", "Bearer", "DPoP", "\x00", "a\r\nb: c", "\x1b[2J", "\u202e", "\ud800", "\U0001f40e", "é" * 300, "x" * 9000, [], {}, ["AT"], {"a": 1},
    CLIENT_SECRET, OLD_REFRESH, OLD_ACCESS, OLD_REFRESH[::-1], quote(CLIENT_SECRET, ""), quote(quote(CLIENT_SECRET, ""), ""), base64.b64encode(CLIENT_SECRET.encode()).decode(),
    "Basic " + base64.b64encode(b"robot:" + CLIENT_SECRET.encode()).decode(), CLIENT_SECRET[:-3], "{{ inputs.client_secret }}", "invalid_token", "e30.eyJzdWIiOiJhIn0.x", "1700000600", 1.5, -0.0,
)  # fmt: skip
_NAMES = ("access_token", "expires_in", "expires_at", "token_type", "refresh_token", "scope", "id_token", "error", "error_description", "error_uri", "code", "message", "data", "token", "at", "ok", "fault", "site", "id", "kind", "minutes", "host", "exp", "sub", "type", OLD_REFRESH, "\x1b[31m", "\x00bytes")
_HEADERS = (
    "Content-Type: application/json", "Content-Type: application/x-www-form-urlencoded", "Content-Type: text/html", "Content-Type: text/xml; charset=utf-16", "Content-Type: ;;;", "Content-Type: a/b; charset=\"\"", "Content-Type: a; charset*=utf-8''x",
    "Content-Type: text/plain; charset=idna", "Content-Type: text/plain; charset=punycode", "Content-Type: x; charset=unicode_escape", "Content-Type: x; charset=base64", "Content-Type: x; charset=rot13", "Content-Type: x; charset=undefined",
    "Content-Type: \x1b[31m/x", "Content-Type: " + OLD_REFRESH, "Retry-After: 5", "Retry-After: -1", "Retry-After: 99999999999999999999", "Retry-After: Sun, 17 Mar 9999 17:46:40 GMT", "Retry-After: \xb2", "Set-Cookie: SID=abc; Max-Age=5",
    "Set-Cookie: SID=\"\\342\\202\\254\"", "Set-Cookie: =x; SID", "Set-Cookie: a=b;;; ROUTE=x", "X-Raw: AAE=", "X-Raw: !!", "X-List: AAE=", "Location: /login", "Content-Encoding: gzip",
)  # fmt: skip
_STATUSES = (100, 200, 201, 204, 206, 299, 300, 302, 307, 400, 401, 403, 404, 429, 500, 503, 599, 999, 0)


def mutate(data: bytes, chance: Random) -> bytes | None:
    """Another status, reader, header, or a change in the tree of the body."""
    head, _, body = data.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    status, _, name = first.partition(" ")
    deed = chance.randrange(8)
    if deed == 0:
        status = str(chance.choice(_STATUSES))
    elif deed == 1:
        name = chance.choice(sorted(READERS))
    elif deed == 2:
        lines.insert(chance.randrange(len(lines) + 1), chance.choice(_HEADERS))
    elif deed == 3 and lines:
        del lines[chance.randrange(len(lines))]
    else:
        body = _other_body(body, chance)
    return "\n".join([f"{status} {name}", *lines]).encode("latin-1", "replace") + b"\n\n" + body


def _other_body(body: bytes, chance: Random) -> bytes:
    try:
        tree = json.loads(body)
    except (ValueError, RecursionError):
        return _other_text(body, chance)
    if chance.random() < 0.12:
        return _other_text(body, chance)
    for _ in range(chance.randint(1, 3)):
        tree = _other_tree(tree, chance)
    try:
        return json.dumps(tree, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return body


def _other_tree(tree: Any, chance: Random) -> Any:
    if isinstance(tree, dict) and tree and chance.random() < 0.8:
        name = chance.choice(list(tree))
        deed = chance.randrange(6)
        if deed == 0:
            return {other: value for other, value in tree.items() if other != name}
        if deed == 1:
            return {**tree, chance.choice(_NAMES): tree[name]}
        if deed == 2:
            return {**tree, chance.choice(_NAMES): chance.choice(_NASTY)}
        return {**tree, name: _other_tree(tree[name], chance)}
    if isinstance(tree, list) and tree and chance.random() < 0.7:
        at = chance.randrange(len(tree))
        return [*tree[:at], _other_tree(tree[at], chance), *tree[at + 1 :]]
    return chance.choice((chance.choice(_NASTY), {chance.choice(_NAMES): tree}, [tree], {chance.choice(_NAMES): chance.choice(_NASTY)}))


def _other_text(body: bytes, chance: Random) -> bytes:
    deed = chance.randrange(8)
    at = chance.randrange(len(body) + 1)
    if deed == 0:
        return body[:at]
    if deed == 1:
        return b"\xef\xbb\xbf" + body
    if deed == 2:
        return body.decode("utf-8", "replace").encode(chance.choice(("utf-16", "utf-32", "latin-1", "utf-16-be", "cp500")), "replace")
    if deed == 3:
        return body[:at] + str(chance.choice(_NASTY)).encode("utf-8", "surrogatepass") + body[at:]
    if deed == 4:
        return b"&".join(f"{quote(chance.choice(_NAMES))}={quote(str(chance.choice(_NASTY)), errors='replace')}".encode() for _ in range(chance.randint(1, 5)))
    if deed == 5:
        return (f"<response><{(name := chance.choice(('session', 'until', 'fault', 'x')))} id='1'>" + "".join(f"<code>{chance.choice(_NASTY)!s}</code>" for _ in range(chance.randint(0, 3))) + f"</{name}></response>").encode("utf-8", "replace")
    if deed == 6:
        return chance.choice((b"[" * 2000, b'{"a":' * 500 + b"1" + b"}" * 500, b"<a>" * 100 + b"</a>" * 100, b"1" * 5000, b'{"access_token":"AT","expires_in":' + b"9" * 400 + b"}", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<html><title>" + b"a" * 500))
    return _GOOD if chance.random() < 0.5 else body + body


def seeds() -> Iterable[bytes]:
    """By hand, and the policy's vectors."""
    yield from SEEDS
    vectors = Path(__file__).resolve().parents[1] / "vectors" / "policy_token_responses.json"
    for vector in json.loads(vectors.read_text("utf-8"))["vectors"]:
        if "body" in vector or "json" in vector:
            body = vector.get("body") or json.dumps(vector.get("json"))
            head = "\n".join([f"{vector['status']} default", *(f"{name}: {value}" for name, value in vector.get("headers", {}).items())])
            yield f"{head}\n\n{body}".encode()


def plant() -> AbstractContextManager[None]:
    """What a server repeats is only looked through for inputs."""
    return planted(token_readings, "known_secrets", lambda scope: iter(getattr(scope.get("inputs"), "secrets", ())))


TARGET = Target(
    name="token_answers",
    modules=("authweave.token_calls.answers", "authweave.token_calls.reading", "authweave.token_calls.refusals", "authweave.token_calls.lifetimes", "authweave.answers.responses", "authweave.answers.retry_after", "authweave.tokens.records", "authweave.answers.bearer"),
    check=check,
    seeds=seeds,
    mutate=mutate,
    words=tuple(str(word).encode("utf-8", "surrogatepass")[:60] for word in (*_NAMES, *_HEADERS, *READERS, "NaN", "Infinity", "\\ud800", "\\u0000", "1e999", "null", "true", "<![CDATA[", "&amp;", "charset=")),
    plant=plant,
    planted="the refresh token that was presented is not among the secrets that are taken out of the server's words",
    longest=20_000,
    found=(
        "control characters, secrets and any length of a content type that the server names stood in the error (wrong_content_type, json_malformed)",
        "a kept value with bytes inside a list, a number without an end, or a map of the answer as such could not be stored: a TypeError or ValueError after the token was given",
        "a kept map with a key of odd name came back from the store as bytes; keys that are no text came back as text",
    ),
)

if __name__ == "__main__":
    from fuzzing import command

    sys.exit(command(TARGET))
