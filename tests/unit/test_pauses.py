"""When a token endpoint is left alone: because it asked for it, or because it does not answer."""

from __future__ import annotations

import time

import pytest

import authweave.tokens.pauses
from authweave.at_rest.keys import Keys
from authweave.errors import EndpointPaused, RateLimited, StoreUnavailable
from authweave.stores.memory import MemoryStore
from authweave.tokens.ledger import Ledger
from authweave.tokens.pauses import FAILURES, LONGEST_HOLD, Pauses
from services import Api, Clock, Identity, connect, engine, oauth, says, serving
from thorough import every

CLIENT, OTHER = ("https://id.example", "robot"), ("https://id.example", "another")


class Shared(MemoryStore):
    """As other processes see it."""

    is_shared = True


class Bench:
    def __init__(self, store=None):
        self.now, self.told = 1_800_000_000.0, []
        self.store = store
        ledger = Ledger(store, Keys(None), self.tell, 0.2) if store else None
        self.pauses = Pauses(ledger, self.tell, lambda: self.now)

    def tell(self, kind, **fields):
        self.told.append((kind, fields))

    def fail(self, times, client=CLIENT):
        for _ in range(times):
            self.pauses.failed(client, "no answer")

    def is_paused(self, client=CLIENT):
        try:
            self.pauses.begin(client, "https://id.example/token")
        except EndpointPaused:
            return True
        return False


@pytest.fixture
def bench():
    return Bench()


# ---- Retry-After


def test_what_was_asked_holds_for_that_client(bench):
    """Until then, and not for another client; a shorter wait does not end a longer one."""
    bench.pauses.hold(CLIENT, bench.now + 30)
    bench.pauses.hold(CLIENT, bench.now + 10)

    assert (bench.now + 30, 0.0) == (bench.pauses.until(CLIENT), bench.pauses.until(OTHER))


def test_what_is_over_is_forgotten(bench):
    """What endpoints asked for is remembered as long as it holds, and no longer."""
    for number in range(100):
        bench.pauses.hold(("https://id.example", str(number)), bench.now + 10)
    bench.now += 20
    bench.pauses.hold(CLIENT, bench.now + 10)

    assert [CLIENT] == list(bench.pauses._until)


def test_nobody_is_held_for_ever(bench):
    """An endpoint that asks for a year is asked again after a day."""
    bench.pauses.hold(CLIENT, bench.now + 1e9)

    assert bench.now + LONGEST_HOLD == bench.pauses.until(CLIENT)


def test_another_process_hears_of_it():
    """What one worker was asked holds for every worker on the store; nobody can read there whom it concerns."""
    store = Shared()
    one, other = Bench(store), Bench(store)
    one.now = other.now = time.time()
    one.pauses.hold(CLIENT, one.now + 30)

    assert (one.now + 30, 0.0) == (other.pauses.until(CLIENT), other.pauses.until(OTHER))
    assert "robot" not in str(list(store._notes))


@every("fact", [{}, {"until": "soon"}, {"until": 1e300}, {"until": None}])
def test_an_odd_note_holds_nobody(fact):
    """What a later version, or garbage, says of the wait is no wait."""
    store = Shared()
    one, other = Bench(store), Bench(store)
    one.pauses.hold(CLIENT, one.now + 30)
    [name] = store._notes
    other.pauses._ledger.note(name, fact, 60)

    assert 0.0 == other.pauses.until(CLIENT)


def test_a_store_that_is_away_changes_nothing_here():
    """The wait holds in this process all the same."""
    store = Shared()
    bench = Bench(store)

    def fail(*_):
        raise StoreUnavailable("timeout", "silent")

    store.note = store.noted = fail
    bench.pauses.hold(CLIENT, bench.now + 30)

    assert (bench.now + 30, 0.0) == (bench.pauses.until(CLIENT), bench.pauses.until(OTHER))


