"""What "test auth" says of metadata and registration: a stage of its own, what came back, and what to change."""

from __future__ import annotations

import pytest

from authorizing import OAUTH, OPENID, AuthorizationServer
from authweave.probe import test_profile as probe
from services import INPUTS, Api, Reply, engine, profile, says, serving


@pytest.fixture
def server():
    with serving(AuthorizationServer(clients={"robot": INPUTS["client_secret"]})) as made:
        yield made


def report_of(server, inputs=INPUTS, **auth):
    made = {"type": "oauth2", "grant_type": "client_credentials", "issuer": server.issuer, **auth}
    with serving(Api()) as api:
        return probe(engine(inputs=inputs), profile(made, api.url, test={"request": {"url": "/me"}}))


def stage(report, name="discovery"):
    return next((one for one in report.stages if one.name == name), None)


def test_what_was_found_is_a_stage(server):
    """Before the token call: whose metadata, and which endpoints they name."""
    report = report_of(server)

    assert "accepted" == report.credential.word
    assert ["dns", "connect", "tls", "discovery", "token_call"] == [one.name for one in report.stages if one.name in ("dns", "connect", "tls", "discovery", "token_call")]
    assert ("ok", f"metadata of {server.issuer}: authorization_url, registration_url, revocation_url, token_url") == (stage(report).status, stage(report).text)


def test_a_registration_is_told_and_its_secret_is_not(server):
    """The client's secret is in no part of the report."""
    report = report_of(server, {}, registration={"client_name": "bot"})

    assert stage(report).text.endswith("registered as a client")
    assert "s3cr3t-of-registered" not in repr(report)
    assert "manage-1" not in repr(report)


@pytest.mark.parametrize(("reply", "code"), [
    (Reply(404, b""), "discovery_not_found"), (Reply(500, b""), "discovery_unreachable"), (Reply(200, b"<html>"), "discovery_unreadable"),
    (says({"issuer": "https://attacker.example"}), "discovery_mismatch"),
])  # fmt: skip
def test_metadata_that_are_of_no_use_are_told(server, reply, code):
    """One block: what came back, and the key to change; the credential was not judged."""
    server.replies[OAUTH] = server.replies[OPENID] = reply

    report = report_of(server)

    [found] = report.diagnoses
    assert (code, "failed") == (found.code, stage(report).status)
    assert "auth.issuer" in [fix.key for fix in found.fixes]
    assert "not_tested" == report.credential.word


def test_an_endpoint_that_must_not_be_called_is_told(server):
    """The twin of a hostile server."""
    server.metadata["token_endpoint"] = "javascript:alert(1)"

    assert ["discovery_endpoint"] == [one.code for one in report_of(server).diagnoses]


def test_a_refused_registration_is_told(server):
    """In the server's words."""
    server.replies["/register"] = says({"error": "invalid_client_metadata", "error_description": "no bots"}, 400)

    [found] = report_of(server, {}, registration={"client_name": "bot"}).diagnoses

    assert "registration_refused" == found.code
    assert "no bots" in found.sentence


@pytest.mark.parametrize(("metadata", "auth", "code", "listed"), [
    ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, {}, "unsupported_client_auth", "private_key_jwt"),
    ({"grant_types_supported": ["authorization_code"]}, {}, "unsupported_grant", "authorization_code"),
    ({"scopes_supported": ["read"]}, {"scopes": ["read", "wirte"]}, "unsupported_scope", "wirte"),
])  # fmt: skip
def test_what_metadata_speak_against_is_a_warning(server, metadata, auth, code, listed):
    """Said, and never acted on: the profile is followed, and the server judges."""
    server.metadata |= metadata

    report = report_of(server, **auth)

    [found] = [one for one in report.diagnoses if one.code == code]
    assert ("warning", listed) == (found.severity, listed if listed in found.sentence else found.sentence)
    assert ("warning", "accepted") == (stage(report).status, report.credential.word)


def test_what_metadata_list_is_no_warning(server):
    """The twin."""
    server.metadata |= {"token_endpoint_auth_methods_supported": ["client_secret_basic"], "grant_types_supported": ["client_credentials"], "scopes_supported": ["read"]}

    assert () == report_of(server, scopes=["read"]).diagnoses
