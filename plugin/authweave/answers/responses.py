"""An answer as templates see it: the namespace `response`."""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs

from authweave.lazy import AnyCase, Lazy
from authweave.values import TaskResponse

DEEPEST: Final = 64
DIGITS: Final = 308
"""Of a whole number: one that has more is beyond what a float holds."""
LARGEST: Final = 256 * 1024
"""Bytes of an answer that is read as JSON, a form or XML: its values take many times the room of its text."""
MOST_VALUES: Final = 20_000
"""Values in one such answer, for the same reason: `[[],[],…` takes thirty bytes for each of its own."""
LONGEST_COOKIE: Final = 8192
"""Characters of one `Set-Cookie` that is read; browsers keep half of that."""
MOST_COOKIES: Final = 300
_CHARSET: Final = re.compile(r""";[ \t]*charset=(?:"([\w.:+-]{1,40})"|([\w.:+-]{1,40}))""", re.IGNORECASE | re.ASCII)
_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FORM: Final = re.compile(r"[\w.%+\[\]-]+=[^\s\"<>{}\\&]*(?:&[\w.%+\[\]-]+=[^\s\"<>{}\\&]*)*&?", re.ASCII)
"""A form and nothing else, in an answer that does not say that it is one."""
_CHARSETS: Final = re.compile(
    r"ascii|utf-(?:8|16|32)(?:-sig|-[bl]e)?|iso8859-\d+|cp125\d|cp932|cp949|koi8-[rtu]|mac-roman|tis-620|gb2312|gbk|gb18030|big5(?:hkscs)?|euc_jp|euc_kr|shift_jis(?:_2004|x0213)?|iso2022_jp"
)
"""Names that Python has for encodings of text. It knows others that take for ever, that warn, or that are no text at all (punycode, unicode_escape, idna)."""


class NotJson(ValueError):
    """The body is not JSON as RFC 8259 has it. The message never quotes the body."""


def response_scope(response: TaskResponse) -> Mapping[str, Any]:
    """`status`, `headers`, `cookies`, `text`, `json`, `form`, `xml`; the last three are null if the body is something else."""
    body = response.body or b""
    return Lazy({
        "status": lambda: response.status,
        "headers": lambda: AnyCase(response.headers),
        "cookies": lambda: _cookies(response.headers),
        "text": lambda: body.decode(_charset(response), errors="replace"),
        "json": lambda: _json_or_null(body),
        "form": lambda: _form(body, response),
        "xml": lambda: _xml_or_null(body),
    })  # fmt: skip


def parse_json(body: bytes | str) -> Any:
    """Strict JSON: UTF-8, or UTF-16 that says so by its mark; no NaN or Infinity, no key twice, bounded numbers and nesting. Raises NotJson."""
    problem = ""
    try:
        text = body if isinstance(body, str) else body.decode("utf-16" if body[:2] in _UTF_16 else "utf-8-sig")  # json.loads would guess, and take half characters
        parsed = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant, parse_int=_integer, parse_float=_float)
    except NotJson as error:
        problem = str(error)
    except UnicodeDecodeError:
        problem = "the body is not UTF-8, which JSON is written in (RFC 8259 §8.1)"
    except (ValueError, RecursionError):
        problem = "the body is not JSON"
    else:
        return parsed
    raise NotJson(problem)


def parse_answer(body: bytes) -> Any:
    """The JSON of an answer, which a stranger chose: as `parse_json`, of bounded size, number of values and depth. Raises NotJson."""
    if len(body) > LARGEST:
        raise NotJson(f"the body is larger than {LARGEST // 1024} KiB")
    if body.count(b",") + body.count(b"[") + body.count(b"{") > MOST_VALUES:
        raise NotJson(f"the JSON has more than {MOST_VALUES} values")
    parsed = parse_json(body)
    if _is_deeper(parsed):
        raise NotJson(f"the JSON is nested more than {DEEPEST} deep")
    return parsed


def _is_deeper(parsed: Any) -> bool:
    """Is it nested deeper than anybody nests? Whoever walks through it, or writes it down, would run out of stack."""
    level = [parsed]
    for _ in range(DEEPEST + 1):
        level = [value for value in level if isinstance(value, dict | list)]
        if not level:
            return False
        level = [inner for value in level for inner in (value.values() if isinstance(value, dict) else value)]
    return True


def content_type(response: TaskResponse) -> str:
    """The media type, lower case, without parameters; empty if none is given."""
    return (response.header("content-type") or "").partition(";")[0].strip().lower()


def _json_or_null(body: bytes) -> Any:
    try:
        return parse_answer(body)
    except NotJson:
        return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise NotJson("the JSON has a key twice")
    return members


def _no_constant(name: str) -> Any:
    raise NotJson(f"the JSON holds {name}, which is not a number")


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > DIGITS:
        raise NotJson("the JSON holds a number that is too long")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise NotJson("the JSON holds a number that is too large")
    return number


def _form(body: bytes, response: TaskResponse) -> Mapping[str, str] | None:
    """Form-encoded answers exist (early GitHub), not always called so: what is nothing but a form is read as one.

    A sentence, or a page, that holds `&access_token=…&` is none; and neither is a form that has a name twice.
    """
    if len(body) > LARGEST:
        return None
    text = body.decode("utf-8", errors="replace").strip()
    if content_type(response) != "application/x-www-form-urlencoded" and not _FORM.fullmatch(text):
        return None
    try:
        values = parse_qs(text, keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return None
    return {name: found[0] for name, found in values.items()} if all(len(found) == 1 for found in values.values()) else None


def _cookies(headers: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """The cookies that are set. One of absurd length is passed over: reading it may take its length squared."""
    found: dict[str, str] = {}
    lines = [value for name, value in headers if name.lower() == "set-cookie" and len(value) <= LONGEST_COOKIE]
    for value in lines[:MOST_COOKIES]:
        try:
            found |= {key: morsel.value for key, morsel in SimpleCookie(value).items()}
        except CookieError:
            continue
    return found


def _charset(response: TaskResponse) -> str:
    """The encoding that the answer names, if it is one of text; else UTF-8."""
    said = _CHARSET.search((response.header("content-type") or "")[:1000])
    if said is None:
        return "utf-8"
    try:
        name = codecs.lookup(said[1] or said[2]).name
    except (LookupError, ValueError):
        return "utf-8"
    return name if _CHARSETS.fullmatch(name) else "utf-8"


def _xml_or_null(body: bytes) -> Any:
    """Local names; attributes as `@name`, repeated elements as a list, text of an element with both as `#text`. No DTD."""
    from xml.etree.ElementTree import ParseError, TreeBuilder, XMLParser

    class NoDoctype(TreeBuilder):
        def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
            raise ParseError("no DTD")

    if len(body) > LARGEST or body.count(b"<") > MOST_VALUES or body.lstrip()[:1] != b"<":
        return None
    try:
        parser = XMLParser(target=NoDoctype())  # noqa: S314 - as above: no DTD means no entities
        parser.feed(body)
        root = parser.close()
        return {_local(root.tag): _element(root, 0)}
    except (ParseError, RecursionError, ValueError, LookupError):
        return None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _element(node: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise ValueError("too deep")
    members: dict[str, Any] = {f"@{_local(name)}": value for name, value in node.attrib.items()}
    for child in node:
        name, value = _local(child.tag), _element(child, depth + 1)
        if name not in members:
            members[name] = value
        elif isinstance(members[name], list):
            members[name].append(value)
        else:
            members[name] = [members[name], value]
    text = (node.text or "").strip()
    if not members:
        return text
    return {**members, "#text": text} if text else members
