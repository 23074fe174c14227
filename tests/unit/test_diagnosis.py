"""Every diagnosis provoked by a real server or socket: the right code, the right key, the right verdict, no secret."""

import socket
import time
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

import services
import sockets
from authweave.diagnosis import ENTRIES, Case
from authweave.diagnosis.entry import worded
from authweave.diagnosis.signals import local_code, spelt, token_code
from authweave.diagnosis.token_answers import as_template
from authweave.errors import AuthweaveError, TlsFailure, TokenAnswerError, WireError
from authweave.extensions.catalog import Catalog, default_catalog
from authweave.hookspecs import hookimpl
from authweave.probe import test_profile as probe_profile
from authweave.schema import profile_schema
from authweave.settings import MEMBERS
from authweave.values import Intent
from authweave.wire import TLS_DETAILS, Call, ClientCertificate
from certificates import DAY, Authority, self_signed, server_context
from probing import (
    GIVES_TOKEN,
    GOOD,
    INPUTS,
    REFRESH,
    SECRET,
    TOKEN,
    between,
    engine_of,
    first,
    oauth,
    refuse_leaks,
    report_of,
    run,
    says_json,
    stage,
    wire,
    written,
)
from sockets import Server, answers, http, says
from thorough import every, few
from wiring import getaddrinfo_of

AUTHORITY = Authority()
HTML = b"<!doctype html><title>Sign in to\n Acme</title><form>"


def html(status):
    return answers(status, ("Content-Type", "text/html"), body=HTML)


def error(word, status=400, description="no"):
    return says_json({"error": word, "error_description": description}, status)


REFUSED = [
    ("invalid_client", error("invalid_client", 401), "auth.basic_encoding"),
    ("invalid_client", error("InvalidClient", 401), "auth.basic_encoding"),
    ("invalid_client", error("invalid_client", 200), "auth.basic_encoding"),
    ("invalid_client", says_json({"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret"}, 401), "auth.client_secret"),
    ("invalid_client", says_json({"error": {"code": "invalid_client", "message": "no"}}, 400), "auth.basic_encoding"),
    ("invalid_grant", error("invalid_grant"), "auth.client_id"),
    ("invalid_scope", error("invalid_scope"), "auth.scopes"),
    ("unauthorized_client", error("unauthorized_client"), "auth.grant_type"),
    ("unsupported_grant_type", error("unsupported_grant_type"), "auth.token_url"),
    ("invalid_request", error("invalid_request", description="client_id missing"), "auth.client_auth"),
    ("invalid_target", error("invalid_target"), "auth.token_request.fields"),
    ("needs_person", error("consent_required"), "auth.grant_type"),
    ("token_error", error("BAD_TENANT"), "auth.token_request.fields"),
    ("error_in_200", error("wrong_number", 200), "auth.token_response.accepted_when"),
    ("token_401", answers(401, ("WWW-Authenticate", 'Basic realm="gateway"'), body=b""), "auth.token_request.fields"),
    ("token_status", answers(400, body=b""), "auth.token_request.fields"),
    ("client_certificate_missing", lambda peer: NO_CERTIFICATE(peer), "tls.certificate"),
]
OPEN = [
    ("token_403", answers(403, body=b"blocked"), "settings: proxy"),
    ("token_404", answers(404, ("Content-Type", "text/plain"), body=b"no"), "auth.token_url"),
    ("token_404", answers(410, body=b""), "auth.token_url"),
    ("token_405", answers(405, ("Allow", "GET"), body=b""), "auth.token_url"),
    ("html_instead_of_json", html(200), "auth.token_url"),
    ("html_instead_of_json", html(404), "auth.token_url"),
    ("html_instead_of_json", answers(200, ("Content-Type", "application/json"), body=HTML), "auth.token_url"),
    ("redirect_to_login", sockets.redirects("https://login.example.com/sign-in?x=1"), "auth.token_url"),
    ("wrong_content_type", answers(200, ("Content-Type", "text/plain"), body=b"hello there"), "auth.token_request.fields"),
    ("empty_or_partial_body", answers(200, body=b""), "auth.token_url"),
    ("empty_or_partial_body", sockets.truncated(), "auth.token_url"),
    ("empty_or_partial_body", says_json(b'{"access_token": "t0k'), "auth.token_url"),
    ("token_field_missing", says_json({"data": {"accessToken": TOKEN}}), "auth.token_response.access_token"),
    ("token_field_missing", says_json({"nothing": "like it"}), "auth.token_response.access_token"),
    ("token_field_missing", says_json([1, 2]), "auth.token_response.access_token"),
    ("json_malformed", says_json(b'{"access_token": "t0k", "expires_in": NaN}'), "auth.token_url"),
    ("token_not_bearer", says_json({**GOOD, "token_type": "mac"}), "auth.fields"),
    ("token_not_sendable", says_json({**GOOD, "access_token": "t0k en"}), "auth.token_response.access_token"),
    ("lifetime_odd", says_json({**GOOD, "expires_in": "soon"}), "auth.token_response.expires_in"),
    ("invalid_dpop_proof", error("invalid_dpop_proof"), "auth.dpop"),
    ("use_dpop_nonce", error("use_dpop_nonce"), "auth.token_url"),
    ("server_error", error("server_error", 500), ""),
    ("server_error", html(502), ""),
    ("server_error", error("temporarily_unavailable", 400), ""),
    ("rate_limited", says_json({}, 429, ("Retry-After", "120")), ""),
    ("connection_lost", sockets.close, "auth.token_url"),
    ("connection_lost", sockets.reset, "auth.token_url"),
    ("not_http", says(b"220 mail.example ESMTP\r\n\r\n"), "auth.token_url"),
    ("answer_too_large", answers(200, body=b"x" * 1_200_000), "auth.token_url"),
    ("answer_too_large", sockets.gzip_bomb(8), "auth.token_url"),
]


