"""A request as it arrived, taken apart with the standard library's own parsers.

Nothing that authweave puts requests together with is used here: what both sides got wrong alike would never show.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

from authweave.lazy import AnyCase

_DEFAULT_PORTS: Final = {"https": 443, "http": 80}
_DOCTYPE: Final = re.compile(rb"<!DOCTYPE", re.IGNORECASE)

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Arrived:
    """One request: `target` is the raw text between method and version, `host` without port and in lower case.

    `certificate` is what the client showed in the handshake (DER); `connection` tells one connection from another.
    """

    method: str
    scheme: str
    host: str
    port: int
    target: str = field(repr=False)
    headers: Pairs = field(default=(), repr=False)
    body: bytes = field(default=b"", repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    connection: int = 0

    @cached_property
    def path(self) -> str:
        """The path as it was written, percent signs and all."""
        return self.target.partition("?")[0]

    @cached_property
    def raw_query(self) -> str:
        """What stands behind the question mark, as it was written."""
        return self.target.partition("?")[2]

    @cached_property
    def segments(self) -> tuple[str, ...]:
        """The decoded segments of the path."""
        return tuple(unquote(segment) for segment in self.path.split("/"))

    @cached_property
    def query(self) -> Pairs:
        """The decoded parameters of the URL, in order."""
        return tuple(parse_qsl(self.raw_query, keep_blank_values=True))

    def header_lines(self, name: str) -> list[str]:
        """Every value of a header, in order, whatever its case."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @cached_property
    def cookies(self) -> Pairs:
        """The cookies, in order."""
        crumbs = [crumb.strip() for line in self.header_lines("cookie") for crumb in line.split(";")]
        return tuple((name, value.strip('"')) for name, _, value in (crumb.partition("=") for crumb in crumbs if crumb))

    @cached_property
    def media_type(self) -> str:
        """`application/json` and the like, without parameters; empty for none."""
        return next(iter(self.header_lines("content-type")), "").partition(";")[0].strip().lower()

    @cached_property
    def form(self) -> Pairs | None:
        """The fields of a urlencoded body."""
        if self.media_type != "application/x-www-form-urlencoded":
            return None
        return tuple(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    @cached_property
    def parts(self) -> Pairs | None:
        """The fields of a multipart body."""
        if self.media_type != "multipart/form-data":
            return None
        return tuple(_multipart(self.header_lines("content-type")[0], self.body))

    @cached_property
    def json(self) -> Any:
        """The JSON of the body; None if there is none."""
        try:
            return json.loads(self.body) if self.media_type.endswith("json") else None
        except (ValueError, RecursionError):
            return None

    @cached_property
    def xml(self) -> ElementTree.Element | None:
        """The root element of an XML body; a document that declares entities is not read."""
        if not self.media_type.endswith("xml") or _DOCTYPE.search(self.body):
            return None
        try:
            return ElementTree.fromstring(self.body)  # noqa: S314 - no entities, and what arrives is on this machine
        except ElementTree.ParseError:
            return None

    @cached_property
    def url(self) -> str:
        """The whole URL, as a browser would show it."""
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.target}"

    def view(self) -> Mapping[str, Any]:
        """The namespace `request` that templates of the profile read."""
        query: dict[str, Any] = {}
        for name, value in self.query:
            query.setdefault(name, []).append(value)
        query = {name: values[0] if len(values) == 1 else values for name, values in query.items()}
        return {
            "method": self.method, "url": self.url, "scheme": self.scheme, "host": self.host, "port": self.port,
            "path": self.path, "query": query, "query_string": self.raw_query, "headers": AnyCase(self.headers), "body": self.body,
        }  # fmt: skip

    def places_of(self, text: str) -> Iterator[str]:
        """Where in the request a text is found, in words: to tell an author that something came in the wrong place."""
        if any(text in value for _, value in self.headers):
            yield "a header"
        if any(text in value for _, value in self.query):
            yield "the query"
        if any(text in segment for segment in self.segments):
            yield "the path"
        fields = (*(self.form or ()), *(self.parts or ()))
        if text.encode() in self.body or any(text in value for _, value in fields):
            yield "the body"


def _multipart(content_type: str, body: bytes) -> Iterator[tuple[str, str]]:
    from email.parser import BytesParser
    from email.policy import HTTP

    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + content_type.encode("latin-1") + b"\r\n\r\n" + body
    )
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            yield name, content.decode("utf-8", "replace")
