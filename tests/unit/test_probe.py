"""Test auth runs the real path, records it, and says nothing that is secret."""

import base64
import json
import random
import threading
import time

import pytest

from authweave.errors import UsageError
from authweave.report import STAGES
from probing import (
    ACCEPTS,
    COOKIE,
    GIVES_TOKEN,
    GOOD,
    INPUTS,
    REFRESH,
    SECRET,
    TOKEN,
    engine_of,
    first,
    oauth,
    refuse_leaks,
    renderings,
    report_of,
    run,
    says_json,
    stage,
    written,
)
from sockets import Server, answers, http, says
from thorough import few

EVERYWHERE = {
    "fields": [
        {"in": "header", "key": "X-Header", "value": "{{ inputs.extra }}"},
        {"in": "query", "key": "q", "value": "{{ inputs.extra }}"},
        {"in": "cookie", "key": "c", "value": "{{ inputs.plain }}"},
        {"in": "payload", "key": "/deep/er", "value": "{{ inputs.extra }}"},
        {"in": "path", "key": "place", "value": "{{ inputs.extra }}"},
    ],
    "inputs": {"extra": {"secret": True}, "plain": {"secret": True}},
    "test": {"request": {"method": "POST", "url": "/v1/{place}/x", "encoding": "json", "fields": [{"in": "payload", "key": "own", "value": 1}]}},
}
EXTRA = "extra+planted/valu%e:0123"
PLAIN = "plain-planted-0123456789"
MORE = {**INPUTS, "extra": EXTRA, "plain": PLAIN}


def in_turn(*behaviours):
    """One behaviour for each connection; the last stays."""
    left = list(behaviours)

    def behave(peer):
        (left.pop(0) if len(left) > 1 else left[0])(peer)

    return behave


def test_the_requests_are_those_of_tasks(tmp_path):
    """What the check sends is, byte for byte, what a task's request would be; so is the token call."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        path = written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url.rstrip("/")], **EVERYWHERE)
        run(path, inputs=MORE)
        with engine_of(MORE) as engine, engine.connect(path).client() as client:
            client.post("/v1/{place}/x", json={"own": 1}, headers={"Accept": "application/json"}, extensions={"authweave": {"path": "/v1/{place}/x"}})

    tested, task = api.requests
    assert task.line == tested.line
    assert json.loads(task.body) == json.loads(tested.body)
    for name in ("authorization", "x-header", "cookie", "content-type"):
        assert task.values(name) == tested.values(name)
    of_test, of_task = identity.requests
    assert (of_task.head, of_task.body) == (of_test.head, of_test.body)


def test_a_token_is_got_anew_and_kept_from_others(tmp_path):
    """A test neither uses nor replaces the token that tasks use."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        path = written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url.rstrip("/")])
        with engine_of() as engine:
            from authweave.probe import test_profile

            of_tasks = engine.connect(path).token().result()
            report = test_profile(engine, path)
            again = engine.connect(path).token().result()

    assert 2 == len(identity.requests)
    assert of_tasks is again
    assert "accepted" == report.credential.word


def test_one_attempt(tmp_path):
    """A failing token endpoint is called once: an author waits for no retries."""
    with Server(says_json({"error": "temporarily_unavailable"}, 503)) as identity:
        report = run(written(tmp_path, oauth(f"{identity.url}t")))

    assert (1, "server_error") == (len(identity.requests), first(report).code)


def test_one_renewal_at_401(tmp_path):
    """An API that refuses the first token and takes the second has accepted the credential."""
    report = report_of(tmp_path, api=in_turn(answers(401, body=b""), ACCEPTS))

    assert ["token", "check", "renewal", "check"] == [exchange.purpose for exchange in report.exchanges]
    assert "accepted" == report.credential.word
    assert "after renewing" in stage(report, "api_probe").text
    assert "renewing the token" not in report.not_tested


