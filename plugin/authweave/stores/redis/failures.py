"""What went wrong at a Redis, in our words: never the server's, which may name keys, users and commands."""

from __future__ import annotations

import re
import ssl
from dataclasses import dataclass
from typing import Final

from redis import exceptions

from authweave.errors import DnsFailure, StoreUnavailable, WireError

_WORDS: Final = {
    "OOM": ("full", "has no memory left (maxmemory)"),
    "READONLY": ("read_only", "is a replica: it takes no writes"),
    "MISCONF": ("read_only", "takes no writes, because it cannot save to its disk"),
    "NOREPLICAS": ("read_only", "takes no writes, because too few replicas follow it (min-replicas-to-write)"),
    "WRONGTYPE": ("wrong_type", "holds something under one of our names that is not ours; use another prefix"),
    "NOPERM": ("credentials", "does not allow its user what a store needs"),
    "NOAUTH": ("credentials", "wants a password"),
    "WRONGPASS": ("credentials", "does not accept user and password"),
    "DENIED": ("credentials", "is in protected mode: it takes no connections from other machines"),
    "LOADING": ("other", "is still loading its data"),
    "BUSY": ("other", "is busy with a script"),
    "CLUSTERDOWN": ("other", "is part of a cluster that is down"),
    "MOVED": ("other", "is a node of a cluster and does not keep this key; name a server or sentinels instead"),
    "ASK": ("other", "is a node of a cluster and does not keep this key now; name a server or sentinels instead"),
    "TRYAGAIN": ("other", "is a node of a cluster that is moving this key"),
    "MASTERDOWN": ("other", "is a replica that has lost its master"),
    "UNBLOCKED": ("other", "changed its role meanwhile"),
}  # fmt: skip
"""Error code → reason and what the server does. Inside a script, Redis 6 puts the code into the middle of its text."""

_CLASSES: Final = (
    (exceptions.OutOfMemoryError, "OOM"), (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.NoPermissionError, "NOPERM"), (exceptions.BusyLoadingError, "LOADING"),
    (exceptions.MovedError, "MOVED"), (exceptions.AskError, "ASK"), (exceptions.TryAgainError, "TRYAGAIN"),
    (exceptions.MasterDownError, "MASTERDOWN"), (exceptions.ClusterDownError, "CLUSTERDOWN"),
    (exceptions.AuthenticationError, "WRONGPASS"),
)  # fmt: skip
"""Errors whose code redis-py has cut off; a class before those it is made from."""

_CODE: Final = re.compile(rf"(?<![A-Za-z])({'|'.join(_WORDS)})(?![A-Za-z])")
_FORBIDDEN: Final = re.compile(r"ACL failure in script|The user executing the script can't ")
"""How Redis says NOPERM of what a script does."""

_NO_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
_OF_ANOTHER: Final = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH"""

_NOBODY_THERE: Final = "refused"
_NOT_THE_MASTER: Final = frozenset({"READONLY", "MASTERDOWN", "UNBLOCKED", "LOADING", "NOT_MASTER"})


@dataclass(frozen=True, slots=True)
class Failure:
    """What to say and what to do. `code` is Redis's word ('' where it said none); `is_gone` says that the connection
    broke off, and a fresh one may do."""

    reason: str
    words: str
    code: str = ""
    is_gone: bool = False

    @property
    def is_old_master(self) -> bool:
        """Is it worth asking the sentinels again?"""
        return self.is_elsewhere or (not self.code and self.reason in ("timeout", _NOBODY_THERE))

    @property
    def is_elsewhere(self) -> bool:
        """Did the server itself say that it is not the master (now)?"""
        return self.code in _NOT_THE_MASTER

    def error(self, place: object) -> StoreUnavailable:
        """The error to raise."""
        return StoreUnavailable(self.reason, f"the token store in Redis at {place} {self.words}")


class TlsBroken(Exception):
    """No TLS session; `error` says why (TimeoutError: the handshake did not end)."""

    def __init__(self, error: ssl.SSLError | TimeoutError) -> None:
        super().__init__()
        self.error = error


class SentinelsFailed(Exception):
    """No sentinel says where the master is. `error` is what became of the last one that did not answer, if any."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__()
        self.error = error


