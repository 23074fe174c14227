"""How a request is made again by who has its secrets: every byte is a text that may be shown, or a named value in a coding.

Found by looking at the bytes that were sent, so that what is put together again is the same bytes; never by guessing how they
were made. What cannot be taken apart is one value with a name of its own.
"""

from __future__ import annotations

import base64
import json
import re
from binascii import Error as NotBase64
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlencode

from authweave.drafts.draft import Placed
from authweave.probe.known import Known, Named, is_telling
from authweave.redaction.forms import SHORTEST
from authweave.report import Body, Piece, Recipe, RecipeLine
from authweave.values import TaskRequest

if TYPE_CHECKING:
    from authweave.net.values import Headers
    from authweave.probe.views import Origins

_CODINGS: Final[Mapping[str, Callable[[str], str]]] = {
    "": str,
    "form": quote_plus,
    "percent": partial(quote, safe=""),
    "json": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
}
_IN_URLS: Final = ("percent", "form", "")
_IN_FORMS: Final = ("form", "percent", "")
_AS_IS: Final = ("",)
_BETWEEN: Final = re.compile(r"[\"':;,= ]{0,3}")
"""What may stand between the parts of a value that is hidden by its place: marks of punctuation tell nothing."""
_SIGNED: Final = re.compile(r"auth(\[\d+\])?(\.dpop)?")
"""The origins of what a seal put into a request."""
_SIGNING: Final = frozenset({"signature", "jwt"})
_ONCE: Final[Mapping[str, str]] = {
    "client_assertion": "its client assertion is good for a short while, and often once",
    "assertion": "its assertion is good for a short while, and often once",
    "code": "an authorization code is good once",
    "device_code": "a device code is good once",
    "refresh_token": "a refresh token may be good once: who presents it takes it from authweave",
}


def recipe_of(request: TaskRequest, headers: Headers, body: Body, known: Known, origins: Origins) -> Recipe | None:
    """The recipe, or None where a part of the URL or a header cannot be written down. `body` is what the report shows of it."""
    maker = _Maker(known, origins)
    url = maker.url(request.url)
    lines = [maker.header(name, value) for name, value in headers]
    if url is None or any(line is None for line in lines):
        return None
    form = maker.form(request.body, body) if body.kind == "form" else ()
    pieces, no_body = maker.body(request.body, body)
    return Recipe(url, tuple(line for line in lines if line is not None), form, pieces, no_body, tuple(maker.once(form)))


