"""Stored tokens at a command line: which are meant, and what may be told of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from authweave.cli.moments import one_line, stamp
from authweave.errors import UsageError

if TYPE_CHECKING:
    from authweave.engine import Engine
    from authweave.profile import Profile
    from authweave.status import Stored
    from authweave.values import Intent, Secret, Token, Trouble

SHORTEST_KEY: Final = 4
SHORTEST_SHOWN: Final = 8
_KEY: Final = re.compile(r"[0-9a-fA-F]{1,64}")


def all_stored(engine: Engine) -> list[Stored]:
    """Every entry, those of one profile and tenant beside each other. Raises StoreUnavailable."""
    from authweave.status import stored_in

    return sorted(stored_in(engine.ledger), key=lambda entry: (entry.profile, entry.variant, *entry.whose, entry.key))


def of_key(stored: Iterable[Stored], written: str) -> Stored:
    """The entry whose key begins so. Raises UsageError, which lists those that it could be."""
    if not _KEY.fullmatch(written):
        raise UsageError(f"{written} is not the beginning of a key: keys are hex digits, as `authweave tokens list` shows them")
    if len(written) < SHORTEST_KEY:
        raise UsageError(f"{written} is too short: write at least {SHORTEST_KEY} digits of a key")
    found = [entry for entry in stored if entry.key.startswith(written.lower())]
    if not found:
        raise UsageError(f"no stored token has a key that begins with {written}")
    if len(found) > 1:
        raise UsageError("\n  ".join([f"{written} begins {len(found)} keys:", *(one_line(named(entry)) for entry in found[:20])]))
    return found[0]


def of_words(stored: Sequence[Stored], words: Iterable[str]) -> list[Stored]:
    """The entries that are meant by names of profiles or beginnings of keys, each once. Raises UsageError."""
    found: dict[str, Stored] = {}
    for word in words:
        of_profile = [entry for entry in stored if entry.profile == word]
        found.update((entry.key, entry) for entry in of_profile or [_of_either(stored, word)])
    return list(found.values())


def _of_either(stored: Sequence[Stored], word: str) -> Stored:
    if not _KEY.fullmatch(word):
        raise UsageError(f"nothing is stored for a profile {word}")
    return of_key(stored, word)


def selected(stored: Iterable[Stored], profile: str | None, tenants: Sequence[str] = ()) -> list[Stored]:
    """Those of a profile and of tenants; all where none is named."""
    return [entry for entry in stored if profile in (None, entry.profile) and (not tenants or entry.whose[0] in tenants)]


def facts_of(entry: Stored) -> dict[str, Any]:
    """One row as plain data. Times are RFC 3339 in UTC."""
    from authweave.token_calls.exchange import shown_url

    tenant, subject = entry.whose
    token, trouble = entry.record.token, entry.record.trouble
    return {
        "key": entry.key[:12], "profile": entry.profile, "variant": entry.variant, "tenant": tenant, "subject": subject,
        "grant": str(entry.facts.get("grant", "")), "endpoint": shown_url(str(entry.facts.get("endpoint", ""))),
        "expires_at": stamp(token.expires_at) if token else None, "token": token is not None, "refresh_token": entry.has_refresh_token,
        "trouble": trouble.kind if trouble else None, "unreadable": entry.record.unreadable or None,
    }  # fmt: skip


def whole_facts_of(entry: Stored) -> dict[str, Any]:
    """Everything that may be told of an entry: never a token."""
    record = entry.record
    return {
        **facts_of(entry),
        "key": entry.key,
        "client_id": str(entry.facts.get("client_id", "")),
        "scopes": str(entry.facts.get("scopes", "")).split("\n") if entry.facts.get("scopes") else [],
        "audience": str(entry.facts.get("audience", "")).split("\n") if entry.facts.get("audience") else [],
        "inputs": {str(name): str(value) for name, value in entry.facts.get("inputs", ())},
        "rotates": record.entry.rotates if record.entry else None,
        "version": record.version,
        "token": _of_token(record.token) if record.token else None,
        "trouble": _of_trouble(record.trouble) if record.trouble else None,
        "intent": _of_intent(record.intent) if record.intent else None,
    }


def _of_token(token: Token) -> dict[str, Any]:
    from authweave.proofs.dpop import key_thumbprint

    secrets = {name: getattr(token, name) for name in ("access_token", "refresh_token", "id_token")}
    return {
        "bound_to": key_thumbprint(token.proof_key) if token.proof_key else None,
        "token_type": token.token_type, "scope": token.scope, "issued_at": stamp(token.issued_at), "renew_at": stamp(token.renew_at),
        "expires_at": stamp(token.expires_at), "kept": sorted(name for name, value in token.kept.items() if value is not None),
        **{name: _measures(secret) if secret else None for name, secret in secrets.items()},
    }  # fmt: skip


def _measures(secret: Secret) -> dict[str, Any]:
    """Length and fingerprint, to compare; of a short secret neither."""
    from authweave.redaction import fingerprint

    length = secret.length
    return {"length": length, "fingerprint": fingerprint(secret)} if length >= SHORTEST_SHOWN else {"length": None, "fingerprint": None}


def _of_trouble(trouble: Trouble) -> dict[str, Any]:
    return {
        "kind": trouble.kind, "reason": trouble.reason, "at": stamp(trouble.at), "status": trouble.status or None, "error": trouble.error,
        "error_description": trouble.error_description, "count": trouble.count, "until": stamp(trouble.until),
    }  # fmt: skip


def _of_intent(intent: Intent) -> dict[str, Any]:
    from authweave.tokens.owners import is_gone

    return {"at": stamp(intent.at), "attempt": intent.attempt, "owner_is_gone": is_gone(intent.owner)}


def named(entry: Stored) -> str:
    """Key, profile, tenant and subject, on one line."""
    tenant, subject = entry.whose
    return " ".join(word for word in (entry.key[:12], entry.profile or "(cannot be opened)", tenant, subject) if word)


def finder(engine: Engine) -> Callable[[str], Profile | None]:
    """Profiles by name; None for one that is not there or is not valid."""
    import functools

    from authweave.errors import ProfileError

    @functools.cache
    def find(name: str) -> Profile | None:
        try:
            return engine.profile(name) if name else None
        except (UsageError, ProfileError):
            return None

    return find
