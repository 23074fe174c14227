"""Where sign-ins under way are kept: one row for each token key in the store of the tokens, sealed like them.

The state that goes through the browser names the row and holds a number that nobody can guess, so that completing needs
nothing but the state, and one look.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from typing import Final

from authweave.sign_in.begun import KEPT_LONGER, Begun, decoded
from authweave.tokens.ledger import Ledger
from authweave.values import TokenKey

_ROW_BYTES: Final = 32
_CHANCE_BYTES: Final = 32


class Shelf:
    """The row of one token key. Blocking; raises StoreUnavailable."""

    def __init__(self, ledger: Ledger, row: str) -> None:
        self._ledger = ledger
        self.row = row

    @classmethod
    def of(cls, ledger: Ledger, key: TokenKey) -> Shelf:
        """The row that belongs to a key. Its name tells nothing of the key to who has not the store's own key."""
        return cls(ledger, ledger.fingerprint(b"sign-in\0" + key.digest().encode()))

    def read(self) -> tuple[int, Begun | None]:
        """What is there, with its version; None for nothing, and for what cannot be opened."""
        version, data = self._ledger.held(self.row)
        return version, decoded(data) if data is not None else None

    def write(self, version: int, begun: Begun, now: float) -> bool:
        """Put it over exactly this version; False where somebody was faster."""
        return self._ledger.hold(self.row, version, begun.encoded(), keep=max(0.0, begun.expires_at - now) + KEPT_LONGER)

    def lease(self, owner: str, seconds: float) -> bool:
        """Become the one who may begin, or poll."""
        return self._ledger.claim(self.row, owner, seconds)

    def release(self, owner: str) -> None:
        """Give that back."""
        self._ledger.unclaim(self.row, owner)

    def wait(self, seconds: float) -> None:
        """Wait for that."""
        self._ledger.wait_for(self.row, seconds)


def new_state(row: str) -> str:
    """A state for this row: 86 characters that a URL carries as they are, 256 bits of them chance."""
    return _text(bytes.fromhex(row) + secrets.token_bytes(_CHANCE_BYTES))


def row_of_state(state: str) -> str:
    """The row that a state names; '' for what is no state of ours."""
    try:
        data = base64.b64decode(state + "=" * (-len(state) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return ""
    return data[:_ROW_BYTES].hex() if len(data) == _ROW_BYTES + _CHANCE_BYTES and _text(data) == state else ""


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
