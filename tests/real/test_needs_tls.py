"""Client certificates and servers that signed themselves, at nginx and oidc-provider: their TLS decides."""

from __future__ import annotations

import asyncio
import base64
import ssl
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey

import certificates
from authweave.cli.request import sent
from authweave.errors import InvalidInput, NeedsClient, OriginRefused, TokenEndpointError
from authweave.probe import test_profile
from authweave.values import TaskRequest
from parts.certificates import Authority, Certificate
from parts.nginx import API_KEY, Nginx
from parts.oidc import OidcProvider
from services import engine, profile
from sockets import redirects, tls_server

DECLARED = {
    "certificate": {"type": "pem", "secret": True}, "private_key": {"type": "pem", "secret": True},
    "ca": {"type": "pem", "required": False}, "verify": {"type": "boolean", "default": True},
}  # fmt: skip
BELIEVES = {"ca": "{{ inputs.ca }}", "verify": "{{ inputs.verify }}"}
SHOWS = {"certificate": "{{ inputs.certificate }}", "private_key": "{{ inputs.private_key }}", **BELIEVES}


def mutual(auth: dict[str, Any], *servers: str, tls: dict[str, Any] = SHOWS, **more: Any) -> Any:
    read = {name: spec for name, spec in DECLARED.items() if f"inputs.{name} " in str(tls)}
    return profile(auth, *servers, tls=tls, inputs=read, **more)


def given(shown: Certificate | None, ca: Any, **more: Any) -> dict[str, Any]:
    pair = {"certificate": shown.certificate.read_text(), "private_key": shown.key.read_text()} if shown else {}
    return {**pair, **({"ca": ca.read_text() if hasattr(ca, "read_text") else ca} if ca else {}), **more}


def run(**settings: Any) -> Any:
    return engine(inputs={}, settings=settings)


@pytest.fixture(scope="session")
def mine(authority: Authority) -> Certificate:
    """A client's certificate of the authority that the servers believe."""
    return authority.issue("client.parts.example", client=True)


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """One of an authority that nobody believes."""
    return Authority(tmp_path_factory.mktemp("strangers")).issue("client.parts.example", client=True)


@pytest.mark.parametrize("place", ["certificate_url", "strict_url"])
def test_a_task_request_shows_the_certificate(nginx: Nginx, mine: Certificate, strangers: Certificate, place: str) -> None:
    """nginx opens for it and says whose it is; without it, or with a stranger's, the same profile stays outside."""
    url = getattr(nginx, place)
    origin = f"https://{urlsplit(url).netloc}"
    with run().connect(mutual({"type": "none"}, origin), inputs=given(mine, nginx.ca)).client() as http:
        good = http.get(url)
    with run().connect(mutual({"type": "none"}, origin, tls=BELIEVES), inputs=given(None, nginx.ca)).client() as http:
        twin = http.get(url)
    with run().connect(mutual({"type": "none"}, origin), inputs=given(strangers, nginx.ca)).client() as http:
        other = http.get(url)

    assert (good.status_code, good.json()) == (200, {"user": "me"})
    assert {twin.status_code, other.status_code} <= {400, 403}
    if place == "certificate_url":
        assert good.headers["x-subject"] == "CN=client.parts.example"


def test_event_loops_too(nginx: Nginx, mine: Certificate) -> None:
    """`async_client()` shows it as well."""

    async def got() -> int:
        connection = run().connect(mutual({"type": "none"}, nginx.https), inputs=given(mine, nginx.ca))
        async with connection.async_client() as http:
            return (await http.get("/certificate/me.json")).status_code

    assert asyncio.run(got()) == 200


