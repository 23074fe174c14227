"""Opening a page in the person's browser: web addresses only, and never through a shell."""

from __future__ import annotations

import os
import sys
import threading
from typing import Final
from urllib.parse import urlsplit

from authweave.errors import UrlRefused

_SCREENS: Final = ("DISPLAY", "WAYLAND_DISPLAY")


def is_at_hand() -> bool:
    """Is there likely a browser that shows a page to somebody? A browser that takes over the terminal is none."""
    return bool(os.environ.get("BROWSER")) or sys.platform in ("darwin", "win32") or any(os.environ.get(name) for name in _SCREENS)


def checked(url: str) -> str:
    """The URL, if it is one that a browser may be given. Raises UrlRefused: whatever a server says, no other scheme is ever opened."""
    from authweave.urls.origins import check_characters

    check_characters(url)
    if urlsplit(url).scheme not in ("http", "https"):
        raise UrlRefused("", "scheme", "only http:// and https:// are opened in a browser")
    return url


def open_page(url: str) -> None:
    """Open the page, beside this thread: some browsers come back only when they are closed. Raises UrlRefused."""
    address = checked(url)

    def work() -> None:
        import webbrowser

        webbrowser.open(address)

    threading.Thread(target=work, name="authweave browser", daemon=True).start()
