"""What becomes of the credential of a request of httpx (httpx2) from hop to hop, where its client follows redirects."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from authweave.applying.flow import placed
from authweave.applying.placed_secrets import filled_segments, placed_at, placed_pairs, placed_secrets, template_of
from authweave.applying.redirected import at_redirect, template_again
from authweave.applying.sent import Sent
from authweave.applying.verdicts import STRAYED
from authweave.clients.redirect_guard import (
    AWAY,
    Carried,
    RedirectGuard,
    carried,
    has_body,
    without_names,
    without_pairs,
)
from authweave.clients.url_logs import hide_in_logs
from authweave.errors import AuthweaveError, OriginRefused
from authweave.values import Judgement, Secret, TaskRequest

RETURNED: Final = Judgement(
    "inconclusive", "a redirect led to another origin, and that one back: it chose the URL, so the request got no credential; its answer says nothing of it"
)
"""Of an answer of the API to a hop that a stranger sent there."""

_log = logging.getLogger("authweave")


def guarded(request: Any, task: TaskRequest, sent: Sent, colour: str) -> Any:
    """The request with the redirect guard in its `trace` extension, around a trace of the caller's own. `task`: as it was before."""
    again = None if sent.credential.connection.is_steady else Again(task, sent)
    carries = _carried(request.url, task, sent, again)
    hidden = hide_in_logs(str(request.url), sent.placed, [*sent.secrets(), *(Secret(text, "the request") for text in carries.secrets)])
    carries = replace(carries, hidden=hidden)
    if again is not None:
        again.carried = carries
    guard = RedirectGuard(carries, request.extensions.get("trace"))
    if (before := guard_of(request)) is not None:
        guard.succeed(before)
    request.extensions.pop(AWAY, None)
    request.extensions["trace"] = getattr(guard, colour)
    return request


def guard_of(request: Any) -> RedirectGuard | None:
    """The guard that sits in a request."""
    holder = getattr(request.extensions.get("trace"), "__self__", None)
    return holder if isinstance(holder, RedirectGuard) else None


def strayed(response: Any, request: Any) -> Judgement | None:
    """The verdict on the answer of another origin, or on one that came by way of it: no credential went along.

    Raises OriginRefused where the transport did not say what it sends, so that the credential may have gone along.
    """
    guard, hops = guard_of(request), _hops(response, request)
    home = _origin(request.url)
    is_away = [_origin(hop.url) != home for hop in hops]
    is_unguarded = guard is None or guard.calls < len(hops)
    if not any(is_away):
        if is_unguarded and response.has_redirect_location:
            _warn_of_redirects()
        return None
    if is_unguarded:
        raise OriginRefused(
            "the transport of this client has no `trace`, and followed a redirect to another origin: what the profile added may have gone along, "
            "so treat it as known there. Use the connection's own client(), or do not follow redirects over this transport"
        )
    return STRAYED if is_away[-1] else RETURNED


def _hops(response: Any, request: Any) -> list[Any]:
    """The request, and those that redirects made of it. A client also counts among the history what an auth sent before."""
    hops = [*(before.request for before in response.history), response.request]
    last = max((number for number, hop in enumerate(hops) if hop is request), default=0)
    return hops[last:]


def _warn_of_redirects() -> None:
    _log.warning(
        "the transport of this client has no `trace`, so that following a redirect may carry what the profile added to another "
        "origin: use the connection's own client(), or do not follow redirects"
    )


def moved_to(response: Any, request: Any, sent: Sent) -> Any:
    """The request that a redirect made on the same server, and that was refused: what is sealed is sealed for one URL, and
    has to be made for this one. None for any other answer, and where that was done on the way."""
    moved = response.request
    if sent.signing is None or response.status_code not in (400, 401, 403) or moved.url == request.url or _latest(request) is not None:
        return None
    if any(_origin(hop.url) != _origin(request.url) for hop in _hops(response, request)):
        return None  # nor where another origin chose the URL: it would be signed in its name
    _read(moved)
    return moved


def made_anew(response: Any, request: Any, sent: Sent) -> tuple[Any, TaskRequest, Sent] | None:
    """The hop that was answered, how it is without the profile, and what it was sent with, where a redirect on the same origin
    led to it: what follows the answer goes to its URL. None where that was copied, or there was no redirect."""
    latest = _latest(request)
    if latest is None or len(_hops(response, request)) == 1:
        return None
    _read(response.request)
    return response.request, latest[0], replace(latest[1], tried=sent.tried)


