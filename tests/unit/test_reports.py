"""One report value, two formats: a page that fits its terminal, and JSON as its schema says."""

import io
import json
import re
from dataclasses import fields, is_dataclass, replace
from typing import get_args, get_type_hints

import pytest
from jsonschema import Draft202012Validator

import sockets
from authweave import report as values
from authweave.extensions.catalog import default_catalog
from authweave.report import Report
from authweave.reports.json import JsonReport
from authweave.reports.page import Page, cells, wrapped
from authweave.reports.text import TextReport
from authweave.resources import schema_file
from probing import ACCEPTS, GIVES_TOKEN, oauth, report_of, run, says_json, written
from sockets import answers
from thorough import every

SCHEMA = json.loads((schema_file("test-report")).read_text())
WIDE = "デバイスの認証に失敗しました。もう一度お試しください" * 3


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Reports of every kind: accepted, refused in wide characters, unreachable, invalid, renewed."""
    folder = tmp_path_factory.mktemp("profiles")
    return {
        "accepted": report_of(folder),
        "refused": report_of(folder, says_json({"error": "invalid_client", "error_description": WIDE}, 401)),
        "html": report_of(folder, answers(200, ("Content-Type", "text/html"), ("X-Long", "w" * 500), body=b"<html>")),
        "renewed": report_of(folder, api=answers(401, ("WWW-Authenticate", 'Bearer error="invalid_token"'), body=b"a\tb\n" + b"q" * 300)),
        "unreachable": run(written(folder, oauth(f"http://127.0.0.1:{sockets.free_port()}/t"))),
        "invalid": run(written(folder, {"type": "oauth2", "wrong": 1})),
        "missing": run(written(folder, oauth("https://a.invalid/t")), inputs={}),
    }


KINDS = ("accepted", "refused", "html", "renewed", "unreachable", "invalid", "missing")


def text_of(report, **page):
    return TextReport(lambda: Page(**page)).render(report)


@pytest.mark.parametrize("kind", KINDS)
@every("width", [20, 27, 40, 59, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(reports, kind, width):
    """Wide characters, long words, long paths: every line fits, with colour and without, in ASCII too."""
    for options in ({}, {"colour": True}, {"unicode": False}):
        for line in text_of(reports[kind], width=width, **options).splitlines():
            assert cells(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= width


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_to_a_narrow_terminal(reports, kind):
    """Wrapping drops no character but spaces."""
    wide, narrow = (text_of(reports[kind], width=width) for width in (2000, 40))
    notes = re.compile(r"\s|←|─")

    assert sorted(notes.sub("", wide)) == sorted(notes.sub("", narrow))


@pytest.mark.parametrize("kind", KINDS)
def test_colour_only_where_it_is_wanted(reports, kind):
    """Without colour there is no escape; with it the text is the same."""
    plain, coloured = (text_of(reports[kind], colour=colour) for colour in (False, True))

    assert "\x1b" not in plain
    assert plain == re.sub(r"\x1b\[[0-9;]*m", "", coloured)
    assert plain != coloured


@pytest.mark.parametrize("kind", KINDS)
def test_ascii_terminals(reports, kind):
    """A terminal that knows ASCII only gets ASCII only, and the marks stay told apart."""
    text = text_of(reports[kind], unicode=False)

    assert text.isascii()
    assert re.search(r"^ 1 [+x] load", text, re.MULTILINE)


class Stream(io.TextIOWrapper):
    """A stream that may be a terminal."""

    def __init__(self, encoding="utf-8", *, terminal=False):
        super().__init__(io.BytesIO(), encoding=encoding)
        self._terminal = terminal

    def isatty(self):
        return self._terminal


@every(
    "terminal, environ, colour",
    [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False), (True, {"NO_COLOR": ""}, True), (True, {"TERM": "dumb"}, False)],
)
def test_colour_of_a_stream(terminal, environ, colour):
    """Colour on a terminal only, and not with NO_COLOR or a dumb terminal."""
    assert colour == Page.for_stream(Stream(terminal=terminal), environ).colour


def test_characters_of_a_stream():
    """A stream that cannot write the marks gets ASCII."""
    assert [True, False, False] == [Page.for_stream(Stream(encoding), {}).unicode for encoding in ("utf-8", "ascii", "latin-1")]


def test_width_of_a_stream(monkeypatch):
    """COLUMNS counts; a pipe is 100 wide."""
    monkeypatch.setenv("COLUMNS", "57")

    assert (57, 100) == (Page.for_stream(Stream(terminal=True)).width, Page.for_stream(Stream(), {}).width)


def test_what_the_page_says(reports):
    """Numbered stages with marks and times, the three sections, the fix with its place, and the command to run again."""
    text = text_of(reports["refused"], width=2000)

    assert re.search(r"^ 1 ✓ load +\d+ ms  acme@0\.0\.0 of ", text, re.MULTILINE)
    assert re.search(r"^ 6 ✗ token call +\d+ ms  POST 401", text, re.MULTILINE)
    assert re.search(r"^ 7 – token parse$", text, re.MULTILINE)
    assert ["Headers", "Response", "Diagnosis"] == re.findall(r"^── (\w+) ─+$", text, re.MULTILINE)
    assert re.search(r"^    fix 1  auth\.basic_encoding \(.*acme\.json:\d+\): write `raw`", text, re.MULTILINE)
    assert re.search(r"^Again +authweave test .*acme\.json$", text, re.MULTILINE)
    assert re.search(r"scope = read write  ← auth\.scopes, line \d+$", text, re.MULTILINE)


def test_problems_of_an_invalid_profile(reports):
    """Every problem is a line with its place and rule."""
    report = reports["invalid"]
    text = text_of(report, width=2000)

    assert report.problems
    for problem in report.problems:
        assert f"- {problem}" in text


def test_what_a_file_name_holds_moves_no_cursor(reports):
    """Not even the name of a file may."""
    report = replace(reports["accepted"], source="a\x1b[2J.yaml", profile="", version="", again="x\x07\u202e")

    text = text_of(report)
    assert "a\\x1b[2J.yaml" in text
    assert "\x07" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize("kind", KINDS)
def test_json_keeps_its_schema(reports, kind):
    """What is printed is valid against the published schema, and is ASCII."""
    text = JsonReport().render(reports[kind])

    Draft202012Validator(SCHEMA).validate(json.loads(text))
    assert text.isascii()
    assert reports[kind].as_dict() == json.loads(text)


def test_the_schema_is_one():
    """It is valid against its metaschema."""
    Draft202012Validator.check_schema(SCHEMA)


def named(kind):
    """The keys of a value of the report, and of all values in it, as (type, key)."""
    for one in fields(kind):
        yield kind.__name__, one.name
        hint = get_type_hints(kind, vars(values))[one.name]
        for inner in (hint, *get_args(hint)):
            if is_dataclass(inner) and inner.__name__ != "Problem":
                yield from named(inner)


DEFINITIONS = {
    "Report": SCHEMA, "Verdict": SCHEMA["$defs"]["verdict"], "Stage": SCHEMA["$defs"]["stage"], "Part": SCHEMA["$defs"]["part"],
    "Body": SCHEMA["$defs"]["body"], "Exchange": SCHEMA["$defs"]["exchange"], "Diagnosis": SCHEMA["$defs"]["diagnosis"],
    "Fix": SCHEMA["$defs"]["diagnosis"]["properties"]["fixes"]["items"], "Asked": SCHEMA["$defs"]["exchange"]["properties"]["asked"],
    "Answered": SCHEMA["$defs"]["exchange"]["properties"]["answered"]["oneOf"][1],
    "Explained": SCHEMA["$defs"]["explained"], "Try": SCHEMA["$defs"]["try"], "Edit": SCHEMA["$defs"]["edit"],
    "Piece": SCHEMA["$defs"]["piece"], "RecipeLine": SCHEMA["$defs"]["recipeLine"], "Recipe": SCHEMA["$defs"]["recipe"],
    "Timing": SCHEMA["$defs"]["exchange"]["properties"]["timings"]["items"],
}  # fmt: skip


def test_the_schema_names_every_key():
    """No key of the report is missing from the schema, and all are required."""
    for kind, key in set(named(Report)):
        assert key in DEFINITIONS[kind]["properties"]
        assert key in DEFINITIONS[kind]["required"]


def test_the_schema_names_every_stage_and_verdict():
    """Its lists are those of the code."""
    assert {*values.STAGES, *values.STEP_STAGES} == set(SCHEMA["$defs"]["stage"]["properties"]["name"]["enum"])
    assert list(values.STAGES) == [name for name in SCHEMA["$defs"]["stage"]["properties"]["name"]["enum"] if name not in values.STEP_STAGES]
    assert list(values.TOKEN_VERDICTS) == SCHEMA["properties"]["token"]["properties"]["word"]["enum"]
    assert list(values.CREDENTIAL_VERDICTS) == SCHEMA["properties"]["credential"]["properties"]["word"]["enum"]


def test_formats_are_in_the_catalogue():
    """Both come in through the hook that a stranger's format uses."""
    assert {"text": TextReport, "json": JsonReport}.items() <= default_catalog().named("reports").items()


@every(
    "text, width, lines",
    [
        ("", 10, [""]), ("one two", 10, ["one two"]), ("one two three", 7, ["one two", "three"]), ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("ab  cd", 3, ["ab", "cd"]), ("  indented", 20, ["  indented"]), ("認証失敗", 5, ["認証", "失敗"]), ("e\u0301" * 4, 2, ["e\u0301" * 2] * 2),
    ],
)  # fmt: skip
def test_wrapping(text, width, lines):
    """Broken at spaces, else within the word; wide characters take two cells, combining ones none."""
    assert lines == list(wrapped(text, width))


def test_ok_is_quiet(tmp_path):
    """A report without a diagnosis has no such section."""
    text = text_of(report_of(tmp_path, GIVES_TOKEN, ACCEPTS))

    assert "Diagnosis" not in text
