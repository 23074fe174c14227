"""Texts made fit to show: known secrets in any encoding become a mark, control characters become visible."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from authweave.redaction.encodings import SHORTEST_CORE, cores_of, texts_of
from authweave.values import Secret

SALT: Final = b"authweave"
"""The salt of fingerprints where none is given: the same everywhere, so that two people can compare."""

SHORTEST: Final = SHORTEST_CORE
"""Shorter secrets are hidden by their place only: as text they are everywhere, and hiding every `1` would tell more."""

_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_UNSEEN: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
_ESCAPE: Final = re.compile(
    rf"(?:\\[rn]|[\r\n])+[ \t]*|\x1b\[[0-9;]{{0,20}}[A-Za-z]|{_UNSEEN}+"
    r"|\\{1,8}u(?P<hex>[0-9A-Fa-f]{4})|\\{1,8}u\{0{0,4}(?P<braced>[0-9A-Fa-f]{1,5})\}|\\{1,8}x(?P<byte>[0-9A-Fa-f]{2})|\\{1,8}(?P<octal>[01][0-7]{2})"
    r"|&(?:amp;){0,4}#[xX]0{0,20}(?P<entity>[0-9A-Fa-f]{1,5});?|&(?:amp;){0,4}#0{0,20}(?P<number>[0-9]{1,6});?|%(?:25){0,4}(?P<percent>[2-7][0-9A-Fa-f])"
    r"|=(?P<quoted>[2-7][0-9A-F])(?:(?==[2-7][0-9A-F])|(?<==[2-7][0-9A-F]=[2-7][0-9A-F]))"
)
"""Line ends, where a text is wrapped; what nobody sees; and escapes of letters: of JSON, JavaScript, C, HTML, mail and URLs, once or several times over."""
_TELLING_PART: Final = 12
"""So many characters from the beginning of a secret are hidden, too, where a text was cut in the middle of one."""
_AFTER_A_CUT: Final = frozenset("* \n\r\t…'\",;:)]}>.\\")
_SHOWN_LENGTH: Final = 8
_LINE_OF_A_KEY: Final = 16
_COMPARED: Final = 4096
_HUGE: Final = 65536
"""Characters; no header field carries so many. Such a value is looked for as it is, and in the few forms that answers have."""
_TELLING: Final = re.compile(r"(?i)secret|password|passwd|passphrase|token|private|credential|assertion|api_?key|^key$")
_HARMLESS: Final = re.compile(r"(?i)_(uri|url|id|type|endpoint)$|^type$")


def fingerprint(secret: Secret | str | bytes, salt: bytes = SALT) -> str:
    """`#a91f`: sixteen bits of a salted HMAC-SHA256, to compare two secrets without seeing them."""
    return "#" + hmac.new(salt, _bytes(secret), hashlib.sha256).hexdigest()[:4]


def masked(secret: Secret | str | bytes, name: str, salt: bytes = SALT) -> str:
    """`‹secret client_secret: 40 chars, #a91f›`. Of a secret under eight characters nothing more is told."""
    value = _text(secret)
    length = f"{len(value)} {'bytes' if isinstance(value, bytes) else 'chars'}"
    told = f"{length}, {fingerprint(secret, salt)}" if len(value) >= _SHOWN_LENGTH else "short"
    return f"‹secret {name}: {told}›"


def inert(text: str, *, lines: bool = False) -> str:
    """The text with everything that could move a cursor, hide or reorder it written as an escape (`\\x1b`).

    Control characters, marks of direction, invisible ones, line ends and lone surrogates. `lines` keeps LF and tab.
    """
    return (_ACTIVE_LINES if lines else _ACTIVE).sub(_escaped, text)


class Redactor:
    """Replaces every occurrence of the secrets it has learned. Threads may share it and go on teaching it.

    Every text to find is filed under its first characters, so that one look per place of the text is enough however
    many secrets there are.
    """

    def __init__(self, secrets: Iterable[tuple[str, Secret | str | bytes]] = (), salt: bytes = SALT) -> None:
        self._salt = salt
        self._lock = threading.Lock()
        self._filed: dict[str, _Shelf] = {}
        self.learn(secrets)

    def __repr__(self) -> str:
        return f"Redactor({len({find.mark for shelf in list(self._filed.values()) for find in list(shelf.finds.values())})} secrets)"

    def learn(self, secrets: Iterable[tuple[str, Secret | str | bytes]]) -> None:
        """Know more secrets, each with the name that its mark will bear. Do so before anything shows them."""
        for name, secret in secrets:
            mark = masked(secret, name, self._salt)
            for part in _parts(_plain(secret)):
                with self._lock:
                    self._file(_finds(part, mark))

    def redact(self, text: str, *, whole: bool = False) -> str:
        """The text with a mark in the place of every known secret, wrapped over lines or written in escapes or not.

        The beginning of a secret is hidden, too, where a text ends in it; not in one that is `whole`, so that nothing of it was cut.
        """
        text = self._marked(text)
        if _ESCAPE.search(text):
            text = self._read(text)
        return text if whole else self._marked(text, cut=True)

    def _marked(self, text: str, *, cut: bool = False) -> str:
        pieces, done = [], 0
        for start, end, mark in self._spans(text, cut=cut):
            pieces += [text[done:start], mark]
            done = end
        return "".join([*pieces, text[done:]]) if done else text

    def _read(self, text: str) -> str:
        """The text without secrets that show when line ends and escapes are read; all else stays as it is."""
        plain: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        done = 0
        for found in (*_ESCAPE.finditer(text), None):
            until = found.start() if found else len(text)
            plain.append(text[done:until])
            starts += range(done, until)
            ends += range(done + 1, until + 1)
            if found is None:
                break
            done = found.end()
            if letter := _letter(found):
                plain.append(letter)
                starts.append(found.start())
                ends.append(done)
        pieces, done = [], 0
        for start, end, mark in self._spans("".join(plain)):
            pieces += [text[done:starts[start]], mark]
            done = ends[end - 1]
        return "".join([*pieces, text[done:]])

    def _spans(self, text: str, *, cut: bool = False) -> Iterator[tuple[int, int, str]]:
        """From where to where a secret stands, and its mark; with `cut`, the beginning of one at the end of a text, too."""
        filed, done = self._filed, 0
        for at in range(len(text) - SHORTEST + 1):
            if text[at:at + SHORTEST] in filed and at >= done:
                shelf = filed[text[at:at + SHORTEST]]
                found = shelf.longest_at(text, at)
                if found is not None:
                    start, done = found.edges(text, at, done)
                    yield start, done, found.mark
                elif cut:
                    nearest = shelf.nearest_at(text, at)
                    end = at + _shared(nearest.text, text, at)
                    if _is_cut(text, at, end):
                        yield at, end, nearest.mark
                        done = end

    def _file(self, finds: Iterable[_Find]) -> None:
        for find in finds:
            self._filed.setdefault(find.text[:SHORTEST], _Shelf()).put(find)


@dataclass(frozen=True, slots=True)
class _Find:
    """A text to find and its mark; `before` and `after`: the neighbour there holds bits of the secret (base64)."""

    text: str
    mark: str
    before: bool = False
    after: bool = False

    def edges(self, text: str, start: int, done: int) -> tuple[int, int]:
        """From where to where the mark goes, when the text was found at `start`."""
        end = start + len(self.text)
        if self.before and start > done and text[start - 1] in _BASE64:
            start -= 1
        if self.after and end < len(text) and text[end] in _BASE64:
            end += 1
        return start, end


class _Shelf:
    """All texts that begin alike. A server may have made up thousands of them: no look goes through them one by one."""

    __slots__ = ("_lengths", "_sorted", "finds")

    def __init__(self) -> None:
        self.finds: dict[str, _Find] = {}
        self._lengths: tuple[int, ...] = ()
        self._sorted: tuple[str, ...] = ()

    def put(self, find: _Find) -> None:
        """One more; the first of a text stays. For one thread at a time."""
        if find.text in self.finds:
            return
        self.finds[find.text] = find
        if len(find.text) not in self._lengths:
            self._lengths = tuple(sorted({*self._lengths, len(find.text)}, reverse=True))

    def longest_at(self, text: str, at: int) -> _Find | None:
        """The longest one that stands there."""
        return next((find for size in self._lengths if (find := self.finds.get(text[at:at + size])) is not None), None)

    def nearest_at(self, text: str, at: int) -> _Find:
        """The one of which most stands there: in alphabetical order it is beside the text."""
        if len(self._sorted) != len(self.finds):
            self._sorted = tuple(sorted(self.finds))
        order = self._sorted
        place = bisect_left(order, text[at:at + _COMPARED])
        near = order[max(place - 1, 0):place + 1]
        return self.finds[max(near, key=lambda one: _shared(one, text, at))]


def _shared(secret: str, text: str, at: int) -> int:
    """How many characters of the secret stand there."""
    size = SHORTEST
    while size < len(secret) and at + size < len(text) and secret[size] == text[at + size]:
        size += 1
    return size


def _is_cut(text: str, at: int, end: int) -> bool:
    """Does so much of a secret stand there that it gives it away, and end as a text does that was cut?"""
    return end - at >= _TELLING_PART and (end == len(text) or text[end] in _AFTER_A_CUT)


def _letter(found: re.Match[str]) -> str:
    """What an escape stands for; '' for a line end."""
    hexadecimal = found["hex"] or found["braced"] or found["byte"] or found["entity"] or found["percent"] or found["quoted"]
    code = int(hexadecimal, 16) if hexadecimal else int(found["octal"], 8) if found["octal"] else int(found["number"] or 0)
    return chr(code) if 0 < code < 0x110000 and not re.match(_UNSEEN, chr(code)) else ""


def _finds(secret: str | bytes, mark: str) -> Iterator[_Find]:
    if len(secret) > _HUGE:
        yield from (_Find(text, mark) for text in _few_texts(secret))
        return
    for text in (secret.hex(), secret.hex().upper()) if isinstance(secret, bytes) else texts_of(secret):
        yield _Find(text, mark)
    for core, (before, after) in cores_of(secret).items():
        yield _Find(core, mark, before, after)


def _few_texts(secret: str | bytes) -> set[str]:
    raw = secret if isinstance(secret, bytes) else secret.encode(errors="surrogatepass")
    plain = () if isinstance(secret, bytes) else (secret, quote(secret, "", errors="replace"), json.dumps(secret)[1:-1])
    return {*plain, base64.b64encode(raw).decode().rstrip("=")}


def _plain(secret: Secret | str | bytes) -> Any:
    return secret.reveal() if isinstance(secret, Secret) else secret


def _text(secret: Secret | str | bytes) -> str | bytes:
    value = _plain(secret)
    return value if isinstance(value, str | bytes) else json.dumps(value, separators=(",", ":"), default=str)


def _bytes(secret: Secret | str | bytes) -> bytes:
    text = _text(secret)
    return text if isinstance(text, bytes) else text.encode(errors="surrogatepass")


def _parts(value: Any, name: str = "key") -> Iterator[str | bytes]:
    """The texts to hide of a secret: itself, the lines of a key, and the telling members of parsed JSON."""
    if isinstance(value, dict):
        yield from _of_map(value)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item, name)
    elif isinstance(value, bytes):
        if len(value) >= SHORTEST:
            yield value
    elif value is not None and not isinstance(value, bool) and _is_telling(name, str(value)):
        yield from _of_text(str(value))


def _of_map(value: dict[str, Any]) -> Iterator[str | bytes]:
    yield from (json.dumps(value, separators=(",", ":")), json.dumps(value))
    for name, member in value.items():
        yield from _parts(member, str(name))


def _of_text(value: str) -> Iterator[str]:
    for text in {value, value.strip()}:
        if len(text) >= SHORTEST:
            yield text
    lines = [line.strip() for line in value.splitlines()]
    if len(lines) > 1:
        yield from (line for line in lines if len(line) >= _LINE_OF_A_KEY and not line.startswith("-----"))


def _is_telling(name: str, value: str) -> bool:
    return "PRIVATE KEY" in value or (_TELLING.search(name) is not None and _HARMLESS.search(name) is None)


_ACTIVE_SET: Final = (
    "\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180e\\u200b-\\u200f\\u2028-\\u202e"
    "\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\uffff\\ud800-\\udfff\\U000e0000-\\U000e0fff"
)
_ACTIVE_LINES: Final = re.compile(f"[{_ACTIVE_SET}]")
_ACTIVE: Final = re.compile(f"[\\t\\n{_ACTIVE_SET}]")


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    named = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    return named or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}")
