"""HTTP libraries log URLs, and at DEBUG the headers of answers; what a profile placed into a request as a secret is hidden there.

httpx logs the URL of every request, urllib3 what stands behind its host, httpcore the headers that came, and hpack (HTTP/2)
those that go. A URL that was about to be sent is known as a whole, and shown without its secrets; the last values that were
placed are known, too, in every encoding, for a server may repeat them in a redirect, and those of the request under way,
however many came after them. All else is logged as before.
"""

from __future__ import annotations

import logging
import re
import weakref
from collections import OrderedDict
from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any, Final
from urllib.parse import unquote_plus

from authweave.drafts.draft import Placed
from authweave.machine.forks import Lock
from authweave.redaction import Redactor
from authweave.values import Secret

MOST: Final = 3000
MOST_VALUES: Final = 1000
HIDDEN: Final = "‹secret›"
_PARTS: Final = re.compile(r"([^?#]*?://[^/?#]*)?([^?#]*)(?:\?([^#]*))?(.*)", re.DOTALL)
_OF_URLS: Final = ("httpx", "httpx2", "urllib3.connectionpool", "urllib3.util.retry")
_OF_HEADERS: Final = tuple(f"{name}.{part}" for name in ("httpcore", "httpcore2") for part in ("connection", "http11", "http2", "proxy", "socks"))
_OF_FIELDS: Final = ("hpack.hpack", "hpack.table", "hpack.huffman")


class Hidden:
    """What one request carries. Whoever sends it holds this; once nobody does, the values are forgotten with all others."""

    __slots__ = ("__weakref__", "values")

    def __init__(self, values: Iterable[Secret] = ()) -> None:
        self.values = tuple(values)

    def __repr__(self) -> str:
        return f"Hidden({len(self.values)} values)"


_under_way: Final[ContextVar[weakref.ref[Hidden] | None]] = ContextVar("authweave_under_way", default=None)


def under_way(hidden: Hidden) -> None:
    """Say that this thread or task sends a request with these values now: what is logged of its answer is theirs."""
    _under_way.set(weakref.ref(hidden))


class _Hider(logging.Filter):
    """Puts a URL without its secrets into the place of one that it knows, and marks into the place of values."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._shown: OrderedDict[str, str] = OrderedDict()
        self._values: OrderedDict[bytes, Secret] = OrderedDict()
        self._untaught: dict[bytes, Secret] = {}
        self._taught = 0
        self._redactor = Redactor()

    def learn(self, text: str, shown: str) -> None:
        """A URL, or a decoded pair of a query. One that is learned again is as good as new."""
        with self._lock:
            self._shown[text] = shown
            self._shown.move_to_end(text)
            if len(self._shown) > MOST:
                self._shown.popitem(last=False)

    def learn_value(self, value: Secret) -> None:
        """What may be repeated. Its encodings are made when the first record has to be looked at."""
        mark = value.mark
        with self._lock:
            if mark not in self._values:
                self._untaught[mark] = value
            self._values[mark] = value
            self._values.move_to_end(mark)
            if len(self._values) > MOST_VALUES:
                self._untaught.pop(self._values.popitem(last=False)[0], None)

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, its texts made fit to show."""
        self._learn_again()
        if isinstance(record.args, tuple):
            record.args = tuple(map(self._fit, record.args))
        if not record.args:
            record.msg = self._without_values(str(record.msg))
        return True

    def _learn_again(self) -> None:
        """What the request under way carries is as new as what was placed last."""
        sent = _under_way.get()
        for value in hidden.values if sent is not None and (hidden := sent()) is not None else ():
            self.learn_value(value)

    def _fit(self, value: Any) -> Any:
        if isinstance(value, int | float) or value is None:
            return value
        text = str(value)
        if (known := self._shown.get(text)) is not None:
            text = known
        elif self._shown and "?" in text:
            before, _, query = text.partition("?")
            fit = [_hidden(pair) if unquote_plus(pair.partition("#")[0]) in self._shown else pair for pair in query.split("&")]
            text = f"{before}?{'&'.join(fit)}"
        shown = self._without_values(text)
        return value if shown == str(value) else shown

    def _without_values(self, text: str) -> str:
        if not self._values:
            return text
        with self._lock:
            if self._untaught:
                self._teach()
            redactor = self._redactor
        return redactor.redact(text)

    def _teach(self) -> None:
        """Hand the new values to the redactor; a fresh one where most of what it knows is long gone, put in its place when it knows all."""
        redactor = self._redactor
        if self._taught > 2 * MOST_VALUES:
            redactor, self._untaught, self._taught = Redactor(), dict(self._values), 0
        self._taught += len(self._untaught)
        redactor.learn(("credential", value) for value in self._untaught.values())
        self._redactor, self._untaught = redactor, {}


class _WithoutFields(logging.Filter):
    """hpack writes header fields as they are, and the bytes that it makes of them: of those nothing but their size is logged."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without fields."""
        if isinstance(record.args, tuple):
            record.args = tuple(map(_only_size, record.args))
        return True


def _only_size(value: Any) -> Any:
    if isinstance(value, int | float) or value is None:
        return value
    return f"‹{len(value)} parts›" if isinstance(value, tuple) else f"‹{len(value)} bytes›" if hasattr(value, "__len__") else HIDDEN


_hider: Final = _Hider()
for _name in (*_OF_URLS, *_OF_HEADERS):
    logging.getLogger(_name).addFilter(_hider)
for _name in _OF_FIELDS:
    logging.getLogger(_name).addFilter(_WithoutFields())


def hide_in_logs(url: str, placed: Iterable[Placed], values: Iterable[Secret] = ()) -> Hidden:
    """See to it that this URL, which is about to be sent, is logged without the secrets placed into it.

    `values` are what the request was made from, and what was made of it: a server may repeat them, and they are hidden then, too.
    What comes back is for whoever sends the request, to hold until it was answered.
    """
    known = list(values)
    secret = [(one.place, one.key) for one in placed if one.secret and one.place in ("query", "path")]
    if secret:
        keys = {key for place, key in secret if place == "query"}
        shown = shown_url(url, keys, has_path="path" in dict(secret))
        _hider.learn(url, shown)
        _hider.learn(_behind_host(url), _behind_host(shown))
        for pair in url.partition("#")[0].partition("?")[2].split("&"):
            name, _, value = pair.partition("=")
            if unquote_plus(name) in keys:
                _hider.learn(unquote_plus(pair), HIDDEN)
                known.append(Secret(unquote_plus(value), "the query"))
    for one in known:
        _hider.learn_value(one)
    hidden = Hidden(known)
    under_way(hidden)
    return hidden


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
