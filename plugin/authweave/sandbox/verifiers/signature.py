"""Signed requests as the API behind a profile checks them: the string is made anew from what arrived, the signature is looked at by `cryptography`.

Of what the client made up itself (a nonce, a time) only what arrived is known: it is read back from the fields that hold it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from authweave.errors import AuthweaveError
from authweave.profile import Field
from authweave.sandbox.arrived import Arrived
from authweave.sandbox.verifiers.case import Case, Passed, Refused
from authweave.sandbox.wanted import is_unforeseen
from authweave.templates import Data, Template

BEHIND: Final = 60
"""Seconds of the past in which a request may have been signed, where no field says when."""
_CHALLENGE: Final = 'Signature realm="sandbox"'
_MACS: Final = {"hmac-sha256": "SHA256", "hmac-sha1": "SHA1", "hmac-sha384": "SHA384", "hmac-sha512": "SHA512", "hmac-md5": "MD5"}


def verify(case: Case) -> Passed | Refused:
    """Is what came in the fields of the signature one of the string, with the customer's key?"""
    fields = [field for field in case.variant.fields if _reads(field.value, "signature")]
    found = {field.key: text for field in fields if (text := _text_of(field, case.arrived)) is not None}
    bound = _bound((*case.account.profile.fields, *case.variant.fields), case)
    signatures = {key: _captured(field, found[key], bound, case).get("signature", "") for field in fields if (key := field.key) in found}
    if not signatures:
        return Refused("there is no signature", _CHALLENGE, is_missing=True)
    string = case.variant.own["string_to_sign"]
    why = "the signature is not that of the request as it arrived"
    for now in _times(string, case):
        try:
            scope = _scope(case, bound, now, set(found))
            message, secret, algorithm = string.as_bytes(scope), _key(case, scope), _algorithm(case, scope)
        except AuthweaveError as error:
            return Refused(f"the string to sign cannot be made from what arrived: {error}", _CHALLENGE)
        if all(any(_is_signature(algorithm, secret, message, made) for made in _decoded(text)) for text in signatures.values()):
            return Passed(tuple(f"signature in {key}" for key in signatures))
    return Refused(why, f'{_CHALLENGE}, error="invalid_signature"')


def _reads(value: Any, space: str) -> bool:
    return any(read[0] == space for read in getattr(value, "reads", ()))


def _text_of(field: Field, arrived: Arrived) -> str | None:
    """What arrived in the place of a field, header, query or cookie."""
    place = field.placement.name
    lines = {
        "header": lambda: arrived.header_lines(field.key),
        "query": lambda: [value for name, value in arrived.query if name == field.key],
        "cookie": lambda: [value for name, value in arrived.cookies if name == field.key],
    }.get(place, list)()
    return lines[0] if len(lines) == 1 else None


def _bound(fields: Iterable[Field], case: Case) -> dict[str, str]:
    """The variables that change by themselves, as the fields brought them."""
    bound: dict[str, str] = {}
    for field in fields:
        if _reads(field.value, "vars") and (text := _text_of(field, case.arrived)) is not None:
            bound |= {name.removeprefix("v_"): part for name, part in _captured(field, text, bound, case).items() if name.startswith("v_")}
    return bound


def _captured(field: Field, text: str, bound: Mapping[str, str], case: Case) -> dict[str, str]:
    """What stands in the holes of a field's template: the signature, and variables that nobody can know beforehand."""
    template = field.value.content if isinstance(field.value, Data) else field.value
    if not isinstance(template, Template):
        return {}
    scope = _scope(case, bound, case.now, set())
    pattern, names = "", set[str]()
    for part in template.parts:
        name = "" if isinstance(part, str) else _name_of(part, case)
        if isinstance(part, str):
            pattern += re.escape(part)
        elif name and name not in names:
            names.add(name)
            pattern += f"(?P<{name}>.+?)"
        elif name:
            pattern += f"(?P={name})"
        elif is_unforeseen(part, case.account.profile):
            pattern += ".+?"
        else:
            pattern += re.escape(_shown(part.run(scope)))
    found = re.fullmatch(pattern, text, re.DOTALL)
    return found.groupdict() if found else {}


