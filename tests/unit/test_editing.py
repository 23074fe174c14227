"""Editing one key of a text: the change, the whole change, and nothing but the change."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from authweave.documents import parse_document
from authweave.documents.yaml_scanner import PythonParser
from authweave.editing import changed_lines, edited, removed, renamed
from authweave.editing.change import is_same
from authweave.editing.json_spans import json_span
from authweave.editing.yaml_spans import yaml_span
from authweave.errors import EditRefused
from thorough import every

PROFILE = """\
# yaml-language-server: $schema=../schemas/auth-profile.schema.json
format: 1
name: acme   # = file name

auth:
  type: oauth2
  token_url: "https://acme.example/token"   # v2
  client_auth: client_secret_basic\t# as the form says
  scopes: [read, 'write']   # two
  # what comes next is for the API
  fields:
  - {in: header, key: X-A, value: 'a'}
  # between
  - in: header   # block
    key: X-B
    value: "b"

servers: [ 'https://api.acme.example' ]  # one
...
"""


def parsed(text, *, is_json=False):
    document = parse_document(text, "t", json=is_json)
    assert not document.problems, (text, document.problems)
    return document.data


# ---- by example


def test_a_value_is_replaced_where_it_stands():
    """Only the characters of the value change; comments, tabs and quotes around it stay."""
    text = edited(PROFILE, ("auth", "client_auth"), "client_secret_post")

    assert text == PROFILE.replace("client_secret_basic", "client_secret_post")


@every(
    "path, value, old, new",
    [
        (("auth", "token_url"), "https://acme.example/v3", '"https://acme.example/token"', '"https://acme.example/v3"'),
        (("auth", "scopes", 1), "it's", "'write'", "'it''s'"),
        (("auth", "scopes", 0), "a, b", "[read,", "['a, b',"),
        (("auth", "scopes"), ["a", "b"], "[read, 'write']", "[a, b]"),
        (("auth", "fields", 0, "value"), "Token {{ x }}", "'a'", "'Token {{ x }}'"),
        (("auth", "fields", 1, "value"), 'say "so"', '"b"', '"say \\"so\\""'),
        (("auth", "fields", 1, "key"), "X: B", "X-B", "'X: B'"),
        (("name",), "true", "acme ", "'true' "),
        (("name",), "no", "acme ", "'no' "),
        (("name",), "2024-01-18", "acme ", "'2024-01-18' "),
        (("name",), "two\nlines", "acme ", '"two\\nlines" '),
        (("format",), 2, "format: 1", "format: 2"),
    ],
)
def test_quotes_stay_what_they_were(path, value, old, new):
    """A text is quoted as the one that it replaces, unless it cannot be."""
    assert edited(PROFILE, path, value) == PROFILE.replace(old, new, 1)


@every(
    "path, value, order, old, new",
    [
        (("auth", "basic_encoding"), "raw", ["client_auth", "basic_encoding"], "says\n", "says\n  basic_encoding: raw\n"),
        (("auth", "audience"), "crm", [], '    value: "b"\n', '    value: "b"\n  audience: crm\n'),
        (("auth", "token_request", "encoding"), "json", ["scopes", "token_request"], "# two\n", "# two\n  token_request: {encoding: json}\n"),
        (("auth", "scopes", 2), "more", [], "'write']", "'write', more]"),
        (("auth", "fields", 2), {"in": "query", "key": "k", "value": "v"}, [], '"b"\n', '"b"\n  - in: query\n    key: k\n    value: v\n'),
        (("auth", "fields", 0, "optional"), True, [], "value: 'a'}", "value: 'a', optional: true}"),
        (("auth", "fields", 1, "optional"), True, [], '"b"\n', '"b"\n    optional: true\n'),
        (("test", "request", "url"), "/me", [], "# one\n", "# one\ntest:\n  request:\n    url: /me\n"),
    ],
)
def test_a_new_key_is_written_as_its_neighbours_are(path, value, order, old, new):
    """On a line of its own with their indentation, or inside their brackets; after the key that `order` puts before it."""
    assert edited(PROFILE, path, value, order=order) == PROFILE.replace(old, new, 1)


def test_lines_end_as_they_did():
    """A text with CRLF gets a new line with CRLF, and nothing else."""
    text = PROFILE.replace("\n", "\r\n")

    made = edited(text, ("auth", "audience"), "crm")

    assert made == text.replace('"b"\r\n', '"b"\r\n  audience: crm\r\n')


@every(
    "text, path, value, made",
    [
        ("a:\nb: 1\n", ("a",), "x", "a: x\nb: 1\n"),
        ("a:   # none yet\nb: 1", ("a", "c"), 2, "a: {c: 2}   # none yet\nb: 1"),
        ("a: {}\n", ("a", "b"), "c", "a: {b: c}\n"),
        ("a: []\n", ("a", 0), "c", "a: [c]\n"),
        ("a: |  # long\n  one\n  two\n\nb: 1\n", ("a",), "short", "a: short  # long\n\nb: 1\n"),
        ("a: |+\n  one\n\n", ("b",), 1, "a: |+\n  one\n\nb: 1\n"),
        ("a:  # why\n  b: 1  # last\n\nc: 2\n", ("a",), "text", "a: text  # why  # last\n\nc: 2\n"),
        ("a:\n- 1\n- 2  # two\nb: 3\n", ("a",), "no list", "a: no list  # two\nb: 3\n"),
        ("a: {\n  b: 1,  # one\n  c: 2   # two\n}\n", ("a", "d"), 3, "a: {\n  b: 1,  # one\n  c: 2,   # two\n  d: 3\n}\n"),
        ("a: {b: 1, }\n", ("a", "d"), 3, "a: {b: 1, d: 3 }\n"),
        ("a: 1", ("b",), 2, "a: 1\nb: 2"),
        ("'a': 'x'\n", ("b",), "y", "'a': 'x'\n'b': 'y'\n"),
        ("a: é # ü\n", ("b",), "ß", "a: é # ü\nb: ß\n"),
    ],
)
def test_corners_of_yaml(text, path, value, made):
    """What stands at the edges: nothing, comments, brackets over lines, block texts, a last line without an end."""
    result = edited(text, path, value)

    assert result == made


@every("indent", [None, 1, 2, "\t"])
def test_json_stays_json(indent):
    """In JSON a new member stands after a comma, with the line break and indentation of its neighbours; a value is replaced in its place."""
    data = {"name": "acme", "auth": {"type": "oauth2", "scopes": ["a", "b"]}}
    text = json.dumps(data, indent=indent)

    inserted = edited(text, ("auth", "audience"), "c\u00e4m", json=True)
    replaced = edited(text, ("auth", "scopes", 1), {"key": "x"}, json=True)

    assert inserted.replace('c\u00e4m', "cam") == json.dumps({**data, "auth": {**data["auth"], "audience": "cam"}}, indent=indent)
    assert replaced == text.replace('"b"', '{"key": "x"}')


def test_a_key_is_renamed_and_its_value_stays():
    """Renaming changes the key's own characters; the value keeps its quotes and its comment."""
    assert renamed(PROFILE, ("auth", "scopes"), "resource") == PROFILE.replace("  scopes:", "  resource:")
    assert renamed('{"a": 1}', ("a",), "b", json=True) == '{"b": 1}'