def _read(moved: Any) -> None:
    """Have the bytes at hand that httpx handed on from the request before, and has not read here."""
    if type(moved.stream).__name__ == "ByteStream":
        moved.read()


def _latest(request: Any) -> tuple[TaskRequest, Sent] | None:
    guard = guard_of(request)
    again = guard.carried.anew if guard is not None else None
    return again.latest if isinstance(again, Again) else None


class Again:
    """Places everything anew for the hop of a redirect on the same origin: what is signed is signed for that URL.

    `latest` is the last hop without the profile, and what it was sent with. A hop that leaves no place for what belongs there is not sent.
    Waits for nothing: a seal that does is taken off, for it says something of another URL, and made after the server has refused.
    """

    __slots__ = ("_fills", "_sent", "_task", "carried", "latest")

    def __init__(self, task: TaskRequest, sent: Sent) -> None:
        self._task = task
        self._sent = sent
        self._fills = bool(placed_at(sent, "path"))
        self.carried = Carried((b"", b"", None))
        self.latest: tuple[TaskRequest, Sent] | None = None

    def __call__(self, hop: Any) -> None:
        """Write what belongs to this URL into the hop, a request of httpcore. Raises ApplyError, InputError."""
        self.latest = None
        if getattr(self._sent.credential.seal, "waits", False):
            hop.headers = without_names(hop.headers, self.carried)
            return
        plain = self._plain(hop)
        again = self._placed(plain)
        self._write(hop, again.request)
        self.latest = plain, again

    def _placed(self, plain: TaskRequest) -> Sent:
        credential = self._sent.credential
        failure: AuthweaveError
        try:
            return placed(credential.connection, credential, plain, self._sent.token)
        except AuthweaveError as error:
            failure = at_redirect(error)
        raise failure

    def _plain(self, hop: Any) -> TaskRequest:
        """The hop as it would be without the profile."""
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in without_names(hop.headers, self.carried))
        front, asked = _front_of(self._sent.request.url), _asked(hop.url.target)
        path, mark, query = asked.partition(b"?")
        query = without_pairs(query, self.carried.pairs)
        url = front + (path + (mark if query else b"") + query).decode("latin-1")
        template = template_again(url, template_of(self._task, self._sent), self._sent.request.url) if self._fills else None
        plain = TaskRequest(hop.method.decode("ascii"), template or url, headers, path_template=template is not None)
        if not has_body(hop.headers):
            return plain
        body = self._task.body if self.carried.has_payload else self._sent.request.body
        return replace(plain, body=body, streamed=self._task.streamed)

    def _write(self, hop: Any, finished: TaskRequest) -> None:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in finished.headers]
        body = finished.body or b""
        if has_body(hop.headers) and not finished.streamed and body != (self._sent.request.body or b""):
            headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
            headers.append((b"Content-Length", b"%d" % len(body)))
            hop.stream = _Bytes(body)
        hop.headers = headers
        front = _front_of(finished.url)
        asked = finished.url[len(front) :].encode("ascii")
        hop.url.target = asked if hop.url.target.startswith(b"/") else front.encode("ascii") + asked


class _Bytes:
    """A body, in either colour."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __iter__(self) -> Iterator[bytes]:
        yield self._data

    async def __aiter__(self) -> Any:
        yield self._data


def _front_of(url: str) -> str:
    """Scheme and authority."""
    scheme, mark, rest = url.partition("://")
    return scheme + mark + rest.partition("/")[0].partition("?")[0]


def _asked(target: bytes) -> bytes:
    """The target without scheme and authority, which a proxy wants before it."""
    return target if target.startswith(b"/") else target[len(_front_of(target.decode("latin-1"))) :]


def _carried(url: Any, task: TaskRequest, sent: Sent, again: Again | None) -> Carried:
    return carried(
        url.scheme, url.raw_host, url.port, (one.key for one in placed_at(sent, "header")), cookies=(one.key for one in placed_at(sent, "cookie")),
        has_payload=bool(placed_at(sent, "payload")), pairs=placed_pairs(sent, placed_at(sent, "query")), segments=filled_segments(task, sent),
        secrets=placed_secrets(task, sent), anew=again,
    )  # fmt: skip


def _origin(url: Any) -> tuple[str, bytes, int | None]:
    return url.scheme, url.raw_host, url.port
