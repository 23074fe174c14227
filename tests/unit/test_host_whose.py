"""What the adapters have in common: whose credential they apply, and how they call it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from authweave.errors import UsageError
from authweave.hosts import aiohttp as by_aiohttp
from authweave.hosts import requests as by_requests
from authweave.hosts.named import Named
from authweave.hosts.whose import Whose
from services import engine, profile

ADAPTERS = (by_requests.ProfileAuth, by_aiohttp.ProfileAuth)
KEY = {"type": "api_key"}


@pytest.mark.parametrize("adapter", [*ADAPTERS, Whose.of], ids=["requests", "aiohttp", "gRPC"])
def test_a_connection_that_is_given_has_one_name_everywhere(adapter: Any) -> None:
    """The name that a person types, for this tenant and user: the same in the log of every adapter."""
    connection = engine().connect(profile(KEY, "https://api.acme.example", version="1.2.0"), tenant="blue", subject="anna")
    named = adapter(connection).named

    assert Named("acme", "blue", "anna") == named
    assert "authweave test acme --tenant blue --subject anna" == named.command


@pytest.mark.parametrize("adapter", ADAPTERS, ids=["requests", "aiohttp"])
@pytest.mark.parametrize("path", ["v1/{key}", "/v1?a=b", "/v1#a"])
def test_a_template_for_a_path_is_the_path_alone(adapter: Any, path: str) -> None:
    """Refused where it is written, by both, also by `at`."""
    for make in (lambda: adapter("acme", path=path), lambda: adapter("acme").at(path)):
        with pytest.raises(UsageError, match="begins with /"):
            make()


@pytest.mark.parametrize("package", ["requests", "aiohttp", "grpc"])
def test_an_adapter_whose_package_is_not_there_names_its_extra(package: str) -> None:
    """One line that says what to install, without the error that led to it."""
    code = f"import sys; sys.modules[{package!r}] = None; import authweave.hosts.{package}"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert f"pip install 'authweave[{package}]'" in ended.stderr.splitlines()[-1]
    assert "During handling" not in ended.stderr
