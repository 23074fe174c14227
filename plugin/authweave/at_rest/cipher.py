"""Sealing stored bytes: AES-256-GCM (NIST SP 800-38D), bound to the name they are stored under.

    sealed   4 bytes mark, 4 bytes key id, 12 bytes nonce, ciphertext, 16 bytes tag
             associated data: mark, key id, name
    plain    "authweave plaintext 1 ", 64 hex digits (SHA-256 of name and text, against accidents), a line end, the text

Nonces are random: one key is good for 2³² records, which is 136 a second for a year.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from authweave.at_rest.keys import Keys
from authweave.at_rest.sealing_key import SealingKey

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_MARK: Final = b"\0aw1"
_ID_SIZE: Final = 4
_NONCE_SIZE: Final = 12
_HEAD: Final = len(_MARK) + _ID_SIZE
_BODY: Final = _HEAD + _NONCE_SIZE
_PLAIN: Final = b"authweave plaintext 1 "
_FINGERPRINT: Final = b"authweave fingerprint 1\0"
_LOOKED_LATELY: Final = 5.0
_MOST_LOOKED: Final = 1000
_WORDS: Final = {
    "unknown_key": "it was sealed with key {}, which is not here",
    "damaged": "it is damaged, or was stored under another name",
    "plaintext_refused": "it is not sealed, and only sealed ones are taken here",
}


class Unreadable(Exception):
    """What is stored cannot be used. `why`: unknown_key (with `key_id`), damaged, plaintext_refused. Holds no data."""

    def __init__(self, why: str, key_id: str = "") -> None:
        super().__init__(why, key_id)
        self.why = why
        self.key_id = key_id

    def __str__(self) -> str:
        return _WORDS[self.why].format(self.key_id)


class Sealer:
    """Seals with the active key and opens with all of them; without an active one it writes plain text, marked as such.

    Safe for threads and forks. What was sealed with a key that it does not have makes it look at most every five
    seconds where its keys live: somebody may have rotated them.
    """

    __slots__ = ("_ciphers", "_clock", "_keys", "_looked")

    def __init__(self, keys: Keys, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = keys
        self._clock = clock
        self._ciphers: dict[SealingKey, AESGCM] = {}
        self._looked: dict[str, float] = {}

    def seal(self, plain: bytes, bound_to: str) -> bytes:
        """The bytes as they may be stored under the name `bound_to`."""
        name = _encoded(bound_to)
        if (key := self._keys.active) is None:
            return b"%b%b\n%b" % (_PLAIN, _sum(name, plain), plain)
        head, nonce = _MARK + bytes.fromhex(key.id), os.urandom(_NONCE_SIZE)
        return head + nonce + self._cipher(key).encrypt(nonce, plain, head + name)

    def open(self, sealed: bytes, bound_to: str) -> bytes:
        """What was sealed under this name. Raises Unreadable and nothing else, whatever the bytes are."""
        if sealed.startswith(_PLAIN):
            return self._opened_plain(sealed, _encoded(bound_to))
        if not sealed.startswith(_MARK) or len(sealed) < _BODY:
            raise Unreadable("damaged")
        cipher = self._cipher(self._key(sealed[len(_MARK):_HEAD].hex()))
        plain = _decrypted(cipher, sealed, _encoded(bound_to))
        if plain is None:
            raise Unreadable("damaged")
        return plain

    @staticmethod
    def fingerprint(name_key: bytes, secret: bytes) -> str:
        """64 hex digits that stand for a secret: the same under the same key, and telling nothing to whoever has it not.

        HMAC-SHA256 under a key that HMAC-SHA256 derives from `name_key` for this alone; that may be a sealing key, best
        the oldest one (`Keys.oldest`), so that rotating changes no fingerprint.
        """
        return hmac.digest(hmac.digest(name_key, _FINGERPRINT, "sha256"), secret, "sha256").hex()

    def __repr__(self) -> str:
        return f"Sealer({', '.join(self._keys.ids()) or 'plaintext'})"

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a Sealer is never pickled")

    def _opened_plain(self, sealed: bytes, name: bytes) -> bytes:
        if self._keys.active is not None:  # whoever can write into the store could put tokens of his own there
            raise Unreadable("plaintext_refused")
        found, end, plain = sealed[len(_PLAIN):].partition(b"\n")
        if not end or found != _sum(name, plain):
            raise Unreadable("damaged")
        return plain

    def _key(self, key_id: str) -> SealingKey:
        key = self._keys.find(key_id) or self._key_by_now(key_id)
        if key is None:
            raise Unreadable("unknown_key", key_id)
        return key

    def _key_by_now(self, key_id: str) -> SealingKey | None:
        now = self._clock()
        if now - self._looked.get(key_id, -_LOOKED_LATELY) < _LOOKED_LATELY:
            return None
        if len(self._looked) >= _MOST_LOOKED:
            self._looked.clear()
        self._looked[key_id] = now
        self._keys = self._keys.again()
        return self._keys.find(key_id)

    def _cipher(self, key: SealingKey) -> AESGCM:
        if (cipher := self._ciphers.get(key)) is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            cipher = self._ciphers.setdefault(key, AESGCM(key.value))
        return cipher


def _decrypted(cipher: AESGCM, sealed: bytes, name: bytes) -> bytes | None:
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(sealed[_HEAD:_BODY], sealed[_BODY:], sealed[:_HEAD] + name)
    except InvalidTag:
        return None


def _encoded(name: str) -> bytes:
    return name.encode("utf-8", "surrogatepass")


def _sum(name: bytes, plain: bytes) -> bytes:
    return hashlib.sha256(len(name).to_bytes(8, "big") + name + plain).hexdigest().encode()
