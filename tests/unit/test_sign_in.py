"""Signing in with a browser: one link, one answer, one token, whoever asks and wherever it is completed."""

from __future__ import annotations

import base64
import contextlib
import json
import threading

import httpx
import pluggy
import pytest

from authweave import loads
from authweave.errors import (
    AuthorizationDenied,
    AuthorizationRequired,
    CallbackRefused,
    MissingInput,
    RateLimited,
    SignInNeeded,
    TemplateError,
    TokenEndpointError,
    UrlRefused,
    UsageError,
    WireError,
)
from authweave.hookspecs import HostSpecs
from authweave.plugin import AuthweavePlugin
from authweave.sign_in import Callback, row_of_state
from authweave.sign_in.links import checked_redirect
from authweave.stores.memory import MemoryStore
from authweave.values import TaskRequest
from services import INPUTS, Api, Clock, Identity, Reply, between, connect, engine, oauth, profile, says, serving
from signing_in import API, AUTHORIZE, REDIRECT, answer_to, asked_of, begun_by, code_auth, code_profile
from thorough import every

ANSWERED = {"code": "the-code"}


@pytest.fixture
def identity():
    """A token endpoint that gives refresh tokens, which rotate."""
    with serving(Identity(refresh=True)) as made:
        yield made


@pytest.fixture
def clock():
    return Clock()


def of(identity, *, run=None, subject="anna", tenant="", **auth):
    return (run or engine()).connect(code_profile(identity, **auth), subject=subject, tenant=tenant)


def token_of(connection):
    return connection.token().result(10).access_token.reveal()


def completed(connection, answer, **how):
    return connection.complete_authorization(answer, **how).result(10)


def refused(connection, answer, **how):
    with pytest.raises(CallbackRefused) as caught:
        completed(connection, answer, **how)
    return caught.value.reason


def needed(connection):
    with pytest.raises(AuthorizationRequired) as caught:
        connection.token().result(10)
    return caught.value


# ---- the link


def test_the_link_asks_for_a_code_with_proof_key_and_state(identity):
    """RFC 6749 §4.1.1 and RFC 7636 §4.3: nothing else than the profile says."""
    asked = asked_of(begun_by(of(identity, scopes=["read", "write"])))

    assert ["response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge", "code_challenge_method"] == list(asked)
    assert ("code", "robot", REDIRECT, "read write", "S256", 43) == (
        asked["response_type"], asked["client_id"], asked["redirect_uri"], asked["scope"], asked["code_challenge_method"], len(asked["code_challenge"]),
    )  # fmt: skip


def test_extra_renamed_and_left_out_parameters(identity):
    """`authorization_request` changes the link as `token_request` changes the token request."""
    request = {"omit": ["response_type"], "rename": {"client_id": "client_key"}, "fields": [{"key": "access_type", "value": "offline"}, {"key": "user_scope", "value": "{{ inputs.client_id }}:read"}]}
    asked = asked_of(begun_by(of(identity, authorization_request=request, scopes=["a", "b"], scope_separator=",")))

    assert ("robot", "offline", "robot:read", "a,b") == (asked["client_key"], asked["access_type"], asked["user_scope"], asked["scope"])
    assert not {"client_id", "response_type"} & asked.keys()


def test_a_query_that_is_written_stays(identity):
    """What stands in authorization_url goes on standing there (RFC 6749 §3.1)."""
    begun = begun_by(of(identity, authorization_url=f"{AUTHORIZE}?tenant=mix"))

    assert begun.url.startswith(f"{AUTHORIZE}?tenant=mix&response_type=code&")


@pytest.mark.parametrize(("pkce", "names"), [("plain", {"code_challenge", "code_challenge_method"}), (False, set())])
def test_proof_key_is_weaker_only_where_the_profile_says_so(identity, pkce, names):
    """`plain` sends the verifier itself, `false` nothing; the token request follows."""
    connection = of(identity, pkce=pkce)
    begun = begun_by(connection)
    completed(connection, answer_to(begun))

    asked = asked_of(begun)
    assert names == {name for name in asked if name.startswith("code_challenge")}
    assert asked.get("code_challenge") == identity.asked[0].form.get("code_verifier")


def test_every_sign_in_has_a_state_and_a_verifier_of_its_own(identity, clock):
    """Two links have nothing in common that could be guessed."""
    connection = of(identity, run=engine(clock=clock))
    first = begun_by(connection)
    clock.ahead += 601
    second = begun_by(connection)

    assert first.state != second.state
    assert asked_of(first)["code_challenge"] != asked_of(second)["code_challenge"]
    assert row_of_state(first.state) == row_of_state(second.state) != ""


@pytest.mark.parametrize(
    "uri",
    ["https://app.example.com/cb#here", "http://app.example.com/cb", "javascript:alert(1)", "/cb", "https://user@app.example.com/cb", "https://app.example.com/c b", "https://app.example.com/" + 2048 * "a", "https://app.example.com/ü", ""],
)  # fmt: skip
def test_a_redirect_uri_that_must_not_be_used_is_refused(identity, uri):
    """A fragment, http elsewhere than on this machine, a script, what is no URL."""
    with pytest.raises(UrlRefused, match="redirect_uri"):
        begun_by(of(identity), redirect_uri=uri)


