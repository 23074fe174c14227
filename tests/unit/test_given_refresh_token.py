"""The grant `refresh_token`: an operator holds a person's consent, and it is neither mixed up nor spent twice."""

from __future__ import annotations

import os
from urllib.parse import parse_qsl

import pytest

from authweave.errors import AuthweaveError, EndpointPaused, MissingInput, RateLimited, SignInNeeded, StoreUnavailable
from authweave.preview import preview
from authweave.probe import test_profile as probe
from authweave.stores.memory import MemoryStore
from authweave.values import Intent, spent_mark
from renewing import KEY, Bench, name
from services import INPUTS, Clock, Identity, Reply, engine, oauth, profile, says, serving, until
from thorough import every

API = "https://api.example.com"
GIVEN = "c0ns3nt-of-a-person"
HOLDS = {**INPUTS, "refresh_token": GIVEN}


@pytest.fixture
def identity():
    """A token endpoint that takes the given refresh token once, and rotates."""
    with serving(Identity(refresh=True)) as made:
        made.good_refresh = GIVEN
        yield made


@pytest.fixture
def clock():
    return Clock()


def given(identity, **auth):
    return profile(oauth(identity, grant_type="refresh_token", **auth), API)


def held(run, made, **how):
    return run.connect(made, **how)


def token_of(connection):
    return connection.token().result(10)


def spent(identity):
    return [request.form.get("refresh_token") for request in identity.asked]


# ---- the format


def test_the_input_is_implied_secret_and_the_subject_is_the_application():
    """Nobody has to declare it; whose consent it is, the refresh token itself says."""
    made = given("https://id.example.com/token")

    wanted = made.inputs["refresh_token"]
    assert (True, True, True, "application") == (wanted.secret, wanted.required, wanted.implied, wanted.supplied_by)
    assert "application" == made.subject
    assert "{{ inputs.refresh_token }}" == made.resolved["auth"]["refresh_token"]


def test_of_a_user_the_user_supplies_it():
    """With `subject: user` it is the user's own, as passwords and tokens are."""
    made = profile(oauth("https://id.example.com/token", grant_type="refresh_token"), API, subject="user")

    assert ("user", "application") == (made.inputs["refresh_token"].supplied_by, made.inputs["client_secret"].supplied_by)


def test_another_grant_implies_no_refresh_token():
    """The default belongs to the grant."""
    made = profile(oauth("https://id.example.com/token"), API)

    assert "refresh_token" not in made.inputs
    assert made.variants[0].tokens.refresh_token is None


def test_it_is_written_like_the_client_secret():
    """Any template that reads a secret input."""
    auth = oauth("https://id.example.com/token", grant_type="refresh_token", refresh_token="{{ inputs.consent }}")
    made = profile(auth, API, inputs={"consent": {"secret": True}})

    assert "refresh_token" not in made.inputs
    assert frozenset({"client_id", "client_secret", "consent"}) == made.variants[0].needs


# ---- the calls


def test_the_first_call_is_the_grant(identity):
    """grant_type, the given refresh token, the scopes as they are written: at token_url, with token_request's fields."""
    auth = {"scopes": ["a", "b"], "audience": "crm", "refresh_url": f"{identity.url}/refresh", "token_request": {"fields": [{"key": "x", "value": "1"}]}}

    token_of(held(engine(inputs=HOLDS), given(identity, **auth)))

    [request] = identity.asked
    pairs = [("grant_type", "refresh_token"), ("refresh_token", GIVEN), ("scope", "a b"), ("audience", "crm"), ("x", "1")]
    assert ("/token", pairs) == (request.target, parse_qsl(request.body.decode()))
    assert f"{INPUTS['client_id']}:{INPUTS['client_secret']}" == request.basic


def test_from_then_on_the_stored_one_is_used(identity, clock):
    """Each later call is a refresh, at refresh_url, with what the answer before it brought; scope goes no more."""
    auth = {"scopes": ["a"], "refresh_url": f"{identity.url}/refresh", "refresh_request": {"fields": [{"key": "x", "value": "1"}]}}
    connection = held(engine(inputs=HOLDS, clock=clock), given(identity, **auth))

    for _ in range(3):
        token_of(connection)
        clock.ahead += 601

    assert [GIVEN, "R1", "R2"] == spent(identity)
    assert ["/token", "/refresh", "/refresh"] == [request.target for request in identity.asked]
    assert {"grant_type": "refresh_token", "refresh_token": "R2", "x": "1"} == identity.asked[2].form


