"""Good values for the inputs of a profile: what a form could be filled in with, secrets random in each run."""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Iterable
from typing import Any, Final

from authweave.errors import PatternError
from authweave.patterns import compile_pattern
from authweave.profile import Input
from authweave.sandbox.from_pattern import text_of_pattern
from authweave.sandbox.made_up_keys import RSA, MadeUpKeys

TRIED: Final = 20
_AUTHORITY: Final = re.compile(r"(^|_)(ca|authority|authorities)($|_)")
"""Names of inputs for the certificates of authorities."""
_AWKWARD: Final = "+/%:"
"""Characters that Basic encodes or not: a profile that gets `basic_encoding` wrong shows it."""


def good_value(wanted: Input, members: Iterable[tuple[str, ...]] = (), keys: MadeUpKeys | None = None, kind: str = RSA) -> Any:
    """A value that fits the declaration. `members` are what templates read inside an input of type json; `kind` is that of its key.

    Not secret: the default, the first of `enum`, the example, something of the declared form. Secret: random.
    """
    if wanted.enum:
        return wanted.default if wanted.default in wanted.enum else wanted.enum[0]
    if not wanted.secret and wanted.default not in (None, ""):
        return wanted.default
    if not wanted.secret and wanted.example and fits(wanted, wanted.example):
        return wanted.example
    if wanted.pattern is not None:
        return _of_pattern(wanted)
    if wanted.format is not None:
        return _FORMATS[wanted.format](_host_label(wanted.name))
    return _of_type(wanted, members, keys or MadeUpKeys(), kind)


def fits(wanted: Input, text: str) -> bool:
    """Does a text have the declared pattern?"""
    return wanted.pattern is None or compile_pattern(wanted.pattern).matches(text)


def _of_pattern(wanted: Input) -> str:
    text = ""
    for _ in range(TRIED):
        text = text_of_pattern(wanted.pattern or "", long=wanted.secret)
        if text and fits(wanted, text):
            return text
    raise PatternError(f"the sandbox finds no value for the pattern of {wanted.name}")


def _of_type(wanted: Input, members: Iterable[tuple[str, ...]], keys: MadeUpKeys, kind: str) -> Any:
    if wanted.type in ("integer", "number"):
        return 1
    if wanted.type == "boolean":
        return True
    if wanted.type == "list":
        return ["sandbox"]
    if wanted.type == "json":
        return _json(members, keys, kind)
    if wanted.type == "pem":
        return keys.certificate_pem(kind) if "cert" in wanted.name or _AUTHORITY.search(wanted.name) else keys.private_key_pem(kind)
    if wanted.type == "pkcs12":
        return keys.pkcs12(kind)
    return _text(wanted)


def _text(wanted: Input) -> str:
    if wanted.name == "redirect_uri":
        return "http://127.0.0.1:8912/callback"
    if not wanted.secret:
        return f"sandbox-{_host_label(wanted.name)}-{secrets.token_hex(3)}"
    is_clients = wanted.name == "client_secret" and wanted.implied  # one that the profile declares may go where a colon cannot
    return secrets.token_urlsafe(24) + (_AWKWARD + secrets.token_hex(2) if is_clients else "")


def _json(members: Iterable[tuple[str, ...]], keys: MadeUpKeys, kind: str) -> dict[str, Any]:
    """A map with everything that templates look up in it."""
    whole: dict[str, Any] = {}
    for path in members:
        inside = whole
        for name in path[:-1]:
            inside = inside.setdefault(name, {})
        if path:
            inside[path[-1]] = (
                keys.private_key_pem(kind)
                if "private_key" in path[-1] and not path[-1].endswith("id")
                else f"sandbox-{secrets.token_hex(8)}"
            )
    return whole


_FORMATS: Final = {
    "hostname": lambda name: f"{name}.sandbox.example",
    "url": lambda name: f"https://{name}.sandbox.example",
    "uuid": lambda name: str(uuid.uuid4()),
    "email": lambda name: f"{name}@sandbox.example",
}


def _host_label(name: str) -> str:
    return name.replace("_", "-").strip("-")
