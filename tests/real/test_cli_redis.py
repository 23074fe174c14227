"""The command line over tokens in a real Redis, as an operator of many machines uses it."""

from __future__ import annotations

import os

import pytest

from authweave.cli.exits import Exit
from parts.redis import NewRedis, RedisServer


@pytest.fixture
def on_redis(keeper, monkeypatch, redis_server: RedisServer):
    """The command line with its tokens in Redis."""
    monkeypatch.setenv("AUTHWEAVE_STORE", redis_server.fresh_url())
    monkeypatch.setenv("AUTHWEAVE_STORE_PATIENCE", "5")
    return keeper


def test_from_token_to_clear(on_redis):
    """Got, found again, listed, orphaned by an edit, forgotten."""
    assert [Exit.OK] * 2 == [on_redis("token", "acme").code for _ in range(2)]
    assert (1, ["ok"]) == (on_redis.identity.count, on_redis.states())

    on_redis.write(scopes=["read", "write"])

    assert ["orphaned", "unused"] == on_redis.states()
    assert "forgot 1 of 1 entry" in on_redis("tokens", "clear", "--orphaned", "--yes").out
    assert ["unused"] == on_redis.states()
    assert [] == on_redis.data("tokens", "list")


def test_rotating_the_key_asks_for_the_other_machines(on_redis):
    """Without somebody who is sure no key is made; then every entry is sealed with the new one."""
    on_redis("token", "acme")

    asked, done = on_redis("store", "rotate-key"), on_redis("store", "rotate-key", "--yes")

    assert (Exit.USAGE, Exit.OK) == (asked.code, done.code)
    assert "until they have the new key, too" in asked.err
    assert "1 sealed again, of 1 that can be opened" in done.out
    assert ["ok"] == on_redis.states()
    assert 0 == on_redis.data("store", "check")["entries"]["old"]


def test_nobody_answers(keeper, monkeypatch, new_redis: NewRedis):
    """A Redis that is stopped: 3 for every command that looks, a token in the client's own name all the same, and no password told."""
    server = new_redis(password="p4ssword-of-redis")
    monkeypatch.setenv("AUTHWEAVE_STORE", server.fresh_url())
    assert Exit.OK == keeper("token", "acme").code
    server.stop()

    done = {command: keeper(*command.split()) for command in ("status", "tokens list", "store check", "tokens clear --all --yes", "token acme")}

    assert [Exit.INCONCLUSIVE] * 4 + [Exit.OK] == [each.code for each in done.values()]
    assert "store_down" in done["status"].out
    assert not any("p4ssword" in each.out + each.err for each in done.values())
    assert os.environ["AUTHWEAVE_STORE"].count("p4ssword") == 1
