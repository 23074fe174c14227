"""A signed JSON Web Token from its description (RFC 7519, RFC 7515, RFC 7523 §3)."""

from __future__ import annotations

import json
import math
import re
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from authweave.assertions.algorithms import ALGORITHMS, Algorithm
from authweave.assertions.certificates import certificate_of
from authweave.assertions.private_keys import signing_key
from authweave.errors import AssertionRefused
from authweave.near_misses import did_you_mean

_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
_TIMES: Final = ("iat", "exp", "nbf")
_MAY_BE_LEFT_OUT: Final = frozenset({"iss", "sub", "aud", "jti", *_TIMES})
_LONGEST: Final = 366 * 86400
_DEEPEST: Final = 32


@dataclass(frozen=True, slots=True)
class Description:
    """What is to be signed, by whom. `at` is the key of the profile that describes it, for messages.

    `claims` are merged already; `iat`, `exp` (`lifetime` seconds later) and `jti` are added, and a registered claim that
    is false is left out. `certificates` (PEM) are those that `header` names: each has to be valid, and that of the key.
    """

    signing_key: Any = field(repr=False)
    algorithm: str = "RS256"
    key_id: str | None = None
    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    lifetime: Any = 300
    password: str | None = field(default=None, repr=False)
    certificates: Sequence[str] = ()
    at: str = "assertion"


@dataclass(frozen=True, slots=True)
class Signed:
    """The compact serialization, and when it ends (Unix seconds; infinite without `exp`)."""

    text: str = field(repr=False)
    expires_at: float


def signed(description: Description, now: float) -> Signed:
    """The token, made at `now` (Unix seconds). Raises KeyRefused and AssertionRefused, which say what to change."""
    at = description.at
    algorithm = algorithm_named(description.algorithm, at)
    header = _header(description, algorithm)
    claims = _claims(description, now)
    key = signing_key(description.signing_key, algorithm, at=f"{at}.signing_key", password=description.password, now=now)
    for pem in description.certificates:
        certificate_of(key, pem, at=f"{at}.header", now=now)
    text = compact(algorithm, key, _json(header, f"{at}.header"), _json(claims, f"{at}.claims"))
    return Signed(text, float(claims.get("exp", math.inf)))


def compact(algorithm: Algorithm, key: Any, header: bytes, payload: bytes) -> str:
    """The compact serialization of these very bytes (RFC 7515 §7.1)."""
    data = b".".join((_base64url(header), _base64url(payload)))
    return b".".join((data, _base64url(algorithm.sign(key, data)))).decode("ascii")


def algorithm_named(name: Any, at: str) -> Algorithm:
    """The algorithm of this name. Raises AssertionRefused; always for `none`."""
    found = ALGORITHMS.get(name) if isinstance(name, str) else None
    if found is not None:
        return found
    known = f"one of {', '.join(ALGORITHMS)}"
    if isinstance(name, str) and name.lower() == "none":
        raise AssertionRefused(f"{at}.algorithm", "none signs nothing, and whoever reads it may write it, too", f"write {known}")
    raise AssertionRefused(f"{at}.algorithm", "is not an algorithm that is known here", did_you_mean(str(name), list(ALGORITHMS), f"write {known}"))


def _header(description: Description, algorithm: Algorithm) -> dict[str, Any]:
    written, at = description.header, f"{description.at}.header"
    key_id = description.key_id
    if written.get("alg", algorithm.name) != algorithm.name:
        raise AssertionRefused(f"{at}.alg", "is not the algorithm that signs", "write it as `algorithm` alone")
    if "crit" in written or "b64" in written:
        name = "crit" if "crit" in written else "b64"
        raise AssertionRefused(f"{at}.{name}", "names extensions that nothing here understands (RFC 7515 §4.1.11)", "leave it out")
    if key_id is not None and not isinstance(key_id, str):
        raise AssertionRefused(f"{description.at}.key_id", "must be a text", "put a number in quotes")
    if key_id and written.get("kid", key_id) != key_id:
        raise AssertionRefused(f"{at}.kid", "is not the key_id", "write one of them")
    if _holds_private_jwk(written.get("jwk")):
        raise AssertionRefused(f"{at}.jwk", "holds a private key, which would be sent", "leave it out, or write its public half")
    header = {"alg": algorithm.name, "typ": "JWT", **({"kid": key_id} if key_id else {}), **written}
    return {name: value for name, value in header.items() if not (name == "typ" and value is False)}


def _holds_private_jwk(jwk: Any) -> bool:
    return isinstance(jwk, Mapping) and not _PRIVATE.isdisjoint(jwk)


def _claims(description: Description, now: float) -> dict[str, Any]:
    at = f"{description.at}.claims"
    begin = int(now)
    added = {"iat": begin, "exp": begin + _lifetime(description), "jti": str(uuid.uuid4())}
    merged = {**description.claims, **{name: value for name, value in added.items() if name not in description.claims}}
    claims = {name: value for name, value in merged.items() if not (value is False and name in _MAY_BE_LEFT_OUT)}
    for name in _TIMES:
        if name in claims:
            claims[name] = _time(claims[name], f"{at}.{name}")
    if claims.get("exp", math.inf) <= now:
        raise AssertionRefused(f"{at}.exp", "is in the past", "write a moment to come, or leave it to `lifetime`")
    return claims


def _lifetime(description: Description) -> int:
    given: Any = description.lifetime
    seconds = int(given) if isinstance(given, str) and re.fullmatch(r"[0-9]{1,9}", given) else given
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 1 <= seconds <= _LONGEST:
        raise AssertionRefused(f"{description.at}.lifetime", "must be a number of seconds from 1 to those of a year", "servers often allow 300 to 3600")
    return int(seconds)


def _time(value: Any, at: str) -> int:
    """A NumericDate (RFC 7519 §2) as a whole number: some servers read no other."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,12}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise AssertionRefused(at, "must be a time in seconds since 1970 (RFC 7519 §2)", "write '{{ now() }}' plus or minus seconds")
    if value >= 1e11:
        raise AssertionRefused(at, "is a time in milliseconds, it seems", "divide it by 1000")
    return int(value)


def _json(value: Mapping[str, Any], at: str) -> bytes:
    _check(value, at, 0)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _check(value: Any, at: str, depth: int) -> None:
    """Can JSON hold it? Names the place, never the value."""
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for name, inner in value.items():
            _check(inner, f"{at}.{name}", depth + 1)
    elif isinstance(value, list | tuple) and depth < _DEEPEST:
        for index, inner in enumerate(value):
            _check(inner, f"{at}[{index}]", depth + 1)
    elif value is None:
        raise AssertionRefused(at, "is null", "supply what it reads")
    elif isinstance(value, bytes):
        raise AssertionRefused(at, "is bytes", "end it with `base64` or `hex`")
    elif isinstance(value, float) and not math.isfinite(value):
        raise AssertionRefused(at, "is not a number that JSON has", "write another value")
    elif isinstance(value, str):
        _check_text(value, at)
    elif not isinstance(value, int | float):
        raise AssertionRefused(at, "is nested too deeply, or not what JSON can hold", "write texts, numbers, lists and maps")


def _check_text(text: str, at: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise AssertionRefused(at, "holds half of a character (a lone surrogate)", "write whole characters")


def _base64url(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")