@every(
    "text, path, value",
    [
        ("a: &x 1\nb: *x\n", ("b",), 2),
        ("a: [1\n", ("a",), 2),
        ("a: text\n", ("a", "b"), 2),
        ("a: [1]\n", ("a", 5), 2),
        ("a: [1]\n", ("a", "b"), 2),
        ("a: 1\n", (), 2),
        ("a: 1\n", ("b",), "zero\u200bwidth"),
        ("a: 1\n", ("b", 3), 2),
    ],
)
def test_what_cannot_be_done_alone_is_refused(text, path, value):
    """A text that cannot be read, a path that leads nowhere, a value that no profile may hold: a typed error, no text."""
    with pytest.raises(EditRefused):
        edited(text, path, value)


@pytest.mark.parametrize(("path", "key"), [(("a",), "b"), (("z",), "y")])
def test_a_key_is_not_renamed_over_another(path, key):
    """Neither to a key that is there, nor one that is not."""
    with pytest.raises(EditRefused):
        renamed("a: 1\nb: 2\n", path, key)


@every(
    "text, path, made",
    [
        (PROFILE, ("auth", "client_auth"), PROFILE.replace("  client_auth: client_secret_basic\t# as the form says\n", "")),
        ("a: 1\nb: 2", ("b",), "a: 1\n"),
        ("a: 1\r\nb: 2", ("b",), "a: 1\r\n"),
        ("a: {b: 1, c: 2}\n", ("a", "b"), "a: {c: 2}\n"),
        ("a: {b: 1, c: 2}\n", ("a", "c"), "a: {b: 1}\n"),
        ("a: {b: 1}\n", ("a", "b"), "a: {}\n"),
    ],
)
def test_a_key_is_taken_out_with_its_line(text, path, made):
    """In a block its line goes, in brackets its comma."""
    assert removed(text, path) == made


