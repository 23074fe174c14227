"""What every token store promises. Import it, say how a store is made and how time passes, and run it:

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            return MyStore(tmp_path / "tokens")
"""

from __future__ import annotations

import threading
import time

import pytest

from authweave.contracts import Store
from authweave.values import NEVER, Record, Secret, Token

FULL = Token(
    access_token=Secret("AT-é-\u2028-4711", "test"), expires_at=1_900_000_000.25, renew_at=1_899_999_940.0, issued_at=1_800_000_000.5,
    refresh_token=Secret("RT", "test"), id_token=Secret("a.b.c", "test"), token_type="Bearer", scope="read write",
    kept={"host": "abc", "key": Secret("K", "test"), "number": 7, "nothing": None},
)  # fmt: skip
BARE = Token(access_token=Secret("AT", "test"))


def plain(token: Token) -> dict[str, object]:
    """A token with its secrets open, to compare."""
    kept = {name: value.reveal() if isinstance(value, Secret) else value for name, value in token.kept.items()}
    secrets = {name: getattr(token, name) for name in ("access_token", "refresh_token", "id_token")}
    opened = {name: value.reveal() if value else None for name, value in secrets.items()}
    return {**opened, "kept": kept, "times": (token.expires_at, token.renew_at, token.issued_at), "type": token.token_type, "scope": token.scope}


class StoreContract:
    """Needs a fixture `store`. `pass_time` may be overridden where the store takes a clock."""

    def pass_time(self, seconds: float) -> None:
        """Let time pass for the store's leases."""
        time.sleep(seconds)

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError("make the store here")

    def test_is_a_store(self, store: Store) -> None:
        """It has everything the protocol names."""
        assert isinstance(store, Store)
        assert isinstance(type(store).name, str)

    def test_nothing_is_an_empty_record(self, store: Store) -> None:
        """Version 0, no token, no intent."""
        assert Record() == store.read("k")

    @pytest.mark.parametrize("token", [FULL, BARE], ids=["full", "bare"])
    def test_what_is_written_is_read(self, store: Store, token: Token) -> None:
        """Every part of a token comes back as it was, and secrets come back as secrets."""
        assert store.write("k", token, 0)
        record = store.read("k")

        assert (1, "") == (record.version, record.intent)
        assert record.token is not None
        assert plain(token) == plain(record.token)
        assert {type(value) for value in token.kept.values()} == {type(value) for value in record.token.kept.values()}
        assert NEVER == BARE.expires_at

    def test_only_over_the_version_that_was_read(self, store: Store) -> None:
        """The first writes, the second is told so and changes nothing."""
        assert store.write("k", BARE, 0)
        assert not store.write("k", FULL, 0)
        assert store.write("k", FULL, 1)
        assert not store.write("k", BARE, 1)
        assert not store.write("k", BARE, 7)

        record = store.read("k")
        assert (2, plain(FULL)) == (record.version, plain(record.token or BARE))

    def test_keys_do_not_meet(self, store: Store) -> None:
        """What is under one key says nothing of another."""
        store.write("a", FULL, 0)
        store.intend("a", 1, "x")

        assert Record() == store.read("b")
        assert store.lease("a", "me", 60)
        assert store.lease("b", "you", 60)

    def test_intent(self, store: Store) -> None:
        """It is read until the next write, and only goes over the version that was read; nothing else changes."""
        assert store.intend("k", 0, "first")
        assert ("first", 0, None) == (store.read("k").intent, store.read("k").version, store.read("k").token)
        store.write("k", BARE, 0)
        assert "" == store.read("k").intent
        assert not store.intend("k", 0, "late")
        assert store.intend("k", 1, "second")
        assert ("second", 1, "AT") == (store.read("k").intent, store.read("k").version, plain(store.read("k").token or FULL)["access_token"])

    def test_drop(self, store: Store) -> None:
        """The token of exactly that version goes, and the version goes on: a late write is not taken for a new one."""
        store.write("k", BARE, 0)

        assert not store.drop("k", 0)
        assert store.drop("k", 1)
        assert (2, None) == (store.read("k").version, store.read("k").token)
        assert not store.write("k", BARE, 1)
        assert store.write("k", BARE, 2)

    def test_lease_excludes(self, store: Store) -> None:
        """One owner at a time; the owner may take it again; another gets it once it is given back."""
        assert store.lease("k", "me", 60)
        assert not store.lease("k", "you", 60)
        assert store.lease("k", "me", 60)
        store.release("k", "me")
        assert store.lease("k", "you", 60)

    def test_lease_is_released_by_its_owner_only(self, store: Store) -> None:
        """A late release of a former owner does not open the lease of the present one."""
        store.lease("k", "me", 60)
        store.release("k", "you")
        store.release("nothing", "you")

        assert not store.lease("k", "you", 60)

    def test_lease_runs_out(self, store: Store) -> None:
        """An owner that is never heard of again loses it when its time is over, and not before."""
        store.lease("k", "dead", 0.3)

        assert not store.lease("k", "me", 60)
        self.pass_time(0.4)
        assert store.lease("k", "me", 60)
        store.release("k", "dead")
        assert not store.lease("k", "you", 60)

    def test_a_lease_does_not_hinder_reading_and_writing(self, store: Store) -> None:
        """It excludes renewals, not readers; versions guard what is written."""
        store.lease("k", "me", 60)

        assert Record() == store.read("k")
        assert store.write("k", BARE, 0)

    def test_one_of_many_threads_writes(self, store: Store) -> None:
        """Of many who write over the same version, one does."""
        wrote = self._crowd(lambda number: store.write("k", BARE, 0))

        assert (1, 1) == (sum(wrote), store.read("k").version)

    def test_one_of_many_threads_has_the_lease(self, store: Store) -> None:
        """Of many who want it, one gets it."""
        assert 1 == sum(self._crowd(lambda number: store.lease("k", f"owner-{number}", 60)))

    def test_no_write_is_lost(self, store: Store) -> None:
        """Read, then write if nobody did meanwhile: all writes of many threads count."""

        def write(number: int) -> bool:
            for _ in range(10):
                while not store.write("k", BARE, store.read("k").version):
                    pass
            return True

        self._crowd(write, many=4)

        assert 40 == store.read("k").version

    def test_no_secret_is_shown(self, store: Store) -> None:
        """Neither the store nor a record shows a token."""
        store.write("k", FULL, 0)

        assert "AT-é" not in f"{store!r} {store.read('k')!r} {vars(store) if hasattr(store, '__dict__') else ''}"

    def test_closing_twice(self, store: Store) -> None:
        """Closing is final and harmless."""
        store.close()
        store.close()

    @staticmethod
    def _crowd(work, many: int = 16) -> list[bool]:
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
