"""A result that may be on its way: for threads and event loops, each with an own copy of the error."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from concurrent.futures import Future

import pytest

from authweave.errors import DeadlineExceeded, UsageError
from authweave.pending import Pending
from authweave.tokens.flights import Flights, failed


def done(value):
    future = Future()
    future.set_result(value)
    return future


def flow_of(*futures, result="result"):
    def flow():
        seen = []
        for future in futures:
            seen.append((yield future))
        return seen or result

    return flow()


def test_what_needs_no_waiting_is_done_at_once():
    """Nothing to wait for, or all of it there: done before anybody asks."""
    assert Pending.of(flow_of()).done()
    pending = Pending.of(flow_of(done(1), done(2)))

    assert pending.done()
    assert [1, 2] == pending.result(0)


def test_result_in_a_thread():
    """The flow goes on where the future lands; the thread that asks waits."""
    future = Future()
    pending = Pending.of(flow_of(future))

    assert not pending.done()
    threading.Timer(0.05, future.set_result, ["landed"]).start()
    assert ["landed"] == pending.result(5)


def test_await_in_any_loop():
    """The same Pending in several loops."""
    future = Future()
    pending = Pending.of(flow_of(future))

    async def wait():
        return await pending

    threading.Timer(0.05, future.set_result, [1]).start()
    assert [1] == asyncio.run(wait())
    assert [1] == asyncio.run(wait())
    assert [1] == pending.result(0)


def test_giving_up_leaves_the_work_alone():
    """After a TimeoutError, or a cancelled wait, the result still comes."""
    future = Future()
    pending = Pending.of(flow_of(future))
    with pytest.raises(TimeoutError):
        pending.result(0.01)

    async def leave():
        task = asyncio.ensure_future(_awaited(pending))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    future.set_result("late")
    assert ["late"] == pending.result(5)


async def _awaited(pending):
    return await pending


def test_everybody_gets_a_copy_of_the_error():
    """Asked twice, two errors; neither has cause, context, or frames of the flow."""
    pending = Pending.of(flow_of(failed(DeadlineExceeded("late", stage="body", host="x"))))
    caught = []
    for _ in range(2):
        with pytest.raises(DeadlineExceeded) as error:
            pending.result(5)
        caught.append(error.value)

    assert caught[0] is not caught[1]
    assert {(None, None)} == {(error.__cause__, error.__context__) for error in caught}


def test_a_flow_may_catch_what_it_waited_for():
    """The error is thrown into the flow, which may go on."""

    def flow():
        try:
            yield failed(UsageError("no"))
        except UsageError:
            return (yield done("instead"))

    assert "instead" == Pending.of(flow()).result(5)


def test_an_error_of_the_flow_itself():
    """What the flow raises is what who asks gets, also later."""

    def flow():
        yield Future()

    def broken():
        yield done(1)
        raise UsageError("no")

    with pytest.raises(UsageError):
        Pending.of(broken()).result(5)
    assert not Pending.of(flow()).done()


def test_long_flows_do_not_nest():
    """Thousands of steps, landed or not, need no deep stack."""
    flights = Flights()
    steps = sys.getrecursionlimit() * 2

    def flow():
        total = 0
        for number in range(steps):
            total += yield (done(1) if number % 50 else flights.run(number, "lane", lambda: 1))
        return total

    assert steps == Pending.of(flow()).result(20)


def test_many_waiters():
    """A thousand tasks wait for one Pending."""
    flights = Flights()
    pending = Pending.of(flow_of(flights.run("k", "lane", lambda: time.sleep(0.05))))

    async def run():
        return await asyncio.gather(*(_awaited(pending) for _ in range(1000)))

    assert [[None]] * 1000 == asyncio.run(run())