@every("uri", [
    "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://app.example.com/x", "view-source:https://app.example.com/",
    "about:blank", "ftp://app.example.com/", "mailto:anna@example.com", "tel:1", "ws://app.example.com/", "wss://app.example.com/", "com.example.app:/oauth\n", "com.example.app:/" + 2048 * "a", "https://",
])  # fmt: skip
def test_nobody_comes_back_to_what_runs_or_reads(uri):
    """Schemes that a browser does something else with, a line end at the end, what is too long, or goes nowhere."""
    with pytest.raises(UrlRefused, match="redirect_uri"):
        checked_redirect(uri)


@pytest.mark.parametrize("uri", ["http://127.0.0.1:8912/cb", "http://[::1]:8912/cb", "http://localhost/cb?x=1", "com.example.app:/oauth", "https://app.example.com/a%2Fb/?tenant=a%20b"])
def test_a_redirect_uri_is_sent_letter_for_letter_both_times(identity, uri):
    """RFC 6749 §4.1.3: identical at the authorization and at the token endpoint."""
    connection = of(identity)
    begun = begun_by(connection, redirect_uri=uri)
    completed(connection, answer_to(begun))

    assert uri == asked_of(begun)["redirect_uri"] == identity.asked[0].form["redirect_uri"] == begun.redirect_uri


# ---- the exchange


def test_the_code_is_exchanged_with_its_verifier(identity):
    """RFC 6749 §4.1.3: code, redirect URI, verifier; the scopes were said before."""
    connection = of(identity, scopes=["read"])
    token = completed(connection, answer_to(begun_by(connection)))

    [request] = identity.asked
    assert ["grant_type", "code", "redirect_uri", "code_verifier"] == list(request.form)
    assert ("authorization_code", "the-code", 64) == (request.form["grant_type"], request.form["code"], len(request.form["code_verifier"]))
    assert f"{INPUTS['client_id']}:{INPUTS['client_secret']}" == request.basic
    assert "T1" == token.access_token.reveal() == token_of(connection)


def test_a_public_client_sends_its_id_and_no_secret(identity):
    """RFC 6749 §4.1.3: client_id in the body."""
    connection = of(identity, run=engine(inputs={"client_id": "robot"}), client_auth="none")
    completed(connection, answer_to(begun_by(connection)))

    [request] = identity.asked
    assert "robot" == request.form["client_id"]
    assert [] == request.values("authorization")


def test_a_client_id_that_no_token_request_has_is_still_in_the_link(identity):
    """Whoever sends a person somewhere says who asks, although the token request proves it otherwise."""
    auth = {"client_auth": "none", "token_request": {"omit": ["client_id"], "fields": [{"in": "header", "key": "Authorization", "value": "Basic {{ basic(inputs.client_secret, '') }}"}]}}
    connection = of(identity, **auth)
    begun = begun_by(connection)
    completed(connection, answer_to(begun))

    assert "robot" == asked_of(begun)["client_id"]
    assert ("client_id" in identity.asked[0].form, "s3cr3t-of-the-client:") == (False, identity.asked[0].basic)


def test_the_parameters_alone_will_do(identity):
    """`response_mode=form_post`, and frameworks that have read the query already."""
    connection = of(identity)
    begun = begun_by(connection)

    assert "T1" == completed(connection, {"code": "the-code", "state": begun.state}).access_token.reveal()


def test_a_code_under_another_name(identity):
    """`callback.code` says where it stands."""
    connection = of(identity, callback={"code": "{{ callback.auth_code }}"})
    begun = begun_by(connection)
    completed(connection, {"auth_code": "odd", "state": begun.state})

    assert "odd" == identity.asked[0].form["code"]


def test_the_callback_can_be_read_in_the_exchange_only(identity, clock):
    """A field that reads `callback` is of the code exchange; a refresh has none."""
    run = engine(clock=clock)
    connection = of(identity, run=run, token_request={"fields": [{"key": "hmac", "value": "{{ callback.hmac }}"}]})
    completed(connection, answer_to(begun_by(connection), hmac="abc"))
    clock.ahead += 601
    token_of(connection)

    assert ["abc", None] == [request.form.get("hmac") for request in identity.asked]


def test_what_the_redirect_keeps_goes_into_the_token_url_and_stays(identity, clock):
    """As Zoho's accounts-server: kept with the token, over refreshes, and for another process."""
    store = MemoryStore(clock)
    keep = {"realm": {"value": "{{ callback['realm-id'] }}", "pattern": "[0-9]+"}}
    made = code_profile(identity, API, callback={"keep": keep}, token_url=f"{identity.url}/{{{{ kept.realm }}}}/token")
    connection = engine(clock=clock, store=store).connect(made, subject="anna")
    completed(connection, answer_to(begun_by(connection), **{"realm-id": "77"}))
    clock.ahead += 601
    other = engine(clock=clock, store=store).connect(made, subject="anna")

    assert "77" == other.token().result(10).kept["realm"]
    assert ["/77/token", "/77/token"] == [request.target for request in identity.asked]


def test_what_must_not_be_kept_ends_nothing_and_sends_nothing(identity):
    """A pattern that is not met: no code goes anywhere, and the right answer is still taken."""
    keep = {"accounts": {"value": "{{ callback.server }}", "pattern": r"https://accounts\.zoho\.(com|eu)"}}
    connection = of(identity, callback={"keep": keep}, token_url="{{ kept.accounts }}/token")
    begun = begun_by(connection)

    assert "form" == refused(connection, answer_to(begun, server="https://accounts.zoho.evil.example"))
    assert 0 == identity.count


def test_what_is_no_text_looks_like_no_pattern(identity):
    """A number is refused as a text is that does not match."""
    connection = of(identity, callback={"keep": {"shop": {"value": "{{ [callback.shop] }}", "pattern": ".*"}}})

    assert "form" == refused(connection, answer_to(begun_by(connection), shop="7"))
    assert 0 == identity.count


