"""What could not be run: a table at the end of the run, and a failure each under `AUTHWEAVE_REQUIRE=all`.

A skip is never silent. Whatever needs a foreign part calls `need`; other skips (`pytest.skip`, `skipif`,
`importorskip`) get their row too. What the person at the keyboard chose to leave out (`-k`, `-m`, a tier) gets a
row where we know of it, and is no failure.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import NoReturn

import pytest

from parts.part import Part

HOW = "; get it: "


def missing(why: str, how: str) -> NoReturn:
    """End the test (or, while tests are collected, the module) that needs something which is not here."""
    pytest.skip(f"{why}{HOW}{how}", allow_module_level=True)


def need(part: Part) -> None:
    """Skip the test that asks, with a row in the table, unless `part` is installed. For the first line of a fixture."""
    if (reason := part.missing()) is not None:
        missing(reason, part.how)


@dataclass
class NotRun:
    """The rows: (why, how) → what."""

    rows: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def add(self, what: str, reason: str) -> None:
        why, _, how = reason.removeprefix("Skipped: ").partition(HOW)
        self.rows.setdefault((why, how or "–"), []).append(what)

    def lines(self) -> list[str]:
        """The table, in columns."""
        cells = [("what", "why", "how to get it")]
        cells += [(_summary(what), why, how) for (why, how), what in self.rows.items()]
        widths = [max(len(row[column]) for row in cells) for column in range(2)]
        return [f"{what:{widths[0]}}  {why:{widths[1]}}  {how}" for what, why, how in cells]


NOT_RUN = pytest.StashKey[NotRun]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[NOT_RUN] = NotRun()
    if os.environ.get("AUTHWEAVE_REQUIRE", "") not in ("", "all"):
        raise pytest.UsageError("AUTHWEAVE_REQUIRE: only 'all' is known")
    config.pluginmanager.register(_Collector(config.stash[NOT_RUN]), "authweave-not-run")


def is_required() -> bool:
    """Is anything not run a failure?"""
    return os.environ.get("AUTHWEAVE_REQUIRE") == "all"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        _judge(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped:
        _judge(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None, None, None]:
    """The table comes last, where it is seen."""
    yield
    not_run = config.stash[NOT_RUN]
    terminalreporter.section("not run: what, why, how to get it")
    for line in not_run.lines() if not_run.rows else ["nothing: all that was asked for ran"]:
        terminalreporter.line(line)


class _Collector:
    """Takes the rows from the reports, which also come over from the workers of a parallel run."""

    def __init__(self, not_run: NotRun) -> None:
        self._not_run = not_run

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._take(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._take(report)

    def _take(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if (reason := getattr(report, "not_run", None)) is not None:
            self._not_run.add(report.nodeid, reason)


def _judge(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Mark the report with its reason; where everything is required, make it a failure."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.__dict__["not_run"] = reason
    if is_required():
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was not run, and AUTHWEAVE_REQUIRE=all wants everything: {reason}"


def _summary(what: list[str]) -> str:
    first = what[0].split("[")[0]
    return first if len(what) == 1 else f"{len(what)} tests, first {first}"
