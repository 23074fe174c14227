"""Token calls in time: repeated only where that is safe, `Retry-After` honoured, one deadline for everything."""

from __future__ import annotations

import itertools
import threading
import time
from typing import ClassVar

import pytest

import sockets
from authweave.errors import (
    ConnectFailure,
    DeadlineExceeded,
    RateLimited,
    TokenAnswerError,
    TokenEndpointError,
    TokenError,
    WireError,
)
from authweave.extensions.catalog import Catalog
from authweave.hookspecs import hookimpl
from authweave.token_calls.endpoint import TokenEndpoint
from authweave.tokens.pauses import Pauses
from authweave.values import Secret, TaskResponse, Token
from parts.vectors import load
from services import Api, Clock, Identity, Reply, between, connect, engine, oauth, profile, says, serving, talks, until
from sockets import Server, free_port
from thorough import every, few

API = "https://api.example.com"
RETRY_AFTER = load("retry_after.json")
UNAVAILABLE = says({"error": "temporarily_unavailable"}, 400)


def token_of(identity, *, auth=None, run=None, **options):
    return connect(oauth(identity, **(auth or {})), API, run=run or engine(**options)).token().result(20)


def failure_of(kind, work):
    with pytest.raises(kind) as caught:
        work()
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)
    return caught.value


# ---- repeating


@every("passing", [
    UNAVAILABLE, says({"error": "server_error"}, 400), says({"error": "slow_down"}, 400), says({}, 500), says({}, 502), says({}, 503),
    says({}, 504), Reply(500, b"<html>oops"), Reply(200, b'{"access_token":"AT'), Reply(200, b""),
])  # fmt: skip
def test_what_passes_is_asked_again(passing):
    """An outage and a cut answer are asked again: client credentials can be asked for any number of times."""
    with serving(Identity(script=[passing])) as identity:
        is_page = passing.body.startswith(b"<html")
        if is_page:
            assert "html_instead_of_json" == failure_of(TokenAnswerError, lambda: token_of(identity)).kind
        else:
            assert "T1" == token_of(identity).access_token.reveal()

    assert (1 if is_page else 2) == identity.count


def test_asked_at_most_three_times():
    """Attempts are bounded, with pauses between them."""
    start = time.monotonic()
    with serving(Identity(script=[UNAVAILABLE] * 9)) as identity:
        error = failure_of(TokenEndpointError, lambda: token_of(identity))

    assert (3, "temporarily_unavailable") == (identity.count, error.error)
    assert 0.75 <= time.monotonic() - start <= 3


@every("final", [
    says({"error": "invalid_client"}, 401), says({"error": "invalid_scope"}, 400), says({}, 400), says({}, 403), says({}, 501), says({}, 404),
    Reply(200, b'{"access_token":"AT",}'), says({"nothing": 1}), Reply(302, b"", (("Location", "/login"),)),
])  # fmt: skip
def test_what_does_not_pass_is_asked_once(final):
    """A refusal is not asked again: it would lock the client out."""
    with serving(Identity(script=[final])) as identity:
        failure_of((TokenEndpointError, TokenAnswerError), lambda: token_of(identity))

    assert 1 == identity.count


def test_a_port_where_nothing_listens_is_tried_again():
    """Nothing was sent, so trying again is safe; a server that comes up meanwhile is found."""
    port = free_port()
    identity = Identity()
    server = Server(talks(identity), port=port)
    opening = threading.Timer(0.1, server.__enter__)
    opening.start()
    try:
        assert "T1" == token_of(f"http://127.0.0.1:{port}/token").access_token.reveal()
    finally:
        opening.join()
        server.__exit__()


def test_nothing_listens_at_all():
    """After the attempts the failure is a typed one."""
    failure_of(ConnectFailure, lambda: token_of(f"http://127.0.0.1:{free_port()}/token"))