def test_a_secret_that_is_kept_of_the_redirect_is_one(identity):
    """`secret: true`: with the token it is kept sealed, and shown nowhere."""
    connection = of(identity, callback={"keep": {"ticket": {"value": "{{ callback.ticket }}", "secret": True}}})
    token = completed(connection, answer_to(begun_by(connection), ticket="t1cket-4711"))

    assert "t1cket-4711" == token.kept["ticket"].reveal()
    assert "t1cket-4711" not in repr(token)


def test_what_is_kept_of_the_redirect_must_not_be_doubled(identity):
    """RFC 6749 §3.1: of two values nobody says which one counts; the right answer is still taken."""
    connection = of(identity, callback={"keep": {"shop": {"value": "{{ callback.shop }}"}}})
    begun = begun_by(connection)

    assert "duplicate" == refused(connection, answer_to(begun, shop="mine") + "&shop=theirs")
    assert 0 == identity.count
    assert "mine" == completed(connection, answer_to(begun, shop="mine")).kept["shop"].reveal()


@pytest.mark.parametrize(("stage", "retry", "calls"), [("connect", True, 2), ("dns", False, 1), ("headers", True, 1)])
def test_a_code_is_presented_again_only_where_it_never_left(identity, stage, retry, calls):
    """And not where another try cannot help."""
    class Lost(WireError):
        """On the way."""

    Lost.retry = retry
    run = engine()
    sends, asked = run.exchange, []

    def exchange(*given, **named):
        asked.append(stage)
        if len(asked) == 1:
            raise Lost("lost on the way", stage=stage, host="id.example.com")
        return sends(*given, **named)

    run.exchange = exchange
    connection = of(identity, run=run)
    answer = answer_to(begun_by(connection))
    if calls == 2:
        assert "T1" == completed(connection, answer).access_token.reveal()
    else:
        with pytest.raises(Lost):
            completed(connection, answer)
    assert calls == len(asked)


def test_an_answer_is_not_used_up_while_the_endpoint_asks_to_wait(identity):
    """The code is presented once it may be."""
    clock = Clock()
    identity.script = [says({}, 429, ("Retry-After", "300"))]
    run = engine(clock=clock)
    anna, berta = of(identity, run=run), of(identity, run=run, subject="berta")
    with pytest.raises(RateLimited):
        completed(berta, answer_to(begun_by(berta)))
    answer = answer_to(begun_by(anna))
    with pytest.raises(RateLimited):
        completed(anna, answer)
    clock.ahead += 301

    assert "T1" == completed(anna, answer).access_token.reveal()


def test_servers_may_be_known_with_the_token_only(identity):
    """As Zoho's and Salesforce's: kept of the answer, used for the API."""
    with serving(Api()) as api:
        identity.more = {"api_domain": api.url}
        keep = {"api": {"value": "{{ response.json.api_domain }}", "pattern": r"http://127\.0\.0\.1:[0-9]+"}}
        connection = engine().connect(profile(code_auth(identity, token_response={"keep": keep}), "{{ kept.api }}"), subject="anna")
        completed(connection, answer_to(begun_by(connection)))

        assert f"{api.url}/me" == connection.authorize(TaskRequest("GET", "/me")).result(10).url


def test_a_refused_code_is_told_and_not_tried_again(identity):
    """invalid_grant: one request, the server's words, and the next caller gets a new link."""
    identity.script = [says({"error": "invalid_grant", "error_description": "code expired"}, 400)]
    connection = of(identity)
    begun = begun_by(connection)
    with pytest.raises(TokenEndpointError, match="code expired"):
        completed(connection, answer_to(begun))

    assert "used" == refused(connection, answer_to(begun))
    assert needed(connection).authorization.state != begun.state
    assert 1 == identity.count


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_code_is_presented_once_whatever_the_server_answers(identity, status):
    """Codes are good once: a second try could end what the first one gave (RFC 6749 §4.1.2)."""
    identity.script = [Reply(status, b"{}")] * 3
    connection = of(identity)
    with pytest.raises(Exception, match=str(status)):
        completed(connection, answer_to(begun_by(connection)))

    assert 1 == identity.count


def test_later_tokens_come_by_refresh(identity, clock):
    """The refresh token rotates, and each is presented once."""
    connection = of(identity, run=engine(clock=clock))
    completed(connection, answer_to(begun_by(connection)))
    for _ in range(2):
        clock.ahead += 601
        token_of(connection)

    assert [None, "R1", "R2"] == [request.form.get("refresh_token") for request in identity.asked]


def test_without_a_refresh_token_the_end_is_another_sign_in(clock):
    """Nothing renews it: the error says so, with a new link."""
    with serving(Identity()) as identity:
        connection = of(identity, run=engine(clock=clock))
        completed(connection, answer_to(begun_by(connection)))
        clock.ahead += 601
        error = needed(connection)

    assert "nothing came with it that renews it" in str(error)
    assert error.authorization.url.startswith(AUTHORIZE)
    assert 1 == identity.count


def test_a_dead_refresh_token_asks_for_the_person_and_signing_in_heals_it(identity, clock):
    """invalid_grant for the refresh; then a new consent, and no trouble is left."""
    store = MemoryStore(clock)
    run = engine(clock=clock, store=store)
    connection = of(identity, run=run)
    completed(connection, answer_to(begun_by(connection)))
    identity.good_refresh, clock.ahead = "another", 601
    error = needed(connection)
    assert "invalid_grant" in error.reason

    completed(connection, answer_to(error.authorization))

    assert "T2" == token_of(connection)
    assert ["ok"] == [health.state for health in run.status()]


