"""What a store holds, entry by entry, with whose it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from authweave.token_calls.exchange import shown_url
from authweave.values import Record, TokenKey

if TYPE_CHECKING:
    from authweave.tokens.ledger import Ledger

_NOTHING: Final[Mapping[str, Any]] = {}
_TOLD: Final = (("client_id", "client_id"), ("grant", "grant"))


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry: its key (64 hex digits) and what could be opened. Of one that could not be, nobody knows whose it is."""

    key: str
    record: Record

    @property
    def facts(self) -> Mapping[str, Any]:
        """The parts of its key; none if it cannot be opened."""
        return self.record.entry.facts if self.record.entry else _NOTHING

    @property
    def profile(self) -> str:
        """The name of its profile."""
        return str(self.facts.get("connection", "")).partition("/")[0]

    @property
    def variant(self) -> str:
        """The name of its profile's variant."""
        return str(self.facts.get("connection", "")).partition("/")[2]

    @property
    def whose(self) -> tuple[str, str]:
        """Tenant and subject."""
        return str(self.facts.get("tenant", "")), str(self.facts.get("subject", ""))

    @property
    def has_refresh_token(self) -> bool:
        """May forgetting it mean that somebody has to sign in again?"""
        return self.record.token is not None and self.record.token.refresh_token is not None


def stored_in(ledger: Ledger) -> Iterator[Stored]:
    """Every entry, in no order. Raises StoreUnavailable."""
    return (Stored(key, _verified(key, record)) for key, record in ledger.entries())


def _verified(key: str, record: Record) -> Record:
    """The record, if its facts are those that its key is made of; otherwise as one that cannot be opened."""
    if record.entry is None or _digest(record.entry.facts) == key:
        return record
    return Record(record.version, None, record.intent, unreadable="it is somebody else's")


def _digest(facts: Mapping[str, Any]) -> str:
    """The key that the facts make; '' for what are no facts."""
    try:
        inputs = tuple((str(name), str(value)) for name, value in facts["inputs"])
        return TokenKey(**{**facts, "inputs": inputs}).digest()
    except (KeyError, TypeError, ValueError, AttributeError):
        return ""


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Which parts of a key are others now, in words: `scopes: 'read' → 'read write'`. Nothing of a secret is among them."""
    found = [_change(name, str(old.get(part, "")), str(new.get(part, ""))) for name, part in _TOLD if old.get(part, "") != new.get(part, "")]
    found += _of_endpoint(str(old.get("endpoint", "")), str(new.get("endpoint", "")))
    for part in ("scopes", "audience"):
        if old.get(part, "") != new.get(part, ""):
            found.append(_change(part, _joined(str(old.get(part, ""))), _joined(str(new.get(part, "")))))
    found += _of_inputs(old, new, {name for name, part in _TOLD if old.get(part, "") != new.get(part, "")})
    if old.get("secret", "") != new.get("secret", ""):
        found.append("another client secret or refresh token")
    return found


def _change(name: str, old: str, new: str) -> str:
    return f"{name}: {old!r} → {new!r}"


def _of_endpoint(old: str, new: str) -> list[str]:
    """A query may hold what nobody should see."""
    if old == new:
        return []
    if shown_url(old) == shown_url(new):
        return ["endpoint: another query"]
    return [f"endpoint: {shown_url(old)} → {shown_url(new)}"]


def _joined(lines: str) -> str:
    """`scope=read` and `scope=write` on two lines as `read write`; other keys stay with their values."""
    parts = [line.partition("=") for line in lines.split("\n") if line]
    if all(key in ("scope", "") or not equals for key, equals, _ in parts):
        return " ".join(value if equals else key for key, equals, value in parts)
    return " ".join("=".join((key, value)) if equals else key for key, equals, value in parts)


def _of_inputs(old: Mapping[str, Any], new: Mapping[str, Any], told: set[str]) -> Iterator[str]:
    before, now = (dict(map(tuple, facts.get("inputs", ()))) for facts in (old, new))
    for name in dict.fromkeys((*before, *now)):
        if name not in now:
            yield f"input {name}: is read no more"
        elif name not in before:
            yield f"input {name}: is read as well"
        elif before[name] != now[name] and name not in told:
            yield _change(f"input {name}", str(before[name]), str(now[name]))
