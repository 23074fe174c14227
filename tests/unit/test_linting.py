"""Profiles beside what their providers say of themselves: each difference at its place, and nothing sent that is a credential."""

from __future__ import annotations

import json
from threading import Event

import pytest

from authorizing import OAUTH, OPENID, AuthorizationServer, Resource
from authweave.checking.document import check
from authweave.cli.exits import Exit
from authweave.discovery.locating import MOST_ISSUERS, issuers_above
from authweave.documents import parse_document
from authweave.errors import DeadlineExceeded
from authweave.extensions.catalog import default_catalog
from authweave.linting.at_once import at_once
from authweave.linting.online import compared_online
from authweave.loading import check_text
from commands import here
from services import Reply, engine, serving
from sockets import free_port
from thorough import every

SECRETS = {"client_id": "robot", "client_secret": "s3cr3t-never-sent"}


@pytest.fixture
def server():
    with serving(AuthorizationServer(metadata={"registration_endpoint": None})) as made:
        yield made


def written(auth, **more):
    """A profile in JSON, one key a line, so that every place is another."""
    return json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": ["https://api.acme.example"], "auth": {"type": "oauth2", "grant_type": "client_credentials", **auth}, **more}, indent=1)


def compared(*texts, inputs=None, tenant="", **given):
    run = engine(inputs={**SECRETS, **given})
    return compared_online([check_text(text, "acme.json") for text in texts], run, tenant=tenant, inputs=inputs)


def findings(text, **how):
    [checked] = compared(text, **how)
    return [problem for problem in checked.problems if problem.rule.startswith("online.")]


def found(text, *, hints=False, **how):
    """Findings by rule, with hints only if they are asked for."""
    return {finding.rule.removeprefix("online."): finding for finding in findings(text, **how) if hints or finding.severity != "info"}


def stands_at(finding, text, words):
    """Is the finding at the place of these words?"""
    line = text.splitlines()[finding.mark.line - 1]
    return line[finding.mark.column - 1 :].startswith(json.dumps(words))


# ---- each difference


@pytest.mark.parametrize(
    ("said", "auth", "rule", "severity", "at"),
    [
        ({"token_endpoint_auth_methods_supported": ["client_secret_post"]}, {"client_auth": "client_secret_basic"}, "client_auth", "error", "client_secret_basic"),
        ({"grant_types_supported": ["authorization_code", "implicit"]}, {}, "grant", "error", "client_credentials"),
        ({"grant_types_supported": ["device_code"]}, {"grant_type": "device_code", "device_authorization_url": "https://a.example"}, "grant", "error", "device_code"),
        ({"scopes_supported": ["read"]}, {"scopes": ["read", "rite"]}, "scope", "warning", "rite"),
        ({"scopes_supported": ["read"]}, {"scopes": [{"key": "scope", "value": "rite"}, {"key": "audience", "value": "x"}]}, "scope", "warning", "rite"),
        ({"scopes_supported": ["read"]}, {"scopes": "read rite"}, "scope", "warning", "read rite"),
        ({"dpop_signing_alg_values_supported": ["RS256"]}, {"dpop": True}, "dpop", "error", True),
        ({"code_challenge_methods_supported": ["plain"]}, {"grant_type": "authorization_code", "pkce": "S256"}, "pkce", "warning", "S256"),
        ({"code_challenge_methods_supported": ["plain", "S256"]}, {"grant_type": "authorization_code", "pkce": "plain"}, "pkce", "warning", "plain"),
        ({"response_types_supported": ["id_token"]}, {"grant_type": "authorization_code"}, "response_type", "error", "authorization_code"),
    ],
)  # fmt: skip
def test_what_the_server_does_not_list(server, said, auth, rule, severity, at):
    """At the value, with the member of the metadata, what it says, and what to write; the twin whose metadata do not speak of it is clean."""
    clean = found(written({"issuer": server.issuer, **auth}))
    server.metadata |= said
    text = written({"issuer": server.issuer, **auth})

    finding = found(text)[rule]

    assert rule not in clean or rule == "endpoint"
    assert severity == finding.severity
    assert stands_at(finding, text, at)
    assert (server.url + OAUTH, next(iter(said)), tuple(next(iter(said.values())))) == (finding.metadata_url, finding.member, finding.says)
    assert finding.fix


@pytest.mark.parametrize("own", ["/tokens", "/token/"])
def test_another_endpoint(server, own):
    """Written, it stands; but the metadata name another, or write it otherwise."""
    text = written({"issuer": server.issuer, "token_url": server.url + own})

    finding = found(text)["token_url"]

    assert "warning" == finding.severity
    assert stands_at(finding, text, server.url + own)
    assert f"write {server.url}/token" in finding.fix
    assert "leave it out" in finding.fix


