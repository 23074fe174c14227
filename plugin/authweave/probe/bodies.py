"""Bodies as a report shows them: fields with their origin, short texts, or a few words about what is not shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from email import message_from_bytes
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import parse_qsl

from authweave.answers.responses import NotJson, content_type, parse_json
from authweave.net.values import Reply
from authweave.probe.file_kinds import file_kind
from authweave.probe.known import SHOWN, Known, is_telling
from authweave.report import Body, Part
from authweave.values import TaskRequest, TaskResponse

if TYPE_CHECKING:
    from authweave.probe.views import Origins

SHOWN_TEXT: Final = 2048
_LOOKED_AT: Final = 65536
"""Bytes that are searched for secrets before the text is cut: a secret at the cut is found whole."""
_SHOWN_VALUE: Final = 300
_MOST_PARTS: Final = 100


def request_body(request: TaskRequest, known: Known, origins: Origins) -> Body:
    """What was sent."""
    body = request.body or b""
    kind = _kind_of((request.header("content-type") or "").partition(";")[0].strip().lower())
    if any(placed.place == "payload" and placed.key == "(content)" and placed.secret for placed in origins.placed):
        return Body(kind, len(body), note="written as a whole by `content`, which may hold secrets: not shown")
    pairs = _sent_pairs(kind, body, request)
    if pairs is None:
        return _text_body(kind, body, known)
    _learn_pointers(kind, body, known, origins)
    parts = tuple(_sent_part(name, value, known, origins) for name, value in pairs[:_MOST_PARTS])
    return Body(kind, len(body), parts, truncated=len(pairs) > _MOST_PARTS)


def answer_body(reply: Reply, known: Known, *, open_fields: frozenset[str] = SHOWN) -> Body:
    """The answer of a token call: the fields of the allow-list with their values, all others by name only."""
    body, response = reply.body, TaskResponse(reply.status, reply.headers, reply.body)
    if not body.strip():
        return Body("none", len(body), note="empty")
    fields = _fields_of(body, response)
    if fields is None:
        return Body(_kind_of(content_type(response), body), len(body), note=_described(reply, known))
    kind, members = fields
    parts = tuple(_answer_part(name, value, known, open_fields) for name, value in list(members.items())[:_MOST_PARTS])
    return Body(kind, len(body), tuple(part for group in parts for part in group), truncated=len(members) > _MOST_PARTS)


def check_body(reply: Reply, known: Known) -> Body:
    """The API's answer: its text, cut; known secrets and what is named like one are hidden."""
    if not reply.body:
        return Body()
    media = content_type(TaskResponse(reply.status, reply.headers))
    kind = _kind_of(media, reply.body)
    if kind in ("binary", "html"):
        return Body(kind, len(reply.body), note=_described(reply, known))
    return _text_body(kind, reply.body, known, cut=reply.truncated)


def _text_body(kind: str, body: bytes, known: Known, *, cut: bool = False) -> Body:
    if b"\0" in body:
        return Body("binary", len(body), note=f"{len(body)} bytes of binary data{_by_its_bytes(body)}: not shown")
    text = known.text(body[:_LOOKED_AT].decode("utf-8", "replace"), lines=True)
    return Body(kind, len(body), text=text[:SHOWN_TEXT], truncated=cut or len(text) > SHOWN_TEXT or len(body) > _LOOKED_AT)


def _sent_pairs(kind: str, body: bytes, request: TaskRequest) -> list[tuple[str, str]] | None:
    if kind == "form":
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    if kind == "json":
        members = _json(body)
        return [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in members.items()] if isinstance(members, dict) else None
    return _multipart_pairs(body, request.header("content-type") or "") if kind == "multipart" else None


def _multipart_pairs(body: bytes, media: str) -> list[tuple[str, str]]:
    message = message_from_bytes(b"Content-Type: " + media.encode() + b"\r\n\r\n" + body)
    parts = message.get_payload() if message.is_multipart() else []
    return [
        (str(part.get_param("name", "", "content-disposition")), cast(bytes, part.get_payload(decode=True) or b"").decode("utf-8", "replace"))
        for part in cast("list[Any]", parts)
    ]  # fmt: skip


