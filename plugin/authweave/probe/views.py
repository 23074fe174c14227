"""A recorded call as a report shows it: each part with the key of the profile that put it there, nothing secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, unquote_plus, urlsplit

from authweave.drafts.draft import Placed
from authweave.net.values import Reply, StageEvent
from authweave.probe.bodies import answer_body, check_body, request_body
from authweave.probe.known import INTROSPECTED, SHOWN, Known, is_telling
from authweave.probe.recipes import recipe_of
from authweave.probe.recorder import Recorded
from authweave.profile import Profile
from authweave.report import Answered, Asked, Body, Exchange, Part, Timing
from authweave.values import path_of

_TITLES: Final = {
    "discovery": "Discovery", "authorize": "Sign-in", "token": "Token call", "renewal": "Token call, renewal", "introspection": "Introspection",
    "check": "Check", "control": "Check without the credential", "before": "Step", "after": "Step",
}  # fmt: skip
OPEN_IN_REDIRECTS: Final = frozenset({"error", "error_description", "error_uri", "iss", "scope"})
"""Parameters of an authorization response that are no secrets (RFC 6749 §4.1.2, RFC 9207)."""
_STANDARD: Final = "standard"
_MARK: Final = re.compile("‹[^‹›]*›")


@dataclass(frozen=True, slots=True)
class Origins:
    """Which key of the profile put something into a request, and where that key stands."""

    profile: Profile
    placed: tuple[Placed, ...]

    def of(self, place: str, key: str) -> Placed | None:
        """What put it there, if the profile did."""
        wanted = key.lower() if place == "header" else key
        return next((one for one in self.placed if one.place == place and (one.key.lower() if place == "header" else one.key) == wanted), None)

    def line(self, origin: str) -> str:
        """`file:line` of a key; nothing for what the standard asks for."""
        return self.profile.place(origin) if origin and origin != _STANDARD else ""

    def part(self, name: str, value: str, placed: Placed | None) -> Part:
        """A part with its origin."""
        origin = placed.origin if placed else _STANDARD
        return Part(name, value, origin, self.line(origin))

    def literal(self, placed: Placed) -> str:
        """The text that the profile itself writes before the first `{{`: no secret."""
        written: Any = self.profile.resolved
        for step in (*path_of(placed.origin), "value"):
            try:
                written = written[step]
            except (KeyError, IndexError, TypeError):
                return "Basic " if placed.origin.endswith("client_auth") else ""
        return written.partition("{{")[0] if isinstance(written, str) and "{{" in written else ""


def exchange_view(record: Recorded, known: Known, profile: Profile) -> Exchange:
    """The call as it may be shown. Everything secret in the run has to be known by now."""
    origins = Origins(profile, record.placed)
    reply = record.reply
    return Exchange(
        purpose=record.purpose,
        title=" ".join(part for part in (_TITLES[record.purpose], known.text(record.about)) if part),
        asked=_asked(record, known, origins),
        answered=_answered(record, reply, known) if reply else _came_back(record.came_back, known) if record.came_back else None,
        error=known.text(str(record.error)) if record.error else "",
        ms=record.seconds * 1000,
        address=f"{reply.address[0]}:{reply.address[1]}" if reply and reply.address[1] else "",
        timings=tuple(Timing(event.stage, event.duration * 1000, known.text(event_words(event))) for event in record.events),
        started=_moment(record.at - record.seconds) if record.at else "",
    )  # fmt: skip


def learn_placed(record: Recorded, known: Known) -> None:
    """Know what was put into secret places, so that an answer that echoes it shows nothing."""
    headers = {name.lower(): value for name, value in record.headers or record.request.headers}
    query = dict(_query(record.request.url))
    for placed, value in record.path:
        if placed.secret:
            known.learn(placed.key, value)
    for placed in record.placed:
        if not placed.secret:
            continue
        if placed.place == "header":
            value = headers.get(placed.key.lower(), "")
            known.learn(placed.key, value)
            known.learn(placed.key, value.partition(" ")[2] if value.startswith(("Basic ", "Bearer ")) else None)
        elif placed.place == "query":
            known.learn(placed.key, query.get(placed.key))
        elif placed.place == "cookie":
            known.learn(placed.key, dict(_cookies(headers.get("cookie", ""))).get(placed.key))


def shown_url(url: str, known: Known, origins: Origins | None = None) -> str:
    """A URL without what is secret in it: known secrets anywhere, even such as hold a `&`, and values of secret query fields."""
    path, mark, query = known.text(url).partition("?")
    if not mark:
        return path
    return f"{path}?{'&'.join(_shown_pair(pair, known, origins) for pair in query.split('&'))}"


def _shown_pair(pair: str, known: Known, origins: Origins | None) -> str:
    name, equals, value = pair.partition("=")
    placed = origins.of("query", unquote(name)) or origins.of("payload", unquote(name)) if origins else None
    is_secret = placed.secret if placed else is_telling(unquote(name))
    if not equals or not is_secret or _MARK.fullmatch(value):
        return pair
    return f"{name}={'‹not shown›' if '‹' in value else known.mask(unquote_plus(value), unquote(name))}"


def event_words(event: StageEvent) -> str:
    """What a stage found, in a few words."""
    return _WORDS.get(event.stage, lambda _: "")(event.detail)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _dns(detail: Any) -> str:
    addresses = ", ".join(detail.get("addresses", ()))
    way = " (by a route)" if detail.get("route") else ""
    return addresses if addresses == detail.get("host") else f"{detail.get('host')} is {addresses}{way}"


def _tls(detail: Any) -> str:
    certificate = detail.get("certificate")
    until = f", certificate of {certificate.issuer} until {certificate.not_after}" if certificate else ""
    return f"{detail.get('version')}{until}"


_WORDS: Final[dict[str, Callable[[Any], str]]] = {
    "dns": _dns,
    "connect": lambda detail: f"{detail.get('address')} port {detail.get('port')}",
    "proxy": lambda detail: f"through {detail.get('proxy')} (from {detail.get('from')})",
    "tls": _tls,
    "sent": lambda detail: f"{detail.get('bytes')} bytes",
    "headers": lambda detail: f"status {detail.get('status')}",
    "body": lambda detail: f"{detail.get('bytes')} bytes",
}


def _asked(record: Recorded, known: Known, origins: Origins) -> Asked:
    request = record.request
    url = shown_url(request.url, known, origins)
    target = re.sub(r"^[a-z]+://[^/?]*", "", url, flags=re.IGNORECASE) or "/"
    headers = record.headers or request.headers
    body = request_body(request, known, origins) if request.body else Body()
    return Asked(
        method=request.method,
        url=url,
        target=target if target.startswith("/") else f"/{target}",
        headers=tuple(_sent_header(name, value, known, origins) for name, value in headers),
        body=body,
        path=tuple(_path_part(placed, value, known, origins) for placed, value in record.path),
        query=tuple(_query_part(name, value, known, origins) for name, value in _query(request.url)),
        origin=record.url_key,
        place=origins.line(record.url_key),
        recipe=recipe_of(request, headers, body, known, origins),
    )  # fmt: skip


def _path_part(placed: Placed, value: str, known: Known, origins: Origins) -> Part:
    return origins.part(known.text(placed.key), known.mask(value, placed.key) if placed.secret else known.text(value), placed)


def _query_part(name: str, value: str, known: Known, origins: Origins) -> Part:
    placed = origins.of("query", name) or origins.of("payload", name)
    hides = placed.secret if placed else is_telling(name)
    return origins.part(known.text(name), known.mask(value, name) if hides else known.text(value), placed)


def _sent_header(name: str, value: str, known: Known, origins: Origins) -> Part:
    if name.lower() == "cookie":
        pairs = "; ".join(f"{known.text(key)}={known.mask(text, key)}" for key, text in _cookies(value))
        return origins.part(name, pairs, next((one for one in origins.placed if one.place == "cookie"), None))
    placed = origins.of("header", name)
    if placed is not None and placed.secret:
        return origins.part(name, known.after(origins.literal(placed), value, name), placed)
    if placed is None and is_telling(name):
        return origins.part(name, known.mask(value, name), None)
    return origins.part(name, known.text(value), placed)


def _answered(record: Recorded, reply: Reply, known: Known) -> Answered:
    open_fields = INTROSPECTED if record.purpose == "introspection" else SHOWN
    body = answer_body(reply, known, open_fields=open_fields) if record.may_hold_tokens else check_body(reply, known)
    headers = tuple(Part(known.text(name), _got_header(name, value, known)) for name, value in reply.headers)
    return Answered(reply.status, known.text(reply.reason), reply.http_version, headers, body)


def _came_back(url: str, known: Known) -> Answered:
    """Where a browser came back to: all that is known of an answer which only the browser has seen."""
    front, mark, query = url.partition("#")[0].partition("?")
    pieces = []
    for piece in query.split("&") if mark else ():
        name, _, value = piece.partition("=")
        plain = unquote(value.replace("+", " "))
        pieces.append(f"{known.text(name)}={known.text(value) if unquote(name) in OPEN_IN_REDIRECTS else known.mask(plain, unquote(name))}")
    shown = f"{known.text(front)}{mark}{'&'.join(pieces)}"
    return Answered(302, "Found", "", (Part("Location", shown),), Body(note="the browser came back to this address"))


def _got_header(name: str, value: str, known: Known) -> str:
    lower = name.lower()
    if lower == "set-cookie":
        cookie, _, rest = value.partition(";")
        key, equals, text = cookie.partition("=")
        return f"{known.text(key)}={known.mask(text, key.strip())}{known.text(';' + rest if rest else '')}" if equals else known.mask(value, name)
    if lower in ("location", "content-location", "refresh", "link"):
        return shown_url(value, known)
    return known.mask(value, name) if is_telling(name) else known.text(value)


def _query(url: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(urlsplit(url).query, keep_blank_values=True)
    except ValueError:
        return []


def _cookies(value: str) -> Iterator[tuple[str, str]]:
    for pair in value.split("; "):
        name, _, text = pair.partition("=")
        yield name, text
