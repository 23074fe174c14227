"""Answers of token endpoints over a real socket: a token, or a typed error that says what is wrong and holds no secret."""

from __future__ import annotations

import gzip
import json
import logging
import time

import pytest

from authweave.answers.responses import NotJson, parse_json, response_scope
from authweave.errors import (
    AuthweaveError,
    ProtocolFailure,
    RateLimited,
    TokenAnswerError,
    TokenEndpointError,
    TokenError,
    WireError,
)
from authweave.token_calls.lifetimes import LONGEST_LIFETIME
from authweave.token_calls.reading import names_of
from authweave.values import NEVER, TaskResponse
from parts.vectors import load
from services import CLIENT_SECRET, connect, engine
from sockets import Server, drip_body, http, says
from thorough import every

VECTORS = {vector["id"]: vector for vector in load("policy_token_responses.json")["vectors"]}
REFRESH, ID_TOKEN = "R-planted-4711", "eyJ-planted.id.token"
JSON = ("Content-Type", "application/json")


def answer(body, status=200, *headers):
    """A whole answer, JSON unless bytes are given."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return http(status, *(headers or (JSON,)), body=data)


def good(**members):
    return {"access_token": "AT", "token_type": "Bearer", "expires_in": 60, **members}


def got(raw, *, auth=None, attempts=1, settings=None):
    """The token, or the error, that these bytes of a token endpoint end in; and how often it was asked."""
    with Server(says(raw) if isinstance(raw, bytes) else raw) as server:
        run = engine(attempts=attempts, settings=settings or {})
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{server.url}token", **(auth or {})}
        try:
            outcome = connect(auth, "https://api.example.com", run=run).token().result(20)
        except AuthweaveError as error:
            outcome = error
    if isinstance(outcome, AuthweaveError):
        assert CLIENT_SECRET not in f"{outcome!s} {outcome!r} {outcome.__dict__}"
        assert (None, None) == (outcome.__cause__, outcome.__context__)
    return outcome, server.connections


def error_of(kind, raw, **how):
    outcome, _ = got(raw, **how)
    assert kind is type(outcome), outcome
    return outcome


# ---- the vectors


def test_token_without_a_content_type():
    """The body decides: JSON is read, whatever the answer calls it."""
    for headers in ((JSON,), (("X", "y"),), (("Content-Type", "text/plain"),), (("Content-Type", "text/html; charset=x"),)):
        token, _ = got(http(200, *headers, body=VECTORS["no-content-type"]["body"].encode()))
        assert "AT" == token.access_token.reveal()


@pytest.mark.parametrize("id", ["expires-missing", "expires-null", "expires-empty-string"])
def test_unstated_lifetime(id):
    """Used until rejected, and renewed beside the callers after ten minutes: never for ever."""
    token, _ = got(answer(VECTORS[id]["json"]))

    assert NEVER == token.expires_at
    assert 600 == pytest.approx(token.renew_at - token.issued_at)


@every("literal", ["9" * 5000, "9" * 500, "1e400", "-1e400", "NaN", "Infinity", "-Infinity"])
def test_numbers_that_are_none(literal):
    """5,000 digits, NaN and infinity are refused; NaN would make a token immortal."""
    error = error_of(TokenAnswerError, answer(f'{{"access_token":"AT","token_type":"Bearer","expires_in":{literal}}}'.encode()))

    assert "json_malformed" == error.kind


@every("value", ["soon", "9" * 5000, "9" * 20, "NaN", "inf", "1e3", "0x10", "１２", "1_000", " ", True, False, [3600], {"s": 1}, 10**19, "--1", "1.5.2"])
def test_lifetimes_that_are_none(value):
    """A lifetime that is not a number of seconds is a typed error, not a guess."""
    error = error_of(TokenAnswerError, answer(good(expires_in=value)))

    assert "lifetime_odd" == error.kind
    assert "expires_in" in str(error)


@every("value, seconds", [
    (3600, 3600), ("3600", 3600), (" 3600 ", 3600), (3600.5, 3600.5), ("3600.0", 3600), (1e3, 1000), ("007", 7), (0, 0), ("0", 0), (-5, 0),
    ("-5", 0), (36_000_000_000_000, LONGEST_LIFETIME), (999_999_999_999_999, LONGEST_LIFETIME),
    (2**63 - 1, LONGEST_LIFETIME), (str(2**63 - 1), LONGEST_LIFETIME), (9_223_372_036_854_775, LONGEST_LIFETIME),
])  # fmt: skip
def test_lifetimes(value, seconds):
    """Numbers and digits in text; what is negative has expired; 300 years is the end of it."""
    token, _ = got(answer(good(expires_in=value)))

    assert seconds == pytest.approx(token.expires_at - token.issued_at, abs=1e-3)
    assert token.renew_at <= token.expires_at


@every("value, scope", [(["chat:read", "chat:edit"], "chat:read chat:edit"), ([], None), ("a b", "a b"), (None, None)])
def test_scopes_in_a_list(value, scope):
    """Twitch answers with a list: it reads as RFC 6749 has it, with blanks between."""
    token, _ = got(answer(good(scope=value)))

    assert scope == token.scope


@every("value", [["a", 1], [["a"]], {"a": 1}, True])
def test_scopes_that_are_none(value):
    """A list of anything but texts is a typed error."""
    assert "scope is not a text" in str(error_of(TokenAnswerError, answer(good(scope=value))))


@every("value, moment", [
    (1_900_000_000, 1.9e9), ("1900000000", 1.9e9), ("2030-03-17T17:46:40Z", 1.9e9), ("2030-03-17T18:46:40+01:00", 1.9e9),
    ("Sun, 17 Mar 2030 17:46:40 GMT", 1.9e9), (None, NEVER), ("", NEVER), (0, 0.0),
])  # fmt: skip
def test_points_in_time(value, moment):
    """`expires_at`: Unix seconds, RFC 3339 or an HTTP date."""
    token, _ = got(answer(good(at=value)), auth={"token_response": {"expires_at": "{{ response.json.at }}"}})

    assert moment == token.expires_at


@every("value", [1_900_000_000_000, "1900000000000", "tomorrow", True, [], "2030-13-17T17:46:40Z", "2030-03-17 17:46:40"])
def test_points_in_time_that_are_none(value):
    """Milliseconds and loose dates are refused: a token would seem to live for ever, or not at all."""
    error = error_of(TokenAnswerError, answer(good(at=value)), auth={"token_response": {"expires_at": "{{ response.json.at }}"}})

    assert "lifetime_odd" == error.kind


def test_refresh_window():
    """The window opens `refresh_before` the end, at most a quarter of the lifetime before it."""
    for expires_in, before in ((3600, 60), (100, 25), (4, 1), (0, 0)):
        token, _ = got(answer(good(expires_in=expires_in)))
        assert before == pytest.approx(token.expires_at - token.renew_at)


def test_narrowed_scope():
    """The scope that was granted is what the token has (RFC 6749 §5.1)."""
    token, _ = got(answer(VECTORS["scope-narrowed"]["json"]), auth={"scopes": ["read", "write"]})

    assert "read" == token.scope


def test_wider_scope_is_another_token():
    """A token got for one scope is never used for another: what was asked is part of the key."""
    run = engine()
    with Server(says(answer(VECTORS["scope-narrowed"]["json"]))) as server:
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{server.url}token"}
        for scopes in (["read"], ["read", "write"], ["read"]):
            connect({**auth, "scopes": scopes}, "https://api.example.com", run=run).token().result(10)

    assert 2 == server.connections


def test_id_token_is_kept_and_never_shown(caplog):
    """An id_token is a secret like the others: in no log, no repr, no error."""
    caplog.set_level(logging.DEBUG)
    token, _ = got(answer(good(id_token=ID_TOKEN, refresh_token=REFRESH)))

    assert ID_TOKEN == token.id_token.reveal()
    for secret in (ID_TOKEN, REFRESH, CLIENT_SECRET):
        assert secret not in f"{token!r} {token} {caplog.text} {token.as_scope()}"


def test_duplicate_keys():
    """Two values for one name are refused: whoever takes the first and whoever takes the last would disagree."""
    error = error_of(TokenAnswerError, answer(VECTORS["duplicate-keys"]["body"].encode()))

    assert "json_malformed" == error.kind
    assert "twice" in str(error)


def test_long_token():
    """64 KiB of token arrive whole."""
    token, _ = got(answer(good(access_token="A" * 65536)))

    assert "A" * 65536 == token.access_token.reveal()


@every("members", [
    {"access_token": ""}, {"access_token": None}, {"access_token": ["AT"]}, {"access_token": {"value": "AT"}}, {"access_token": True},
    {"access_token": 1.5},
])  # fmt: skip
def test_access_token_that_is_none(members):
    """No token, or no text: a typed error that names the fields that were there."""
    error = error_of(TokenAnswerError, answer(good(**members)))

    assert "token_field_missing" == error.kind


def test_missing_access_token_names_the_fields_seen():
    """The error names fields, two levels deep, and never a value."""
    error = error_of(TokenAnswerError, answer({"data": {"accessToken": "T0K3N"}, "ok": True}))

    assert ("data", "data.accessToken", "ok") == error.fields
    assert "T0K3N" not in str(error)


@every("body", [b"[]", b'"AT"', b"1", b"null", b"true", b'[{"access_token":"AT"}]'])
def test_json_that_is_no_object(body):
    """JSON of another kind holds no token."""
    assert "token_field_missing" == error_of(TokenAnswerError, answer(body)).kind


@every("token_type", ["Bearer", "bearer", "BEARER", None, ""])
def test_bearer_types(token_type):
    """Any case; one that is left out is Bearer, for many servers leave it out."""
    token, _ = got(answer(good(token_type=token_type)))

    assert "bearer" == token.token_type.lower()


@every("token_type", ["example", "mac", "DPoP", "N_A", "bearer ", "Bearer, mac", "bot", 7])
def test_other_types_are_not_sent_as_bearer(token_type):
    """RFC 6749 §7.1: a client must not use a token whose type it does not understand."""
    error = error_of(TokenAnswerError, answer(good(token_type=token_type)))

    assert "token_not_bearer" == error.kind
    assert "token_response.token_type" in str(error)


def test_types_that_are_no_text():
    """A list or a map is no type."""
    for token_type in (["Bearer"], {"a": 1}, True, 1.5):
        assert "token_field_missing" == error_of(TokenAnswerError, answer(good(token_type=token_type))).kind


@pytest.mark.parametrize("auth", [
    {"token_response": {"token_type": "Bearer"}},
    {"fields": [{"in": "header", "key": "Authorization", "value": "Bot {{ token.access_token }}"}]},
])  # fmt: skip
def test_a_profile_that_knows_the_type(auth):
    """Who writes token_type or auth.fields knows what the token is."""
    token, _ = got(answer(good(token_type="bot")), auth=auth)

    assert "AT" == token.access_token.reveal()


@every("case", load("rfc6750_bearer.json")["b64token_cases"], ids=lambda case: repr(case["token"]))
def test_tokens_for_a_bearer_header(case):
    """RFC 6750 §2.1: what a Bearer header cannot carry is a typed error before anything is sent to the API."""
    outcome, _ = got(answer(good(access_token=case["token"])))

    if case["valid"]:
        assert case["token"] == outcome.access_token.reveal()
    else:
        assert isinstance(outcome, TokenAnswerError)
        assert outcome.kind in ("token_not_sendable", "token_field_missing")
        assert not case["token"] or case["token"] not in str(outcome)


@every("token", ["00Dxx0000001gPL!AR8AQP0jITN80ES", "1|laravel-sanctum", "fc:4711:abc", "a.b-c_d~e+f/g==", "sk_live$x*y"])
def test_tokens_that_real_servers_hand_out(token):
    """Characters beyond the grammar that real servers hand out and read back."""
    assert token == got(answer(good(access_token=token)))[0].access_token.reveal()


@every("token", ["a\u0000b", "a\u007f", "a\tb", "a\nb", "\ud800", "\u200bAT", "AT\u00a0", "AT,BT", "AT "])
def test_tokens_with_what_no_header_carries(token):
    """Control characters, halves of characters, separators: refused."""
    assert "token_not_sendable" == error_of(TokenAnswerError, answer(good(access_token=token))).kind


def test_odd_tokens_may_go_elsewhere():
    """With auth.fields of its own the profile may send any text, where the place can carry it."""
    auth = {"fields": [{"in": "query", "key": "t", "value": "{{ token.access_token }}"}]}

    assert "a b,c" == got(answer(good(access_token="a b,c")), auth=auth)[0].access_token.reveal()


# ---- refusals


@every("status, members, error", [
    (400, {"error": "invalid_client"}, "invalid_client"),
    (401, {"error": "invalid_client", "error_description": "no such client"}, "invalid_client"),
    (400, {"error": "invalid_scope", "error_description": "x", "error_uri": "https://idp.example/e"}, "invalid_scope"),
    (200, {"error": "invalid_grant"}, "invalid_grant"),
    (400, {"error": {"code": "invalid_request", "message": "nested"}}, "invalid_request"),
    (400, {"error": {"type": "OAuthException", "message": "nested"}}, "OAuthException"),
    (400, {"error": {"deep": {"deeper": 1}}}, None),
    (400, {"error": ["invalid_client"]}, None),
    (400, {"error": True}, None),
    (400, {"error": 4711}, "4711"),
    (400, {"code": "UNAUTHORIZED"}, "UNAUTHORIZED"),
    (403, {"message": "Forbidden"}, None),
    (418, {}, None),
    (404, [], None),
])  # fmt: skip
def test_refusals_in_the_servers_own_words(status, members, error):
    """RFC 6749 §5.2, and the forms that real servers make of it; not asked twice."""
    outcome, asked = got(answer(members, status), attempts=3)

    assert TokenEndpointError is type(outcome)
    assert (status, error, 1) == (outcome.status, outcome.error, asked)


@every("echo", [CLIENT_SECRET, f"secret={CLIENT_SECRET}!", CLIENT_SECRET.replace("-", "%2D")])
@every("place", ["error", "error_description", "error_uri"])
def test_a_server_that_repeats_the_secret(echo, place):
    """What a server repeats of a secret does not get into the error."""
    before = "https://idp.example/" if place == "error_uri" else ""
    error = error_of(TokenEndpointError, answer({"error": "invalid_client", place: f"{before}bad client {echo}"}, 401))

    assert CLIENT_SECRET not in f"{error} {error.__dict__}"
    assert "bad client" in f"{error.error} {error.error_description} {error.error_uri}"


def test_half_a_secret_is_not_shown_either():
    """Words are cut after secrets were taken out, so that none is cut in two; of a flood of words nothing is shown but its length."""
    for before in (186, 191, 196):
        error = error_of(TokenEndpointError, answer({"error": "invalid_client", "error_description": "x" * before + CLIENT_SECRET}, 400))
        assert CLIENT_SECRET[:4] not in str(error)
        assert len(error.error_description) <= 200
    error = error_of(TokenEndpointError, answer({"error": "invalid_client", "error_description": f"{CLIENT_SECRET[:9]} " * 2_000}, 400))

    assert f"a text of {2_000 * 10} characters" == error.error_description


def test_the_query_of_the_token_url_is_not_told():
    """It may hold a key that nobody declared: messages name the URL without it."""
    with Server(says(answer({"error": "invalid_client"}, 400))) as server:
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{server.url}token?key=planted-in-the-url"}
        with pytest.raises(TokenEndpointError) as caught:
            connect(auth, "https://api.example.com", run=engine(attempts=1)).token().result(20)

    assert f"{server.url}token" == caught.value.url
    assert "planted" not in f"{caught.value} {caught.value!r} {caught.value.__dict__}"


def test_words_of_a_server_are_short_and_inert():
    """Control characters and floods of text do not reach a terminal or a log."""
    error = error_of(TokenEndpointError, answer({"error": "x\x1b[31m\r\n", "error_description": "y" * 100_000}, 400))

    assert len(str(error)) < 500
    assert error.error.isprintable()


@every("status", [300, 301, 302, 303, 304, 305, 307, 308, 399])
def test_redirects_are_not_followed(status):
    """A token call carries secrets: every 3xx is an error, and the other server hears nothing."""
    with Server(says(answer(good()))) as other:
        location = ("Location", f"{other.url}token")
        error = error_of(TokenAnswerError, http(status, location, body=b"") if status != 304 else b"HTTP/1.1 304 Not Modified\r\nLocation: /\r\n\r\n")

    assert "redirect_to_login" == error.kind
    assert 0 == other.connections


@every("status, body", [
    (200, b"<html><title>Login</title></html>"), (200, b"\n <!DOCTYPE html><title>a\x1b[31mb</title>"), (403, b"<html>no</html>"),
    (500, b"<html><h1>Oops " + b"x" * 100_000), (200, b"<HTML>"),
])  # fmt: skip
def test_web_pages(status, body):
    """A page is named as one, with its title, and not shown."""
    error = error_of(TokenAnswerError, http(status, ("Content-Type", "text/html"), body=body))

    assert "html_instead_of_json" == error.kind
    assert len(str(error)) < 400
    assert "\x1b" not in str(error)


@every("raw, kind", [
    (http(204), "empty_or_partial_body"),
    (http(200), "empty_or_partial_body"),
    (http(200, JSON, body=b"  \r\n"), "empty_or_partial_body"),
    (http(200, JSON, body=VECTORS["truncated-json"]["body"].encode()), "empty_or_partial_body"),
    (http(200, JSON, body=b'{"access_token":"AT",'), "empty_or_partial_body"),
    (http(200, JSON, body=b'{"access_token":"AT",}'), "json_malformed"),
    (http(200, JSON, body=b"{'access_token':'AT'}"), "json_malformed"),
    (http(200, JSON, body=b'{"access_token":"\xff\xfe"}'), "json_malformed"),
    (http(200, JSON, body=b'{"access_token":"A\x00T"}'), "json_malformed"),
    (http(200, JSON, body=b"[" * 100_000 + b"]" * 100_000), "json_malformed"),
    (http(200, JSON, body=b"hello"), "wrong_content_type"),
    (http(200, JSON, body=b"\x00\x00\x00\x00"), "wrong_content_type"),
    (http(200, ("Content-Type", "application/xml"), body=b"<t>AT</t>"), "wrong_content_type"),
])  # fmt: skip
def test_bodies_that_cannot_be_read(raw, kind):
    """Empty, cut off, malformed, or something else: each by its name."""
    assert kind == error_of(TokenAnswerError, raw).kind


@every("body", [
    b'\xef\xbb\xbf{"access_token":"AT","token_type":"Bearer"}',
    '{"access_token":"AT","token_type":"Bearer"}'.encode("utf-16"),
    b'\n\t {"access_token":"AT","token_type":"Bearer"}\n',
    b'{"access_token":"AT","token_type":"Bearer","x":{"deep":[1,2,{"y":null}]}}',
    b"access_token=AT&token_type=bearer&expires_in=60",
])  # fmt: skip
def test_bodies_that_can_be_read(body):
    """With a BOM, in UTF-16, with white space, with more in it, or as a form."""
    assert "AT" == got(answer(body))[0].access_token.reveal()


@every("charset", ["iso-8859-1", "utf-16", "no-such-charset", "", '"utf-8"'])
def test_charset_does_not_matter_to_json(charset):
    """RFC 8259 §8.1: JSON is UTF-8; a charset that says otherwise is passed over."""
    raw = answer('{"access_token":"AT","token_type":"Bearer","note":"é"}'.encode(), 200, ("Content-Type", f"application/json; charset={charset}"))

    assert "AT" == got(raw)[0].access_token.reveal()


def test_compressed_answers():
    """gzip is read; what only says that it is gzip is a typed error; a bomb is too large."""
    packed = gzip.compress(json.dumps(good()).encode())
    assert "AT" == got(http(200, JSON, ("Content-Encoding", "gzip"), body=packed))[0].access_token.reveal()

    for raw in (
        http(200, JSON, ("Content-Encoding", "gzip"), body=b"{}"),
        http(200, JSON, ("Content-Encoding", "gzip"), body=packed[:-9]),
        http(200, JSON, ("Content-Encoding", "br"), body=packed),
        http(200, JSON, ("Content-Encoding", "gzip"), body=gzip.compress(b" " * 5_000_000)),
    ):
        assert isinstance(got(raw)[0], WireError)


@every("raw", [
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n" + VECTORS["content-length-longer-than-body"]["body"].encode(),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2a\r\n" + b'{"access_token":"AT","token_',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"",
    b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200_000 + b"\r\n\r\n",
])  # fmt: skip
def test_broken_http(raw):
    """Wrong lengths, cut chunks, no HTTP at all: one typed error of the transport."""
    assert isinstance(got(raw)[0], ProtocolFailure)


def test_informational_answers_are_passed_over():
    """1xx answers come before the real one (RFC 9110 §15.2)."""
    raw = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + answer(good())

    assert "AT" == got(raw)[0].access_token.reveal()


def test_body_until_the_connection_ends():
    """An answer without a length ends with its connection (RFC 9112 §6.3)."""
    raw = b"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + json.dumps(good()).encode()

    assert "AT" == got(raw)[0].access_token.reveal()


def test_one_byte_a_second():
    """The total deadline fires, not only a read timeout."""
    start = time.monotonic()
    outcome, _ = got(drip_body(0.1), settings={"deadline": 1.0}, attempts=3)

    assert isinstance(outcome, WireError)
    assert 0.9 < time.monotonic() - start < 2.5


@every("id", sorted(set(VECTORS) - {"slow-loris"}))
def test_every_vector_ends_in_a_token_or_a_typed_error(id):
    """No vector ends in a foreign exception, and none that must be refused gives a token."""
    vector = VECTORS[id]
    body = _body(vector)
    headers = [(name, value) for name, value in vector["headers"].items() if name != "Content-Length"]
    raw = http(vector["status"], *headers, body=body)
    if "Content-Length" in vector["headers"]:
        raw = raw.replace(f"Content-Length: {len(body)}".encode(), f"Content-Length: {vector['headers']['Content-Length']}".encode())
    outcome, _ = got(raw)

    gives_token = {
        "no-content-type", "expires-empty-string", "scope-narrowed", "id_token-present", "expires-missing", "access_token-64KiB",
        "token_type-missing", "expires-zero", "expires-null",
    }  # fmt: skip
    if id in gives_token:
        assert outcome.access_token.reveal()
    else:
        assert isinstance(outcome, TokenError | WireError)


def _body(vector):
    if "json" in vector:
        return json.dumps(vector["json"]).encode()
    if "generator" in vector:
        return eval(vector["generator"]).encode()  # a Python expression of the vectors' own
    return vector["body"].encode()


def test_rate_limit_without_a_time():
    """429 alone: a wait of its own, bounded, and an error that says when."""
    error = error_of(RateLimited, answer(b"{}", 429))

    assert 0 < error.retry_at - time.time() <= 2


# ---- examples of RFC 6749


@pytest.mark.parametrize("vector", [v for v in load("rfc6749_oauth2.json")["vectors"] if v["type"] == "token_response"], ids=lambda v: v["id"])
def test_rfc6749_answers(vector):
    """The printed answers are read; their type `example` is sent only by a profile that knows it."""
    raw = http(vector["status"], *vector.get("headers", {"Content-Type": "application/json"}).items(), body=json.dumps(vector["json"]).encode())

    token, _ = got(raw, auth={"token_response": {"token_type": "Bearer"}})
    refused = error_of(TokenAnswerError, raw)

    assert "2YotnFZFEjr1zCsicMWpAA" == token.access_token.reveal()
    assert 3600 == pytest.approx(token.expires_at - token.issued_at)
    assert vector["json"].get("refresh_token") == (token.refresh_token.reveal() if token.refresh_token else None)
    assert "token_not_bearer" == refused.kind


# ---- readings of the profile's own


@every("body, reading, token", [
    (b'{"data":{"jwt":"AT"}}', {"access_token": "{{ response.json.data.jwt }}"}, "AT"),
    (b"AT", {"access_token": "{{ response.text }}"}, "AT"),
    (b"<r><token kind='x'>AT</token></r>", {"access_token": "{{ response.xml.r.token['#text'] }}"}, "AT"),
    (b"{}", {"access_token": "{{ response.headers['X-Token'] }}"}, "from-header"),
    (b"{}", {"access_token": "{{ response.cookies.sid }}"}, "from-cookie"),
])  # fmt: skip
def test_written_readings(body, reading, token):
    """A token may stand anywhere in an answer; then nothing else is asked of its form."""
    raw = answer(body, 200, ("X-Token", "from-header"), ("Set-Cookie", "sid=from-cookie; Path=/"))

    assert token == got(raw, auth={"token_response": reading})[0].access_token.reveal()


def test_accepted_when():
    """What counts as a success is the profile's to say: a 200 can be a refusal."""
    auth = {"token_response": {"accepted_when": [{"when": "{{ response.json.ok }}"}]}}

    assert "AT" == got(answer(good(ok=True)), auth=auth)[0].access_token.reveal()
    assert isinstance(got(answer(good(ok=False)), auth=auth)[0], TokenEndpointError)


