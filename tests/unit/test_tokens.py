"""The life of a token: fresh, renewed once for everybody, refused, and never a storm."""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
import time
from collections import Counter

import pytest

from authweave.errors import DeadlineExceeded, RateLimited, TokenEndpointError, UnexpectedFailure
from authweave.tokens.flights import Flights, landed
from authweave.tokens.refusals import PAUSES
from authweave.tokens.tokens import Tokens
from authweave.values import NEVER, Secret, Token
from forked import said_in_child
from renewing import KEY, Bench, Endpoint, key_of, name
from services import Clock, until


@pytest.fixture
def bench():
    return Bench()


def test_workers_choose_moments_of_their_own(bench):
    """Fifty workers that share a token renew it at fifty moments in the first half of the window; later ones find it renewed."""
    bench.renewed()
    workers = [bench.same() for _ in range(50)]
    moments = sorted(worker.renew_at for worker in workers if worker.renewed().result(10))
    issued = bench.tokens.current.issued_at

    assert 1 == bench.endpoint.count
    assert issued + 540 <= moments[0] < moments[-1] <= issued + 570
    assert moments[-1] - moments[0] > 3


@pytest.mark.thorough
def test_tokens_of_one_birth_that_many_workers_share_are_renewed_one_by_one():
    """The first of 50 workers renews each of 300 tokens: these moments, too, are spread over most of half the window (0 to 30 s)."""
    clock = Clock()
    now = clock()
    born = Token(Secret("T1", "test"), now + 600, now + 540, now)
    endpoint = Endpoint(clock)

    def first_moment(number):
        moments = []
        for _ in range(50):
            worker = Tokens(
                key_of(tenant=str(number)), lambda: endpoint, Bench().ledger, Flights(1), lane="lane", lease_seconds=45.0, deadline=30.0,
                tell=lambda *_, **__: None, clock=clock,
            )  # fmt: skip
            worker._adopt(born)
            moments.append(worker.renew_at - born.renew_at)
        assert max(moments) - min(moments) > 2.0
        return min(moments)

    firsts = [first_moment(number) for number in range(300)]

    assert 0 <= min(firsts) < 2
    assert 22 < max(firsts) <= 30
    assert max(Counter(map(int, firsts)).values()) <= 40  # 300 in 24 seconds: a herd would be all of them in the first


def test_a_worker_that_starts_in_the_window_does_not_renew_at_once(bench):
    """Restarting workers take the stored token while it lasts; each renews beside its callers, at a moment of its own."""
    bench.renewed()
    bench.clock.ahead = 550
    workers = [bench.same() for _ in range(20)]

    assert {"T1"} == {name(worker.renewed().result(10)) for worker in workers}
    assert 1 == bench.endpoint.count
    assert all(bench.clock() - 1 <= worker.renew_at <= bench.tokens.current.expires_at for worker in workers)


# ---- fresh


def test_nothing_is_fresh_at_first(bench):
    """Cold: None, and nobody is asked."""
    assert (None, None, 0) == (bench.tokens.fresh(), bench.tokens.current, bench.endpoint.count)


def test_fresh_until_it_expires(bench):
    """Warm: the token at hand; once it has expired, None. The clock is read each time."""
    bench.renewed()
    assert "T1" == name(bench.tokens.fresh())
    bench.clock.ahead = 539
    assert ("T1", 1) == (name(bench.tokens.fresh()), bench.endpoint.count)
    bench.clock.ahead = 601
    assert (None, "T1") == (bench.tokens.fresh(), name(bench.tokens.current))


def test_a_token_without_a_life(bench):
    """`expires_in: 0`: it is handed to those who waited, and is fresh to nobody afterwards."""
    bench.endpoint.life = bench.endpoint.window = 0.0

    assert "T1" == name(bench.renewed())
    assert bench.tokens.fresh() is None
    assert ("T2", 2) == (name(bench.renewed()), bench.endpoint.count)


def test_a_token_without_an_end(bench):
    """It is used on, and renewed beside the callers once its window opens."""
    bench.endpoint.get = lambda old, end: Token(Secret("forever", "test"), NEVER, bench.clock() + 600)
    bench.renewed()
    bench.clock.ahead = 10_000

    assert "forever" == name(bench.tokens.fresh())


# ---- the refresh window


def test_in_the_window_one_worker_renews_and_nobody_waits(bench):
    """A thousand callers in the window go on with the old token; one request is made beside them."""
    bench.renewed()
    bench.clock.ahead = 571
    bench.endpoint.gate = threading.Event()
    start = time.monotonic()
    assert {"T1"} == {name(bench.tokens.fresh()) for _ in range(1000)}
    assert time.monotonic() - start < 10

    until(lambda: bench.endpoint.count == 2)
    bench.endpoint.gate.set()
    until(lambda: name(bench.tokens.fresh()) == "T2")
    assert 2 == bench.endpoint.count


