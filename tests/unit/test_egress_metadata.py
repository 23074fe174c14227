"""URLs that metadata name pass the same check, those that nobody here calls among them."""

from __future__ import annotations

import json

import pytest

from authweave import loads
from authweave.discovery.metadata import read_metadata, refuse_named
from authweave.egress.guard import guard_of
from authweave.errors import DiscoveryError
from authweave.settings import Settings
from outside import PUBLIC, Outside, guarded, names, public
from sockets import http
from thorough import every

ISSUER = "https://idp.example.com"
INSIDE = ["http://10.0.0.1/jwks", "https://127.0.0.1/x", "https://[::ffff:169.254.169.254]/x", "https://[64:ff9b::7f00:1]/x", "https://localhost/x", "https://[2002:7f00:1::]/x"]


@every("url", INSIDE)
@every("member", ["jwks_uri", "userinfo_endpoint", "token_endpoint", "end_session_endpoint", "registration_endpoint"])
def test_metadata_of_a_public_issuer_lead_nowhere_inside(member: str, url: str):
    """A public issuer whose metadata name an internal URL, whichever member it is, is not believed."""
    with pytest.raises(DiscoveryError, match=member):
        read_metadata({"issuer": ISSUER, member: url}, ISSUER, f"{ISSUER}/.well-known/openid-configuration")


def test_odd_members_that_nobody_calls_are_left_alone():
    """What is no URL there harms nobody, and an issuer on this machine may name this machine."""
    read_metadata({"issuer": ISSUER, "jwks_uri": 7, "userinfo_endpoint": "soon", "check_endpoint": None}, ISSUER, ISSUER)
    local = "http://127.0.0.1:8080"
    read_metadata({"issuer": local, "jwks_uri": f"{local}/jwks", "token_endpoint": f"{local}/token"}, local, local)


NAMED = ["jwks_uri", "userinfo_endpoint", "end_session_endpoint", "introspection_endpoint", "pushed_authorization_request_endpoint", "mtls"]
REFUSED = [
    "http://idp.example.com/x", "https://metadata.google.internal/x", "https://2130706433/x", "https://intranet/x", "https://idp.example.com:6379/x",
    "file:///etc/passwd", "javascript:alert(1)", "gopher://127.0.0.1:6379/_x", "https://user:pw@idp.example.com/x", "https://idp.example.com\\@127.0.0.1/", "https://[fd00:ec2::254]/x",
]  # fmt: skip


@every("url", REFUSED)
@every("member", NAMED)
def test_under_strict_every_url_of_metadata_passes_the_same_check(member: str, url: str):
    """Whichever member it is, called or not: metadata that name what may not be called get no token call. Without the policy some are good."""
    named = {"mtls_endpoint_aliases": {"token_endpoint": url}} if member == "mtls" else {member: url}
    said = {"issuer": "", "token_endpoint": "", "response_types_supported": ["code"], **named}
    asked = []

    def idp(peer):
        asked.append(peer.request().line)
        peer.send(http(200, ("Content-Type", "application/json"), body=json.dumps(said).encode()))

    with public(idp, "idp.example.com") as server:
        origin = f"https://idp.example.com:{server.port}"
        said |= {"issuer": origin, "token_endpoint": f"{origin}/token"}
        text = {"format": 1, "name": "acme", "identity_provider": "A", "servers": ["https://api.example.com"], "auth": {"type": "oauth2", "grant_type": "client_credentials", "issuer": origin}}
        with pytest.raises(DiscoveryError, match="token_endpoint" if member == "mtls" else member):
            guarded(Outside(), names(idp=[PUBLIC])).connect(loads(json.dumps(text), "acme.json")).token().result(20)

    assert all("/.well-known/" in line for line in asked)


def test_a_resource_that_names_an_internal_server_is_not_followed():
    """RFC 9728: each of the authorization servers that a resource names passes the check."""
    with pytest.raises(DiscoveryError, match="authorization_servers may not be called"):
        refuse_named({"authorization_servers": ["https://idp.example.com", "https://metadata.google.internal"]}, "https://api.example.com", guard_of(Settings.load({"egress": "strict"}, env={})).why_not_named)