def test_kept_values():
    """What is kept must look like its pattern; the error never quotes it."""
    keep = {"keep": {"host": {"value": "{{ response.json.host }}", "pattern": "[a-z]+"}, "key": "{{ response.json.key }}"}}
    token, _ = got(answer(good(host="abc", key="K")), auth={"token_response": keep})
    error, _ = got(answer(good(host="evil host", key="K")), auth={"token_response": keep})

    assert ("abc", "K") == (token.kept["host"], token.kept["key"].reveal())
    assert "host" in str(error)
    assert "evil" not in str(error)


@pytest.mark.parametrize("raw", [
    answer({"error": "invalid_client", "error_description": "bad: " + "k" * 1500}, 400),
    http(200, ("Content-Type", "text/html"), body=b"<html><title>bad: " + b"k" * 1500),
    answer({"k" * 1500: {"k" * 1500: 1}}),
])  # fmt: skip
def test_long_secret_is_not_shown_in_part(raw):
    """Words of the server are cut after the secrets are taken out: the beginning of one would not be found."""
    with Server(says(raw)) as server:
        run = engine(attempts=1, inputs={"client_id": "bot", "client_secret": "k" * 1500})
        auth = {"type": "oauth2", "grant_type": "client_credentials", "token_url": f"{server.url}token"}
        with pytest.raises(TokenError) as caught:
            connect(auth, "https://api.example.com", run=run).token().result(20)

    assert "kkkk" not in f"{caught.value!s} {caught.value.__dict__}"


