"""`junit`: what a build server reads, read by somebody else's reader."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped

from authweave.report import Diagnosis, Edit, Explained, Fix, Report, Try, Verdict
from authweave.reports.junit import JunitReport
from every_report import HOSTILE, every_kind, hostile


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """One of each kind."""
    return every_kind(tmp_path_factory.mktemp("profiles"))


def suite_of(report):
    """As junitparser reads it."""
    [found] = JUnitXml.fromstring(JunitReport().render(report).encode())
    return found


def results(report):
    """Which stage came out how: (failure, error or skipped; the type)."""
    return {case.name: (type(result), result.type) for case in suite_of(report) for result in case.result}


@pytest.mark.parametrize(
    ("kind", "stage", "result", "code"),
    [
        ("refused", "token call", Failure, "invalid_client"),
        ("busy", "token call", Error, "rate_limited"),
        ("forbidden", "api probe", Failure, "api_403"),
        ("refused by the api", "api probe", Failure, "api_401"),
        ("inconclusive", "api probe", Error, "api_404"),
        ("unreachable", "connect", Error, "connect_refused"),
        ("invalid", "load", Failure, "profile_invalid"),
        ("missing", "resolve inputs", Error, "secret_unresolved"),
    ],
)
def test_refused_is_a_failure_and_open_is_an_error(reports, kind, stage, result, code):
    """Each with the code of the diagnosis as its type; the verdict says the same."""
    found = results(reports[kind])

    assert (result, code) == found[stage]
    assert (result, code) == found["verdict"]


def test_all_is_well(reports):
    """An accepted credential fails nothing, and what was not run is skipped with its reason."""
    suite = suite_of(reports["accepted"])

    assert (0, 0) == (suite.failures, suite.errors)
    [control] = [case for case in suite if case.name == "negative control"]
    assert [("not asked for (--control)", Skipped)] == [(result.message, type(result)) for result in control.result]


def test_a_warning_fails_nothing(reports):
    """It is told where it was found."""
    suite = suite_of(reports["narrowed"])

    assert (0, 0) == (suite.failures, suite.errors)
    [checks] = [case for case in suite if case.name == "token checks"]
    assert "scope_narrowed: " in checks.system_out


@pytest.mark.parametrize("kind", ["accepted", "refused", "busy", "forbidden", "invalid", "missing", "no servers"])
def test_the_sums_are_those_of_the_cases(reports, kind):
    """Readers that sum up by themselves get the same numbers; times are seconds."""
    suite = suite_of(reports[kind])
    written = (suite.tests, suite.failures, suite.errors, suite.skipped)

    suite.update_statistics()
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == written
    assert len(reports[kind].stages) == suite.tests
    assert pytest.approx(reports[kind].ms / 1000, abs=0.001) == float(ET.fromstring(JunitReport().render(reports[kind])).get("time"))


def test_the_diagnosis_stands_in_the_failure(reports):
    """The sentence as message; what was seen, what to change, and the command to run again as its text."""
    report = reports["refused"]
    [case] = [case for case in suite_of(report) if case.name == "token call"]
    [failure] = case.result
    [found] = report.diagnoses

    assert found.sentence == failure.message
    for line in (*found.evidence, *(fix.text for fix in found.fixes), *(fix.place for fix in found.fixes), report.again):
        assert line in failure.text
    assert f"{report.profile}@{report.version}" == case.classname


def test_problems_of_an_invalid_profile(reports):
    """Each with its place."""
    [case] = [case for case in suite_of(reports["invalid"]) if case.name == "load"]

    for problem in reports["invalid"].problems:
        assert str(problem) in case.result[0].text


def test_no_diagnosis_is_lost(reports):
    """One whose stage did well, or is not there, is told with the verdict."""
    odd = Diagnosis("odd_code", "error", "nowhere", "Something odd.")
    suite = suite_of(replace(reports["accepted"], diagnoses=(odd,), stages=tuple(replace(one, status="failed") if one.name == "verdict" else one for one in reports["accepted"].stages)))

    [case] = [case for case in suite if case.name == "verdict"]
    assert ("odd_code", "Something odd.") == (case.result[0].type, case.result[0].message)


def test_everything_else_a_report_holds(reports):
    """Verdicts as properties; what was tried, compared, recorded and not tested in the suite's text."""
    explained = Explained((Try("auth.client_auth", "client_secret_post", Verdict("obtained"), Verdict(), 200, "ok"),), Edit("auth.client_auth", "a.yaml:3", ("old: 1",), ("new: 2",)), ("accounts lock",))
    report = replace(reports["refused"], tenant="eu", explained=explained, compared=("it was accepted before",), recorded="2026-01-01T00:00:00Z", stale=("changed since",), messages=("ask Ann",), sandbox=True)
    root = ET.fromstring(JunitReport().render(report))

    properties = {one.get("name"): one.get("value") for one in root.find("properties")}
    assert {"token": "refused", "credential": "not_tested", "tenant": "eu", "sandbox": "true", "stale": "changed since"}.items() <= properties.items()
    told = root.find("system-out").text
    for text in ("accounts lock", "auth.client_auth = client_secret_post", "- old: 1", "+ new: 2", "it was accepted before", "2026-01-01T00:00:00Z", "ask Ann", "whether the API"):
        assert text in told


