"""What a test can be asked for beside the check: the negative control, a renewal, and the word of the server that issued the token."""

import itertools
import json
import re
from urllib.parse import urlencode

import pytest

from authorizing import AuthorizationServer
from authweave.probe import test_profile as probe
from probing import (
    ACCEPTS,
    GIVES_TOKEN,
    GOOD,
    SECRET,
    TOKEN,
    between,
    engine_of,
    first,
    oauth,
    refuse_leaks,
    says_json,
    stage,
    wire,
    written,
)
from services import INPUTS as CLIENT
from services import Api, engine, profile, says, serving
from sockets import Server, answers, close, free_port, http

pytestmark = pytest.mark.thorough

REFUSES = http(401, ("WWW-Authenticate", 'Bearer realm="api"'), body=b"")
ME = http(200, ("Content-Type", "application/json"), body=b'{"me": "someone"}')
KEY = {"type": "api_key", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.api_key }}"}]}
PLAIN = {"api_key": SECRET}


def wants(name, *values, accepted=ME, refused=REFUSES):
    """An API that wants a header (of these values, if any)."""

    def behave(peer):
        given = peer.request().values(name)
        peer.send(accepted if given and (not values or given[0] in values) else refused)

    return behave


def run(path, *, inputs=None, **how):
    """One run; its report has been searched for the planted secrets."""
    with engine_of({"client_id": "my-client", "client_secret": SECRET} if inputs is None else inputs) as engine:
        report = probe(engine, path, **how)
    refuse_leaks(report)
    return report


def controlled(folder, api, auth=KEY, inputs=PLAIN, **more):
    """The report of a test with a control, and what the API was asked."""
    with Server(api) as task:
        report = run(written(folder, auth, servers=[task.url.rstrip("/")], **more), inputs=inputs, control=True)
    return report, task.requests


# ---- the negative control


def test_an_endpoint_for_everybody_proves_nothing(tmp_path):
    """It answers without the key as it does with it: the verdict is open, and the key to change is the test's URL."""
    report, asked = controlled(tmp_path, ACCEPTS)

    assert [[SECRET.strip()], []] == [request.values("x-key") for request in asked]
    assert ("api_anonymous", "inconclusive", "failed") == (first(report).code, report.credential.word, stage(report, "control").status)
    assert "The endpoint answers without credentials: the test proves nothing." == first(report).sentence
    assert "test.request.url" == first(report).fixes[0].key
    assert any("byte for byte" in line for line in first(report).evidence)
    assert ["check", "control"] == [exchange.purpose for exchange in report.exchanges]
    assert ("whether the API accepts the credential",) == report.not_tested


def test_another_answer_for_everybody_is_told_apart_by_the_condition(tmp_path):
    """200 for a stranger, too, but of another content: the condition of the test is what can tell them apart."""
    api = wants("x-key", refused=http(200, ("Content-Type", "application/json"), body=b'{"me": null}'))
    report, _ = controlled(tmp_path, api)
    found = first(report)
    said = {"test": {"request": {"url": "/me"}, "accepted_when": [{"when": "{{ response.json.me == 'someone' }}"}]}}
    mended, _ = controlled(tmp_path, api, **said)

    assert ("api_anonymous", "test.accepted_when") == (found.code, found.fixes[0].key)
    assert ("accepted", "ok", ()) == (mended.credential.word, stage(mended, "control").status, mended.diagnoses)


def test_an_endpoint_that_refuses_strangers_is_a_proof(tmp_path):
    """401 without the key: the stage says so, and one thing less is not tested."""
    report, asked = controlled(tmp_path, wants("x-key"))

    assert (2, "accepted") == (len(asked), report.credential.word)
    assert ("ok", "401 without the credential") == (stage(report, "control").status, stage(report, "control").text)
    assert not any("without a credential" in line for line in report.not_tested)
    assert report.again.endswith("--control")


def test_no_control_unless_it_is_asked_for(tmp_path):
    """One request, and what was not tested is said."""
    with Server(wants("x-key")) as task:
        report = run(written(tmp_path, KEY, servers=[task.url.rstrip("/")]), inputs=PLAIN)

    assert 1 == len(task.requests)
    assert ("skipped", "not asked for (--control)") == (stage(report, "control").status, stage(report, "control").text)
    assert any("without a credential" in line for line in report.not_tested)