@pytest.mark.parametrize(
    "body",
    [b"U2VjcmV0QWNjZXNzVG9rZW4x==", b"U2VjcmV0QWNjZXNzVG9rZW4x=", b'{"U2VjcmV0 QWNjZXNzVG9rZW4x": 1}'],
    ids=["padded", "one sign", "no name"],
)
def test_a_value_is_not_taken_for_a_field_name(body):
    """What does not look like the name of a field is not shown among the fields seen: it may be the token itself."""
    response = TaskResponse(200, (("Content-Type", "text/plain"),), body)

    assert names_of({"response": response_scope(response)}) == []


@every("number", ["1" + 308 * "0", "-1" + 308 * "0", "9" * 400, "1e309"])
def test_a_number_that_no_float_holds_is_no_json(number):
    """A lifetime or an interval of that size would else end in an exception of Python's own."""
    with pytest.raises(NotJson):
        parse_json(f'{{"expires_in": {number}}}')

    assert float(parse_json("-" + 308 * "9")) < 0


@pytest.mark.parametrize("named", ["\x1b[31mtext/x", "a" * 5000, CLIENT_SECRET])
def test_a_content_type_is_the_servers_words(named):
    """What came instead of JSON is told short, without what moves a cursor, and without a secret that the server repeats."""
    error = error_of(TokenAnswerError, http(200, ("Content-Type", named), body=b"no token"))

    assert "wrong_content_type" == error.kind
    assert len(str(error)) < 400
    assert str(error).isprintable()