def test_no_second_renewal(tmp_path):
    """A second refusal is final."""
    with Server(GIVES_TOKEN) as identity, Server(answers(401, body=b"")) as api:
        report = run(written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url.rstrip("/")]))

    assert (2, 2) == (len(identity.requests), len(api.requests))
    assert "A renewed token was refused, too" in first(report).sentence


def test_a_renewal_that_fails(tmp_path):
    """The API's answer stands, and the report says why renewing failed."""
    answer = in_turn(GIVES_TOKEN, says_json({"error": "invalid_client"}, 401))
    report = report_of(tmp_path, answer, answers(401, body=b""))

    assert ("api_401", "obtained", "refused") == (first(report).code, report.token.word, report.credential.word)
    assert any("renewing failed" in line for line in first(report).evidence)


def test_stages_in_order(tmp_path):
    """Every stage is there, in its order, and is heard of as it ends."""
    heard = []
    report = report_of(tmp_path, events=heard.append)

    assert list(STAGES) == [one.name for one in report.stages]
    assert {"ok", "skipped"} == {one.status for one in report.stages}
    assert [one for one in report.stages if one.name != "control" and (one.name != "tls" or one.text)] == heard


def test_every_part_has_its_origin(tmp_path):
    """Each header, parameter and body field names the key that put it there, and where that key stands."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        path = written(tmp_path, oauth(f"{identity.url}t", client_auth="client_secret_post", audience="crm"), servers=[api.url.rstrip("/")], **EVERYWHERE)
        report = run(path, inputs=MORE)
    token, check = report.exchanges

    body = {part.name: part.origin for part in token.asked.body.parts}
    assert {
        "grant_type": "auth.grant_type", "scope": "auth.scopes", "audience": "auth.audience", "client_id": "auth.client_id",
        "client_secret": "auth.client_secret",
    } == body  # fmt: skip
    headers = {part.name: part.origin for part in check.asked.headers}
    assert ("auth.fields[0]", "fields[0]", "fields[2]", "standard") == tuple(headers[name] for name in ("Authorization", "X-Header", "Cookie", "Host"))
    assert {"q": "fields[1]"} == {part.name: part.origin for part in check.asked.query}
    assert {"own": "test.request.fields[0]", "deep": "fields[3]"} == {part.name: part.origin for part in check.asked.body.parts}
    assert ("auth.token_url", "test.request.url") == (token.asked.origin, check.asked.origin)
    lines = path.read_text().splitlines()
    where = {part.name: part.place for part in token.asked.body.parts}
    file, _, line = where["audience"].rpartition(":")
    assert (str(path), True) == (file, "audience" in lines[int(line) - 1])
    refuse_leaks(report, EXTRA, PLAIN)


@pytest.mark.parametrize("place", ["query", "header", "cookie", "path"])
@pytest.mark.parametrize("made", ["{{ inputs.api_key }}", "{{ inputs.api_key | sha256 | hex }}", "id={{ inputs.api_key | upper }}"])
def test_secret_places_are_masked(tmp_path, place, made):
    """What stands in a secret place is hidden, even if it was made from the secret by a hash or in capitals."""
    secret = "key-planted-0123456789"
    field = {"in": place, "key": "k", "value": made}
    import hashlib

    derived = {"{{ inputs.api_key | sha256 | hex }}": hashlib.sha256(secret.encode()).hexdigest()}.get(made, secret.upper())
    with Server(ACCEPTS) as api:
        test = {"request": {"url": "/v1/{k}/me" if place == "path" else "/v1/me"}}
        path = written(tmp_path, {"type": "custom", "fields": [field]}, servers=[api.url.rstrip("/")], test=test, inputs={"api_key": {"secret": True}})
        report = run(path, inputs={"api_key": secret})

    assert "accepted" == report.credential.word
    refuse_leaks(report, secret, derived)


def echoing(peer):
    """An API that shows the whole request in its answer: body, header, redirect, cookie."""
    asked = peer.request()
    authorization = asked.values("authorization")[0]
    body = json.dumps({"head": asked.head.decode("latin-1"), "auth": authorization, "encoded": base64.b64encode(authorization.encode()).decode()})
    peer.send(http(200, ("Content-Type", "application/json"), ("X-Echo", authorization), ("Set-Cookie", f"a={authorization[7:]}"), body=body.encode()))


def test_an_echo_shows_nothing(tmp_path):
    """An API that sends the credential back does not bring it into the report; nor does a token endpoint."""

    def echoing_endpoint(peer):
        asked = peer.request()
        told = {"error": "invalid_client", "error_description": f"got {asked.values('authorization')[0]} for {SECRET}", "secret": SECRET}
        peer.send(http(401, ("Content-Type", "application/json"), ("X-Echo", asked.values("authorization")[0]), body=json.dumps(told).encode()))

    of_api = report_of(tmp_path, api=echoing)
    of_token = report_of(tmp_path, echoing_endpoint)

    assert ("accepted", "refused") == (of_api.credential.word, of_token.token.word)


def test_a_redirect_with_the_token_shows_nothing(tmp_path):
    """Parameters of a Location are not shown where they look like secrets, and no known secret is."""

    def redirecting(peer):
        token = peer.request().values("authorization")[0][7:]
        peer.send(http(302, ("Location", f"https://login.example.com/?token={token}&session_id=other-unknown-secret&page=2")))

    report = report_of(tmp_path, api=redirecting)

    location = next(part.value for part in report.exchanges[1].answered.headers if part.name == "Location")
    assert "page=2" in location
    assert "other-unknown-secret" not in "".join(renderings(report))


def test_unknown_fields_of_a_token_answer(tmp_path):
    """Only the fields of the allow-list show their values; of all others the name, whatever it is."""
    answer = {**GOOD, "scope": "read write", "hint": "value-of-an-unknown-name", "nested": {"a": "value-of-an-unknown-name"}}
    report = report_of(tmp_path, says_json(answer))

    shown = {part.name: part.value for part in report.exchanges[0].answered.body.parts}
    assert ("Bearer", "3600", "read write") == (shown["token_type"], shown["expires_in"], shown["scope"])
    assert shown["access_token"].startswith("‹secret access_token: 33 chars, #")
    assert {"‹not shown›"} == {shown["hint"], shown["nested"], shown["made_up"]}
    assert "value-of-an-unknown-name" not in "".join(renderings(report))


def test_nested_error_of_a_token_answer(tmp_path):
    """code and message inside `error` are shown, what else is there is not."""
    answer = {"error": {"code": 7, "message": "no such app", "trace": "internal-trace-value"}}
    report = report_of(tmp_path, says_json(answer, 400))

    shown = {part.name: part.value for part in report.exchanges[0].answered.body.parts}
    assert {"error.code": "7", "error.message": "no such app", "error.trace": "‹not shown›"} == shown


@pytest.mark.parametrize("body", [b"<html><title>T</title>unknown-secret-in-page", b"unknown-secret-in-text", b"<x>unknown-secret-in-xml</x>"])
def test_raw_token_answers_are_never_shown(tmp_path, body):
    """A token endpoint's answer that has no fields is described, not quoted."""
    report = report_of(tmp_path, answers(400, ("Content-Type", "text/plain"), body=body))

    assert "unknown-secret" not in "".join(renderings(report))
    assert f"{len(body)} bytes" in report.exchanges[0].answered.body.note


