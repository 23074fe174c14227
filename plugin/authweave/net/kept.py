"""A connection that outlives a call: for handshakes that are bound to it (NTLM)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Self

from authweave.net.journey import Journey

if TYPE_CHECKING:
    from types import TracebackType

    from authweave.net.opening import Link
    from authweave.net.target import Target
    from authweave.net.values import Reply

_CLOSES: Final = re.compile(r"(?i)(?:^|,)\s*close\s*(?:,|$)")


class Kept:
    """At most one connection, for calls that follow each other in one thread. Use it in a `with` statement."""

    def __init__(self) -> None:
        self._link: Link | None = None
        self._journey: Journey | None = None
        self._end: tuple[str, str, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connection."""
        link, self._link = self._link, None
        if link is not None:
            link.stream.close()

    def journey(self, target: Target) -> Journey | None:
        """The journey of the connection that leads there, if there is one: its streams know no other clock."""
        if self._link is not None and self._end == _end_of(target):
            return self._journey
        self.close()
        return None

    def taken(self) -> Link | None:
        """The connection, which is then the caller's; None where something came over it that nobody asked for, if only its end."""
        link, self._link = self._link, None
        if link is not None and link.stream.get_extra_info("is_readable"):
            link.stream.close()
            return None
        return link

    def keeps(self, target: Target, link: Link, journey: Journey, reply: Reply) -> bool:
        """Keep the connection after this answer, if the server does."""
        if reply.truncated or reply.is_followed or reply.http_version != "HTTP/1.1" or _CLOSES.search(", ".join(reply.header_lines("connection"))):
            return False
        self._link, self._journey, self._end = link, journey, _end_of(target)
        return True


def _end_of(target: Target) -> tuple[str, str, int]:
    return target.scheme, target.host, target.port
