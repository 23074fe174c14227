"""`memory:` keeps what every store promises, forgets the oldest, and is mended after a fork."""

from __future__ import annotations

import os
import threading

import pytest

from authweave.contracts import StoreOptions
from authweave.errors import SettingsError
from authweave.stores.memory import MemoryStore
from authweave.testing import StoreContract
from authweave.values import Row


class TestMemoryStore(StoreContract):
    """The contract."""

    def pass_time(self, seconds):
        self.now += seconds

    @pytest.fixture
    def store(self):
        self.now = 1_800_000_000.0
        return MemoryStore(clock=lambda: self.now)


def key(number):
    return f"{number:064x}"


def test_the_least_recently_used_leave_first():
    """A bounded store: what was read lately stays."""
    store = MemoryStore(most=3)
    for number in range(3):
        store.write(key(number), 0, b"x")
    store.read(key(0))
    store.write(key(3), 0, b"x")

    assert [True, False, True, True] == [store.read(key(number)).data is not None for number in range(4)]


def test_a_key_that_left_begins_anew():
    """Its version is 0 again, so that it can be written; a write that is under way is told to look again."""
    store = MemoryStore(most=1)
    store.write(key(1), 0, b"x")
    store.write(key(2), 0, b"x")

    assert Row() == store.read(key(1))
    assert not store.write(key(1), 1, b"x")
    assert store.write(key(1), 0, b"x")


def test_what_is_over_is_forgotten():
    """Whatever began and was never ended takes no room for longer than it was to be kept, nor does the note of its end."""
    now = 1_800_000_000.0
    store = MemoryStore(clock=lambda: now)
    for number in range(1000):
        store.write(key(number), 0, b"x", keep=60)
        store.lease(key(number), "who never gives back", 60)
        now += 1
    store.write(key(2000), 0, b"for good")
    for version in range(1, 500):
        store.write(key(2000), version, b"x", keep=version)

    assert len(list(store.keys())) <= 61
    assert len(store._ends) < 1000
    now += 1000
    assert [] == list(store.keys())
    assert Row() == store.read(key(999))


def test_who_begins_much_pushes_out_nothing_that_has_no_end():
    """A full store forgets what ends first: sign-ins under way and tokens that can be had anew, never one that a person consented to."""
    store = MemoryStore(most=10)
    for number in range(5):
        store.write(key(number), 0, b"of a person")
    store.write(key(5), 0, b"can be had anew", keep=86_400)
    for number in range(100, 200):
        assert store.write(key(number), 0, b"under way", keep=600)
        assert store.read(key(number)).data is not None

    assert [True] * 6 == [store.read(key(number)).data is not None for number in range(6)]
    assert len(list(store.keys())) == 10


def test_leases_of_who_never_gives_back_are_forgotten():
    """They run out, and take no room then."""
    now = 1_800_000_000.0
    store = MemoryStore(clock=lambda: now, most=10)
    for number in range(1000):
        assert store.lease(key(number), "somebody", 5)
        now += 1

    assert len(store._leases) <= 11


def test_notes_are_bounded():
    """The oldest leave."""
    store = MemoryStore(most=2)
    for number in range(3):
        store.note(f"n{number}", b"x", 60)

    assert [None, b"x", b"x"] == [store.noted(f"n{number}") for number in range(3)]


def test_a_url_names_nothing_more():
    """`memory:` is all there is to say."""
    assert isinstance(MemoryStore.from_url("memory:", StoreOptions()), MemoryStore)
    with pytest.raises(SettingsError, match="memory: and nothing after it"):
        MemoryStore.from_url("memory:/x", StoreOptions())


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_fork_while_the_lock_is_held():
    """A child has a free lock, nothing of its parent, and the parent keeps what it has."""
    store = MemoryStore()
    store.write(key(1), 0, b"x")
    held, done = threading.Event(), threading.Event()

    def hold():
        with store._changed:
            held.set()
            done.wait(10)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    try:
        child = os.fork()
        if child == 0:
            os._exit(0 if store.read(key(1)) == Row() else 1)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        done.set()
        holder.join()

    assert 0 == code
    assert Row(1, b"x") == store.read(key(1))
