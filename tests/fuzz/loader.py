"""Profile documents: YAML or JSON → data → parents → schema → templates → rules → Profile. `python tests/fuzz/loader.py --seconds 60`.

An input is one document, or several: what follows a line `#### name` is the file of that name, which `extends` may ask for.
What begins with `{` is read as JSON, too. The oracles: every outcome is a Profile or a list of problems, each with its place; the two
languages and Python's own JSON agree; what is valid is valid once more when it is written out as data; no value of a secret place is told.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Hashable, Iterable, Iterator
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import yaml
from fuzz_target import Target, bug, planted

from authweave.binding import bind
from authweave.checking.document import Checked
from authweave.checking.document import check as checked_of
from authweave.documents import parse_document
from authweave.extensions.catalog import Catalog
from authweave.inheritance import merging as inheritance
from authweave.profile import Profile
from authweave.values import Document, Problem

SECRET = "pl4nted-S3cret-0f-a-profile"
ROOT = Path(__file__).resolve().parents[2]
_DIVIDER = re.compile(rb"^#### ([a-z0-9-]{1,40})(\.json)?$", re.MULTILINE)
_SECRET_KEYS = frozenset({"client_secret", "password", "private_key", "passphrase", "signing_key", "secret_key", "api_key", "token", "refresh_token", "secret_access_key", "consumer_secret"})
_WHOLE_FILE = frozenset({"document.too_large", "document.unreadable"})
"""Problems of a file as such: they have no line."""


@cache
def _catalog() -> Catalog:
    return Catalog(installed=False)


def check(data: bytes) -> Hashable:
    """A document ends as a Profile, or as problems that say where."""
    first, *others = _files(data)
    document = _read(*first)
    parents = {name: (content, is_json) for name, content, is_json in others}
    cache_of: dict[str, Document] = {}

    def find(name: str, _: Document) -> Document | None:
        if name not in cache_of and name in parents:
            cache_of[name] = _read(name, *parents[name])
        return cache_of.get(name)

    checked = checked_of(document, _catalog(), find)
    texts = {f"<{name}>": content.decode("utf-8", "replace") for name, content, _ in (first, *others)}
    for problem in checked.problems:
        _check_problem(problem, texts)
    _check_secret(checked, data)
    if checked.is_valid:
        _check_profile(bind(checked), checked)
    return first[2], checked.is_valid, tuple(sorted({problem.rule for problem in checked.problems}))[:3]


def _files(data: bytes) -> list[tuple[str, bytes, bool]]:
    parts = _DIVIDER.split(data)
    files = [("fuzz", parts[0], parts[0].lstrip()[:1] == b"{")]
    return files + [(parts[at].decode(), parts[at + 2], parts[at + 1] is not None) for at in range(1, len(parts), 3)]


def _read(name: str, content: bytes, is_json: bool) -> Document:
    document = parse_document(content, f"<{name}>", json=is_json)
    _check_document(document)
    if is_json:
        _check_json(document, content)
    return document


def _check_document(document: Document) -> None:
    """Plain data with places inside the text; problems where there is no data."""
    if document.data is None and not document.problems:
        bug("a document without data and without a problem")
    if not _is_plain(document.data):
        bug("a document holds something that is no plain data")
    if document.problems:
        return  # what could not be read has places, too
    lines = document.text.count("\n") + len(re.findall("[\r\u2028\u2029\x85]", document.text)) + 1
    for marks in (document.marks, document.key_marks):
        for path, mark in marks.items():
            if not 1 <= mark.line <= lines + 1 or mark.column < 1:
                bug("a mark lies outside of the text")
            if "?" not in path and not _has(document.data, path):  # `?` stands for a key that is not shown
                bug("a mark of something that is not there")


def _is_plain(data: Any) -> bool:
    if isinstance(data, dict):
        return type(data) is dict and all(type(key) is str and _is_plain(value) for key, value in data.items())
    if isinstance(data, list):
        return type(data) is list and all(map(_is_plain, data))
    return type(data) in (str, int, float, bool, type(None)) and not (type(data) is float and data != data)


def _has(data: Any, path: tuple[str | int, ...]) -> bool:
    for part in path:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _check_json(document: Document, content: bytes) -> None:
    """What is read as JSON is what Python reads; and, read as YAML, it is the same, if YAML has no word against it."""
    if document.problems:
        return
    try:
        expected = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        bug("JSON is read that Python does not read")
    if repr(expected) != repr(document.data):
        bug("JSON is read otherwise than by Python")
    as_yaml = parse_document(content, "<yaml>")
    if not as_yaml.problems and repr(as_yaml.data) != repr(document.data):
        bug("JSON is other data when it is read as YAML")


def _check_problem(problem: Problem, texts: dict[str, str]) -> None:
    if not problem.rule or not problem.message or problem.severity not in ("error", "warning", "info"):
        bug("a problem without its rule or words")
    if problem.source not in texts:
        bug(f"a problem of a file that is not there ({problem.rule})")
    if problem.mark is None and problem.rule not in _WHOLE_FILE:
        bug(f"a problem without a place ({problem.rule})")
    text = texts[problem.source]
    if problem.mark and problem.mark.line > len(re.split("\r\n|[\n\r\x85\u2028\u2029]", text)) + 1:
        bug(f"a problem outside of its file ({problem.rule})")
    if len(str(problem)) > 3000:
        bug(f"a problem of more than 3,000 characters ({problem.rule})")
    if any(not char.isprintable() for char in str(problem)):
        bug(f"a problem holds a character that moves a cursor or hides ({problem.rule})")


def _check_secret(checked: Checked, data: bytes) -> None:
    """Where the planted secret stands at secret places only, no problem tells it."""
    if SECRET.encode() not in data:
        return
    places = list(_places(checked.document.data, ""))
    if not places or data.count(SECRET.encode()) != len(places) or not set(places) <= _SECRET_KEYS:
        return
    for problem in checked.problems:
        if SECRET in f"{problem} {problem.as_dict()}":
            bug(f"a problem tells the secret ({problem.rule})")


def _places(data: Any, key: str) -> Iterator[str]:
    if isinstance(data, dict):
        for name, value in data.items():
            yield from _places(value, name)
            if SECRET in name:
                yield ""
    elif isinstance(data, list):
        for value in data:
            yield from _places(value, key)
    elif data == SECRET:
        yield key
    elif SECRET in str(data):
        yield ""


def _check_profile(profile: Profile, checked: Checked) -> None:
    """A valid document is a Profile, and what it resolves to says the same again."""
    if not profile.variants or profile.name != checked.full["name"]:
        bug("a profile that is not what its document says")
    repr(profile), hash(profile.name)
    try:
        text = json.dumps(checked.data)
    except (ValueError, TypeError):
        bug("the data of a valid profile cannot be written")
    if len(text) > 200_000 or "extends" in checked.data:
        return
    again = checked_of(parse_document(text, "<again>", json=True), _catalog(), lambda name, child: None)
    if not again.is_valid:
        wrong = next(problem for problem in again.problems if problem.severity == "error")
        bug(f"a valid profile, written as JSON, is not valid any more ({wrong.rule})")
    if repr(again.full) != repr(checked.full):
        bug("a valid profile, written as JSON, says something else")


# Inputs


_SCALARS: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, 1e308, 2**64, 10**30, "", " ", "~", "yes", "0123", "1e3", "0x1F", "é", "\U0001f40e", "a\nb", "a: b", "- x", "#", "'", '"', "{{ inputs.x }}", "{{ token.access_token }}", "{{ inputs.client_secret }}", "{{ kept.a }}",
    "{{", "{% if 1 %}", "{{ inputs.x | upper }}", "https://api.acme.example", "https://{{ inputs.tenant }}.acme.example/{key}", "http://127.0.0.1:8080", "https://*.acme.example", "//x", "https://user:pw@h", "https://[::1]:0/", "https://xn--a.example",
    "oauth2", "basic", "api_key", "client_credentials", "authorization_code", "header", "query", "payload", "cookie", "path", "Authorization", "Host", "[a-z]+", "(a+)+$", "\\d{1,2000}", "(", SECRET, "acme", "acme@1.0", "fuzz", "2xx", 200, [200], [], {}, [[]], {"a": {}},
)  # fmt: skip
_KEYS = (
    "format", "name", "version", "identity_provider", "inputs", "servers", "auth", "fields", "test", "tests", "extends", "abstract", "vars", "tls", "type", "grant_type", "token_url", "refresh_url", "client_auth", "scopes", "key", "value", "in", "when", "secret",
    "pattern", "default", "enum", "required", "visibility", "optional", "on_conflict", "request", "method", "url", "content", "encoding", "response", "keep", "before", "after", "accepted_when", "rejected_when", "status", "rules", "message", "token_response",
    "token_request", "assertion", "claims", "signing_key", "algorithm", "discovery", "issuer", "registration", "callback", "authorization_url", "dpop", "client_secret", "client_id", "password", "x-note", "description", "subject", "username", "", "a.b", "0", "é",
)  # fmt: skip
_TEXT = (
    b"&a ", b"*a", b"!!python/object:x ", b"!t ", b"<<: *a", b"- ", b": ", b"? ", b"|\n  ", b">-\n  ", b"{", b"}", b"[", b"]", b"'", b'"', b"#", b"\n", b"\n---\n", b"\n...\n", b"%YAML 1.1\n---\n", b"\t", b"\x00", b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b"\xe2\x80\xae",
    b"\xed\xa0\x80", b"\xff", b"\r", b"\r\n", b"\\ud800", b"\\x00", b"&a [*a,*a]", b"2001-01-01", b"0o17", b".inf", b".nan", b"1_000", b"~", b"[" * 40, b"{a: " * 40, b"{{ inputs.x }}", b"'{{ inputs.x }}'", b"#### acme\n", b"extends: acme\n", b"format: 1\n", b"auth: {type: none}\n", b"\\u0000", b"1e999", b"-0.0", b"\x1b[31m",
)  # fmt: skip
_MOST_TREES = 0.75


@cache
def _starts() -> tuple[tuple[bytes, Any], ...]:
    """Valid profiles: the shipped ones, and the bad ones of the rules' tests, which reach each rule."""
    found = [*sorted((ROOT / "profiles").glob("*.yaml")), *sorted((ROOT / "tests" / "rules").rglob("*.yaml"))]
    texts = [path.read_bytes() for path in found]
    return tuple((text, tree) for text in texts if isinstance(tree := _tree(text), dict))


