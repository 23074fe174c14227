"""PyPI `httpbin` as a fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from parts.catalogue import HTTPBIN, PARTS
from parts.not_run import need
from parts.part import HERE
from parts.process import running


@pytest.fixture(scope="session")
def httpbin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of an httpbin.

    `/basic-auth/{user}/{password}` (401 with a Basic challenge), `/hidden-basic-auth/…` (404 instead), `/bearer` (any
    bearer token; 401 with `WWW-Authenticate: Bearer`), `/status/{code}`, `/anything` (says back what it got).
    """
    need(PARTS["httpbin"])
    server = [HTTPBIN.python, HERE / "wsgi" / "httpbin_server.py"]
    with running(server, tmp_path_factory.mktemp("httpbin"), config={}) as facts:
        yield facts["http"]