# ---- callers without a token


def test_the_error_has_everything_that_a_bot_needs(identity, clock):
    """Link, end, profile, provider, tenant, subject; the sentence says what to do, and holds no link."""
    connection = of(identity, run=engine(clock=clock), tenant="acme-eu")
    error = needed(connection)

    assert isinstance(error, SignInNeeded)
    assert ("acme", "Acme", "acme-eu", "anna", "browser") == (error.profile, error.identity_provider, error.tenant, error.subject, error.authorization.kind)
    assert abs(error.authorization.expires_at - clock() - 600) < 10
    assert "authweave login acme" in str(error)
    assert "Acme" in str(error)
    assert error.authorization.state not in f"{error} {error!r} {error.authorization!r}"


def test_fifty_callers_get_fifty_errors_with_one_link(identity):
    """One pending record per key: nobody's link ends another's."""
    connection = of(identity)
    errors = []

    def call():
        errors.append(needed(connection))

    threads = [threading.Thread(target=call) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert (50, 50, 1) == (len(errors), len(set(map(id, errors))), len({error.authorization.url for error in errors}))
    assert 0 == identity.count


def test_two_engines_on_one_store_give_the_same_link(identity, clock):
    """Processes agree: here two engines that share nothing else."""
    store = MemoryStore(clock)
    links = {needed(of(identity, run=engine(clock=clock, store=store))).authorization.url for _ in range(2)}

    assert 1 == len(links)


def test_without_a_redirect_uri_the_error_says_how_to_begin(identity):
    """At a terminal, where a listener will have the address, or with begin_authorization."""
    auth = code_auth(identity)
    del auth["redirect_uri"]
    error = needed(engine().connect(profile(auth, API), subject="anna"))

    assert error.authorization is None
    assert "authweave login acme" in str(error)
    assert "begin_authorization(redirect_uri" in str(error)


def test_an_input_says_where_the_browser_comes_back_to(identity):
    """The implied input redirect_uri."""
    auth = code_auth(identity)
    del auth["redirect_uri"]
    run = engine(inputs={**INPUTS, "redirect_uri": REDIRECT})

    assert REDIRECT == needed(run.connect(profile(auth, API), subject="anna")).authorization.redirect_uri


def test_asked_again_it_is_the_same_link_until_it_gets_old(identity, clock):
    """Ten minutes; in the last one a new link is made for who asks for one."""
    connection = of(identity, run=engine(clock=clock))
    first = begun_by(connection)
    clock.ahead += 530
    assert first == begun_by(connection)
    clock.ahead += 20

    assert first.state != begun_by(connection).state


def test_another_redirect_uri_makes_another_link(identity):
    """A code comes back where it was asked to come back to."""
    connection = of(identity)
    first, other = begun_by(connection), begun_by(connection, redirect_uri="https://other.example.com/cb")

    assert first.state != other.state
    assert [REDIRECT, "https://other.example.com/cb"] == [asked_of(begun)["redirect_uri"] for begun in (first, other)]


def test_an_edited_profile_makes_another_link(identity, clock):
    """What is begun is what the profile says now."""
    store = MemoryStore(clock)
    first = needed(of(identity, run=engine(clock=clock, store=store))).authorization
    second = needed(of(identity, run=engine(clock=clock, store=store), authorization_request={"fields": [{"key": "prompt", "value": "consent"}]})).authorization

    assert first.state != second.state
    assert "consent" == asked_of(second)["prompt"]


# ---- what is not the answer


def test_a_state_is_good_once(identity):
    """A callback delivered twice makes one token request."""
    connection = of(identity)
    answer = answer_to(begun_by(connection))
    completed(connection, answer)

    assert "used" == refused(connection, answer)
    assert 1 == identity.count


def test_of_two_completions_that_race_one_wins(identity):
    """The other gets a typed error, and no code goes out twice."""
    identity.delay = 0.2
    connection = of(identity)
    answer = answer_to(begun_by(connection))
    pending = [connection.complete_authorization(answer) for _ in range(4)]

    outcomes = []
    for one in pending:
        try:
            outcomes.append(one.result(20).access_token.reveal())
        except CallbackRefused as error:
            outcomes.append(error.reason)
    assert ["T1", "used", "used", "used"] == sorted(outcomes)
    assert 1 == identity.count


def test_of_two_processes_that_take_it_at_the_same_moment_one_wins(identity):
    """Both have seen that nobody took it: the store lets one of them write that down, and the other sends nothing."""
    class Together(MemoryStore):
        """Two that write wait for each other once."""

        both = None

        def write(self, *given, **named):
            if self.both is not None:
                with contextlib.suppress(threading.BrokenBarrierError):
                    self.both.wait(0.5)
            return super().write(*given, **named)

    store = Together()
    here, there = (of(identity, run=engine(store=store, settings={"store_key": "plaintext"})) for _ in range(2))
    answer = answer_to(begun_by(here))
    store.both = threading.Barrier(2)
    pending = [one.complete_authorization(answer) for one in (here, there)]
    outcomes = [one.result(20).access_token.reveal() if (error := _error(one)) is None else error.reason for one in pending]

    assert ["T1", "used"] == sorted(outcomes)
    assert 1 == identity.count


def _error(pending):
    try:
        pending.result(20)
    except CallbackRefused as error:
        return error
    return None


@pytest.mark.parametrize(("begins", "completes"), [("s1", "s2"), ("s1", ""), ("", "s1")])
def test_another_session_cannot_complete_it_and_does_not_end_it(identity, begins, completes):
    """The state is bound to the session of the browser that began (RFC 6749 §10.12)."""
    connection = of(identity)
    answer = answer_to(begun_by(connection, session=begins))

    assert "session" == refused(connection, answer, session=completes)
    assert "T1" == completed(connection, answer, session=begins).access_token.reveal()


def test_another_session_gets_a_link_of_its_own(identity):
    """The person begins again in another browser: the newer one holds."""
    connection = of(identity)
    old, new = begun_by(connection, session="s1"), begun_by(connection, session="s2")

    assert "state" == refused(connection, answer_to(old), session="s1")
    assert "T1" == completed(connection, answer_to(new), session="s2").access_token.reveal()


def test_callers_do_not_end_the_sign_in_of_a_session(identity):
    """While the person is at the provider, other workers go on failing for the want of a token."""
    connection = of(identity)
    begun = begun_by(connection, session="s1")
    needed(connection)

    assert "T1" == completed(connection, answer_to(begun), session="s1").access_token.reveal()


@pytest.mark.parametrize("other", [{"subject": "berta"}, {"tenant": "other"}])
def test_the_state_of_somebody_else_is_refused(identity, other):
    """Anna's answer gives Berta nothing, and stays good for Anna."""
    run = engine()
    anna, berta = of(identity, run=run), of(identity, run=run, **{"subject": "anna", **other})
    begun_by(berta)
    answer = answer_to(begun_by(anna))

    assert "state" == refused(berta, answer)
    assert "T1" == completed(anna, answer).access_token.reveal()


def test_an_expired_link_is_told(identity, clock):
    """After ten minutes nothing is exchanged."""
    connection = of(identity, run=engine(clock=clock))
    begun = begun_by(connection)
    clock.ahead += 600

    assert "expired" == refused(connection, answer_to(begun))
    assert 0 == identity.count


def test_a_sign_in_that_was_called_off_is_of_no_more_use(identity):
    """`cancel_authorization` ends the link."""
    connection = of(identity)
    begun = begun_by(connection)

    assert connection.cancel_authorization().result(10)
    assert "used" == refused(connection, answer_to(begun))
    assert not connection.cancel_authorization().result(10)


@pytest.mark.parametrize("answer", ["code=x", "state=guessed&code=x", f"state={'a' * 86}&code=x", "", "state=&code=x", {"code": "x"}])
def test_a_state_that_was_never_made_is_refused(identity, answer):
    """Guessed, missing, empty."""
    connection = of(identity)
    begun_by(connection)

    assert "state" == refused(connection, answer)
    assert 0 == identity.count


@pytest.mark.parametrize(
    ("of_answer", "reason"),
    [
        (lambda url, state: f"{url}&code=other", "duplicate"),
        (lambda url, state: f"{url}&state={state}", "duplicate"),
        (lambda url, state: f"{url}&iss=https://id.example.com&iss=https://evil.example", "duplicate"),
        (lambda url, state: f"{REDIRECT}#code=x&state={state}", "fragment"),
        (lambda url, state: f"{url}&x={'a' * 33000}", "size"),
        (lambda url, state: url + "".join(f"&x{number}=1" for number in range(101)), "size"),
        (lambda url, state: {"code": "x", "state": state, "y": "a" * 33000}, "size"),
        (lambda url, state: f"{url}&x=%ff", "form"),
        (lambda url, state: {"code": ["x", "y"], "state": state}, "duplicate"),
        (lambda url, state: {"code": 1, "state": state}, "form"),
        (lambda url, state: [("code", "x"), ("state", state)], "form"),
        (lambda url, state: f"https://app.example.com/other?code=x&state={state}", "redirect_uri"),
        (lambda url, state: f"https://evil.example/callback?code=x&state={state}", "redirect_uri"),
        (lambda url, state: f"{REDIRECT}?state={state}", "code"),
        (lambda url, state: f"{REDIRECT}?code=&state={state}", "code"),
    ],
)  # fmt: skip
def test_a_crafted_answer_is_refused_and_the_right_one_still_taken(identity, of_answer, reason):
    """Doubled, in the fragment, giant, in another form, at another place, without a code: nothing is sent."""
    connection = of(identity)
    begun = begun_by(connection)
    answer = of_answer(answer_to(begun), begun.state)

    assert reason == refused(connection, answer)
    assert 0 == identity.count
    assert "T1" == completed(connection, answer_to(begun)).access_token.reveal()


def test_what_nobody_reads_may_come_and_may_be_doubled(identity):
    """Extra parameters are ignored (RFC 6749 §4.1.2), and so is a fragment without meaning, as Facebook's."""
    connection = of(identity)
    begun = begun_by(connection)

    assert "T1" == completed(connection, f"{answer_to(begun, session_state='x')}&utm=1&utm=2#_=_").access_token.reveal()


def test_the_query_of_the_redirect_uri_has_to_come_back(identity):
    """RFC 6749 §3.1.2: it is retained."""
    connection = of(identity)
    begun = begun_by(connection, redirect_uri=f"{REDIRECT}?bot=7")

    assert "redirect_uri" == refused(connection, f"{REDIRECT}?code=x&state={begun.state}")
    assert "T1" == completed(connection, answer_to(begun)).access_token.reveal()


def test_no_message_repeats_what_came_back(identity):
    """Whoever can make somebody's browser come back writes nothing into logs."""
    connection = of(identity)
    begun = begun_by(connection)
    for answer in (f"{REDIRECT}?code=<b>&code=<b>&state={begun.state}", f"{REDIRECT}?state=<b>", {"code": ["<b>", "<b>"], "state": begun.state}):
        with pytest.raises(CallbackRefused) as caught:
            completed(connection, answer)
        assert "<b>" not in f"{caught.value} {vars(caught.value)}"


@pytest.mark.parametrize(
    ("redirect", "came"),
    [("https://App.example.com", "https://app.example.com/"), ("https://app.example.com:443/cb", "https://app.example.com/cb"), ("com.example.app:/cb", "com.example.app:/cb")],
)
def test_a_browser_may_write_the_redirect_uri_its_own_way(identity, redirect, came):
    """Host in lower case, no usual port, a slash: the same place; what is sent stays as it is registered."""
    connection = of(identity)
    begun = begun_by(connection, redirect_uri=redirect)

    assert redirect == asked_of(begun)["redirect_uri"]
    assert "T1" == completed(connection, f"{came}?code=x&state={begun.state}").access_token.reveal()
    assert redirect == identity.asked[0].form["redirect_uri"]


@pytest.mark.parametrize("came", ["https://app.example.com/cb/", "https://app.example.com/CB", "https://app.example.com:8443/cb", "http://app.example.com/cb", "https://app.example.com.evil.example/cb", "https://app.example.com/x/../cb"])
def test_another_place_is_another_place(identity, came):
    """Path, port, scheme and host are compared letter for letter."""
    connection = of(identity)
    begun = begun_by(connection, redirect_uri="https://app.example.com/cb")

    assert "redirect_uri" == refused(connection, f"{came}?code=x&state={begun.state}")


def test_variants_by_host_have_sign_ins_of_their_own(identity):
    """Each answer finds the variant that it was begun for, by its state."""
    variants = [{**code_auth(identity, scopes=[name]), "name": name, **({"when": f"{{{{ request.host == '{name}.example.com' }}}}"})} for name in ("eu", "us")]
    connection = engine().connect(profile(variants, "https://eu.example.com", "https://us.example.com"), subject="anna")
    links = {}
    for name in ("eu", "us"):
        with pytest.raises(AuthorizationRequired) as caught:
            connection.authorize(TaskRequest("GET", f"https://{name}.example.com/x")).result(10)
        links[name] = caught.value.authorization

    assert ["eu", "us"] == [asked_of(links[name])["scope"] for name in links]
    assert "T1" == completed(connection, answer_to(links["us"])).access_token.reveal()
    assert connection.authorize(TaskRequest("GET", "https://us.example.com/x")).result(10).header("authorization") == "Bearer T1"
    with pytest.raises(AuthorizationRequired):
        connection.authorize(TaskRequest("GET", "https://eu.example.com/x")).result(10)


def test_the_variant_that_the_inputs_choose_decides_whether_somebody_signs_in(identity):
    """Nobody is sent to sign in for a way that is not in force."""
    variants = [{**code_auth(identity), "name": "person", "when": "{{ inputs.way == 'person' }}"}, {"type": "bearer", "name": "fixed"}]
    made = profile(variants, API, inputs={"way": {"enum": ["person", "fixed"]}}, subject="user")

    assert begun_by(engine(inputs={**INPUTS, "way": "person", "token": "x"}).connect(made, subject="anna")).url
    with pytest.raises(UsageError, match="fixed"):
        begun_by(engine(inputs={**INPUTS, "way": "fixed", "token": "x"}).connect(made, subject="anna"))


def test_who_waits_for_a_person_with_a_browser_hears_of_it(identity, clock):
    """`await_authorization` in one process, the answer in another."""
    store = MemoryStore(clock)
    here, there = (of(identity, run=engine(clock=clock, store=store)) for _ in range(2))
    begun = begun_by(here)
    waiting = here.await_authorization()
    completed(there, answer_to(begun))

    assert "T1" == waiting.result(20).access_token.reveal() == token_of(here)
    assert 1 == identity.count


# ---- the provider says no


def test_a_refusal_comes_in_the_providers_words_made_inert(identity):
    """`access_denied` with its description; nothing in it moves a cursor, and nothing is longer than a line."""
    connection = of(identity)
    begun = begun_by(connection)
    with pytest.raises(AuthorizationDenied) as caught:
        completed(connection, f"{REDIRECT}?error=access_denied&error_description=No%1b%5b2J{300 * 'x'}&error_uri=javascript:alert(1)&state={begun.state}")

    error = caught.value
    assert ("denied", "access_denied", None) == (error.reason, error.error, error.error_uri)
    assert "\x1b" not in f"{error}{error.error_description}"
    assert len(error.error_description) < 260
    assert 0 == identity.count


@every("uri, shown", [
    ("https://id.example.com/why", "https://id.example.com/why"), ("https://id.example.com/w\x1b[2Jhy", "https://id.example.com/w\\x1b[2Jhy"),
    ("http://id.example.com/why", None), ("javascript:alert(1)", None), ("https://id.example.com@evil.example/why", None), ("https:///why", None), ("https://[::1/why", None),
])  # fmt: skip
def test_only_a_page_of_https_is_shown(uri, shown):
    """People may click on it: nothing that runs, that hides its host, or that moves a cursor."""
    assert shown == Callback.of({"error": "access_denied", "error_uri": uri}).denied("acme").error_uri


@pytest.mark.parametrize("error", ["<script>", "access_denied <script>"])
def test_an_error_that_is_no_word_is_not_repeated(identity, error):
    """The name of an error has few characters (RFC 6749 §4.1.2.1)."""
    connection = of(identity)
    begun = begun_by(connection)
    with pytest.raises(AuthorizationDenied) as caught:
        completed(connection, {"error": error, "state": begun.state})

    assert "<script" not in f"{caught.value} {vars(caught.value)}"


def test_after_a_refusal_the_sign_in_is_over(identity):
    """The next caller gets a new link; the old answer is used."""
    connection = of(identity)
    begun = begun_by(connection)
    with pytest.raises(AuthorizationDenied):
        completed(connection, {"error": "access_denied", "state": begun.state})

    assert "used" == refused(connection, answer_to(begun))
    assert begun.state != needed(connection).authorization.state


def test_a_refusal_without_the_state_ends_nothing(identity):
    """Who knows not the state cannot call off the sign-in."""
    connection = of(identity)
    begun = begun_by(connection)

    assert "state" == refused(connection, {"error": "access_denied", "state": begun.state[:-4] + "AAAA"})
    assert "T1" == completed(connection, answer_to(begun)).access_token.reveal()


# ---- across processes


def test_another_process_completes_it_by_the_state_alone(identity, clock, tmp_path):
    """The record names profile, tenant and subject; both processes then have the token."""
    store = MemoryStore(clock)
    text = json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [API], "auth": code_auth(identity)})
    (tmp_path / "acme.json").write_text(text)
    here = engine(profiles=tmp_path, clock=clock, store=store)
    begun = begun_by(here.connect("acme", tenant="t", subject="anna"), session="s")
    there = engine(profiles=tmp_path, clock=clock, store=store)

    signed_in = there.complete_authorization(answer_to(begun), "s").result(10)

    assert ("acme", "t", "anna", True) == (signed_in.profile, signed_in.tenant, signed_in.subject, signed_in.is_authorized)
    assert "T1" == token_of(here.connect("acme", tenant="t", subject="anna")) == token_of(there.connect("acme", tenant="t", subject="anna"))
    assert 1 == identity.count