def test_callers_in_the_window_leave_nothing_behind(bench):
    """The flight under way does not gather a callback for each caller."""
    bench.renewed()
    bench.clock.ahead = 571
    bench.endpoint.gate = threading.Event()
    for _ in range(500):
        bench.tokens.fresh()

    assert len(bench.tokens._beside._done_callbacks) == 1
    bench.endpoint.gate.set()


@pytest.mark.parametrize("error", [
    DeadlineExceeded("late", stage="body", host="x"), TokenEndpointError(status=400, url="x", error="invalid_client"), KeyError("broken"),
])  # fmt: skip
def test_a_renewal_that_fails_in_the_window(bench, error):
    """The old token is used to its end; the next try comes seconds later, not with the next caller."""
    bench.renewed()
    bench.clock.ahead = 571
    bench.endpoint.errors = [error]
    assert "T1" == name(bench.tokens.fresh())
    until(lambda: bench.tokens._failed_until > 0)

    assert {"T1"} == {name(bench.tokens.fresh()) for _ in range(100)}
    assert 2 == bench.endpoint.count
    bench.clock.ahead += 15
    bench.tokens.fresh()
    until(lambda: name(bench.tokens.current) == "T3")


def test_a_rate_limit_in_the_window(bench):
    """Nobody asks again before the time that the endpoint named."""
    bench.renewed()
    bench.clock.ahead = 571
    bench.endpoint.errors = [RateLimited(url="x", status=429, retry_at=bench.clock() + 30, wait=30)]
    bench.tokens.fresh()
    until(lambda: bench.tokens._failed_until > 0)
    bench.clock.ahead += 28
    bench.tokens.fresh()

    assert 2 == bench.endpoint.count


# ---- renewed


def test_threads_get_one_token(bench):
    """Cold, and expired: one request each time, whoever comes."""
    for round in (1, 2):
        bench.endpoint.gate = threading.Event()
        names = []
        threads = [threading.Thread(target=lambda names=names: names.append(name(bench.renewed()))) for _ in range(32)]
        for thread in threads:
            thread.start()
        until(lambda round=round: bench.endpoint.count == round)
        bench.endpoint.gate.set()
        for thread in threads:
            thread.join()
        assert ([f"T{round}"] * 32, round) == (names, bench.endpoint.count)
        bench.clock.ahead += 601


def test_the_old_token_is_handed_to_whoever_gets_the_new_one(bench):
    """First there is none; then the one before, whose refresh token it may present."""
    bench.renewed()
    bench.clock.ahead = 601
    bench.renewed()

    assert [None, "T1"] == [name(old) for old in bench.endpoint.olds]


def test_a_caller_that_leaves_does_not_end_the_renewal(bench):
    """The only waiter is cancelled: the token comes all the same."""
    bench.endpoint.gate = threading.Event()

    async def leave():
        task = asyncio.ensure_future(landed(bench.tokens.renewed()))
        await asyncio.sleep(0.02)
        task.cancel()

    asyncio.run(leave())
    bench.endpoint.gate.set()
    until(lambda: name(bench.tokens.current) == "T1")


def test_refused(bench):
    """The token that was sent is refused: everybody who sent it gets one new token."""
    refused = bench.renewed()
    bench.endpoint.gate = threading.Event()
    flights = {id(bench.tokens.renewed(refused)) for _ in range(50)}
    bench.endpoint.gate.set()

    assert (1, "T2", 2) == (len(flights), name(bench.tokens.renewed(refused).result(10)), bench.endpoint.count)


def test_equal_tokens_are_one_token(bench):
    """Two objects with the same token, as a store on disk makes them, are refused together."""
    token = bench.renewed()
    twin = Token(Secret("T1", "elsewhere"), token.expires_at, token.renew_at, token.issued_at)
    bench.endpoint.gate = threading.Event()

    assert bench.tokens.renewed(token) is bench.tokens.renewed(twin)
    assert bench.tokens.fresh(twin) is None
    bench.endpoint.gate.set()


def test_whoever_was_refused_late_gets_the_token_at_hand(bench):
    """A 401 for a token that was replaced meanwhile costs no request."""
    refused = bench.renewed()
    bench.renewed(refused)

    assert "T2" == name(bench.tokens.fresh(refused))
    assert ("T2", 2) == (name(bench.renewed(refused)), bench.endpoint.count)


def test_nothing_is_dropped_that_was_not_refused(bench):
    """The refusal of an old token leaves the new one in force for everybody."""
    refused = bench.renewed()
    newer = bench.renewed(refused)
    bench.tokens.refused_anew(refused)

    assert bench.tokens.fresh() is newer