def test_many_reports(reports):
    """A suite each, named by profile and tenant; the sums of all above them."""
    many = [replace(reports["accepted"], tenant="eu"), reports["refused"], reports["busy"]]
    found = JUnitXml.fromstring(JunitReport().render_many(many).encode())

    assert ["acme@0.0.0 eu", "acme@0.0.0", "acme@0.0.0"] == [suite.name for suite in found]
    root = ET.fromstring(JunitReport().render_many(many))
    for name in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(name)) == sum(int(suite.get(name)) for suite in root)
    assert 0 == len(list(JUnitXml.fromstring(JunitReport().render_many([]).encode())))


@pytest.mark.parametrize("kind", ["accepted", "refused", "busy", "inconclusive", "missing", "no servers"])
def test_no_text_leaves_its_place(reports, kind):
    """Markup, ends of CDATA and characters that XML 1.0 has no way to write are text, and come back as text."""
    report = hostile(reports[kind])
    before, after = (ET.fromstring(JunitReport().render(one)) for one in (replace(reports[kind], stale=("changed since",)), report))

    assert {element.tag for element in after.iter()} <= {"testsuite", "properties", "property", "testcase", "failure", "error", "skipped", "system-out"}
    assert [element.tag for element in before.iter("testcase")] == [element.tag for element in after.iter("testcase")]
    written = after.find("system-out").text
    assert "]]><x a='1'>&amp;\"$(touch x)`id`\\\\x00\\x1b[2J" in written
    assert "\\ufffe\\ud800" in written
    assert not set("\x00\x1b\r\ufffe") & set(JunitReport().render(report))


def test_an_empty_report():
    """Nothing is required of a report but to be one."""
    assert "testsuite" == ET.fromstring(JunitReport().render(Report())).tag
    assert "testsuite" == ET.fromstring(JunitReport().render(replace(Report(), diagnoses=(Diagnosis("a", "error", "b", HOSTILE, (), (Fix("k", "p", "t"),)),)))).tag


def test_a_stale_recording_is_no_success(reports):
    """A build server that reads nothing but this file sees that the replay proves nothing."""
    stale = replace(reports["accepted"], recorded="2026-01-01T00:00:00Z", stale=("call 1 (check): header X-New is new",))

    assert (Error, "stale") == results(stale)["recording"]
    assert "X-New" in "".join(result.text or "" for case in suite_of(stale) for result in case.result)
    assert 1 == suite_of(stale).errors
