"""What was counted at the servers, for the table at the end of the run."""

from __future__ import annotations

import pytest

from parts.parallel import COUNTED


@pytest.fixture(scope="session")
def counted(request: pytest.FixtureRequest) -> list[str]:
    """Lines for the table."""
    return request.config.stash[COUNTED]