class NotMaster(Exception):
    """A server that sentinels called the master says that it is none."""


class Foreign(Exception):
    """What lies under one of our names was not written by us."""


class Busy(Exception):
    """Every connection that this process may have is in use."""


_GARBLED: Final = (ValueError, TypeError, IndexError, AttributeError)
"""What comes of answers that are not made as Redis makes them."""

FAILURES: Final = (
    exceptions.RedisError,
    OSError,
    WireError,
    TlsBroken,
    SentinelsFailed,
    NotMaster,
    Foreign,
    Busy,
    *_GARBLED,
)
"""What may come out of a connection."""


def failure_of(error: BaseException) -> Failure:
    """What an error means."""
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return Failure("timeout", "does not answer in time")
    if isinstance(error, WireError):
        return _of_dialling(error)
    if isinstance(error, TlsBroken):
        return _of_tls(error.error)
    if isinstance(error, SentinelsFailed):
        return _of_sentinels(error.error)
    if isinstance(error, NotMaster):
        return Failure("read_only", "is not the master any more", "NOT_MASTER")
    if isinstance(error, Foreign):
        return _said("WRONGTYPE")
    if isinstance(error, Busy):
        return Failure(
            "timeout", "is asked too much at once: no connection of this process became free in time", "OCCUPIED"
        )
    if code := _code(error):
        return _said(code)
    if isinstance(error, exceptions.ConnectionError) and "max number of clients" in str(error):
        return Failure(_NOBODY_THERE, "has as many clients as it takes (maxclients)")
    if isinstance(error, exceptions.ConnectionError | OSError):
        return Failure(_NOBODY_THERE, "broke the connection off", is_gone=True)
    if isinstance(error, (exceptions.InvalidResponse, *_GARBLED)):
        return Failure("other", "gives answers that are not Redis's")
    return Failure("other", "answered with an error that a store does not expect")


def _said(code: str) -> Failure:
    reason, words = _WORDS[code]
    return Failure(reason, words, code)


def _code(error: BaseException) -> str:
    for kind, code in _CLASSES:
        if isinstance(error, kind):
            return code
    if not isinstance(error, exceptions.ResponseError):
        return ""
    if found := _CODE.search(str(error)):
        return found[1]
    return "NOPERM" if _FORBIDDEN.search(str(error)) else ""


def _of_sentinels(error: BaseException | None) -> Failure:
    if error is None:
        return Failure("other", "has no master: no sentinel knows one of that name")
    failure = failure_of(error)
    return Failure(failure.reason, f"has no master that could be asked for: the last sentinel {failure.words}")


def _of_dialling(error: WireError) -> Failure:
    if getattr(error, "detail", "") == "timeout":
        return Failure("timeout", "cannot be reached in time")
    if isinstance(error, DnsFailure):
        return Failure(_NOBODY_THERE, "cannot be found: its name has no address")
    return Failure(_NOBODY_THERE, "cannot be reached: nothing listens there, or there is no way to it")


def _of_tls(error: ssl.SSLError | TimeoutError) -> Failure:
    if isinstance(error, TimeoutError):
        return Failure("timeout", "does not end the TLS handshake in time; does that port speak TLS?")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Failure("other", _of_certificate(error))
    if error.reason in _NO_TLS:
        return Failure("other", "does not speak TLS on that port")
    return Failure("other", "does not agree on a TLS session")


def _of_certificate(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _OF_ANOTHER:
        return "shows a certificate that is for another name; use a name that stands in it"
    why = re.sub(r"[^ -~]", "?", error.verify_message or "verification failed")
    return f"shows a certificate that is not believed ({why}); if it is right, name its authority as `ca`"
