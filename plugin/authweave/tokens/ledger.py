"""The tokens of a store: coded, sealed, bound to their key, verified when they are read."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Final

from authweave.at_rest.cipher import Sealer, Unreadable
from authweave.at_rest.keys import Keys
from authweave.contracts import Store
from authweave.errors import StoreUnavailable
from authweave.machine.forks import Lock
from authweave.tokens.guard import Guard, Tell
from authweave.tokens.records import NotAnEntry, decoded, encoded, is_sign_in
from authweave.tokens.unsaved import AllUnsaved
from authweave.values import NEVER, Entry, Intent, Record, Row, Token, TokenKey

KEPT_LONGER: Final = 86_400.0
"""Seconds that what can be had anew is kept beyond its end: for `authweave status`, and for whoever looks back."""
KEPT_WITHOUT_END: Final = 30 * 86_400.0
_TOLD: Final = 1000
_PLAIN: Final = b"a store in plain text has no key"


class Ledger:
    """A store as the renewal sees it: entries instead of bytes. Blocking; safe for threads and forks.

    Raises StoreUnavailable. What cannot be opened, or is somebody else's, is told once and is as if absent.
    """

    def __init__(self, store: Store, keys: Keys, tell: Tell, patience: float) -> None:
        self.store = store
        self.is_shared = store.is_shared
        self.keys = keys
        self._sealer = Sealer(keys)
        self._tell = tell
        guard = Guard(tell, patience)
        self._call, self._change = guard.call, guard.write
        self._told: OrderedDict[str, None] = OrderedDict()
        self._lock = Lock()
        self.unsaved = AllUnsaved()
        self.is_ending = self.is_closed = False

    def read(self, key: TokenKey) -> Record:
        """What is kept under the key."""
        digest = key.digest()
        return self._record(digest, self._call(self.store.read, digest), key.facts())

    def lease(self, key: TokenKey, owner: str, seconds: float) -> bool:
        """Become the one who may renew."""
        return self._change(self.store.lease, key.digest(), owner, seconds)

    def release(self, key: TokenKey, owner: str) -> None:
        """Give the lease back."""
        self._change(self.store.release, key.digest(), owner)

    def wait(self, key: TokenKey, seconds: float) -> None:
        """Wait for a release."""
        self._call(self.store.wait, key.digest(), seconds)

    def intend(self, key: TokenKey, version: int, intent: Intent | None) -> bool:
        """Note what is about to happen; None: nothing is any more. Nothing begins once the store is about to be let go of."""
        if self.is_ending and intent is not None:
            raise StoreUnavailable("other", "the engine was closed in this process")
        return self._change(self.store.intend, key.digest(), version, intent.text if intent else "")

    def write(self, key: TokenKey, version: int, entry: Entry, *, keep: float | None) -> bool:
        """Keep the entry, durably, over exactly this version; after `keep` seconds it may go."""
        digest = key.digest()
        return self._change(self.store.write, digest, version, self._sealer.seal(encoded(entry), digest), keep=keep)

    def forget(self, key: TokenKey, version: int) -> bool:
        """Forget what is there, if it is exactly this version. That there was something stays known for a while."""
        return self._change(self.store.write, key.digest(), version, None, keep=KEPT_WITHOUT_END)

    def remove(self, digest: str) -> bool:
        """Forget what is kept under a key; False if there was nothing.

        Its version stays a while: workers that have the token in memory see that it was taken away, not lost.
        """
        row = self._call(self.store.read, digest)
        if row.data is None:
            return False
        return self._change(self.store.write, digest, row.version, None, keep=KEPT_WITHOUT_END)

    def entries(self) -> Iterator[tuple[str, Record]]:
        """Every key that has a token, or had one, opened as far as it can be."""
        for digest in self._call(self._listed):
            record = self._record(digest, self._call(self.store.read, digest), None)
            if record.entry is not None or record.unreadable:
                yield digest, record

    def held(self, row: str) -> tuple[int, bytes | None]:
        """What is kept in a row that holds no token (64 hex digits), with its version; None for nothing that can be opened."""
        found = self._call(self.store.read, row)
        if found.data is None:
            return found.version, None
        try:
            return found.version, self._sealer.open(found.data, row)
        except Unreadable as error:
            self._tell_once(row, str(error))
        return found.version, None

    def hold(self, row: str, version: int, data: bytes | None, *, keep: float) -> bool:
        """Keep something else than a token in a row, over exactly this version; it may go after `keep` seconds."""
        return self._change(self.store.write, row, version, None if data is None else self._sealer.seal(data, row), keep=keep)

    def claim(self, row: str, owner: str, seconds: float) -> bool:
        """Take the lease of such a row."""
        return self._change(self.store.lease, row, owner, seconds)

    def unclaim(self, row: str, owner: str) -> None:
        """Give it back."""
        self._change(self.store.release, row, owner)

    def wait_for(self, row: str, seconds: float) -> None:
        """Wait for that."""
        self._call(self.store.wait, row, seconds)

    def note(self, name: str, fact: Mapping[str, Any], seconds: float) -> None:
        """Leave a short fact for every process on the store."""
        self._change(self.store.note, name, self._sealer.seal(json.dumps(fact).encode(), name), seconds)

    def noted(self, name: str) -> Mapping[str, Any] | None:
        """A fact that somebody left."""
        sealed = self._call(self.store.noted, name)
        if sealed is None:
            return None
        try:
            fact = json.loads(self._sealer.open(sealed, name))
        except (Unreadable, ValueError, RecursionError):
            return None
        return fact if isinstance(fact, dict) else None

    def fingerprint(self, secret: bytes) -> str:
        """What stands for a secret in a key: equal for equal secrets wherever the same keys seal, and telling nothing else.

        The oldest key makes it, so that a rotation changes no fingerprint.
        """
        oldest = self.keys.oldest
        return self._sealer.fingerprint(oldest.value if oldest else _PLAIN, secret)

    def close(self) -> None:
        """Let go of the store. What rotated and could not be stored until now is lost, and told."""
        self.is_ending = self.is_closed = True
        self.store.close()
        for key in self.unsaved.given_up():
            self._tell("lost", key=key.digest()[:12], tenant=key.tenant, subject=key.subject, grant=key.grant, detail="the engine was closed before a rotated refresh token could be stored")

    def _listed(self) -> list[str]:
        return list(self.store.keys())

    def _record(self, digest: str, row: Row, facts: Mapping[str, Any] | None) -> Record:
        intent = Intent.of(row.intent)
        if row.data is None:
            return Record(row.version, intent=intent)
        why = ""
        try:
            plain = self._sealer.open(row.data, digest)
            if is_sign_in(plain):
                return Record(row.version, intent=intent)  # of a sign-in under way: no token's
            entry = decoded(plain)
            if facts is None or entry.facts == facts:
                return Record(row.version, entry, intent)
            why = "it is somebody else's"
        except Unreadable as error:
            why = str(error)
        except NotAnEntry as error:
            why = f"it is {error}"
        self._tell_once(digest, why)
        return Record(row.version, intent=intent, unreadable=why)

    def _tell_once(self, digest: str, why: str) -> None:
        with self._lock:
            if digest in self._told:
                return
            self._told[digest] = None
            if len(self._told) > _TOLD:
                self._told.popitem(last=False)
        self._tell("unreadable", key=digest[:12], detail=f"a stored token cannot be used: {why}")


def worth(token: Token | None, now: float) -> float:
    """Seconds that what can be had anew is worth keeping."""
    if token is None:
        return KEPT_LONGER
    return KEPT_WITHOUT_END if token.expires_at == NEVER else max(0.0, token.expires_at - now) + KEPT_LONGER
