"""Diagnoses of what goes wrong before anything is sent, beside servers that would have heard it: the profile, its inputs, its templates."""

from __future__ import annotations

import pytest

from diagnosed import diagnosed
from probing import INPUTS, SECRET, between, first, oauth, refuse_leaks, report_of, run, stage, stands_at, written
from sockets import answers

KEY = "key-planted-123456"


@pytest.fixture
def servers():
    """A token endpoint and an API that would answer well."""
    with between() as (identity, api):
        yield identity, api


def api_key(folder, api, secret=KEY, *, given=None, **more):
    """A run of a profile without a token call; its key is in no output."""
    path = written(folder, {"type": "api_key", **more.pop("auth", {})}, servers=more.pop("servers", [api.url.rstrip("/")]), **more)
    report = run(path, inputs={"api_key": secret, **(given or {})})
    refuse_leaks(report, KEY)
    return report


def unsent(report, *servers):
    """Did nobody hear of it?"""
    return report.exchanges == () and not any(server.connections for server in servers)


@pytest.mark.diagnoses("profile_invalid")
def test_a_profile_that_is_not_valid(tmp_path, servers):
    """Every problem with its line; nothing is sent."""
    identity, api = servers
    path = written(tmp_path, {**oauth(f"{identity.url}t"), "grant_typ": "x", "client_secret": "literal-secret"}, servers=[api.url])
    report = run(path)

    diagnosed(report, "profile_invalid", "", token="not_tested", credential="not_tested", says="Nothing was sent", retry="no")
    assert ["auth.grant_typ", "auth.client_secret"] == sorted((problem.key for problem in report.problems), reverse=True)
    assert all(problem.mark for problem in report.problems)
    assert unsent(report, *servers)
    refuse_leaks(report, "literal-secret")


@pytest.mark.diagnoses("limit_refused")
def test_a_profile_outside_of_the_limits(tmp_path, servers):
    """What it names outside, with its line and what may be used in its place; nothing is sent."""
    identity, api = servers
    (tmp_path / "limits.toml").write_text('profiles = ["*"]\ntypes = ["*"]\nhosts = ["elsewhere.example"]\ninputs = ["*"]\n')
    report = run(written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url]), limits=str(tmp_path / "limits.toml"))

    diagnosed(report, "limit_refused", "settings: limits", token="not_tested", credential="not_tested", says="an operator can allow it", retry="no")
    assert {"auth.token_url", "servers[0]"} == {problem.key for problem in report.problems}
    assert unsent(report, *servers)


@pytest.mark.diagnoses("secret_unresolved")
@pytest.mark.parametrize("inputs", [{"client_id": "x"}, {"client_id": "x", "client_secret": ""}], ids=["missing", "empty"])
def test_a_secret_that_nobody_supplies(tmp_path, servers, inputs):
    """Missing or empty, it is named before the network, and where it was looked for."""
    identity, api = servers
    report = run(written(tmp_path, oauth(f"{identity.url}t"), servers=[api.url]), inputs=inputs)

    diagnosed(report, "secret_unresolved", "inputs.client_secret", token="not_tested", credential="not_tested", says="client_secret", retry="no")
    assert unsent(report, *servers)


DOUBTS = {
    "<client_secret>": "placeholder", "${CLIENT_SECRET}": "a variable was not filled in", "changeme": "it says so itself", "vault:secret/acme": "a reference to a secret",
    "/run/secrets/acme_client": "the name of a file", "keys/acme-client.pem": "the name of a file", f"{SECRET}\n": "line ends stand around it", f"'{SECRET}'": "quotes stand around it",
}  # fmt: skip


@pytest.mark.diagnoses("secret_suspicious")
@pytest.mark.parametrize("secret", DOUBTS, ids=list(DOUBTS.values()))
def test_a_secret_that_is_none(tmp_path, secret):
    """It is used all the same; when the server refuses, it is the first thing to look at."""
    refusal = answers(401, ("Content-Type", "application/json"), body=b'{"error": "invalid_client"}')
    report = report_of(tmp_path, refusal, inputs={"client_id": "x", "client_secret": secret})

    [doubt] = [found for found in report.diagnoses if found.code == "secret_suspicious"]
    assert ("invalid_client", "inputs.client_secret", "inputs.client_secret") == (first(report).code, first(report).fixes[0].key, doubt.fixes[0].key)
    assert ("warning", "refused") == (doubt.severity, report.token.word)
    assert DOUBTS[secret] in doubt.sentence
    assert "warning" == stage(report, "resolve").status


