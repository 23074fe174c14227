"""The template functions that encode, decode and hash."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from unicodedata import combining, normalize
from urllib.parse import parse_qsl, quote

from authweave.templates.bounds import COMBINING, DEPTH, MANY_ITEMS, RESULT_LENGTH, Unfit, charge
from authweave.templates.operands import as_bytes, as_text, kind


def urlencode(x: Any) -> str:
    """Percent-encoded but for the unreserved characters (RFC 3986 §2.3)."""
    return quote(as_bytes(x), safe="")


def urlpath(x: Any) -> str:
    """As `urlencode`, but a slash stays."""
    return quote(as_bytes(x), safe="/")


def to_base64(x: Any) -> str:
    """With padding (RFC 4648 §4)."""
    return base64.b64encode(as_bytes(x)).decode("ascii")


def to_base64url(x: Any) -> str:
    """Without padding (RFC 4648 §5, RFC 7515 §2)."""
    return base64.urlsafe_b64encode(as_bytes(x)).rstrip(b"=").decode("ascii")


def to_hex(x: Any) -> str:
    """In lower case."""
    return as_bytes(x).hex()


def from_base64(x: Any) -> bytes:
    """Both alphabets, with padding or without (RFC 4648 §4 and §5)."""
    data = as_bytes(x).strip().translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4), validate=True)
    except binascii.Error:
        raise Unfit("the text is not base64") from None


def from_hex(x: Any) -> bytes:
    """The bytes that hexadecimal digits stand for."""
    try:
        return binascii.unhexlify(as_bytes(x).strip())
    except binascii.Error:
        raise Unfit("the text is not hexadecimal") from None


def digest(name: str) -> Callable[[Any], bytes]:
    """The function that hashes with `name`."""
    return lambda x: hashlib.new(name, as_bytes(x), usedforsecurity=False).digest()


_HMACS: Final = ("sha256", "sha1", "sha384", "sha512", "md5")


def check_hmac(algorithm: Any) -> None:
    """Refuse an algorithm that there is not."""
    if algorithm not in _HMACS:
        raise Unfit(f"the algorithm is one of {', '.join(_HMACS)}")


def keyed_digest(key: Any, x: Any, algorithm: Any = "sha256") -> bytes:
    """HMAC (RFC 2104)."""
    check_hmac(algorithm)
    return hmac.digest(as_bytes(key), as_bytes(x), algorithm)


def basic(user: Any, password: Any) -> str:
    """RFC 7617 §2: no colon in the user name, no control characters in either; composed (NFC) and UTF-8, as §2.1 has it."""
    user, password = (_composed(as_text(half)) for half in (user, password))
    if ":" in user:
        raise Unfit("the user name holds a colon, which Basic cannot carry (RFC 7617)")
    if re.search(r"[\x00-\x1f\x7f-\x9f]", user + password):
        raise Unfit("the user name or the password holds a control character")
    return to_base64(f"{user}:{password}")


def _composed(text: str) -> str:
    """NFC of what is stream-safe (UAX #15 §13): of longer rows of marks the time that Python takes grows with the square."""
    if text.isascii():
        return text
    charge(4 * len(text))
    row = 0
    for character in text:
        row = row + 1 if combining(character) else 0
        if row > COMBINING:
            raise Unfit(f"the user name or the password holds more than {COMBINING} combining marks in a row")
    return normalize("NFC", text)


def to_json(x: Any) -> str:
    """Compact JSON; characters beyond ASCII stay."""
    _json_length(x, RESULT_LENGTH, DEPTH)
    return json.dumps(x, ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_plain_map)


_OF_AN_ITEM: Final = 16
_OF_A_FLOAT: Final = 24


def _plain_map(value: Any) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise Unfit(f"{kind(value)} cannot stand in JSON")


def _json_length(value: Any, left: int, depth: int) -> int:
    """What is left of `left` once the value is written; refuses before a long text is made."""
    if depth < 0:
        raise Unfit(f"nested deeper than {DEPTH}")
    if value is None or isinstance(value, bool | int | float):
        left -= _OF_A_FLOAT if isinstance(value, float) else 4
    elif isinstance(value, str):
        left -= len(value) + 2
    elif isinstance(value, list | tuple):
        charge(_OF_AN_ITEM * len(value))
        for item in value:
            left = _json_length(item, left - 1, depth - 1)
    elif isinstance(value, Mapping):
        charge(_OF_AN_ITEM * len(value))
        for name, item in value.items():
            left = _json_length(item, left - len(str(name)) - 4, depth - 1)
    else:
        hint = ": write them as base64 or hex" if isinstance(value, bytes) else ""
        raise Unfit(f"{kind(value)} cannot stand in JSON{hint}")
    if left < 0:
        raise Unfit(f"the result would be longer than {RESULT_LENGTH} characters")
    return left


def from_json(x: Any) -> Any:
    """The data that a JSON text holds."""
    def no_constant(_: str) -> Any:
        raise Unfit("the text is not JSON")

    charge(2 * len(x) if isinstance(x, str | bytes) else 0)
    try:
        return json.loads(as_bytes(x), parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise Unfit("the text is not JSON") from None


_OF_A_FIELD: Final = 50


def from_form(x: Any) -> dict[str, Any]:
    """The fields of a urlencoded form: name → text, or a list where the name is repeated; empty ones stay."""
    fields: dict[str, list[str]] = {}
    charge(_OF_A_FIELD * as_bytes(x).count(b"&"))
    try:
        pairs = parse_qsl(as_bytes(x).decode(), keep_blank_values=True, strict_parsing=False, max_num_fields=MANY_ITEMS, errors="strict")
    except ValueError:
        raise Unfit("the text is not a form that can be read") from None
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}


def jwt_claims(x: Any) -> Any:
    """The claims of a JWT (RFC 7519 §3) as they are written; nothing is verified."""
    parts = as_text(x).split(".")
    claims = from_json(from_base64(parts[1])) if len(parts) == 3 else None
    if not isinstance(claims, dict):
        raise Unfit("the text is not a signed JWT")
    return claims