def test_the_control_keeps_what_is_the_tests_own(tmp_path):
    """The test's fields and body stay; the profile's fields go with the credential."""
    test = {"request": {"method": "POST", "url": "/me", "encoding": "json", "fields": [
        {"in": "payload", "key": "own", "value": 1}, {"in": "header", "key": "X-Own", "value": "yes"},
    ]}}  # fmt: skip
    auth = {**KEY, "fields": [*KEY["fields"], {"in": "payload", "key": "key", "value": "{{ inputs.api_key }}"}]}
    report, (with_key, without) = controlled(tmp_path, wants("x-key"), auth, test=test, fields=[{"in": "query", "key": "region", "value": "eu"}])

    assert ("POST /me?region=eu HTTP/1.1", "POST /me HTTP/1.1") == (with_key.line, without.line)
    assert ({"own": 1, "key": SECRET}, {"own": 1}) == (json.loads(with_key.body), json.loads(without.body))
    assert [["yes"], ["yes"]] == [request.values("x-own") for request in (with_key, without)]
    assert "ok" == stage(report, "control").status


@pytest.mark.parametrize(
    ("auth", "more", "words"),
    [
        ({**KEY, "fields": [{"in": "path", "key": "key", "value": "{{ inputs.api_key }}"}]}, {"test": {"request": {"url": "/{key}/me"}}}, "part of the URL"),
        (KEY, {"test": {"request": {"url": "/me", "fields": [{"in": "query", "key": "k", "value": "{{ inputs.api_key }}"}]}}}, "the test's own request holds a secret"),
        ({"type": "none"}, {}, "adds nothing"),
    ],
)
def test_a_control_that_cannot_be_made_is_skipped(tmp_path, auth, more, words):
    """With the reason; the verdict stands."""
    report, asked = controlled(tmp_path, ACCEPTS, auth, {} if auth["type"] == "none" else PLAIN, **more)

    assert (1, "accepted", "skipped") == (len(asked), report.credential.word, stage(report, "control").status)
    assert words in stage(report, "control").text


@pytest.mark.parametrize(("answer", "words"), [(answers(503, body=b""), "503 without the credential: says nothing"), (close, "says nothing: ")])
def test_a_control_that_says_nothing_changes_nothing(tmp_path, answer, words):
    """A busy or dead endpoint is a warning."""
    turns = itertools.chain([wants("x-key")], itertools.repeat(answer))
    report, _ = controlled(tmp_path, lambda peer: next(turns)(peer))

    assert ("accepted", "warning") == (report.credential.word, stage(report, "control").status)
    assert words in stage(report, "control").text


def test_a_refused_check_has_no_control(tmp_path):
    """There is nothing to compare."""
    report, asked = controlled(tmp_path, answers(401, body=b""))

    assert (1, "skipped") == (len(asked), stage(report, "control").status)
    assert "nothing was accepted" in stage(report, "control").text


def test_each_test_has_its_control(tmp_path):
    """Of several tests the one that proves nothing is named."""
    tests = {"test": [{"name": "me", "request": {"url": "/me"}}, {"name": "health", "request": {"url": "/health"}}]}

    def behave(peer):
        asked = peer.request()
        peer.send(ME if asked.values("x-key") or "/health" in asked.line else REFUSES)

    report, asked = controlled(tmp_path, behave, **tests)

    assert (4, "inconclusive") == (len(asked), report.credential.word)
    assert [("me", "ok"), ("health", "failed")] == [(one.about, one.status) for one in report.stages if one.name == "control"]


def test_a_session_and_a_token_are_left_out_alike(tmp_path):
    """What a login gave stays out, too."""
    auth = {
        "type": "session", "token_url": "{login}", "inputs": {},
        "token_request": {"fields": [{"in": "payload", "key": "password", "value": "{{ inputs.password }}"}]},
        "token_response": {"access_token": "{{ response.json.access_token }}"},
        "fields": [{"in": "cookie", "key": "sid", "value": "{{ token.access_token }}"}],
    }  # fmt: skip
    auth.pop("inputs")
    with between(GIVES_TOKEN, wants("cookie")) as (identity, task):
        auth["token_url"] = f"{identity.url}login"
        made = written(tmp_path, auth, servers=[task.url.rstrip("/")], inputs={"password": {"secret": True}})
        report = run(made, inputs={"password": SECRET}, control=True)

    assert ["token", "check", "control"] == [exchange.purpose for exchange in report.exchanges]
    assert ("accepted", "ok") == (report.credential.word, stage(report, "control").status)


