"""httpx logs the URL of every request, urllib3 what stands behind its host; what a profile placed there as a secret is hidden.

Only URLs that carry such a value are known here, the last of them, with the pairs of their queries, which a redirect may
repeat in another URL; so other requests are logged as before.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import unquote_plus

from authweave.drafts.draft import Placed
from authweave.forks import Lock

MOST: Final = 3000
HIDDEN: Final = "‹secret›"
_PARTS: Final = re.compile(r"([^?#]*?://[^/?#]*)?([^?#]*)(?:\?([^#]*))?(.*)", re.DOTALL)


class _Hider(logging.Filter):
    """Puts a URL without its secrets into the place of one that it knows."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._shown: OrderedDict[str, str] = OrderedDict()

    def learn(self, text: str, shown: str) -> None:
        """A URL, or a decoded pair of a query. One that is learned again is as good as new."""
        with self._lock:
            self._shown[text] = shown
            self._shown.move_to_end(text)
            if len(self._shown) > MOST:
                self._shown.popitem(last=False)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, its URLs made fit to show."""
        if isinstance(record.args, tuple):
            record.args = tuple(map(self._fit, record.args))
        return True

    def _fit(self, value: Any) -> Any:
        if isinstance(value, int | float) or value is None:
            return value
        text = str(value)
        if (shown := self._shown.get(text)) is not None:
            return shown
        if not self._shown or "?" not in text:
            return value
        before, _, query = text.partition("?")
        pairs = query.split("&")
        fit = [_hidden(pair) if unquote_plus(pair.partition("#")[0]) in self._shown else pair for pair in pairs]
        return value if fit == pairs else f"{before}?{'&'.join(fit)}"


_hider: Final = _Hider()
for _name in ("httpx", "httpx2", "urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_hider)


def hide_in_logs(url: str, placed: Iterable[Placed]) -> None:
    """See to it that this URL, which is about to be sent, is logged without the secrets placed into it."""
    secret = [(one.place, one.key) for one in placed if one.secret and one.place in ("query", "path")]
    if secret:
        keys = {key for place, key in secret if place == "query"}
        shown = shown_url(url, keys, has_path="path" in dict(secret))
        _hider.learn(url, shown)
        _hider.learn(_behind_host(url), _behind_host(shown))
        for pair in url.partition("#")[0].partition("?")[2].split("&"):
            if unquote_plus(pair.partition("=")[0]) in keys:
                _hider.learn(unquote_plus(pair), HIDDEN)


def _behind_host(url: str) -> str:
    """Path and query, as urllib3 logs them."""
    return "/" + url.partition("://")[2].partition("#")[0].partition("/")[2]


def shown_url(url: str, keys: set[str], *, has_path: bool) -> str:
    """The URL with these query parameters hidden, and the whole path where a part of it is secret."""
    found = _PARTS.fullmatch(url)
    if found is None:
        return HIDDEN
    origin, path, query, rest = (part or "" for part in found.groups())
    shown = "&".join(_shown_pair(pair, keys) for pair in query.split("&"))
    return f"{origin}{f'/{HIDDEN}' if has_path else path}{'?' if query else ''}{shown}{rest}"


def _shown_pair(pair: str, keys: set[str]) -> str:
    name, _, value = pair.partition("=")
    return _hidden(pair) if value and unquote_plus(name) in keys else pair


def _hidden(pair: str) -> str:
    name, sign, _ = pair.partition("=")
    return f"{name}{sign}{HIDDEN}"