def _learn_pointers(kind: str, body: bytes, known: Known, origins: Origins) -> None:
    """What a JSON Pointer put deep into the body is known by value."""
    if kind != "json":
        return
    for placed in origins.placed:
        if placed.place == "payload" and placed.secret and placed.key.startswith("/"):
            value: Any = _json(body)
            for step in placed.key[1:].split("/"):
                name = step.replace("~1", "/").replace("~0", "~")
                value = value.get(name) if isinstance(value, dict) else value[int(name)] if isinstance(value, list) and name.isdecimal() and int(name) < len(value) else None
            known.learn(placed.key, value if isinstance(value, str) else None)


def _sent_part(name: str, value: str, known: Known, origins: Origins) -> Part:
    placed = origins.of("payload", name) or next((one for one in origins.placed if one.place == "payload" and one.key.startswith(f"/{name}/")), None)
    hides = placed.secret and placed.key == name if placed else is_telling(name)
    shown = known.mask(value, name) if hides else _short(known.text(value))
    return origins.part(known.text(name), shown, placed)


def _fields_of(body: bytes, response: TaskResponse) -> tuple[str, Mapping[str, Any]] | None:
    members = _json(body)
    if isinstance(members, dict):
        return "json", members
    if content_type(response) == "application/x-www-form-urlencoded" or re.match(rb"\s*[\w.-]+=[^<{]*\Z", body):
        return "form", dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return None


def _answer_part(name: str, value: Any, known: Known, open_fields: frozenset[str]) -> Iterable[Part]:
    if isinstance(value, dict) and name in ("error", "fault"):
        return [part for inner, member in value.items() for part in _answer_part_of(f"{name}.{inner}", inner, member, known, open_fields)]
    return _answer_part_of(name, name, value, known, open_fields)


def _answer_part_of(shown_name: str, name: str, value: Any, known: Known, open_fields: frozenset[str]) -> list[Part]:
    if name in open_fields and isinstance(value, str | int | float | bool | list | None):
        text = value if isinstance(value, str) else json.dumps(value)
        return [Part(known.text(shown_name), _short(known.text(text)))]
    if isinstance(value, str) and is_telling(name):
        return [Part(known.text(shown_name), known.mask(value, name))]
    return [Part(known.text(shown_name), "‹not shown›")]


def _described(reply: Reply, known: Known) -> str:
    media = content_type(TaskResponse(reply.status, reply.headers)) or "no content type"
    found = re.search(rb"<title[^>]*>([^<]{1,120})", reply.body[:65536], re.IGNORECASE)
    title = " ".join(found[1].decode("utf-8", "replace").split()) if found else ""
    size = f"{'more than ' if reply.truncated else ''}{len(reply.body)} bytes"
    return known.text(f"{size} of {media}{_by_its_bytes(reply.body)}" + (f", titled '{title}'" if title else "")) + ": not shown"


def _by_its_bytes(body: bytes) -> str:
    found = file_kind(body)
    return f" ({found}, by its first bytes)" if found else ""


def _kind_of(media: str, body: bytes = b"") -> str:
    start = body[:200].lstrip().lower()
    if body.startswith((b"\x1f\x8b", b"%PDF-")):
        return "binary"  # whatever it is said to be
    if media in ("text/html", "application/xhtml+xml") or start.startswith((b"<!doctype html", b"<html")):
        return "html"
    if media == "application/x-www-form-urlencoded":
        return "form"
    if media.endswith(("/json", "+json")) or (start[:1] in (b"{", b"[") and _json(body) is not None):
        return "json"
    if media.startswith("multipart/"):
        return "multipart"
    if media.endswith(("/xml", "+xml")):
        return "xml"
    return "binary" if b"\0" in body[:4096] or media.startswith(("image/", "audio/", "video/", "application/octet", "application/pdf", "application/zip")) else "text"


def _json(body: bytes) -> Any:
    try:
        return parse_json(body)
    except NotJson:
        return None


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN_VALUE else f"{text[:_SHOWN_VALUE]}…"
