"""Proofs that whoever presents a token holds the key it is bound to: RFC 9449.

A key is a JWK in JSON (ES256, P-256), kept with its token as a Secret. A proof is good for one request.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from authweave.errors import SigningError
from authweave.machine.forks import Lock
from authweave.proofs.signatures import side_by_side
from authweave.values import Secret

HEADER: Final = "DPoP"
WANTS_NONCE: Final = "use_dpop_nonce"
"""The error word of a server that wants a nonce in the proof (RFC 9449 §8 and §9)."""
MOST_ORIGINS: Final = 1000
_SIZE: Final = 32
_NONCE: Final = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,1024}")
_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
_OF_THUMBPRINT: Final[Mapping[str, tuple[str, ...]]] = {
    "EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n"), "OKP": ("crv", "kty", "x"), "oct": ("k", "kty"),
}  # fmt: skip


def new_key() -> Secret:
    """A key that nobody else has."""
    from cryptography.hazmat.primitives.asymmetric import ec

    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = numbers.public_numbers
    jwk = {"kty": "EC", "crv": "P-256", "x": _number(public.x), "y": _number(public.y), "d": _number(numbers.private_value)}
    return Secret(json.dumps(jwk, separators=(",", ":")), "dpop key")


def proof(key: Secret, *, method: str, url: str, now: float, nonce: str = "", access_token: Secret | None = None) -> str:
    """A proof for one request (§4.2): another each time, retries included. `now` in Unix seconds.

    `access_token` is the token that goes with the request (`ath`). Raises SigningError if the key cannot be read.
    """
    private, public = _opened(key.reveal())
    claims: dict[str, Any] = {"jti": secrets.token_urlsafe(24), "htm": method, "htu": target(url), "iat": int(now)}
    if access_token is not None:
        claims["ath"] = _base64url(hashlib.sha256(access_token.reveal().encode()).digest())
    if nonce:
        claims["nonce"] = nonce
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": public}
    signed = b".".join(_base64url(_json(part)).encode() for part in (header, claims))
    return f"{signed.decode()}.{_base64url(_signature(private, signed))}"


def target(url: str) -> str:
    """The `htu` of a request: its URL without query and fragment (§4.2), host and port as servers compare them (RFC 3986 §6.2)."""
    split = urlsplit(url)
    netloc = split.netloc.rpartition("@")[2].lower()
    if split.scheme in _PORTS:
        netloc = netloc.removesuffix(f":{_PORTS[split.scheme]}")
    return f"{split.scheme}://{netloc}{split.path or '/'}"


def thumbprint(jwk: Mapping[str, Any]) -> str:
    """What names a key: SHA-256 over the members that make it, base64url (RFC 7638, RFC 8037 §2). ValueError for another kind."""
    names = _OF_THUMBPRINT.get(jwk.get("kty", ""))
    if names is None or any(not isinstance(jwk.get(name), str) for name in names):
        raise ValueError("not a JWK that has a thumbprint")
    return _base64url(hashlib.sha256(_json({name: jwk[name] for name in names})).digest())


def key_thumbprint(key: Secret) -> str:
    """What names the key of a token (`jkt`, §6.1): tells nothing of the private part. Raises SigningError."""
    return thumbprint(_opened(key.reveal())[1])


def is_key(key: Secret | None) -> bool:
    """Is it a key that can sign? What a store gives back may be none."""
    try:
        return key is not None and bool(_opened(key.reveal()))
    except (SigningError, TypeError):  # TypeError: a list or a map, which nothing is looked up by
        return False


def nonce_of(headers: Iterable[tuple[str, str]]) -> str:
    """The nonce that an answer brings; '' for none, and for one that is not as RFC 9449 §8.1 has it."""
    found = [value for name, value in headers if name.lower() == "dpop-nonce"]
    return found[0] if len(found) == 1 and _NONCE.fullmatch(found[0]) else ""


def nonce_in(made: str) -> str:
    """The nonce in a proof of ours; '' for none, and for what is no proof."""
    try:
        nonce = json.loads(_bytes(made.split(".")[1])).get("nonce", "")
    except (ValueError, IndexError, AttributeError):
        return ""
    return nonce if isinstance(nonce, str) else ""


class Nonces:
    """The last nonce of each origin (§8.2): for the next request there, and for no other. Safe for threads and forks."""

    def __init__(self) -> None:
        self._of: OrderedDict[str, str] = OrderedDict()
        self._lock = Lock()

    def get(self, url: str) -> str:
        """The nonce for a request to this URL; '' for none."""
        return self._of.get(_origin(url), "")

    def learn(self, url: str, headers: Iterable[tuple[str, str]]) -> str:
        """Take over the nonce that an answer of this URL brings, and say it; '' for none."""
        if nonce := nonce_of(headers):
            with self._lock:
                self._of[_origin(url)] = nonce
                self._of.move_to_end(_origin(url))
                if len(self._of) > MOST_ORIGINS:
                    self._of.popitem(last=False)
        return nonce


def _origin(url: str) -> str:
    return target(url).partition("://")[0] + "://" + urlsplit(target(url)).netloc


@lru_cache(maxsize=256)
def _opened(jwk: str) -> tuple[Any, dict[str, str]]:
    """The private key, and its public JWK. Kept: opening costs more than signing."""
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        said = json.loads(jwk)
        key = ec.derive_private_key(int.from_bytes(_bytes(said["d"]), "big"), ec.SECP256R1())
    except (ValueError, KeyError, TypeError):
        key = None
    if key is None:
        raise SigningError("the DPoP key of the token cannot be read")
    public = key.public_key().public_numbers()
    return key, {"kty": "EC", "crv": "P-256", "x": _number(public.x), "y": _number(public.y)}


def _signature(private: Any, message: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    return side_by_side(private.sign(message, ec.ECDSA(hashes.SHA256())), _SIZE)


def _number(value: int) -> str:
    return _base64url(value.to_bytes(_SIZE, "big"))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
