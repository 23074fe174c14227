"""`memory:` keeps what every store promises, forgets the oldest, and is mended after a fork."""

from __future__ import annotations

import os
import threading

import pytest

from authweave.stores.memory import MemoryStore
from authweave.values import Record, Secret, Token
from contracts.store_contract import BARE, FULL, StoreContract


class TestMemoryStore(StoreContract):
    """The contract."""

    def pass_time(self, seconds):
        self.now += seconds

    @pytest.fixture
    def store(self):
        self.now = 1_800_000_000.0
        return MemoryStore(clock=lambda: self.now)


def token(number):
    return Token(access_token=Secret(f"T{number}", "test"))


def test_the_least_recently_used_leave_first():
    """A bounded store: what was read lately stays."""
    store = MemoryStore(most=3)
    for number in range(3):
        store.write(f"k{number}", token(number), 0)
    store.read("k0")
    store.write("k3", token(3), 0)

    assert [True, False, True, True] == [store.read(f"k{number}").token is not None for number in range(4)]


def test_a_key_that_left_begins_anew():
    """Its version is 0 again, so that it can be written; a write that is under way is told to look again."""
    store = MemoryStore(most=1)
    store.write("a", BARE, 0)
    store.write("b", BARE, 0)

    assert Record() == store.read("a")
    assert not store.write("a", BARE, 1)
    assert store.write("a", BARE, 0)


def in_child(work):
    """What `work` says in a forked child."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        try:
            os.write(writing, str(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_fork():
    """A child has the tokens, no lease of its parent, a free lock, and leaves refresh tokens to the parent."""
    store = MemoryStore()
    store.write("k", FULL, 0)
    store.lease("k", "parent", 600)
    held, done = threading.Event(), threading.Event()

    def hold():
        with store._lock:
            held.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    try:
        said = in_child(lambda: (store.lease("k", "child", 60), store.read("k").version, store.read("k").token.refresh_token))
    finally:
        done.set()
        holder.join()

    assert "(True, 1, None)" == said
    assert "RT" == store.read("k").token.refresh_token.reveal()
    assert not store.lease("k", "child", 60)