def test_a_sound_secret_is_not_doubted(tmp_path):
    """The twin: letters as they come from a generator, slashes among them."""
    report = report_of(tmp_path, inputs={"client_id": "x", "client_secret": "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMC"})

    assert ((), "accepted") == (report.diagnoses, report.credential.word)


@pytest.mark.diagnoses("input_invalid")
def test_an_input_of_another_form(tmp_path, servers):
    """The declaration and the input are named; the value is not sent anywhere."""
    identity, api = servers
    path = written(tmp_path, oauth(f"{identity.url}{{{{ inputs.tenant }}}}/t"), servers=[api.url], inputs={"tenant": {"pattern": "[a-z]+"}})
    report = run(path, given={"tenant": "UPPER"})

    diagnosed(report, "input_invalid", "inputs.tenant", token="not_tested", says="[a-z]+", retry="no")
    assert unsent(report, *servers)


@pytest.mark.diagnoses("crlf_or_nonascii_in_header")
@pytest.mark.parametrize(
    ("secret", "where"),
    [(f"{KEY}\n", "line break at character 19 of 19"), (f"{KEY}\r\nX-Evil: 1", "at character 19"), (f" {KEY}", "X-API-Key"), ("key-plänted-123456", "at character 7")],
    ids=["line end", "another header", "blank", "not ASCII"],
)
def test_a_header_that_cannot_be_sent(tmp_path, servers, secret, where):
    """Header and place of the character; the input is what to change, then the template."""
    report = api_key(tmp_path, servers[1], secret)

    diagnosed(report, "crlf_or_nonascii_in_header", "inputs.api_key", credential="not_tested", says=("X-API-Key", where), retry="no")
    assert "auth.fields[0]" in [fix.key for fix in first(report).fixes]
    assert unsent(report, *servers)
    refuse_leaks(report, secret.strip())


@pytest.mark.diagnoses("crlf_or_nonascii_in_header")
def test_a_header_beside_the_token_that_cannot_be_sent(tmp_path, servers):
    """The token was obtained; it is the check that could not be made, by the field and the input that make this header."""
    fields = [{"in": "header", "key": "X-Region", "value": "eu"}, {"in": "header", "key": "X-Gateway", "value": "{{ inputs.gateway }}"}]
    path = written(tmp_path, oauth(f"{servers[0].url}t"), servers=[servers[1].url.rstrip("/")], fields=fields, inputs={"gateway": {"secret": True}})
    report = run(path, inputs={**INPUTS, "gateway": "kéy-planted"})

    told = diagnosed(report, "crlf_or_nonascii_in_header", "inputs.gateway", token="obtained", credential="not_tested", says="X-Gateway", retry="no")
    assert "fields[1]" == told.fixes[1].key
    assert stands_at(told.fixes[1].place, "fields[1]")
    assert {"token_checks": "ok", "apply": "failed", "api_probe": "skipped", "verdict": "failed"}.items() <= {one.name: one.status for one in report.stages}.items()
    assert [] == servers[1].requests
    assert "whether the token server accepts the client" not in report.not_tested
    refuse_leaks(report, "kéy-planted")


@pytest.mark.diagnoses("crlf_or_nonascii_in_header")
def test_a_header_of_the_token_call_that_cannot_be_sent(tmp_path, servers):
    """There it is the field of the token request."""
    field = {"in": "header", "key": "X-Gateway", "value": "{{ inputs.gateway }}"}
    path = written(tmp_path, oauth(f"{servers[0].url}t", token_request={"fields": [field]}), inputs={"gateway": {"secret": True}})
    report = run(path, inputs={**INPUTS, "gateway": "kéy-planted"})

    assert "crlf_or_nonascii_in_header" == first(report).code
    assert ["inputs.gateway", "auth.token_request.fields"] == [fix.key for fix in first(report).fixes]
    assert unsent(report, *servers)
    refuse_leaks(report, "kéy-planted")


@pytest.mark.diagnoses("placement")
def test_a_field_without_a_place(tmp_path, servers):
    """A payload field, and a check that has no body."""
    report = api_key(tmp_path, servers[1], fields=[{"in": "payload", "key": "a", "value": "b"}])

    diagnosed(report, "placement", "test.request", credential="not_tested", says="a body for payload", retry="no")
    assert unsent(report, *servers)