def test_beside_another_credential(nginx: Nginx, mine: Certificate) -> None:
    """Certificate and API key: each alone is not enough."""
    key = {"type": "api_key"}

    def status(tls: dict[str, Any], shown: Certificate | None, api_key: str) -> int:
        connection = run().connect(mutual(key, nginx.https, tls=tls), inputs=given(shown, nginx.ca, api_key=api_key))
        with connection.client() as http:
            return http.get(nginx.certificate_and_key_url).status_code

    assert [status(SHOWS, mine, API_KEY), status(BELIEVES, None, API_KEY), status(SHOWS, mine, "no")] == [200, 403, 401]


def test_an_encrypted_key_and_a_pkcs12_file(nginx: Nginx, mine: Certificate) -> None:
    """Both come to the same handshake."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    key = serialization.load_pem_private_key(mine.key.read_bytes(), None)
    certificate = x509.load_pem_x509_certificate(mine.certificate.read_bytes())
    sealing = serialization.BestAvailableEncryption("öffne".encode())
    bundle = base64.b64encode(pkcs12.serialize_key_and_certificates(b"x", key, certificate, None, sealing)).decode()  # type: ignore[arg-type]  # a P-256 key
    sealed = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing).decode()
    password = {"key_password": {"secret": True}}
    as_pem = profile({"type": "none"}, nginx.https, inputs={**DECLARED, **password}, tls={**SHOWS, "password": "{{ inputs.key_password }}"})
    as_file = profile(
        {"type": "none"}, nginx.https, inputs={"bundle": {"type": "pkcs12", "secret": True}, "ca": DECLARED["ca"], **password},
        tls={"certificate": "{{ inputs.bundle }}", "password": "{{ inputs.key_password }}", "ca": "{{ inputs.ca }}"},
    )  # fmt: skip

    statuses = []
    for found, inputs in ((as_pem, {**given(mine, nginx.ca), "private_key": sealed}), (as_file, {"bundle": bundle, "ca": nginx.ca.read_text()})):
        with run().connect(found, inputs={**inputs, "key_password": "öffne"}).client() as http:
            statuses.append(http.get(nginx.certificate_url).status_code)

    assert statuses == [200, 200]


def test_a_certificate_of_yesterday_is_told_before_anybody_is_called(nginx: Nginx, authority: Authority) -> None:
    """Nobody listens at this server: it is not even looked for."""
    expired = authority.issue("client.parts.example", client=True, days=(-3, -1))
    connection = run().connect(mutual({"type": "none"}, "https://nobody.invalid"), inputs=given(expired, nginx.ca))

    with pytest.raises(InvalidInput, match="expired"):
        connection.client()


def test_one_tenants_certificate_is_never_shown_for_another(nginx: Nginx, authority: Authority) -> None:
    """Two tenants of one engine, side by side: each is known by its own name."""
    it, found = run(), mutual({"type": "none"}, nginx.https, test={"request": {"url": "/certificate/me.json"}})
    issued = {tenant: authority.issue(f"{tenant}.parts.example", client=True) for tenant in ("a", "b")}
    subjects = []
    for tenant in ("a", "b", "a"):
        with it.connect(found, tenant=tenant, inputs=given(issued[tenant], nginx.ca)).client() as http:
            subjects.append(http.get(nginx.certificate_url).headers["x-subject"])

    assert subjects == ["CN=a.parts.example", "CN=b.parts.example", "CN=a.parts.example"]


def test_a_redirect_to_another_origin_does_not_see_the_certificate(nginx: Nginx, mine: Certificate) -> None:
    """Also where the caller follows redirects: refused before the handshake."""
    own = certificates.Authority()
    with tls_server(redirects(nginx.certificate_url), own, "127.0.0.1") as here:
        origin = f"https://127.0.0.1:{here.port}"
        connection = run().connect(mutual({"type": "none"}, origin), inputs=given(mine, nginx.ca.read_text() + own.pem))
        with connection.client(follow_redirects=True) as http, pytest.raises(OriginRefused):
            http.get(f"{origin}/x")


def test_test_auth_shows_the_certificate_too(nginx: Nginx, mine: Certificate) -> None:
    """`authweave test` goes through the same handshake; without the certificate it says what the server wants."""
    test = {"request": {"url": "/certificate/me.json"}}
    strict = nginx.strict
    right = test_profile(run(), mutual({"type": "none"}, strict, test=test), inputs=given(mine, nginx.ca))
    twin = test_profile(run(), mutual({"type": "none"}, strict, tls=BELIEVES, test=test), inputs=given(None, nginx.ca))

    assert (right.credential.word, twin.credential.word) == ("accepted", "refused")
    assert "client_certificate_missing" in [one.code for one in twin.diagnoses]
    assert mine.key.read_text().splitlines()[1] not in str(right)


TOKEN = {"type": "oauth2", "grant_type": "client_credentials"}


@pytest.mark.proves("token request and response: mTLS client certificate")
def test_a_client_proves_itself_by_its_certificate(oidc_provider: OidcProvider, mine: Certificate, authority: Authority) -> None:
    """oidc-provider grants to the name in the certificate (RFC 8705 §2.1); to none, or to another name, it grants nothing."""
    idp = oidc_provider.over_https()
    client = oidc_provider.new_client(client_auth="tls_client_auth", tls_client_auth_san_dns="client.parts.example")
    auth = {**TOKEN, "client_auth": "tls_client_auth", "token_url": idp.token_url}
    other = authority.issue("somebody.else.example", client=True)

    def asked(found: Any, shown: Certificate | None) -> Any:
        return run().connect(found, inputs=given(shown, idp.ca, client_id=client.client_id)).token().result(20)

    token = asked(mutual(auth, idp.origin), mine)
    for found, shown in ((mutual(auth, idp.origin), other), (mutual({**auth, "client_auth": "none"}, idp.origin, tls=BELIEVES), None)):
        with pytest.raises(TokenEndpointError) as refused:
            asked(found, shown)
        assert refused.value.error == "invalid_client"
    [first, *_] = oidc_provider.seen(client, kind="token")

    assert token.access_token.reveal()
    assert first.header("authorization") is None
    assert first.body == f"grant_type=client_credentials&client_id={client.client_id}"


def test_a_token_bound_to_the_certificate(oidc_provider: OidcProvider, mine: Certificate, authority: Authority) -> None:
    """RFC 8705 §3: the API takes the token only on a connection that shows the certificate of the token request."""
    idp = oidc_provider.over_https()
    client = oidc_provider.new_client(
        client_auth="tls_client_auth", tls_client_auth_san_dns="client.parts.example", tls_client_certificate_bound_access_tokens=True
    )
    found = mutual({**TOKEN, "client_auth": "tls_client_auth", "token_url": idp.token_url}, idp.origin)
    connection = run().connect(found, inputs=given(mine, idp.ca, client_id=client.client_id))
    with connection.client() as http:
        good = http.get(f"{idp.api_url}/me")
    token = connection.token().result(20).access_token.reveal()
    with httpx.Client(verify=ssl.create_default_context(cafile=str(idp.ca)), trust_env=False) as stranger:
        stolen = stranger.get(f"{idp.api_url}/me", headers={"Authorization": f"Bearer {token}"})

    assert (good.status_code, stolen.status_code) == (200, 401)


def test_a_certificate_that_the_client_signed_itself(oidc_provider: OidcProvider, strangers: Certificate) -> None:
    """RFC 8705 §2.2: the provider knows the certificate; another one of the same name is nobody's."""
    idp = oidc_provider.over_https()
    pem, key = self_signed("self.parts.example")
    other_pem, other_key = self_signed("self.parts.example")
    client = oidc_provider.new_client(client_auth="self_signed_tls_client_auth", jwks={"keys": [public_jwk(pem)]})
    found = mutual({**TOKEN, "client_auth": "self_signed_tls_client_auth", "token_url": idp.token_url}, idp.origin)

    def asked(certificate: str, private_key: str) -> Any:
        inputs = {"certificate": certificate, "private_key": private_key, "ca": idp.ca.read_text(), "client_id": client.client_id}
        return run().connect(found, inputs=inputs).token().result(20)

    token = asked(pem, key)
    with pytest.raises(TokenEndpointError) as refused:
        asked(other_pem, other_key)

    assert (bool(token.access_token.reveal()), refused.value.error) == (True, "invalid_client")