# ---- other processes on the same store


def test_another_process_has_renewed(bench):
    """What another stored is taken, not asked for again."""
    other = bench.same()
    other.renewed().result(10)

    assert ("T1", 1) == (name(bench.renewed()), bench.endpoint.count)


def test_two_processes_at_once(bench):
    """One has the lease and asks; the other waits for its token."""
    bench.endpoint.gate = threading.Event()
    other = bench.same()
    mine, theirs = bench.tokens.renewed(), other.renewed()
    until(lambda: bench.endpoint.count == 1)
    time.sleep(0.05)
    bench.endpoint.gate.set()

    assert ("T1", "T1", 1) == (name(mine.result(10)), name(theirs.result(10)), bench.endpoint.count)


def test_the_lease_is_given_back_whatever_happens(bench):
    """After a failure the next one need not wait for it."""
    bench.endpoint.errors = [DeadlineExceeded("late", stage="body", host="x"), KeyError("broken")]
    for kind in (DeadlineExceeded, UnexpectedFailure):
        with pytest.raises(kind):
            bench.renewed()

    assert bench.store.lease(KEY.digest(), "anybody", 1)


def test_the_deadline_begins_when_it_is_asked_for(bench):
    """Time in the queue counts; after waiting for another owner's lease it begins anew."""
    before = time.monotonic()
    bench.renewed()
    assert before + 30 == pytest.approx(bench.endpoint.ends[0], abs=0.5)

    bench.clock.ahead = 601
    bench.store.lease(KEY.digest(), "somebody else", 0.2)
    before = time.monotonic()
    bench.renewed()
    assert bench.endpoint.ends[1] > before + 30.1


# ---- no storms


class Api:
    """An API in a loop of requests: what each caller does after a 401, by the rules of `applying`."""

    def __init__(self, tokens, accepts):
        self.tokens, self.accepts = tokens, accepts
        self.sent = 0

    def request(self):
        token = self.tokens.fresh() or self.tokens.renewed().result(10)
        self.sent += 1
        if self.accepts(token):
            return True
        if not self.tokens.may_renew(token):
            return False
        again = self.tokens.fresh(token) or self.tokens.renewed(token).result(10)
        self.sent += 1
        if self.accepts(again):
            self.tokens.accepted(again)
            return True
        self.tokens.refused_anew(again)
        return False


def test_an_api_that_refuses_everything_is_no_storm(bench):
    """A hundred requests a second for two minutes: a handful of token requests, at growing intervals."""
    api = Api(bench.tokens, lambda token: False)
    for _ in range(12_000):
        assert not api.request()
        bench.clock.ahead += 0.01

    assert bench.endpoint.count <= 2 + len(list(itertools.takewhile(lambda moment: moment < 120, itertools.accumulate(PAUSES))))
    assert api.sent < 12_000 + 20


def test_callers_at_once_do_not_lengthen_the_pause(bench):
    """Fifty who are refused together count as one refusal."""
    refused = bench.renewed()
    assert bench.tokens.may_renew(refused)
    again = bench.renewed(refused)
    for _ in range(50):
        bench.tokens.refused_anew(again)
    assert not bench.tokens.may_renew(again)
    bench.clock.ahead += PAUSES[0] + 0.1

    assert bench.tokens.may_renew(again)


def test_who_was_not_there_at_the_renewal_is_no_storm_either(bench):
    """A caller that sends the new token first and is refused does not renew it again."""
    newer = bench.renewed(bench.renewed())

    assert not bench.tokens.may_renew(newer)
    assert 2 == bench.endpoint.count


def test_tokens_that_die_early_one_after_another_are_renewed_each_time(bench):
    """Every new token works until it is revoked: each revocation costs one renewal, without a pause."""
    revoked = set()
    api = Api(bench.tokens, lambda token: name(token) not in revoked)
    for number in range(1, 11):
        assert api.request()
        revoked.add(f"T{number}")
        assert api.request()

    assert 11 == bench.endpoint.count


def test_after_the_trouble_the_pauses_begin_anew(bench):
    """Once a renewed token was accepted, the next trouble starts with the shortest pause."""
    refuses = [True]
    api = Api(bench.tokens, lambda token: not refuses[0])
    for _ in range(300):
        api.request()
        bench.clock.ahead += 0.1
    refuses[0] = False
    revoked = name(bench.tokens.current)
    api.accepts = lambda token: name(token) != revoked
    bench.clock.ahead += 61
    assert api.request()
    api.accepts = lambda token: False
    api.request()
    bench.clock.ahead += PAUSES[0] + 0.1
    before = bench.endpoint.count
    api.request()

    assert bench.endpoint.count == before + 1


