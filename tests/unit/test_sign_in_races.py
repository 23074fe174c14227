"""A sign-in beside everything else that may befall a token: renewals, stores that fail, processes that end, many at once."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from authweave.errors import AuthorizationRequired, SignInNeeded, StoreUnavailable, TokenEndpointError
from authweave.sign_in import Shelf
from authweave.stores.memory import MemoryStore
from authweave.values import Trouble, spent_mark
from renewing import KEY, Bench, Endpoint, name
from services import Clock, Identity, engine, profile, serving, until
from signing_in import API, answer_to, asked_of, begun_by, code_auth, code_profile

pytestmark = pytest.mark.thorough

HERE = Path(__file__).parents[1]


class Attended(Endpoint):
    """Without a refresh token only a person can give another token."""

    def __init__(self, clock, **more):
        super().__init__(clock, attended=True, refresh=True, **more)

    def needs_person(self, old):
        return old is None or old.refresh_token is None


class SignInBench(Bench):
    def __init__(self, **more):
        super().__init__(attended=True, refresh=True, **more)
        self.endpoint = Attended(self.clock)
        self.tokens = self.same()

    def consent(self, text="C1", refresh="CR1"):
        """What a sign-in gives."""
        return lambda end: self.token(text, refresh=refresh)


# ---- with renewals


def test_without_anything_to_refresh_a_person_is_needed_and_nothing_is_called():
    """No grant is tried, and the lease is free again."""
    bench = SignInBench()
    with pytest.raises(SignInNeeded, match="no token yet"):
        bench.renewed()

    assert 0 == bench.endpoint.count
    assert bench.ledger.lease(KEY, "somebody", 1.0)


def test_a_sign_in_clears_what_was_wrong():
    """A refresh token that had died, its trouble and its token make place."""
    bench = SignInBench()
    dead = bench.token("T0", life=-1, refresh="R0")
    bench.keep(dead, trouble=Trouble("sign_in_needed", "invalid_grant", bench.clock(), spends=spent_mark(dead.refresh_token)))
    with pytest.raises(SignInNeeded):
        bench.renewed()
    bench.tokens.signed_in(bench.consent())

    assert ("C1", None) == (name(bench.record().token), bench.record().trouble)
    assert "C1" == name(bench.renewed()) == name(bench.same().renewed().result(10))


def test_a_renewal_under_way_is_waited_for():
    """The lease keeps them apart: the refresh ends first, and the sign-in has the last word."""
    bench = SignInBench()
    bench.keep(bench.token("T0", life=-1, refresh="R0"))
    bench.endpoint.gate = threading.Event()
    renewing = bench.same().renewed()
    until(lambda: bench.endpoint.count == 1)
    signing = threading.Thread(target=lambda: bench.tokens.signed_in(bench.consent()))
    signing.start()
    time.sleep(0.1)
    assert "C1" != name(bench.record().token)
    bench.endpoint.gate.set()
    signing.join(20)

    assert "T1" == name(renewing.result(10))
    assert "C1" == name(bench.record().token)


def test_a_renewal_that_ends_later_takes_the_new_token():
    """Its lease had run out; what it got rests on a consent that is no longer the last."""
    bench = SignInBench()
    bench.keep(bench.token("T0", life=-1, refresh="R0"))
    bench.endpoint.gate = threading.Event()
    renewing = bench.same().renewed()
    until(lambda: bench.endpoint.count == 1)
    bench.clock.ahead += bench.lease_seconds + 1
    bench.tokens.signed_in(bench.consent())
    bench.endpoint.gate.set()

    assert "C1" == name(renewing.result(20)) == name(bench.record().token)


def test_a_renewal_that_is_refused_later_harms_nothing():
    """The old refresh token died with the new consent, as at providers that keep one family for each person."""
    bench = SignInBench()
    bench.keep(bench.token("T0", life=-1, refresh="R0"))
    bench.endpoint.gate = threading.Event()
    bench.endpoint.errors = [TokenEndpointError(status=400, url="https://id.example", error="invalid_grant")]
    renewing = bench.same().renewed()
    until(lambda: bench.endpoint.count == 1)
    bench.clock.ahead += bench.lease_seconds + 1
    bench.tokens.signed_in(bench.consent())
    bench.endpoint.gate.set()

    assert "C1" == name(renewing.result(20)) == name(bench.record().token)
    assert bench.record().trouble is None


def test_a_caller_who_comes_during_the_exchange_gets_its_token():
    """They wait for the lease instead of hearing that somebody has to sign in."""
    bench = SignInBench()
    gate, is_under_way = threading.Event(), threading.Event()

    def get(end):
        is_under_way.set()
        gate.wait(20)
        return bench.token("C1", refresh="CR1")

    signing = threading.Thread(target=lambda: bench.tokens.signed_in(get))
    signing.start()
    assert is_under_way.wait(20)
    waiting = bench.same().renewed()
    time.sleep(0.1)
    gate.set()
    signing.join(20)

    assert "C1" == name(waiting.result(20))


def test_an_exchange_that_fails_leaves_everything_as_it_was():
    """The token that was there goes on."""
    bench = SignInBench()
    bench.keep(bench.token("T0", refresh="R0"))

    def get(end):
        raise TokenEndpointError(status=400, url="https://id.example", error="invalid_grant")

    with pytest.raises(TokenEndpointError):
        bench.tokens.signed_in(get)

    assert "T0" == name(bench.renewed()) == name(bench.record().token)
    assert bench.record().trouble is None


class Full(MemoryStore):
    """Cannot write while `is_full`."""

    is_full = False

    def write(self, key, version, data, *, keep=None):
        if self.is_full:
            raise StoreUnavailable("full", "no space left")
        return super().write(key, version, data, keep=keep)


def test_a_consent_that_cannot_be_stored_is_kept_until_it_can():
    """Nobody gets it before it is durable, and nobody has to sign in again."""
    store = Full()
    bench = SignInBench(store=store)
    bench.keep(bench.token("T0", life=-1, refresh="R0"))
    store.is_full = True
    with pytest.raises(StoreUnavailable):
        bench.tokens.signed_in(bench.consent())
    assert "T0" == name(bench.record().token)
    store.is_full = False
    until(lambda: name(bench.record().token) == "C1")

    assert "C1" == name(bench.renewed())


def test_a_token_that_nothing_renews_is_used_to_its_end():
    """In its last minute nobody is asked for another, nor told that somebody has to sign in."""
    bench = SignInBench()
    bench.tokens.signed_in(lambda end: bench.token("C1"))
    bench.clock.ahead += 595

    assert "C1" == name(bench.tokens.fresh())
    time.sleep(0.1)
    assert "sign_in_needed" not in bench.kinds


# ---- in many processes

ASK = """
    import json, sys, threading
    sys.path.insert(0, sys.argv[1])
    from authweave.errors import AuthorizationRequired
    from services import engine
    run = engine(profiles=sys.argv[2], settings={"store": sys.argv[3], "store_key": sys.argv[4]})
    connection = run.connect("acme", subject="anna")
    links = []
    def call():
        try:
            connection.token().result(30)
        except AuthorizationRequired as needed:
            links.append(needed.authorization.url)
    threads = [threading.Thread(target=call) for _ in range(13)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(json.dumps(links))
"""
COMPLETE = """
    import sys
    sys.path.insert(0, sys.argv[1])
    from services import engine
    from authweave.errors import CallbackRefused
    run = engine(profiles=sys.argv[2], settings={"store": sys.argv[3], "store_key": sys.argv[4]})
    try:
        print(run.complete_authorization(sys.argv[5], "session").result(30).is_authorized)
    except CallbackRefused as error:
        print(error.reason)
"""


def started(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code), str(HERE), *map(str, arguments)], stdout=subprocess.PIPE, text=True)


@pytest.fixture
def place(tmp_path):
    """A folder of profiles, a store and its key."""
    key = tmp_path / "key"
    key.write_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
    key.chmod(0o600)
    (tmp_path / "profiles").mkdir()
    return tmp_path / "profiles", f"sqlite://{tmp_path}/tokens.db", key


@pytest.mark.thorough
def test_processes_agree_on_one_link_and_any_of_them_completes_it_once(place):
    """Four processes, fifty-two callers, one link; then four that bring the answer: one gets the token."""
    folder, store, key = place
    with serving(Identity(refresh=True)) as identity:
        (folder / "acme.json").write_text(json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": [API], "auth": code_auth(identity)}))
        asking = [started(ASK, folder, store, key) for _ in range(4)]
        links = [link for process in asking for link in json.loads(process.communicate(timeout=60)[0])]
        run = engine(profiles=folder, settings={"store": store, "store_key": str(key)})
        begun = begun_by(run.connect("acme", subject="anna"), session="session")
        completing = [started(COMPLETE, folder, store, key, answer_to(begun)) for _ in range(4)]
        outcomes = sorted(process.communicate(timeout=60)[0].strip() for process in completing)
        mine = run.connect("acme", subject="anna").token().result(10)
        run.close()

    assert (52, 1) == (len(links), len(set(links)))
    assert ["True", "used", "used", "used"] == outcomes
    assert "T1" == mine.access_token.reveal()
    assert 1 == identity.count


# ---- the shelf


def test_a_row_of_a_sign_in_is_no_token():
    """Neither status nor anything else that lists tokens takes it for one, or for damage."""
    with serving(Identity()) as identity:
        run = engine()
        connection = run.connect(code_profile(identity), subject="anna")
        begun_by(connection)

    assert [] == list(run.ledger.entries())
    assert 1 == len(list(run.ledger.store.keys()))


def test_a_row_goes_by_itself():
    """Some minutes after the link has run out nothing of it is left to be kept."""
    clock = Clock()
    kept = []

    class Watched(MemoryStore):
        def write(self, key, version, data, *, keep=None):
            kept.append(keep)
            return super().write(key, version, data, keep=keep)

    with serving(Identity()) as identity:
        begun_by(engine(clock=clock, store=Watched(clock)).connect(code_profile(identity), subject="anna"))

    assert all(keep is not None and keep <= 1200 for keep in kept)


def test_what_somebody_put_into_the_row_is_as_if_absent():
    """Damage, or a token under that name, begins anew."""
    with serving(Identity()) as identity:
        run = engine()
        connection = run.connect(code_profile(identity), subject="anna")
        first = begun_by(connection)
        row = Shelf.of(run.consents, connection.signing_in.credential().tokens.key).row
        for data in (b"nonsense", b"authweave sign-in\n{}", b"authweave sign-in\n[" + b"[" * 100_000):
            version, _ = run.ledger.held(row)
            assert run.ledger.hold(row, version, data, keep=600)

            assert first.state != begun_by(connection).state


def test_nothing_of_a_sign_in_is_shown():
    """Verifier, state and codes are in no repr, and in no error that a caller gets."""
    with serving(Identity()) as identity:
        run = engine()
        connection = run.connect(code_profile(identity), subject="anna")
        begun = begun_by(connection)
        record = Shelf.of(run.consents, connection.signing_in.credential().tokens.key).read()[1]
        with pytest.raises(AuthorizationRequired) as caught:
            connection.token().result(10)

    assert record is not None
    shown = f"{record!r} {begun!r} {caught.value!r} {caught.value} {caught.value.__dict__!r}"
    assert not [part for part in (record.verifier, record.state, asked_of(begun)["code_challenge"]) if part in shown]


def test_an_error_survives_a_pickle_with_its_link():
    """Task queues hand errors on."""
    import pickle

    with serving(Identity()) as identity, pytest.raises(AuthorizationRequired) as caught:
        engine().connect(profile(code_auth(identity), API), subject="anna").token().result(10)
    again = pickle.loads(pickle.dumps(caught.value))

    assert (str(caught.value), caught.value.authorization) == (str(again), again.authorization)


def test_a_secret_session_is_not_in_the_record():
    """A session id is as good as a password."""
    with serving(Identity()) as identity:
        run = engine()
        connection = run.connect(code_profile(identity), subject="anna")
        begun_by(connection, session="s3ss10n-1d")
        record = Shelf.of(run.consents, connection.signing_in.credential().tokens.key).read()[1]

    assert record is not None
    assert b"s3ss10n" not in record.encoded()