def test_http_in_the_place_of_https(server):
    """The same endpoint but for its scheme is an error of its own."""
    server.metadata["token_endpoint"] = f"{server.url}/token".replace("http://", "https://")
    text = written({"issuer": server.issuer, "token_url": f"{server.url}/token"})

    assert {"http"} == set(found(text))
    assert "error" == found(text)["http"].severity


def test_every_other_endpoint(server):
    """Of the sign-in, of devices, of registration, of revocation."""
    server.metadata |= {"device_authorization_endpoint": f"{server.url}/device", "registration_endpoint": f"{server.url}/register"}
    other = "https://other.example/x"
    of_code = written({"issuer": server.issuer, "grant_type": "authorization_code", "authorization_url": other, "registration": {}, "registration_url": other, "revoke_request": {"url": other}})
    of_device = written({"issuer": server.issuer, "grant_type": "device_code", "device_authorization_url": other})

    assert {"authorization_url", "registration_url", "revocation_url"} == set(found(of_code))
    assert {"device_authorization_url"} == set(found(of_device))


def test_what_the_profile_leaves_to_metadata_that_lack_it(server):
    """A call would have nowhere to go."""
    server.metadata["device_authorization_endpoint"] = None

    finding = found(written({"issuer": server.issuer, "grant_type": "device_code"}))["device_authorization_url"]

    assert ("error", "auth.issuer") == (finding.severity, finding.key)


def test_an_algorithm_of_assertions(server):
    """What the client signs with must be among what the server takes."""
    server.metadata |= {"token_endpoint_auth_methods_supported": ["private_key_jwt"], "token_endpoint_auth_signing_alg_values_supported": ["ES256"]}

    finding = found(written({"issuer": server.issuer, "client_auth": "private_key_jwt"}))["algorithm"]

    assert "ES256" in finding.fix


def test_another_issuer(server):
    """A slash more is somebody else; the message has the one to write."""
    text = written({"issuer": f"{server.issuer}/"})

    finding = found(text)["issuer"]

    assert "error" == finding.severity
    assert stands_at(finding, text, f"{server.issuer}/")
    assert finding.fix.startswith(f"write {server.issuer},")


def test_hints_for_what_is_offered_and_not_used(server):
    """Neither an error nor a warning, not even strictly."""
    server.metadata["introspection_endpoint"] = f"{server.url}/introspect"

    hints = found(written({"token_url": f"{server.url}/token"}), hints=True)

    assert {"issuer", "revocation", "introspection"} == set(hints)
    assert {"info"} == {finding.severity for finding in hints.values()}


# ---- whose metadata


@every("path", ["", "/realms/acme", "/a/b/c"])
@every("places", [(OAUTH,), (OPENID,)])
def test_metadata_are_found_above_the_token_endpoint(path, places):
    """Without an issuer the usual places are asked, the nearest first."""
    with serving(AuthorizationServer(path=path, places=places, token_path=f"{path}/protocol/token", metadata={"token_endpoint_auth_methods_supported": ["none"]})) as server:
        says = found(written({"token_url": f"{server.url}{path}/protocol/token"}), hints=True)

    assert {"client_auth", "issuer", "revocation"} == set(says)
    assert f"issuer: {server.issuer}," in says["issuer"].fix


def test_metadata_of_another_endpoint_judge_nothing(server):
    """At one origin may be several servers: only the endpoint is told."""
    server.metadata |= {"grant_types_supported": ["password"]}

    assert {"token_url"} == set(found(written({"token_url": f"{server.url}/other/token"})))


def test_no_metadata_are_no_error():
    """It is said which places were asked."""
    with serving(AuthorizationServer(places=())) as server:
        [finding] = findings(written({"token_url": f"{server.url}/oauth/token"}))

    assert ("info", "online.none") == (finding.severity, finding.rule)
    assert f"{server.url}{OAUTH}/oauth" in finding.message
    assert f"{server.url}{OPENID}" in finding.message


def test_an_issuer_without_metadata_is_an_error_where_endpoints_rest_on_it():
    """No token could be got; with a written token endpoint it is a warning."""
    with serving(AuthorizationServer(places=())) as server:
        resting = found(written({"issuer": server.issuer}))["none"]
        written_out = found(written({"issuer": server.issuer, "token_url": f"{server.url}/token"}))["none"]

    assert ("error", "warning") == (resting.severity, written_out.severity)


