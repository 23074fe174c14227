"""A refresh token that has rotated and is not stored yet outlives the object that got it, and an engine's end waits for it."""

from __future__ import annotations

import gc
import threading
import time
import weakref

import pytest

from authweave.at_rest.keys import Keys
from authweave.errors import StoreUnavailable, TokenEndpointError
from authweave.stores.memory import MemoryStore
from authweave.tokens.flights import Flights
from authweave.tokens.ledger import Ledger
from renewing import KEY, Bench, name
from services import until

DEAD = TokenEndpointError(status=400, url="x", error="invalid_grant")


class Full(MemoryStore):
    """A shared store that takes no entry while it is full."""

    is_shared = True
    is_full = False

    def write(self, *arguments, **named):
        if self.is_full:
            raise StoreUnavailable("full", "the store is full")
        return super().write(*arguments, **named)


class Person(Bench):
    """A key whose tokens rest on a person's refresh token, R0 at first; its ledger is one, as in one engine."""

    def __init__(self):
        super().__init__(store=Full(), refresh=True, attended=True)
        self.store._clock = self.clock
        self.keep(self.token("T0", life=-1.0, refresh="R0"))
        self.one = Ledger(self.store, Keys(None), self.tell, 0.2)

    def filled(self, *, is_saved=False, **more):
        """Tokens whose renewal went well at the provider, and could not be stored."""
        tokens = self.same(ledger=self.one, **more)
        if not is_saved:  # as where no thread can be started
            tokens._renewal.later.patiently = lambda work, seconds: None
        self.endpoint.before = lambda: setattr(self.store, "is_full", True)
        with pytest.raises(StoreUnavailable):
            tokens.renewed().result(10)
        self.endpoint.before = lambda: None
        self.endpoint.errors = [DEAD]  # whoever presents R0 again
        return tokens

    def room(self):
        self.store.is_full = False


def test_it_outlives_the_object_that_got_it():
    """A connection that is let go of while the store is full takes no refresh token with it, also once its lease has run out."""
    person = Person()
    tokens = person.filled(lease_seconds=0.1)
    forgotten = weakref.ref(tokens)
    del tokens
    until(lambda: gc.collect() >= 0 and forgotten() is None)
    person.clock.ahead = 60
    person.room()

    assert "T1" == name(person.same(ledger=person.one).renewed().result(10))
    assert (["R0"], "R1") == (person.endpoint.spent, person.record().token.refresh_token.reveal())


def test_whoever_revokes_saves_it_first():
    """What is ended is the newest token, whichever object got it."""
    person = Person()
    ended = []
    person.endpoint.revoke = lambda token, end: ended.append(token.refresh_token.reveal()) or True
    keeps = person.filled(lease_seconds=0.1)
    assert keeps
    person.clock.ahead = 60
    person.room()

    other = person.same(ledger=person.one)
    until(lambda: other.revoked().exception(10) is None)
    assert (["R1"], None) == (ended[-1:], person.record().token)


def test_it_is_let_go_of_once_it_is_stored():
    """Nothing stays in memory of what has been saved."""
    person = Person()
    person.filled(is_saved=True)
    person.room()

    until(lambda: person.one.unsaved.of(KEY) is None)
    assert "R1" == person.record().token.refresh_token.reveal()


def test_who_waits_for_the_end_waits_for_what_begins_meanwhile():
    """A renewal that ends leaves a token to be saved: a close that had only looked for the renewal would take the store away."""
    flights, gate, done = Flights(), threading.Event(), []

    def saves():
        time.sleep(0.3)
        done.append("saved")

    def renews():
        assert gate.wait(10)
        flights.run("save", "another lane", saves)

    flights.run("renew", "lane", renews)
    threading.Timer(0.1, gate.set).start()
    flights.wait(20)

    assert ["saved"] == done


def test_a_worker_that_waits_for_the_end_does_not_wait_for_itself():
    """Whoever hears of events closes the engine, in the worker's own thread."""
    flights = Flights()

    assert flights.run("k", "lane", lambda: flights.wait(20) or "done").result(10) == "done"


def test_a_closed_store_ends_the_tries():
    """An engine that is closed while its store is full says what is lost with it, and leaves no thread behind that tries for ever."""
    person = Person()
    tokens = person.filled(is_saved=True)
    person.one.close()

    until(lambda: not tokens._flights._flying)
    assert ("lost", KEY.digest()[:12]) in [(kind, fields.get("key")) for kind, fields in person.told]
    assert person.one.unsaved.of(KEY) is None


def test_what_begins_after_the_end_spends_nothing():
    """While an engine is closed somebody renews: no refresh token is spent for a token that could no longer be stored."""
    person = Person()
    person.one.is_ending = True
    with pytest.raises(StoreUnavailable, match="closed"):
        person.same(ledger=person.one).renewed().result(10)

    assert [] == person.endpoint.spent
    assert "T1" == name(person.renewed())


def test_a_renewal_under_way_is_stored_before_the_end():
    """What had begun before is waited for, and written."""
    person, gate = Person(), threading.Event()
    person.endpoint.gate = gate
    tokens = person.same(ledger=person.one)
    flight = tokens.renewed()
    until(lambda: person.endpoint.count == 1)
    person.one.is_ending = True
    gate.set()

    assert "T1" == name(flight.result(10))
    assert "R1" == person.record().token.refresh_token.reveal()
