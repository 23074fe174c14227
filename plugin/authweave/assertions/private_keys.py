"""Key material as people supply it, as the key that an algorithm signs with, or a refusal that says what to change.

No message holds a part of the material.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from authweave.assertions.algorithms import EC, OKP, RSA, SECRET, SMALLEST_RSA, SMALLEST_SECRET, Algorithm
from authweave.assertions.certificates import BLOCK, is_of, refuse_expired, tried
from authweave.errors import KeyRefused
from authweave.inputs.pem import mended

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate

    PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey | bytes

_SSH: Final = re.compile(r"(ssh-(rsa|dss|ed25519)|ecdsa-sha2-\S+|sk-\S+@openssh\.com) ")
_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521"}
_OF_CURVES: Final = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}
_DER: Final = b"0"


def signing_key(material: Any, algorithm: Algorithm, *, at: str = "signing_key", password: str | None = None, now: float = 0.0) -> PrivateKey:
    """The key that signs: of PEM, PKCS #8 DER, PKCS #12, OpenSSH or a JWK; for HS* the bytes of a shared secret.

    `at` is the key of the profile, for messages. A certificate that comes with the key has to be its own and still
    valid at `now` (Unix seconds; 0 does not ask). Raises KeyRefused.
    """
    key: PrivateKey = _Reading(algorithm, at, password, now).key(material)
    return key


class _Reading:
    """Carries what every refusal names."""

    def __init__(self, algorithm: Algorithm, at: str, password: str | None, now: float) -> None:
        self.algorithm = algorithm
        self.at = at
        self.password = password.encode() if password else None
        self.now = now

    def key(self, material: Any) -> Any:
        if isinstance(material, str) and material.lstrip().startswith("{"):
            material = self.of_json(material)
        if isinstance(material, Mapping):
            material = self.of_jwk(material)
        if material is None:
            raise self.refusal("type", "is null: what it reads is not there", f"supply {self.algorithm.wants}")
        if not isinstance(material, str | bytes) and not hasattr(material, "sign"):
            raise self.refusal("type", f"is {_kind(material)}, not a key", f"supply {self.algorithm.wants}")
        if self.algorithm.family == SECRET:
            return self.secret(material)
        return self.fitting(material if hasattr(material, "sign") else self.private(material))

    def secret(self, material: Any) -> bytes:
        """A shared secret; never what looks like a key of another family (CVE-2022-29217 and its kin)."""
        if not isinstance(material, str | bytes):
            raise self.refusal("confusion", "is a private key, not a shared secret", f"write algorithm: {_algorithm_of(material)}, or supply the shared secret")
        raw = material.encode(errors="surrogatepass") if isinstance(material, str) else material
        if kind := _asymmetric(raw):
            raise self.refusal("confusion", f"is {kind}, and {self.algorithm.name} signs with a shared secret", "write the algorithm of that key pair (RS256, ES256, EdDSA …) and supply the private key, or supply the shared secret")
        if len(raw) < SMALLEST_SECRET:
            raise self.refusal("small", f"is a secret of less than {SMALLEST_SECRET * 8} bits", f"{self.algorithm.name} should have one of {int(self.algorithm.name[2:]) // 8} bytes or more (RFC 7518 §3.2): let the provider make a longer one")
        return raw

    def private(self, material: str | bytes) -> Any:
        """A private key of another family, as far as there is one in the material."""
        if isinstance(material, bytes):
            if material[:1] == _DER:
                return self.of_der(material)
            material = material.decode("utf-8", "replace")
        if _SSH.match(material.lstrip()):
            raise self.refusal("public_key", "is a public key", "supply the private key that belongs to it")
        text, wrong = mended(material)
        if wrong:
            from cryptography.hazmat.primitives.serialization import load_der_private_key

            inside = _der_of(material)
            if inside[:1] == _DER and tried(load_der_private_key, inside, None) is not None:
                raise self.refusal("unreadable", "is what stands inside of a PEM, without its first and last line", "put -----BEGIN PRIVATE KEY----- before it and -----END PRIVATE KEY----- behind it")
            raise self.refusal("unreadable", wrong, f"supply {self.algorithm.wants} in PEM")
        return self.of_pem(text)

    def of_pem(self, text: str) -> Any:
        blocks = [(found[1], found[0].encode()) for found in BLOCK.finditer(text)]
        private = [(label, block) for label, block in blocks if label.endswith("PRIVATE KEY")]
        certificates = [block for label, block in blocks if label in ("CERTIFICATE", "X509 CERTIFICATE")]
        if not private:
            raise self.without_private([label for label, _ in blocks])
        if len(private) > 1:
            raise self.refusal("several", f"holds {len(private)} private keys", "supply the one that signs")
        key = self.opened(*private[0])
        self.check_certificates(key, [self.certificate(block) for block in certificates])
        return key

    def without_private(self, labels: list[str]) -> KeyRefused:
        if any("CERTIFICATE REQUEST" in label for label in labels):
            return self.refusal("certificate", "is a request for a certificate, which holds no private key", "supply the private key that it was made with")
        if any("CERTIFICATE" in label for label in labels):
            return self.refusal("certificate", "is a certificate, not a private key", "supply the private key that belongs to it (the provider gets the certificate, authweave signs with the key)")
        if any("PUBLIC KEY" in label for label in labels):
            return self.refusal("public_key", "is a public key", "supply the private key that belongs to it (the provider gets the public one)")
        return self.refusal("unreadable", "holds no private key", f"supply {self.algorithm.wants} in PEM")

    def opened(self, label: str, block: bytes) -> Any:
        from cryptography.hazmat.primitives import serialization

        load: Any = serialization.load_ssh_private_key if label.startswith("OPENSSH") else serialization.load_pem_private_key
        is_encrypted = label.startswith("ENCRYPTED") or b"Proc-Type: 4,ENCRYPTED" in block
        password = self.password if is_encrypted else None
        if (key := tried(load, block + b"\n", password)) is not None:
            return key
        if is_encrypted:
            raise self.locked()
        raise self.refusal("unreadable", "cannot be read as a private key: something is missing in it, or it is of a kind that is not known here", "supply it as the provider gave it, whole")

    def locked(self) -> KeyRefused:
        if self.password is not None:
            return self.refusal("password", "does not open with this password", "supply the password that the key was encrypted with")
        return self.refusal("encrypted", "is encrypted, and there is no password", "supply it decrypted (`openssl pkey -in key.pem -out plain.pem`)")

    def of_der(self, raw: bytes) -> Any:
        """PKCS #12 with its certificate, or a private key."""
        from cryptography import x509
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.serialization import pkcs12

        if (key := tried(serialization.load_der_private_key, raw, None)) is not None:
            return key
        if _is_pkcs12(raw):
            opened = tried(pkcs12.load_key_and_certificates, raw, self.password)
            if opened is None and self.password is None:
                opened = tried(pkcs12.load_key_and_certificates, raw, b"")  # an empty password is one, too
            if opened is None:
                raise self.locked()
            key, certificate, _ = opened
            if key is None:
                raise self.refusal("certificate", "is a PKCS #12 file without a private key", "export it with the private key")
            self.check_certificates(key, [certificate] if certificate else [])
            return key
        for load, reason, what in ((x509.load_der_x509_certificate, "certificate", "a certificate"), (serialization.load_der_public_key, "public_key", "a public key")):
            if tried(load, raw) is not None:
                raise self.refusal(reason, f"is {what}, not a private key", "supply the private key that belongs to it")
        raise self.refusal("unreadable", "cannot be read as a private key", f"supply {self.algorithm.wants} in PEM")

    def of_json(self, text: str) -> Mapping[str, Any]:
        read = tried(json.loads, text)
        if not isinstance(read, dict):
            raise self.refusal("unreadable", "begins like JSON and is none", f"supply {self.algorithm.wants}")
        return read

    def of_jwk(self, jwk: Mapping[str, Any]) -> Any:
        """The key of a private JWK (RFC 7517 §4, 7518 §6); of a secret its bytes."""
        from joserfc import jwk as jose

        if "kty" not in jwk:
            hint = next((f"write the part that is the key, as `.{name}`" for name in ("private_key", "privateKey", "key") if isinstance(jwk.get(name), str)), f"supply {self.algorithm.wants}")
            raise self.refusal("type", "is a map, and no JSON Web Key", hint)
        if jwk["kty"] == "oct" and isinstance(jwk.get("k"), str):
            return _der_of(jwk["k"].replace("-", "+").replace("_", "/")) or b""
        if jwk["kty"] not in (RSA, EC, OKP):
            raise self.refusal("type", "is a JSON Web Key of a kind that is not known here", f"supply {self.algorithm.wants}")
        if "d" not in jwk:
            raise self.refusal("public_key", "is a public JSON Web Key: it has no `d`", "supply the private one")
        kinds: Mapping[str, Any] = {RSA: jose.RSAKey, EC: jose.ECKey, OKP: jose.OKPKey}
        parts = {name: value for name, value in jwk.items() if name in _JWK_PARTS}
        if (key := tried(kinds[jwk["kty"]].binding.import_private_key, parts)) is not None:
            return key
        raise self.refusal("unreadable", "is a JSON Web Key that cannot be read: something is missing in it, or does not fit", "supply it as it was made, whole")

    def fitting(self, key: Any) -> Any:
        """The key, if it is one for this algorithm."""
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

        wanted: Any = {RSA: rsa.RSAPrivateKey, EC: ec.EllipticCurvePrivateKey, OKP: ed25519.Ed25519PrivateKey}[self.algorithm.family]
        if not isinstance(key, wanted):
            other = _algorithm_of(key)
            raise self.refusal("type", f"is {_words_of(key)}, and {self.algorithm.name} wants {self.algorithm.wants}", f"write algorithm: {other}, or supply another key" if other else "supply another key")
        if isinstance(key, rsa.RSAPrivateKey) and key.key_size < SMALLEST_RSA:
            raise self.refusal("small", f"is an RSA key of {key.key_size} bits", f"{self.algorithm.name} needs {SMALLEST_RSA} or more (RFC 7518 §3.3): make a new pair and give the provider its public half")
        if isinstance(key, ec.EllipticCurvePrivateKey) and _CURVES.get(key.curve.name) != self.algorithm.curve:
            other = _algorithm_of(key)
            raise self.refusal("curve", f"is an EC key on {_CURVES.get(key.curve.name, key.curve.name)}, and {self.algorithm.name} wants {self.algorithm.curve}", f"write algorithm: {other}, or supply another key" if other else "supply another key")
        return key

    def certificate(self, block: bytes) -> Certificate:
        from cryptography.x509 import load_pem_x509_certificate

        found: Certificate | None = tried(load_pem_x509_certificate, block.replace(b" X509 CERTIFICATE", b" CERTIFICATE"))
        if found is None:
            raise self.refusal("unreadable", "comes with a certificate that cannot be read", "supply the private key alone")
        return found

    def check_certificates(self, key: Any, certificates: list[Certificate]) -> None:
        """One of them belongs to the key and is valid today; the others are its issuers."""
        if not certificates:
            return
        own = [certificate for certificate in certificates if is_of(certificate, key)]
        if not own:
            raise self.refusal("mismatch", "comes with a certificate of another key", "supply the key and its own certificate")
        refuse_expired(own[0], self.at, self.now)

    def refusal(self, reason: str, what: str, fix: str) -> KeyRefused:
        return KeyRefused(self.at, reason, what, fix)


