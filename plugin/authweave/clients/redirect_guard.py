"""What a profile added never reaches another origin, also when the caller's client follows redirects.

httpx copies a request's headers to the next hop and drops only `Authorization`. The guard sits in the `trace` extension
of the request, which travels along: httpcore calls it before the headers of every hop are written, and there what the
profile added is taken out again, and out of a query that the redirect repeats. A body with a placed payload is refused
instead (307, 308; and every status where a GET has one), and so is a URL that repeats a secret in any other way.

Who was away never comes home: a hop back to the first origin goes without, too, for a stranger chose its URL. At home what
was made for one URL (a signature, a proof) is made anew for the next.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

from authweave.applying.placed_secrets import Sought
from authweave.clients.url_logs import Hidden, under_way
from authweave.errors import OriginRefused
from authweave.urls.origins import check_characters

AWAY: Final = "authweave.away"
"""The extension of a hop that leads elsewhere, and so of every hop after it: httpx copies extensions from hop to hop."""

_BEFORE_HEADERS: Final = frozenset({"http11.send_request_headers.started", "http2.send_request_headers.started"})
_DEFAULT_PORTS: Final = {b"https": 443, b"http": 80}
_ABSOLUTE: Final = re.compile(rb"(https?)://(\[[^\]]*\]|[^/:?#]*)(?::([0-9]+))?(?=[/?#]|$)", re.IGNORECASE)
_AUTHORITY: Final = re.compile(rb"(\[[^\]]*\]|[^:]*)(?::([0-9]{1,5}))?")

NOTHING: Final = Hidden()

Home = tuple[bytes, bytes, int | None]


@dataclass(frozen=True, slots=True)
class Carried:
    """What a request carries, and for which origin. `names` are header fields, `cookies` those of the Cookie header.

    `pairs` are what was put into the query, decoded (`key=value`), `segments` what was filled into the path, and `secrets` the
    values among all that: a redirect may repeat any of it, or of what it was made from. `anew` makes a hop on the same origin carry what is made for its URL.
    `hidden` are the values that no log shows while it is under way: those, and what they were made from.
    """

    home: Home
    names: frozenset[bytes] = frozenset()
    cookies: frozenset[bytes] = frozenset()
    has_payload: bool = False
    pairs: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    anew: Callable[[Any], None] | None = None
    hidden: Hidden = field(default=NOTHING, repr=False, compare=False)

    def beside(self, before: Carried) -> Carried:
        """What an earlier guard of the same request minds, too. Raises OriginRefused where that is for another origin."""
        if self.home != before.home and before != Carried(before.home):
            raise OriginRefused("the request was changed to another origin after it got a credential; make a new one")
        return replace(
            self, names=self.names | before.names, cookies=self.cookies | before.cookies, has_payload=self.has_payload or before.has_payload,
            pairs=self.pairs | before.pairs, segments=self.segments | before.segments, secrets=self.secrets | before.secrets,
            hidden=Hidden((*self.hidden.values, *before.hidden.values)),
        )  # fmt: skip


def carried(
    scheme: str, host: bytes, port: int | None, names: Iterable[str] = (), *, cookies: Iterable[str] = (), has_payload: bool = False,
    pairs: Iterable[str] = (), segments: Iterable[str] = (), secrets: Iterable[str] = (), anew: Callable[[Any], None] | None = None,
    hidden: Hidden = NOTHING,
) -> Carried:  # fmt: skip
    """What is carried, as texts. `secrets` as `placed_secrets` finds them."""
    return Carried(
        _origin(scheme.encode("ascii"), host, port),
        frozenset(name.lower().encode("latin-1") for name in names),
        frozenset(name.encode("latin-1") for name in cookies),
        has_payload, frozenset(pairs), frozenset(segments), frozenset(secrets), anew, hidden,
    )  # fmt: skip


class RedirectGuard:
    """Lets what one request carries through to one origin. `in_sync` and `in_async` are the two colours of the extension.

    `then` is a trace of the caller's own, which is called first. `calls` counts the hops: fewer than there were tell a
    transport that has no trace.
    """

    __slots__ = ("_first", "_is_away", "_sought", "calls", "carried", "then")

    def __init__(self, carried: Carried, then: Callable[..., Any] | None = None) -> None:
        self.carried = carried
        self.then = then
        self.calls = 0
        self._first: bytes | None = None
        self._is_away = False
        self._sought: tuple[Carried, Sought] | None = None

    def is_home(self, url: Any) -> bool:
        """Is it a URL (of httpx) of the origin that this is for?"""
        return home_of(url) == self.carried.home

    def succeed(self, before: RedirectGuard) -> None:
        """Guard what an earlier guard of the same request did, too: another profile may have placed it.

        Raises OriginRefused where the request was changed since to go elsewhere, and still carries that.
        """
        self.carried = self.carried.beside(before.carried)
        self.then = before.then

    def in_sync(self, event: str, info: dict[str, Any]) -> None:
        """For `httpx.Client`."""
        if self.then is not None:
            self.then(event, info)
        if event in _BEFORE_HEADERS:
            self.look_at(info["request"])

    async def in_async(self, event: str, info: dict[str, Any]) -> None:
        """For `httpx.AsyncClient`."""
        if self.then is not None:
            await self.then(event, info)
        if event in _BEFORE_HEADERS:
            self.look_at(info["request"])

    def in_either(self, event: str, info: dict[str, Any]) -> Any:
        """For a request whose client is not known yet: what calls it is a coroutine, and awaits, or is none."""
        called_by = sys._getframe(1).f_code.co_flags
        return (self.in_async if called_by & inspect.CO_COROUTINE else self.in_sync)(event, info)

    def look_at(self, request: Any, *, seals: bool = True) -> None:
        """Before the headers of a hop (a request of httpcore) are written. Raises OriginRefused for one that must not be sent.

        `seals`: is it about to be written, so that what is made for one URL is made now?
        """
        url, extensions = request.url, request.extensions
        if request.method == b"CONNECT" and not url.target.startswith(b"/"):
            return  # the way to a proxy, which repeats nothing of the request
        under_way(self.carried.hidden)
        self.calls += 1
        home, asked = _target(url)
        if self._first is None:
            if home != self.carried.home or "target" in extensions:
                raise OriginRefused("the request was changed to another origin after it got its credential; it was not sent")
            check_characters(asked.decode("latin-1"))
            self._first = asked
        elif AWAY in extensions or (self._is_away and asked != self._first) or home != self.carried.home or "target" in extensions:
            extensions[AWAY] = self._is_away = True
            self._strip(request)
            return
        self._refuse_other_server(request.headers, extensions)
        if seals and asked != self._first and self.carried.anew is not None:
            self.carried.anew(request)

    def _refuse_other_server(self, headers: Iterable[tuple[bytes, bytes]], extensions: Any) -> None:
        """OriginRefused where the request names another server beside its URL: who shares the address may be it."""
        for name, value in headers:
            if name.lower() == b"host" and not is_host_of(value, self.carried.home):
                raise OriginRefused("the Host header names another server than the URL, which the credential is for; it was not sent")
        if (shown := extensions.get("sni_hostname")) is not None and not shows_host_of(shown, self.carried.home):
            raise OriginRefused("`sni_hostname` names another server than the URL, which the credential is for; it was not sent")

    def _strip(self, request: Any) -> None:
        carried = self.carried
        if carried.has_payload and (request.method not in (b"GET", b"HEAD") or has_body(request.headers)):
            raise OriginRefused("a redirect would carry the body, and in it what the profile placed, to another origin; it was not followed")
        request.headers = without_names(request.headers, carried)
        path, mark, query = request.url.target.partition(b"?")
        if carried.segments and not carried.segments.isdisjoint(unquote(segment) for segment in path.decode("latin-1").split("/")):
            raise OriginRefused("a redirect repeats what the profile put into the path, and leads to another origin; it was not followed")
        if carried.pairs and (kept := without_pairs(query, carried.pairs)) != query:
            request.url.target = path + (mark if kept else b"") + kept
        if self._sought is None or self._sought[0] is not carried:
            self._sought = carried, Sought((*carried.secrets, *carried.hidden.values))  # once for all hops: it takes long to be made
        sought = self._sought[1]
        request.headers = without_values(request.headers, sought)
        if sought.stands_in((request.url.host + b" " + request.url.target).decode("latin-1")):
            raise OriginRefused("a redirect repeats what the profile added, and leads to another origin; it was not followed")


def without_names(headers: Iterable[tuple[bytes, bytes]], carried: Carried) -> list[tuple[bytes, bytes]]:
    """The header fields without those that were added, and the Cookie header without the cookies that were."""
    kept = [(name, value) for name, value in headers if name.lower() not in carried.names]
    if not carried.cookies:
        return kept
    own = [(name, _without_cookies(value, carried.cookies) if name.lower() == b"cookie" else value) for name, value in kept]
    return [(name, value) for name, value in own if value or name.lower() != b"cookie"]


def without_values(headers: Iterable[tuple[bytes, bytes]], sought: Sought) -> list[tuple[bytes, bytes]]:
    """The header fields without those that repeat a secret: a hook of the caller's may have copied it, or a server have made it a cookie."""
    kept = []
    for name, value in headers:
        if name.lower() == b"cookie":
            value = b"; ".join(pair for each in value.split(b";") if (pair := each.strip()) and not sought.stands_in(pair.decode("latin-1")))
        if value if name.lower() == b"cookie" else name.lower() == b"host" or not sought.stands_in(value.decode("latin-1")):
            kept.append((name, value))
    return kept