def test_a_resource_leads_to_its_issuer(server):
    """And its own scopes count beside the issuer's; where an issuer is written too, both must agree."""
    server.metadata |= {"scopes_supported": ["openid"], "token_endpoint_auth_methods_supported": ["none"]}
    with serving(Resource(server, metadata={"scopes_supported": ["tools"]})) as resource:
        auth = {"resource": resource.resource, "client_auth": "none", "scopes": ["tools", "openid", "nothing"]}
        by_resource = found(written({**auth, "client_auth": "client_secret_basic"}))
        both = found(written({**auth, "issuer": server.issuer, "scopes": ["openid"]}))
        resource.metadata["authorization_servers"] = ["https://other.example"]
        other = found(written({**auth, "issuer": server.issuer, "scopes": ["openid"]}))["resource"]

    assert {"client_auth", "scope"} == set(by_resource)
    assert "auth.scopes[2]" == by_resource["scope"].key
    assert {} == both
    assert ("warning", "auth.issuer", ("https://other.example",)) == (other.severity, other.key, other.says)


def test_inputs_of_urls_are_given_or_missing_never_secret(server):
    """What a URL reads comes from the command line or the usual sources; what is not there is said, and a secret is not used."""
    text = written({"issuer": "http://127.0.0.1:{{ inputs.port }}", "client_auth": "none"}, inputs={"port": {"pattern": "[0-9]+"}})
    port = server.url.rpartition(":")[2]
    server.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_basic"]
    secret = text.replace('"pattern"', '"secret": true, "pattern"')

    assert {"inputs"} == set(found(text, hints=True))
    assert {"client_auth"} == set(found(text, inputs={"port": port}))
    assert {"client_auth"} == set(found(text, port=port))
    before = len(server.asked)
    assert "is a secret" in found(secret, hints=True, port=port)["inputs"].message
    assert before == len(server.asked)


def test_issuers_above_an_endpoint():
    """The nearest first, the origin always, never without end."""
    assert ("https://a.example",) == issuers_above("https://a.example/token?x=1")
    assert ("https://a.example/realms/x", "https://a.example/realms", "https://a.example") == issuers_above("https://a.example/realms/x/token")
    assert "https://login.example/T/v2.0" == issuers_above("https://login.example/T/oauth2/v2.0/token")[0]
    assert MOST_ISSUERS == len(issuers_above("https://a.example/1/2/3/4/5/6/7/token"))


# ---- many, and gently


def test_no_credential_is_sent_and_nobody_is_asked_twice(server):
    """Twenty profiles of one server: its metadata are asked for once, without any secret."""
    text = written({"issuer": server.issuer})

    compared(*[text] * 20)

    assert 1 == server.counts[OAUTH]
    for request in server.asked:
        assert "GET" == request.method
        assert not {name.lower() for name, _ in request.headers} & {"authorization", "cookie"}
        assert SECRETS["client_secret"] not in repr(request)


def test_a_server_that_is_silent_is_waited_for_once():
    """Ten tenants of one dead server cost one wait; each is told."""
    asked = []

    def dead(request, seconds, placed):
        asked.append(request.url)
        raise DeadlineExceeded("no answer", stage="connect", host="a.example")

    run = engine(inputs=SECRETS)
    run.exchange = dead
    found = compared_online([check_text(written({"issuer": f"https://a.example/{tenant}"}), "acme.json") for tenant in range(10)], run)

    assert 1 == len(asked)
    assert 10 == sum(problem.rule == "online.unreachable" for checked in found for problem in checked.problems)


def test_metadata_of_somebody_else_above_an_endpoint():
    """They are not believed, and whose they are is said."""
    with serving(AuthorizationServer(metadata={"issuer": "https://sts.example/t"})) as server:
        [finding] = findings(written({"token_url": f"{server.url}/t/oauth2/token"}))

    assert ("info", "online.none", "write issuer: https://sts.example/t, if that is who it is") == (finding.severity, finding.rule, finding.fix)


def test_what_is_not_valid_is_not_compared(server):
    """Its problems are those of validate; nobody is asked."""
    [checked] = compared(written({"issuer": server.issuer, "client_auth": "nope"}))

    assert not checked.is_valid
    assert [] == server.asked


