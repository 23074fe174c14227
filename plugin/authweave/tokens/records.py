"""What is kept of a key, as bytes and back. Secrets are open here: these bytes are sealed before anybody stores them."""

from __future__ import annotations

import base64
import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any, Final

from authweave.values import NEVER, Entry, Secret, Token, Trouble

FORMAT: Final = 1
SIGN_IN_HEAD: Final = b"authweave sign-in\n"
"""How the other kind of row begins: that of a sign-in under way (see `sign_in.begun`)."""
_SECRETS: Final = ("access_token", "refresh_token", "id_token", "proof_key")
_TIMES: Final = ("expires_at", "renew_at", "issued_at")


DEEPEST: Final = 64
"""Lists and maps one inside the other, of a value that is kept."""


class Unheld(ValueError):
    """A value that no entry can hold. The message goes on after the value's name."""


class NotAnEntry(ValueError):
    """Bytes that are no entry, or one of a format that this version does not know."""


def is_sign_in(data: bytes) -> bool:
    """Are these bytes of a sign-in under way, and no entry?"""
    return data.startswith(SIGN_IN_HEAD)


def encoded(entry: Entry) -> bytes:
    """The entry as JSON in UTF-8."""
    data = {
        "format": FORMAT,
        "facts": dict(entry.facts),
        "token": _of_token(entry.token) if entry.token else None,
        "trouble": dataclasses.asdict(entry.trouble) if entry.trouble else None,
        "rotates": entry.rotates,
    }
    return json.dumps(data, separators=(",", ":"), allow_nan=False).encode()


def decoded(data: bytes) -> Entry:
    """The reverse. Raises NotAnEntry, whatever the bytes are."""
    try:
        said = json.loads(data)
        if said["format"] != FORMAT:
            raise NotAnEntry("written in another format")
        return Entry(
            facts=dict(said["facts"]),
            token=_token(said["token"]) if said["token"] else None,
            trouble=Trouble(**said["trouble"]) if said["trouble"] else None,
            rotates=said["rotates"],
        )
    except NotAnEntry:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise NotAnEntry("not an entry")


def _of_token(token: Token) -> dict[str, Any]:
    return {
        **{name: _open(getattr(token, name)) for name in _SECRETS},
        **{name: None if getattr(token, name) == NEVER else getattr(token, name) for name in _TIMES},
        "token_type": token.token_type,
        "scope": token.scope,
        "kept": {name: [isinstance(value, Secret), *_written(_open(value))] for name, value in token.kept.items()},
    }


def _token(said: Mapping[str, Any]) -> Token:
    secrets: dict[str, Any] = {name: Secret(said[name], "store") if said.get(name) is not None else None for name in _SECRETS}
    if not isinstance(said["access_token"], str):
        raise NotAnEntry("no access token")
    times: dict[str, Any] = {name: NEVER if said[name] is None else float(said[name]) for name in _TIMES}
    kept = {name: Secret(_back(*value), f"kept.{name}") if is_secret else _back(*value) for name, (is_secret, *value) in said["kept"].items()}
    return Token(**secrets, **times, token_type=said["token_type"], scope=said["scope"], kept=kept)


def _open(value: Any) -> Any:
    return value.reveal() if isinstance(value, Secret) else value


def _written(value: Any) -> tuple[Any, ...]:
    """Bytes as base64 with a word that says so; everything else that is held is JSON already."""
    return (base64.b64encode(value).decode(), "base64") if isinstance(value, bytes) else (value,)


def _back(value: Any, written: str = "") -> Any:
    return base64.b64decode(value) if written == "base64" else value


def held(value: Any, depth: int = 0) -> Any:
    """A value of a template as an entry holds it, so that it is the same when it comes back from a store: keys of maps are text.

    Raises Unheld for what no entry can hold.
    """
    if depth > DEEPEST:
        raise Unheld("is nested too deep to be kept")
    if isinstance(value, Mapping):
        return {_key(name): held(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [held(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise Unheld("is a number without an end")
    if (isinstance(value, bytes) and not depth) or value is None or isinstance(value, str | bool | int | float):
        return value
    raise Unheld(f"holds {type(value).__name__} inside a list or map: write it as base64 or hex")


def _key(name: Any) -> str:
    return name if isinstance(name, str) else json.dumps(name)
