"""A preview of assertions: what they say, and what stands for one whose key is not at hand."""

from __future__ import annotations

import pytest

import signing
from authweave.preview import preview
from authweave.values import TaskRequest
from services import engine, profile

OAUTH = {"type": "oauth2", "grant_type": "jwt_bearer", "token_url": "https://idp.example.com/t", "assertion": {"claims": {"sub": "{{ inputs.user }}"}}}
CLIENT = {"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://idp.example.com/t", "client_auth": "private_key_jwt"}
SAML = {"type": "oauth2", "grant_type": "saml2_bearer", "token_url": "https://idp.example.com/t", "assertion": "{{ inputs.saml }}"}
SELF = {"type": "jwt", "assertion": {"claims": {"iss": "{{ inputs.signing_key | fingerprint | hex }}"}}}
INPUTS = {"user": {}, "saml": {"secret": True}}


def previewed(auth, **inputs):
    used = {name: spec for name, spec in INPUTS.items() if f"inputs.{name}" in str(auth)}
    made = profile(auth, "https://api.example.com", inputs=used)
    given = {name: value for name, value in inputs.items() if name in made.inputs}
    return preview(engine(inputs={"client_id": "bot"}).connect(made, inputs=given), TaskRequest("GET", "/x"))


def parts(found, purpose):
    request = next(one for one in found.requests if one.purpose == purpose)
    assert not request.error
    return {(part.place, part.key): part.value for part in request.parts}


@pytest.mark.parametrize(("auth", "purpose"), [(OAUTH, "token"), (CLIENT, "token"), (SELF, "task")], ids=["grant", "client", "jwt"])
def test_what_an_assertion_says_is_shown(auth, purpose):
    """Algorithm and claims, decoded; the signed text itself is masked."""
    found = previewed(auth, user="ada", signing_key=signing.pem(signing.key()))

    says = parts(found, purpose)["assertion", "says"]
    assert says.startswith("alg=RS256")
    assert ("sub=ada" in says) is (auth is OAUTH)
    assert ("aud=https://idp.example.com/t" in says) is (purpose == "token")
    assert "eyJ" not in repr(found)


def test_a_claim_from_a_secret_file_is_masked():
    """What is made from a secret is a secret; the audience is a URL that the profile names."""
    made = profile(
        {**OAUTH, "assertion": {"signing_key": "{{ inputs.file.key }}", "key_id": "{{ inputs.file.id }}", "claims": {"iss": "{{ inputs.file.email }}"}}},
        "https://api.example.com", inputs={"file": {"type": "json", "secret": True}},
    )  # fmt: skip
    given = {"file": {"key": signing.pem(signing.key()), "id": "k1-planted-id", "email": "robot@planted.example", "token_uri": "https://idp.example.com/t"}}

    found = preview(engine(inputs={}).connect(made, inputs=given), TaskRequest("GET", "/x"))

    says = parts(found, "token")["assertion", "says"]
    assert "planted" not in repr(found)
    assert "iss=‹secret iss: 21 chars" in says
    assert "aud=https://idp.example.com/t" in says


def test_a_claim_whose_input_is_missing():
    """The others are shown, and its place is named."""
    found = previewed(OAUTH, signing_key=signing.pem(signing.key()))

    assert "sub=‹user: not supplied›" in parts(found, "token")["assertion", "says"]


@pytest.mark.parametrize(
    ("auth", "purpose", "place", "name"),
    [(OAUTH, "token", ("payload", "assertion"), "assertion"), (CLIENT, "token", ("payload", "client_assertion"), "client_assertion"), (SELF, "task", ("header", "Authorization"), "assertion")],
    ids=["grant", "client", "jwt"],
)
def test_a_key_that_is_missing(auth, purpose, place, name):
    """The request is shown with words in the place of the assertion."""
    found = previewed(auth, user="ada")

    assert f"‹{name}: signing_key not supplied›" in parts(found, purpose)[place]
    assert "stand-in" not in repr(found)


def test_a_saml_assertion_that_is_missing():
    """A text that is ready has a stand-in, too."""
    found = previewed(SAML)

    assert "stand-in" not in repr(found)
    assert not next(one for one in found.requests if one.purpose == "token").error