def test_form_encoded_token_answer(tmp_path):
    """An answer of the old kind is read, and hidden as well."""
    report = report_of(tmp_path, answers(200, ("Content-Type", "application/x-www-form-urlencoded"), body=f"access_token={TOKEN}&scope=read".encode()))

    assert ("obtained", "accepted") == (report.token.word, report.credential.word)
    assert "form" == report.exchanges[0].answered.body.kind


@pytest.mark.parametrize("encoding", ["form", "json", "multipart"])
def test_bodies_of_token_requests(tmp_path, encoding):
    """The secret in the body is hidden in each encoding, and every field is named."""
    report = report_of(tmp_path, auth={"client_auth": "client_secret_post", "token_request": {"encoding": encoding}})

    body = report.exchanges[0].asked.body
    assert (encoding, ["grant_type", "scope", "client_id", "client_secret"]) == (body.kind, [part.name for part in body.parts])
    assert body.parts[3].value.startswith("‹secret client_secret:")


def test_content_is_not_shown(tmp_path):
    """A body that a template writes as a whole may hold anything, so it is described."""
    request = {"encoding": "text", "content": "<login><p>{{ inputs.client_secret | upper }}</p></login>"}
    report = report_of(tmp_path, auth={"token_request": request, "client_auth": "none"})

    assert SECRET.upper() not in "".join(renderings(report))
    assert "not shown" in report.exchanges[0].asked.body.note


