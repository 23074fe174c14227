"""The page that is attached to a ticket: whole, well-formed, inert, and marked where it went wrong."""

import base64
import hashlib
import re
import subprocess
import sys
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser
from types import UnionType
from typing import get_args, get_type_hints

import pytest

import sockets
from authweave import report as values
from authweave.extensions.catalog import default_catalog
from authweave.report import (
    STAGES,
    STEP_STAGES,
    Answered,
    Asked,
    Body,
    Diagnosis,
    Exchange,
    Fix,
    Part,
    Report,
    Stage,
    Timing,
    Verdict,
)
from authweave.reports.html import HtmlReport
from authweave.reports.html_page import words
from authweave.reports.html_page.pages import MOST_WHOLE
from authweave.reports.html_page.sequence import sequence
from authweave.values import Mark, Problem
from probing import oauth, report_of, run, says_json, written
from thorough import every

VOID = frozenset({"meta", "link", "br", "input"})
EMPTY_IN_SVG = frozenset({"line", "rect", "circle", "path"})


class Page(HTMLParser):
    """A strict reader: what is not closed, or closed and not open, is an error."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.shape, self.attributes, self.open, self.text = [], [], [], []
        self.raw = {"style": [], "script": []}
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.shape.append((tag, *names))
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in EMPTY_IN_SVG
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag):
        assert self.open
        assert tag == self.open.pop()

    def handle_data(self, data):
        inside = self.open[-1] if self.open else ""
        self.raw[inside].append(data) if inside in self.raw else self.text.append(data)

    def all(self, name):
        """The values of an attribute, wherever it stands."""
        return [value for _, key, value in self.attributes if key == name]

    @property
    def words(self):
        """The text that a person can come to, and titles."""
        return " ".join([*self.text, *self.all("title")])


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Reports of every kind, of real runs."""
    folder = tmp_path_factory.mktemp("profiles")
    return {
        "accepted": report_of(folder),
        "refused": report_of(folder, says_json({"error": "invalid_client", "error_description": "no"}, 401)),
        "renewed": report_of(folder, api=says_json({"error": "x"}, 401)),
        "open": report_of(folder, api=says_json({"error": "x"}, 404)),
        "unreachable": run(written(folder, oauth(f"http://127.0.0.1:{sockets.free_port()}/t"))),
        "invalid": run(written(folder, {"type": "oauth2", "wrong": 1})),
        "missing": run(written(folder, oauth("https://a.invalid/t")), inputs={}),
    }