def test_a_token_that_proved_itself_long_ago_is_renewed_at_once(bench):
    """A renewed token that nobody reported on and that is refused an hour later is an early death, not a storm."""
    newer = bench.renewed(bench.renewed())
    bench.clock.ahead = 61

    assert bench.tokens.may_renew(newer)


def test_a_refused_client_is_asked_about_ever_more_slowly(bench):
    """After a refusal of the client the endpoint is left alone for 10, 20, 40 … seconds: it may lock the client out."""
    bench.endpoint.errors = [TokenEndpointError(status=401, url="x", error="invalid_client") for _ in range(50)]
    for _ in range(1000):
        with pytest.raises(TokenEndpointError) as caught:
            bench.renewed()
        bench.clock.ahead += 0.1
    assert "invalid_client" == caught.value.error
    assert 4 == bench.endpoint.count  # at 0, 10, 30 and 70 seconds

    bench.endpoint.errors = []
    bench.clock.ahead += 81
    assert bench.renewed()


def test_other_refusals_are_looked_at_thrice(bench):
    """What the next caller may bring (a scope, a parameter) is no reason to wait; a row of refusals is."""
    bench.endpoint.errors = [TokenEndpointError(status=400, url="x", error="invalid_scope") for _ in range(50)]
    for _ in range(100):
        with pytest.raises(TokenEndpointError):
            bench.renewed()
        bench.clock.ahead += 0.01

    assert 3 == bench.endpoint.count


def test_another_process_need_not_find_out_by_itself(bench):
    """What one worker was refused, the others hear from the store, in the endpoint's own words."""
    bench.endpoint.errors = [TokenEndpointError(status=401, url="x", error="invalid_client", error_description="unknown client")]
    with pytest.raises(TokenEndpointError):
        bench.renewed()
    with pytest.raises(TokenEndpointError, match=r"unknown client.*not asked again for") as caught:
        bench.same().renewed().result(10)

    assert (1, 401, "invalid_client") == (bench.endpoint.count, caught.value.status, caught.value.error)


def test_another_way_of_getting_tokens_is_tried_at_once(bench):
    """A new secret (`use`) does not have to wait for what the old one brought about."""
    bench.endpoint.errors = [TokenEndpointError(status=401, url="x", error="invalid_client") for _ in range(5)]
    with pytest.raises(TokenEndpointError):
        bench.renewed()
    bench.endpoint.errors = []
    bench.endpoint.credentials = "another secret"
    bench.tokens.use(lambda: bench.endpoint)

    assert bench.renewed()


def test_a_clock_that_was_wrong_locks_nobody_out(bench):
    """A refusal written a year ahead, in the store or in memory, is no reason to wait a year once the clock is right."""
    bench.clock.ahead = 365 * 86_400
    bench.endpoint.errors = [TokenEndpointError(status=401, url="x", error="invalid_client")]
    with pytest.raises(TokenEndpointError):
        bench.renewed()
    bench.clock.ahead = 0

    assert "T2" == name(bench.tokens.renewed().result(10)) == name(bench.same().renewed().result(10))


def test_outages_are_not_refusals(bench):
    """A 503 says nothing of the client: the next caller may ask."""
    bench.endpoint.errors = [TokenEndpointError(status=503, url="x") for _ in range(5)]
    for _ in range(5):
        with pytest.raises(TokenEndpointError):
            bench.renewed()

    assert "T6" == name(bench.renewed())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_fork_during_a_renewal(bench):
    """A child renews by itself, at once: it waits neither for its parent's worker nor for its lease."""
    bench.renewed()
    bench.clock.ahead = 571
    bench.endpoint.gate = threading.Event()
    bench.tokens.fresh()
    until(lambda: bench.endpoint.count == 2)

    def in_child():
        bench.endpoint.gate = None
        bench.tokens.fresh()
        return name(bench.tokens.renewed(bench.tokens.current).result(5))

    said = said_in_child(in_child)
    bench.endpoint.gate.set()

    assert said.startswith("T")
    assert said != "T1"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_fork_waits_for_no_renewal_beside_of_its_parent(bench):
    """What the parent had under way beside its callers never lands in the child: it renews beside its own, and early."""
    bench.renewed()
    bench.clock.ahead = 571
    bench.endpoint.gate = threading.Event()
    bench.tokens.fresh()
    until(lambda: bench.endpoint.count == 2)

    def in_child():
        bench.endpoint.gate = None
        bench.tokens.fresh()
        until(lambda: name(bench.tokens.current) != "T1")
        return "renewed"

    said = said_in_child(in_child)
    bench.endpoint.gate.set()

    assert "renewed" == said
