"""Vendor codes in the description of a token error, where public documentation says what they mean."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Remedy


@dataclass(frozen=True, slots=True)
class Code:
    """A vendor's code: how it is recognised, and which key of the profile it speaks of."""

    pattern: str
    key: str
    say: str


CODES: Final = (
    # https://learn.microsoft.com/entra/identity-platform/reference-error-codes
    Code("AADSTS7000215", "auth.client_secret", "AADSTS7000215: the secret is wrong; supply its value, not its id"),
    Code("AADSTS7000222", "auth.client_secret", "AADSTS7000222: the secret has expired; make a new one"),
    Code("AADSTS7000218", "auth.client_auth", "AADSTS7000218: secret or assertion is missing; write `client_secret_post` or `client_secret_basic`"),
    Code("AADSTS700016", "auth.client_id", "AADSTS700016: the client is not known in this tenant"),
    Code("AADSTS90002", "auth.token_url", "AADSTS90002: the tenant in the URL does not exist"),
    Code("AADSTS900144", "auth.token_request.fields", "AADSTS900144: a parameter is missing; the message names it"),
    Code("AADSTS70011", "auth.scopes", "AADSTS70011: the scope is not valid; for client credentials write `<resource>/.default`"),
    Code("AADSTS1002012", "auth.scopes", "AADSTS1002012: client credentials want one scope, `<resource>/.default`"),
    Code("AADSTS500011", "auth.scopes", "AADSTS500011: the resource is not known in this tenant"),
)  # fmt: skip


def remedies(_: str) -> tuple[Remedy, ...]:
    """What the vendors' codes say, before anything that is only likely."""
    return tuple(Remedy(code.key, code.say, _quoted(code.pattern)) for code in CODES)


def _quoted(pattern: str) -> Callable[[Case], bool]:
    found = re.compile(rf"\b{pattern}\b")
    return lambda case: found.search(case.description) is not None
