"""What the terminal shows beside the run: sections set apart, a recording, the last run, variants with their edit, and names that are too long."""

import dataclasses
import re

import pytest

from authweave.report import Body, Diagnosis, Edit, Explained, Fix, Part, Report, Stage, Try, Verdict
from authweave.reports.page import Page, cells
from authweave.reports.text import TextReport
from probing import ACCEPTS, GIVES_TOKEN, report_of, says_json
from sockets import answers
from thorough import every

FOUND = Diagnosis(
    "invalid_client", "error", "token_call", "The token server does not accept this client.", ("POST https://id.example/t: 401",),
    (Fix("auth.client_auth", "acme.yaml:7", "write client_secret_post"), Fix("inputs.client_secret", "acme.yaml:12", "look at it")), "no",
)  # fmt: skip
TRIES = (
    Try("auth.client_auth", "client_secret_post", Verdict("obtained"), Verdict("accepted"), 200, "", 41.0),
    Try("auth.basic_encoding", "raw", Verdict("refused"), Verdict("not_tested"), 401, "invalid_client", 12.0),
    Try("auth.scope_separator", "','", Verdict("not_tested"), Verdict("not_tested"), 0, "the budget is spent", sent=False),
    Try("auth.audience", "https://api.example/with/a/very/long/path/that/has/no/room/in/a/column", Verdict("inconclusive"), Verdict("not_tested"), 0, "timeout"),
)
EDIT = Edit("auth.client_auth", "acme.yaml:7", ("  client_auth: client_secret_basic  # as documented",), ("  client_auth: client_secret_post  # as documented",))
FULL = Report(
    profile="acme", version="1.0.0", source="acme.yaml", started="2026-01-01T10:03:10Z", token=Verdict("refused", FOUND.sentence),
    stages=(Stage("load", "ok", 1.0, "acme"), Stage("token_call", "failed", 40.0, "POST 401", "invalid_client")), diagnoses=(FOUND,),
    explained=Explained(TRIES, EDIT, ("an account may lock",)), compared=("token: obtained → refused", "new: invalid_client"),
    compared_with="2026-01-01T10:00:05Z", recorded="2025-12-01T00:00:00Z", stale=("the recorded call token is no longer made",), not_tested=("x",), again="authweave test acme.yaml",
)  # fmt: skip


def text_of(report, **page):
    return TextReport(lambda: Page(**page)).render(report)


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """A real report of a failing run."""
    return report_of(tmp_path_factory.mktemp("profiles"), says_json({"error": "invalid_client"}, 401))


def test_each_section_begins_with_a_line(refused):
    """Drawn across the page, with its title; in ASCII, too."""
    assert ["Headers", "Response", "Diagnosis"] == re.findall(r"^── (\w+) ─{20,}$", text_of(refused), re.MULTILINE)
    assert ["Headers", "Response", "Diagnosis"] == re.findall(r"^-- (\w+) -{20,}$", text_of(refused, unicode=False), re.MULTILINE)
    assert {100} == {len(line) for line in text_of(refused, width=300).splitlines() if line.startswith("──")}


def test_what_matters_stands_last(refused):
    """Verdicts and sections, then the diagnosis, what was not tested, and the command."""
    text = text_of(refused)
    places = [text.index(words) for words in ("\nToken ", "── Headers", "── Response", "── Diagnosis", "invalid_client  The token", "retry  ", "Not tested", "Again ")]

    assert sorted(places) == places


@every("width", [20, 27, 40, 56, 80, 100, 250])
@every("options", [{}, {"colour": True}, {"unicode": False}])
def test_everything_fits_and_nothing_is_lost(width, options):
    """Variants, edit, banner and comparison on any terminal."""
    text = text_of(FULL, width=width, **options)
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)

    assert width >= max(map(cells, bare.splitlines()))
    together = "".join(bare.split())
    for word in ("REPLAY", "STALE", "isnolongermade", "Sincethelastrun(3minago)", "clientsecret", "thebudgetisspent", "path/that/has/no/room", "anaccountmaylock"):
        assert word.replace("clientsecret", "client_secret_post") in together


def test_variants_are_a_table():
    """Key and value in one column, what came of it in the next; what was left out says why."""
    lines = text_of(FULL, width=120).splitlines()

    [best] = [line for line in lines if line.startswith("  ✓ auth.client_auth: client_secret_post")]
    [other] = [line for line in lines if line.startswith("  ✗ auth.basic_encoding: raw")]
    [left] = [line for line in lines if line.startswith("  – auth.scope_separator: ','")]
    assert best.endswith("token obtained, credential accepted, 200, 41 ms")
    assert other.endswith("token refused, credential not tested, 401, invalid_client, 12 ms")
    assert left.endswith("not sent: the budget is spent")
    assert 1 == len({line.index(words) for line, words in ((best, "token obtained"), (other, "token refused"), (left, "not sent"))})


