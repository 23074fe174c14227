"""One worker per key: coalesced for threads, tasks and loops, bounded per lane, untouched by whoever waits."""

from __future__ import annotations

import asyncio
import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
import weakref

import pytest

from authweave.errors import DeadlineExceeded, EngineClosed, UnexpectedFailure
from authweave.tokens.flights import MOST_RESTING, Flights, failed, landed, outcome
from services import until


class Work:
    """Counts how often it is done, and waits for `gate`."""

    def __init__(self, result="done", error=None):
        self.gate = threading.Event()
        self.began = threading.Event()
        self.count = 0
        self.result, self.error = result, error

    def __call__(self):
        self.count += 1
        self.began.set()
        assert self.gate.wait(20)
        if self.error is not None:
            raise self.error
        return self.result


@pytest.fixture
def flights():
    return Flights(workers=2)


def test_the_same_key_is_done_once(flights):
    """Whoever comes while it is under way gets the same Future; after it landed, a new flight."""
    work = Work()
    first, second = flights.run("k", "lane", work), flights.run("k", "lane", work)
    work.gate.set()

    assert first is second
    assert ("done", 1) == (outcome(first), work.count)
    until(lambda: flights.run("k", "lane", work) is not first)


def test_threads_wait_for_one(flights):
    """Sixty-four threads, one piece of work, sixty-four results."""
    work, results = Work(), []
    threads = [threading.Thread(target=lambda: results.append(outcome(flights.run("k", "lane", work)))) for _ in range(64)]
    for thread in threads:
        thread.start()
    until(lambda: work.count == 1)
    time.sleep(0.05)
    work.gate.set()
    for thread in threads:
        thread.join()

    assert (["done"] * 64, 1) == (results, work.count)


def test_tasks_and_loops_wait_for_one(flights):
    """Four event loops in four threads with fifty tasks each: one piece of work."""
    work, results = Work(), []

    async def many():
        results.extend(await asyncio.gather(*(landed(flights.run("k", "lane", work)) for _ in range(50))))

    threads = [threading.Thread(target=lambda: asyncio.run(many())) for _ in range(4)]
    for thread in threads:
        thread.start()
    work.began.wait(10)
    time.sleep(0.1)
    work.gate.set()
    for thread in threads:
        thread.join()

    assert (["done"] * 200, 1) == (results, work.count)


def test_a_cancelled_waiter_hurts_nobody(flights):
    """A hundred waiters are cancelled, the leader first; the work goes on and the others get it."""
    work = Work()

    async def run():
        waiting = [asyncio.ensure_future(landed(flights.run("k", "lane", work))) for _ in range(102)]
        await asyncio.sleep(0.02)
        for task in waiting[:100]:
            task.cancel()
        await asyncio.sleep(0.02)
        work.gate.set()
        cancelled = await asyncio.gather(*waiting[:100], return_exceptions=True)
        return cancelled, await asyncio.gather(*waiting[100:])

    cancelled, others = asyncio.run(run())

    assert all(isinstance(error, asyncio.CancelledError) for error in cancelled)
    assert (["done", "done"], 1) == (others, work.count)


def test_nobody_cancels_the_work_itself(flights):
    """Whoever holds the Future: it is under way from the beginning, and the others get what comes of it."""
    work = Work()
    flight = flights.run("k", "lane", work)

    assert not flight.cancel()
    work.gate.set()
    assert "done" == outcome(flight)


def test_after_the_end_nothing_begins_but_what_is_under_way_is_waited_for(flights):
    """Who asks for the same gets it, who asks for more hears of the end."""
    work, more = Work(), Work()
    flight = flights.run("k", "lane", work)
    flights.close()

    assert flights.run("k", "lane", work) is flight
    with pytest.raises(EngineClosed):
        outcome(flights.run("other", "lane", more))
    work.gate.set()
    assert ("done", 0) == (outcome(flight), more.count)


def test_a_closed_loop_hurts_nobody(flights):
    """A loop is closed in mid-flight: the work goes on, other waiters get it, and nothing is said on stderr."""
    work = Work()

    async def leave():
        task = asyncio.ensure_future(landed(flights.run("k", "lane", work)))
        await asyncio.sleep(0.02)
        task.cancel()

    loop = asyncio.new_event_loop()
    loop.run_until_complete(leave())
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    flight = flights.run("k", "lane", work)
    work.gate.set()

    assert ("done", 1) == (outcome(flight), work.count)


def test_every_waiter_raises_a_copy_of_its_own(flights):
    """No cause, no context, no frame of the worker; what one waiter hangs on its copy is not on another's."""
    work = Work(error=DeadlineExceeded("late", stage="body", host="idp.example"))
    flight = flights.run("k", "lane", work)
    work.gate.set()
    caught = []
    for _ in range(3):
        try:
            outcome(flight)
        except DeadlineExceeded as error:
            caught.append(error)

    assert 3 == len({id(error) for error in caught})
    for error in caught:
        assert ("late", "body", None, None) == (str(error), error.stage, error.__cause__, error.__context__)
        assert ["test_every_waiter_raises_a_copy_of_its_own", "outcome"] == [frame.name for frame in _frames(error)]