def _tree(text: bytes) -> Any:
    try:
        return yaml.load(_DIVIDER.split(text)[0], yaml.CSafeLoader)
    except Exception:  # noqa: BLE001 - what is no YAML is mutated as text
        return None


def mutate(data: bytes, chance: Random) -> bytes | None:
    """An edit of the tree (keys swapped, doubled, taken out, scalars made nasty), of the text, or a parent beneath it."""
    deed = chance.random()
    if deed < 0.02:
        return chance.choice(_starts())[0]
    if deed < 0.1 and b"####" not in data:
        return _with_parent(data, chance)
    if deed < _MOST_TREES and isinstance(tree := _tree(data), dict):
        for _ in range(chance.randint(1, 4)):
            tree = _edited(tree, chance, 0)
        rest = b"".join(data[found.start() :] for found in [_DIVIDER.search(data)] if found)
        return _written(tree, chance) + rest
    at = chance.randrange(len(data) + 1)
    if deed < 0.9:
        return data[:at] + chance.choice(_TEXT) + data[at:]
    lines = data.split(b"\n")
    line = chance.randrange(len(lines))
    lines[line:line] = [lines[chance.randrange(len(lines))]] if chance.random() < 0.6 else []
    lines[line] = b" " * chance.randint(0, 4) + lines[line].lstrip() if chance.random() < 0.5 else lines[line]
    return b"\n".join(lines)