def test_what_a_text_was_called_is_no_file_to_read_elsewhere(identity, clock, tmp_path):
    """A customer names an upload as a file of the host: another process looks for the profile by name alone where texts name no files,
    and says the same whether that file is there or not. A developer's own file is found as ever."""
    store, file, said = MemoryStore(clock), tmp_path / "acme.json", []
    text = json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [API], "auth": code_auth(identity)})
    file.write_text(text)
    begun = begun_by(engine(clock=clock, store=store).connect(loads(text, str(file)), subject="anna"))
    elsewhere = begun_by(engine(clock=clock, store=store).connect(loads(text, "upload 7"), subject="berta"))

    for asked in (begun, elsewhere):
        with pytest.raises(UsageError, match="on its connection") as caught:
            engine(clock=clock, store=store, settings={"profile_paths": False}).complete_authorization(answer_to(asked)).result(10)
        said.append(str(caught.value))
    with pytest.raises(UsageError, match="on its connection"):
        engine(clock=clock, store=store).complete_authorization(answer_to(elsewhere)).result(10)

    assert said[0] == said[1]
    assert engine(clock=clock, store=store).complete_authorization(answer_to(begun)).result(10).is_authorized


def test_inputs_that_were_given_are_given_again(identity, clock, tmp_path):
    """What the sources do not have is not in the record either: secrets stay where they are."""
    store = MemoryStore(clock)
    text = json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [API], "auth": code_auth(identity)})
    (tmp_path / "acme.json").write_text(text)
    begun = begun_by(engine(profiles=tmp_path, clock=clock, store=store, inputs={}).connect("acme", subject="anna", inputs=INPUTS))
    there = engine(profiles=tmp_path, clock=clock, store=store, inputs={})

    with pytest.raises((CallbackRefused, MissingInput)):
        there.complete_authorization(answer_to(begun)).result(10)
    assert there.complete_authorization(answer_to(begun), inputs=INPUTS).result(10).is_authorized


