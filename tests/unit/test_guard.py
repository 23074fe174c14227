"""A store that fails is left alone for a while, and told of once: see `authweave.tokens.guard`."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from authweave.errors import StoreUnavailable
from authweave.tokens.guard import FIRST_PAUSE, LONGEST_PAUSE, SILENCE, Guard

PATIENCE = 0.2


class Bench:
    """A store that a test breaks, behind a guard with a clock of its own."""

    def __init__(self) -> None:
        self.now, self.asked, self.told = 1000.0, 0, []
        self.broken: Exception | None = None
        self.guard = Guard(self.tell, PATIENCE, lambda: self.now)

    def tell(self, kind, **fields):
        self.told.append((kind, fields))

    @property
    def kinds(self):
        return [kind for kind, _ in self.told]

    def work(self, key="a"):
        self.asked += 1
        if self.broken is not None:
            raise self.broken
        return f"row {key}"

    def other_work(self, key="a"):
        return f"other {key}"

    def fails(self, key="a"):
        try:
            self.guard.call(self.work, key)
        except StoreUnavailable:
            return True
        return False

    def break_it(self, reason="timeout"):
        self.broken = StoreUnavailable(reason, "the store is silent")

    def until_back(self):
        """Seconds until a call comes through and goes well."""
        began = self.now
        while self.fails():
            self.now += 0.05
        return self.now - began


@pytest.fixture
def bench():
    return Bench()


def test_what_the_store_answers(bench):
    """Positions and names are passed on."""
    assert ("row b", "row c") == (bench.guard.call(bench.work, "b"), bench.guard.call(bench.work, key="c"))


def test_a_thousand_calls_during_an_outage(bench):
    """They cost the store some calls, and the operator one event; a second one says that it is back."""
    bench.break_it()
    for _ in range(1000):
        assert bench.fails()
        bench.now += 0.06
    asked = bench.asked
    bench.broken = None
    bench.until_back()

    assert asked <= 12
    assert ["store_down", "store_up"] == bench.kinds


def test_at_once_while_it_is_left_alone(bench):
    """Nobody waits for a store that is known to be away: it is not even asked."""
    bench.break_it()
    for _ in range(1000):
        assert bench.fails()

    assert 1 == bench.asked


def test_pauses_double_and_have_an_end(bench):
    """0.5 s, 1 s, 2 s … 10 s, each a quarter more or less, so that not all workers look at once."""
    bench.break_it()
    bench.fails()
    waits = []
    for _ in range(8):
        asked, began = bench.asked, bench.now
        while bench.asked == asked:
            bench.now += 0.01
            bench.fails()
        waits.append(bench.now - began)

    expected = [min(FIRST_PAUSE * 2**n, LONGEST_PAUSE) for n in range(8)]
    assert all(0.74 * pause <= wait <= 1.26 * pause + 0.02 for wait, pause in zip(waits, expected, strict=True)), waits


def test_many_who_fail_at_once_are_one_failure(bench):
    """Eight threads that were under way when the store went away double no pause, and tell once."""
    all_there, broken = threading.Barrier(8), StoreUnavailable("timeout", "silent")

    def silent():
        all_there.wait(10)
        raise broken

    def call():
        with pytest.raises(StoreUnavailable):
            bench.guard.call(silent)

    with ThreadPoolExecutor(8) as threads:
        for one in [threads.submit(call) for _ in range(8)]:
            one.result(20)

    assert ["store_down"] == bench.kinds
    assert bench.until_back() <= 1.26 * FIRST_PAUSE + 0.05


@pytest.mark.parametrize("ends_well", [True, False])
def test_a_call_of_before_says_nothing_of_now(bench, ends_well):
    """A slow call that began before the outage ends during it, well or not: the outage goes on as it was."""
    under_way, may_end = threading.Event(), threading.Event()

    def slow():
        under_way.set()
        assert may_end.wait(10)
        if not ends_well:
            raise StoreUnavailable("timeout", "silent")

    with ThreadPoolExecutor(1) as threads:
        slowly = threads.submit(bench.guard.call, slow)
        assert under_way.wait(10)
        bench.break_it()
        bench.fails()
        may_end.set()
        assert ends_well == (slowly.exception(10) is None)

    assert ["store_down"] == bench.kinds
    assert bench.fails()
    assert 1 == bench.asked


def test_one_caller_looks_and_the_others_go_on(bench):
    """When the pause is over one call comes through; meanwhile nobody else waits for what becomes of it."""
    bench.break_it()
    bench.fails()
    bench.now += 2 * FIRST_PAUSE
    refused = []

    def looking():
        refused.extend(bench.fails() for _ in range(100))

    bench.guard.call(looking)

    assert [True] * 100 == refused
    assert 1 == bench.asked
    assert ["store_down", "store_up"] == bench.kinds


def test_a_store_that_comes_and_goes_is_no_flood(bench):
    """Every look goes well and the next call fails, for ten minutes: the pauses grow all the same."""
    for _ in range(6000):
        bench.broken = None
        if not bench.fails():
            bench.break_it()
            bench.fails()
        bench.now += 0.1

    assert bench.kinds[:2] == ["store_down", "store_up"]
    assert bench.kinds.count("store_down") <= 600 / (0.75 * LONGEST_PAUSE) + 6


def test_after_a_good_while_the_first_pause_is_short_again(bench):
    """An outage of yesterday makes nobody wait longer today."""
    bench.break_it()
    for _ in range(100):
        bench.fails()
        bench.now += 1
    bench.broken = None
    bench.until_back()
    bench.now += SILENCE + 1
    bench.break_it()
    bench.fails()
    bench.broken = None

    assert bench.until_back() <= 1.26 * FIRST_PAUSE + 0.05


@pytest.mark.parametrize("reason", ["full", "read_only", "wrong_type"])
def test_a_store_that_answers_is_asked_on(bench, reason):
    """It refuses one thing, at once, and does another: nobody is kept from it. One event, and one when it does it again."""
    bench.break_it(reason)
    for _ in range(1000):
        assert bench.fails()
        assert "other a" == bench.guard.call(bench.other_work)
        bench.now += 1

    assert (1000, ["store_down"]) == (bench.asked, bench.kinds)
    bench.broken = None
    assert not bench.fails()
    assert ["store_down", "store_up"] == bench.kinds
    assert 1000 == bench.told[1][1]["seconds"]


def test_something_foreign_under_one_name(bench):
    """That other names are good does not mean that this one is."""
    bench.break_it("wrong_type")
    bench.fails("a")
    bench.broken = None
    bench.fails("b")
    assert ["store_down"] == bench.kinds

    bench.fails("a")
    assert ["store_down", "store_up"] == bench.kinds


def test_a_store_at_the_edge_of_its_room_is_no_flood(bench):
    """Full, not full, full …: two words a minute at most."""
    for _ in range(600):
        bench.break_it("full")
        bench.fails()
        bench.broken = None
        bench.fails()
        bench.now += 1

    assert 20 >= len(bench.kinds)
    assert bench.kinds.count("store_down") == bench.kinds.count("store_up")


def test_an_answer_of_any_kind_ends_an_outage(bench):
    """Away, then back but full: it answers, so it is asked again at once; both are told."""
    bench.break_it("timeout")
    bench.fails()
    bench.break_it("full")
    bench.now += 2 * FIRST_PAUSE
    bench.fails()
    bench.fails()

    assert 3 == bench.asked
    assert ["store_down", "store_up", "store_down"] == bench.kinds


def test_a_strangers_store_raises_what_it_likes(bench):
    """It becomes StoreUnavailable without the words, and without a frame of the store."""
    bench.broken = KeyError("planted-secret")
    with pytest.raises(StoreUnavailable, match="failed with KeyError") as caught:
        bench.guard.call(bench.work)

    assert "planted-secret" not in f"{caught.value}{bench.told}"
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


def test_each_caller_gets_an_error_of_their_own(bench):
    """The error that says why is copied: no two threads raise one object."""
    bench.break_it()
    errors = []
    for _ in range(3):
        with pytest.raises(StoreUnavailable) as caught:
            bench.guard.call(bench.work)
        errors.append(caught.value)

    assert 3 == len(set(map(id, errors)))
    assert {"timeout"} == {error.reason for error in errors}


def test_a_forked_child_finds_out_by_itself(bench):
    """What the parent knows of the store is not the child's; its lock is free."""
    bench.break_it()
    bench.fails()
    bench.guard._lock.acquire()
    bench.guard._gone._lock.acquire()
    bench.guard.in_child()
    bench.broken = None

    assert not bench.fails()
    assert ["store_down"] == bench.kinds


def test_a_locked_store_is_read_all_the_same(bench):
    """Another process writes, for a minute: who writes finds out now and then, who reads never notices; one event each."""
    bench.break_it("locked")
    refused = 0
    for _ in range(600):
        assert "other a" == bench.guard.call(bench.other_work)
        try:
            bench.guard.write(bench.work)
        except StoreUnavailable:
            refused += 1
        bench.now += 0.1

    assert 600 == refused
    assert bench.asked <= 12
    assert ["store_down"] == bench.kinds
    bench.broken = None
    bench.now += 2 * LONGEST_PAUSE
    assert "row a" == bench.guard.write(bench.work)
    assert ["store_down", "store_up"] == bench.kinds


def test_a_store_that_is_gone_is_gone_for_all(bench):
    """Who writes finds that nobody answers: who reads does not have to find out for themselves."""
    bench.break_it("timeout")
    with pytest.raises(StoreUnavailable):
        bench.guard.write(bench.work)
    assert bench.fails()

    assert (1, ["store_down"]) == (bench.asked, bench.kinds)
