"""Judges of signed requests, and of NTLM, as fixtures. The servers: `wsgi/verifier_server.py`, `wsgi/ntlm_server.py`, `wsse/server.mjs`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from parts.catalogue import PARTS, VERIFIERS
from parts.identity import PASSWORD, USERNAME
from parts.not_run import need
from parts.part import HERE
from parts.process import running

SECRET = "It's a Secret to Everybody"
DOMAIN, NTLM_PASSWORD = "PARTS", "pässwörd +%/"  # a colon would end a field of the users' file


@dataclass(frozen=True)
class Verifiers:
    """An API that opens for a signed request only; each answers 200 `{"user": "me"}` or 401 `{"problem": …}`.

    `keys` are the signing keys by algorithm (PEM, PKCS 8; for hmac-sha256 the secret's text); the key's id is the
    algorithm's name. The secret of the vendors' ways is `verifiers.SECRET`.
    """

    origin: str
    keys: dict[str, str]

    def rfc9421_url(self, algorithm: str) -> str:
        """RFC 9421, judged by PyPI http-message-signatures: any path below it.

        It must cover `@method`, `@authority` and `@path`, with `keyid` the algorithm's name, `created` within a day;
        with a body also `content-digest`. hmac-sha256, ed25519, ecdsa-p256-sha256, rsa-v1_5-sha256, rsa-pss-sha512.
        """
        return f"{self.origin}/rfc9421/{algorithm}"

    @property
    def github_url(self) -> str:
        """`X-Hub-Signature-256: sha256=…` over the body, judged by PyPI gidgethub."""
        return f"{self.origin}/github"

    @property
    def slack_url(self) -> str:
        """`X-Slack-Signature: v0=…` over `v0:time:body`, `X-Slack-Request-Timestamp`; judged by PyPI slack_sdk."""
        return f"{self.origin}/slack"

    @property
    def twilio_url(self) -> str:
        """`X-Twilio-Signature`: base64 HMAC-SHA1 over the URL and the sorted form fields; judged by PyPI twilio."""
        return f"{self.origin}/twilio"


@pytest.fixture(scope="session")
def verifiers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Verifiers]:
    """Signatures judged by other people's packages: see `Verifiers`."""
    need(PARTS["verifiers"])
    pairs = {name: _pem(key) for name, key in _keys().items()}
    config = {"secret": SECRET, "keys": {name: public for name, (_, public) in pairs.items()} | {"hmac-sha256": SECRET}}
    server = [VERIFIERS.python, HERE / "wsgi" / "verifier_server.py"]
    with running(server, tmp_path_factory.mktemp("verifiers"), config=config) as facts:
        yield Verifiers(
            facts["http"], {name: private for name, (private, _) in pairs.items()} | {"hmac-sha256": SECRET}
        )


@dataclass(frozen=True)
class NtlmServer:
    """`/ntlm/me` and `/negotiate/me` (NTLM within SPNEGO) on connections that are kept; else 401 with a challenge."""

    origin: str

    @property
    def ntlm_url(self) -> str:
        return f"{self.origin}/ntlm/me"

    @property
    def negotiate_url(self) -> str:
        return f"{self.origin}/negotiate/me"


@pytest.fixture(scope="session")
def ntlm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NtlmServer]:
    """pyspnego as acceptor: user `verifiers.DOMAIN` `\\` `identity.USERNAME`, password `verifiers.NTLM_PASSWORD`.

    The connection is authenticated, not the request: a second connection starts anew. 200 says who it is.
    """
    need(PARTS["verifiers"])
    server = [VERIFIERS.python, HERE / "wsgi" / "ntlm_server.py"]
    config = {"users": f"{DOMAIN}:{USERNAME}:{NTLM_PASSWORD}\n"}
    with running(server, tmp_path_factory.mktemp("ntlm"), config=config) as facts:
        yield NtlmServer(facts["http"])


@pytest.fixture(scope="session")
def wsse_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An API behind `X-WSSE: UsernameToken …`, judged with npm wsse: `?encoding=hex` for the digest of Emarsys and others.

    User `identity.USERNAME`, password `identity.PASSWORD`; a nonce is good once, the time may be five minutes off.
    Answers 200 `{"user": …}` or 401 `{"problem": …}`.
    """
    need(PARTS["wsse"])
    config = {"username": USERNAME, "password": PASSWORD}
    with running(["node", HERE / "wsse" / "server.mjs"], tmp_path_factory.mktemp("wsse"), config=config) as facts:
        yield f"{facts['http']}/me"


type_of_key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _keys() -> dict[str, type_of_key]:
    by_rsa = rsa.generate_private_key(65537, 2048)
    by_curve = ec.generate_private_key(ec.SECP256R1())
    return {
        "ed25519": ed25519.Ed25519PrivateKey.generate(), "ecdsa-p256-sha256": by_curve,
        "rsa-v1_5-sha256": by_rsa, "rsa-pss-sha512": by_rsa,
    }  # fmt: skip


def _pem(key: type_of_key) -> tuple[str, str]:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private.decode(), public.decode()
