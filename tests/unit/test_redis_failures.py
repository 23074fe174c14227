"""What a Redis says when it refuses, and what is made of it: the words of Redis 6 and 7, without a server."""

from __future__ import annotations

import pytest
from redis import exceptions

from authweave.stores.redis.failures import Failure, failure_of
from thorough import every

SIX = "Error running script (call to f_6b1bf486c81ceb7edf3c093f4c48582e38c0e791): @user_script:9: @user_script: 9: "
SEVEN = " script: 6b1bf486c81ceb7edf3c093f4c48582e38c0e791, on @user_script:9."


@every(
    "error, reason",
    [
        (exceptions.ResponseError(SIX + "-OOM command not allowed when used memory > 'maxmemory'. "), "full"),
        (exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'." + SEVEN), "full"),
        (exceptions.ResponseError(SIX + "-READONLY You can't write against a read only replica. "), "read_only"),
        (exceptions.ReadOnlyError("You can't write against a read only replica." + SEVEN), "read_only"),
        (exceptions.ResponseError(SIX + "WRONGTYPE Operation against a key holding the wrong kind of value"), "wrong_type"),
        (exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value" + SEVEN), "wrong_type"),
        (exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"), "read_only"),
        (exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."), "read_only"),
        (exceptions.ResponseError(SIX + "The user executing the script can't run this command or subcommand"), "credentials"),
        (exceptions.ResponseError("ACL failure in script: User bot has no permissions to run the 'xadd' command"), "credentials"),
        (exceptions.NoPermissionError("User bot has no permissions"), "credentials"),
        (exceptions.ResponseError("DENIED Redis is running in protected mode"), "credentials"),
        (exceptions.AuthenticationError("invalid username-password pair"), "credentials"),
        (exceptions.ConnectionError("max number of clients reached"), "refused"),
        (exceptions.ConnectionError("Connection closed by server."), "refused"),
        (exceptions.BusyLoadingError("Redis is loading the dataset in memory"), "other"),
        (exceptions.ClusterDownError("Hash slot not served"), "other"),
        (exceptions.MovedError("3999 127.0.0.1:6381"), "other"),
        (exceptions.ResponseError("BUSY Redis is busy running a script."), "other"),
        (exceptions.InvalidResponse("Protocol Error: b'HTTP'"), "other"),
        (exceptions.ResponseError("unknown command 'EVALSHA', with args beginning with: 'SECRET'"), "other"),
        (exceptions.TimeoutError("Timeout reading from 127.0.0.1:1"), "timeout"),
        (TimeoutError(), "timeout"),
        (ConnectionResetError(), "refused"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_reasons(error: Exception, reason: str) -> None:
    """Each has its reason; none of Redis's own words is repeated."""
    told = failure_of(error)

    assert reason == told.reason
    assert not {"user_script", "SECRET", "bot", "127.0.0.1"} & set(str(told.error("h:1")).replace("'", " ").split())
    assert str(told.error("h:1")).startswith("the token store in Redis at h:1 ")


@every(
    "error, is_gone, is_elsewhere",
    [
        (exceptions.ConnectionError("Connection closed by server."), True, False),
        (exceptions.TimeoutError(), False, False),
        (exceptions.AuthenticationError(), False, False),
        (exceptions.ConnectionError("max number of clients reached"), False, False),
        (exceptions.ReadOnlyError("You can't write against a read only replica."), False, True),
        (exceptions.ResponseError("UNBLOCKED force unblock from blocking operation"), False, True),
    ],
)
def test_what_is_tried_again(error: Exception, is_gone: bool, is_elsewhere: bool) -> None:
    """A connection that broke off, and a server that is not the master: those only, and never after a timeout."""
    told = failure_of(error)

    assert (is_gone, is_elsewhere) == (told.is_gone, told.is_elsewhere)
    assert isinstance(told, Failure)


@every("version", [b"x", b"-1", b"", b"9" * 20, b"9" * 5000])
def test_a_version_that_we_never_write_is_somebody_elses(version):
    """It concerns its own key; a whole store is not taken for one that is away because of it."""
    from authweave.stores.redis.failures import Foreign
    from authweave.stores.redis.store import _row

    with pytest.raises(Foreign):
        _row([version, b"data", b""])
