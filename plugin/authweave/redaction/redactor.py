"""Texts made fit to show: known secrets in any encoding become a mark, control characters become visible."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from authweave.machine.forks import Lock
from authweave.redaction.encodings import SHORTEST_CORE, cores_of, texts_of
from authweave.values import Secret

SALT: Final = b"authweave"
"""The salt of fingerprints where none is given: the same everywhere, so that two people can compare."""

SHORTEST: Final = SHORTEST_CORE
"""Shorter secrets are hidden by their place only: as text they are everywhere, and hiding every `1` would tell more."""

_BASE64: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")
_UNSEEN_SET: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
_UNSEEN: Final = f"[{_UNSEEN_SET}]"
_ESCAPE: Final = re.compile(
    rf"(?=[\\\r\n&%={_UNSEEN_SET}])(?:"  # no escape begins without these: all else is passed over ten times as fast
    rf"(?:\\[rn]|[\r\n])+[ \t]*|\x1b\[[0-9;]{{0,20}}[A-Za-z]|{_UNSEEN}+"
    r"|\\{1,8}u(?P<hex>[0-9A-Fa-f]{4})|\\{1,8}u\{0{0,4}(?P<braced>[0-9A-Fa-f]{1,5})\}|\\{1,8}x(?P<byte>[0-9A-Fa-f]{2})|\\{1,8}(?P<octal>[01][0-7]{2})"
    r"|&(?:amp;){0,4}#[xX]0{0,20}(?P<entity>[0-9A-Fa-f]{1,5});?|&(?:amp;){0,4}#0{0,20}(?P<number>[0-9]{1,6});?|%(?:25){0,4}(?P<percent>[2-7][0-9A-Fa-f])"
    r"|=(?P<quoted>[2-7][0-9A-F])(?:(?==[2-7][0-9A-F])|(?<==[2-7][0-9A-F]=[2-7][0-9A-F])))"
)
"""Line ends, where a text is wrapped; what nobody sees; and escapes of letters: of JSON, JavaScript, C, HTML, mail and URLs, once or several times over."""
_TELLING_PART: Final = 12
"""So many characters from the beginning of a secret are hidden, too, where a text was cut in the middle of one."""
_AFTER_A_CUT: Final = re.compile(r"[* \n\r\t…'\",;:)\]}>.\\]")
_SHOWN_LENGTH: Final = 8
_LINE_OF_A_KEY: Final = 16
_COMPARED: Final = 256
_STRIDE: Final = _TELLING_PART - SHORTEST + 1
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

    Every text to find is filed under its first characters, and known by the blocks of four that it holds near its
    beginning: one look at every so-manieth place of the text is enough, however many secrets there are.
    """

    def __init__(self, secrets: Iterable[tuple[str, Secret | str | bytes]] = (), salt: bytes = SALT) -> None:
        self._salt = salt
        self._lock = Lock()
        self._filed: dict[str, _Shelf] = {}
        self._blocks: dict[str, int] = {}
        self._stride = _STRIDE
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
        spans = list(self._spans(_ESCAPE.sub(_letter, text)))
        if not spans:
            return text
        written = _Written(text)
        pieces, done = [], 0
        for start, end, mark in spans:
            pieces += [text[done:written.start_of(start)], mark]
            done = written.end_of(end - 1)
        return "".join([*pieces, text[done:]])

    def _spans(self, text: str, *, cut: bool = False) -> Iterator[tuple[int, int, str]]:
        """From where to where a secret stands, and its mark; with `cut`, the beginning of one at the end of a text, too."""
        done = stop = 0
        for at in self._places(text):
            if at < done or (shelf := self._filed.get(text[at:at + SHORTEST])) is None:
                continue
            found = shelf.longest_at(text, at)
            if found is not None:
                start, done = found.edges(text, at, done)
                yield start, done, found.mark
            elif cut and text[at:at + _TELLING_PART] in shelf.beginnings:
                stop = stop if stop >= at + _TELLING_PART else _next_stop(text, at + _TELLING_PART)
                begun = shelf.begun_at(text, at, stop)
                if begun is not None and _is_cut(text, begun[1]):
                    done = begun[1]
                    yield at, done, begun[0].mark

    def _places(self, text: str) -> Iterator[int]:
        """Where a known text, or a telling part of one, may begin: in order, each once.

        One of at least `stride + 3` characters holds a whole block that begins at a multiple of the stride.
        """
        blocks, stride = self._blocks, self._stride
        for at in range(0, len(text) - SHORTEST + 1, stride):
            if offsets := blocks.get(text[at:at + SHORTEST]):
                for offset in range(min(stride - 1, at), -1, -1):
                    if offsets >> offset & 1:
                        yield at - offset

    def _file(self, finds: Iterable[_Find]) -> None:
        for find in finds:
            if self._filed.setdefault(find.text[:SHORTEST], _Shelf()).put(find):
                for offset in range(min(_STRIDE, len(find.text) - SHORTEST + 1)):
                    block = find.text[offset:offset + SHORTEST]
                    self._blocks[block] = self._blocks.get(block, 0) | 1 << offset
                self._stride = min(self._stride, len(find.text) - SHORTEST + 1)