def test_large_binary_and_active_bodies(tmp_path):
    """The API's body is cut at 2 KiB, binary is described, and nothing in it can move a cursor."""
    large = report_of(tmp_path, api=answers(200, ("Content-Type", "text/plain"), body=b"x" * 5000)).exchanges[1].answered.body
    binary = report_of(tmp_path, api=answers(200, ("Content-Type", "image/png"), body=b"\x89PNG\0\0")).exchanges[1].answered.body
    active = report_of(tmp_path, api=answers(200, ("Content-Type", "text/plain"), ("X-A", "\x1b[31mred"), body=b"a\x1b[2Jb\r\nc\x07\xe2\x80\xae")).exchanges[1].answered

    assert (2048, True, 5000) == (len(large.text), large.truncated, large.size)
    assert ("binary", "") == (binary.kind, binary.text)
    assert "a\\x1b[2Jb\\r\nc\\x07\\u202e" == active.body.text


def test_a_large_answer_costs_little(tmp_path):
    """A mebibyte of members that look like secrets does not keep anybody waiting."""
    members = {f"token_{number}": f"value-{number:08}-{'x' * 60}" for number in range(10_000)}
    begin = time.process_time()
    report = report_of(tmp_path, api=says_json(members))

    assert time.process_time() - begin < 10
    assert "accepted" == report.credential.word
    assert "value-" not in report.exchanges[1].answered.body.text


def test_a_secret_at_the_cut(tmp_path):
    """A secret that lies over the place where a body is cut is hidden whole."""

    def sends(peer):
        token = peer.request().values("authorization")[0][7:]
        peer.send(http(200, ("Content-Type", "text/plain"), body=b"y" * 2040 + token.encode() + b"z" * 100))

    text = report_of(tmp_path, api=sends).exchanges[1].answered.body.text

    assert TOKEN[:6] not in text


def test_members_that_look_like_secrets_in_an_api_answer(tmp_path):
    """A session or key in the API's own answer is hidden by its name."""
    report = report_of(tmp_path, api=says_json({"me": "Ada", "session_token": "unknown-to-us-123", "items": [{"api_key": "unknown-to-us-456"}]}))

    text = report.exchanges[1].answered.body.text
    assert "Ada" in text
    assert "unknown-to-us" not in "".join(renderings(report))


def test_basic_needs_no_token_call(tmp_path):
    """A type without tokens says so, and its network stages are those of the check."""
    with Server(ACCEPTS) as api:
        report = run(written(tmp_path, {"type": "basic"}, servers=[api.url.rstrip("/")]), inputs={"username": "me", "password": SECRET})

    assert ("not_needed", "accepted") == (report.token.word, report.credential.word)
    assert ("ok", "skipped", "ok") == tuple(stage(report, name).status for name in ("connect", "token_call", "api_probe"))
    authorization = next(part for part in report.exchanges[0].asked.headers if part.name == "Authorization")
    assert authorization.value.startswith("Basic ‹secret")


