"""Signatures over bytes: published values, and what another reader of the key says of ours."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

import signing
from authweave.errors import SigningError
from authweave.proofs.signatures import ALGORITHMS, SECRET_KEYED, signature_of
from parts.vectors import load
from thorough import every

VECTORS = {vector["id"]: vector for vector in load("hmac_schemes.json")["vectors"]}
MACS = [vector for vector in VECTORS.values() if "key_hex" in vector]
MESSAGE = b"what is signed \xff\x00"

RSA = signing.key("RSA")
P256 = ec.generate_private_key(ec.SECP256R1())
P384 = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()


def pem(key, password=None):
    how = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how).decode()


@every("vector", MACS, ids=lambda vector: vector["id"])
def test_published_macs(vector):
    """RFC 2202 and RFC 4231: HMAC with each hash, and with a key longer than a block."""
    made = signature_of(f"hmac-{vector['algorithm']}", bytes.fromhex(vector["key_hex"]), vector["data_utf8"].encode())

    assert vector["expected"] == made.hex()


def test_rfc9421_hmac():
    """RFC 9421 B.2.5."""
    vector = VECTORS["rfc9421-B.2.5"]

    made = signature_of("hmac-sha256", base64.b64decode(vector["key_b64"]), vector["signature_base"].encode())

    assert vector["expected"] == base64.b64encode(made).decode()


def test_rfc9421_ed25519():
    """RFC 9421 B.2.6, with the key of B.1.4."""
    key = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n"
    base = (
        '"date": Tue, 20 Apr 2021 02:07:55 GMT\n"@method": POST\n"@path": /foo\n"@authority": example.com\n'
        '"content-type": application/json\n"content-length": 18\n'
        '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )

    made = base64.b64encode(signature_of("ed25519", key, base.encode())).decode()

    assert made == "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="


def of_two_halves(signature, size):
    assert len(signature) == 2 * size
    return encode_dss_signature(int.from_bytes(signature[:size]), int.from_bytes(signature[size:]))


VERIFIED = {
    "rsa-sha256": (RSA, lambda s: RSA.public_key().verify(s, MESSAGE, padding.PKCS1v15(), hashes.SHA256())),
    "rsa-v1_5-sha256": (RSA, lambda s: RSA.public_key().verify(s, MESSAGE, padding.PKCS1v15(), hashes.SHA256())),
    "rsa-sha512": (RSA, lambda s: RSA.public_key().verify(s, MESSAGE, padding.PKCS1v15(), hashes.SHA512())),
    "rsa-pss-sha512": (RSA, lambda s: RSA.public_key().verify(s, MESSAGE, padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())),
    "ecdsa-p256-sha256": (P256, lambda s: P256.public_key().verify(of_two_halves(s, 32), MESSAGE, ec.ECDSA(hashes.SHA256()))),
    "ecdsa-p384-sha384": (P384, lambda s: P384.public_key().verify(of_two_halves(s, 48), MESSAGE, ec.ECDSA(hashes.SHA384()))),
    "ed25519": (ED, lambda s: ED.public_key().verify(s, MESSAGE)),
}


def test_every_algorithm_is_checked_here():
    """Nothing is offered that no test looks at."""
    assert set(ALGORITHMS) == SECRET_KEYED | set(VERIFIED)


@every("algorithm", VERIFIED)
def test_the_public_key_verifies(algorithm):
    """Who has the public half accepts the signature, and refuses it with one bit turned."""
    key, verify = VERIFIED[algorithm]

    made = signature_of(algorithm, pem(key), MESSAGE)

    verify(made)
    with pytest.raises(InvalidSignature):
        verify(bytes([made[0] ^ 1]) + made[1:])


@every(
    "algorithm, key, why",
    [
        ("rsa-sha256", pem(P256), "takes an RSA key, this one is on secp256r1"),
        ("rsa-pss-sha512", pem(ED), "takes an RSA key, this one is Ed25519"),
        ("ecdsa-p256-sha256", pem(P384), "takes a key on the curve secp256r1, this one is on secp384r1"),
        ("ecdsa-p384-sha384", pem(RSA), "takes a key on the curve secp384r1, this one is RSA"),
        ("ed25519", pem(RSA), "takes an Ed25519 key, this one is RSA"),
        ("ed25519", "hunter2-hunter2", "has no -----BEGIN PRIVATE KEY-----"),
        ("ed25519", pem(ED, b"pass-phrase"), "it is encrypted"),
        ("rsa-sha256", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "it cannot be read"),
        ("hmac-sha256", "", "the signing key is empty"),
        ("none", "k", "not known; known are hmac-sha256"),
        ("HMAC-SHA256", "k", "not known"),
    ],
)
def test_a_wrong_key_is_told_by_what_is_wrong(algorithm, key, why):
    """The error says which key the algorithm takes, and never shows the key."""
    with pytest.raises(SigningError, match=why) as caught:
        signature_of(algorithm, key, MESSAGE)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__context__ is None


def test_a_public_key_or_certificate_does_not_sign():
    """What verifies cannot sign; no HMAC is made with it either (RS256 → HS256 confusion needs a name that is written)."""
    public = RSA.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    with pytest.raises(SigningError, match="private key in PEM"):
        signature_of("rsa-sha256", public, MESSAGE)


def test_a_key_that_is_too_short_for_its_padding():
    """Hash and salt of SHA-512 do not fit into 1024 bits: told as such."""
    with pytest.raises(SigningError, match="1024 bits is too short"):
        signature_of("rsa-pss-sha512", pem(rsa.generate_private_key(65537, 1024)), MESSAGE)