class _Written:
    """Which characters of a text the characters of its reading (see `_ESCAPE`) were made from."""

    def __init__(self, text: str) -> None:
        self._read_at: list[int] = [0]
        self._shift: list[int] = [0]
        self._escapes: dict[int, tuple[int, int]] = {}
        read = done = 0
        for found in _ESCAPE.finditer(text):
            read += found.start() - done
            done = found.end()
            if _letter(found):
                self._escapes[read] = found.span()
                read += 1
            self._read_at.append(read)
            self._shift.append(done - read)

    def start_of(self, at: int) -> int:
        """Where the character at this place of the reading begins in the text."""
        return self._escapes[at][0] if at in self._escapes else self._place(at)

    def end_of(self, at: int) -> int:
        """And where it ends."""
        return self._escapes[at][1] if at in self._escapes else self._place(at) + 1

    def _place(self, at: int) -> int:
        return at + self._shift[bisect_right(self._read_at, at) - 1]


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
    """All texts that begin alike. A server may have made up thousands of them: no look goes through them one by one, nor
    through long ones letter by letter.
    """

    __slots__ = ("_index", "beginnings", "finds")

    def __init__(self) -> None:
        self.finds: dict[str, _Find] = {}
        self.beginnings: set[str] = set()
        self._index = _Index(())

    def put(self, find: _Find) -> bool:
        """One more; the first of a text stays. Is it a new one? For one thread at a time."""
        if find.text in self.finds:
            return False
        self.beginnings.add(find.text[:_TELLING_PART])
        self.finds[find.text] = find
        return True

    def longest_at(self, text: str, at: int) -> _Find | None:
        """The longest one that stands there."""
        index, piece = self._indexed(), text[at:at + _COMPARED]
        place = bisect_right(index.heads, piece) - 1
        while place >= 0:
            if piece.startswith(index.heads[place]):
                for whole in index.wholes[place]:
                    if text.startswith(whole, at):
                        return self.finds[whole]
            place = index.inner[place]
        return None

    def begun_at(self, text: str, at: int, stop: int) -> tuple[_Find, int] | None:
        """The one of which most stands there, at least until `stop`, and where that ends: in alphabetical order it is beside the text."""
        index = self._indexed()
        place = bisect_right(index.heads, text[at:at + _COMPARED])
        near = [whole for wholes in index.wholes[max(place - 1, 0):place + 1] for whole in wholes]
        begun = [(_shared(one, text, at), one) for one in near if len(one) > stop - at and text.startswith(one[:stop - at], at)]
        return (self.finds[max(begun)[1]], at + max(begun)[0]) if begun else None

    def _indexed(self) -> _Index:
        if self._index.size != len(self.finds):
            self._index = _Index(tuple(self.finds))
        return self._index


class _Index:
    """Texts in alphabetical order of their heads; for each head the whole texts, longest first, and which other head it begins with."""

    __slots__ = ("heads", "inner", "size", "wholes")

    def __init__(self, texts: tuple[str, ...]) -> None:
        by_head: dict[str, list[str]] = {}
        for text in sorted(texts, key=len, reverse=True):
            by_head.setdefault(text[:_COMPARED], []).append(text)
        self.size = len(texts)
        self.heads = sorted(by_head)
        self.wholes = [by_head[head] for head in self.heads]
        self.inner = _inner(self.heads)


def _inner(heads: list[str]) -> list[int]:
    """For each the place of the longest other one that it begins with, or -1."""
    places: list[int] = []
    for number, head in enumerate(heads):
        place = number - 1
        while place >= 0 and not head.startswith(heads[place]):
            place = places[place]
        places.append(place)
    return places


def _shared(secret: str, text: str, at: int) -> int:
    """How many characters of the secret stand there."""
    least, most = 0, min(len(secret), len(text) - at)
    while least < most:
        middle = (least + most + 1) // 2
        if text.startswith(secret[least:middle], at + least):
            least = middle
        else:
            most = middle - 1
    return least


def _next_stop(text: str, at: int) -> int:
    """Where the text ends, or could have been cut, from there on."""
    found = _AFTER_A_CUT.search(text, at)
    return found.start() if found else len(text)


def _is_cut(text: str, end: int) -> bool:
    """Does a text that was cut end so?"""
    return end == len(text) or _AFTER_A_CUT.match(text, end) is not None


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