def test_an_engine_knows_nothing_of_a_state_that_was_never_made(identity):
    """Refused before anything is looked up, or after."""
    for state in ("x", "A" * 86):
        with pytest.raises(CallbackRefused, match=r"state|sign-in"):
            engine().complete_authorization({"code": "x", "state": state}).result(10)


def test_the_link_and_the_verifier_are_sealed(identity, tmp_path):
    """What stands in a store's file gives nobody a code."""
    path = tmp_path / "tokens.db"
    key = tmp_path / "key"
    key.write_text(base64.b64encode(bytes(range(32))).decode())
    key.chmod(0o600)
    connection = of(identity, run=engine(settings={"store": f"sqlite://{path}", "store_key": str(key)}))
    begun = begun_by(connection)
    stored = b"".join(file.read_bytes() for file in tmp_path.glob("tokens.db*"))
    connection.engine.close()

    for part in (begun.state, asked_of(begun)["code_challenge"], "app.example.com", "anna"):
        assert part.encode() not in stored


# ---- subjects


def test_tokens_of_two_people_never_mix(identity):
    """Two sign in at once, many call at once: each gets their own."""
    identity.delay = 0.02
    run = engine()
    names = ["anna", "berta"]
    links = {name: begun_by(of(identity, run=run, subject=name)) for name in names}
    pending = {name: of(identity, run=run, subject=name).complete_authorization(answer_to(links[name])) for name in names}
    tokens = {name: one.result(10).access_token.reveal() for name, one in pending.items()}
    got: dict[str, set[str]] = {name: set() for name in names}

    def call(name):
        for _ in range(10):
            got[name].add(token_of(of(identity, run=run, subject=name)))

    threads = [threading.Thread(target=call, args=(name,)) for name in names * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert 2 == len(set(tokens.values()))
    assert {name: {token} for name, token in tokens.items()} == got


def test_a_request_names_its_user():
    """extensions={'authweave': {'subject': …}}: one client for all users of a bot."""
    with between(Identity(refresh=True), Api()) as (identity, api):
        run = engine()
        made = profile(code_auth(identity), api.url)
        for name in ("anna", "berta"):
            person = run.connect(made, subject=name)
            completed(person, answer_to(begun_by(person)))
        with httpx.Client(auth=run.connect(made, subject="").auth, trust_env=False) as client:
            for name in ("berta", "anna", "berta"):
                client.get(f"{api.url}/me", extensions={"authweave": {"subject": name}})
            with pytest.raises(MissingInput, match="subject"):
                client.get(f"{api.url}/me")
            with pytest.raises(AuthorizationRequired) as caught:
                client.get(f"{api.url}/me", extensions={"authweave": {"subject": "carla"}})

    assert ["T2", "T1", "T2"] == api.tokens
    assert "carla" == caught.value.subject


@pytest.mark.parametrize("subject", ["", 7, None])
def test_a_user_that_is_none_is_refused(subject):
    """An empty subject must not become nobody's token."""
    with between(Identity(refresh=True), Api()) as (identity, api):
        connection = engine().connect(profile(code_auth(identity), api.url), subject="")
        with httpx.Client(auth=connection.auth, trust_env=False) as client, pytest.raises((UsageError, MissingInput)):
            client.get(f"{api.url}/me", extensions={"authweave": {"subject": subject}})

    assert [] == api.asked


def test_logging_out_forgets_the_token(identity):
    """After `revoke` a person has to sign in again; at the provider it ended, too."""
    connection = of(identity, revoke_request={"url": f"{identity.url}/revoke"})
    completed(connection, answer_to(begun_by(connection)))
    identity.script = [says({})]

    assert connection.revoke().result(10)
    assert ("/revoke", "R1") == (identity.asked[1].target, identity.asked[1].form["token"])
    assert "there is no token yet" in str(needed(connection))


# ---- consent first, then another grant


def test_consent_first_then_client_credentials(identity, clock):
    """As Microsoft's admin consent: the redirect brings the tenant, and every token comes by the other grant."""
    store = MemoryStore(clock)
    auth = oauth(
        identity, authorization_url=AUTHORIZE, redirect_uri=REDIRECT, token_url=f"{identity.url}/{{{{ kept.tenant }}}}/token",
        callback={"keep": {"tenant": {"value": "{{ callback.tenant }}", "pattern": "[a-z0-9]+"}}}, authorization_request={"omit": ["response_type"]},
    )  # fmt: skip
    identity.refresh = False
    made = profile(auth, API)
    connection = engine(clock=clock, store=store).connect(made)
    begun = needed(connection).authorization
    assert {"client_id", "redirect_uri", "state"} == asked_of(begun).keys()

    completed(connection, {"tenant": "contoso", "admin_consent": "True", "state": begun.state})
    clock.ahead += 601

    assert "T2" == token_of(engine(clock=clock, store=store).connect(made))
    assert [("/contoso/token", {"grant_type": "client_credentials"})] * 2 == [(request.target, request.form) for request in identity.asked]


# ---- who must not ask


def test_nobody_signs_in_for_a_profile_whose_tokens_come_without(identity):
    """A mistake of the host, told as such."""
    with pytest.raises(UsageError, match="nobody signs in"):
        begun_by(connect(oauth(identity), API))


def test_the_host_hooks_begin_and_complete(identity, tmp_path):
    """A platform needs the profile's name, and later the answer alone."""
    text = json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [API], "auth": code_auth(identity)})
    (tmp_path / "acme.json").write_text(text)
    plugin = AuthweavePlugin(engine(profiles=tmp_path))
    begun = plugin.begin_authorization("acme", subject="anna", session="s").result(10)

    assert plugin.begin_authorization("elsewhere") is None
    assert plugin.complete_authorization(answer_to(begun), "s", profile="elsewhere") is None
    assert plugin.complete_authorization(answer_to(begun), "s").result(10).is_authorized


