"""Documents of one thing repeated until the file is full, and of one thing that is as long as a file: each ends soon, and says what is wrong, where, and what would be right."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from test_hostile_documents import HEAD, NEVER, OAUTH
from test_hostile_templates import INTROSPECTION, SIZES, STATEMENTS

from authweave.binding import bind
from authweave.checking.document import Checked
from authweave.documents import MAX_BYTES
from authweave.errors import PatternError, TemplateSyntax
from authweave.loading import check_text
from authweave.patterns import compile_pattern, searching
from authweave.templates import compile_template
from authweave.urls import compile_url

FULL = MAX_BYTES - 4096
CPU = 4.0
"""Seconds, four times what is promised: a busy machine has cold caches."""

IN_YAML = {
    "items": "- ", "item lines": "-\n", "keys asked for": "? ", "key lines": "?\n", "colons": ": ", "bare colons": ":", "braces": "{", "brackets": "[", "both": "[{", "maps in maps": "{a: ",
    "maps in lists": "[a: ", "quotes": '"', "single quotes": "'", "backslashes": "\\", "literals": "|\n", "folds": ">\n", "anchors": "&a ", "aliases": "*a ", "tags": "! ", "bangs": "!", "percents": "%",
    "directives": "%YAML 1.2\n", "tag directives": "%TAG ! tag:x,2:\n", "hashes": "#", "comments": "#\n", "documents": "---\n", "ends": "...\n", "tabs": "\t", "tab lines": "\t\n", "blanks": " ",
    "line feeds": "\n", "returns": "\r", "CRLF": "\r\n", "next lines": "\x85", "line separators": "\u2028", "commas": ",", "closed braces": "}", "at signs": "@", "backticks": "`", "marks of order": "\ufeff",
    "quoted texts": '"a" ', "pairs": "a: b\n", "asked pairs": "? a\n: b\n", "values without keys": ": b\n", "lists": "[],", "pairs in lists": "[? a : b, ", "escapes": '"\\x', "empty keys": '"": ', "emoji": "\U0001f600",
    "letters": "a", "words": "a ", "lines": "a\n", "lines apart": "a\n\n", "merge keys": "<<: {a: b}\n", "quote lines": '"\n', "templates": "{{ a }}", "template keys": "{{ a }}: b\n", "template values": "k: {{ a }}\n",
    "templates in lists": "[{{ a }}, ", "zeros": "0", "minus": "-", "plus": "+", "dots": ".", "exponents": "1e", "underscores": "_1", "hexadecimal": "0x", "octal": "0o7", "marks": "\u0301", "bidi": "\u202e", "NUL": "\0",
}  # fmt: skip
IN_JSON = {
    "brackets": "[", "maps": '{"a":', "braces": "{", "quotes": '"', "escapes": '"\\', "code points": "\\u", "commas": ",", "colons": ":", "digits": "9", "minus": "-", "exponents": "1e", "blanks": " ", "line feeds": "\n",
    "nulls": "null", "truths": "true,", "no numbers": "NaN,", "texts": '"a",', "pairs": '"a":1,', "lists": "[],", "objects": "{},", "halves": "\\ud800", "comments": "//", "long comments": "/*", "marks of order": "\ufeff", "NUL": "\0",
    "single quotes": "'", "hexadecimal": "0x", "plus": "+", "dots": ".", "pairs of halves": "\\ud83d\\ude00", "bidi": "\\u202e",
}  # fmt: skip
LONG = {
    "near names": HEAD + "inputs: {" + ",".join(f"tenant_name_{n:05d}: {{}}" for n in range(3000)) + "}\nfields: [" + ",".join(f"{{in: header, key: a{n}, value: '{{{{ inputs.tenant_nmae_{n:05d} }}}}'}}" for n in range(900)) + "]\n",
    "near keys": HEAD + "".join("identity_provide" + "r" * 230 + f"{n}: v\n" for n in range(800)), "a near type": HEAD.replace("bearer", "bearer" * 30_000), "a near grant": OAUTH.replace("client_credentials", "client_credential" + "s" * 200_000),
    "a near function": HEAD + "fields: [{in: header, key: a, value: '{{ " + "lowe" * 3000 + "(1) }}'}]\n", "a number": HEAD + "x-a: " + "9" * 240_000, "a sexagesimal": HEAD + "x-a: " + "1:" * 100_000,
    "a date": HEAD + "x-a: " + "2024-" * 48_000, "bad numbers": HEAD + "x-a: [" + "1e309, " * 19_000 + "]", "hexadecimal numbers": HEAD + "x-a: [" + ("0x" + "f" * 390 + ", ") * 600 + "]",
    "numbers as keys": HEAD + "x-a: {" + "1: b, " * 40_000 + "}", "lists as keys": HEAD + "x-a: {" + "? [a] : b, " * 20_000 + "}", "a set": HEAD + "x-a: !!set {" + "? a, " * 40_000 + "}", "a key of 1025": HEAD + '"' + "a" * 1025 + '": b\n',
    "a parent": HEAD + "extends: " + "a" * 100_000 + "\n", "a parent's version": HEAD + "extends: a@" + "1." * 100_000 + "\n", "itself": HEAD + "extends: a\n", "a default that no pattern takes": HEAD + "inputs:\n  i: {pattern: '(a|aa)+b', default: '" + "a" * 200_000 + "'}\n",
    "an enum that no pattern takes": HEAD + "inputs:\n  i: {pattern: '(a|aa)+b', enum: [" + ",".join("a" * 100 + str(n) for n in range(2000)) + "]}\n", "a default in a wide pattern": HEAD + "inputs:\n  i: {pattern: '(?:[a-z]?){500}[0-9]{900}', default: '" + "a1" * 50_000 + "'}\n",
    **{f"a default as {form}": HEAD + f"inputs:\n  i: {{format: {form}, default: '{text * (200_000 // len(text))}@'}}\n" for form, text in (("url", "https://a."), ("hostname", "a-"), ("email", "a."), ("uuid", "a-"))},
    **{f"a default of {kind}": HEAD + f"inputs:\n  i: {{type: {kind}, default: '{text * (200_000 // len(text))}'}}\n" for kind, text in (("json", "["), ("list", "a,"), ("integer", "9"), ("number", "1e"), ("pem", "-----BEGIN A----- "), ("pkcs12", "A"), ("boolean", "true"))},
    "xml of elements": OAUTH + "  token_request: {content: '" + "<a>" * 5000 + "{{ inputs.client_id }}', encoding: xml}\n", "xml of quotes": OAUTH + "  token_request: {encoding: xml, content: '<a " + 'b="' * 4000 + "{{ inputs.client_id }}'}\n",
    "xml of tags": OAUTH + "  token_request: {encoding: xml, content: '" + "<" * 15_000 + "{{ inputs.client_id }}'}\n", "xml of sections": OAUTH + "  token_request: {encoding: xml, content: '" + "<![CDATA[" * 1500 + "{{ inputs.client_id }}'}\n",
    "a media type": OAUTH + "  token_request: {content_type: 'a/b" + '; a="\\\\' * 4000 + "', content: x}\n", "a pointer": OAUTH + "  token_request: {encoding: json, fields: [{key: '" + "/a" * 100_000 + "', value: x}]}\n",
    "steps of one name": OAUTH + "  before: [" + ",".join("{name: s, request: {url: 'https://a.example/'}}" for _ in range(2500)) + "]\n", "kept values": OAUTH + "  token_response: {keep: {" + ",".join(f"k{n}: '{{{{ response.json.k{n} }}}}'" for n in range(990)) + "}}\n",
    "kept patterns": OAUTH + "  token_response: {keep: {" + ",".join(f"k{n}: {{value: '{{{{ response.json.k }}}}', pattern: '[a-z]{{1,500}}{n}'}}" for n in range(900)) + "}}\n", "what is left out": OAUTH + "  token_request: {omit: [" + ",".join("k" for _ in range(18_000)) + "]}\n",
    "scopes that are the same": OAUTH + "  scopes: [" + ",".join("s" for _ in range(19_000)) + "]\n", "conditions": HEAD + "test: {request: {url: /}, accepted_when: [" + ",".join(f"{{status: [{100 + n % 400}]}}" for n in range(5000)) + "]}\n",
    **{f"a host of {name}": HEAD.replace("https://a.example", text) for name, text in {
        "letters": "https://" + "é" * 60_000 + ".example", "punycode": "https://xn--" + "a" * 60_000 + ".example", "labels": "https://" + "a." * 60_000 + "example", "colons": "https://[" + ":" * 60_000 + "]", "a port": "https://a.example:" + "9" * 60_000,
        "users": "https://" + "a@" * 60_000 + "a.example", "dots": "https://a.example/" + "../" * 60_000, "braces": "https://a.example/" + "{" * 60_000, "templates": "https://" + "{{ inputs.a }}." * 900 + "example",
    }.items()},
}  # fmt: skip


def floods() -> Iterator[tuple[str, str, str]]:
    """What it is, the text, and what the file is called."""
    for units, starts, source in ((IN_YAML, ("", "a: ", 'a: "', "a: '", "a: [", "a:\n  "), "a.yaml"), (IN_JSON, ("", "[", '"', '{"a":', '{"format":1,"x-a":["'), "a.json")):
        for name, unit in units.items():
            for start in starts:
                yield f"{name} after {start!r} in {source}", start + unit * ((FULL - len(start)) // len(unit.encode())), source
    for name, text in LONG.items():
        yield name, text, "a.yaml"


def looked_at(text: str, source: str) -> tuple[Checked, float]:
    began = time.thread_time()
    checked = check_text(text, source)
    if checked.is_valid:
        bind(checked)
    return checked, time.thread_time() - began


def wrong_with(cases: list[tuple[str, str, str]]) -> list[tuple[object, ...]]:
    """What takes long, and problems without a place or a fix, too long to be read, or not to be shown."""
    found: list[tuple[object, ...]] = []
    for name, text, source in cases:
        checked, took = looked_at(text, source)
        words = list(map(str, checked.problems))
        if took > CPU or len(words) > 101 or any(len(one) > 2500 or not one.isprintable() for one in words):
            found.append((name, took, len(words)))
        found += [(name, str(problem)[:200]) for problem in checked.problems if problem.mark is None or not (problem.fix or problem.severity == "info")][:1]
    return found


def test_a_few_floods_end_soon() -> None:
    """One in twenty, and all that are made of braces: libyaml takes the square of their depth."""
    every = list(floods())

    assert len(every) > 550
    assert wrong_with([case for number, case in enumerate(every) if number % 20 == 7 or case[0].startswith("braces after 'a: ")]) == []


@pytest.mark.thorough
def test_every_flood_ends_soon() -> None:
    """All of them."""
    assert wrong_with(list(floods())) == []


def test_whatever_a_template_is_refused_for_something_would_be_right() -> None:
    """Each refusal of a template, of a URL and of a pattern says what to write instead."""
    silent = []
    for text in (*INTROSPECTION, *STATEMENTS, *SIZES):
        try:
            compile_template(text)
        except TemplateSyntax as refused:
            silent += [] if refused.fix else [text[:80]]
    for url in (
        "", "a", "//a", "https://", "https:///x", "https://a b", "https://a\\b", "https://a/#x", "https://a@b/", "https://é.example", "https://{a}.example", "https://*/", "https://a.*.example", "https://a:0/", "https://a:x/", "https://a:99999/",
        "https://[::1", "https://[::g]/", "https://[fe80::1%25eth0]/", "https://1.2.3/", "https://0x7f.1/", "https://a..b/", "https://-a.example/", "http://a.example/", "ftp://a.example/", "javascript:1", "https://a/..", "https://a/%2e%2e/", "https://a/{", "https://a/%zz", "https://a/\x00", "https://a/é",
        "{{ inputs.a }}x", "https://{{ inputs.a }}:{{ inputs.b }}0/", "https://a/?{", "https://a.example:/", "https://" + "a" * 300 + ".example/", "{{ inputs.a }}://a.example/", "https://{{ inputs.a }}@b.example/",
    ):  # fmt: skip
        for wildcard in (True, False):
            try:
                compile_url(url, wildcard=wildcard)
            except TemplateSyntax as refused:
                silent += [] if refused.fix else [url[:80]]
    for pattern in NEVER:
        for read in (compile_pattern, searching):
            try:
                read(pattern)
            except PatternError as why:
                silent += [] if why.fix else [pattern[:80]]

    assert silent == []
