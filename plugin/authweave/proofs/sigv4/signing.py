"""The signature over a canonical request: AWS, "Create a signed AWS API request", steps 2 to 5."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

from authweave.proofs.sigv4.writing import encoded

ALGORITHM: Final = "AWS4-HMAC-SHA256"
_END: Final = "aws4_request"


@dataclass(frozen=True, slots=True)
class Keys:
    """What signs, revealed. `session_token` is '' for keys that do not end."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CredentialScope:
    """For when, where and what a signature holds. `timestamp` is `YYYYMMDDTHHMMSSZ`."""

    timestamp: str
    region: str
    service: str

    @classmethod
    def at(cls, now: float, region: str, service: str) -> Self:
        """The scope of a moment in Unix seconds."""
        return cls(datetime.fromtimestamp(int(now), UTC).strftime("%Y%m%dT%H%M%SZ"), region, service)

    @property
    def date(self) -> str:
        """`YYYYMMDD`."""
        return self.timestamp[:8]

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{_END}"


def signing_key(secret_access_key: str, date: str, region: str, service: str) -> bytes:
    """The key of one day, region and service."""
    key = f"AWS4{secret_access_key}".encode()
    for part in (date, region, service, _END):
        key = _hmac(key, part)
    return key


def string_to_sign(canonical: str, scope: CredentialScope) -> str:
    """What the key signs."""
    return f"{ALGORITHM}\n{scope.timestamp}\n{scope}\n{hashlib.sha256(_as_sent(canonical)).hexdigest()}"


def signature(canonical: str, scope: CredentialScope, keys: Keys) -> str:
    """The signature, in hex."""
    key = signing_key(keys.secret_access_key, scope.date, scope.region, scope.service)
    return _hmac(key, string_to_sign(canonical, scope)).hex()


def authorization(signed: str, names: str, scope: CredentialScope, keys: Keys) -> str:
    """The value of the header Authorization; `names` are those of the signed headers, joined by `;`."""
    return f"{ALGORITHM} Credential={keys.access_key_id}/{scope}, SignedHeaders={names}, Signature={signed}"


def presigned(scope: CredentialScope, keys: Keys, names: str, seconds: int, *, with_token: bool) -> str:
    """The parameters of a signed URL but for the signature; it holds for `seconds`."""
    parameters = [
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{keys.access_key_id}/{scope}"),
        ("X-Amz-Date", scope.timestamp),
        ("X-Amz-Expires", str(seconds)),
    ]
    if with_token and keys.session_token:
        parameters.append(("X-Amz-Security-Token", keys.session_token))
    parameters.append(("X-Amz-SignedHeaders", names))
    return "&".join(f"{name}={encoded(value.encode())}" for name, value in parameters)


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def _as_sent(text: str) -> bytes:
    """The bytes that are on the wire: header values stand here as ISO 8859-1, everything else is ASCII."""
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()
