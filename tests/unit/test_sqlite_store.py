"""`sqlite:` keeps what every store promises."""

from __future__ import annotations

import pytest

from authweave.contracts import StoreOptions
from authweave.stores.sqlite.store import SqliteStore
from authweave.testing import StoreContract


class TestSqliteStore(StoreContract):
    """The contract."""

    def pass_time(self, seconds):
        self.now += seconds

    @pytest.fixture
    def store(self, tmp_path):
        self.now = 1_800_000_000.0
        store = SqliteStore(tmp_path / "tokens.db", StoreOptions(patience=5.0), clock=lambda: self.now)
        yield store
        store.close()
