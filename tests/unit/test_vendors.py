"""Words of vendors: each is told from every other, and none is seen where somebody else says something alike."""

import json

import pytest

from authweave.diagnosis import ENTRIES, Case
from authweave.diagnosis.vendors import API, CODES, TOKEN, code_in
from authweave.diagnosis.words import words_of
from authweave.values import TaskResponse
from thorough import every, few


def answered(status, body, *headers):
    """An answer in JSON."""
    return TaskResponse(status, (("Content-Type", "application/json"), *headers), json.dumps(body).encode())


@pytest.mark.parametrize("code", few(CODES.values(), every=8), ids=lambda code: code.name)
def test_a_sample_is_its_own_code_and_no_other(code):
    """Two vendors may use like words; what an answer says is one of them."""
    case = Case(response=answered(code.sample.status, code.sample.body, *code.sample.headers), facts={"token_call": code.at == TOKEN})

    assert [code.name] == [other.name for other in CODES.values() if other.at == code.at and other.is_in(case.lines)]
    assert code.row in ENTRIES


def test_a_word_has_no_line_break_and_no_full_stop():
    """What is written ends up in a report of one line each."""
    assert [] == [name for name, code in CODES.items() if "\n" in code.means + code.say or code.means.endswith(".") or code.at not in (TOKEN, API)]


ALIKE = [
    (TOKEN, {"error": "invalid_client"}),
    (TOKEN, {"error": "invalid_grant", "error_description": "the user is inactive"}),
    (TOKEN, {"error": "invalid_client", "error_description": "AADSTS70002155: another one"}),
    (API, {"error": "invalid_auth"}),
    (API, {"message": "bad credentials, said somebody else"}),
    (API, {"code": 1240, "message": "Invalid access token."}),
    (API, {"note": "INVALID_SESSION_ID"}),
    (TOKEN, {"error": "redirect_uri_mismatch", "error_description": "Bad Request"}),
    (TOKEN, {"error": "invalid_client", "error_description": "Invalid client credentials"}),
    (TOKEN, {"error": "invalid_grant", "error_description": "The refresh token has expired"}),
    (TOKEN, {"error": "invalid_request", "message": "unsupported grant type"}),
    (TOKEN, {"error": "invalid_grant", "error_description": "JWT: audience validation failed"}),
    (API, {"code": 20003, "message": "invalid signature"}),
    (API, {"message": "an inactive user"}),
]
MET = [
    ("auth0_not_authorized", TOKEN, {"error": "access_denied", "error_description": 'Client is not authorized to access "https://api.example.com". You need to create a "client-grant" associated to this API.'}),
    ("google_email", TOKEN, {"error": "invalid_grant", "error_description": "Invalid email or User ID."}),
    ("keycloak_session", TOKEN, {"error": "invalid_grant", "error_description": "Maximum allowed refresh token reuse exceeded"}),
    ("keycloak_client", TOKEN, {"error": "invalid_client", "error_description": "Invalid client or Invalid client credentials"}),
    ("salesforce_app_not_installed", TOKEN, {"error": "invalid_client", "error_description": "app must be installed into org"}),
    ("salesforce_invalid_app_access", TOKEN, {"error": "OAUTH_APP_ACCESS_DENIED", "error_description": "user is not admin approved to access this app"}),
    ("BAD_REFRESH_TOKEN", TOKEN, {"status": "BAD_REFRESH_TOKEN", "message": "missing or unknown refresh token"}),
    ("zoom_account", TOKEN, {"reason": "Account does not exist", "error": "invalid_request"}),
    ("twilio_20003", API, {"code": 20003, "message": "Authentication Error - invalid username", "status": 401}),
    ("uaa_credentials", TOKEN, {"error": "invalid_client", "error_description": "Bad credentials"}),
    ("dropbox_expired_access_token", API, {"error": {".tag": "expired_access_token"}, "error_summary": "expired_access_token/"}),
]
"""Other answers that people have published: a vendor says the same in several wordings."""


@every("at, body", ALIKE)
def test_what_is_only_alike_is_no_word_of_a_vendor(at, body):
    """Without its shape a word is anybody's."""
    assert code_in(Case(response=answered(400, body)).lines, at) is None


@every("name, at, body", MET)
def test_what_was_met_elsewhere_is_the_vendors_word_too(name, at, body):
    """The words of one year, product or sandbox are not those of another."""
    found = code_in(Case(response=answered(400, body)).lines, at)

    assert found is not None
    assert name == found.name


def test_only_members_that_tell_are_read():
    """An unknown member may hold a secret: an allow-list, two floors deep and more."""
    said = words_of(answered(400, {"error": {"code": 7, "message": "no", "token": "t0ken"}, "access_token": "t0ken", "errors": [{"reason": "x", "value": "t0ken"}], "ok": False}))

    assert (("code", "7"), ("message", "no"), ("reason", "x"), ("ok", "false")) == said


@every("body", [b"", b"\xff\xfe", b"[" * 5000, b'{"error": ' * 100, b'{"message": "' + b"x" * 70_000 + b'"}', b"a=b&c", b"<xml/>"])
def test_no_answer_is_too_odd(body):
    """Whatever comes, there are words or none, and they are short."""
    said = words_of(TaskResponse(400, (("Content-Type", "application/json"),), body))

    assert all(len(text) <= 300 for _, text in said)