def test_answer_lost_in_a_grant_is_asked_again():
    """A connection cut after the request: a grant without consent may be asked again."""
    calls = []

    def behave(peer):
        calls.append(peer.request())
        if len(calls) == 1:
            peer.reset()
        else:
            peer.send(sockets.http(200, body=b'{"access_token":"AT","token_type":"Bearer"}'))

    with Server(behave) as server:
        assert "AT" == token_of(f"{server.url}token").access_token.reveal()

    assert 2 == len(calls)


# ---- Retry-After


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_waited_for(status):
    """The endpoint asked for a second: that long nobody asks, then the token is there."""
    start = time.monotonic()
    with serving(Identity(script=[says({}, status, ("Retry-After", "1"))])) as identity:
        assert "T1" == token_of(identity).access_token.reveal()

    assert 1.0 <= time.monotonic() - start <= 2.5
    assert 2 == identity.count


@pytest.mark.parametrize("status", [429, 503])
def test_past_the_deadline_it_fails_at_once(status):
    """A wait that ends after the deadline is not begun; the error says when to come again."""
    start, now = time.monotonic(), time.time()
    with serving(Identity(script=[says({}, status, ("Retry-After", "120"))])) as identity:
        error = failure_of(RateLimited, lambda: token_of(identity))

    assert time.monotonic() - start < 10
    assert 120 == pytest.approx(error.retry_at - now, abs=1)
    assert (status, 1) == (error.status, identity.count)


def test_everybody_of_the_client_keeps_away():
    """Whoever comes while the endpoint wants to be left alone hears so at once, without asking it: other scopes, too."""
    with serving(Identity(script=[says({}, 429, ("Retry-After", "120"))])) as identity:
        run = engine()
        failure_of(RateLimited, lambda: token_of(identity, run=run))
        error = failure_of(RateLimited, lambda: token_of(identity, auth={"scopes": ["other"]}, run=run))
        other = connect(oauth(identity), API, run=run, inputs={"client_id": "another"}).token().result(10)

    assert 100 < error.retry_at - time.time() < 121
    assert 2 == identity.count, "one that was refused, one of another client"
    assert "T1" == other.access_token.reveal()


@every("vector", RETRY_AFTER["vectors"], ids=lambda vector: vector["id"])
def test_retry_after_vectors(vector):
    """Every form of the field at the token endpoint: a wait, a ceiling, or as if it were not there."""
    now = 946684740.0  # the vectors' now
    settings = profile({"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://idp.example/t"}, API).variants[0].tokens
    held = Pauses(clock=lambda: now)
    slept = []
    endpoint = TokenEndpoint(
        settings, lambda old: {"inputs": {"client_id": "i", "client_secret": Secret("s", "test")}, "kept": {}, "token": {}, "now": now},
        lambda request, seconds, placed: TaskResponse(429, (("Retry-After", vector["value"]),), b"{}"),
        deadline=30.0, pauses=held, client=("https://idp.example", "i"), clock=lambda: now, sleep=slept.append,
    )  # fmt: skip
    error = failure_of(RateLimited, lambda: endpoint.get(None))

    wait = error.retry_at - now
    if vector["seconds_from_now"] is not None:
        assert vector["seconds_from_now"] == wait
    elif "ceiling" in vector["required"]:
        assert 3600 == wait
    else:
        assert 0 < wait <= 1
    assert (len(slept) > 0) == (wait < 30)
    assert (error.retry_at if wait > 0 else 0.0) == held.until(("https://idp.example", "i"))


def test_a_client_that_waits_keeps_no_other_from_its_token():
    """Five clients of one endpoint wait for Retry-After; the sixth, who need not, gets its token at once."""
    limited = Identity(script=[says({}, 429, ("Retry-After", "3"))] * 5)
    with serving(limited) as identity:
        run = engine(settings={"workers_per_endpoint": 2})
        waiting = [connect(oauth(identity), API, run=run, inputs={"client_id": f"c{number}"}).token() for number in range(5)]
        until(lambda: identity.count == 5)
        start = time.monotonic()
        token = connect(oauth(identity), API, run=run, inputs={"client_id": "free"}).token().result(10)

        assert time.monotonic() - start < 2
        assert "T1" == token.access_token.reveal()
        assert all(not pending.done() for pending in waiting)
        assert 5 == len({pending.result(10).access_token.reveal() for pending in waiting})


