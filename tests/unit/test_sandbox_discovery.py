"""Profiles without endpoints in the sandbox: its servers have metadata, as the profile's issuer or resource would."""

from __future__ import annotations

import pytest

from authweave.preview import preview
from authweave.probe import test_profile as probe
from authweave.sandbox import Sandbox
from services import engine, profile

pytestmark = pytest.mark.thorough

API = "https://api.acme.example"


def made(auth, **more):
    return profile({"type": "oauth2", **auth}, API, test={"request": {"url": "/me"}}, **more)


@pytest.mark.parametrize("auth", [
    {"grant_type": "client_credentials", "issuer": "https://idp.acme.example"},
    {"grant_type": "client_credentials", "issuer": "https://idp.acme.example/realms/{{ inputs.realm }}"},
    {"grant_type": "client_credentials", "resource": f"{API}/mcp"},
])  # fmt: skip
def test_metadata_lead_to_the_sandbox(auth):
    """The whole way: well-known place, token endpoint, API."""
    shown = made(auth, **({"inputs": {"realm": {}}} if "realm" in str(auth) else {}))

    with Sandbox([shown]) as box:
        report = probe(box.engine(), shown, sandbox=True)

    assert "accepted" == report.credential.word, report.diagnoses
    assert "ok" == next(stage.status for stage in report.stages if stage.name == "discovery")


def test_what_the_profile_writes_stands():
    """Nobody asks for metadata."""
    shown = made({"grant_type": "client_credentials", "issuer": "https://idp.acme.example", "token_url": "https://idp.acme.example/t"})

    with Sandbox([shown]) as box:
        report = probe(box.engine(), shown, sandbox=True)
        assert "accepted" == report.credential.word
        assert not [stage for stage in report.stages if stage.name == "discovery"]


def test_the_preview_says_whose_metadata_name_an_endpoint():
    """Offline nobody asks: what metadata and registration would give is named, and by whom."""
    shown = made({"grant_type": "client_credentials", "issuer": "https://idp.acme.example", "registration": {"client_name": "bot"}})

    [token, _] = preview(engine(inputs={}).connect(shown)).requests

    assert "‹token endpoint from the metadata of https://idp.acme.example›" == token.url
    assert "registration at https://idp.acme.example" in str(token.headers)
