"""What people are told of signing in: reports of tests, status, previews, the sandbox that plays the person."""

from __future__ import annotations

import re

import pytest

from authweave.loading import loads
from authweave.preview import preview
from authweave.probe import test_profile as probe
from authweave.sandbox import Person, Sandbox, for_test
from authweave.values import Authorization
from services import Api, Clock, Identity, between, engine, profile, says, serving
from signing_in import API, REDIRECT, answer_to, begun_by, code_auth, code_profile, device_auth


@pytest.fixture
def identity():
    with serving(Identity(refresh=True)) as made:
        yield made


@pytest.fixture
def clock():
    return Clock()


def signed_in(connection):
    connection.complete_authorization(answer_to(begun_by(connection))).result(10)
    return connection


class Says:
    """A person who comes back with whatever the test wants."""

    redirect_uri = REDIRECT

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, sent: Authorization) -> str:
        return self.answer(sent)


# ---- "test auth"


@pytest.mark.diagnoses("authorization_required")
def test_without_a_token_the_report_says_how_to_sign_in(identity):
    """Nothing is sent, no link is made, and no code of a device is used up."""
    run = engine()
    report = probe(run, code_profile(identity), subject="anna")
    [found] = report.diagnoses

    assert ("authorization_required", "not_tested") == (found.code, report.token.word)
    assert "authweave login acme" in found.sentence
    assert ("auth.grant_type", True) == (found.fixes[0].key, "authweave login acme" in found.fixes[0].text)
    assert found.fixes[0].place
    assert "sign_in_needed" == run.status()[0].state if run.status() else True
    assert 0 == identity.count


def test_a_device_is_not_bothered_by_a_test(identity):
    """The device endpoint is not asked either."""
    report = probe(engine(), profile(device_auth(identity), API), subject="anna")

    assert "authorization_required" == report.diagnoses[0].code
    assert 0 == identity.count


def test_with_a_stored_token_it_is_tested():
    """It is refreshed, as every test gets its token anew, and the API is asked."""
    with between(Identity(refresh=True), Api()) as (identity, api):
        run = engine()
        made = profile(code_auth(identity), api.url, test={"request": {"url": "/me"}})
        signed_in(run.connect(made, subject="anna"))
        report = probe(run, made, subject="anna")

    assert ("obtained", "accepted") == (report.token.word, report.credential.word)
    assert ["authorization_code", "refresh_token"] == [request.form["grant_type"] for request in identity.asked]
    assert ["T2"] == api.tokens


def test_a_stored_token_that_nothing_renews_is_tested_as_it_is():
    """Where no refresh token came, the test does not use the sign-in up."""
    with between(Identity(), Api()) as (identity, api):
        run = engine()
        made = profile(code_auth(identity), api.url, test={"request": {"url": "/me"}})
        signed_in(run.connect(made, subject="anna"))
        report = probe(run, made, subject="anna")

    assert ("obtained", "accepted") == (report.token.word, report.credential.word)
    assert (1, ["T1"]) == (identity.count, api.tokens)


@pytest.mark.diagnoses("authorization_denied", "callback_refused")
@pytest.mark.parametrize(
    ("answer", "code", "key"),
    [
        (lambda sent: f"{REDIRECT}?error=invalid_scope&state={sent.state}", "authorization_denied", "auth.scopes"),
        (lambda sent: f"{REDIRECT}?state={sent.state}", "callback_refused", "auth.callback.code"),
        (lambda sent: f"{answer_to(sent)}&iss=https%3A%2F%2Felsewhere.example", "callback_refused", "auth.issuer"),
        (lambda sent: f"https://elsewhere.example/?code=x&state={sent.state}", "callback_refused", "auth.redirect_uri"),
    ],
)  # fmt: skip
def test_what_goes_wrong_on_the_way_back_has_a_diagnosis(identity, answer, code, key):
    """With the key that may mend it."""
    report = probe(engine(), code_profile(identity), subject="anna", person=Says(answer))
    [found] = report.diagnoses

    assert (code, key, "refused") == (found.code, found.fixes[0].key, report.token.word)
    assert 0 == identity.count