def _with_parent(data: bytes, chance: Random) -> bytes:
    parent = re.sub(rb"(?m)^name:.*$", b"name: acme", chance.choice(_starts())[0])
    version = chance.choice((b"", b"@1.0", b"@1", b"@9"))
    return b"extends: acme" + version + b"\n" + data.removesuffix(b"\n") + b"\n#### acme\n" + parent


def _written(tree: Any, chance: Random) -> bytes:
    try:
        if chance.random() < 0.35:
            return json.dumps(tree, indent=chance.choice((None, 1)), ensure_ascii=chance.random() < 0.7).encode("utf-8", "surrogatepass")
        style = chance.choice((None, True, False))
        return yaml.dump(tree, Dumper=yaml.CSafeDumper, default_flow_style=style, allow_unicode=True, sort_keys=False, width=200).encode("utf-8", "replace")
    except (yaml.YAMLError, ValueError, RecursionError, TypeError):
        return b"{}"


def _edited(tree: Any, chance: Random, depth: int) -> Any:
    if isinstance(tree, dict) and tree and (depth < 1 or chance.random() < 0.75):
        key = chance.choice(list(tree))
        deed = chance.randrange(10)
        if deed == 0:
            return {other: value for other, value in tree.items() if other != key}
        if deed == 1:
            return {(chance.choice(_KEYS) if other == key else other): value for other, value in tree.items()}
        if deed == 2:
            return {**tree, chance.choice(_KEYS): _new(chance)}
        if deed == 3:
            other = chance.choice(list(tree))
            return {**tree, key: tree[other], other: tree[key]}
        return {**tree, key: _edited(tree[key], chance, depth + 1)}
    if isinstance(tree, list) and tree and chance.random() < 0.8:
        at = chance.randrange(len(tree))
        deed = chance.randrange(6)
        if deed == 0:
            return tree[:at] + tree[at + 1 :]
        if deed == 1:
            return [*tree, tree[at]]
        return [*tree[:at], _edited(tree[at], chance, depth + 1), *tree[at + 1 :]]
    return chance.choice((_new(chance), [tree], {chance.choice(_KEYS): tree}))


