"""From what a profile says of an assertion to the text that is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from authweave.assertions.jwt import Description, Signed, signed
from authweave.errors import AssertionRefused
from authweave.profile import Jwt
from authweave.templates import Data, Template

Scope = Mapping[str, Any]


def described(written: Jwt, scope: Scope, claims: Mapping[str, Any] | None = None) -> Description:
    """The description with every template's value in its place; `claims` win over what is written."""
    lifetime = _value(written.lifetime, scope)
    return Description(
        signing_key=_value(written.signing_key, scope),
        algorithm=_value(written.algorithm, scope),
        key_id=_value(written.key_id, scope),
        header=_value(written.header, scope) or {},
        claims={**(_value(written.claims, scope) or {}), **(claims or {})},
        lifetime=lifetime,
        certificates=_certificates(written.header, scope),
        at=written.origin,
    )


def assertion_of(written: Jwt | Template, scope: Scope, claims: Mapping[str, Any] | None = None) -> Signed:
    """The assertion: signed now (`scope["now"]`), or the text that is ready. Raises KeyRefused, AssertionRefused, TemplateError."""
    if isinstance(written, Jwt):
        return signed(described(written, scope, claims), scope["now"])
    text = written.value(scope)
    if not isinstance(text, str) or not text:
        raise AssertionRefused(written.key, "is empty", "supply an assertion")
    return Signed(text, float("inf"))


def _value(written: Any, scope: Scope) -> Any:
    return written.value(scope) if isinstance(written, Template | Data) else written


def _certificates(header: Any, scope: Scope) -> tuple[str, ...]:
    """The certificates among the values that the header is made from: they have to be valid, and the key's own."""
    if not isinstance(header, Data):
        return ()
    found = [scope["inputs"].get(read[1]) for read in sorted(header.reads) if read[0] == "inputs" and len(read) == 2]
    texts = [value.reveal() if hasattr(value, "reveal") else value for value in found]
    return tuple(text for text in texts if isinstance(text, str) and "-----BEGIN CERTIFICATE-----" in text)
