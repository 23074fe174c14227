"""Many reports in one document: JSON as its schema says, and a page that stays readable however many failed."""

import itertools
import json
import re
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

import sockets
from authweave.cli.testing.exits import exit_for_report, exit_for_reports
from authweave.extensions.catalog import default_catalog
from authweave.matrix import Run, not_run
from authweave.matrix.run import not_possible
from authweave.report import Diagnosis, Fix, Report, Stage, Verdict
from authweave.reports.json import JsonReport
from authweave.reports.page import Page, cells
from authweave.reports.summary import OUTCOMES, outcome_of, summary_of
from authweave.reports.text import TextReport
from authweave.resources import schema_file
from probing import oauth, report_of, run, says_json, written
from thorough import every

ONE, MANY = (json.loads(schema_file(name).read_text()) for name in ("test-report", "test-reports"))
SCHEMA = Draft202012Validator(MANY, registry=Registry().with_resource(ONE["$id"], Resource.from_contents(ONE)))
WIDE = "デバイスの認証に失敗しました"


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    """Reports of real runs: accepted, refused, not valid, unreachable, without an input; and one that was not run."""
    folder = tmp_path_factory.mktemp("profiles")
    return (
        report_of(folder),
        report_of(folder, says_json({"error": "invalid_client", "error_description": WIDE * 5}, 401)),
        run(written(folder, {"type": "oauth2", "wrong": 1})),
        run(written(folder, oauth(f"http://127.0.0.1:{sockets.free_port()}/t"))),
        run(written(folder, oauth("https://a.invalid/t")), inputs={}, tenant="eu"),
        not_run(Run(folder / "acme.json", tenant="us"), "not run: stopped"),
    )


def refused(number, code="invalid_client", name=None):
    """A made-up refusal."""
    fix = Fix("auth.client_auth", f"p{number}.yaml:7", "write `client_secret_basic`")
    return Report(
        profile=name or f"profile-{number:04}", source=f"p{number}.yaml", started="2026-01-01T00:00:00Z", token=Verdict("refused"), stages=(Stage("load", "ok"),),
        diagnoses=(Diagnosis(code, "error", "token_call", f"The token server does not accept {WIDE}.", fixes=(fix,)),), again=f"authweave test p{number}.yaml",
    )  # fmt: skip


def accepted(number):
    return replace(refused(number), token=Verdict("obtained"), credential=Verdict("accepted"), diagnoses=())


def text_of(reports, *, verbose=False, **page):
    return TextReport(lambda: Page(**page)).render_many(reports, verbose=verbose)


def test_every_outcome_of_real_runs(real):
    """Each comes out as it was, and the exit code is the gravest of them."""
    assert ["accepted", "refused", "not_valid", "inconclusive", "input_missing", "not_run"] == [outcome_of(report) for report in real]
    assert [0, 1, 1, 3, 4, 0] == [exit_for_report(report) for report in real]


def test_json_keeps_its_schema(real):
    """Counts that add up, causes that name reports, and every report as it is alone."""
    document = json.loads(JsonReport().render_many(real))

    SCHEMA.validate(document)
    summary = document["summary"]
    assert len(real) == summary["total"] == sum(summary[outcome] for outcome in OUTCOMES)
    assert [json.loads(JsonReport().render(report)) for report in real] == document["reports"]
    assert {1, 2, 3, 4, 5} == {number for cause in summary["causes"] for number in cause["reports"]}
    assert {"outcome": "refused", "code": "invalid_client", "host": "127.0.0.1", "reports": [1]} == summary["causes"][0]


@every("name", sorted(default_catalog().named("reports")))
def test_every_format_shows_what_was_not_run(name):
    """A run that was stopped, and one that could not be asked for, have a place in every format of ours, with the reason or the command."""
    stopped, impossible = not_run(Run("acme.yaml", tenant="eu"), "stopped <here>"), not_possible(Run("beta.yaml"), "no such\x1b file")

    text = default_catalog().named("reports")[name]().render_many((stopped, impossible))

    assert "\x1b" not in text
    assert "beta" in text or name == "har"  # which holds requests only
    assert "stopped <here>" not in text or name in ("text", "json", "curl")


def test_nothing_to_test():
    """No reports are a sound document, too, and no failure."""
    SCHEMA.validate(json.loads(JsonReport().render_many(())))
    assert "nothing to test\n" == text_of(())
    assert 0 == exit_for_reports(())