KINDS = ("accepted", "refused", "renewed", "open", "unreachable", "invalid", "missing")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_is_well_formed(reports, kind):
    """Every element is closed in its turn, every id is there once, and what is referred to by id exists."""
    page = Page(HtmlReport().render(reports[kind]))
    ids = page.all("id")

    assert len(ids) == len(set(ids))
    assert {name for value in (*page.all("for"), *page.all("aria-labelledby")) for name in value.split()} <= set(ids)
    assert ["h1"] == [shape[0] for shape in page.shape if shape[0] == "h1"]


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_comes_from_elsewhere(reports, kind):
    """No address but one within the page, no style or script but ours, which the policy names by its hash, and ASCII only."""
    text = HtmlReport().render(reports[kind])
    page = Page(text)
    policy = next(value for value in page.all("content") if "default-src" in value)

    assert text.isascii()
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for name in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256("".join(page.raw[name]).encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
        assert 1 == sum(shape[0] == name for shape in page.shape)
    assert {"data:,"} == set(page.all("href")) | set(page.all("src"))
    assert not re.search(r"url\(|@import|expression", "".join(page.raw["style"]))
    assert not [name for _, name, _ in page.attributes if name.startswith("on") or name in ("style", "srcset", "action")]


def filled(make, numbers=None, mark="~"):
    """A value of the report in which every text is one of a kind, as long as any other, with `mark` around it."""
    numbers = numbers if numbers is not None else iter(range(100_000, 999_999))
    hints = get_type_hints(make, vars(values))
    made = {}
    for one in fields(make):
        hint = next((part for part in get_args(hints[one.name]) if is_dataclass(part)), None) if isinstance(hints[one.name], UnionType) else hints[one.name]
        inner = next((part for part in get_args(hint) if part is not Ellipsis), None)
        if hint is str or inner is str:
            text = f"{mark}{next(numbers)}{mark}"
            made[one.name] = text if hint is str else (text,)
        elif inner is Problem:
            made[one.name] = (Problem(*(f"{mark}{next(numbers)}{mark}" for _ in range(2)), Mark(1, 2), *(f"{mark}{next(numbers)}{mark}" for _ in range(3))),)
        elif inner is not None and is_dataclass(inner):
            made[one.name] = (filled(inner, numbers, mark),)
        elif is_dataclass(hint):
            made[one.name] = filled(hint, numbers, mark)
        elif hint is not bool:
            made[one.name] = 7
    return _sensible(make(**made))


def _sensible(value):
    """With words where the format has a list of them."""
    chosen = {
        Stage: {"name": "api_probe", "status": "failed"}, Verdict: {"word": "refused"}, Exchange: {"purpose": "check", "error": ""},
        Diagnosis: {"code": "profile_invalid", "severity": "error", "stage": "api_probe"}, Timing: {}, Body: {"note": ""},
    }  # fmt: skip
    return replace(value, **chosen.get(type(value), {}))


def texts_of(value):
    """Every text in a value, with the name of its field."""
    if isinstance(value, tuple):
        for item in value:
            yield from texts_of(item)
    elif is_dataclass(value):
        for one in fields(value):
            inner = getattr(value, one.name)
            if isinstance(inner, str):
                yield f"{type(value).__name__}.{one.name}", inner
            elif isinstance(inner, tuple) and all(isinstance(item, str) for item in inner):
                yield from ((f"{type(value).__name__}.{one.name}", item) for item in inner)
            else:
                yield from texts_of(inner)


NOT_SHOWN = ("Recipe", "RecipeLine", "Piece")  # how a call is made again: for the format `curl`


def test_every_part_of_a_report_is_on_the_page():
    """Whatever a Report holds stands in the text of its page, as it is; a field that is added has to be shown, too."""
    report = filled(Report)
    page = Page(HtmlReport().render(report))
    shown = "".join(page.words.split())

    looked_at = [name for name, text in texts_of(report) if "~" in text]
    missing = [name for name, text in texts_of(report) if "~" in text and text not in shown and not name.startswith(NOT_SHOWN)]
    assert {"Report.again", "Edit.old", "Try.value", "Timing.text", "Part.place", "Problem.fix", "Report.stale"} <= set(looked_at)
    assert missing == []


def test_an_exchange_without_answer_says_why():
    """The error stands in the place of the answer."""
    report = filled(Report)
    silent = replace(report, exchanges=(replace(report.exchanges[0], answered=None, error="~gone~"),))

    assert "no answer: ~gone~" in Page(HtmlReport().render(silent)).words


def test_a_body_that_is_not_shown_says_why():
    """A note stands in the place of kind and size."""
    report = filled(Report)
    call = report.exchanges[0]
    noted = replace(report, exchanges=(replace(call, asked=replace(call.asked, body=Body("binary", 9, note="~blob~", truncated=True))),))

    text = Page(HtmlReport().render(noted)).words
    assert "~blob~" in text
    assert "Cut here" in text


HOSTILE = (
    "<script>alert(1)</script>", "</style><script>", "--><img src=x>", "\" onload=\"x()", "' onclick='x()", "</title></svg>",
    "{{7*7}}{%x%}", "<!--", "javascript:alert(1)", "&lt;b&gt;&#x3c;", "]]></desc><a>", "\ud800 \x00\x1b[2J\u202e",
)  # fmt: skip


@every("many", [False, True])
@every("mark", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_server_says_makes_no_element(mark, many):
    """Markup in any field leaves the page with the same elements and attributes as harmless text, and can be read as it was."""
    def render(report):
        return Page(HtmlReport().render_many([report]) if many else HtmlReport().render(report))

    size = len(mark.encode("ascii", "backslashreplace").decode()) if not mark.isprintable() else len(mark)
    harmless, hostile = (render(filled(Report, mark=text)) for text in ("h" * size, mark))

    assert [shape[0] for shape in harmless.shape] == [shape[0] for shape in hostile.shape]
    assert harmless.shape == hostile.shape
    assert "".join(harmless.raw["script"]) == "".join(hostile.raw["script"])
    assert not [value for value in (*hostile.all("href"), *hostile.all("src")) if not value.startswith(("#", "data:,"))]
    if mark.isprintable():
        assert f"{mark}100000{mark}" in "".join(hostile.text)
    assert not re.search("[\x00\x1b\u202e]", "".join(hostile.text))


def page_with_uri(report, uri):
    """A page whose diagnosis and answer both hold an error_uri."""
    call = report.exchanges[0]
    answered = replace(call.answered, body=Body("json", 9, (Part("error_uri", uri),)))
    found = replace(report.diagnoses[0], evidence=(f"error_uri: {uri}",))
    return Page(HtmlReport().render(replace(report, exchanges=(replace(call, answered=answered),), diagnoses=(found,))))


def test_error_uri_leads_on(reports):
    """An https address of the server can be followed, and is told nothing of where it stood."""
    page = page_with_uri(reports["refused"], "https://errors.example/AADSTS7000215?x=1")

    assert ["https://errors.example/AADSTS7000215?x=1"] * 2 == [href for href in page.all("href") if href != "data:,"]
    assert {"icon", "noopener noreferrer"} == set(page.all("rel"))


@pytest.mark.parametrize(
    "uri",
    ["http://a.example/", "javascript:alert(1)", "data:text/html,x", "https://user@a.example/", "https://", "https:// a", "https://a.example/\u202e", "//a.example", "HTTPS:a", "https://a.example/\"x", "https://[a"],
)  # fmt: skip
def test_no_other_address_can_be_followed(reports, uri):
    """It is shown, and is no link."""
    page = page_with_uri(reports["refused"], uri)

    assert {"data:,"} == set(page.all("href"))
    assert uri.replace("\u202e", "\\u202e") in "".join(page.text)


ROWS = {
    "accepted": [("call", "ok", "", ""), ("call", "ok", "", "")],
    "refused": [("call", "failed", "invalid_client", ""), ("unsent", "unsent", "", "")],
    "renewed": [("call", "ok", "", ""), ("call", "ok", "", ""), ("call", "ok", "", ""), ("call", "failed", "api_401", "")],
    "open": [("call", "ok", "", ""), ("call", "open", "api_404", "")],
    "unreachable": [("call", "failed", "connect_refused", "connect"), ("unsent", "unsent", "", "")],
    "invalid": [("local", "failed", "profile_invalid", ""), ("unsent", "unsent", "", ""), ("unsent", "unsent", "", "")],
    "missing": [("local", "failed", "secret_unresolved", ""), ("unsent", "unsent", "", ""), ("unsent", "unsent", "", "")],
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_picture_tells(reports, kind):
    """One row for each call in its order; the one that failed is marked with the code; what was not come to is there, and not sent."""
    told = sequence(reports[kind])

    assert ROWS[kind] == [(row.kind, row.state, row.code, row.ended) for row in told.rows]
    assert ["task", "provider", "api"] == [lane.role for lane in told.lanes]


@pytest.mark.parametrize(
    ("kind", "headline", "state"),
    [
        ("accepted", "The API accepts the credential.", "ok"), ("refused", "The identity provider gives no token.", "failed"),
        ("renewed", "The API does not accept the credential.", "failed"),
        ("open", "It stays open whether the API accepts the credential.", "open"),
        ("unreachable", "It stays open whether a token can be had.", "open"),
        ("invalid", "The profile is not valid. Nothing was sent.", "failed"), ("missing", "Nothing was sent.", "failed"),
    ],
)  # fmt: skip
def test_the_verdict_in_words(reports, kind, headline, state):
    """The page opens with both verdicts, and refused, open and not tested look different."""
    report = reports[kind]
    page = HtmlReport().render(report)

    assert (headline, state) == (words.headline(report), words.state_of(report))
    assert f">{headline}</h1>" in page
    assert f'<section class="report {state}"' in page
    for verdict in (report.token, report.credential):
        assert f'<div class="verdict {words.STATES[verdict.word]}">' in page


def test_every_word_has_a_state():
    """No verdict is left without a look of its own."""
    assert {*values.TOKEN_VERDICTS, *values.CREDENTIAL_VERDICTS} == set(words.STATES)
    assert len({words.SYMBOLS[words.STATES[word]] for word in ("accepted", "refused", "inconclusive", "not_tested")}) == 4


def called(purpose, url, *stages, status=200, error=""):
    """An exchange with these timings."""
    answered = Answered(status, "OK", "HTTP/1.1", (), Body()) if status else None
    return Exchange(purpose, purpose.title(), Asked("GET", url, "/x", (), Body()), answered, error, 50.0, "", tuple(Timing(stage, 10.0, text) for stage, text in stages))


@every(
    "stages, scheme, ended",
    [
        ((), "https", "dns"), (("dns",), "https", "connect"), (("dns", "connect"), "https", "tls"), (("dns", "connect"), "http", "answer"),
        (("dns", "connect", "tls"), "https", "answer"), (("sent",), "https", "answer"),
    ],
)  # fmt: skip
def test_where_a_call_without_an_answer_ended(stages, scheme, ended):
    """In the stage after the last that it passed; a broken arrow comes less far the earlier that was, and all time is told of."""
    call = called("token", f"{scheme}://a.example/x", *((stage, "") for stage in stages), status=0, error="gone")
    row = sequence(Report(exchanges=(call,), token=Verdict("inconclusive"))).rows[0]

    assert ("failed", ended) == (row.state, row.ended)
    assert (row.reach == 1.0) == (ended == "answer")
    assert row.span_ms == pytest.approx(50.0)


def test_everybody_who_took_part_has_a_line():
    """Browser and proxy stand between task and provider; a credential in the proxy's address is not shown, and the arrow breaks at it."""
    way = (("dns", ""), ("connect", ""), ("proxy", "through http://me:word@proxy.example:3128 (from HTTPS_PROXY)"))
    report = Report(
        exchanges=(called("authorize", "https://a.example/x"), called("token", "https://a.example/x", *way, status=0, error="refused")),
        token=Verdict("inconclusive"), diagnoses=(Diagnosis("proxy_refused", "error", "tls", "No."),),
    )  # fmt: skip
    told = sequence(report)

    assert ["task", "browser", "proxy", "provider", "api"] == [lane.role for lane in told.lanes]
    assert ("proxy.example:3128",) == told.lanes[2].hosts
    assert [(1, 3, None), (0, 3, 2)] == [(row.source, row.target, row.via) for row in told.rows if row.kind == "call"]
    assert ("proxy", "proxy_refused") == (told.rows[1].ended, told.rows[1].code)
    assert told.rows[1].reach == pytest.approx(2 / 3)


def test_a_query_is_told_where_there_is_room():
    """In the picture a sign stands in its place; the request line has it whole."""
    call = called("check", "https://a.example/x?region=eu&page=2")
    report = Report(token=Verdict("not_needed"), credential=Verdict("accepted"), exchanges=(replace(call, asked=replace(call.asked, target="/x?region=eu&page=2")),))

    assert "GET /x?…" == sequence(report).rows[0].ask
    assert "GET /x?region=eu&page=2" in Page(HtmlReport().render(report)).words


def test_a_check_with_a_renewed_token_is_marked():
    """What `--refresh` finds is about the check that came after the renewal, or about the renewal if there is none."""
    calls = tuple(called(purpose, "https://a.example/x") for purpose in ("token", "check", "renewal", "check"))
    found = Diagnosis("api_401", "error", "renewal", "No.")
    report = Report(exchanges=calls, token=Verdict("obtained"), credential=Verdict("refused"), diagnoses=(found,))

    assert [4] == [row.number for row in sequence(report).rows if row.code]
    assert [3] == [row.number for row in sequence(replace(report, exchanges=calls[:3])).rows if row.code]
    assert [3] == [row.number for row in sequence(replace(report, diagnoses=(replace(found, severity="warning"),))).rows if row.code]


def test_a_credential_that_needs_no_token_meets_no_provider():
    """Two lines are enough, and another host than the first is named."""
    report = Report(token=Verdict("not_needed"), credential=Verdict("accepted"), exchanges=(called("check", "https://a.example/x"), called("check", "https://b.example/x")))
    told = sequence(report)

    assert ["task", "api"] == [lane.role for lane in told.lanes]
    assert ["GET /x", "GET //b.example/x"] == [row.ask for row in told.rows]


@every("stage", [*STAGES, *STEP_STAGES])
@every("severity", ["error", "warning"])
def test_a_diagnosis_of_any_stage_is_drawn(stage, severity):
    """Whatever stage it belongs to, an error marks a call or the end on this machine, and the page is there."""
    calls = tuple(called(purpose, "https://a.example/x") for purpose in ("discovery", "authorize", "before", "token", "after", "introspection", "check", "renewal", "check", "control"))
    report = Report(exchanges=calls, token=Verdict("obtained"), credential=Verdict("refused"), diagnoses=(Diagnosis("some_code", severity, stage, "Odd."),))

    marked = [row for row in sequence(report).rows if row.code == "some_code"]
    assert len(marked) == 1 or (severity == "warning" and not marked)
    Page(HtmlReport().render(report))


def test_of_several_tests_the_one_that_failed_is_marked():
    """The stage says of which test; the others stay as they were."""
    calls = tuple(replace(called("check", "https://a.example/x"), title=f"Check {name}") for name in ("first", "second"))
    report = Report(
        exchanges=calls, token=Verdict("not_needed"), credential=Verdict("refused"), diagnoses=(Diagnosis("api_401", "error", "api_probe", "No."),),
        stages=(Stage("api_probe", "failed", 1.0, "", "api_401", "first"), Stage("api_probe", "ok", 1.0, "", "", "second")),
    )  # fmt: skip

    assert ["failed", "ok"] == [row.state for row in sequence(report).rows]


def test_many_on_one_page(reports):
    """A line for each report with its words and code, each leading to the whole report below."""
    page = Page(HtmlReport().render_many([replace(report, tenant=kind) for kind, report in reports.items()]))
    links = [href.removeprefix("#") for href in page.all("href") if href.startswith("#r")]

    assert len(links) == len(reports)
    assert set(links) <= set(page.all("id"))
    assert len(page.all("id")) == len(set(page.all("id")))
    assert {name for value in (*page.all("for"), *page.all("aria-labelledby")) for name in value.split()} <= set(page.all("id"))
    for kind in KINDS:
        assert kind in page.text


@pytest.mark.thorough
def test_a_thousand_on_one_page(reports):
    """Every run has its line; only what did not go well is there whole, up to a bound, and the page says so."""
    many = [reports["accepted"]] * 900 + [reports["refused"]] * 40 + [reports["open"]] * 60
    text = HtmlReport().render_many(many)

    assert text.count('scope="row"><span') == 1000
    assert text.count('<details class="folded') == 100
    assert "900 are in the table alone" in text
    assert len(text) < 6_000_000
    worst = HtmlReport().render_many([reports["open"]] * 300 + [reports["refused"]] * 20)
    assert worst.count('<details class="folded') == MOST_WHOLE
    assert worst.count('<details class="folded failed') == 20


def test_none_at_all():
    """No report is a page, too."""
    assert "0 reports" in Page(HtmlReport().render_many([])).words


@every(
    "ms, text", [(None, ""), (0.01, "<0.1 ms"), (0.44, "0.4 ms"), (9.94, "9.9 ms"), (9.96, "10 ms"), (93.2, "93 ms"), (999.4, "999 ms"), (999.6, "1.00 s"), (12345.0, "12.35 s")]
)  # fmt: skip
def test_durations(ms, text):
    """As people read them."""
    assert text == words.duration(ms)


@every(
    "text, room, lines",
    [
        ("a.example", 20, ["a.example"]), ("login.microsoftonline.com", 16, ["login.", "microsoftonline.", "com"]),
        ("x" * 50, 10, ["x" * 10, "x" * 10, "x" * 9 + "…"]), ("this machine", 9, ["this ", "machine"]), ("", 5, [""]),
    ],
)  # fmt: skip
def test_hosts_in_lines(text, room, lines):
    """Broken where a name may be broken, and cut after the third line."""
    assert lines == words.pieces(text, room)


def test_the_format_is_in_the_catalogue():
    """It comes in through the hook that a stranger's format uses, and its page is loaded only by who renders one."""
    code = "import sys; from authweave.extensions.catalog import default_catalog as all; all(); print([name for name in sys.modules if 'html_page' in name])"

    assert default_catalog().find("reports", "html") is HtmlReport
    assert "[]" == subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}).stdout.strip()


def test_advice_is_set_as_code():
    """What stands in backticks is code, and a fix says its place."""
    report = Report(diagnoses=(Diagnosis("x", "error", "load", "Write `a < b`.", (), (Fix("auth.x", "a.yaml:7", "use `raw`, not `"),)),))
    page = HtmlReport().render(report)

    assert "Write <code>a &lt; b</code>." in page
    assert "use <code>raw</code>, not `" in page
    assert '<code class="place copy">a.yaml:7</code>' in page
