"""Keys as text: one a line, in base64 (44 characters) or 64 hex digits, the active one first; `#` begins a comment.

Thirty-two raw bytes, as a mounted secret may hold them, are a key as well.
"""

from __future__ import annotations

import base64
import re
from typing import Final

from authweave.at_rest.sealing_key import SIZE, SealingKey

_HEX: Final = re.compile(r"[0-9A-Fa-f]{64}")
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{43}=")
_OF_URLS: Final = str.maketrans("-_", "+/")
_TEXT: Final = frozenset(range(32, 127)) | frozenset(b"\t\r\n")
_LEAST_DIFFERENT: Final = 12
_FORMS: Final = "a key is 32 random bytes in base64 (44 characters) or as 64 hex digits"
_HEADER: Final = """\
# These keys seal the tokens that authweave stores. Keep them from others, and out of backups of the store.
# The first one seals; those below it only open what they sealed once. A removed key takes its tokens with it.
"""


class NotKeys(Exception):
    """What is wrong, and on which line (0: no line in particular); the message never holds any of the text."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(f"line {line} {message}" if line else message)
        self.line = line


def keys_in(raw: bytes) -> tuple[SealingKey, ...]:
    """Every key, the active one first, at least one. Raises NotKeys."""
    if len(raw) == SIZE and not _TEXT.issuperset(raw):
        return (_sound(raw, 0),)
    found = dict.fromkeys(_key(text, number) for number, text in enumerate(_lines(raw), start=1) if text)
    if not found:
        raise NotKeys(0, f"holds no key; {_FORMS}")
    if len({key.id for key in found}) < len(found):
        raise NotKeys(0, "holds two keys with the same id; make one of them anew")
    return tuple(found)


def line_of(key: SealingKey) -> str:
    """The key as a line of its own, without a line end."""
    return base64.b64encode(key.value).decode()


def text_of(key: SealingKey) -> bytes:
    """A whole key file with one key."""
    return f"{_HEADER}{line_of(key)}  # {key.id}\n".encode()


def text_with(raw: bytes, key: SealingKey) -> bytes:
    """The text of a key file with another key in front of those it has; its comments stay. Raises NotKeys."""
    [first, *_] = keys_in(raw)
    if len(raw) == SIZE:
        return text_of(key) + f"{line_of(first)}  # {first.id}\n".encode()
    at = next(number for number, text in enumerate(_lines(raw)) if text)
    lines = raw.decode("utf-8-sig").splitlines()
    return "".join(f"{line}\n" for line in (*lines[:at], f"{line_of(key)}  # {key.id}", *lines[at:])).encode()


def _lines(raw: bytes) -> list[str]:
    """Each line without its comment."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise NotKeys(0, f"is neither text nor {SIZE} raw bytes (it has {len(raw)})")
    return [line.partition("#")[0].strip() for line in text.splitlines()]


def _key(text: str, line: int) -> SealingKey:
    if _HEX.fullmatch(text):
        return _sound(bytes.fromhex(text), line)
    if _BASE64.fullmatch(text):
        return _sound(base64.b64decode(text.translate(_OF_URLS)), line)
    raise NotKeys(line, f"is not a key; {_FORMS}")


def _sound(value: bytes, line: int) -> SealingKey:
    """Random bytes never come with so few different ones (1 in 10²²): that is a word, a counter, or zeros."""
    if len(set(value)) < _LEAST_DIFFERENT:
        raise NotKeys(line, "holds a key that is not random; make one from a random source")
    return SealingKey(value)