def test_the_hooks_work_through_a_platforms_own_manager(identity, tmp_path):
    """Of several plugins the one that knows the profile answers."""
    (tmp_path / "acme.json").write_text(json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [API], "auth": code_auth(identity)}))
    platform = pluggy.PluginManager("authweave")
    platform.add_hookspecs(HostSpecs)
    for made in (AuthweavePlugin(engine()), AuthweavePlugin(engine(profiles=tmp_path))):
        platform.register(made)
    begun = platform.hook.begin_authorization(profile="acme", tenant="", subject="anna", inputs=None, session="s", redirect_uri=None).result(10)
    signed_in = platform.hook.complete_authorization(answer=answer_to(begun), session="s", profile="acme", inputs=None).result(10)

    assert ("anna", True) == (signed_in.subject, signed_in.is_authorized)
    with pytest.raises(AuthorizationRequired):
        platform.hook.authorize_request(profile="acme", request=TaskRequest("GET", "/x"), tenant="", subject="berta", inputs=None).result(10)


def test_a_template_of_the_link_that_ends_empty_is_an_error_of_the_profile(identity):
    """Nothing is begun with half a link."""
    with pytest.raises(TemplateError):
        begun_by(of(identity, authorization_request={"fields": [{"key": "x", "value": "{{ kept.nothing }}"}]}, callback={"keep": {"nothing": "{{ callback.x }}"}}))