# ---- renewing


def rotating(*, refuses=False, scope=None):
    """A token endpoint that gives another token and another refresh token with each call."""
    state = {"n": 0, "good": ""}

    def behave(peer):
        asked = peer.request()
        state["n"] += 1
        if b"grant_type=refresh_token" in asked.body and (refuses or state["good"].encode() not in asked.body):
            peer.send(http(400, ("Content-Type", "application/json"), body=b'{"error": "invalid_grant", "error_description": "used before"}'))
            return
        state["good"] = f"r3fresh-Planted_{state['n']}-0123456789"
        given = {**GOOD, "access_token": f"{TOKEN}-{state['n']}", "refresh_token": state["good"], **({"scope": scope} if scope and state["n"] > 1 else {})}
        peer.send(http(200, ("Content-Type", "application/json"), body=json.dumps(given).encode()))

    return behave


def refreshed(folder, token, api, *, auth=None, inputs=None, **how):
    with between(token, api) as (identity, task):
        made = written(folder, oauth(f"{identity.url}t", **(auth or {})), servers=[task.url.rstrip("/")], **how.pop("profile", {}))
        return run(made, inputs=inputs, refresh=True, **how), identity.requests, task.requests


def test_the_token_is_renewed_and_sent(tmp_path):
    """By the refresh token that came with the first; the API gets the new one."""
    report, asked, checked = refreshed(tmp_path, rotating(), ACCEPTS, auth={"refresh_with": "refresh_token"})

    assert ["token", "check", "renewal", "check"] == [exchange.purpose for exchange in report.exchanges]
    assert b"grant_type=refresh_token" in asked[1].body
    assert [[f"Bearer {TOKEN}-1"], [f"Bearer {TOKEN}-2"]] == [request.values("authorization") for request in checked]
    assert ["Check", "Check with the renewed token"] == [exchange.title for exchange in report.exchanges if exchange.purpose == "check"]
    told = [one for one in report.stages if one.name == "renewal"]
    assert [("ok", ""), ("ok", "check")] == [(one.status, one.about) for one in told]
    assert "by the refresh token, which rotates" in told[0].text
    assert ("accepted", "obtained") == (report.credential.word, report.token.word)
    assert "renewing the token" not in report.not_tested
    assert report.again.endswith("--refresh")


def test_without_a_refresh_token_the_grant_renews(tmp_path):
    """As at the end of a token's life."""
    report, asked, _ = refreshed(tmp_path, says_json({**GOOD, "refresh_token": None}), ACCEPTS)

    assert [True, True] == [b"grant_type=client_credentials" in request.body for request in asked]
    assert "by the grant" in stage(report, "renewal").text


def test_a_refresh_that_is_refused_and_a_grant_that_is_not(tmp_path):
    """Nobody is hindered, and it is told."""
    report, asked, _ = refreshed(tmp_path, rotating(refuses=True), ACCEPTS, auth={"refresh_with": "refresh_token"})

    assert (3, "accepted") == (len(asked), report.credential.word)
    assert "warning" == stage(report, "renewal").status
    assert "after the refresh was refused (POST 400" in stage(report, "renewal").text


def test_a_renewal_that_is_refused(tmp_path):
    """The token was obtained and accepted, and ends: the diagnosis is that of a refresh, and the verdict is no success."""
    turns = iter([GIVES_TOKEN, says_json({"error": "invalid_client"}, 401)])
    report, _, checked = refreshed(tmp_path, lambda peer: next(turns)(peer), ACCEPTS, auth={"refresh_with": "refresh_token"})

    assert (1, "invalid_client", "renewal") == (len(checked), first(report).code, first(report).stage)
    assert ("refused", "accepted") == (report.token.word, report.credential.word)
    assert report.token.reason.startswith("obtained, but not renewed: ")
    assert "failed" == stage(report, "renewal").status


def test_a_renewed_token_that_the_api_refuses(tmp_path):
    """The second check counts."""
    report, _, checked = refreshed(tmp_path, rotating(), wants("authorization", f"Bearer {TOKEN}-1"), auth={"refresh_with": "refresh_token"})

    assert (2, "refused", "api_401") == (len(checked), report.credential.word, first(report).code)


