"""The next run of a test says what is otherwise; and nothing of that ever stands in the way of a test."""

import dataclasses
import json
import os
import re
import stat

import pytest

from authweave.cli.testing.last_run import MOST, compared, is_wanted
from authweave.probe.comparing import differences, essence
from authweave.report import Diagnosis, Report, Stage, Verdict
from thorough import every

BEFORE = Report(
    profile="acme", version="1.0.0", source="acme.yaml", tenant="eu", started="2026-01-01T10:00:00Z",
    token=Verdict("refused", "no"), credential=Verdict("not_tested"), diagnoses=(Diagnosis("invalid_client", "error", "token_call", "No."),),
    stages=(Stage("token_call", "failed", 90.0, "POST 401"), Stage("api_probe", "ok", 900.0, about="a"), Stage("load", "ok", 1.0)),
)  # fmt: skip


def after(**changes):
    """The run after it."""
    return dataclasses.replace(BEFORE, started="2026-01-01T10:03:10Z", **changes)


def told(**changes):
    return differences(json.loads(json.dumps(essence(BEFORE))), after(**changes))


@every(
    "changes, lines",
    [
        ({}, ()),
        ({"token": Verdict("obtained")}, ("token: refused → obtained",)),
        ({"credential": Verdict("accepted")}, ("credential: not tested → accepted",)),
        ({"diagnoses": ()}, ("invalid_client is gone",)),
        ({"diagnoses": (*BEFORE.diagnoses, Diagnosis("api_403", "error", "api_probe", "No."))}, ("new: api_403",)),
        ({"version": "1.1.0"}, ("profile: 1.0.0 → 1.1.0",)),
        ({"version": ""}, ("profile: 1.0.0 → not valid",)),
        ({"stages": (Stage("token_call", "ok", 2100.0),)}, ("token call 90 ms → 2100 ms",)),
        ({"stages": (Stage("token_call", "ok", 500.0),)}, ()),
        ({"stages": (Stage("api_probe", "ok", 1900.0, about="a"),)}, ()),
        ({"stages": (Stage("api_probe", "ok", 40.0, about="a"),)}, ("api probe a 900 ms → 40 ms",)),
        ({"stages": (Stage("api_probe", "ok", 40.0, about="b"), Stage("load", "ok", 9.0))}, ()),
    ],
)
def test_what_is_otherwise(changes, lines):
    """Verdicts, codes and the profile always; times only where they differ much, of the same stage and test."""
    assert lines == told(**changes)


def test_nothing_that_was_sent_or_answered_is_kept():
    """Only words, codes and times are."""
    kept = json.dumps(essence(BEFORE))

    assert "POST" not in kept
    assert {"format", "started", "version", "token", "credential", "codes", "stages"} == set(json.loads(kept))


def test_the_second_run_has_something_to_compare_with(tmp_path):
    """By file, tenant and subject; each its own file, for its owner alone."""
    place = tmp_path / "state" / "runs"

    assert BEFORE == compared(BEFORE, place)
    again = compared(after(token=Verdict("obtained"), diagnoses=()), place)
    of_other = [compared(after(tenant="us"), place), compared(after(subject="ada"), place), compared(after(source="b.yaml"), place)]

    assert (("token: refused → obtained", "invalid_client is gone"), BEFORE.started) == (again.compared, again.compared_with)
    assert [((), "")] * 3 == [(one.compared, one.compared_with) for one in of_other]
    assert "10:03:10" in compared(after(), place).compared_with
    files = list(place.iterdir())
    assert 4 == len(files)
    if os.name == "posix":
        assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in files}
        assert 0o700 == stat.S_IMODE(place.stat().st_mode)
    assert all(re.fullmatch(r"[0-9a-f]{32}\.json", file.name) for file in files)


def test_a_place_that_cannot_be_written_is_no_hindrance(tmp_path):
    """No comparison, no word."""
    blocked = tmp_path / "file"
    blocked.write_text("")

    assert BEFORE == compared(BEFORE, blocked / "runs")
    assert after() == compared(after(), blocked / "runs")


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"format": 9}', b'{"format": 1}', b'{"format": 1, "started": 3, "version": [], "token": {}, "credential": 1, "codes": 7, "stages": 1}', b"[" * 70000],
)
def test_a_file_that_is_none_is_written_anew(tmp_path, content):
    """Whatever stands there."""
    compared(BEFORE, tmp_path)
    [file] = tmp_path.iterdir()
    file.write_bytes(content)

    assert ((), "") == (compared(after(), tmp_path).compared, compared(after(), tmp_path).recorded)
    assert essence(after()) == json.loads(file.read_bytes())


def test_only_so_many_are_remembered(tmp_path):
    """The oldest are forgotten."""
    for number in range(MOST + 5):
        (tmp_path / f"{number:032x}.json").write_text("{}")
        os.utime(tmp_path / f"{number:032x}.json", (number, number))

    compared(BEFORE, tmp_path)

    left = sorted(path.name for path in tmp_path.iterdir())
    assert MOST == len(left)
    assert f"{5:032x}.json" not in left


def test_replays_and_what_has_no_file_are_not_compared(tmp_path):
    """Their answers are not of today."""
    for report in (dataclasses.replace(BEFORE, recorded="2026-01-01T00:00:00Z"), dataclasses.replace(BEFORE, source="")):
        assert report == compared(report, tmp_path)

    assert [] == list(tmp_path.iterdir())


@every("environ, wanted", [({}, True), ({"CI": "true"}, False), ({"CI": "1"}, False), ({"CI": "false"}, True), ({"CI": ""}, True)])
def test_not_on_a_build_server(environ, wanted):
    """Which says so in CI."""
    assert wanted == is_wanted(environ)
