"""A preview names what is not at hand in words, and each part by the key that puts it there."""

from __future__ import annotations

import pytest

from authweave.preview import preview
from authweave.values import TaskRequest
from services import engine, profile

API = "https://api.example.com"
FOUND = {"type": "oauth2", "grant_type": "client_credentials", "issuer": "https://idp.example.com"}
CODE = {"type": "oauth2", "grant_type": "authorization_code", "authorization_url": "https://idp.example.com/a", "token_url": "https://idp.example.com/t"}
BOUND = {"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://idp.example.com/t", "dpop": True}
COOKIE = {"type": "session", "token_url": "https://idp.example.com/login", "fields": [{"in": "cookie", "key": "sid", "value": "{{ token.access_token }}"}]}
SERVER = {**FOUND, "resource": "{{ inputs.server }}"}
del SERVER["issuer"]


def requests(auth, **inputs):
    made = preview(engine(inputs={}).connect(profile(auth, API, inputs=inputs), subject="anna"), TaskRequest("GET", "/x"))
    return {one.purpose: one for one in made.requests}


def origins(request):
    return {(part.place, part.key): part.origin for part in request.parts}


@pytest.mark.parametrize(("auth", "inputs"), [(FOUND, {}), (SERVER, {"server": {"format": "url"}})], ids=["issuer", "resource"])
def test_an_endpoint_that_metadata_name_is_told_in_words(auth, inputs):
    """Also where its host stands alone, and where nobody supplied whose metadata they are."""
    shown = requests(auth, **inputs)["token"]

    assert dict(shown.headers)["Host"].startswith("‹host of token endpoint from the metadata of")
    assert "stand-in" not in repr(shown)


def test_a_browser_sends_header_fields_of_its_own():
    """The link is a URL: nothing that authweave would send goes with it."""
    shown = requests(CODE)["sign_in"]

    assert () == shown.headers
    assert {("url", "")} == set(origins(shown))


def test_a_proof_comes_from_the_key_that_asks_for_it():
    """`dpop`, not an assertion that nobody wrote."""
    shown = requests(BOUND)

    assert "auth.dpop" == origins(shown["token"])["assertion", "says"] == origins(shown["task"])["assertion", "says"]


def test_a_cookie_comes_from_its_field():
    """The one Cookie header is the field's, not the caller's."""
    assert "auth.fields[0]" == origins(requests(COOKIE)["task"])["header", "Cookie"]
