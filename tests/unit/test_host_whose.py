"""What the adapters have in common: whose credential they apply, and how they call it."""

from __future__ import annotations

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
