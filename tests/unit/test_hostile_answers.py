"""What an answer of a stranger's may make of our memory, stack and time, however it is read: each bound just kept, and just passed."""

from __future__ import annotations

import base64
import json

import pytest

from authweave.answers.jwt_parts import jwt_part
from authweave.answers.responses import (
    DEEPEST,
    LARGEST,
    LONGEST_COOKIE,
    MOST_COOKIES,
    MOST_VALUES,
    NotJson,
    parse_answer,
    response_scope,
)
from authweave.values import TaskResponse


def read(body: bytes, *headers: tuple[str, str]):
    return response_scope(TaskResponse(200, headers, body))


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return opening * depth + closing * depth


def test_json_within_its_bounds_is_read_and_beyond_them_is_not():
    """Depth, size, values, digits, size of a number, names twice, what is no number: refused in words that quote nothing of it."""
    fits = [nested(DEEPEST), nested(DEEPEST - 1, b'{"a":', b"}").replace(b":}", b":1}"), b"[" + b"1," * (MOST_VALUES - 2) + b"1]", b"1" * 308, b"-" + b"1" * 308, b'"' + b"x" * (LARGEST - 2) + b'"']
    wrong = [
        nested(DEEPEST + 2), nested(DEEPEST + 2, b'{"a":', b"}").replace(b":}", b":1}"), nested(9_000), nested(100_000), b"[" + b"1," * MOST_VALUES + b"1]", b"1" * 309, b"1e400", b"-1e400",
        b'{"a": 1, "a": 2}', b"NaN", b"Infinity", b"-Infinity", b'"' + b"x" * LARGEST + b'"', b"", b"\xff", b"{'a': 1}", b"[1] 2",
    ]  # fmt: skip
    told = []
    for body in wrong:
        with pytest.raises(NotJson) as caught:
            parse_answer(body)
        told.append(str(caught.value))
        assert read(body)["json"] is None

    assert [] == [body[:20] for body in fits if parse_answer(body) is None]
    assert [] == [words for words in told if "xxx" in words or "111" in words or len(words) > 90]


def test_xml_names_nothing_outside_and_is_bounded():
    """No DTD, so no entities; no document beyond depth and size."""
    declared = [
        b"<!DOCTYPE r><r>1</r>", b'<!DOCTYPE r [<!ENTITY a "aaaa">]><r>&a;</r>', b'<!DOCTYPE r SYSTEM "file:///etc/passwd"><r/>',
        b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/passwd">]><r>&a;</r>', nested(DEEPEST + 3, b"<a>", b"</a>"), nested(50_000, b"<a>", b"</a>"),
        b"<a>" + b"<b/>" * MOST_VALUES + b"</a>", b"<a>" + b"x" * LARGEST + b"</a>", b"<a>&nbsp;</a>", b"<a", b"x<a/>",
    ]  # fmt: skip

    assert [] == [body[:40] for body in declared if read(body)["xml"] is not None]
    assert {"r": {"@x": "1", "t": "a"}} == read(b'<r x="1"><n:t xmlns:n="u">a</n:t></r>')["xml"]


@pytest.mark.parametrize("name", ["punycode", "idna", "unicode_escape", "raw_unicode_escape", "rot13", "base64", "zlib", "undefined", "mbcs", "nonsense", "utf-7", "x" * 5000])
def test_no_charset_but_of_texts(name):
    """Python has encodings that take for ever, that warn, or that are of no text: UTF-8 stands in for them."""
    assert "é\\u0041" == read("é\\u0041".encode(), ("Content-Type", f"text/plain; charset={name}"))["text"]


def test_cookies_and_forms_are_bounded():
    """A cookie of absurd length, thousands of them, and forms of thousands of fields."""
    many = [("Set-Cookie", f"c{number}=1") for number in range(MOST_COOKIES + 5)]
    form = ("Content-Type", "application/x-www-form-urlencoded")

    assert {"a": "1"} == dict(read(b"", ("Set-Cookie", "a=1"), ("Set-Cookie", "b=" + "x" * LONGEST_COOKIE))["cookies"])
    assert MOST_COOKIES == len(read(b"", *many)["cookies"])
    assert read(b"&".join(b"f=1" for _ in range(2_000)), form)["form"] is None
    assert read(b"a=" + b"x" * LARGEST, form)["form"] is None
    assert {"a": "1"} == json.loads(json.dumps(read(b"a=1", form)["form"]))


def test_a_part_of_a_jwt_is_read_up_to_a_length():
    """What people are told of a token costs no more for a long one."""
    def part(size: int) -> str:
        return base64.urlsafe_b64encode(json.dumps({"a": "x" * size}).encode()).decode().rstrip("=")

    assert (12_000, None) == (len((jwt_part(part(12_000)) or {})["a"]), jwt_part(part(13_000)))