@every("text, path", [("a: {b: 1}", ("c",)), ("a: [1]", ("a", 0)), ("a:\n- b: 1\n  c: 2\n", ("a", 0, "b")), ("a: 1", ())])
def test_what_cannot_be_taken_out_alone_stays(text, path):
    """What is not there, an item of a list, and a key that shares its line with a dash."""
    with pytest.raises(EditRefused):
        removed(text, path)


def test_the_lines_of_a_change():
    """The lines that were and those that are, from the first one that differs to the last."""
    lines = changed_lines("a\nb\nc\n", "a\nB\nx\nc\n")

    assert (2, ("b",), ("B", "x")) == (lines.number, lines.old, lines.new)
    assert (2, (), ("b",)) == ((only := changed_lines("a\nc", "a\nb\nc")).number, only.old, only.new)


# ---- by property

WORDS = st.text(st.sampled_from("abz09 _-.:/#,[]{}'\"\\&*!|>%@`?~é漢😀\t"), max_size=12)
SCALARS = st.one_of(WORDS, st.sampled_from(["true", "null", "1.0", "client_secret_post", "Bearer {{ token }}", "", "a\nb", "line\n\n"]),
                    st.integers(-99, 99), st.booleans(), st.none(), st.floats(-9, 9, width=16))  # fmt: skip
KEYS = st.sampled_from(["type", "auth", "fields", "x-y", "a b", "scopes", "é", "true", "1", "k:k"])
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6)
TREES = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


class Written:
    """Writes data as YAML in ways that are drawn: blocks and brackets, quotes, comments, empty lines, widths."""

    def __init__(self, draw):
        self.draw = draw
        self.comments = []

    def flip(self, of=2):
        return self.draw(st.integers(0, of - 1)) == 0

    def comment(self):
        if not self.flip(3):
            return ""
        text = f"c{len(self.comments)}\t{self.draw(st.sampled_from(['', 'ü', ': x', '- y', '{', '#']))}"
        self.comments.append(text)
        return self.draw(st.sampled_from([" # ", "\t# ", "   #"])) + text

    def scalar(self, value, *, flow):
        if not isinstance(value, str):
            return json.dumps(value)
        plain = value and not flow and value.isascii() and value.replace(" ", "").replace("/", "").replace("_", "").isalnum() and value == value.strip()
        if plain and self.flip() and isinstance(parsed(f"a: {value}")["a"], str):
            return value
        if value.isprintable() and "\t" not in value and self.flip():
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=False)

    def key(self, key):
        return key if key.isidentifier() and key.isascii() and key != "true" and not self.flip(4) else json.dumps(key, ensure_ascii=False)

    def flow(self, value):
        if isinstance(value, dict):
            return "{" + self.draw(st.sampled_from(["", " "])) + ", ".join(f"{self.key(k)}: {self.flow(v)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(map(self.flow, value)) + self.draw(st.sampled_from(["", " ", ", "] if value else [""])) + "]"
        return self.scalar(value, flow=True)

    def below(self, value, indent):
        """What comes behind `key:` or `-`, lines included."""
        if isinstance(value, dict | list) and value and self.flip(3):
            return f" {self.flow(value)}{self.comment()}\n"
        if isinstance(value, dict | list) and value:
            deeper = indent + self.draw(st.integers(1, 3))
            return f"{self.comment()}\n{self.block(value, deeper)}"
        if isinstance(value, str) and value.endswith("\n") and len(value) > 1 and value.strip() and self.flip():
            lines = "".join(f"{' ' * (indent + 2)}{line}\n" if line else "\n" for line in value[:-1].split("\n"))
            return f" |{self.comment()}\n{lines}" if not value.endswith("\n\n") else f" |+\n{lines}"
        if value is None and self.flip():
            return f"{self.comment()}\n"
        return f" {self.flow(value)}{self.comment()}\n"

    def block(self, value, indent):
        pad, out = " " * indent, ""
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            if self.flip(5):
                self.comments.append(f"own {len(self.comments)}")
                out += f"{pad}# {self.comments[-1]}\n" + self.draw(st.sampled_from(["", "\n", "   \n"]))
            lead = f"{self.key(key)}:" if isinstance(value, dict) else "-"
            out += f"{pad}{lead}{self.below(member, indent)}"
        return out