def test_another_process_on_the_store_goes_on_with_the_stored_one(identity, clock):
    """The given one is spent; whoever shares the store never presents it again."""
    store = MemoryStore(clock)
    token_of(held(engine(inputs=HOLDS, clock=clock, store=store), given(identity)))
    clock.ahead += 601

    assert "T2" == token_of(held(engine(inputs=HOLDS, clock=clock, store=store), given(identity))).access_token.reveal()
    assert [GIVEN, "R1"] == spent(identity)


def test_an_answer_without_refresh_token_keeps_the_given_one(clock):
    """RFC 6749 §6: nothing new came, so the one that was presented goes on, as a refresh."""
    script = [says({"access_token": f"T{number}", "expires_in": 600}) for number in range(3)]
    with serving(Identity(script=script)) as identity:
        connection = held(engine(inputs=HOLDS, clock=clock), given(identity, refresh_url=f"{identity.url}/refresh"))
        for _ in range(3):
            token_of(connection)
            clock.ahead += 601

    assert [GIVEN] * 3 == spent(identity)
    assert ["/token", "/refresh", "/refresh"] == [request.target for request in identity.asked]


def test_renamed_and_in_json(identity):
    """It is a standard parameter: `rename` and encodings hold for it."""
    identity.script = [says({"access_token": "T"})]
    token_of(held(engine(inputs=HOLDS), given(identity, token_request={"encoding": "json", "rename": {"refresh_token": "token"}})))

    [request] = identity.asked
    assert f'{{"grant_type":"refresh_token","token":"{GIVEN}"}}'.encode() == request.body


def test_an_empty_one_is_an_error_before_the_network(identity):
    """As every missing secret."""
    with pytest.raises(MissingInput, match="refresh_token"):
        token_of(held(engine(inputs=INPUTS), given(identity)))
    with pytest.raises(MissingInput, match="refresh_token"):
        token_of(held(engine(inputs={**INPUTS, "refresh_token": ""}), given(identity)))

    assert 0 == identity.count


@pytest.mark.parametrize("rotates", [True, False])
def test_the_first_answer_already_tells_whether_it_rotates(rotates):
    """What is known of the given one: may it be presented again when an answer is lost?"""
    bench = Bench(attended=True, given=GIVEN)
    bench.endpoint.get = lambda old, end: bench.token("T1", refresh="R1" if rotates else GIVEN)
    bench.renewed()

    assert rotates is bench.record().entry.rotates


def test_a_crash_at_the_first_call_presents_it_once_more():
    """Nobody knows what became of the call: the given one is tried a second time, and then no more."""
    once, twice = (Bench(attended=True, given=GIVEN, refresh=True) for _ in range(2))
    for bench, attempt in ((once, 1), (twice, 2)):
        assert bench.ledger.intend(KEY, 0, Intent("somebody", bench.clock(), spent_mark(bench.endpoint.given), attempt))

    assert ("T1", [GIVEN]) == (name(once.renewed()), once.endpoint.spent)
    with pytest.raises(SignInNeeded, match="interrupted"):
        twice.renewed()
    assert [] == twice.endpoint.spent


# ---- what is no longer taken


def test_a_spent_one_is_told_and_never_presented_again(identity):
    """invalid_grant: a person has to sign in; the next caller hears it from the store, and the server is not asked."""
    identity.good_refresh = "another"
    store = MemoryStore()

    for _ in range(2):
        with pytest.raises(SignInNeeded, match="invalid_grant") as caught:
            token_of(held(engine(inputs=HOLDS, store=store), given(identity)))
        assert GIVEN not in f"{caught.value} {vars(caught.value)}"

    assert 1 == identity.count