def _frames(error):
    import traceback

    return traceback.extract_tb(error.__traceback__)


def test_waiters_in_a_loop_raise_copies_too(flights):
    """As above, through `await`."""
    work = Work(error=DeadlineExceeded("late", stage="body", host="idp.example"))

    async def run():
        waiting = [asyncio.ensure_future(landed(flights.run("k", "lane", work))) for _ in range(3)]
        await asyncio.sleep(0.01)
        work.gate.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    caught = asyncio.run(run())

    assert 3 == len({id(error) for error in caught})
    assert {(None, None)} == {(error.__cause__, error.__context__) for error in caught}
    assert not {"_fly", "_drain", "__call__"} & {frame.name for error in caught for frame in _frames(error)}


@pytest.mark.parametrize("error", [KeyError("planted-secret"), OSError("planted-secret"), SystemExit("planted-secret"), RecursionError()])
def test_a_failure_that_is_not_ours(flights, error):
    """A store or plugin that breaks ends the flight in a typed error that names kind and place, not its words."""
    work = Work(error=error)
    flight = flights.run("k", "lane", work)
    work.gate.set()
    with pytest.raises(UnexpectedFailure, match=f"{type(error).__name__} at test_flights.py:") as caught:
        outcome(flight)

    assert "planted-secret" not in str(caught.value)
    assert (None, None) == (caught.value.__cause__, caught.value.__context__)


def test_an_error_holds_no_object_of_the_worker(flights):
    """What the work held is freed although its error is still held."""

    class Held:
        pass

    held = Held()
    seen = weakref.ref(held)

    def work(held=held):
        raise ValueError(held)

    flight = flights.run("k", "lane", work)
    del held, work
    with pytest.raises(UnexpectedFailure) as caught:
        outcome(flight)
    until(lambda: not flights._threads)
    gc.collect()

    assert seen() is None
    assert caught.value is not None


def test_a_lane_has_so_many_workers(flights):
    """Two at work; the third begins when one of them is done."""
    works = [Work() for _ in range(3)]
    many = [flights.run(number, "lane", work) for number, work in enumerate(works)]
    until(lambda: works[0].count + works[1].count == 2)
    time.sleep(0.05)
    assert 0 == works[2].count

    works[0].gate.set()
    assert works[2].began.wait(10)
    for work in works:
        work.gate.set()
    assert ["done"] * 3 == [outcome(flight) for flight in many]


def test_lanes_do_not_meet(flights):
    """A lane that is full of hanging work keeps no other from its own."""
    hanging = [Work() for _ in range(10)]
    for number, work in enumerate(hanging):
        flights.run(number, "dead", work)
    alive = Work()
    alive.gate.set()

    assert "done" == flights.run("k", "alive", alive).result(1)
    for work in hanging:
        work.gate.set()


def test_resting_gives_up_the_place(flights):
    """Workers that sleep let others work; afterwards no more than the bound go on."""
    slept = [flights.run(number, "lane", lambda: flights.rest(1.0)) for number in range(6)]
    quick = Work()
    quick.gate.set()
    start = time.monotonic()

    assert "done" == flights.run("quick", "lane", quick).result(1)
    assert time.monotonic() - start < 0.9
    for flight in slept:
        flight.result(5)
    assert time.monotonic() - start < 2.9, "they slept at the same time"
    until(lambda: not flights._threads and not flights._lanes)


def test_resting_is_bounded(flights):
    """So many rest at most; more sleep in their place, so that threads stay bounded."""
    slept = [flights.run(number, "lane", lambda: flights.rest(0.2)) for number in range(MOST_RESTING + 20)]
    time.sleep(0.1)

    assert len(flights._threads) < MOST_RESTING + 15, "some of the other twenty wait for a place"
    for flight in slept:
        flight.result(5)


def test_after_resting_no_more_than_the_bound_go_on(flights):
    """Ten come back from their rest at once; of the work that waits, two pieces at a time are done from then on."""
    at_work, most, lock = set(), [], threading.Lock()

    def work(number):
        with lock:
            at_work.add(number)
            most.append(len(at_work))
        time.sleep(0.02)
        with lock:
            at_work.discard(number)

    resting = [flights.run(number, "lane", lambda: flights.rest(0.2)) for number in range(10)]
    until(lambda: len(flights._threads) == 10)
    waiting = [flights.run(100 + number, "lane", lambda number=number: work(number)) for number in range(40)]
    for flight in (*resting, *waiting):
        flight.result(10)

    assert max(most) == 2, "those who come back find the places taken, and leave"


def test_resting_elsewhere_is_sleeping(flights):
    """Outside a worker it only sleeps."""
    start = time.monotonic()
    flights.rest(0.05)

    assert time.monotonic() - start >= 0.05