def test_a_renewal_that_narrows_the_scope(tmp_path):
    """What is odd about the second token only is a warning of the renewal."""
    report, _, _ = refreshed(tmp_path, rotating(scope="read"), ACCEPTS, auth={"refresh_with": "refresh_token"})

    assert [("scope_narrowed", "renewal", "warning")] == [(found.code, found.stage, found.severity) for found in report.diagnoses]


def test_nothing_to_renew(tmp_path):
    """A type without tokens says so."""
    with Server(ACCEPTS) as task:
        report = run(written(tmp_path, KEY, servers=[task.url.rstrip("/")]), inputs=PLAIN, refresh=True)

    assert ("skipped", "type api_key has no token to renew") == (stage(report, "renewal").status, stage(report, "renewal").text)


def test_renewed_already(tmp_path):
    """A check that renewed by itself needs no second renewal."""
    report, asked, _ = refreshed(tmp_path, rotating(), wants("authorization", f"Bearer {TOKEN}-2"), auth={"refresh_with": "refresh_token"})

    assert (2, "accepted", "skipped") == (len(asked), report.credential.word, stage(report, "renewal").status)


def test_a_token_without_a_check_is_renewed_too(tmp_path):
    """`test: token_only`."""
    report, asked, checked = refreshed(tmp_path, rotating(), ACCEPTS, auth={"refresh_with": "refresh_token"}, profile={"test": "token_only"})

    assert (2, 0, "ok") == (len(asked), len(checked), stage(report, "renewal").status)


GIVEN = {"grant_type": "refresh_token", "scopes": []}
HELD = {"client_id": "my-client", "client_secret": SECRET, "refresh_token": "r3fresh-Planted_0-0123456789"}


def test_a_token_that_was_handed_over_is_not_spent_into_memory(tmp_path):
    """Its successor would end with the process: refused, with the reason, and one call less."""
    report, asked, _ = refreshed(tmp_path, GIVES_TOKEN, ACCEPTS, auth=GIVEN, inputs=HELD)

    assert 1 == len(asked)
    assert "skipped" == stage(report, "renewal").status
    assert "handed over" in stage(report, "renewal").text
    assert "AUTHWEAVE_STORE=sqlite:" in stage(report, "renewal").text