def test_several_ways_and_a_parent(server, tmp_path):
    """Each variant is compared at its own place; what a parent wrote is told in the parent's file."""
    server.metadata["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    auth = {"type": "oauth2", "grant_type": "client_credentials", "issuer": server.issuer}
    (tmp_path / "base.json").write_text(json.dumps({"format": 1, "name": "base", "identity_provider": "B", "servers": ["https://a.example"], "auth": {**auth, "client_auth": "none"}}, indent=1))
    child = parse_document('{"format": 1, "name": "acme", "extends": "base"}', "acme.json", json=True)
    many = json.loads(written({}))
    many["auth"] = [{**auth, "name": "a", "when": "{{ inputs.x == 'a' }}", "client_auth": "client_secret_post"}, {**auth, "name": "b", "client_auth": "none"}]
    many["inputs"] = {"x": {}}

    from authweave.loading import parents_in

    inherited, variants = compared_online([check(child, default_catalog(), parents_in((tmp_path,))), check_text(json.dumps(many), "acme.json")], engine(inputs=SECRETS))

    assert [str(tmp_path / "base.json")] == [problem.source for problem in inherited.problems if problem.rule == "online.client_auth"]
    assert ["auth[1].client_auth"] == [problem.key for problem in variants.problems if problem.rule == "online.client_auth"]


def test_workers_give_every_answer():
    """Each job once, by a few; none is none."""
    assert sorted(range(50)) == sorted(at_once(lambda job: job, list(range(50)), 4))
    assert [] == list(at_once(lambda job: job, []))


def test_an_error_ends_it():
    """What a job raises is raised, and what was not begun is left."""
    begun, may_go_on = [], Event()

    def work(job):
        begun.append(job)
        if job == 0:
            raise ValueError("the first")
        may_go_on.wait(60)

    with pytest.raises(ValueError, match="the first"):
        list(at_once(work, list(range(1000)), 1))
    may_go_on.set()

    assert len(begun) <= 2


def test_nobody_waits_for_a_silent_server():
    """Who leaves (Ctrl-C) leaves at once: the job that still waits is not waited for."""
    answered = Event()
    results = at_once(lambda job: job if job == 0 else answered.wait(60), [0, 1], 2)

    assert 0 == next(results)
    results.close()

    assert not answered.is_set()
    answered.set()


# ---- at the command line


@pytest.fixture
def acme(tmp_path, monkeypatch, server):
    monkeypatch.chdir(tmp_path)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "acme.json").write_text(written({"issuer": server.issuer, "client_auth": "client_secret_basic", "scopes": ["rite"]}))
    return tmp_path / "acme.json"


@pytest.mark.parametrize("name", ["lint", "validate"])
def test_the_same_door_by_two_names(capsys, acme, server, name):
    """Offline nobody is asked; --online finds, in lines and in JSON, with validate's exit codes; --strict counts warnings, not hints."""
    server.metadata |= {"scopes_supported": ["read", "\x1b[2Jx"], "introspection_endpoint": f"{server.url}/i"}

    offline = here(capsys, name, acme)
    asked = len(server.asked)
    online = here(capsys, name, "--online", acme)
    strict = here(capsys, name, "--online", "--strict", acme)
    [told] = json.loads(here(capsys, name, "--online", "--format", "json", acme).out)["files"]

    assert (Exit.OK, 0, Exit.OK, Exit.REFUSED) == (offline.code, asked, online.code, strict.code)
    assert "1 profile: 1 valid (1 warning, 1 hint)" == online.lines[-1]
    assert any(line.startswith(f"{acme}:") and "warning: auth.scopes[0]: " in line and line.endswith("scopes_supported) [online.scope]") for line in online.lines)
    assert "\x1b" not in online.out
    by_rule = {problem["rule"]: problem for problem in told["problems"]}
    assert (server.url + OAUTH, "scopes_supported") == tuple(by_rule["online.scope"][key] for key in ("metadata_url", "member"))
    server.metadata["token_endpoint_auth_methods_supported"] = ["none"]
    assert Exit.REFUSED == here(capsys, name, "--online", acme).code


def test_who_does_not_answer_leaves_it_open(capsys, acme):
    """Neither valid nor not: exit code 3, and it is said who."""
    acme.write_text(written({"issuer": f"http://127.0.0.1:{free_port()}"}))

    done = here(capsys, "lint", "--online", acme)

    assert Exit.INCONCLUSIVE == done.code
    assert "[online.unreachable]" in done.out


@pytest.mark.parametrize("arguments", [("--tenant", "x"), ("-I", "a=b"), ("--online", "--watch")])
def test_options_that_do_not_go_together(capsys, acme, arguments):
    """Said at once."""
    assert Exit.USAGE == here(capsys, "lint", acme, *arguments).code


def test_odd_answers_are_told_not_raised(capsys, acme, server):
    """HTML, a redirect, lists of numbers, another's endpoints: a finding each, never a traceback."""
    for reply in (Reply(200, b"<html>", (("Content-Type", "text/html"),)), Reply(302, b"", (("Location", "https://x.example"),)), Reply(200, b"[1]"), Reply(200, b"\xff\x00"), Reply(500, b"")):
        server.replies[OAUTH] = reply
        done = here(capsys, "lint", "--online", acme)
        assert "online." in done.out, done.err
        assert "mistake in authweave" not in done.err
    del server.replies[OAUTH]
    for member in ({"token_endpoint": 5}, {"token_endpoint": "http://169.254.169.254/x"}, {"scopes_supported": [1]}, {"response_types_supported": "code"}):
        server.metadata = dict(member)
        done = here(capsys, "lint", "--online", acme)
        assert "mistake in authweave" not in done.err
        assert "5" not in done.lines[-1] or done.code == Exit.REFUSED