def test_token_only_and_none(tmp_path):
    """`token_only` gets a token and nothing more; `none` calls nobody."""
    with Server(GIVES_TOKEN) as identity:
        token_only = run(written(tmp_path, oauth(f"{identity.url}t"), test="token_only"))
        none = run(written(tmp_path, oauth(f"{identity.url}t"), test="none"))

    assert ("obtained", "not_tested", 1) == (token_only.token.word, token_only.credential.word, len(identity.requests))
    assert ("not_tested", "not_tested", ()) == (none.token.word, none.credential.word, none.exchanges)
    assert "whether the API accepts the credential" in token_only.not_tested


def test_several_tests_and_variants(tmp_path):
    """Each test runs with the variant of its URL; of several verdicts the worst counts; a false `when` skips one."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as good, Server(answers(403, body=b"")) as bad:
        auth = [
            {"name": "first", "when": "{{ request.path == '/a' }}", **oauth(f"{identity.url}t")},
            {"name": "second", "type": "api_key"},
        ]
        tests = [
            {"name": "one", "request": {"url": f"{good.url}a"}}, {"name": "two", "request": {"url": f"{bad.url}b"}},
            {"name": "three", "when": "{{ inputs.more == 'yes' }}", "request": {"url": f"{good.url}c"}},
        ]  # fmt: skip
        path = written(tmp_path, auth, servers=[good.url.rstrip("/"), bad.url.rstrip("/")], test=tests, inputs={"more": {"default": "no"}})
        report = run(path, inputs={**INPUTS, "api_key": "key-planted-123456"})

    probes = [(one.about, one.status) for one in report.stages if one.name == "api_probe"]
    assert [("one", "ok"), ("two", "failed"), ("three", "skipped")] == probes
    assert ("obtained", "forbidden") == (report.token.word, report.credential.word)
    assert ["Token call", "Check one", "Check two"] == [exchange.title for exchange in report.exchanges]
    assert "test[1].request.url" == first(report).fixes[0].key
    refuse_leaks(report, "key-planted-123456")


def test_a_refused_client_is_not_sent_twice(tmp_path):
    """Without a token the other tests are not run: a second wrong login may lock the client out."""
    tests = [{"name": "one", "request": {"url": "/a"}}, {"name": "two", "request": {"url": "/b"}}]
    with Server(says_json({"error": "invalid_client"}, 401)) as identity:
        report = run(written(tmp_path, oauth(f"{identity.url}t"), test=tests))

    assert 1 == len(identity.requests)
    assert ["invalid_client"] == [found.code for found in report.diagnoses]
    assert [("two", "skipped")] == [(one.about, one.status) for one in report.stages if one.name == "api_probe"]


def test_rules_speak_and_decide_nothing(tmp_path):
    """The first rule that holds is shown; the verdict stays."""
    rules = [
        {"when": "{{ response.status == 404 }}", "message": "not this"},
        {"when": "{{ response.status == 403 }}", "message": "Ask {{ inputs.client_id }} for scope {{ response.json.need }}"},
        {"when": "{{ response.status > 0 }}", "message": "nor this"},
    ]
    report = report_of(tmp_path, api=says_json({"need": "admin"}, 403), profile={"test": {"request": {"url": "/"}, "rules": rules}})

    assert (("Ask my-client for scope admin",), "forbidden") == (report.messages, report.credential.word)


def jwt(**claims):
    """A token with these claims, and a signature that must not be shown."""
    return f"eyJhbGciOiJSUzI1NiJ9.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.c2lnbmF0dXJlLXBsYW50ZWQ"


def test_claims_of_a_token_are_evidence(tmp_path):
    """For an API that refuses a JWT, for whom it was made is evidence; its signature never shows."""
    token = jwt(iss="https://idp", aud="other-api", exp=1900000000, email="a@b")
    report = report_of(tmp_path, says_json({**GOOD, "access_token": token}), answers(401, body=b""))

    assert "the token says iss=https://idp, aud=other-api, exp=2030-03-17T17:46:40Z" in first(report).evidence
    refuse_leaks(report, token, "c2lnbmF0dXJlLXBsYW50ZWQ")


def test_claims_of_a_token_are_told_where_it_is_checked(tmp_path):
    """Also of one that is accepted; what a claim holds moves no cursor, and the verdict stays short."""
    token = jwt(iss="https://idp", aud=["a", "b"], sub="\x1b[31mbot", scope="read", exp=1900000000, email="a@b")
    report = report_of(tmp_path, says_json({**GOOD, "access_token": token}))

    told = stage(report, "token_checks")
    assert ("ok", "accepted") == (told.status, report.credential.word)
    assert 'the token says iss=https://idp, aud=["a", "b"], sub=\\x1b[31mbot, scope=read, exp=2030-03-17T17:46:40Z' in told.text
    assert "a@b" not in told.text
    assert "the token says" not in report.token.reason
    refuse_leaks(report, token, "c2lnbmF0dXJlLXBsYW50ZWQ")


def test_a_token_that_is_issued_in_time_to_come(tmp_path):
    """Without a Date, the token's own `iat` tells that this machine's clock is behind; the clock is what to set."""
    report = report_of(tmp_path, says_json({**GOOD, "access_token": jwt(iat=1_700_000_200, exp=1_700_003_800)}), clock=lambda: 1_700_000_000.0)

    assert ("clock_skew", "warning") == (first(report).code, first(report).severity)
    assert "200 s behind" in first(report).sentence
    assert [("host: clock", "this machine")] == [(fix.key, fix.place) for fix in first(report).fixes]
    assert "accepted" == report.credential.word


@pytest.mark.parametrize("iat", [1_699_999_000, 1_700_000_020, 10**15, True, "soon", None])
def test_an_issue_time_that_tells_nothing(tmp_path, iat):
    """Past, a little ahead, or no time at all."""
    report = report_of(tmp_path, says_json({**GOOD, "access_token": jwt(iat=iat)}), clock=lambda: 1_700_000_000.0)

    assert ("accepted", ()) == (report.credential.word, report.diagnoses)


def test_a_token_that_the_api_could_read(tmp_path):
    """`invalid_token` (RFC 6750 §3.1) says that header and prefix are right: what the token is for comes first."""
    read = report_of(tmp_path, api=answers(401, ("WWW-Authenticate", 'Bearer error="invalid_token"'), body=b""))
    bare = report_of(tmp_path, api=answers(401, body=b""))

    assert ["auth.scopes", "auth.fields", "servers"] == [fix.key for fix in first(read).fixes]
    assert ["auth.fields", "auth.scopes", "servers"] == [fix.key for fix in first(bare).fixes]


def test_a_method_that_the_answer_allows(tmp_path):
    """It is what to write."""
    report = report_of(tmp_path, api=answers(405, ("Allow", "OPTIONS, POST"), body=b""))

    assert ("api_405", "write `POST`, which the answer allows") == (first(report).code, first(report).fixes[0].text)


def test_what_cannot_be_asked(tmp_path):
    """No such file, an input that is not declared, a server that is no URL, an abstract profile: UsageError."""
    made = written(tmp_path, oauth("https://a.example.com/t"))
    for wrong in (
        lambda: run(tmp_path / "nowhere.yaml"), lambda: run(made, given={"nope": "x"}), lambda: run(made, servers=["not a url"]),
        lambda: run(written(tmp_path, oauth("https://a.example.com/t"), abstract=True)),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            wrong()


def test_a_profile_for_users_needs_one(tmp_path):
    """Without the user's id nothing is sent, and the report says what is missing."""
    report = run(written(tmp_path, oauth("https://a.invalid/t"), subject="user"))

    assert ("secret_unresolved", ()) == (first(report).code, report.exchanges)
    assert "subject" in first(report).sentence