@pytest.mark.diagnoses("template")
def test_a_template_without_a_value(tmp_path, servers):
    """The input that is null, by name."""
    field = {"in": "header", "key": "X-Part", "value": "{{ inputs.part }}"}
    report = api_key(tmp_path, servers[1], fields=[field], inputs={"part": {"required": False}})

    diagnosed(report, "template", "inputs.part", credential="not_tested", says="inputs.part is null", retry="no")
    assert unsent(report, *servers)


@pytest.mark.diagnoses("template")
def test_an_input_that_is_missing_in_the_url(tmp_path, servers):
    """Its place shows in the URL, as that of an empty one does."""
    path = written(tmp_path, oauth("https://{{ inputs.tenant }}.acme.invalid/t"), inputs={"tenant": {"required": False}})

    diagnosed(run(path), "template", "inputs.tenant", token="not_tested", says="auth.token_url is https://‹tenant empty›.acme.invalid/t", retry="no")
    assert unsent(run(path), *servers)


@pytest.mark.diagnoses("url_refused")
def test_a_url_that_is_none(tmp_path, servers):
    """A value that would leave its place in the URL."""
    report = api_key(tmp_path, servers[1], servers=["https://{{ inputs.host }}"], inputs={"host": {"pattern": ".*"}}, given={"host": "evil/../x"})

    diagnosed(report, "url_refused", "inputs.host", credential="not_tested", says=("servers[0]: https://{{ inputs.host }}", "inputs.host is 'evil/../x'"), retry="no")
    assert unsent(report, *servers)


@pytest.mark.diagnoses("url_refused")
def test_an_empty_input_shows_in_the_url(tmp_path, servers):
    """`https://auth‹region empty›.…`: what an empty parameter made of the host."""
    path = written(tmp_path, oauth("https://auth{{ inputs.region }}.acme.invalid/t"), inputs={"region": {"required": False, "default": ""}})
    report = run(path)

    diagnosed(report, "url_refused", "inputs.region", token="not_tested", says=("https://auth‹region empty›.acme.invalid/t", "inputs.region is empty", "supply it"))
    assert unsent(report, *servers)


@pytest.mark.diagnoses("no_servers")
def test_nobody_said_who_may_get_it(tmp_path, servers):
    """With a token call the token is got, and a warning given; without one nothing is left to do."""
    identity, api = servers
    token_only = run(written(tmp_path, oauth(f"{identity.url}t"), servers=()))
    diagnosed(token_only, "no_servers", "servers", token="obtained", credential="not_tested", says="--server URL")
    assert "warning" == first(token_only).severity
    nothing = api_key(tmp_path, api, servers=())

    diagnosed(nothing, "no_servers", "servers", credential="not_tested", retry="no")
    assert "error" == first(nothing).severity
    assert unsent(nothing, api)


@pytest.mark.diagnoses("origin_refused")
def test_a_check_that_goes_elsewhere(tmp_path, servers):
    """It would carry the credential to somebody else's server, which hears nothing."""
    elsewhere, api = servers
    test = {"request": {"url": f"http://127.0.0.1:{elsewhere.port}/{{{{ inputs.where }}}}"}}
    report = api_key(tmp_path, api, inputs={"where": {"default": "x"}}, test=test)

    diagnosed(report, "origin_refused", "test.request.url", credential="not_tested", says="write a URL of one of the servers", retry="no")
    assert unsent(report, *servers)


@pytest.mark.diagnoses("no_variant")
def test_no_variant_is_for_the_request(tmp_path, servers):
    """None of the conditions holds."""
    auth = [{"name": "a", "type": "api_key", "when": "{{ inputs.mode == 'a' }}"}]
    path = written(tmp_path, auth, inputs={"mode": {}}, servers=[servers[1].url])
    report = run(path, inputs={"mode": "b", "api_key": KEY})

    diagnosed(report, "no_variant", "auth.when", credential="not_tested", retry="no")
    assert unsent(report, *servers)


@pytest.mark.diagnoses("not_applied")
def test_no_ticket_for_the_service(tmp_path, servers, monkeypatch):
    """Kerberos gives none on a machine without a realm: nothing is sent, and `kinit` is what helps."""
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path}/no-tickets")
    monkeypatch.setenv("KRB5_CONFIG", f"{tmp_path}/no-realm")
    path = written(tmp_path, {"type": "negotiate", "service": "HTTP@intranet.acme.example"}, servers=[servers[1].url])
    report = run(path, inputs={})

    diagnosed(report, "not_applied", "auth.service", credential="not_tested", says="kinit", retry="no")
    assert unsent(report, *servers)