def _name_of(part: Any, case: Case) -> str:
    if _reads(part, "signature"):
        return "signature"
    names = [read[1] for read in part.reads if read[0] == "vars" and len(read) == 2]
    is_variable = part.plain and len(names) == len(part.reads) == 1
    return f"v_{names[0]}" if is_variable and is_unforeseen(part, case.account.profile) else ""


def _shown(value: Any) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else "" if value is None else str(value)


class _Variables(Mapping[str, Any]):
    """The profile's variables, those that arrived first."""

    def __init__(self, bound: Mapping[str, str], made: Mapping[str, Any]) -> None:
        self._bound, self._made = bound, made

    def __getitem__(self, name: str) -> Any:
        return self._bound[name] if name in self._bound else self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)


def _scope(case: Case, bound: Mapping[str, str], now: float, signed: set[str]) -> dict[str, Any]:
    """The namespaces as the client had them: without the fields that hold the signature."""
    arrived = case.arrived
    names = {name.lower() for name in signed}
    headers = tuple(header for header in arrived.headers if header[0].lower() not in names)
    pairs = [pair for pair in arrived.raw_query.split("&") if pair.partition("=")[0] not in signed]
    target = f"{arrived.path}?{'&'.join(pairs)}" if any(pairs) else arrived.path if signed else arrived.target
    scope = case.account.scope(case.issued, replace(arrived, headers=headers, target=target).view())
    scope["now"] = now
    scope["vars"] = _Variables(bound, scope["vars"])
    return scope


def _times(string: Template, case: Case) -> Iterable[float]:
    """The moments at which the request may have been signed: one, where the string reads no clock by itself."""
    return [int(case.now) - ago for ago in range(-2, BEHIND)] if is_unforeseen(string, case.account.profile) else [case.now]


def _key(case: Case, scope: Mapping[str, Any]) -> bytes:
    made = case.variant.own["signing_key"].value(scope)
    return made if isinstance(made, bytes) else str(made).encode()


def _algorithm(case: Case, scope: Mapping[str, Any]) -> str:
    made = case.variant.own["algorithm"]
    return str(made.render(scope) if isinstance(made, Template) else made)


def _decoded(text: str) -> Iterator[bytes]:
    """The bytes that a text may stand for: hex, base64 or base64url, and hex inside base64."""
    for decode in _DECODERS:
        try:
            made = decode(text)
        except (ValueError, binascii.Error):
            continue
        yield made
        if text.isascii() and made.isascii() and made:
            with_hex = made.decode()
            if re.fullmatch("[0-9A-Fa-f]+", with_hex) and len(with_hex) % 2 == 0:
                yield bytes.fromhex(with_hex)


_DECODERS: Final[tuple[Callable[[str], bytes], ...]] = (
    bytes.fromhex,
    lambda text: base64.b64decode(text, validate=True),
    lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)),
)


def _is_signature(algorithm: str, key: bytes, message: bytes, made: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

    try:
        if algorithm in _MACS:
            _verify_mac(_MACS[algorithm], key, message, made)
        else:
            _verify(algorithm, key, message, made)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError):
        return False
    return True


def _verify_mac(hash_name: str, key: bytes, message: bytes, made: bytes) -> None:
    from cryptography.hazmat.primitives import hashes, hmac

    mac = hmac.HMAC(key, getattr(hashes, hash_name)())
    mac.update(message)
    mac.verify(made)


def _verify(algorithm: str, key: bytes, message: bytes, made: bytes) -> None:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    public: Any = serialization.load_pem_private_key(key, None).public_key()
    half = len(made) // 2
    hashed: Any = getattr(hashes, f"SHA{re.findall('[0-9]+', algorithm)[-1]}")() if algorithm != "ed25519" else None
    if algorithm == "ed25519":
        public.verify(made, message)
    elif algorithm == "rsa-pss-sha512":
        public.verify(made, message, padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashed)
    elif algorithm.startswith("rsa"):
        public.verify(made, message, padding.PKCS1v15(), hashed)
    else:
        public.verify(encode_dss_signature(int.from_bytes(made[:half]), int.from_bytes(made[half:])), message, ec.ECDSA(hashed))