def test_what_rotates_is_kept_in_the_store(tmp_path, monkeypatch):
    """With a store that lasts it is presented; the next run goes on with what came in its place."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    spent = []

    def behave(peer):
        asked = peer.request()
        spent.append(re.search(rb"Planted_(\d)-0", asked.body)[1].decode())
        given = {**GOOD, "access_token": f"{TOKEN}-{len(spent)}", "refresh_token": f"r3fresh-Planted_{len(spent)}-0123456789"}
        peer.send(http(200, ("Content-Type", "application/json"), body=json.dumps(given).encode()))

    with between(behave, ACCEPTS) as (identity, task):
        made = written(tmp_path, oauth(f"{identity.url}t", **GIVEN), servers=[task.url.rstrip("/")])
        for _ in range(2):
            with engine_of(HELD, store=f"sqlite://{tmp_path}/tokens.db") as engine:
                report = probe(engine, made, refresh=True)
            refuse_leaks(report, HELD["refresh_token"])
            assert "ok" == stage(report, "renewal").status

    assert ["0", "1", "2", "3"] == spent


# ---- introspection


def introspected(said, status=200, **auth):
    with serving(AuthorizationServer(clients={"robot": CLIENT["client_secret"]})) as server, serving(Api()) as api:
        server.metadata |= {"introspection_endpoint": f"{server.issuer}/introspect"}
        server.replies["/introspect"] = says(said, status)
        made = {"type": "oauth2", "grant_type": "client_credentials", "issuer": server.issuer, **auth}
        return probe(engine(inputs=CLIENT), profile(made, api.url, test={"request": {"url": "/me"}}))


def test_the_server_tells_of_its_token():
    """Active, for whom, for what, until when; what it says besides is named and not shown."""
    said = {"active": True, "scope": "read", "client_id": "robot", "aud": "https://api", "exp": 2000000000, "sub": "of-a-person", "extra": "not-for-show"}
    report = introspected(said)

    told = stage(report, "introspection")
    assert ("ok", "active, scope read, client_id robot, aud https://api, exp 2033-05-18T03:33:20Z") == (told.status, told.text)
    assert ["discovery", "token", "introspection", "check"] == [exchange.purpose for exchange in report.exchanges]
    [asked] = [exchange for exchange in report.exchanges if exchange.purpose == "introspection"]
    assert {"token", "token_type_hint"} == {part.name for part in asked.asked.body.parts}
    assert "auth.issuer" == asked.asked.origin
    assert ["auth.client_auth"] == [part.origin for part in asked.asked.headers if part.name.lower() == "authorization"]
    assert {"active": "true", "scope": "read", "sub": "‹not shown›"}.items() <= {part.name: part.value for part in asked.answered.body.parts}.items()
    assert "not-for-show" not in repr(report)
    order = [one.name for one in report.stages]
    assert order.index("token_checks") < order.index("introspection") < order.index("apply")


def test_a_token_that_its_own_server_does_not_know():
    """A warning with its key; the API decides."""
    report = introspected({"active": False})

    [found] = report.diagnoses
    assert ("token_inactive", "warning", "introspection") == (found.code, found.severity, found.stage)
    assert "The server that issued the token says it is not active." == found.sentence
    assert "accepted" == report.credential.word


@pytest.mark.parametrize(("said", "status"), [({"error": "invalid_client"}, 401), ({}, 200), ({"active": "yes"}, 200), ([1], 200), ({"active": True}, 500)])
def test_a_server_that_does_not_say(said, status):
    """The stage warns, and no verdict depends on it."""
    report = introspected(said, status)

    assert ("warning", (), "accepted") == (stage(report, "introspection").status, report.diagnoses, report.credential.word)


def test_a_public_client_does_not_ask():
    """It could not prove that it may know."""
    with serving(AuthorizationServer(clients={"robot": ""})) as server:
        server.metadata |= {"introspection_endpoint": f"{server.issuer}/introspect"}
        made = {"type": "oauth2", "grant_type": "client_credentials", "issuer": server.issuer, "client_auth": "none"}
        report = probe(engine(inputs=CLIENT), profile(made, "https://api.example", test="token_only"))

    assert "introspection" not in [exchange.purpose for exchange in report.exchanges]


# ---- what is told of the way and of bodies


def test_the_proxy_of_each_call_is_told(tmp_path):
    """Where the setting came from; and that the API was reached without it, because NO_PROXY names it."""
    with between(GIVES_TOKEN, answers(403, body=b"")) as (proxy, task):
        environ = {"HTTP_PROXY": proxy.url, "NO_PROXY": f"127.0.0.1:{task.port}"}
        made = written(tmp_path, oauth(f"http://localhost:{free_port()}/t"), servers=[task.url.rstrip("/")])
        with engine_of(wire_=wire(environ=environ)) as engine:
            report = probe(engine, made)

    through = f"through http://127.0.0.1:{proxy.port} (from HTTP_PROXY)"
    told = f"the token call went {through}, the API call directly (NO_PROXY names it)"
    assert stage(report, "connect").text.endswith(f", {through}, {told}")
    assert told in first(report).evidence
    assert "obtained" == report.token.word


def test_one_proxy_for_all_is_told_once(tmp_path):
    """The twin; and without a proxy nothing is said."""
    with Server(GIVES_TOKEN) as proxy:
        made = written(tmp_path, oauth(f"http://localhost:{free_port()}/t"), test="token_only")
        with engine_of(wire_=wire(proxy=proxy.url)) as engine:
            report = probe(engine, made)
        with engine_of() as engine:
            direct = probe(engine, written(tmp_path, oauth(f"{proxy.url}t"), test="token_only"))

    assert stage(report, "connect").text.endswith(f", through http://127.0.0.1:{proxy.port} (from settings: proxy)")
    assert "through" not in stage(direct, "connect").text


def test_a_network_stage_names_the_key_of_the_host(tmp_path):
    """With its file and line: of the token call the token URL, of the check the server."""
    of_token = run(written(tmp_path, oauth(f"http://127.0.0.1:{free_port()}/t")))
    of_api = run(written(tmp_path, KEY, servers=[f"http://127.0.0.1:{free_port()}"]), inputs=PLAIN)

    assert re.search(r" \(auth\.token_url, \S+acme\.json:\d+\)$", stage(of_token, "connect").text)
    assert re.search(r" \(servers\[0\], \S+acme\.json:\d+\)$", stage(of_api, "connect").text)


@pytest.mark.parametrize(
    ("body", "media", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "image/png", "10 bytes of image/png (PNG image, by its first bytes): not shown"),
        (b"\x1f\x8b\x08abc", "application/json", "6 bytes of application/json (gzip, not unpacked, by its first bytes): not shown"),
        (b"%PDF-1.7 x", "text/plain", "10 bytes of text/plain (PDF, by its first bytes): not shown"),
        (b"a\0b", "text/plain", "3 bytes of text/plain: not shown"),
    ],
)
def test_a_binary_answer_is_described(tmp_path, body, media, words):
    """Size, media type, and what its first bytes say it is."""
    with Server(answers(200, ("Content-Type", media), body=body)) as task:
        report = run(written(tmp_path, KEY, servers=[task.url.rstrip("/")]), inputs=PLAIN)

    answered = report.exchanges[0].answered.body
    assert ("binary", words, "") == (answered.kind, answered.note, answered.text)


# ---- nothing secret in any of it


PLANTED = "pl4nted-in-an-answer-0123456789"


def test_an_introspection_that_echoes_shows_nothing():
    """Members that nobody asked for, the token itself, and an error that quotes the client's secret."""
    for said, status in (({"active": True, "sub": PLANTED, "username": PLANTED, "jti": PLANTED, "refresh_token": PLANTED}, 200), ({"error": "x", "error_description": f"bad secret {CLIENT['client_secret']}"}, 400)):
        refuse_leaks(introspected(said, status), PLANTED, CLIENT["client_secret"])