def test_servers_of_the_caller(tmp_path):
    """`servers` given for the run replace the profile's."""
    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api:
        report = run(written(tmp_path, oauth(f"{identity.url}t")), servers=[api.url.rstrip("/")])

    assert "accepted" == report.credential.word
    assert report.again.endswith(f"--server {api.url.rstrip('/')}")


def test_the_command_never_holds_a_secret(tmp_path):
    """Secrets given for the run are left out of the command that repeats it; plain inputs are in it, quoted."""
    path = written(tmp_path, oauth("https://{{ inputs.tenant }}.acme.invalid/t"), inputs={"tenant": {}, "note": {"default": ""}}, fields=[{"in": "header", "key": "X-N", "value": "{{ inputs.note }}"}])
    report = run(path, inputs={}, given={"tenant": "acme", "note": "it's", **INPUTS}, tenant="eu 1")

    assert f"""authweave test {path} --tenant 'eu 1' --input tenant=acme --input 'note=it'"'"'s' --input client_id=my-client""" == report.again


def test_runs_side_by_side(tmp_path):
    """One engine tests the same profile in several threads at once; each run has its own token and its own report."""
    from authweave.probe import test_profile

    with Server(GIVES_TOKEN) as identity, Server(ACCEPTS) as api, engine_of() as engine:
        path = written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url.rstrip("/")])
        reports = []
        threads = [threading.Thread(target=lambda: reports.append(test_profile(engine, path))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert ["accepted"] * 8 == [report.credential.word for report in reports]
    assert [["token", "check"]] * 8 == [[exchange.purpose for exchange in report.exchanges] for report in reports]
    assert (8, 8) == (len(identity.requests), len(api.requests))


PIECES = [
    b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 401 No\r\n", b"Content-Type: application/json\r\n", b"WWW-Authenticate: Basic ,,=\"\r\n",
    b"Content-Type: text/html; charset=\xff\r\n", b"Location: //\r\n", b"Date: yesterday\r\n", b"Set-Cookie: \r\n", b"\r\n", b"\r\n\r\n",
    b'{"access_token": "', TOKEN.encode(), b'"}', b"[[[[", b'{"error": ["', b"\x00\xff\xfe", b'{"error": {"code": null}}', b"<html>",
    b"\x1f\x8b\x08", b"Transfer-Encoding: chunked\r\n", b"5\r\nab", b'{"expires_in": 1e999, "access_token": 7}', REFRESH.encode(), COOKIE.encode(),
]  # fmt: skip


@pytest.mark.parametrize("seed", few(range(60), every=10))
def test_hostile_answers_become_reports(tmp_path, seed):
    """Whatever a token endpoint or an API sends, there is a report, without a foreign exception and without a secret."""
    chance = random.Random(seed)
    made = says(b"".join(chance.choices(PIECES, k=chance.randint(1, 14))))
    report = report_of(tmp_path, made, deadline=2) if seed % 2 else report_of(tmp_path, api=made, deadline=2)

    assert list(STAGES) == [one.name for one in report.stages]
    assert report.token.word in ("obtained", "refused", "inconclusive")


@pytest.mark.parametrize(("when", "word"), [("{{ request.method == 'POST' }}", "inconclusive"), ("{{ request.method == 'GET' }}", "accepted")])
def test_a_check_without_anything_of_the_credential_proves_nothing(tmp_path, when, word):
    """A field that its `when` leaves out of the check was seen by nobody, whatever the API answers."""
    auth = {"type": "custom", "fields": [{"in": "header", "key": "X-Key", "value": "{{ inputs.client_secret }}", "when": when}]}
    with Server(ACCEPTS) as api:
        report = run(written(tmp_path, auth, servers=[api.url.rstrip("/")], inputs={"client_secret": {"secret": True}}))

    assert word == report.credential.word
    assert ["api_anonymous"] * (word == "inconclusive") == [found.code for found in report.diagnoses]