@st.composite
def texts(draw):
    """A tree, and a text that holds it."""
    data = draw(TREES)
    writer = Written(draw)
    text = writer.block(data, 0)
    if draw(st.booleans()) and "|" not in text:
        text = text.removesuffix("\n")
    if draw(st.integers(0, 3)) == 0:
        text = text.replace("\n", "\r\n")
    document = parse_document(text, "t")
    assume(not document.problems and is_same(document.data, data))
    return data, text, writer.comments


@settings(max_examples=40)
@given(texts())
def test_both_parsers_see_everything_in_the_same_place(made):
    """libyaml and the parser in Python tell the same spans, so that an edit is the same on every machine."""
    _, text, _ = made

    assert yaml_span(text) == yaml_span(text, PythonParser)


def paths_in(value, path=()):
    if path:
        yield path
    for part, member in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths_in(member, (*path, part))


def put(data, path, value):
    copy = json.loads(json.dumps(data))
    holder = copy
    for part in path[:-1]:
        holder = holder[part]
    if isinstance(holder, list) and path[-1] == len(holder):
        holder.append(value)
    else:
        holder[path[-1]] = value
    return copy


def is_subsequence(part, whole):
    characters = iter(whole)
    return all(character in characters for character in part)


@settings(max_examples=80)
@given(texts(), st.data(), VALUES)
def test_whatever_is_replaced_all_else_stays(made, draw, value):
    """In front of the value and behind it the text is what it was; the data have that one change; no comment outside is lost."""
    data, text, comments = made
    path = draw.draw(st.sampled_from(list(paths_in(data))))

    result = edited(text, path, value)

    assert is_same(parsed(result), put(data, path, value))
    span = yaml_span(text).below(path)
    assert result.endswith(text[span.end :])
    if span.kind == "scalar" or span.style == "flow":
        assert result.startswith(text[: span.start])
        kept = text[: span.start] + text[span.end :]
        assert all(comment in result for comment in comments if comment in kept)


@settings(max_examples=80)
@given(texts(), st.data(), VALUES, st.sampled_from(["new", "new-er", "a new", "ä"]))
def test_whatever_is_inserted_nothing_is_taken_away(made, draw, value, key):
    """A new key or item leaves every character of the text in its order."""
    data, text, _ = made
    holders = [path for path in [(), *paths_in(data)] if isinstance(at(data, path), dict | list)]
    path = draw.draw(st.sampled_from(holders))
    holder = at(data, path)
    part = len(holder) if isinstance(holder, list) else key

    result = edited(text, (*path, part), value, order=list(KEYS.elements))

    assert is_same(parsed(result), put(data, (*path, part), value))
    assert is_subsequence(text, result)


@settings(max_examples=80)
@given(TREES, st.data(), VALUES, st.sampled_from([None, 0, 2, "\t"]))
def test_json_is_changed_in_its_place(data, draw, value, indent):
    """The same for JSON, in every layout."""
    text = json.dumps(data, indent=indent, ensure_ascii=draw.draw(st.booleans()))
    assume(not parse_document(text, "t", json=True).problems)
    path = draw.draw(st.sampled_from(list(paths_in(data))))

    result = edited(text, path, value, json=True)

    span = json_span(text).below(path)
    assert is_same(json.loads(result), put(data, path, value))
    assert result.startswith(text[: span.start])
    assert result.endswith(text[span.end :])


def at(data, path):
    for part in path:
        data = data[part]
    return data