def without_pairs(query: bytes, pairs: frozenset[str]) -> bytes:
    """The query without these, however they are encoded."""
    return b"&".join(part for part in query.split(b"&") if unquote_plus(part.decode("latin-1")) not in pairs)


def has_body(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Does a body follow? httpx keeps that of a GET or HEAD on every redirect."""
    return any(name.lower() == b"transfer-encoding" or (name.lower() == b"content-length" and value != b"0") for name, value in headers)


def _without_cookies(value: bytes, names: frozenset[bytes]) -> bytes:
    return b"; ".join(pair for each in value.split(b";") if (pair := each.strip()) and pair.partition(b"=")[0] not in names)


def is_host_of(value: bytes, home: Home, *, whole: bool = True) -> bool:
    """Is it what `Host` says for this origin? Without `whole`: is it its host?"""
    found = _AUTHORITY.fullmatch(value)
    if found is None:
        return False
    port = int(found[2]) if found[2] else None
    return _origin(home[0], found[1], port if whole else home[2]) == home


def shows_host_of(shown: str | bytes, home: Home) -> bool:
    """Is it the host of this origin, as a `sni_hostname` says it?"""
    return is_host_of(shown.encode("utf-8", "replace") if isinstance(shown, str) else shown, home, whole=False)


def home_of(url: Any) -> Home:
    """The origin of a URL (of httpx)."""
    return _origin(url.scheme.encode("ascii"), url.raw_host, url.port)


def _target(url: Any) -> tuple[Home, bytes]:
    """Where a request goes, and what it asks for there. To a proxy without a tunnel the whole URL is the target, and the
    rest is the proxy's."""
    target: bytes = url.target
    if not target.startswith(b"/") and (absolute := _ABSOLUTE.match(target)):
        scheme, host, port = absolute.groups()
        return _origin(scheme, host, int(port) if port else None), target[absolute.end() :]
    return _origin(url.scheme, url.host, url.port), target


def _origin(scheme: bytes, host: bytes, port: int | None) -> Home:
    """Port 0 is no usual port, though httpcore takes it for one."""
    return scheme.lower(), host.lower().strip(b"[]"), _DEFAULT_PORTS.get(scheme.lower()) if port is None else port
