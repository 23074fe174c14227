"""A run in parallel (`pytest -n auto`): what its workers know for the end of the run, told by the one that prints it.

Reports come over by themselves; what is said without one does not: tests of a tier that was not chosen, and what was
counted at the servers.
"""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest

from parts.not_run import NOT_RUN

COUNTED = pytest.StashKey[list[str]]()
NOT_CHOSEN = pytest.StashKey[list[tuple[str, str]]]()
_HEARD = pytest.StashKey[bool]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[COUNTED], config.stash[NOT_CHOSEN], config.stash[_HEARD] = [], [], False


def pytest_sessionfinish(session: pytest.Session) -> None:
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["counted"] = session.config.stash[COUNTED]
        output["not_chosen"] = [list(row) for row in session.config.stash[NOT_CHOSEN]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many more than processors: tests wait a good deal, for leases that run out more than for anything else."""
    processors = os.cpu_count() or 1
    return processors + (processors + 1) // 2


def pytest_collection() -> None:
    """Nearly all of what collecting tests makes is kept: to look for garbage meanwhile took a tenth of its time."""
    gc.disable()


def pytest_collection_finish() -> None:
    """What was collected stays until the end: no collection of garbage needs to look through it again, which took a tenth of the time; nor so often."""
    gc.enable()
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    output = getattr(node, "workeroutput", None) or {}
    stash = node.config.stash
    stash[COUNTED].extend(output.get("counted", ()))
    if not stash[_HEARD] and "not_chosen" in output:  # every worker leaves out the same
        stash[_HEARD] = True
        for what, reason in output["not_chosen"]:
            stash[NOT_RUN].add(what, reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash[COUNTED]:
        terminalreporter.section("counted at the server")
        for line in lines:
            terminalreporter.line(line)