def test_another_given_one_begins_anew(identity):
    """Supplied after the first was refused: it is asked for at once, with a token of its own."""
    store = MemoryStore()
    with pytest.raises(SignInNeeded):
        token_of(held(engine(inputs={**HOLDS, "refresh_token": "spent"}, store=store), given(identity)))

    assert "T1" == token_of(held(engine(inputs=HOLDS, store=store), given(identity))).access_token.reveal()
    assert ["spent", GIVEN] == spent(identity)


def test_a_wait_spends_nothing(identity):
    """429 leaves the given refresh token as it was."""
    identity.script = [Reply(429, b"{}", (("Retry-After", "3600"),))]
    clock = Clock()
    connection = held(engine(inputs=HOLDS, clock=clock), given(identity))
    with pytest.raises(RateLimited):
        token_of(connection)

    clock.ahead += 3601

    assert "T1" == token_of(connection).access_token.reveal()
    assert [GIVEN, GIVEN] == spent(identity)


# ---- whose it is


def key_of(made, **inputs):
    connection = held(engine(inputs={**HOLDS, **inputs}), made)
    return connection.credential(made.variants[0]).token_key(connection.inputs())


def test_the_mark_of_the_given_one_is_in_the_key():
    """Two consents are two keys, whatever else is the same; the secret itself is not in it."""
    made = given("https://id.example.com/token")
    one, other = key_of(made), key_of(made, refresh_token="another")

    assert one.digest() != other.digest()
    assert GIVEN not in str(one.facts())
    assert 16 == len(one.secret)


def test_the_mark_needs_no_sealing_key():
    """It survives a change of the key that seals the store: else every user were lost with it."""
    made = given("https://id.example.com/token")
    connection = held(engine(inputs=HOLDS), made)
    connection.engine.ledger.fingerprint = lambda secret: pytest.fail("a keyed fingerprint was asked for")

    key = connection.credential(made.variants[0]).token_key(connection.inputs())

    assert spent_mark(connection.inputs()["refresh_token"]) == key.secret


@every("change", [
    {"client_auth": "client_secret_post"}, {"basic_encoding": "raw"}, {"refresh_url": "https://id.example.com/refresh"}, {"refresh_before": 5},
    {"token_request": {"encoding": "json"}}, {"revoke_request": {"url": "https://id.example.com/{{ inputs.client_id }}/revoke"}},
])  # fmt: skip
def test_how_the_call_is_made_is_not_in_the_key(change):
    """A person is not signed out by an edit of the profile, nor by another client secret."""
    before = key_of(given("https://id.example.com/token"))

    assert before.digest() == key_of(given("https://id.example.com/token", **change), client_secret="rotated").digest()


def test_a_rotated_client_secret_keeps_the_stored_refresh_token(identity, clock):
    """The same user, another secret of the client, and another way to present it."""
    store = MemoryStore(clock)
    token_of(held(engine(inputs=HOLDS, clock=clock, store=store), given(identity)))
    clock.ahead += 601
    rotated = {**HOLDS, "client_secret": "n3w"}

    token_of(held(engine(inputs=rotated, clock=clock, store=store), given(identity, client_auth="client_secret_post")))

    assert [GIVEN, "R1"] == spent(identity)
    assert "n3w" == identity.asked[1].form["client_secret"]


def test_two_tenants_with_one_refresh_token_do_not_meet(identity):
    """The tenant is in the key as ever; the second presents the spent one, and is told so."""
    run = engine(inputs=HOLDS)
    token_of(held(run, given(identity), tenant="blue"))

    with pytest.raises(SignInNeeded):
        token_of(held(run, given(identity), tenant="red"))


# ---- what must not spend it


def test_testing_a_profile_spends_nothing_that_the_engine_needs(identity, clock):
    """`authweave test` gets its token anew, through the engine's own store: the rotated refresh token is there afterwards."""
    run = engine(inputs=HOLDS, clock=clock)
    made = given(identity)

    reports = [probe(run, made) for _ in range(2)]
    used = token_of(held(run, made))
    clock.ahead += 601
    token_of(held(run, made))

    assert "T2" == used.access_token.reveal()
    assert [GIVEN, "R1", "R2"] == spent(identity)
    assert ["obtained", "obtained"] == [report.token.word for report in reports]


