"""What was counted at the servers, as a table at the end of the run."""

from __future__ import annotations

import pytest

COUNTED = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def counted(request: pytest.FixtureRequest) -> list[str]:
    """Lines for the table."""
    return request.config.stash.setdefault(COUNTED, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if lines := config.stash.get(COUNTED, []):
        terminalreporter.section("counted at the server")
        for line in lines:
            terminalreporter.line(line)