@every("width", [20, 27, 40, 59, 80, 100, 200])
@every("verbose", [False, True])
def test_no_line_is_wider_than_the_terminal(real, width, verbose):
    """Real failures, wide names, long names, a thousand of them: every line fits, with colour and without, in ASCII too."""
    for reports in (real, [refused(number, name=f"{WIDE}{number}") for number in range(7)], [refused(0, name="n" * 90), *map(refused, range(1, 300))]):
        for options in ({}, {"colour": True}, {"unicode": False}):
            for line in text_of(reports, width=width, verbose=verbose, **options).splitlines():
                assert cells(re.sub(r"\x1b\[[0-9;]*m", "", line)) <= width


@pytest.mark.parametrize("width", [40, 100])
def test_what_failed_alike_is_told_once(width):
    """A thousand profiles: the cause with its count and its fix, some names, and how many more; it fits a screen."""
    reports = [*map(accepted, range(940)), *map(refused, range(940, 1000))]

    text = text_of(reports, width=width)

    together = " ".join(text.split())
    assert "60 profiles: invalid_client" in together
    assert "auth.client_auth (p940.yaml:7): write `client_secret_basic`" in together
    assert "profile-0940, profile-0941" in together
    assert "and 54 more" in together
    assert "1000 profiles: 940 accepted, 60 refused" in together
    assert "authweave test p940.yaml" in together
    assert len(text.splitlines()) <= 24


def test_failing_ones_stand_first_and_passing_ones_are_named_when_few(real):
    """Each failing one with token, credential, code and fix; then the few that passed."""
    lines = text_of(real, width=120).splitlines()

    assert ["profile", "tenant", "token", "credential", "code"] == lines[0].split()
    assert re.match(r"✗ acme +refused +not tested +invalid_client$", lines[1])
    assert re.search(r"fix  auth\.\w+ \(.*acme\.json:\d+\): ", lines[2])
    marks = [line[0] for line in lines if line and line[0] in "✗!–✓"]
    assert sorted(marks, key="✗!–✓".index) == marks
    assert "1 accepted" in lines[-2]


def test_verbose_names_every_test():
    """Accepted ones and those that failed alike."""
    reports = [*map(accepted, range(30)), *map(refused, range(30, 60))]

    brief, whole = text_of(reports), text_of(reports, verbose=True)

    assert all(report.profile in whole for report in reports)
    assert not any(report.profile in brief for report in reports[:30])


def test_several_tenants_are_tests_of_one_profile():
    """What is counted is said: tests, and of how many profiles."""
    reports = [replace(accepted(1), tenant=tenant) for tenant in ("eu", "us", "ap")]

    assert "3 tests of 1 profile: 3 accepted" in text_of(reports)


def test_colour_changes_nothing_but_the_colour(real):
    """Without colour there is no escape; with it the text is the same."""
    plain, coloured = (text_of(real, colour=colour) for colour in (False, True))

    assert "\x1b" not in plain
    assert plain == re.sub(r"\x1b\[[0-9;]*m", "", coloured) != coloured


def of_outcome(outcome):
    """A report that came out so."""
    base = refused(1)
    return {
        "refused": base,
        "not_valid": None,
        "not_sent": replace(base, token=Verdict("not_tested"), diagnoses=(replace(base.diagnoses[0], stage="apply"),)),
        "inconclusive": replace(base, token=Verdict("inconclusive")),
        "not_tested": replace(base, token=Verdict("not_tested"), diagnoses=()),
        "input_missing": replace(base, token=Verdict("not_tested"), diagnoses=(replace(base.diagnoses[0], stage="resolve"),)),
        "not_run": not_run(Run("x"), "stopped"),
        "accepted": accepted(1),
    }[outcome]


def test_the_rule_of_the_exit_code():
    """0 if all are accepted; else the first that fits any: 1 refused, 2 nothing could be sent, 3 open, 4 an input is missing."""
    codes = {"accepted": 0, "not_run": 0, "input_missing": 4, "inconclusive": 3, "not_tested": 3, "not_sent": 2, "refused": 1}
    order = [1, 2, 3, 4, 0]

    for some in itertools.combinations(codes, 3):
        for outcomes in itertools.permutations(some):
            assert list(outcomes) == [outcome_of(of_outcome(outcome)) for outcome in outcomes]
            assert min((codes[outcome] for outcome in outcomes), key=order.index) == exit_for_reports(map(of_outcome, outcomes))


def test_causes_come_by_gravity_then_in_order():
    """The same reports, the same order, whatever ended first."""
    reports = [of_outcome("inconclusive"), refused(2), refused(3, "invalid_scope"), refused(4), of_outcome("not_sent")]

    found = [(cause.outcome, cause.code, cause.reports) for cause in summary_of(reports).causes]

    assert [("refused", "invalid_client", (1, 3)), ("refused", "invalid_scope", (2,)), ("not_sent", "invalid_client", (4,)), ("inconclusive", "invalid_client", (0,))] == found
