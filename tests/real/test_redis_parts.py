"""The Redis servers of the suite do what the tests of the store need of them."""

from __future__ import annotations

import pytest
import redis

from parts.redis import NewRedis, RedisGroup, RedisServer


def test_one_server_for_everybody(redis_server: RedisServer) -> None:
    """It answers, and two fresh URLs do not meet."""
    with redis_server.client() as client:
        assert client.ping()

    assert redis_server.fresh_url() != redis_server.fresh_url()


def test_a_server_of_ones_own(new_redis: NewRedis) -> None:
    """It wants its password, can be frozen, and comes back on its port with nothing in it."""
    server = new_redis(password="pa:ss/%")
    port = server.port
    with server.client() as client:
        client.set("a", "b")
        server.freeze()
        with pytest.raises(redis.TimeoutError):
            server.client(socket_timeout=0.2).ping()
        server.thaw()
        assert {b"a": b"b"} == server.values()
    with pytest.raises(redis.AuthenticationError):
        server.client(password=None).ping()

    server.kill()
    with pytest.raises(redis.ConnectionError):
        server.client().ping()
    server.start()

    assert (port, {}) == (server.port, server.values())


def test_tls(new_redis: NewRedis) -> None:
    """A server with a certificate of our authority."""
    server = new_redis(tls=True)

    with server.client() as client:
        assert client.ping()


def test_failover(redis_sentinel: RedisGroup) -> None:
    """The master dies, and one of the replicas is it."""
    before = redis_sentinel.master()
    replicas = redis_sentinel.replicas()
    before.kill()

    after = redis_sentinel.after_failover()

    assert after in replicas
    with after.client() as client:
        assert client.set("a", "b")