def test_another_worker_does_not_ask_at_all():
    """Two engines on one store: one is asked to wait beyond its deadline, the other makes no request."""
    store = Shared()
    with serving(Identity(script=[says({}, 429, ("Retry-After", "600"))])) as identity, serving(Api()) as api:
        for _ in range(2):
            run = engine(store=store, settings={"store_key": "plaintext"})
            with pytest.raises(RateLimited):
                connect(oauth(identity), api, run=run).token().result(10)

    assert 1 == identity.count


# ---- the circuit


def test_after_so_many_failures_nobody_asks_for_a_while(bench):
    """Then one caller tries; the others still do not. An answer ends it. One event for each turn."""
    bench.fail(FAILURES - 1)
    assert not bench.is_paused()
    bench.fail(1)
    assert (True, False) == (bench.is_paused(), bench.is_paused(OTHER))
    bench.now += 6.1
    assert [False, True, True] == [bench.is_paused() for _ in range(3)]
    bench.pauses.answered(CLIENT)

    assert not bench.is_paused()
    assert ["endpoint_paused", "endpoint_back"] == [kind for kind, _ in bench.told]


def test_asking_whether_to_call_takes_nobodys_turn(bench):
    """`refuse` may be asked before a call any number of times; only `begin` is the one caller's turn."""
    bench.fail(FAILURES)
    bench.now += 6.1
    for _ in range(3):
        bench.pauses.refuse(CLIENT, "x")

    assert [False, True] == [bench.is_paused() for _ in range(2)]
    with pytest.raises(EndpointPaused):
        bench.pauses.refuse(CLIENT, "x")


def test_pauses_grow_and_have_an_end(bench):
    """Each failed try doubles the pause, up to a minute; the event is told once."""
    bench.fail(FAILURES)
    waits = []
    for _ in range(8):
        waits.append(bench.pauses._circuits[CLIENT].until - bench.now)
        bench.now += 73
        assert not bench.is_paused()
        bench.fail(1)

    assert waits[0] < 6.1 < waits[2] < waits[4]
    assert max(waits) <= 72
    assert 1 == len(bench.told)


def test_failures_that_are_answered_in_between_do_not_count(bench):
    """Only a row of them does."""
    for _ in range(3):
        bench.fail(FAILURES - 1)
        bench.pauses.answered(CLIENT)

    assert not bench.is_paused()


def test_a_test_of_the_profile_is_not_held_back(bench):
    """`authweave test` asks all the same, but for what the endpoint itself asked for."""
    bench.fail(FAILURES)
    bench.pauses.hold(CLIENT, bench.now + 30)
    apart = bench.pauses.apart()

    apart.begin(CLIENT, "x")
    assert bench.now + 30 == apart.until(CLIENT)


def test_what_is_asked_for_during_a_test_of_the_profile_holds_for_both(bench):
    """Whoever of the two is told to wait, and however often, the other one waits, too."""
    apart = bench.pauses.apart()
    bench.pauses.hold(OTHER, bench.now + 10)
    apart.hold(CLIENT, bench.now + 30)
    bench.pauses.hold(OTHER, bench.now + 20)

    assert (bench.now + 30, bench.now + 20) == (bench.pauses.until(CLIENT), apart.until(OTHER))


def test_many_clients_are_bounded(bench):
    """Nobody can fill the memory with clients that fail."""
    for number in range(10_050):
        bench.pauses.failed(("https://id.example", str(number)), "no answer")

    assert len(bench.pauses._circuits) <= 10_000


def test_clients_that_are_asked_to_wait_are_bounded(bench, monkeypatch):
    """Nobody can fill the memory with them, either: what ends first goes first."""
    monkeypatch.setattr(authweave.tokens.pauses, "MOST", 100)
    bench.pauses.hold(CLIENT, bench.now + 60)
    bench.pauses.hold(OTHER, bench.now + 1)
    for number in range(150):
        bench.pauses.hold(("https://id.example", str(number)), bench.now + 30)

    assert 100 == len(bench.pauses._until)
    assert (bench.now + 60, 0.0) == (bench.pauses.until(CLIENT), bench.pauses.until(OTHER))


