"""URLs that metadata name pass the same check, those that nobody here calls among them."""

from __future__ import annotations

import pytest

from authweave.discovery.metadata import read_metadata
from authweave.errors import DiscoveryError

ISSUER = "https://idp.example.com"
INSIDE = ["http://10.0.0.1/jwks", "https://127.0.0.1/x", "https://[::ffff:169.254.169.254]/x", "https://[64:ff9b::7f00:1]/x", "https://localhost/x", "https://[2002:7f00:1::]/x"]


@pytest.mark.parametrize("url", INSIDE)
@pytest.mark.parametrize("member", ["jwks_uri", "userinfo_endpoint", "token_endpoint", "end_session_endpoint", "registration_endpoint"])
def test_metadata_of_a_public_issuer_lead_nowhere_inside(member: str, url: str):
    """A public issuer whose metadata name an internal URL, whichever member it is, is not believed."""
    with pytest.raises(DiscoveryError, match=member):
        read_metadata({"issuer": ISSUER, member: url}, ISSUER, f"{ISSUER}/.well-known/openid-configuration")


def test_odd_members_that_nobody_calls_are_left_alone():
    """What is no URL there harms nobody, and an issuer on this machine may name this machine."""
    read_metadata({"issuer": ISSUER, "jwks_uri": 7, "userinfo_endpoint": "soon", "check_endpoint": None}, ISSUER, ISSUER)
    local = "http://127.0.0.1:8080"
    read_metadata({"issuer": local, "jwks_uri": f"{local}/jwks", "token_endpoint": f"{local}/token"}, local, local)
