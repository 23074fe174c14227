"""A request on its way to the wire: a task request that gets its credential and fields, or a call of our own.

The body of a task request is opened only when a payload field comes; until then it stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from authweave.bodies import Body, content_body, empty_body, read_body
from authweave.drafts.header_fields import header_text, wrong_name
from authweave.drafts.media_types import media_type
from authweave.drafts.url import DraftUrl, QueryFields
from authweave.drafts.view import DraftView
from authweave.errors import PlacementError
from authweave.values import TaskRequest

Headers = list[tuple[str, str]]

_MADE_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


@dataclass(frozen=True, slots=True)
class Placed:
    """What a profile put into a request: where, under which key, and which key of the profile says so."""

    place: str
    key: str
    origin: str
    secret: bool


class Draft:
    """A request that can still be changed, by one thread. `finish` makes the request to send, again after each change.

    `placed` names what was put in. `kept` says of the last field that `on_conflict: keep` left what was there.
    """

    __slots__ = (
        "_body", "_content_type", "_encoded", "_encoding", "_given", "_payload", "_template", "_url",
        "headers", "kept", "method", "placed", "streamed",
    )  # fmt: skip

    method: str
    headers: Headers
    streamed: bool
    placed: list[Placed]
    kept: bool

    def __init__(self, method: str, url: str, headers: Iterable[tuple[str, str]] = ()) -> None:
        self.method = method
        self.headers = list(headers)
        self.streamed = False
        self.placed = []
        self.kept = False
        self._given = url
        self._url: DraftUrl | None = None
        self._template = False
        self._body: bytes | None = None
        self._payload: Body | None = None
        self._encoded: bytes | None = None
        self._encoding = "text"
        self._content_type: str | None = None

    @classmethod
    def of(cls, request: TaskRequest, url: str | None = None, *, path_template: bool | None = None) -> Self:
        """A task request. `url` stands for its own where it was resolved against a server.

        `path_template` says whether `{key}` in the path of that URL is to be filled (None: as the request says). What a
        caller typed goes through `draft_url.finished_url` before it becomes part of a template.
        """
        draft = cls(request.method, request.url if url is None else url, request.headers)
        draft.streamed = request.streamed
        draft._template = request.path_template if path_template is None else path_template
        draft._body = request.body
        return draft

    @classmethod
    def new(cls, method: str, url: str, encoding: str = "form", content_type: str | None = None) -> Self:
        """An empty request; payload fields go into a body of this encoding, or into the URL with `query`. Raises PlacementError for
        a content type that is none."""
        if content_type is not None and not media_type(content_type)[0]:
            raise PlacementError("the content type is no media type with its parameters; write it as type/subtype; name=value (RFC 9110 §8.3.1)")
        draft = cls(method, url)
        draft._encoding, draft._content_type = encoding, content_type
        is_query = encoding == "query"
        draft._payload = QueryFields(draft.target, "payload") if is_query else empty_body(encoding, content_type)
        return draft

    @property
    def target(self) -> DraftUrl:
        """The URL in its parts."""
        if self._url is None:
            self._url = DraftUrl(self._given, template=self._template)
        return self._url

    @property
    def url(self) -> str:
        """The URL as it is now, without a fragment; placeholders that are not filled stand in it."""
        if self._url is None and not self._template and "#" not in self._given:
            return self._given
        return str(self.target)

    @property
    def placeholders(self) -> frozenset[str]:
        """The names that stand as `{name}` in the path."""
        return self.target.placeholders if self._template else frozenset()

    @property
    def body(self) -> bytes | None:
        """The bytes that will be sent; None for no body, or for one that is streamed."""
        if self._payload is None:
            return self._body
        if self._encoded is None:
            self._encoded = self._payload.encode()
        return self._encoded if self._encoded or self._payload.content_type else None

    @property
    def view(self) -> Mapping[str, Any]:
        """The namespace `request` of templates: always as the request would be sent now."""
        return DraftView(self)

    def may_write(self, taken: bool, on_conflict: str, what: str) -> bool:
        """Does a field go in, if something of its name is there? Raises PlacementError where that is an error."""
        if taken and on_conflict == "error":
            raise PlacementError(f"{what} is in the request already, and on_conflict is error")
        self.kept = taken and on_conflict == "keep"
        return not self.kept

    def put_header(self, name: str, value: Any, on_conflict: str = "replace") -> None:
        """Set a header field, in the place of those of its name."""
        if why := wrong_name(name):
            raise PlacementError(f"header {name}: {why}")
        text, lower = header_text(name, value), name.lower()
        taken = any(other.lower() == lower for other, _ in self.headers)
        if self.may_write(taken, on_conflict, f"header {name}"):
            self.headers = with_header(self.headers, name, text)

    def set_cookies(self, pairs: Iterable[str]) -> None:
        """Make these the cookies, in one Cookie header: RFC 6265 §5.4."""
        self.headers = with_header(self.headers, "Cookie", "; ".join(pairs))

    def put_query(self, key: str, value: Any, on_conflict: str = "replace") -> None:
        """Set a query parameter; a list repeats it."""
        fields = QueryFields(self.target, "query")
        if self.may_write(fields.has(key), on_conflict, f"query field {key}"):
            fields.put(key, value)

    def put_payload(self, key: str, value: Any, on_conflict: str = "replace") -> None:
        """Set a field of the payload. Raises PlacementError if there is none, or none that has fields."""
        if value is None:
            raise PlacementError(f"payload field {key} is null")
        payload = self._payload
        if payload is None:
            payload = self._opened(key)
        if self.may_write(payload.has(key), on_conflict, f"payload field {key}"):
            payload.put(key, value)
            self._payload, self._encoded = payload, None

    def put(self, place: str, key: str, value: Any, *, origin: str, secret: bool = False) -> None:
        """Put in what is not a field of the profile but a standard part of a call: `header`, `query` or `payload`."""
        {"header": self.put_header, "query": self.put_query, "payload": self.put_payload}[place](key, value)
        self.note(place, key, origin, secret)

    def note(self, place: str, key: str, origin: str, secret: bool) -> None:
        """Remember what put something in; what it replaced is forgotten."""
        fresh = Placed(place, key, origin, secret)
        slot = _slot(fresh)
        self.placed = [placed for placed in self.placed if _slot(placed) != slot]
        self.placed.append(fresh)

    def set_content(self, text: str) -> None:
        """Make the text the body. Raises PlacementError if the encoding has no body."""
        self._payload, self._encoded = content_body(self._encoding, text, self._content_type), None

    def finish(self) -> TaskRequest:
        """The request to send: its payload encoded and measured, no fragment, no placeholder. Raises PlacementError."""
        if self._template and (unfilled := self.target.unfilled):
            names = ", ".join(f"{{{name}}}" for name in sorted(unfilled))
            raise PlacementError(f"the path still holds {names}; a field with in: path fills it")
        return TaskRequest(self.method, self.url, tuple(self.sent_headers()), self.body, self.streamed)

    def sent_headers(self) -> Headers:
        """The header fields as they will be sent."""
        headers = self.headers if self._payload is None else _with_type(self.headers, self._payload.content_type)
        if self.streamed:
            return headers
        body = self.body
        if body is None and self._payload is None:
            return headers
        length = len(body or b"")
        return _measured(headers, length, needed=length > 0 or self.method.upper() in _MADE_WITH_BODY)

    def _opened(self, key: str) -> Body:
        if why := self._why_not_open():
            raise PlacementError(f"payload field {key}: {why}")
        try:
            return read_body(self._body or b"", _values(self.headers, "content-type")[0])
        except PlacementError as error:
            why = str(error)
        raise PlacementError(f"payload field {key}: {why}")

    def _why_not_open(self) -> str:
        types, codings = (_values(self.headers, name) for name in ("content-type", "content-encoding"))
        if self.streamed:
            return "the body is streamed, so nothing can be put into it; send it as bytes"
        if self._body is None or not (self._body or types):
            return f"a {self.method} without a body has no payload; write when, or in: query or header"
        if len(types) != 1:
            return f"the request has {len(types) or 'no'} Content-Type, so how its body is written is not known"
        if any(coding.strip().lower() != "identity" for coding in codings):
            return "the body is compressed (Content-Encoding), so nothing can be put into it"
        return ""


def with_header(headers: Headers, name: str, value: str) -> Headers:
    """The headers with this one in the place of the first of its name, and no other of that name."""
    lower = name.lower()
    changed: Headers = []
    is_set = False
    for other in headers:
        if other[0].lower() != lower:
            changed.append(other)
        elif not is_set:
            changed.append((name, value))
            is_set = True
    return changed if is_set else [*headers, (name, value)]


def _with_type(headers: Headers, content_type: str) -> Headers:
    if not content_type:
        return headers
    if not _values(headers, "content-type"):
        return [*headers, ("Content-Type", content_type)]
    if "boundary=" in content_type:
        raise PlacementError("header Content-Type cannot be set beside a multipart body; write content_type")
    return headers


def _measured(headers: Headers, length: int, *, needed: bool) -> Headers:
    """The headers with the one true Content-Length, or with none where nothing needs to be said: RFC 9112 §6."""
    if any(name.lower() == "transfer-encoding" for name, _ in headers):
        headers = [header for header in headers if header[0].lower() != "transfer-encoding"]
    written = _values(headers, "content-length")
    if written == [str(length)] or not (written or needed):
        return headers
    return with_header(headers, "Content-Length", str(length))


def _values(headers: Headers, name: str) -> list[str]:
    return [value for other, value in headers if other.lower() == name]


def _slot(placed: Placed) -> tuple[str, str]:
    return placed.place, placed.key.lower() if placed.place == "header" else placed.key