@pytest.mark.diagnoses("sign_in_failed")
def test_an_error_page_has_a_diagnosis(identity):
    """The person of the sandbox is shown no way back."""
    made = code_profile(identity, authorization_url=f"{identity.url}/authorize")
    identity.script = [says({"error": "unknown client"}, 400)]
    run = engine()
    report = probe(run, made, subject="anna", person=Person(run.wire))

    assert ("sign_in_failed", "auth.authorization_url") == (report.diagnoses[0].code, report.diagnoses[0].fixes[0].key)
    assert report.diagnoses[0].fixes[0].place
    assert "400" in report.diagnoses[0].sentence


# ---- status


def test_status_says_how_far_the_person_is(identity, clock):
    """Needed, pending with the link's age, good, and needed again."""
    run = engine(clock=clock)
    connection = run.connect(code_profile(identity), subject="anna", tenant="acme-eu")
    states = [run.status()[0]]
    begun = begun_by(connection)
    clock.ahead += 180
    states.append(run.status()[0])
    connection.complete_authorization(answer_to(begun)).result(10)
    states.append(run.status()[0])
    connection.revoke().result(10)
    states.append(run.status()[0])

    assert ["sign_in_needed", "sign_in_pending", "ok", "sign_in_needed"] == [health.state for health in states]
    assert "3 min ago, and is good for 7 min more" in states[1].why
    assert "authweave login acme --tenant acme-eu --subject anna" in states[0].fix
    assert begun.state not in repr(states)
    assert all(health.attended for health in states)


def test_a_token_without_refresh_token_that_ended_wants_a_person(clock):
    """It says that nothing renews it."""
    with serving(Identity()) as identity:
        run = engine(clock=clock)
        signed_in(run.connect(code_profile(identity), subject="anna"))
        clock.ahead += 601

        assert "sign_in_needed" == run.status()[0].state
        assert "nothing came with it that renews it" in run.status()[0].why


# ---- preview


def test_the_link_is_shown_before_it_is_made(identity):
    """What the browser asks, and what the exchange sends, with stand-ins for what the sign-in brings."""
    connection = engine().connect(code_profile(identity, scopes=["read"], token_request={"fields": [{"key": "x", "value": "{{ callback.extra }}"}]}), subject="anna")
    link, token = preview(connection).requests[:2]

    assert ("sign_in", "GET", "token") == (link.purpose, link.method, token.purpose)
    assert re.match(r"https://id\.example\.com/authorize\?response_type=code&client_id=robot&redirect_uri=", link.url)
    assert "state=‹state, new for each sign-in›" in link.url
    assert () == link.headers
    assert "code=‹code of the sign-in›" in token.body
    assert "x=‹callback.extra›" in token.body
    assert "" == link.error == token.error


def test_the_request_of_a_device_is_shown(identity):
    """And the poll."""
    device, token = preview(engine().connect(profile(device_auth(identity, scopes=["a"]), API), subject="anna")).requests

    assert ("sign_in", "POST", f"{identity.url}/device") == (device.purpose, device.method, device.url)
    assert "device_code=‹device_code of the sign-in›" in token.body


def test_the_refresh_of_a_sign_in_has_no_link(identity):
    """`--refresh` shows the renewal alone."""
    [request] = preview(engine().connect(code_profile(identity), subject="anna"), refresh=True).requests

    assert "token" == request.purpose
    assert "grant_type=refresh_token" in request.body


# ---- the sandbox

