"""An API that refuses every new token, and several processes on one store: they ask for as many as one of them would."""

from __future__ import annotations

import threading

import httpx
import pytest

from authweave.engine import Engine
from authweave.errors import EndpointPaused
from authweave.stores.memory import MemoryStore
from authweave.tokens.refusals import Refusal
from authweave.values import Secret, Token
from services import Api, Clock, Identity, Still, between, connect, engine, oauth, serving, until


class Shared(MemoryStore):
    """As other processes see it."""

    is_shared = True


def processes(count: int, clock: Clock) -> list[Engine]:
    """So many engines on one store."""
    store = Shared()
    return [engine(clock=clock, store=store, settings={"store_key": "plaintext"}) for _ in range(count)]


def asking(run: Engine, identity: Identity, api: Api) -> int:
    """The status of one request of a process."""
    with httpx.Client(auth=connect(oauth(identity), api, run=run).auth, trust_env=False) as client:
        status = client.get(api.url).status_code
    landed(run)
    return status


def landed(run: Engine) -> None:
    """Wait until nothing is under way."""
    until(lambda: not run.flights.is_under_way)


@pytest.mark.parametrize("count", [1, 4])
def test_processes_that_are_refused_ask_as_often_as_one(count):
    """Two minutes of requests, each process a second after the other: a token at first, one in its place, and one after each pause."""
    clock = Still()
    with between(Identity(), Api(accepts=lambda _: False)) as (identity, api):
        runs = processes(count, clock)
        for second in range(120):
            clock.ahead = float(second)
            assert 401 == asking(runs[second % count], identity, api)

    assert identity.count <= 2 + 5  # 5 s, 10 s, 20 s, 40 s, 60 s; each for itself it was nine with four


def test_a_new_token_that_is_accepted_ends_it_for_all():
    """The API comes to its senses: what was told is taken back, and the next refusal is the first in a row, in every process."""
    clock, good = Still(), set()
    with between(Identity(), Api(accepts=lambda token: token in good)) as (identity, api):
        here, there = processes(2, clock)
        assert [401, 401] == [asking(run, identity, api) for run in (here, there)]
        clock.ahead += 5.1
        good |= {f"T{number}" for number in range(10)}
        assert 200 == asking(here, identity, api)
        good.clear()
        good.add("T9")
        before = identity.count
        clock.ahead += 61
        assert 401 == asking(there, identity, api)

        assert before + 1 >= identity.count


def test_what_was_told_of_one_token_says_nothing_of_anothers():
    """A tenant whose API refuses whatever is new keeps no other tenant on the store from another token."""
    clock = Still()
    with between(Identity(), Api(accepts=lambda _: False)) as (identity, api), serving(Api(accepts=lambda token: token != "T3")) as other:
        here, there = processes(2, clock)
        assert 401 == asking(here, identity, api)
        with httpx.Client(auth=connect(oauth(identity), other, run=there, tenant="other").auth, trust_env=False) as client:
            assert 200 == client.get(other.url).status_code
        landed(there)

    assert ["T3", "T4"] == other.tokens


def test_what_was_taken_back_is_no_longer_counted():
    """After a token that was accepted the next pause is the first one again, in every process."""
    clock, good = Still(), set()
    with between(Identity(), Api(accepts=lambda token: token in good)) as (identity, api):
        here, there = processes(2, clock)
        for ahead in (0.0, 5.1, 10.1):
            clock.ahead += ahead
            assert 401 == asking(here, identity, api)
        clock.ahead += 20.1
        good.add(f"T{identity.count + 1}")
        assert 200 == asking(here, identity, api)
        good.clear()
        assert 401 == asking(there, identity, api)
        before = identity.count
        clock.ahead += 5.1
        assert 401 == asking(there, identity, api)

    assert before + 1 == identity.count


def test_another_token_in_the_store_is_taken_all_the_same():
    """A pause is no reason to leave alone what costs nothing: who has the old one takes the new one, and tries it."""
    clock = Still()
    with between(Identity(), Api(accepts=lambda _: False)) as (identity, api):
        here, there = processes(2, clock)
        api.accepts = lambda token: True
        assert [200, 200] == [asking(run, identity, api) for run in (here, there)]
        api.accepts = lambda token: False
        assert 401 == asking(here, identity, api)
        api.asked.clear()
        assert 401 == asking(there, identity, api)

    assert ["T1", "T2"] == api.tokens
    assert 2 == identity.count


def test_a_refusal_of_the_same_token_is_the_same_refusal():
    """Two processes that are refused with one token are one refusal; with another it is the next in a row."""
    one, other = (Token(Secret(text, "x")) for text in ("T1", "T2"))
    first = Refusal.of(one, 1, 1000.0)

    assert first.after(one, 1003.0) is first
    assert (1023.0, 2) == (first.after(other, 1013.0).until, first.after(other, 1013.0).count)
    assert 60.0 == Refusal.of(one, 10**6, 0.0).until


def test_callers_join_the_look_at_an_api_that_refuses():
    """Tokens that end at once, an API that refuses them all: once a second one caller asks for another, and who comes meanwhile waits for it."""
    clock, gate = Still(), threading.Event()
    gate.set()
    with serving(Identity(expires_in=0, gate=gate)) as identity, serving(Api(accepts=lambda _: False)) as api:
        connection = connect(oauth(identity), api, run=engine(clock=clock))
        with httpx.Client(auth=connection.auth, trust_env=False) as client:
            assert 401 == client.get(api.url).status_code
            with pytest.raises(EndpointPaused):
                [connection.token().result(10) for _ in range(2)]
            clock.ahead += 1.1
            gate.clear()
            asked = identity.count
            pending = [connection.token() for _ in range(5)]
            until(lambda: identity.count > asked)
            gate.set()
            tokens = {one.result(10).access_token.reveal() for one in pending}

    assert (1, asked + 1) == (len(tokens), identity.count)