# ---- the deadline


@every("behaviour", [
    sockets.drip_headers(0.05), sockets.drip_body(0.05), sockets.hang, sockets.hang_after_request, sockets.hang_after_headers,
], ids=["drip_headers", "drip_body", "hang", "hang_after_request", "hang_after_headers"])  # fmt: skip
def test_total_deadline(behaviour):
    """Whatever a server does, the caller hears soon after the deadline."""
    start = time.monotonic()
    with Server(behaviour) as server:
        failure_of(DeadlineExceeded, lambda: token_of(f"{server.url}token", settings={"deadline": 1.0}))

    assert 0.9 < time.monotonic() - start < 3


def test_deadline_counts_while_the_lane_is_full():
    """Whoever has to wait for a free worker of a dead endpoint does not wait longer than the deadline either."""
    with Server(sockets.hang) as server:
        run = engine(settings={"deadline": 1.0, "workers_per_endpoint": 2})
        start = time.monotonic()
        many = [connect(oauth(f"{server.url}token"), API, run=run, tenant=str(number)).token() for number in range(8)]
        for pending in many:
            failure_of(WireError, lambda pending=pending: pending.result(10))

    assert 0.9 < time.monotonic() - start < 3  # one after the other would be four deadlines


def test_a_dead_endpoint_delays_no_other_tenant():
    """Twenty tenants hang at one endpoint; a tenant of another has its token at once."""
    with Server(sockets.hang) as dead, serving(Identity()) as identity:
        run = engine(settings={"deadline": 2.0})
        hanging = [connect(oauth(f"{dead.url}token"), API, run=run, tenant=str(number)).token() for number in range(20)]
        start = time.monotonic()
        token = connect(oauth(identity), API, run=run, tenant="alive").token().result(10)

        assert time.monotonic() - start < 1.5
        assert "T1" == token.access_token.reveal()
        assert not any(pending.done() for pending in hanging)


# ---- refresh


def vendor(identity, **more):
    return oauth(identity, grant_type="vendor_login", **more)


def refreshing(**identity):
    return Identity(**{"refresh": True, **identity})


def connected(auth):
    """A connection whose clock can be put forward."""
    return connect(auth, API, run=engine(clock=Clock()))


def expired(connection):
    """The connection's next token, once the one at hand has expired."""
    connection.token().result(10)
    connection.engine.clock.ahead += 601
    return connection.token().result(10)


def test_refresh_with_rotation():
    """Each refresh presents the refresh token of the answer before, and only once."""
    with serving(refreshing()) as identity:
        connection = connected(vendor(identity))
        for _ in range(2):
            expired(connection)

    grants = [request.form["grant_type"] for request in identity.asked]
    assert ["vendor_login", "refresh_token", "refresh_token"] == grants
    assert [None, "R1", "R2"] == [request.form.get("refresh_token") for request in identity.asked]
    assert 0 == identity.refused


def test_refresh_goes_to_its_own_url():
    """`refresh_url` is asked for refreshes, and the scope is not sent again unless a field says so."""
    with serving(refreshing()) as identity:
        expired(connected(vendor(identity, refresh_url=f"{identity.url}/refresh", scopes=["read"])))

    assert ["/token", "/refresh"] == [request.target for request in identity.asked]
    assert ["read", None] == [request.form.get("scope") for request in identity.asked]