HEAD = "format: 1\nname: acme\nidentity_provider: Acme\nservers: ['https://api.acme.example']\n"
WAYS = {
    "code": "grant_type: authorization_code, authorization_url: 'https://id.acme.example/a', token_url: 'https://id.acme.example/t', scopes: [a, b]",
    "public": "grant_type: authorization_code, client_auth: none, authorization_url: 'https://id.acme.example/a', token_url: 'https://id.acme.example/t'",
    "plain": "grant_type: authorization_code, pkce: plain, authorization_url: 'https://id.acme.example/a', token_url: 'https://id.acme.example/t'",
    "no proof key": "grant_type: authorization_code, pkce: false, authorization_url: 'https://id.acme.example/a', token_url: 'https://id.acme.example/t'",
    "odd": "grant_type: authorization_code, client_auth: client_secret_post, authorization_url: 'https://id.acme.example/a?x=1', token_url: 'https://{{ kept.host }}/t', scopes: [a, b], scope_separator: ',', "
    "authorization_request: {rename: {client_id: app}, omit: [response_type], fields: [{key: prompt, value: consent}]}, token_request: {rename: {code: auth_code}, encoding: json}, "
    "callback: {code: '{{ callback.authCode }}', keep: {host: {value: '{{ callback.host }}', pattern: '(eu|us)\\.id\\.acme\\.example'}}}",
    "consent first": "grant_type: client_credentials, authorization_url: 'https://id.acme.example/a', token_url: 'https://id.acme.example/{{ kept.tenant }}/t', callback: {keep: {tenant: {value: '{{ callback.tenant }}', pattern: '[a-z]{4}'}}}",
    "device": "grant_type: device_code, device_authorization_url: 'https://id.acme.example/d', token_url: 'https://id.acme.example/t', scopes: [a, b]",
    "device, public": "grant_type: device_code, client_auth: none, device_authorization_url: 'https://id.acme.example/d', token_url: 'https://id.acme.example/t'",
}  # fmt: skip


def in_sandbox(text, **how):
    made = loads(f"{HEAD}auth: {{type: oauth2, {text}}}\ntest: {{request: {{url: /me}}}}\n", "acme.yaml")
    with for_test(made, **how) as (run, inputs):
        return probe(run, made, subject="somebody" if made.subject == "user" else None, inputs=inputs, sandbox=True, person=Person(run.wire))


@pytest.mark.parametrize("way", WAYS)
def test_the_sandbox_plays_the_person(way):
    """Each way of signing in, tested without a browser."""
    report = in_sandbox(WAYS[way])

    assert [] == [found.sentence for found in report.diagnoses]
    assert ("obtained", "accepted") == (report.token.word, report.credential.word)


def tried(text, change):
    """The answer of the sandbox to a link that was changed on its way."""
    made = loads(f"{HEAD}auth: {{type: oauth2, {text}}}\n", "acme.yaml")
    with Sandbox((made,)) as sandbox, sandbox.engine() as run:
        connection = run.connect(made, subject="somebody")
        begun = begun_by(connection, redirect_uri=Person.redirect_uri)
        answer = Person(run.wire)(Authorization("browser", url=change(begun.url), state=begun.state))
        return connection.complete_authorization(answer).result(10)


@pytest.mark.parametrize(
    "change",
    [
        lambda url: re.sub("client_id=[^&]*", "client_id=another", url),
        lambda url: re.sub("redirect_uri=[^&]*", "redirect_uri=https%3A%2F%2Fevil.example%2F", url),
        lambda url: re.sub("&code_challenge=[^&]*", "", url),
        lambda url: re.sub("code_challenge=[^&]*", "code_challenge=" + 43 * "A", url),
        lambda url: re.sub("scope=[^&]*", "scope=everything", url),
    ],
    ids=["client", "redirect", "no challenge", "another challenge", "scope"],
)  # fmt: skip
def test_the_sandbox_decides_by_itself(change):
    """A link that is not as the client's: the person is shown an error, or the code buys nothing."""
    with pytest.raises(Exception, match=r"error page|refused|invalid_grant|invalid_scope"):
        tried(WAYS["code"], change)

    assert tried(WAYS["code"], lambda url: url).access_token.reveal()