@pytest.mark.diagnoses(
    "invalid_client", "invalid_grant", "invalid_scope", "unauthorized_client", "unsupported_grant_type", "invalid_request", "invalid_target", "needs_person", "token_error", "error_in_200", "token_401", "token_status", "client_certificate_missing",
)  # fmt: skip
@pytest.mark.parametrize(("code", "behaviour", "key"), few(REFUSED, every=2))
def test_the_token_server_refuses(tmp_path, code, behaviour, key):
    """A refusal in the server's words is a verdict on the client, with the likeliest key first; the API is not called."""
    report = report_of(tmp_path, behaviour)

    assert (code, key) == (first(report).code, first(report).fixes[0].key)
    assert ("refused", "not_tested") == (report.token.word, report.credential.word)
    assert "failed" == stage(report, "token_call").status
    assert "whether the API accepts the credential" in report.not_tested


@pytest.mark.parametrize(
    ("behaviour", "key"),
    [(answers(401, body=b""), "auth.username"), (error("BAD_LOGIN", 200), "auth.username"), (says_json({"code": "A2", "msg": "no"}, 422), "auth.username")],
)
def test_a_login_is_refused(tmp_path, behaviour, key):
    """Whatever its words are, it is a verdict, and user name and password are what to look at first."""
    with between(behaviour) as (identity, api):
        auth = {"type": "session", "token_url": f"{identity.url}login"}
        report = run(written(tmp_path, auth, servers=[api.url]), inputs={"username": "ada", "password": SECRET})

    assert ("login_refused", "refused", key) == (first(report).code, report.token.word, first(report).fixes[0].key)


STEPS = [
    ("step_refused", answers(404, body=b"{}"), "refused"),
    ("step_unread", says_json({"there": "N 0"}), "inconclusive"),
    ("connection_lost", lambda peer: peer.request(), "inconclusive"),
]


@pytest.mark.parametrize(("code", "behaviour", "word"), STEPS)
@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_step_fails(tmp_path, phase, code, behaviour, word):
    """Its stage has its name, the fix its place in the profile, and the stages before it went well."""
    step = {"name": "discover", "request": {"url": ""}, "response": {"keep": {"x": {"value": "{{ response.json.there }}", "pattern": "[a-z]+"}}}}
    with between() as (identity, api), Server(behaviour) as other:
        step["request"]["url"] = other.url
        fields = [{"in": "query", "key": "x", "value": "{{ kept.x }}"}]
        made = written(tmp_path, oauth(f"{identity.url}token", **{phase: [step]}), servers=[api.url.rstrip("/")], fields=fields)
        report = run(made)

    assert (code, word) == (first(report).code, report.token.word)
    assert f"auth.{phase}[0]" == first(report).fixes[-1 if code == "connection_lost" else 0].key
    assert ("failed", "discover") == (stage(report, phase).status, stage(report, phase).about)
    assert ("ok" if phase == "after" else "skipped") == stage(report, "token_call").status
    assert [phase] == [one.purpose for one in report.exchanges if one.purpose not in ("token", "check")]


@pytest.mark.diagnoses(
    "token_403", "token_404", "token_405", "html_instead_of_json", "redirect_to_login", "wrong_content_type", "empty_or_partial_body", "token_field_missing", "json_malformed", "token_not_bearer", "token_not_sendable", "lifetime_odd", "invalid_dpop_proof", "use_dpop_nonce", "server_error", "rate_limited", "connection_lost", "not_http", "answer_too_large",
)  # fmt: skip
@pytest.mark.parametrize(("code", "behaviour", "key"), few(OPEN, every=3))
def test_the_token_server_does_not_judge(tmp_path, code, behaviour, key):
    """An outage, a page or a broken answer is inconclusive, never refused."""
    report = report_of(tmp_path, behaviour)

    assert (code, key) == (first(report).code, first(report).fixes[0].key if first(report).fixes else "")
    assert ("inconclusive", "not_tested") == (report.token.word, report.credential.word)
    assert "whether the token server accepts the client" in report.not_tested


ODD = [
    ("lifetime_odd", {"expires_in": 0}, "auth.token_response.expires_in"),
    ("lifetime_odd", {"expires_in": -5}, "auth.token_response.expires_in"),
    ("lifetime_odd", {"expires_in": 1_800_000_000}, "auth.token_response.expires_at"),
    ("lifetime_odd", {"expires_in": 36_000_000_000_000}, "auth.token_response.expires_in"),
    ("lifetime_odd", {"expires_in": 86_400_000}, "auth.token_response.expires_in"),
    ("scope_narrowed", {"scope": "read"}, "auth.scopes"),
]


@pytest.mark.diagnoses("lifetime_odd", "scope_narrowed")
@pytest.mark.parametrize(("code", "members", "key"), ODD)
def test_an_odd_token_is_a_warning(tmp_path, code, members, key):
    """What is odd about a token is said, and the token is tried all the same."""
    report = report_of(tmp_path, says_json({**GOOD, **members}))

    assert ("obtained", "accepted") == (report.token.word, report.credential.word)
    assert [(code, "warning")] == [(found.code, found.severity) for found in report.diagnoses]
    assert key == first(report).fixes[0].key
    assert "warning" == stage(report, "token_checks").status


@pytest.mark.diagnoses("token_type_odd")
def test_a_token_of_another_type_that_the_profile_sends_as_bearer(tmp_path):
    """Whoever writes `Bearer` into auth.fields sends it so, whatever the server calls it; that is said."""
    fields = [{"in": "header", "key": "Authorization", "value": "Bearer {{ token.access_token }}"}]
    report = report_of(tmp_path, says_json({**GOOD, "token_type": "mac"}), auth={"fields": fields})

    assert [("token_type_odd", "auth.fields")] == [(found.code, found.fixes[0].key) for found in report.diagnoses]
    assert ("obtained", "accepted") == (report.token.word, report.credential.word)


def test_a_granted_scope_in_another_order_is_not_narrowed(tmp_path):
    """Order and additions of the granted scope are no reason to warn."""
    report = report_of(tmp_path, says_json({**GOOD, "scope": "write admin read"}))

    assert () == report.diagnoses