def test_nothing_is_left_behind(flights):
    """When all has landed there is no thread, no lane, no key."""
    for flight in [flights.run(number, number % 7, lambda: None) for number in range(200)]:
        flight.result(5)
    until(lambda: not flights._threads)

    assert ({}, {}) == (flights._lanes, flights._flying)


def test_many_keys_in_few_lanes(flights):
    """Two thousand pieces of work from eight threads: each is done once."""
    done, lock = [], threading.Lock()

    def note(number):
        with lock:
            done.append(number)

    def ask():
        for number in range(250):
            me = threading.get_ident(), number
            flights.run(me, number % 5, lambda me=me: note(me)).result(10)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 2000 == len(done) == len(set(done))


def test_no_thread_to_be_had(flights, monkeypatch):
    """A process that can start no thread fails the flight in a typed error, and works again afterwards."""
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", _refuse)
        with pytest.raises(UnexpectedFailure, match="no thread"):
            outcome(flights.run("k", "lane", lambda: 1))

    assert 1 == outcome(flights.run("k", "lane", lambda: 1))


def test_no_thread_to_be_had_while_a_worker_rests(flights, monkeypatch):
    """Nobody waits behind a worker that may rest for very long (it saves to a store that is away): the flight fails, too."""
    rested = threading.Event()

    def rest():
        with flights.resting():
            rested.wait(20)

    resting = flights.run("rests", "lane", rest)
    until(lambda: "lane" in flights._lanes and flights._lanes["lane"].resting == 1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", _refuse)
        with pytest.raises(UnexpectedFailure, match="no thread"):
            outcome(flights.run("k", "lane", lambda: 1))
    rested.set()

    assert resting.result(5) is None
    assert 1 == outcome(flights.run("k", "lane", lambda: 1))


def _refuse(self):
    raise RuntimeError("can't start new thread")


def test_a_failed_flight():
    """Already landed, in a copy of the error."""
    error = DeadlineExceeded("late", stage="body", host="x")
    flight = failed(error)

    assert flight.done()
    with pytest.raises(DeadlineExceeded) as caught:
        outcome(flight)
    assert caught.value is not error


def test_waiting_for_work_is_bounded(flights):
    """`wait` comes back when the time is over, or when the work is."""
    works = [Work() for _ in range(2)]
    for number, work in enumerate(works):
        flights.run(number, number, work)
    start = time.monotonic()
    flights.wait(0.2)
    assert 0.19 < time.monotonic() - start < 5

    for work in works:
        work.gate.set()
    flights.wait(5)
    assert not flights._threads


# ---- processes


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_fork_in_mid_flight(flights):
    """A child does not wait for its parent's work, nor for a lock that a thread of the parent held."""
    work = Work()
    flights.run("k", "lane", work)
    work.began.wait(10)
    flights._lock.acquire()
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, flights.run("k", "lane", lambda: b"the child's own").result(5))
        finally:
            os._exit(0)
    flights._lock.release()
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    work.gate.set()

    assert b"the child's own" == said


def process(code):
    """Run a program of its own; its output, and how long it took to end after it said so."""
    program = textwrap.dedent(code)
    process = subprocess.Popen([sys.executable, "-W", "error", "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment())
    said = process.stdout.readline()
    start = time.monotonic()
    rest, errors = process.communicate(timeout=20)
    return said + rest, errors, process.returncode, time.monotonic() - start


def _environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def test_the_process_ends_cleanly():
    """Work under way at the end is given a moment to end, and says nothing on stderr."""
    output, errors, code, _ = process("""
        import threading, time
        from authweave.tokens.flights import Flights
        flights = Flights()
        def work():
            time.sleep(0.3)
            print("landed", flush=True)
        flights.run("k", "lane", work)
        print("leaving", flush=True)
    """)

    assert (b"leaving\nlanded\n", b"", 0) == (output.replace(b"\r", b""), errors, code)


def test_hanging_work_does_not_hold_up_the_end_of_the_process():
    """Work that does not end is left after a bounded time."""
    output, errors, code, seconds = process("""
        import threading
        import authweave.tokens.flights as flights
        flights.EXIT_PATIENCE = 0.3
        made = flights.Flights()
        for number in range(3):
            made.run(number, number, threading.Event().wait)
        print("leaving", flush=True)
    """)

    assert (b"leaving\n", b"", 0) == (output, errors, code)
    assert seconds < 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_the_end_of_a_worker_of_multiprocessing_waits_for_work():
    """A process that multiprocessing started never runs `atexit`; the token that it is getting is not lost for that."""
    said, errors, code, _ = process(
        """
        import multiprocessing, os, time
        from authweave.tokens.flights import Flights

        def slow():
            time.sleep(0.5)
            os.write(1, b"got, ")

        def work():
            Flights(4).run("k", "lane", slow)

        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        print(child.exitcode)
        """
    )
    assert (b"got, 0\n", b"", 0) == (said, errors, code)