def test_a_test_tells_of_a_spent_one(identity):
    """The diagnosis names the refresh token, and the key to change."""
    identity.good_refresh = "another"
    run = engine(inputs=HOLDS)

    for _ in range(2):
        report = probe(run, given(identity))
        [found] = [found for found in report.diagnoses if found.code == "invalid_grant"]
        assert "refused" == report.token.word
        assert "already used (rotation)" in found.sentence
        assert "auth.refresh_token" == found.fixes[0].key
    assert 1 == identity.count


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_present_it_again(identity, clock):
    """Tokens in memory are not shared: the parent has spent the given one, so the child says so instead of ending both."""
    connection = held(engine(inputs=HOLDS, clock=clock), given(identity))
    token_of(connection)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        said = b"?"
        try:
            said = token_of(connection).access_token.reveal().encode()
            clock.ahead += 601
            token_of(connection)
        except BaseException as error:  # noqa: BLE001 - told to the parent
            said += f" {type(error).__name__} {error}".encode()
        os.write(write, said)
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as pipe:
        told = pipe.read().decode()

    assert told.startswith("T1 SignInNeeded")
    assert "memory" in told
    clock.ahead += 601
    assert "T2" == token_of(connection).access_token.reveal()
    assert [GIVEN, "R1"] == spent(identity)


def test_preview_shows_the_call_without_the_secret():
    """Offline: the exact request, with the refresh token masked and its key named."""
    [shown, *_] = preview(held(engine(inputs=HOLDS), given("https://id.example.com/token"))).requests

    assert [("grant_type", "auth.grant_type"), ("refresh_token", "auth.refresh_token")] == [(part.key, part.origin) for part in shown.parts if part.place == "payload"]
    assert GIVEN not in str(shown)


# ---- an answer that brings a refresh token and is otherwise of no use

KEPT = {"token_response": {"keep": {"instance": {"value": "{{ response.json.instance }}", "pattern": "[a-z]+"}}}}


@pytest.mark.parametrize(("more", "auth"), [({"expires_in": "soon"}, {}), ({"token_type": "mac"}, {}), ({"access_token": ""}, {}), ({"instance": "?"}, KEPT)])
def test_a_refresh_token_outlives_the_rest_of_its_answer(identity, clock, more, auth):
    """What the rotation brought is kept and presented next, once the pause is over: never the one that was spent."""
    identity.more = {"instance": "eu", **more}
    run = engine(inputs=HOLDS, clock=clock)
    connection = held(run, given(identity, **auth))
    with pytest.raises(AuthweaveError) as caught:
        token_of(connection)
    with pytest.raises(EndpointPaused):
        token_of(connection)
    assert [GIVEN] == spent(identity)

    identity.more = {"instance": "eu"}
    clock.ahead = 61

    assert "T2" == token_of(connection).access_token.reveal()
    assert [GIVEN, "R1"] == spent(identity)
    assert "R1" not in str(caught.value)


def test_such_answers_again_and_again_are_no_storm(identity, clock):
    """Each brings a refresh token that is kept; the pauses grow."""
    identity.more = {"expires_in": "soon"}
    connection = held(engine(inputs=HOLDS, clock=clock), given(identity))
    for _ in range(60):
        with pytest.raises(AuthweaveError):
            token_of(connection)
        clock.ahead += 1.001

    assert 5 <= identity.count <= 8
    assert 0 == identity.refused


def test_a_store_that_is_away_then_gets_it_later(identity, clock):
    """The only living refresh token is kept in memory until it can be written, and nobody presents the other one."""
    store = MemoryStore(clock)
    run = engine(inputs=HOLDS, clock=clock, store=store)
    connection = held(run, given(identity))
    identity.more = {"expires_in": "soon"}
    store.write = None
    with pytest.raises(StoreUnavailable):
        token_of(connection)
    del store.write
    until(lambda: list(store.keys()))

    identity.more = {}
    clock.ahead = 61
    other = held(engine(inputs=HOLDS, clock=clock, store=store), given(identity))

    assert "T2" == token_of(other).access_token.reveal()
    assert [GIVEN, "R1"] == spent(identity)