def test_a_certificate_for_token_calls_alone(oidc_provider: OidcProvider, mine: Certificate) -> None:
    """`calls: [token]`: the token is got with it, and every door is open; with `task` the doors that cannot keep it are not."""
    idp = oidc_provider.over_https()
    client = oidc_provider.new_client(client_auth="tls_client_auth", tls_client_auth_san_dns="client.parts.example")
    auth = {**TOKEN, "client_auth": "tls_client_auth", "token_url": idp.token_url}
    inputs = given(mine, idp.ca, client_id=client.client_id)
    connection = run().connect(mutual(auth, oidc_provider.http, tls={**SHOWS, "calls": ["token"]}), inputs=inputs)
    with httpx.Client(auth=connection.auth, trust_env=False) as http:
        good = http.get(f"{oidc_provider.http}/api/me")

    with pytest.raises(NeedsClient):
        _ = run().connect(mutual(auth, idp.origin), inputs=inputs).auth
    assert good.status_code == 200


@pytest.mark.proves("other: allow self-signed TLS")
def test_a_server_that_signed_itself(nginx: Nginx) -> None:
    """Believed where its certificate is named, or (if the operator allows it) where it is not looked at; refused otherwise."""
    parts = urlsplit(nginx.unknown)
    own = ssl.get_server_certificate((parts.hostname or "", parts.port or 443))
    key = {"type": "api_key"}

    def status(it: Any, **more: Any) -> int:
        with it.connect(mutual(key, nginx.unknown, tls=BELIEVES), inputs={"api_key": API_KEY, **more}).client() as http:
            return http.get(nginx.unknown_url).status_code

    assert status(run(), ca=own) == 200
    assert status(run(allow_unverified_tls=True), verify=False) == 200
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        status(run())


