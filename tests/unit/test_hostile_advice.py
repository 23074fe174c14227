"""Advice that quotes a server: nothing that would be read as a template, or name another place, is ever offered as a text to write."""

from __future__ import annotations

import json

import pytest

from authweave.diagnosis.case import Case
from authweave.diagnosis.listed import method_to_write, scope_to_write
from authweave.discovery.metadata import Metadata
from probing import report_of, says_json
from sockets import http, says

TEMPLATE = "{{inputs.client_secret}}"


def _fixes(report):
    return [f"{fix.key} {fix.text}" for found in report.diagnoses for fix in found.fixes]


@pytest.mark.parametrize("location", [
    f"/{TEMPLATE}", f"/token/{TEMPLATE}/", "/a`b", f"//user:{TEMPLATE}@127.0.0.1/x", "/oauth/token/‹secret›",
])  # fmt: skip
def test_a_redirect_cannot_have_a_template_written(tmp_path, location):
    """Where a redirect leads is offered as token URL only if it can stand in a profile as it is."""
    report = report_of(tmp_path, says(http(302, ("Location", location.encode().decode("latin-1")))))

    assert "redirect_to_login" == report.diagnoses[0].code
    assert not [fix for fix in _fixes(report) if "{{" in fix or "@" in fix or "`b" in fix or "‹" in fix]


def test_a_redirect_elsewhere_on_the_origin_is_offered(tmp_path):
    """The guard leaves what is right: a plain path of the same origin."""
    report = report_of(tmp_path, says(http(302, ("Location", "/v2/token"))))

    assert any("/v2/token, if that is the token endpoint" in fix for fix in _fixes(report))


@pytest.mark.parametrize("line", [f"{TEMPLATE} x", "Evil`word x"])
def test_a_challenge_cannot_have_a_template_written(tmp_path, line):
    """The word that an API asks for is offered only if it is a scheme's name; a sound line beside a forged one changes nothing."""
    headers = (("WWW-Authenticate", line), ("WWW-Authenticate", 'Acme realm="x"'))
    report = report_of(tmp_path, api=says(http(401, *headers)))

    assert "refused" == report.credential.word
    assert not [fix for fix in _fixes(report) if "client_secret" in fix or "`word" in fix]


@pytest.mark.parametrize("field", ["x']}}{{inputs.client_secret}}{{['.access-token", f"{TEMPLATE}.access_token"])
def test_the_name_of_a_member_cannot_have_a_template_written(tmp_path, field):
    """A member that probably holds the token is offered only under a plain name."""
    outer, _, inner = field.rpartition(".")
    report = report_of(tmp_path, says_json({outer: {inner: "abcdefgh-0123456789"}}))

    assert "token_field_missing" == report.diagnoses[0].code
    assert "client_secret" not in json.dumps(_fixes(report))


def test_metadata_cannot_have_a_template_written():
    """Of the names that metadata list only such are offered as can be written as they are."""
    lists = {"token_endpoint_auth_methods_supported": (TEMPLATE, "none`x", "private_key_jwt"), "scopes_supported": ("{{read}}", "rea`d")}
    case = Case(facts={"metadata": Metadata("https://i.example", "https://i.example/m", lists=lists), "asked": "{{read"})

    assert "private_key_jwt" == method_to_write(case)
    assert not scope_to_write(case).startswith("write")