def _new(chance: Random) -> Any:
    if chance.random() < 0.3:
        tree = chance.choice(_starts())[1]
        for _ in range(chance.randint(1, 4)):  # a part of another profile
            if isinstance(tree, dict) and tree:
                tree = chance.choice(list(tree.values()))
            elif isinstance(tree, list) and tree:
                tree = chance.choice(tree)
        return tree
    return chance.choice(_SCALARS)


_BY_HAND = (
    b"", b"{}", b"[]", b"a", b"&a [*a]", b"format: 1\nname: fuzz\nidentity_provider: Acme\nservers: ['https://a.example']\nauth: {type: basic, password: " + SECRET.encode() + b"}\n",
    b'{"format": 1, "name": "fuzz", "identity_provider": "A", "auth": {"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://a.example/t", "client_secret": "' + SECRET.encode() + b'"}}',
    b"extends: acme\nname: fuzz\nauth: {scopes: [a]}\n#### acme\nformat: 1\nname: acme\nversion: 1.0.0\nidentity_provider: Acme\nauth: {type: oauth2, grant_type: client_credentials, token_url: 'https://a.example/t', scopes: [b, c]}\n",
    b"extends: a\nname: fuzz\n#### a\nname: a\nextends: b\n#### b\nname: b\nextends: a\n",
)  # fmt: skip


def seeds() -> Iterable[bytes]:
    """Shipped profiles, the rules' good and bad documents, and some by hand."""
    yield from _BY_HAND
    yield from (text for text, _ in _starts() if len(text) < 4000)


def plant() -> AbstractContextManager[None]:
    """A parent's `auth` is looked into as if it could only be a map."""

    def hasty(parent: Any, child: Any) -> bool:
        return parent is None or any(key in child and child[key] != parent.get(key) for key in ("type", "grant_type"))

    return planted(inheritance, "_is_other_auth", hasty)


TARGET = Target(
    name="loader",
    modules=(
        "authweave.documents", "authweave.inheritance.merging", "authweave.inheritance.pruning", "authweave.inheritance.references", "authweave.schema", "authweave.checking.document", "authweave.checking.compiling",
        "authweave.checking.defaults", "authweave.checking.sites", "authweave.checking.parts", "authweave.checking.secrecy", "authweave.rules", "authweave.binding", "authweave.urls.template",
    ),
    check=check,
    seeds=seeds,
    mutate=mutate,
    words=(*_TEXT, *(key.encode() for key in _KEYS if key)),
    plant=plant,
    planted="a parent's `auth` is looked into as if it were always a map (it may be a list of variants)",
    longest=16_000,
    found=("the name of an input that hides a character stood as it was in `did you mean …?` (input.undeclared)",),
)  # fmt: skip

if __name__ == "__main__":
    from fuzzing import command

    sys.exit(command(TARGET))
