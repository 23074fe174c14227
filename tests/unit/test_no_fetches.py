"""Nothing that certificates, tokens, assertions and answers name is fetched: no OCSP, no list of revoked ones, no missing authority, no key by URL, no entity."""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from authweave.engine import Engine
from authweave.errors import AuthweaveError
from authweave.preview import preview
from authweave.probe import test_profile as probe_profile
from authweave.settings import Settings
from authweave.wire import Wire
from certificates import Issued, server_context
from services import profile, says, talks
from sockets import Server
from thorough import few

DAY = timedelta(days=1)


class Pointing:
    """An authority whose certificates point at a URL wherever they can; `middle` signs those of servers, and is not shown by them."""

    def __init__(self, url):
        self.url = url
        self.key, self.middle_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
        self.root = self._made("pointing authority", self.key, "pointing authority", self.key, is_authority=True)
        self.middle = self._made("pointing middle", self.middle_key, "pointing authority", self.key, is_authority=True)

    def issued(self, *, by_middle=False):
        key = ec.generate_private_key(ec.SECP256R1())
        signer = ("pointing middle", self.middle_key) if by_middle else ("pointing authority", self.key)
        return Issued(_pem(self._made("127.0.0.1", key, *signer)), key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode())

    def _made(self, name, key, issuer, signer, *, is_authority=False):
        now, at = datetime.now(UTC), x509.UniformResourceIdentifier(self.url)
        ways = (AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS)
        built = (
            x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name(issuer)).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY).not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.AuthorityInformationAccess([x509.AccessDescription(way, at) for way in ways]), critical=False)
            .add_extension(x509.CRLDistributionPoints([x509.DistributionPoint([at], None, None, None)]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        )  # fmt: skip
        if not is_authority:
            built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False)
        return built.sign(signer, hashes.SHA256())


def _name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _jwt(url):
    """A token that names its keys by URL, in every way there is."""
    head = {"alg": "ES256", "typ": "at+jwt", "jku": url, "x5u": url, "kid": url, "crit": []}
    claims = {"iss": url, "sub": "a", "aud": "b", "exp": 4102444800, "cnf": {"jku": url}, "_claim_names": {"x": "src"}, "_claim_sources": {"src": {"endpoint": url, "access_token": "t"}}}
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (head, claims, {"no": "signature"}))


def _saml(url):
    return f"""<!DOCTYPE a SYSTEM "{url}dtd" [<!ENTITY e SYSTEM "{url}entity"><!ENTITY % p SYSTEM "{url}parameter"> %p;]>
<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" xsi:schemaLocation="{url}s {url}s" ID="_1" Version="2.0">
<saml:Issuer>&e;</saml:Issuer><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:RetrievalMethod URI="{url}key"/></ds:KeyInfo></saml:Assertion>"""


class Places:
    """A token endpoint, metadata and an API that point elsewhere in whatever they say."""

    def __init__(self, watched):
        self.watched = watched
        self.asked = []

    def __call__(self, request):
        self.asked.append(request.target)
        url, token = self.watched, _jwt(self.watched)
        links = ("Link", f'<{url}>; rel="preload", <{url}>; rel="http://openid.net/specs/connect/1.0/issuer"')
        if "/token" in request.target:
            named = dict.fromkeys(("jwks_uri", "error_uri", "logo_uri", "registration_client_uri", "@context", "$schema", "$ref"), url)
            return says({"access_token": token, "id_token": token, "token_type": "Bearer", "expires_in": 60, **named}, 200, links)
        challenge = ("WWW-Authenticate", f'Bearer error="insufficient_scope", resource_metadata="{url}", error_uri="{url}", realm="{url}"')
        return says({"$ref": url, "@context": url, "next": url}, 403, challenge, links, ("Refresh", f"0; url={url}"), ("Content-Location", url))


def knocked(run, made):
    """Each door; whatever comes of it."""
    connection = run.connect(made)
    doors = (
        lambda: probe_profile(run, made), lambda: connection.token().result(10), lambda: preview(connection), lambda: connection.revoke().result(10),
        lambda: _sent_by_client(connection), run.status,
    )  # fmt: skip
    for door in doors:
        with contextlib.suppress(AuthweaveError, httpx.HTTPError):
            door()


def _sent_by_client(connection):
    with connection.client() as client:
        client.get("/v1/me")


@pytest.mark.parametrize("by_middle", few([True, False], every=2), ids=["an authority is missing", "whole chain"])
def test_nothing_is_fetched_that_certificates_tokens_and_answers_name(by_middle):
    """Server and client certificates with OCSP, issuers and revocation lists, tokens with `jku` and `x5u`, SAML with entities, answers with links: nobody is asked."""
    with Server(talks(lambda request: says({}))) as watcher:
        authority = Pointing(watcher.url)
        mine = authority.issued()
        places = Places(watcher.url)
        with Server(talks(places), tls=server_context(authority.issued(by_middle=by_middle))) as server:
            origin = server.url.rstrip("/")
            inputs = {"client_id": "robot", "client_secret": "s3cr3t-of-the-client", "cert": mine.certificate, "key": mine.key, "assertion": _saml(watcher.url), "jwt": _jwt(watcher.url)}
            declared = {"cert": {"type": "pem"}, **{name: {"secret": True, "type": "pem" if name == "key" else "string"} for name in ("key", "assertion", "jwt")}}
            oauth = {"type": "oauth2", "token_url": f"{origin}/token"}
            kinds = {
                "own": {**oauth, "grant_type": "client_credentials"},
                "saml": {**oauth, "grant_type": "saml2_bearer", "assertion": "{{ inputs.assertion }}"},
                "jwt": {**oauth, "grant_type": "jwt_bearer", "assertion": "{{ inputs.jwt }}"},
                "by key": {**oauth, "grant_type": "client_credentials", "client_auth": "private_key_jwt", "client_assertion": {"algorithm": "ES256", "signing_key": "{{ inputs.key }}"}},
            }  # fmt: skip
            for name, auth in kinds.items():
                used = {one: spec for one, spec in declared.items() if f"inputs.{one}" in json.dumps(auth) or one in ("cert", "key")}
                tls = {"certificate": "{{ inputs.cert }}", "private_key": "{{ inputs.key }}"}
                made = profile(auth, origin, inputs=used, tls=tls, test={"request": {"url": "/v1/me"}})
                wire = Wire(environ={}, proxy="", ca=_pem(authority.root))
                given = {one: value for one, value in inputs.items() if one in made.inputs}
                with Engine(wire=wire, inputs=given, settings=Settings.load({"sources": []}, env={})) as run:
                    knocked(run, made)
                assert by_middle or {"/token", "/v1/me"} <= set(places.asked), name
                places.asked.clear()
        assert (0, True) == (watcher.connections, server.connections > 0)
