"""The page that a browser shows after the redirect: fixed words, nothing of what was sent, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Final

_STYLE: Final = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;padding:0 1rem;color-scheme:light dark}"
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "signed_in": ("Signed in", "You can close this page and go back to the terminal."),
    "denied": ("Not signed in", "The sign-in was refused. The terminal says by whom, and why."),
    "failed": ("Not signed in", "The sign-in did not work out. The terminal says what went wrong."),
    "slow": ("One moment more", "The sign-in is being completed. The terminal says how it ends."),
}
"""Title and sentence for each way in which it ends."""


def page(outcome: str) -> bytes:
    """The page, as UTF-8."""
    title, sentence = WORDS.get(outcome, WORDS["failed"])
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{title} – authweave</title><style>{_STYLE}</style></head><body><main><h1>{title}</h1><p>{sentence}</p></main></body></html>\n"
    ).encode()


def headers() -> dict[str, str]:
    """What keeps the page to itself: no scripts, no frames, no copies, no referrer with the code in it."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    return {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