def test_refresh_token_that_is_not_answered_again_stays():
    """RFC 6749 §6: an answer without a refresh token leaves the old one in force."""
    identity = refreshing()
    identity.good_refresh = "R0"
    with serving(identity):
        connection = connected(vendor(identity))
        connection.token().result(10)
        identity.refresh = False
        tokens = [expired(connection), expired(connection)]

    assert ["R1"] * (identity.count - 1) == [request.form["refresh_token"] for request in identity.asked[1:]]
    assert {"R1"} == {token.refresh_token.reveal() for token in tokens}


def test_refused_refresh_is_followed_by_the_grant():
    """Where nobody has to consent, a refresh token that is used up costs one more request and no error."""
    with serving(refreshing()) as identity:
        connection = connected(vendor(identity))
        connection.token().result(10)
        identity.good_refresh = "somebody else has rotated it"
        token = expired(connection)

    assert ["vendor_login", "refresh_token", "vendor_login"] == [request.form["grant_type"] for request in identity.asked]
    assert "T2" == token.access_token.reveal()


@pytest.mark.parametrize("lost", [says({}, 500), Reply(200, b'{"access_token":"T'), says({"error": "invalid_request"}, 400)])
def test_a_refresh_token_is_never_presented_twice_on_a_guess(lost):
    """After an answer that was lost or unclear the refresh token may be used up: the grant is asked, not the refresh."""
    with serving(refreshing()) as identity:
        connection = connected(vendor(identity))
        connection.token().result(10)
        identity.script = [lost]
        expired(connection)

    assert ["vendor_login", "refresh_token", "vendor_login"] == [request.form["grant_type"] for request in identity.asked]


def test_refused_client_in_a_refresh_is_no_reason_for_a_grant():
    """The client itself is refused: asking otherwise would be refused as well."""
    with serving(refreshing()) as identity:
        connection = connected(vendor(identity))
        connection.token().result(10)
        identity.script = [says({"error": "invalid_client"}, 401)]
        failure_of(TokenEndpointError, lambda: expired(connection))

    assert 2 == identity.count


def test_refresh_with_grant():
    """`refresh_with: grant` never refreshes."""
    with serving(refreshing()) as identity:
        expired(connected(vendor(identity, refresh_with="grant")))

    assert ["vendor_login", "vendor_login"] == [request.form["grant_type"] for request in identity.asked]


def test_refresh_with_access_token():
    """`refresh_with: access_token` presents the token before its end, with the fields of refresh_request only."""
    identity = Identity(expires_in=8)
    with serving(identity):
        connection = connect(
            vendor(identity, refresh_with="access_token", refresh_before=2, refresh_request={
                "fields": [{"in": "header", "key": "X-Old", "value": "{{ token.access_token }}"}], "encoding": "none", "method": "POST",
            }, refresh_url=f"{identity.url}/renew"),
            API, run=engine(clock=Clock()),
        )  # fmt: skip
        connection.token().result(10)
        connection.engine.clock.ahead = 7.0
        connection.token().result(10)
        until(lambda: identity.count == 2)

    assert ["/renew", ["T1"], b""] == [identity.asked[1].target, identity.asked[1].values("x-old"), identity.asked[1].body]


# ---- secrets that change


def test_secrets_are_asked_for_again_after_invalid_client():
    """A secret that was rotated in the vault: the refusal makes us look again, and one more try has it."""
    secret = ["old"]
    with serving(Identity(script=[says({"error": "invalid_client"}, 401)])) as identity:
        run = engine(inputs=lambda profile, name, tenant: {"client_id": "i", "client_secret": secret[0]}[name])
        connection = connect(oauth(identity), API, run=run)
        connection.inputs().require(["client_secret"])
        secret[0] = "new"
        token = connection.token().result(10)

    assert ["i:old", "i:new"] == [request.basic for request in identity.asked]
    assert "T1" == token.access_token.reveal()


