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
from thorough import every

ADAPTERS = (by_requests.ProfileAuth, by_aiohttp.ProfileAuth)
KEY = {"type": "api_key"}


@pytest.mark.parametrize("adapter", [*ADAPTERS, Whose.of], ids=["requests", "aiohttp", "gRPC"])
def test_a_connection_that_is_given_has_one_name_everywhere(adapter: Any) -> None:
    """The name that a person types, for this tenant and user: the same in the log of every adapter."""
    connection = engine().connect(profile(KEY, "https://api.acme.example", version="1.2.0"), tenant="blue", subject="anna")
    named = adapter(connection).named

    assert Named("acme", "blue", "anna") == named
    assert "authweave test acme --tenant blue --subject anna" == named.command


@every("adapter", ADAPTERS, ids=["requests", "aiohttp"])
@every("path", ["v1/{key}", "/v1?a=b", "/v1#a"])
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


WRITTEN = {"profile": "acme-crm@1", "tenant": "blue", "subject": "anna", "servers": ["https://a.acme.example", "https://b.acme.example"]}


@every(
    "given",
    [
        "acme-crm@1,tenant=blue,subject=anna,server=https://a.acme.example,server=https://b.acme.example",
        " acme-crm@1 , tenant=blue,subject=anna , server=https://a.acme.example,server=https://b.acme.example",
        WRITTEN, {**WRITTEN, "inputs": None}, {**WRITTEN, "servers": tuple(WRITTEN["servers"])},
    ],
)  # fmt: skip
def test_a_text_and_a_map_name_the_same(given: Any) -> None:
    """One text where there is one field, a map where there are more; null in a map is as good as nothing."""
    named = Named.of(given)

    assert Named("acme-crm@1", "blue", "anna", ("https://a.acme.example", "https://b.acme.example")) == named
    assert "acme-crm@1,tenant=blue,subject=anna" == str(named)
    assert named is Named.of(named)


def test_one_server_in_a_map_may_be_a_text_and_inputs_are_never_shown() -> None:
    """What is secret may be among the inputs."""
    named = Named.of({"profile": "acme", "servers": "https://a.acme.example", "inputs": {"api_key": "k3y"}})

    assert (("https://a.acme.example",), {"api_key": "k3y"}) == (named.servers, named.inputs)
    assert "k3y" not in f"{named!r}{named}{named.command}"


@every(
    "given, says",
    [
        ("", "no profile is named"), (",tenant=blue", "no profile is named"), ({}, "no profile is named"), ({"profile": 7}, "no profile is named"),
        ("acme,blue", "names no profile"), ("acme,tenant=", "names no profile"), ("acme,inputs=x", "names no profile"),
        ("acme,tenant=a,tenant=b", "names tenant twice"), ("acme,subject=a,subject=b", "names subject twice"),
        ({"profile": "acme", "tennant": "k3y"}, "not with tennant"), ({"profile": "acme", "inputs": ["k3y"]}, "inputs is a map"),
        ({"profile": "acme", "servers": 7}, "servers is a list"), ({"profile": "acme", "servers": [7]}, "servers is a list"), (7, "not by int"),
    ],
)  # fmt: skip
def test_what_names_no_profile_is_refused_where_it_is_written(given: Any, says: str) -> None:
    """A UsageError that says what would be right, and repeats no value of a map."""
    with pytest.raises(UsageError, match=says) as caught:
        Named.of(given)

    assert "k3y" not in str(caught.value)


@pytest.mark.parametrize("given", [{"inputs": {7: "k3y"}}, {"inputs": {None: "k3y", "x": "k3y"}}, {"servers": [7]}, {"servers": [b"https://a.acme.example"]}])
def test_what_is_no_text_is_refused_where_it_connects(given: Any) -> None:
    """A host's configuration read from YAML may hold numbers and nulls where names and URLs belong: a UsageError, without a value."""
    with engine() as run, pytest.raises(UsageError, match=r"has no input|servers are a list") as caught:
        run.connect(profile({"type": "api_key"}, "https://api.acme.example"), **given)

    assert "k3y" not in str(caught.value)