def test_clients_that_are_refused_again_and_again_are_bounded(bench, monkeypatch):
    """Nor with those that it has too many requests of."""
    monkeypatch.setattr(authweave.tokens.pauses, "MOST", 100)
    for number in range(150):
        bench.pauses.crowd(("https://id.example", str(number)), bench.now + 1)

    assert 100 == len(bench.pauses._crowded) == len(bench.pauses._until)


def test_whose_endpoint_is_left_alone_is_not_told(bench):
    """Who listens to events is told where it is, and not which tenant's client asked there."""
    client = ("https://id.example", "https://id.example/token blue-tenant robot-of-blue")
    bench.fail(FAILURES, client)
    bench.pauses.answered(client)

    assert ["endpoint_paused", "endpoint_back"] == [kind for kind, _ in bench.told]
    assert {"https://id.example"} == {fields["endpoint"] for _, fields in bench.told}
    assert "blue" not in str(bench.told)


def test_an_endpoint_that_is_down_is_asked_a_few_times():
    """From outside: 40 requests in a row to an endpoint that answers 500 cost it a few calls, then none; the error says so."""
    with serving(Identity(script=[says({}, 500)] * 100)) as identity, serving(Api()) as api:
        connection = connect(oauth(identity), api, run=engine(attempts=1))
        for _ in range(40):
            with pytest.raises(Exception, match=r"500|left alone") as caught:
                connection.token().result(10)

    assert FAILURES == identity.count
    assert isinstance(caught.value, EndpointPaused)
    assert 0 == api.count


def test_an_endpoint_that_is_back_is_found_at_the_first_look():
    """From outside: after the pause the first caller really calls, and gets the token. A pause that is over ends in one call."""
    clock, told = Clock(), []
    with serving(Identity(script=[says({}, 500)] * FAILURES)) as identity, serving(Api()) as api:
        connection = connect(oauth(identity), api, run=engine(attempts=1, clock=clock, on_event=lambda event: told.append(event.kind)))
        for _ in range(FAILURES + 1):
            with pytest.raises(Exception, match=r"500|left alone"):
                connection.token().result(10)
        clock.ahead += 6.1
        assert connection.token().result(10)

    assert FAILURES + 1 == identity.count
    assert ["endpoint_paused", "refused", "endpoint_back", "acquired"] == told[-4:]


def test_a_look_that_fails_keeps_the_endpoint_alone():
    """The one call of a look fails: the endpoint stays left alone, twice as long, and nothing says that it is back."""
    clock, told = Clock(), []
    with serving(Identity(script=[says({}, 500)] * 50)) as identity, serving(Api()) as api:
        connection = connect(oauth(identity), api, run=engine(attempts=1, clock=clock, on_event=lambda event: told.append(event.kind)))
        for _ in range(20):
            with pytest.raises(Exception, match=r"500|left alone"):
                connection.token().result(10)
        clock.ahead += 6.1
        for _ in range(20):
            with pytest.raises(Exception, match=r"500|left alone"):
                connection.token().result(10)

    assert FAILURES + 1 == identity.count
    assert (1, 0) == (told.count("endpoint_paused"), told.count("endpoint_back"))


def test_a_clock_that_was_wrong_keeps_nobody_away():
    """What was asked or found out a year ahead is over once the clock is right."""
    bench = Bench()
    right, bench.now = bench.now, bench.now + 365 * 86_400
    bench.pauses.hold(CLIENT, bench.now + 30)
    for _ in range(FAILURES):
        bench.pauses.failed(CLIENT, "no answer")
    bench.now = right

    assert 0.0 == bench.pauses.until(CLIENT)
    bench.pauses.refuse(CLIENT, "https://id.example/token")
    bench.pauses.begin(CLIENT, "https://id.example/token")
