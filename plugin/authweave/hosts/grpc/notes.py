"""What authweave has to say of a call that failed: beside the error that gRPC raises, which stays as it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from authweave.errors import AuthweaveError


@dataclass(frozen=True, slots=True)
class Note:
    """Why a call failed, as far as its credential or a rate limit is the reason.

    `kind` is refused (UNAUTHENTICATED, for good), sign_in_needed, forbidden (PERMISSION_DENIED), rate_limited, no_credential (none could be
    had, so nothing was sent) or no_tls. `text` is for people. `error` is authweave's own; `retry_at` (Unix seconds) when
    trying again makes sense, where somebody said so.
    """

    kind: str
    text: str
    error: AuthweaveError | None = None
    retry_at: float | None = None


def note_of(error: BaseException) -> Note | None:
    """The note on an error that a call of `secure_channel` or `aio_secure_channel` raised, if there is one."""
    note = getattr(error, "authweave", None)
    return note if isinstance(note, Note) else None


def noted(error: Any, note: Note | None) -> Any:
    """The same error; the note shows below its message in tracebacks. Once is enough."""
    if note is not None and isinstance(error, BaseException) and note_of(error) is None:
        error.authweave = note  # type: ignore[attr-defined]  # what `note_of` reads
        error.add_note(note.text)
    return error