def test_an_introspection_of_odd_form():
    """Lists, numbers and what moves a cursor, where plain words are expected: a report, and no error. A text of a megabyte is more than is read."""
    odd = [{"scope": ["a", "b"], "exp": "soon", "aud": {"a": 1}, "client_id": None}, {"client_id": "a\x1b[2Jb\u202e"}, {"exp": 1e300}, {"exp": -5}, {"scope": "x" * 10**6}]
    for said, status in zip(odd, ["ok", "ok", "ok", "ok", "warning"], strict=True):
        report = introspected({"active": True, **said})
        told = stage(report, "introspection")

        assert "accepted" == report.credential.word
        assert status == told.status
        assert len(told.text) < 1000
        assert not {"\x1b", "\u202e"} & set(told.text)


def test_a_control_that_echoes_shows_nothing(tmp_path):
    """What the API says to a stranger goes the way of all answers."""
    api = wants("x-key", refused=http(401, ("X-Echo", SECRET), ("Set-Cookie", f"sid={PLANTED}"), body=f'{{"token": "{PLANTED}", "key": "{SECRET}"}}'.encode()))
    report, _ = controlled(tmp_path, api)

    refuse_leaks(report, PLANTED)


class Comes:
    """A person who comes back with this."""

    redirect_uri = "http://127.0.0.1:8912/callback"

    def __init__(self, **answer):
        self.answer = answer

    def __call__(self, sent):
        self.sent = sent
        return f"{self.redirect_uri}?{urlencode({'state': sent.state, **self.answer})}#fragment-{PLANTED}"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"code": PLANTED, "session_state": PLANTED, "iss": "{issuer}"}, "invalid_grant"), ({"error": "access_denied", "error_description": "no\x1b[2J", "x": PLANTED}, "authorization_denied"),
        ({"code": PLANTED, "iss": "https://elsewhere.example"}, "callback_refused"), ({"state": "of-nobody", "code": PLANTED}, "callback_refused"),
    ],
)  # fmt: skip
def test_what_a_browser_brings_back_is_masked(answer, code):
    """Code, state, session and what nobody knows; the error's own words are shown; whatever becomes of it."""
    with serving(AuthorizationServer(clients={"robot": CLIENT["client_secret"]})) as server:
        made = {"type": "oauth2", "grant_type": "authorization_code", "issuer": server.issuer, "scopes": ["read"]}
        person = Comes(**{name: value.replace("{issuer}", server.issuer) for name, value in answer.items()})
        report = probe(engine(inputs=CLIENT), profile(made, "https://api.example", test="token_only"), subject="ada", person=person)

    refuse_leaks(report, PLANTED, person.sent.state, CLIENT["client_secret"])
    assert code == first(report).code, report.diagnoses
    [way] = [exchange for exchange in report.exchanges if exchange.purpose == "authorize"]
    [back] = [part.value for part in way.answered.headers]
    assert back.startswith("http://127.0.0.1:8912/callback?state=‹secret state: ") or "of-nobody" not in back
    assert "auth.scopes" == next(part.origin for part in way.asked.query if part.name == "scope")
    if "error" in answer:
        assert "error=access_denied" in back