@dataclass(frozen=True, slots=True)
class _Maker:
    known: Known
    origins: Origins

    def url(self, url: str) -> tuple[Piece, ...] | None:
        """Path and query; a parameter whose place is secret is never shown in part."""
        path, mark, query = url.partition("?")
        pieces = self.open(path, _IN_URLS)
        if pieces is None or not mark:
            return pieces
        found = self.pairs(query, ("query", "payload"), _IN_URLS)
        return None if found is None else _joined([*pieces, Piece("?"), *found])

    def pairs(self, text: str, places: tuple[str, ...], codings: tuple[str, ...]) -> tuple[Piece, ...] | None:
        """`name=value&…` as it was written."""
        found: list[Piece] = []
        for number, pair in enumerate(text.split("&")):
            name, equals, value = pair.partition("=")
            front = self.open(f"{'&' if number else ''}{name}{equals}", codings)
            back = self.value(unquote_plus(name), value, places, codings) if equals else ()
            if front is None or back is None:
                return None
            found += [*front, *back]
        return _joined(found)

    def value(self, name: str, value: str, places: tuple[str, ...], codings: tuple[str, ...]) -> tuple[Piece, ...] | None:
        """The value of a parameter, as it was written."""
        placed = next((one for place in places if (one := self.origins.of(place, name))), None)
        if not (placed.secret if placed else is_telling(name)):
            return self.open(value, codings)
        return self.hidden(value, codings) or self.coded(value, name, codings)

    def coded(self, value: str, name: str, codings: tuple[str, ...]) -> tuple[Piece, ...] | None:
        """A value of its own, in the coding in which it was written."""
        for coding in codings:
            plain = {"form": unquote_plus, "percent": unquote}.get(coding, str)(value)
            if _coded(plain, coding) == value:
                return (self.own(plain, name, coding),)
        return None

    def header(self, name: str, value: str) -> RecipeLine | None:
        """A header field. One that cannot be taken apart is a value of its own, after what the profile writes before it."""
        if self.known.text(name) != name:
            return None
        if name.lower() == "cookie":
            return self.cookies(name, value)
        placed = self.origins.of("header", name)
        if not (placed.secret if placed else is_telling(name)):
            pieces = self.open(value, _AS_IS)
            return None if pieces is None else RecipeLine(name, pieces)
        lead = self.lead(placed, value)
        rest = value[len(lead):]
        found = self.encoded(rest, self.pair_codings(placed)) or self.hidden(rest, _AS_IS) or ((self.own(rest, name),) if rest else ())
        return RecipeLine(name, _joined([Piece(lead), *found]))

    def lead(self, placed: Placed | None, value: str) -> str:
        """What the profile itself writes before the first `{{`, or the name of the scheme."""
        literal = self.origins.literal(placed) if placed else ""
        return literal if value.startswith(literal) and self.known.text(literal) == literal else ""

    def cookies(self, name: str, value: str) -> RecipeLine:
        pieces: list[Piece] = []
        for number, pair in enumerate(value.split("; ")):
            key, equals, text = pair.partition("=")
            found = self.hidden(text, ("", "percent")) or ((self.own(text, key),) if text else ())
            pieces += [Piece(f"{'; ' if number else ''}{self.known.text(key)}{equals}"), *found]
        return RecipeLine(name, _joined(pieces))

    def form(self, sent: bytes | None, body: Body) -> tuple[RecipeLine, ...]:
        """The fields, if the body is what every encoder makes of them."""
        text = (sent or b"").decode("utf-8", "replace")
        pairs = parse_qsl(text, keep_blank_values=True)
        if not pairs or body.note or urlencode(pairs, quote_via=quote_plus) != text:
            return ()
        lines = []
        for name, value in pairs:
            pieces = self.value(name, value, ("payload",), _AS_IS)
            if pieces is None or self.known.text(name) != name or not name:
                return ()
            lines.append(RecipeLine(name, pieces))
        return tuple(lines)

    def body(self, sent: bytes | None, body: Body) -> tuple[tuple[Piece, ...], str]:
        """Its pieces, or why there are none."""
        if not sent:
            return (), ""
        try:
            text = sent.decode()
        except UnicodeDecodeError:
            return (), "it is binary"
        if body.note or b"\0" in sent:
            return (), body.note or "it is binary"
        if body.kind == "form":
            pieces = self.pairs(text, ("payload",), _IN_FORMS)
        elif self.known.has_short():
            return (), "a secret is too short to be found in it"
        else:
            pieces = self.open(text, ("json",) if body.kind == "json" else _AS_IS, lines=True)
        return (pieces, "") if pieces is not None else ((), "something in it is hidden that has no name")

    def open(self, text: str, codings: tuple[str, ...], *, lines: bool = False) -> tuple[Piece, ...] | None:
        """Text that may be shown, but for what is known to be secret; None if something hidden is left in it."""
        pieces = self.found(text, codings, self.known.named())
        shown = all(self.known.text(piece.text, lines=lines) == piece.text for piece in pieces)
        return _joined(pieces) if shown else None

    def hidden(self, text: str, codings: tuple[str, ...]) -> tuple[Piece, ...] | None:
        """Text of which only named values may be told; None if there is anything else."""
        named = {**self.known.plain(), **self.known.named()}
        for value, one in named.items():
            for coding in codings:
                if value and _coded(value, coding) == text:
                    return (self.piece(value, one, coding),)
        pieces = self.found(text, codings, named)
        has_names = any(piece.name for piece in pieces)
        return _joined(pieces) if has_names and all(_BETWEEN.fullmatch(piece.text) for piece in pieces) else None

    def pair_codings(self, placed: Placed | None) -> tuple[str, ...]:
        """How id and secret are written before base64: where the profile says form-encoded, also if that changes nothing in these."""
        origin = placed.origin.removesuffix(".client_auth") if placed and placed.origin.endswith(".client_auth") else ""
        settings = next((variant.tokens for variant in self.origins.profile.variants if variant.origin == origin), None)
        return ("form", "") if settings is not None and settings.basic_encoding != "raw" else ("", "form")

    def encoded(self, text: str, codings: tuple[str, ...]) -> tuple[Piece, ...] | None:
        """What is base64 of named values: a user name and a password, most often."""
        try:
            raw = base64.b64decode(text, validate=True)
            inside = raw.decode()
        except (NotBase64, ValueError):
            return None
        if base64.b64encode(raw).decode() != text:
            return None
        pieces = self.hidden(inside, codings) or ()
        return tuple(replace(piece, base64=True) for piece in pieces) or None

    def found(self, text: str, codings: tuple[str, ...], named: Mapping[str, Named]) -> list[Piece]:
        """The text with every named value in it, the longest first."""
        written: dict[str, tuple[str, str]] = {}
        for coding in codings:
            for value in named:
                if len(value) >= SHORTEST and (form := _coded(value, coding)) is not None and form in text:
                    written.setdefault(form, (value, coding))
        if not written:
            return [Piece(text)]
        pieces, done = [], 0
        for match in re.finditer("|".join(re.escape(form) for form in sorted(written, key=len, reverse=True)), text):
            value, coding = written[match[0]]
            pieces += [Piece(text[done : match.start()]), self.piece(value, named[value], coding)]
            done = match.end()
        return [*pieces, Piece(text[done:])]

    def piece(self, value: str, named: Named, coding: str) -> Piece:
        is_secret = value in self.known.named()
        shown = self.known.mask(value, named.name) if is_secret else value
        source = "input" if named.name in self.origins.profile.inputs else named.source
        return Piece("", named.name, shown, coding, source=source)

    def own(self, value: str, name: str, coding: str = "") -> Piece:
        """A value that is known by its place only."""
        return Piece("", self.known.text(name), self.known.mask(value, name), coding, source="made")

    def once(self, form: Iterable[RecipeLine]) -> Iterator[str]:
        """Why sending it again may be refused."""
        signing = {variant.origin for variant in self.origins.profile.variants if variant.scheme.name in _SIGNING}
        for placed in self.origins.placed:
            variant = placed.origin.partition(".")[0]
            if placed.secret and (_SIGNED.fullmatch(placed.origin) or variant in signing):
                yield "it is signed: its signature is good for this request only, for a short while, and often once"
                break
        yield from (_ONCE[line.name] for line in form if line.name in _ONCE)


def _coded(value: str, coding: str) -> str | None:
    try:
        return _CODINGS[coding](value)
    except UnicodeEncodeError:
        return None


def _joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Without empty ones, and texts that stand beside each other as one."""
    joined: list[Piece] = []
    for piece in pieces:
        if not piece.name and not piece.text:
            continue
        if joined and not joined[-1].name and not piece.name and joined[-1].base64 == piece.base64:
            joined[-1] = replace(joined[-1], text=joined[-1].text + piece.text)
        else:
            joined.append(piece)
    return tuple(joined)