def test_the_edit_is_a_small_difference():
    """The lines as they stand and as they would, with the place; how to make it, unless it is made."""
    proposed, applied = (text_of(dataclasses.replace(FULL, explained=Explained(TRIES, EDIT, applied=applied))) for applied in (False, True))

    assert "  Proposed edit  auth.client_auth (acme.yaml:7)\n    -   client_auth: client_secret_basic  # as documented\n    +   client_auth: client_secret_post  # as documented\n" in proposed
    assert "    authweave test acme.yaml --fix writes it.\n" in proposed
    assert "Changed  auth.client_auth" in applied
    assert "--fix" not in applied
    assert "there is no edit to propose" in text_of(dataclasses.replace(FULL, explained=Explained(TRIES)))


def test_the_edit_in_colour():
    """Old in red, new in green."""
    text = text_of(FULL, colour=True)

    assert "\x1b[31m-\x1b[0m" in text
    assert "\x1b[32m+\x1b[0m" in text


@every(
    "changes, words, there",
    [
        ({}, "Since the last run (3 min ago)", True), ({"compared": ()}, "Since the last run (3 min ago): nothing is otherwise", True),
        ({"compared": (), "diagnoses": ()}, "Since the last run", False), ({"compared_with": ""}, "Since the last run", False),
        ({"compared_with": "2026-01-01T10:03:10Z"}, "(0 s ago)", True), ({"compared_with": "2025-12-30T10:03:10Z"}, "(2 d ago)", True),
        ({"compared_with": "never"}, "Since the last run\n", True),
    ],
)  # fmt: skip
def test_the_last_run_stands_near_the_verdict(changes, words, there):
    """Only where there is something to say of it."""
    text = text_of(dataclasses.replace(FULL, **changes))

    assert there == (words in text)
    if there:
        assert text.index("Credential") < text.index(words) < text.index("Diagnosis")


def test_a_replay_says_so_first():
    """And in what it no longer holds."""
    head = text_of(FULL).splitlines()[:5]

    assert "REPLAY of what was recorded at 2025-12-01T00:00:00Z: nothing was sent" == head[0]
    assert ["STALE: the recording no longer holds", "  - the recorded call token is no longer made"] == head[1:3]
    assert "REPLAY" not in text_of(dataclasses.replace(FULL, recorded="", stale=()))


@pytest.mark.parametrize("about", ["a-name-of-a-step-that-is-long", "名前がとても長いステップ", "x" * 300])
def test_a_long_name_does_not_move_the_times(about):
    """It goes with the text."""
    stages = (Stage("load", "ok", 1.0, "acme"), Stage("before", "ok", 12.0, "POST 200", about=about), Stage("before", "ok", 13.0, about=about), Stage("after", "ok", 14.0, "x", about="ok"))
    lines = text_of(Report(stages=stages), width=400).splitlines()
    ends = [cells(line[: line.index(" ms")]) for line in lines if " ms" in line]

    assert 4 == len(ends)
    assert 1 == len(set(ends))
    assert any(line.endswith(f"{about}: POST 200") for line in lines)


def test_what_is_cut_says_how_large_it_was(tmp_path):
    """The size of the whole body."""
    report = report_of(tmp_path, GIVES_TOKEN, answers(200, ("Content-Type", "text/plain"), body=b"y" * 9000))
    text = text_of(report)

    assert "text body, 9000 bytes" in text
    assert "… cut here: the body has 9000 bytes" in text
    assert "y" * 3000 not in "".join(text.split())


@every("evil", ["\x1b[2J", "\u202e", "\u2066", "\x07", "\r", "\x9b31m", "\u200b"])
def test_nothing_anywhere_moves_a_cursor(evil):
    """In no text of a report, whatever made it: not in variants, edits, recordings, comparisons, parts."""
    bad = f"a{evil}b"
    tries = (Try(bad, bad, Verdict("refused", bad), Verdict("refused", bad), 1, bad), Try(bad, bad, Verdict(), Verdict(), 0, bad, sent=False))
    report = dataclasses.replace(
        FULL, profile=bad, tenant=bad, stages=(Stage("load", "ok", 1.0, bad, bad, bad),), compared=(bad,), recorded=bad, stale=(bad,), messages=(bad,), not_tested=(bad,), again=bad,
        diagnoses=(Diagnosis(bad, "error", "x", bad, (bad,), (Fix(bad, bad, bad),), bad),), explained=Explained(tries, Edit(bad, bad, (bad,), (bad,)), (bad,)),
    )  # fmt: skip

    assert evil not in text_of(report)
    assert evil not in text_of(report, width=40)


def test_a_body_with_a_note_shows_the_note(tmp_path):
    """In the place of what is not shown."""
    report = report_of(tmp_path, GIVES_TOKEN, ACCEPTS)
    exchange = report.exchanges[-1]
    noted = dataclasses.replace(exchange, answered=dataclasses.replace(exchange.answered, body=Body("binary", 9, note="9 bytes of image/png", parts=(Part("a", "b"),))))

    assert "9 bytes of image/png" in text_of(dataclasses.replace(report, exchanges=(noted,)))