_JWK_PARTS: Final = frozenset({"kty", "crv", "x", "y", "d", "n", "e", "p", "q", "dp", "dq", "qi"})


def _asymmetric(raw: bytes) -> str:
    """What the bytes are, if they are (or hold) a key or certificate of a key pair; '' if not."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    if found := re.search(rb"-----BEGIN ([A-Z0-9 ]+)-----", raw):
        label = found[1].decode()
        return "a certificate" if "CERTIFICATE" in label else "a private key" if "PRIVATE" in label else "a public key"
    if _SSH.match(raw[:80].decode("latin-1").lstrip()):
        return "a public key"
    der = raw if raw[:1] == _DER else _der_of(raw.decode("latin-1"))
    if der[:1] != _DER:
        return ""
    if tried(serialization.load_der_public_key, der) is not None:
        return "a public key"
    if tried(x509.load_der_x509_certificate, der) is not None:
        return "a certificate"
    return "a private key" if tried(serialization.load_der_private_key, der, None) is not None else ""


def _der_of(text: str) -> bytes:
    """What base64 stands for, with any line ends; b'' if it is none."""
    import base64

    body = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except ValueError:
        return b""


def _is_pkcs12(raw: bytes) -> bool:
    return re.match(rb"0(?:\x80|[\x00-\x7f]|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03", raw, re.DOTALL) is not None


def _algorithm_of(key: Any) -> str:
    """The algorithm that one would write for this key; '' if there is none."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return _OF_CURVES.get(_CURVES.get(key.curve.name, ""), "")
    return "RS256" if isinstance(key, rsa.RSAPrivateKey) else "EdDSA" if isinstance(key, ed25519.Ed25519PrivateKey) else ""


def _words_of(key: Any) -> str:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

    words = ((rsa.RSAPrivateKey, "an RSA key"), (ec.EllipticCurvePrivateKey, "an EC key"), (ed25519.Ed25519PrivateKey, "an Ed25519 key"), (ed448.Ed448PrivateKey, "an Ed448 key"), (dsa.DSAPrivateKey, "a DSA key"), (bytes, "a shared secret"))
    return next((found for kind, found in words if isinstance(key, kind)), "a key of another kind")


def _kind(value: Any) -> str:
    return "null" if value is None else "a list" if isinstance(value, list | tuple) else "a number or truth value"