def test_a_secret_that_did_not_change_is_not_tried_again():
    """The refusal stands, after one request."""
    asked = []
    with serving(Identity(script=[says({"error": "invalid_client"}, 401)] * 2)) as identity:

        def source(profile, name, tenant):
            asked.append(name)
            return "x"

        error = failure_of(TokenEndpointError, lambda: connect(oauth(identity), API, run=engine(inputs=source)).token().result(10))

    assert ("invalid_client", 1) == (error.error, identity.count)
    assert 2 == asked.count("client_secret")


def test_many_waiters_look_for_a_new_secret_together():
    """Fifty who were refused together ask for the new secret together, and get one token."""
    secret, gate, looked = ["old"], threading.Event(), []

    def source(profile, name, tenant):
        looked.append(name)
        return {"client_id": "i", "client_secret": secret[0]}[name]

    with serving(Identity(script=[says({"error": "invalid_client"}, 401)], gate=gate)) as identity:
        run = engine(inputs=source)
        connection = connect(oauth(identity), API, run=run)
        waiting = [connection.token() for _ in range(50)]
        until(lambda: identity.count == 1)
        secret[0] = "new"
        gate.set()
        tokens = {pending.result(10).access_token.reveal() for pending in waiting}

    assert ({"T1"}, 2, 2) == (tokens, identity.count, looked.count("client_secret"))


def test_a_look_for_a_new_secret_that_began_before_the_refusal_is_not_taken_for_an_answer(monkeypatch):
    """A flight with the old secret is still under way when the client is refused: one more is made, and gets the token."""
    secret, gate, held, forgotten = ["old"], threading.Event(), threading.Event(), threading.Event()

    with serving(Identity(script=[says({"error": "invalid_client"}, 401)], gate=gate)) as identity:
        connection = connect(oauth(identity), API, run=engine(inputs=lambda profile, name, tenant: {"client_id": "i", "client_secret": secret[0]}[name]))
        waiting = connection.token()
        until(lambda: identity.count == 1)
        credential, ask_all, forget = connection.credential(connection.profile.variants[0]), connection.ask_all, connection.forget_inputs

        def slowly(inputs):
            held.set()
            assert forgotten.wait(10)
            time.sleep(0.05)  # who was refused has joined by now
            ask_all(inputs)

        def noted(inputs):
            forget(inputs)
            forgotten.set()

        monkeypatch.setattr(connection, "ask_all", slowly)
        monkeypatch.setattr(connection, "forget_inputs", noted)
        early = credential.resolving()
        assert held.wait(10)
        secret[0] = "new"
        gate.set()
        assert "T1" == waiting.result(10).access_token.reveal()
        early.result(10)

    assert ["i:old", "i:new"] == [request.basic for request in identity.asked]


class Consented:
    """A grant that a person consented to: its token key holds no secret."""

    name = "consented"
    title = "for this test"
    schema: ClassVar[dict] = {}
    inputs: ClassVar[dict] = {}
    attended = True

    def parameters(self, call):
        return {}

    @hookimpl
    def register_grants(self, register):
        register(Consented)


def test_a_new_secret_keeps_a_token_that_somebody_consented_to():
    """Rotating a secret signs nobody out: the token stays, and the next call to the endpoint has the new secret."""
    catalog = Catalog(installed=False)
    catalog.add(Consented(), "consented")
    run = engine(catalog=catalog, clock=Clock())
    with serving(Identity()) as identity:
        made = profile(oauth(identity, grant_type="consented"), API, catalog=catalog)
        for secret in ("old", "new"):
            connection = run.connect(made, subject="u", inputs={"client_id": "i", "client_secret": secret})
            assert "T1" == connection.token().result(10).access_token.reveal()
        run.clock.ahead = 601
        assert "T2" == connection.token().result(10).access_token.reveal()

    assert ["i:old", "i:new"] == [request.basic for request in identity.asked]


