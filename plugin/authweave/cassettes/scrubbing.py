"""An answer as it may lie in git: what nobody reads is left out, what is secret has a stand-in."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from xml.sax.saxutils import escape, unescape

from authweave.answers.responses import NotJson, parse_json
from authweave.cassettes.cassette import Answer, Failure
from authweave.cassettes.reading import Path, Reads
from authweave.cassettes.stand_ins import StandIns
from authweave.errors import AuthweaveError, WireError
from authweave.net.values import Reply
from authweave.probe.known import is_telling

_HEADERS: Final = frozenset({
    "content-type", "date", "location", "retry-after", "www-authenticate", "dpop-nonce", "x-ms-diagnostics", "ratelimit-reset", "x-ratelimit-reset",
})  # fmt: skip
"""Header fields that are read without a template."""
_LONGEST: Final = 65536
_FIELD: Final = re.compile(r"[A-Za-z_][\w.\[\]-]{0,39}")
_ELEMENT: Final = re.compile(r"<(?P<tag>[A-Za-z_][\w:.-]*)(?P<rest>[^<>]*)>(?P<text>[^<]*)")
_ATTRIBUTE: Final = re.compile(r"""([A-Za-z_][\w:.-]*)=(["'])(.*?)\2""")
_COMMENT: Final = re.compile(r"(?s)<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>")
_PAGE: Final = re.compile(r"<title[^>]*>[^<]{0,120}", re.IGNORECASE)


class Scrubber:
    """Knows what the profile reads and what is secret in the run."""

    def __init__(self, reads: Reads, stand_ins: StandIns) -> None:
        self._reads = reads
        self._stand_ins = stand_ins

    def answer(self, reply: Reply, *, is_public: bool) -> Answer:
        """The answer. `is_public`: metadata, which everybody may read."""
        headers = tuple((name, self._header(name, value)) for name, value in reply.headers if self._keeps(name))
        body = self._body(reply.body, is_public=is_public)
        return Answer(reply.status, self._stand_ins.text(reply.reason), reply.http_version, headers, body, reply.truncated)

    def failure(self, error: AuthweaveError) -> Failure:
        """Why there was no answer."""
        if not isinstance(error, WireError):
            return Failure("WireError", self._stand_ins.text(str(error)), "", "", "")
        facts = {name: self._stand_ins.text(fact) if isinstance(fact, str) else fact for name, fact in error.facts.items() if isinstance(fact, str | int | float | bool)}
        return Failure(type(error).__name__, self._stand_ins.text(str(error)), error.stage, error.host, error.detail, facts)

    def _keeps(self, name: str) -> bool:
        lower = name.lower()
        return lower in _HEADERS or self._reads.header(lower) or (lower == "set-cookie" and self._reads.cookies)

    def _header(self, name: str, value: str) -> str:
        if name.lower() == "set-cookie":
            key, equals, rest = value.partition("=")
            cookie, _, attributes = rest.partition(";")
            return f"{key}{equals}{self._stand_ins.of(cookie, key.strip())}" + (f";{self._stand_ins.text(attributes)}" if attributes else "")
        if name.lower() == "location":
            return self._stand_ins.text(re.split(r"[?#]", value)[0])
        return self._stand_ins.of(value, name) if is_telling(name) else self._stand_ins.text(value)

    def _body(self, body: bytes, *, is_public: bool) -> str:
        try:
            data = parse_json(body)
        except NotJson:
            return self._text(body[:_LONGEST].decode("utf-8", "replace"))
        return json.dumps(data if is_public else self._pruned(data, ()), separators=(",", ":"))

    def _text(self, text: str) -> str:
        """A body that is no JSON. What is in it is known to nobody, so only its kind is kept where no template reads it."""
        if pairs := _form(text):
            return urlencode([(name, self._stand_ins.leaf(name, value)) for name, value in pairs])
        start = text.lstrip()[:1]
        if self._reads.whole_text:
            return self._markup(text) if start == "<" else self._stand_ins.free(text)
        if start == "<":
            title = _PAGE.search(text)
            return f"<!doctype html><html><head>{self._stand_ins.free(title[0])}</title></head></html>" if title else "<html></html>"
        return start if start in ("{", "[") else "(a text that nothing reads)" if start else ""

    def _markup(self, text: str) -> str:
        """XML with its elements and attributes as members: hidden by their names and by their values."""

        def element(found: re.Match[str]) -> str:
            value = self._leaf(found["tag"], found["text"]) if found["text"].strip() else found["text"]
            attributes = "".join(f' {name}="{self._leaf(name, inner)}"' for name, _, inner in _ATTRIBUTE.findall(found["rest"]))
            return f"<{found['tag']}{attributes}{'/' if found['rest'].endswith('/') else ''}>{value}"

        return _ELEMENT.sub(element, _COMMENT.sub("", text))

    def _leaf(self, name: str, value: str) -> str:
        local, plain = name.rpartition(":")[2], unescape(value)
        shown = self._stand_ins.leaf(local, plain)
        return escape(shown if is_telling(local) or shown != plain else self._stand_ins.free(plain), {'"': "&quot;"})

    def _pruned(self, data: Any, path: Path) -> Any:
        if isinstance(data, dict):
            return {name: self._pruned(member, (*path, name)) for name, member in data.items() if self._reads.json((*path, name)) or _holds_errors(member)}
        if isinstance(data, list):
            return [self._pruned(member, (*path, str(index))) for index, member in enumerate(data[:100])]
        return self._stand_ins.leaf(path[-1] if path else "", data) if isinstance(data, str) else data


def _form(text: str) -> list[tuple[str, str]]:
    """The pairs of a form; none where it is not one."""
    with suppress(ValueError):
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=1000)
        return pairs if all(_FIELD.fullmatch(name) for name, _ in pairs) else []
    return []


def _holds_errors(member: Any) -> bool:
    """Vendors wrap their errors: `{"error": {…}}`, `{"errors": [{…}]}`."""
    return isinstance(member, dict | list) and any(word in json.dumps(member)[:2000] for word in ('"error', '"code"', '"message"'))