def test_test_auth_names_a_server_that_signed_itself(nginx: Nginx) -> None:
    """The report says so, and where its certificate goes; it does not advise to turn the check off."""
    found = mutual({"type": "api_key"}, nginx.unknown, tls=BELIEVES, test={"request": {"url": "/header/me.json"}})
    report = test_profile(run(), found, inputs={"api_key": API_KEY})

    [diagnosis] = report.diagnoses
    assert diagnosis.code == "tls_self_signed"
    assert any(fix.key == "tls.ca" for fix in diagnosis.fixes)
    assert "verify" not in " ".join(f"{fix.key} {fix.text}" for fix in diagnosis.fixes)


def self_signed(name: str) -> tuple[str, str]:
    """A certificate that signed itself, with its key."""
    import datetime

    key = ec.generate_private_key(ec.SECP256R1())
    subject, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]), datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key()).serial_number(x509.random_serial_number())
    made = built.not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1)).sign(key, hashes.SHA256())
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def public_jwk(pem: str) -> dict[str, Any]:
    """The public key of a certificate, with the certificate."""
    made = x509.load_pem_x509_certificate(pem.encode())
    public = made.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    der = base64.b64encode(made.public_bytes(serialization.Encoding.DER)).decode()
    return {**ECKey.import_key(public.decode()).as_dict(private=False), "x5c": [der]}


def test_authweave_request_shows_the_certificate(nginx: Nginx, mine: Certificate) -> None:
    """What the command sends with; without the certificate the server says no."""
    statuses = [
        sent(run().connect(mutual({"type": "none"}, nginx.https, tls=tls), inputs=given(shown, nginx.ca)), TaskRequest("GET", nginx.certificate_url), 10).reply.status
        for tls, shown in ((SHOWS, mine), (BELIEVES, None))
    ]

    assert statuses == [200, 403]
