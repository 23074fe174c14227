"""Where the Redis is that takes writes: at an address, or wherever the sentinels say."""

from __future__ import annotations

import ssl
from typing import Protocol

from redis.exceptions import ResponseError

from authweave.stores.redis.failures import FAILURES, NotMaster, SentinelsFailed
from authweave.stores.redis.line import Budget, Line
from authweave.stores.redis.url import Node, RedisUrl


class Place(Protocol):
    """Opens connections."""

    def connect(self, budget: Budget) -> Line:
        """A connection to the master. Raises FAILURES."""
        ...

    def forget(self) -> None:
        """The master may be another by now."""
        ...

    def __str__(self) -> str: ...


class Address:
    """One server, where the URL says it is."""

    def __init__(self, url: RedisUrl, tls: ssl.SSLContext | None) -> None:
        self._url = url
        self._tls = tls

    def __str__(self) -> str:
        return str(self._url.nodes[0])

    def connect(self, budget: Budget) -> Line:
        """Connect."""
        return _opened(Line(self._url.nodes[0], self._url.db, self._tls), budget)

    def forget(self) -> None:
        """It is where it is."""


class Watched:
    """The master among servers that sentinels watch (Redis: "Guidelines for Redis clients with support for Sentinel").

    The sentinels are asked one after the other, each with its share of the time, beginning with the last that
    answered; and who is said to be the master is asked itself, since a sentinel may be behind. Safe for threads.
    """

    def __init__(self, url: RedisUrl, tls: ssl.SSLContext | None) -> None:
        self._url = url
        self._tls = tls
        self._sentinels = url.nodes
        self._master: Node | None = None

    def __str__(self) -> str:
        watched = f"{self._url.master}, watched by {', '.join(map(str, self._url.nodes))}"
        return f"{master} ({watched})" if (master := self._master) else watched

    def connect(self, budget: Budget) -> Line:
        """Connect to the master."""
        master = self._master or self._found(budget)
        line = _opened(Line(master, self._url.db, self._tls), budget)
        try:
            _check_role(line)
        except BaseException:
            line.close()
            raise
        self._master = master
        return line

    def forget(self) -> None:
        """Ask the sentinels before the next connection."""
        self._master = None

    def _found(self, budget: Budget) -> Node:
        failed: BaseException | None = None
        sentinels = self._sentinels
        for number, sentinel in enumerate(sentinels):
            try:
                answer = self._asked(sentinel, budget.share(1 / (len(sentinels) - number + 1)))
            except FAILURES as error:
                failed = error
                continue
            if answer is not None:
                self._sentinels = (sentinel, *(each for each in sentinels if each is not sentinel))
                return self._url.node(answer[0].decode(), int(answer[1]))
        raise SentinelsFailed(failed)

    def _asked(self, sentinel: Node, budget: Budget) -> list[bytes] | None:
        line = _opened(Line(sentinel, 0, self._tls), budget)
        try:
            answer: list[bytes] | None = line.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self._url.master)
            return answer
        finally:
            line.close()


def _opened(line: Line, budget: Budget) -> Line:
    try:
        line.open(budget)
    except BaseException:
        line.close()
        raise
    return line


def _check_role(line: Line) -> None:
    """Raises NotMaster. A user who may not ask is believed what the sentinels said."""
    try:
        role = line.ask("ROLE")
    except ResponseError:
        return
    if role[0] != b"master":
        raise NotMaster
