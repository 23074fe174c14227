"""The store in Redis keeps what every store promises, at a real Redis."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from authweave.contracts import StoreOptions
from authweave.stores.redis import RedisStore
from contracts.store_contract import StoreContract
from parts.redis import NewRedis, RedisServer

PATIENT = StoreOptions(patience=5)


class TestRedisStore(StoreContract):
    @pytest.fixture
    def store(self, redis_server: RedisServer) -> Iterator[RedisStore]:
        made = RedisStore.from_url(redis_server.fresh_url(), PATIENT)
        yield made
        made.close()

    def test_checks(self, new_redis: NewRedis) -> None:
        """A Redis that keeps what it has on disk is in order."""
        made = RedisStore.from_url(new_redis("--appendonly", "yes").fresh_url(), PATIENT)
        super().test_checks(made)
        made.close()