@pytest.mark.diagnoses("clock_skew")
@pytest.mark.parametrize("seconds", [-94, 94])
def test_clock_skew(tmp_path, seconds):
    """A clock that is 94 seconds off is told by the Date of the answer."""
    date = (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    report = report_of(tmp_path, says_json(GOOD, 200, ("Date", date)))

    assert ("clock_skew", "host: clock") == (first(report).code, first(report).fixes[0].key)
    way = "ahead of" if seconds > 0 else "behind"
    assert any(f"{near} s {way} the server" in first(report).sentence for near in (93, 94, 95))


API = [
    ("api_401", answers(401, ("WWW-Authenticate", 'Bearer realm="x", error="invalid_token"'), body=b""), "refused", "auth.scopes"),
    ("api_403", answers(403, ("WWW-Authenticate", 'Bearer error="insufficient_scope", scope="admin"'), body=b""), "forbidden", "auth.scopes"),
    ("api_403", answers(403, body=b""), "forbidden", "test.request.url"),
    ("api_404", answers(404, body=b""), "inconclusive", "test.request.url"),
    ("api_400", answers(400, body=b""), "inconclusive", "test.request.fields"),
    ("api_405", answers(405, body=b""), "inconclusive", "test.request.method"),
    ("api_415", answers(415, body=b""), "inconclusive", "test.request.encoding"),
    ("api_429", answers(429, ("Retry-After", "30"), body=b""), "inconclusive", ""),
    ("api_5xx", answers(503, body=b""), "inconclusive", ""),
    ("api_redirect", sockets.redirects("https://login.example.com/?next=1"), "inconclusive", "test.request.url"),
    ("api_html", html(200), "inconclusive", "test.request.url"),
    ("api_error_in_200", says_json({"ok": False, "error": "channel_not_found"}), "inconclusive", "test.accepted_when"),
    ("api_status", answers(418, body=b""), "inconclusive", "test.request.url"),
    ("connection_lost", sockets.close, "inconclusive", "servers"),
]


@pytest.mark.diagnoses(
    "api_401", "api_403", "api_404", "api_400", "api_405", "api_415", "api_429", "api_5xx", "api_redirect", "api_html", "api_error_in_200", "api_status", "connection_lost",
)  # fmt: skip
@pytest.mark.parametrize(("code", "behaviour", "verdict", "key"), API)
def test_what_the_api_says(tmp_path, code, behaviour, verdict, key):
    """The API's answer is told apart from the token: obtained, and then accepted, refused, forbidden or left open."""
    report = report_of(tmp_path, api=behaviour)

    assert (code, key) == (first(report).code, first(report).fixes[0].key if first(report).fixes else "")
    assert ("obtained", verdict) == (report.token.word, report.credential.word)


def test_an_api_behind_a_sign_in(tmp_path):
    """A redirect to a page for people is called so, with its host, and nothing of it is proposed as the API's URL first."""
    found = first(report_of(tmp_path, api=sockets.redirects("https://sso.example.com/login?next=1")))

    assert "The API redirected to https://sso.example.com/login (302) (sign-in), on another host (sso.example.com)." in found.sentence
    assert ("servers", True) == (found.fixes[0].key, "signing in" in found.fixes[0].text)


@pytest.mark.diagnoses("empty_or_partial_body")
def test_an_answer_that_ends_in_the_middle(tmp_path):
    """Its status is not known any more, so none is told; how it ended is."""
    report = report_of(tmp_path, sockets.truncated())

    assert ("empty_or_partial_body", "auth.token_url", "once") == (first(report).code, first(report).fixes[0].key, first(report).retry)
    assert first(report).sentence.startswith("The answer began, and ended in the middle: 127.0.0.1 announced a body of 100 bytes")
    assert "(0)" not in first(report).sentence


@pytest.mark.diagnoses("token_not_bound")
def test_a_token_that_is_not_bound(tmp_path):
    """A Bearer answer to a proof of a key is named as such; the token is not used."""
    report = report_of(tmp_path, auth={"dpop": True})

    assert ("token_not_bound", "auth.dpop") == (first(report).code, first(report).fixes[0].key)
    assert "not_tested" == report.credential.word


def test_an_api_that_wants_a_bound_token(tmp_path):
    """A DPoP challenge to a Bearer token is the first thing to look at."""
    report = report_of(tmp_path, api=answers(401, ("WWW-Authenticate", 'DPoP algs="ES256", error="invalid_token"'), body=b""))

    assert ("api_401", "auth.dpop", "write true: this API wants tokens that are bound to a key") == (first(report).code, first(report).fixes[0].key, first(report).fixes[0].text)


SIGNED = {"type": "signature", "string_to_sign": "{{ request.path }}", "fields": [{"in": "header", "key": "X-Signature", "value": "{{ signature | hex }}"}]}


def test_a_signature_that_the_api_does_not_take(tmp_path):
    """String and key are what to look at."""
    with between(api=answers(401, body=b"")) as (_, api):
        report = run(written(tmp_path, SIGNED, servers=[api.url], test={"request": {"url": "/v1/me"}}), inputs={"signing_key": SECRET})

    assert "the string that was signed: /v1/me" in first(report).evidence
    assert ("api_401", "refused", ["auth.string_to_sign", "auth.signing_key"]) == (first(report).code, report.credential.word, [fix.key for fix in first(report).fixes[:2]])


def test_the_string_that_was_signed_is_shown_without_secrets(tmp_path):
    """A string may hold a secret; the evidence does not."""
    made = {**SIGNED, "string_to_sign": "{{ inputs.signing_key }}\n{{ request.path }}"}
    with between(api=answers(401, body=b"")) as (_, api):
        report = run(written(tmp_path, made, servers=[api.url], test={"request": {"url": "/v1/me"}}), inputs={"signing_key": SECRET})

    assert SECRET not in repr(report)
    assert any("the string that was signed" in line and "/v1/me" in line for line in first(report).evidence)


def test_a_key_that_cannot_sign(tmp_path):
    """Nothing is sent, and the key is what to look at; its value is not shown."""
    with between() as (_, api):
        made = {**SIGNED, "algorithm": "ed25519", "signing_key": "{{ inputs.signing_key | trim }}"}
        report = run(written(tmp_path, made, servers=[api.url], test={"request": {"url": "/v1/me"}}), inputs={"signing_key": SECRET})

    assert ("signing", "auth.signing_key") == (first(report).code, first(report).fixes[0].key)
    assert SECRET not in repr(report)


NGINX = b"<html><head><title>400 %s</title></head><body><center><h1>400 Bad Request</h1></center><center>%s</center></body></html>"
NO_CERTIFICATE, WRONG_CERTIFICATE = (
    answers(400, ("Content-Type", "text/html"), body=NGINX % (words, words)) for words in (b"No required SSL certificate was sent", b"The SSL certificate error")
)
OTHERWISE = [
    ("api_other_scheme", "digest", answers(401, ("WWW-Authenticate", 'Basic realm="x"'), body=b""), "auth.type"),
    ("api_other_scheme", "basic", answers(401, ("WWW-Authenticate", "NTLM"), ("WWW-Authenticate", "Negotiate"), body=b""), "auth.type"),
    ("digest_unknown", "digest", answers(401, ("WWW-Authenticate", 'Digest realm="x", nonce="n", algorithm=FOO'), body=b""), "servers"),
    ("server_unproven", "digest", lambda peer: proving_nothing(peer), "servers"),
    ("client_certificate_missing", "none", NO_CERTIFICATE, "tls.certificate"),
    ("client_certificate_wrong", "none", WRONG_CERTIFICATE, "tls.certificate"),
]


def proving_nothing(peer):
    """A server that asks for Digest, takes any answer, and shows a proof of its own that is none."""
    asked = peer.request()
    challenge = http(401, ("WWW-Authenticate", 'Digest realm="x", nonce="n", qop="auth"'))
    peer.send(http(200, ("Authentication-Info", 'rspauth="00", qop=auth')) if asked.values("authorization") else challenge)


@pytest.mark.diagnoses("api_other_scheme", "digest_unknown", "server_unproven", "client_certificate_missing", "client_certificate_wrong")
@pytest.mark.parametrize(("code", "kind", "behaviour", "key"), OTHERWISE)
def test_the_api_asks_for_something_else(tmp_path, code, kind, behaviour, key):
    """Another scheme, a certificate of the connection, a proof that is wrong: the credential was refused, and the report says for what."""
    with Server(behaviour) as task:
        path = written(tmp_path, {"type": kind}, servers=[task.url.rstrip("/")])
        report = run(path, inputs={} if kind == "none" else {"username": "ada", "password": SECRET})

    assert (code, key, "refused") == (first(report).code, first(report).fixes[0].key, report.credential.word)


def test_a_scheme_is_named_as_people_write_it(tmp_path):
    """`NTLM or Negotiate`, and the type that does not fit."""
    with Server(OTHERWISE[1][2]) as task:
        report = run(written(tmp_path, {"type": "basic"}, servers=[task.url.rstrip("/")]), inputs={"username": "ada", "password": SECRET})

    assert "`type: basic`" in first(report).sentence
    assert "NTLM or Negotiate" in first(report).sentence


def test_needed_scope_is_named(tmp_path):
    """The scope of the challenge is quoted and is the fix (RFC 6750 §3.1)."""
    report = report_of(tmp_path, api=API[1][1])

    assert "it asks for admin" in first(report).sentence
    assert "add the scope admin" == first(report).fixes[0].text


@pytest.mark.diagnoses("api_not_accepted")
def test_tests_own_condition(tmp_path):
    """`accepted_when` decides: a 200 that does not meet it is refused; a page that meets it is accepted."""
    test = {"request": {"url": "/v1/me"}, "accepted_when": [{"status": [200], "when": "{{ response.json.ok }}"}]}
    refused = report_of(tmp_path, api=says_json({"ok": False}), profile={"test": test})
    accepted = report_of(tmp_path, api=html(200), profile={"test": {**test, "accepted_when": [{"status": [200]}]}})

    assert ("api_not_accepted", "refused") == (first(refused).code, refused.credential.word)
    assert "test.accepted_when" == first(refused).fixes[0].key
    assert ("accepted", ()) == (accepted.credential.word, accepted.diagnoses)


@pytest.mark.diagnoses("api_rejected")
def test_rejected_when_is_a_refusal(tmp_path):
    """An answer that `rejected_when` names is a refusal, whatever its status."""
    report = report_of(tmp_path, api=answers(419, body=b""), auth={"rejected_when": [{"status": [419]}]})

    assert ("api_rejected", "refused", "auth.rejected_when") == (first(report).code, report.credential.word, first(report).fixes[0].key)


def test_read_timeout(tmp_path):
    """A server that takes the request and says nothing: it may have acted on it."""
    report = report_of(tmp_path, sockets.hang_after_request, deadline=0.3)

    assert ("read_timeout", "settings: deadline") == (first(report).code, first(report).fixes[0].key)
    assert "may have acted on it" in first(report).sentence
    assert "inconclusive" == report.token.word


def test_the_whole_run_has_a_deadline(tmp_path):
    """`test_deadline` holds for all calls together."""
    begin = time.monotonic()
    report = report_of(tmp_path, GIVES_TOKEN, sockets.hang_after_request, test_deadline=0.5)

    assert time.monotonic() - begin < 3
    assert ("read_timeout", "obtained", "inconclusive") == (first(report).code, report.token.word, report.credential.word)


def unreachable(tmp_path, url, **how):
    """The report of a profile whose token endpoint cannot be reached."""
    return run(written(tmp_path, oauth(f"{url}/oauth/token")), **how)


def test_dns_failure(tmp_path):
    """A name that does not exist is told with the template and the input that made it."""
    made = written(tmp_path, oauth("https://{{ inputs.tenant }}.acme.invalid/oauth/token"), inputs={"tenant": {}})
    report = run(made, given={"tenant": "wrong"})

    found = first(report)
    assert ("dns_failure", "inputs.tenant") == (found.code, found.fixes[0].key)
    assert "auth.token_url: https://{{ inputs.tenant }}.acme.invalid/oauth/token" in found.evidence
    assert "inputs.tenant is 'wrong'" in found.evidence
    assert ("failed", "skipped", "inconclusive") == (stage(report, "dns").status, stage(report, "connect").status, report.token.word)
    assert report.again.endswith("acme.json --input tenant=wrong")


def test_resolver_does_not_answer(tmp_path):
    """A dead resolver is not a missing name."""

    def resolve(*_):
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    report = unreachable(tmp_path, "https://auth.example.com", wire_=wire(resolve=resolve))

    assert "dns_failure" == first(report).code
    assert "did not answer" in first(report).sentence


def test_nothing_listens(tmp_path):
    """A refused connection, of the token endpoint and of the API."""
    port = sockets.free_port()
    of_token = unreachable(tmp_path, f"http://127.0.0.1:{port}")
    with Server(GIVES_TOKEN) as identity:
        of_api = run(written(tmp_path, oauth(f"{identity.url}t"), servers=[f"http://127.0.0.1:{port}"]))

    assert ("connect_refused", "auth.token_url", "failed") == (first(of_token).code, first(of_token).fixes[0].key, stage(of_token, "connect").status)
    assert ("connect_refused", "servers", "failed") == (first(of_api).code, first(of_api).fixes[0].key, stage(of_api, "api_probe").status)
    assert ("obtained", "inconclusive") == (of_api.token.word, of_api.credential.word)


def test_connect_timeout(tmp_path):
    """A firewall that drops packets is not a server that refuses."""
    with sockets.never_accepting() as port:
        report = unreachable(tmp_path, f"http://127.0.0.1:{port}", deadline=0.4)

    assert ("connect_timeout", "settings: proxy") == (first(report).code, first(report).fixes[0].key)


TLS = [
    ("tls_expired", lambda: server_context(AUTHORITY.issue("127.0.0.1", begins=-9 * DAY, ends=-2 * DAY)), "auth.token_url"),
    ("tls_not_yet_valid", lambda: server_context(AUTHORITY.issue("127.0.0.1", begins=2 * DAY, ends=9 * DAY)), "auth.token_url"),
    ("tls_self_signed", lambda: server_context(self_signed("127.0.0.1")), "settings: ca"),
    ("tls_unknown_ca", lambda: server_context(Authority("nobody knows me").issue("127.0.0.1")), "settings: ca"),
    ("tls_name_mismatch", lambda: server_context(AUTHORITY.issue("other.example")), "auth.token_url"),
    ("tls_client_certificate_required", lambda: server_context(AUTHORITY.issue("127.0.0.1"), clients_of=AUTHORITY, tls12=True), "tls.certificate"),
]


@pytest.mark.parametrize(("code", "context", "key"), TLS)
def test_tls(tmp_path, code, context, key):
    """Each way a handshake fails has its name; the credential was not report_of, and verification is never to be given up."""
    report = report_of(tmp_path, tls=context(), wire_=wire(ca=AUTHORITY.pem))

    found = first(report)
    assert (code, key, "inconclusive") == (found.code, found.fixes[0].key, report.token.word)
    assert "Credentials were not tested" in found.sentence
    assert not any("verify" in fix.key + fix.text for fix in found.fixes)


def test_tls_names_what_it_saw(tmp_path):
    """Names and dates of the certificate are in the sentence."""
    mismatch = report_of(tmp_path, tls=TLS[4][1](), wire_=wire(ca=AUTHORITY.pem))
    expired = report_of(tmp_path, tls=TLS[0][1](), wire_=wire(ca=AUTHORITY.pem))

    assert "other.example" in first(mismatch).sentence
    assert (datetime.now(UTC) - timedelta(days=2)).strftime("%Y-%m-%d") in first(expired).sentence


def test_client_certificate_refused(tmp_path):
    """A certificate of an authority that the server does not believe."""
    mine = Authority("another").issue("me")
    context = server_context(AUTHORITY.issue("127.0.0.1"), clients_of=AUTHORITY, tls12=True)
    report = report_of(tmp_path, tls=context, wire_=wire(ca=AUTHORITY.pem, client=ClientCertificate(mine.certificate, mine.key)))

    assert "tls_client_certificate_refused" == first(report).code


def test_wrong_scheme(tmp_path):
    """https to a plain port, and the reverse; and a port that hangs up during the handshake."""
    plain = report_of(tmp_path, lambda peer: peer.send(http(400)), scheme="https")
    tls = report_of(tmp_path, tls=server_context(AUTHORITY.issue("127.0.0.1")), scheme="http")
    closing = report_of(tmp_path, lambda peer: peer.socket.recv(1), scheme="https")

    assert ["tls_on_http_port", "http_on_tls_port"] == [first(plain).code, first(tls).code]
    assert first(closing).code in ("tls_handshake", "connect_reset")


PROXY = [
    ("proxy_credentials", sockets.wants_proxy_credentials),
    ("proxy_refused", answers(403, body=b"")),
    ("proxy_protocol", says(b"SSH-2.0-OpenSSH_9.2\r\n")),
]


@pytest.mark.parametrize(("code", "behaviour"), PROXY)
def test_proxy(tmp_path, code, behaviour):
    """A proxy's own refusal is the proxy's, and the report says where the proxy was named."""
    with Server(behaviour) as proxy:
        environ = {"HTTPS_PROXY": f"http://user:{SECRET[:4]}@127.0.0.1:{proxy.port}"} if code == "x" else {"HTTPS_PROXY": proxy.url}
        report = unreachable(tmp_path, "https://auth.example.com", wire_=wire(environ=environ))

    found = first(report)
    assert (code, "settings: proxy", "inconclusive") == (found.code, found.fixes[0].key, report.token.word)
    assert "HTTPS_PROXY" in found.sentence + found.fixes[0].text
    assert "failed" == stage(report, "connect").status


def test_proxy_that_is_not_there(tmp_path):
    """A proxy that cannot be reached, and one whose setting cannot be read."""
    gone = unreachable(tmp_path, "https://auth.example.com", wire_=wire(proxy=f"http://127.0.0.1:{sockets.free_port()}"))
    wrong = unreachable(tmp_path, "https://auth.example.com", wire_=wire(proxy="socks5://127.0.0.1:1"))

    assert ["proxy_unreachable", "proxy_invalid"] == [first(gone).code, first(wrong).code]


def test_egress(tmp_path):
    """Clear text does not leave this machine because of a name."""
    report = unreachable(tmp_path, "http://localhost:8080", wire_=wire(resolve=getaddrinfo_of("192.0.2.1")))

    assert "egress_refused" == first(report).code


# ---- before anything is sent


def unsent(report):
    """Was nothing sent?"""
    return report.exchanges == () and {report.token.word, report.credential.word} <= {"not_tested", "not_needed"}


def test_limit_refused(tmp_path):
    """A profile outside of its tenant's limits is valid, and still not used: that is another matter, and for the operator."""
    (tmp_path / "limits.toml").write_text('profiles = ["*"]\ntypes = ["*"]\nhosts = ["elsewhere.example"]\ninputs = ["*"]\n')
    report = run(written(tmp_path, {"type": "api_key"}), limits=str(tmp_path / "limits.toml"))

    assert ("limit_refused", "failed") == (first(report).code, stage(report, "load").status)
    assert "hosts that may be used here: elsewhere.example" in str(report.problems[0])
    assert unsent(report)


def test_profile_invalid(tmp_path):
    """An invalid file is a failed stage with every problem and its place."""
    path = written(tmp_path, {**oauth("https://a.example.com"), "grant_typ": "x", "client_secret": "literal-secret"})
    report = run(path)

    assert ("profile_invalid", "failed") == (first(report).code, stage(report, "load").status)
    assert len(report.problems) >= 2
    assert unsent(report)


@pytest.mark.diagnoses("invalid_grant")
def test_a_refresh_token_that_was_given_and_is_not_taken(tmp_path):
    """invalid_grant of that grant: the sentence of a refresh, and the refresh token as what to change."""
    report = report_of(tmp_path, says_json({"error": "invalid_grant"}, 400), auth={"grant_type": "refresh_token"}, inputs={**INPUTS, "refresh_token": REFRESH})

    found = first(report)
    assert ("invalid_grant", "auth.refresh_token", "refused") == (found.code, found.fixes[0].key, report.token.word)
    assert found.sentence.endswith("the refresh token is expired, revoked, already used (rotation) or was issued to another client.")
    assert "auth.refresh_with" not in [fix.key for fix in found.fixes]


def test_what_a_server_says_of_a_refresh_token_is_quoted(tmp_path):
    """In its own words, after ours."""
    report = report_of(tmp_path, says_json({"error": "invalid_grant", "error_description": "Token was rotated."}, 400), auth={"grant_type": "refresh_token"}, inputs={**INPUTS, "refresh_token": REFRESH})

    assert "issued to another client: invalid_grant: Token was rotated." in first(report).sentence


@pytest.mark.diagnoses("reauthorize")
def test_a_refresh_token_that_nobody_may_present_again(tmp_path):
    """Two renewals were interrupted: nothing is sent, and a person has to sign in."""
    path = written(tmp_path, oauth("https://auth.invalid/token", grant_type="refresh_token"))
    with engine_of({**INPUTS, "refresh_token": REFRESH}) as engine:
        connection = engine.connect(path)
        key = connection.credential(connection.profile.variants[0]).token_key(connection.inputs())
        engine.ledger.intend(key, 0, Intent("somebody", 1.0, key.secret, attempt=2))
        report = probe_profile(engine, path)

    refuse_leaks(report)
    found = first(report)
    assert ("reauthorize", "auth.refresh_token", "refused") == (found.code, found.fixes[0].key, report.token.word)
    assert "interrupted" in found.sentence
    assert report.exchanges == ()


@pytest.mark.parametrize("inputs", [{"client_id": "x"}, {"client_id": "x", "client_secret": ""}])
def test_secret_unresolved(tmp_path, inputs):
    """A missing or empty secret is found before the network, and the report says where it would be supplied."""
    report = run(written(tmp_path, oauth("https://auth.invalid/token")), inputs=inputs)

    found = first(report)
    assert ("secret_unresolved", "inputs.client_secret", "resolve") == (found.code, found.fixes[0].key, found.stage)
    assert unsent(report)


@pytest.mark.parametrize("secret", ["<client_secret>", "${CLIENT_SECRET}", "changeme", "vault:secret/acme", f"{SECRET}\n"])
def test_secret_that_looks_wrong(tmp_path, secret):
    """A placeholder or a line end is told as a warning, and is the first thing to look at when the server refuses."""
    with Server(error("invalid_client", 401)) as identity:
        report = run(written(tmp_path, oauth(f"{identity.url}t")), inputs={"client_id": "x", "client_secret": secret})

    assert ["invalid_client", "secret_suspicious"] == [found.code for found in report.diagnoses]
    assert "inputs.client_secret" == first(report).fixes[0].key
    assert "warning" == stage(report, "resolve").status


def test_input_of_another_form(tmp_path):
    """An input that is not of its declared form."""
    made = written(tmp_path, oauth("https://{{ inputs.tenant }}.example.com/t"), inputs={"tenant": {"pattern": "[a-z]+"}})
    report = run(made, given={"tenant": "UPPER"})

    assert ("input_invalid", "inputs.tenant") == (first(report).code, first(report).fixes[0].key)
    assert unsent(report)


def api_key(tmp_path, secret="key-planted-123456", *, fields=(), **more):
    """A profile without a token call."""
    auth = {"type": "api_key", **more.pop("auth", {})}
    made = written(tmp_path, auth, fields=list(fields), **more)
    return run(made, inputs={"api_key": secret})


@pytest.mark.parametrize("secret", ["key-planted-123456\n", " key-planted-123456", "key-plänted-123456", "key\r\nX-Evil: 1"])
def test_header_that_cannot_be_sent(tmp_path, secret):
    """A line break, blank or non-ASCII character in a header is found before the network, with its place."""
    report = api_key(tmp_path, secret)

    assert "crlf_or_nonascii_in_header" == first(report).code
    assert "X-API-Key" in first(report).sentence
    assert unsent(report)


def test_header_of_the_token_call_that_cannot_be_sent(tmp_path):
    """The same in a token call names the field of the token request."""
    field = {"in": "header", "key": "X-Gateway", "value": "{{ inputs.gateway }}"}
    made = written(tmp_path, oauth("https://auth.invalid/t", token_request={"fields": [field]}), inputs={"gateway": {"secret": True}})
    report = run(made, inputs={**INPUTS, "gateway": "kéy-planted"})

    assert ("crlf_or_nonascii_in_header", "token_call") == (first(report).code, first(report).stage)
    assert "auth.token_request.fields" in [fix.key for fix in first(report).fixes]
    assert "not_tested" == report.token.word


def test_field_without_a_place(tmp_path):
    """A payload field on a check that has no body."""
    report = api_key(tmp_path, fields=[{"in": "payload", "key": "a", "value": "b"}])

    assert ("placement", "test.request") == (first(report).code, first(report).fixes[0].key)
    assert unsent(report)


def test_template_without_a_value(tmp_path):
    """A template that ends null, with the path that is null."""
    field = {"in": "header", "key": "X-Part", "value": "{{ inputs.part }}"}
    report = api_key(tmp_path, fields=[field], inputs={"part": {"required": False}})

    assert ("template", ["inputs.part", "fields[0].value"]) == (first(report).code, [fix.key for fix in first(report).fixes])
    assert "inputs.part" in first(report).sentence


def test_url_that_is_none(tmp_path):
    """A value that would leave its place in a URL."""
    made = written(tmp_path, {"type": "api_key"}, servers=["https://{{ inputs.host }}"], inputs={"host": {"pattern": ".*"}})
    report = run(made, inputs={"api_key": "key-planted-123456", "host": "evil/../x"})

    assert ("url_refused", "inputs.host") == (first(report).code, first(report).fixes[0].key)
    assert unsent(report)


def test_no_servers(tmp_path):
    """Without servers a token is got and the API is not called; without a token there is nothing to do."""
    with Server(GIVES_TOKEN) as identity:
        token_only = run(written(tmp_path, oauth(f"{identity.url}t"), servers=()))
    nothing = run(written(tmp_path, {"type": "api_key"}, servers=()), inputs={"api_key": "key-planted-123456"})

    assert ("no_servers", "warning", "servers") == (first(token_only).code, first(token_only).severity, first(token_only).fixes[0].key)
    assert ("obtained", "not_tested") == (token_only.token.word, token_only.credential.word)
    assert ("no_servers", "error") == (first(nothing).code, first(nothing).severity)
    assert unsent(nothing)


def test_origin_refused(tmp_path):
    """A check that goes elsewhere gets no credential."""
    test = {"request": {"url": "https://{{ inputs.where }}.example.com/x"}}
    made = written(tmp_path, {"type": "api_key"}, inputs={"where": {"enum": ["api", "other"]}}, test=test)
    report = run(made, inputs={"api_key": "key-planted-123456", "where": "other"})

    assert ("origin_refused", "test.request.url") == (first(report).code, first(report).fixes[0].key)


def test_no_variant(tmp_path):
    """None of the variants' conditions holds."""
    auth = [{"name": "a", "type": "api_key", "when": "{{ inputs.mode == 'a' }}"}]
    made = written(tmp_path, auth, inputs={"mode": {}})
    report = run(made, inputs={"mode": "b", "api_key": "key-planted-123456"})

    assert "no_variant" == first(report).code


# ---- the table itself

PROVOKED_ALONE = {
    "clock_skew", "api_not_accepted", "api_rejected", "read_timeout", "dns_failure", "connect_refused", "connect_timeout",
    "tls_client_certificate_refused", "tls_on_http_port", "http_on_tls_port", "tls_handshake", "proxy_unreachable", "proxy_invalid",
    "egress_refused", "profile_invalid", "limit_refused", "secret_unresolved", "secret_suspicious", "input_invalid", "crlf_or_nonascii_in_header",
    "placement", "template", "url_refused", "no_servers", "origin_refused", "no_variant", "token_type_odd",
    "api_anonymous", "token_inactive", "discovery_not_found", "discovery_unreachable", "discovery_unreadable", "discovery_mismatch", "discovery_endpoint", "registration_refused",
    "unsupported_client_auth", "unsupported_grant", "unsupported_scope", "unsupported_pkce", "unsupported_dpop",
    "reauthorize", "login_refused", "step_refused", "step_unread", "signing", "token_not_bound", "key_refused", "assertion_refused", "authorization_required", "authorization_denied", "callback_refused", "sign_in_failed",
    "aws_signature", "aws_scope", "aws_clock", "aws_access_key", "aws_session_token", "aws_denied",
    "oauth1_signature", "oauth1_timestamp", "oauth1_nonce", "oauth1_token", "oauth1_consumer", "oauth1_refused",
}  # fmt: skip
NOT_PROVOKED = {
    "not_applied": "for what a plugin does",
    "network": "for what a plugin does",
    "token_unusable": "for what a plugin does",
    "connect_unreachable": "depends on the machine's routes",
    "connect_reset": "depends on the moment",
    "tls_protocol_version": "the TLS library here may not speak an old version at all",
}  # fmt: skip


def test_every_row_is_provoked():
    """Every code of the table is provoked here, or it is said why not; and every TLS detail has a row."""
    provoked = {row[0] for rows in (REFUSED, OPEN, ODD, API, OTHERWISE, TLS, PROXY) for row in rows} | PROVOKED_ALONE

    assert set(ENTRIES) == provoked | set(NOT_PROVOKED)
    assert {detail if detail.startswith(("http_", "tls_")) else f"tls_{detail}" for detail in TLS_DETAILS} <= set(ENTRIES)


def test_what_a_plugin_raises_has_a_row():
    """An error of a kind that nobody here knows still becomes a diagnosis."""
    unknown = [
        token_code(Case(error=TokenAnswerError("of_a_plugin", "no", status=200, url="https://x"))),
        token_code(Case(error=WireError("no", stage="dns", host="x", detail="of_a_plugin"))),
        token_code(Case(error=TlsFailure("no", stage="tls", host="x", detail="of_a_plugin"))), local_code(AuthweaveError("no")),
    ]  # fmt: skip

    assert ["token_unusable", "network", "network", "not_applied"] == unknown
    assert set(unknown) <= set(ENTRIES)


class Partner:
    """A grant of an extension that asks a server of its own first, and says in its own words what is wrong with the answer."""

    name = "partner"
    title = "for this test"
    schema: ClassVar[dict] = {}
    inputs: ClassVar[dict] = {}
    attended = False

    def parameters(self, call):
        answer = wire().send(Call("GET", PARTNERS[0], (), None), deadline=5)
        raise TokenAnswerError("ticket_torn", f"{PARTNERS[0]} gave half a ticket ({len(answer.body)} bytes)", status=answer.status, url=PARTNERS[0])

    @hookimpl
    def register_grants(self, register):
        register(Partner)


PARTNERS = []


@pytest.mark.diagnoses("token_unusable")
def test_what_an_extension_says_of_an_answer():
    """A kind of trouble that nobody here knows is told in the extension's words, and is no verdict on the client."""
    catalog = Catalog(installed=False)
    catalog.add(Partner(), "partner")
    with Server(answers(200, body=b"tick")) as partner, between() as (identity, api):
        PARTNERS[:] = [partner.url]
        made = services.profile(oauth(f"{identity.url}t", grant_type="partner"), api.url, catalog=catalog, test={"request": {"url": "/"}})
        report = probe_profile(services.engine(catalog=catalog, inputs=INPUTS), made)

    refuse_leaks(report)
    assert ("token_unusable", "auth.token_response", "not_tested") == (first(report).code, first(report).fixes[0].key, report.token.word)
    assert "half a ticket (4 bytes)" in first(report).sentence


def keys_of(schema, prefix=""):
    """Every key that a schema knows, dotted, lists without their index."""
    if not isinstance(schema, dict):
        return
    for word in ("then", "else", "items", "if"):
        yield from keys_of(schema.get(word), prefix)
    for word in ("allOf", "anyOf"):
        for one in schema.get(word, ()):
            yield from keys_of(one, prefix)
    for name, inner in schema.get("properties", {}).items():
        yield f"{prefix}{name}"
        yield from keys_of(inner, f"{prefix}{name}.")
    if isinstance(schema.get("additionalProperties"), dict):
        yield f"{prefix}*"


def test_every_key_of_a_fix_exists():
    """A fix never names a key that the schema, or the settings, do not have."""
    known = {*keys_of(profile_schema(default_catalog())), *(f"settings: {name}" for name in MEMBERS), "host: clock"}

    assert {} == {code: unknown for code, entry in ENTRIES.items() if (unknown := {remedy.key for remedy in entry.remedies} - known)}


@every("code", sorted(ENTRIES))
def test_every_sentence_can_be_said(code):
    """No row needs a fact that a case may lack, but those that its finder always gives."""
    facts = {
        "lifetime": "x", "asked": "a", "granted": "b", "token_type": "mac", "skew": 50.0, "supply": "x", "came_from": "y", "problems": 2,
        "step": "discover",
    }  # fmt: skip
    case = Case(facts=facts)

    assert ENTRIES[code].sentence(case)
    for remedy in ENTRIES[code].remedies:
        assert worded(remedy.say, case)


@every(
    "written_as, word",
    [("InvalidClient", "invalid_client"), ("INVALID-CLIENT", "invalid_client"), ("invalid client", "invalid_client"), ("invalidClient", "invalid_client")],
)
def test_words_are_read_as_the_standard_spells_them(written_as, word):
    """Vendors spell the standard's words their own way."""
    assert word == spelt(written_as)


def test_near_match_becomes_a_template():
    """The fix for a token in another field can be pasted as it is."""
    assert "'{{ response.json.data.accessToken }}'" == as_template("data.accessToken")
    assert "'{{ response.json['access-token'] }}'" == as_template("access-token")


def test_the_paste_of_a_near_match_works(tmp_path):
    """What the fix says, pasted, gets the token."""
    answer = says_json({"data": {"accessToken": TOKEN}})
    fix = first(report_of(tmp_path, answer)).fixes[0]
    pasted = fix.text.removeprefix("write '").removesuffix("'")

    report = report_of(tmp_path, answer, auth={"token_response": {"access_token": pasted}})

    assert "accepted" == report.credential.word


def test_sent_as_names_way_and_length(tmp_path):
    """The sentence of invalid_client says how the client was sent, and how long the secret is, never what it is."""
    basic = report_of(tmp_path, REFUSED[0][1])
    post = report_of(tmp_path, REFUSED[0][1], auth={"client_auth": "client_secret_post"})

    assert f"(Basic header, {len(SECRET)}-char secret)" in first(basic).sentence
    assert f"(form field, {len(SECRET)}-char secret)" in first(post).sentence
    assert "auth.basic_encoding" not in [fix.key for fix in first(post).fixes]


@pytest.mark.parametrize("secret", ["plain-secret-0123456789"])
def test_encoding_is_only_blamed_where_it_matters(tmp_path, secret):
    """A secret of letters and digits is the same in both encodings."""
    with Server(REFUSED[0][1]) as identity:
        report = run(written(tmp_path, oauth(f"{identity.url}t")), inputs={"client_id": "x", "client_secret": secret})

    assert "auth.basic_encoding" not in [fix.key for fix in first(report).fixes]


def test_fix_names_the_other_encoding(tmp_path):
    """With `raw` in the profile the fix is rfc6749."""
    report = report_of(tmp_path, REFUSED[0][1], auth={"basic_encoding": "raw"})

    fix = next(fix for fix in first(report).fixes if fix.key == "auth.basic_encoding")
    assert fix.text.startswith("write `rfc6749`")
    assert fix.place.startswith(str(tmp_path / "acme.json:"))


def test_at_most_three_fixes_each_key_once(tmp_path):
    """Ranked, few, and never the same key twice."""
    for row in (*REFUSED, *OPEN):
        fixes = [fix.key for fix in first(report_of(tmp_path, row[1])).fixes] if row[0] in ("invalid_client", "invalid_request") else []
        assert len(fixes) <= 3
        assert len(set(fixes)) == len(fixes)