def test_secrets_are_asked_for_again_when_they_are_too_old():
    """A source's `max_age`: the next token call has the new secret, and a token got with the old one is left behind."""
    from authweave.sources.mapping import MappingSource

    secret, clock = ["old"], [time.time()]
    with serving(Identity()) as identity:
        run = engine(clock=lambda: clock[0])
        run._sources = [MappingSource(lambda profile, name, tenant: {"client_id": "i", "client_secret": secret[0]}[name], max_age=60)]
        connection = connect(oauth(identity), API, run=run)
        connection.token().result(10)
        secret[0] = "new"
        clock[0] += 30
        connection.token().result(10)
        clock[0] += 31
        connection.token().result(10)

    assert ["i:old", "i:new"] == [request.basic for request in identity.asked]


# ---- storms


def test_a_wrong_secret_is_no_storm():
    """A client that is refused again and again asks the endpoint ever more slowly."""
    with serving(Identity(script=[says({"error": "invalid_client"}, 401)] * 500)) as identity:
        connection = connect(oauth(identity), API)
        end = time.monotonic() + 1.5
        refused = 0
        while time.monotonic() < end:
            failure_of(TokenEndpointError, lambda: connection.token().result(10))
            refused += 1
            time.sleep(0.01)

    assert refused > 3 * identity.count
    assert identity.count <= 5


PAGE = (("Content-Type", "text/html"),)


@pytest.mark.parametrize("odd", few([Reply(200, b"<html>portal", PAGE), says({"expires_in": 60}), Reply(302, b"", (("Location", "/login"),)), Reply(401, b"<html>no", PAGE)], every=4))
def test_an_endpoint_without_tokens_is_no_storm(odd):
    """What answers with something else again and again (a login page, a portal) is asked ever more slowly, too."""
    with serving(Identity(script=[odd] * 500)) as identity:
        connection = connect(oauth(identity), API)
        end = time.monotonic() + 1.5
        for refused in itertools.count():
            if time.monotonic() > end and refused > 20:
                break
            failure_of(TokenError, lambda: connection.token().result(10))

    assert identity.count <= 5


def test_another_secret_does_not_wait_for_the_end_of_such_a_pause():
    """A page of a client that is refused (401) says so as well as an error code does: the next secret is tried at once."""
    secret = ["wrong"]
    with serving(Identity(script=[Reply(401, b"<html>no", PAGE)] * 2)) as identity:
        connection = connect(oauth(identity), API, run=engine(inputs=lambda profile, name, tenant: {"client_id": "i", "client_secret": secret[0]}[name]))
        failure_of(TokenAnswerError, lambda: connection.token().result(10))
        assert "not asked again for" in str(failure_of(TokenEndpointError, lambda: connection.token().result(10)))
        secret[0] = "right"
        identity.script = []

        assert "T1" == connection.token().result(10).access_token.reveal()


def test_unattended_connections_share_a_token():
    """The same client of the same tenant, connected twice: one token."""
    with between(Identity(), Api()) as (identity, api):
        run = engine()
        tokens = {connect(oauth(identity), api, run=run).token().result(10).access_token.reveal() for _ in range(3)}

    assert ({"T1"}, 1) == (tokens, identity.count)


def test_token_of_an_endpoint_built_by_hand():
    """`get` needs no deadline from outside: it has its own."""
    settings = profile({"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://idp.example/t"}, API).variants[0].tokens
    seen = []

    def exchange(request, seconds, placed):
        seen.append((request, seconds))
        return TaskResponse(200, (), b'{"access_token":"AT","token_type":"Bearer"}')

    endpoint = TokenEndpoint(
        settings, lambda old: {"inputs": {"client_id": "i", "client_secret": Secret("s", "test")}, "kept": {}, "token": {}},
        exchange, deadline=7.0, pauses=Pauses(), client=("x", "y"),
    )  # fmt: skip

    assert isinstance(endpoint.get(None), Token)
    [(request, seconds)] = seen
    assert ("POST", "https://idp.example/t") == (request.method, request.url)
    assert 6.5 < seconds <= 7.0
