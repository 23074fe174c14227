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
from authweave.redaction.forms import LONG
from authweave.redaction.marks import text_in
from authweave.values import Secret

MOST: Final = 3000
MOST_VALUES: Final = 1000
MOST_LETTERS: Final = 1024 * 1024
"""Characters of URLs, and of values, that are known: of short values many times what they have, for they are looked for in so many more forms."""
_FORMS_OF_SHORT: Final = 16
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


class _Values:
    """Values to hide, that were placed one after the other. What they take to be looked for is not made before the first record."""

    def __init__(self) -> None:
        self.known: dict[bytes, Secret] = {}
        self._untaught: list[Secret] = []
        self._letters = 0
        self._redactor = Redactor()

    @property
    def are_many(self) -> bool:
        """Are these as many as are kept together, or as long?"""
        return len(self.known) >= MOST_VALUES // 2 or self._letters >= MOST_LETTERS // 2

    def add(self, value: Secret) -> None:
        """One more."""
        if value.mark not in self.known:
            self.known[value.mark] = value
            self._untaught.append(value)
            letters = len(text_in(value))
            self._letters += letters if letters > LONG else letters * _FORMS_OF_SHORT

    def taught(self) -> Redactor:
        """What knows all of them. Called with the lock held."""
        untaught, self._untaught = self._untaught, []
        self._redactor.learn(("credential", value) for value in untaught)
        return self._redactor


class _Hider(logging.Filter):
    """Puts a URL without its secrets into the place of one that it knows, and marks into the place of values.

    Values are known in two generations: when there are enough of the young, the old ones are forgotten, so that nothing is ever
    made anew, and nobody's values, be they as long as they like, take more than their share. Those of one request stay together.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._shown: OrderedDict[str, str] = OrderedDict()
        self._letters = 0
        self._young, self._old = _Values(), _Values()

    def learn(self, text: str, shown: str) -> None:
        """A URL, or a decoded pair of a query. One that is learned again is as good as new."""
        with self._lock:
            before = self._shown.pop(text, None)
            self._letters += len(text) + len(shown) - (0 if before is None else len(text) + len(before))
            self._shown[text] = shown
            while len(self._shown) > 1 and (len(self._shown) > MOST or self._letters > MOST_LETTERS):
                self._letters -= sum(map(len, self._shown.popitem(last=False)))

    def learn_values(self, values: Iterable[Secret]) -> None:
        """What may be repeated, of one request."""
        values = tuple(values)
        with self._lock:
            if all(value.mark in self._young.known for value in values):
                return
            if self._young.are_many:
                self._young, self._old = _Values(), self._young
            for value in values:
                self._young.add(value)

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
        if sent is not None and (hidden := sent()) is not None:
            self.learn_values(hidden.values)

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
        with self._lock:
            redactors = [values.taught() for values in (self._young, self._old) if values.known]
        for redactor in redactors:
            text = redactor.redact(text)
        return text


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
    _hider.learn_values(known)
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
