"""What every token store promises (`contracts.Store`). Say how a store is made, and run it:

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            return MyStore(tmp_path / "tokens")
"""

from __future__ import annotations

import inspect
import os
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from authweave.contracts import Finding, Store, StoreOptions
from authweave.errors import SettingsError, StoreUnavailable
from authweave.testing.extension import ExtensionContract
from authweave.values import Row

KEY, OTHER = "a" * 64, "b" * 64
BYTES = bytes(range(256)) * 40


class StoreContract(ExtensionContract):
    """Needs a fixture `store`, empty and of its own for each test. `pass_time` may be overridden where the store takes a clock."""

    kind = "stores"

    def pass_time(self, seconds: float) -> None:
        """Let time pass for the store's leases and notes."""
        time.sleep(seconds)

    @pytest.fixture
    def store(self) -> Store:
        """The store under test."""
        raise NotImplementedError("make the store here")

    @pytest.fixture
    def extension_class(self, store: Store) -> type[Any]:
        """The class of the store."""
        return type(store)

    def test_is_a_store(self, store: Store) -> None:
        """It has everything the protocol names."""
        assert isinstance(store, Store)
        assert isinstance(type(store).name, str)
        assert type(store).schemes
        assert type(store).is_shared in (True, False)
        assert store.is_remote in (True, False)
        assert not store.is_remote or type(store).is_shared
        assert inspect.ismethod(type(store).from_url), "from_url is a classmethod"

    def test_a_wrong_url_is_refused(self, extension_class: type[Any]) -> None:
        """With SettingsError, or the store shows at the first call that nobody is there: never anything else."""
        options = StoreOptions()
        for scheme in extension_class.schemes:
            for rest in ("\x00", "//[", "//?#", "///\x00/x", "//user:s3cr3t@/:x"):
                try:
                    made = extension_class.from_url(f"{scheme}:{rest}", options)
                    made.read(KEY)
                    made.close()
                except (SettingsError, StoreUnavailable) as refused:
                    assert "s3cr3t" not in str(refused)

    def test_nothing_is_an_empty_row(self, store: Store) -> None:
        """Version 0, no data, no intent."""
        assert Row() == store.read(KEY)
        assert [] == list(store.keys())

    @pytest.mark.parametrize("data", [b"x", b"", BYTES, b"\x00\xff'\"\r\n"], ids=["one", "none", "10 KiB", "odd"])
    def test_what_is_written_is_read(self, store: Store, data: bytes) -> None:
        """The bytes come back as they were."""
        assert store.write(KEY, 0, data)

        assert Row(1, data) == store.read(KEY)
        assert [KEY] == list(store.keys())

    def test_only_over_the_version_that_was_read(self, store: Store) -> None:
        """The first writes, the second is told so and changes nothing."""
        assert store.write(KEY, 0, b"first")
        assert not store.write(KEY, 0, b"late")
        assert store.write(KEY, 1, b"second")
        assert not store.write(KEY, 1, b"late")
        assert not store.write(KEY, 7, b"early")

        assert Row(2, b"second") == store.read(KEY)

    def test_keys_do_not_meet(self, store: Store) -> None:
        """What is under one key says nothing of another."""
        store.write(KEY, 0, b"x")
        store.intend(KEY, 1, "x")

        assert Row() == store.read(OTHER)
        assert store.lease(KEY, "me", 60)
        assert store.lease(OTHER, "you", 60)

    def test_intent(self, store: Store) -> None:
        """It is read until the next write, and only goes over the version that was read; nothing else changes."""
        assert store.intend(KEY, 0, "first ü")
        assert Row(0, None, "first ü") == store.read(KEY)
        assert store.write(KEY, 0, b"x")
        assert Row(1, b"x") == store.read(KEY)
        assert not store.intend(KEY, 0, "late")
        assert store.intend(KEY, 1, "second")
        assert Row(1, b"x", "second") == store.read(KEY)

    def test_forgetting_is_a_write(self, store: Store) -> None:
        """The data of exactly that version goes, and the version goes on: a late write is not taken for a new one."""
        store.write(KEY, 0, b"x")

        assert not store.write(KEY, 0, None)
        assert store.write(KEY, 1, None)
        assert Row(2) == store.read(KEY)
        assert [] == list(store.keys())
        assert not store.write(KEY, 1, b"late")
        assert store.write(KEY, 2, b"new")

    def test_remove(self, store: Store) -> None:
        """Nothing stays, the lease neither; a second time there is nothing to remove."""
        store.write(KEY, 0, b"x")
        store.write(OTHER, 0, b"y")
        store.lease(KEY, "me", 60)

        assert store.remove(KEY)
        assert Row() == store.read(KEY)
        assert store.lease(KEY, "you", 60)
        assert not store.remove(KEY)
        assert [OTHER] == list(store.keys())

    def test_kept_as_long_as_it_is_worth_it(self, store: Store) -> None:
        """What is to be kept a while is there for that while, and a later write without an end is there for good."""
        assert store.write(KEY, 0, b"x", keep=60)
        assert Row(1, b"x") == store.read(KEY)
        store.write(OTHER, 0, b"x", keep=0.3)
        store.write(OTHER, 1, b"y")
        self.pass_time(0.5)

        assert Row(2, b"y") == store.read(OTHER)

    def test_many_keys(self, store: Store) -> None:
        """All are listed."""
        names = {f"{number:064x}" for number in range(300)}
        for name in names:
            store.write(name, 0, b"x")

        assert names == set(store.keys())

    def test_lease_excludes(self, store: Store) -> None:
        """One owner at a time; the owner may take it again; another gets it once it is given back."""
        assert store.lease(KEY, "me", 60)
        assert not store.lease(KEY, "you", 60)
        assert store.lease(KEY, "me", 60)
        store.release(KEY, "me")
        assert store.lease(KEY, "you", 60)

    def test_lease_is_released_by_its_owner_only(self, store: Store) -> None:
        """A late release of a former owner does not open the lease of the present one."""
        store.lease(KEY, "me", 60)
        store.release(KEY, "you")
        store.release(OTHER, "you")

        assert not store.lease(KEY, "you", 60)

    def test_lease_runs_out(self, store: Store) -> None:
        """An owner that is never heard of again loses it when its time is over, and not before."""
        store.lease(KEY, "dead", 0.3)

        assert not store.lease(KEY, "me", 60)
        self.pass_time(0.4)
        assert store.lease(KEY, "me", 60)
        store.release(KEY, "dead")
        assert not store.lease(KEY, "you", 60)

    def test_lease_is_extended_by_its_owner(self, store: Store) -> None:
        """Taken again, its time begins anew."""
        store.lease(KEY, "me", 0.3)
        store.lease(KEY, "me", 60)
        self.pass_time(0.4)

        assert not store.lease(KEY, "you", 60)

    def test_a_lease_does_not_hinder_reading_and_writing(self, store: Store) -> None:
        """It excludes renewals, not readers; versions guard what is written."""
        store.lease(KEY, "me", 60)

        assert Row() == store.read(KEY)
        assert store.write(KEY, 0, b"x")
        assert not store.lease(KEY, "you", 60)

    def test_waiting_ends_with_the_release(self, store: Store) -> None:
        """Whoever waits is woken soon, and not at the end of its patience."""
        store.lease(KEY, "me", 60)
        threading.Timer(0.2, store.release, (KEY, "me")).start()
        began = time.monotonic()
        while not store.lease(KEY, "you", 60):
            store.wait(KEY, 10)

        assert 0.15 < time.monotonic() - began < 5

    def test_waiting_has_an_end(self, store: Store) -> None:
        """It comes back when the time is over, whoever holds the lease; and at once where nobody does."""
        store.lease(KEY, "me", 60)
        began = time.monotonic()
        store.wait(KEY, 0.2)
        store.wait(OTHER, 10)

        assert time.monotonic() - began < 5

    def test_notes(self, store: Store) -> None:
        """The last one holds, until its time is over; a name says nothing of another."""
        assert store.noted("hold:x") is None
        store.note("hold:x", b"first", 60)
        store.note("hold:x", b"\x00second", 60)
        store.note("hold:y", b"y", 0.3)

        assert (b"\x00second", b"y") == (store.noted("hold:x"), store.noted("hold:y"))
        self.pass_time(0.4)
        assert (b"\x00second", None) == (store.noted("hold:x"), store.noted("hold:y"))
        assert [] == list(store.keys())

    def test_checks(self, store: Store) -> None:
        """A store in order finds itself in order, in words."""
        findings = list(store.checks())

        assert findings
        assert all(isinstance(finding, Finding) and finding.words for finding in findings)
        assert [] == [finding for finding in findings if not finding.is_good]

    def test_one_of_many_threads_writes(self, store: Store) -> None:
        """Of many who write over the same version, one does."""
        wrote = self._crowd(lambda number: store.write(KEY, 0, b"x"))

        assert (1, 1) == (sum(wrote), store.read(KEY).version)

    def test_one_of_many_threads_has_the_lease(self, store: Store) -> None:
        """Of many who want it, one gets it."""
        assert 1 == sum(self._crowd(lambda number: store.lease(KEY, f"owner-{number}", 60)))

    def test_no_write_is_lost(self, store: Store) -> None:
        """Read, then write if nobody did meanwhile: all writes of many threads count."""

        def write(number: int) -> bool:
            for _ in range(10):
                while not store.write(KEY, store.read(KEY).version, b"x"):
                    pass
            return True

        self._crowd(write, many=4)

        assert 40 == store.read(KEY).version

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    @pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
    def test_after_a_fork(self, store: Store) -> None:
        """A child can use a store that its parent has used: it sees what is shared, and its writes are seen then."""
        store.write(KEY, 0, b"x")
        store.lease(KEY, "parent", 60)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                seen = store.read(KEY)
                is_right = seen == (Row(1, b"x") if type(store).is_shared else Row())
                is_right &= store.lease(KEY, "child", 60) is not type(store).is_shared
                is_right &= store.write(KEY, seen.version, b"y")
                code = 0 if is_right else 2
            finally:
                os._exit(code)
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

        assert (Row(2, b"y") if type(store).is_shared else Row(1, b"x")) == store.read(KEY)

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
    @pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
    def test_of_many_processes_one_wins(self, store: Store) -> None:
        """One gets the lease and one writes over a version, if they share the store; each for itself, if they do not."""
        store.read(KEY)
        children = [_forked(lambda: 10 * store.lease(KEY, f"process-{os.getpid()}", 60) + store.write(OTHER, 0, b"x")) for _ in range(4)]
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

        won = [sum(code // 10 % 10 for code in codes), sum(code % 10 for code in codes)]
        assert ([1, 1] if type(store).is_shared else [4, 4]) == won, f"the children ended with {codes}"

    def test_after_it_is_closed(self, store: Store) -> None:
        """A caller that comes too late gets an answer, or StoreUnavailable."""
        store.close()
        late: list[Callable[[], object]] = [
            lambda: store.read(KEY), lambda: store.write(KEY, 0, b"x"), lambda: store.lease(KEY, "me", 1), lambda: store.release(KEY, "me"),
            lambda: store.intend(KEY, 0, "x"), lambda: store.noted("x"), lambda: store.note("x", b"x", 1), lambda: list(store.keys()),
        ]  # fmt: skip
        for call in late:
            try:
                call()
            except StoreUnavailable as refused:
                assert refused.reason

    def test_nothing_is_shown(self, store: Store) -> None:
        """The store does not show what it holds."""
        store.write(KEY, 0, b"AT-4711")

        assert "AT-4711" not in f"{store!r} {store.read(KEY)!r}"

    def test_closing_twice(self, store: Store) -> None:
        """Closing is final and harmless."""
        store.close()
        store.close()

    @staticmethod
    def _crowd(work: Callable[[int], bool], many: int = 16) -> list[bool]:
        results: list[bool] = []
        start = threading.Barrier(many)

        def run(number: int) -> None:
            start.wait()
            results.append(work(number))

        threads = [threading.Thread(target=run, args=(number,)) for number in range(many)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results


def _forked(work: Callable[[], int]) -> int:
    """A child that ends with what the work answers; 99 where it raises."""
    child = os.fork()
    if child == 0:
        code = 99
        try:
            code = int(work())
        finally:
            os._exit(code)
    return child
