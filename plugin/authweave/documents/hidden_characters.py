"""Characters that a reader of a profile cannot see, or that show it in another order than it is read.

Controls, lone surrogates and noncharacters have no place in a text at all. Bidirectional controls (CVE-2021-42574)
and zero-width characters let a reviewer see something else than what is applied. The zero-width joiner and
non-joiner are letters of Persian, Hindi and of emoji: they are let through between two characters beyond ASCII. A variation
selector chooses how the character before it looks: one behind a character beyond ASCII or in a keycap (`1️⃣`) is let through; behind
any other, or behind another selector, it shows nothing, and a row of them can carry a whole text.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import islice

_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f"
_NOT_A_CHARACTER = "\ud800-\udfff\ufdd0-\ufdef" + "".join(
    chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF)
)
_BIDIRECTIONAL = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2028\u2029\u2060-\u2065\u206a-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_SELECTOR = "\u180b-\u180d\u180f\ufe00-\ufe0f"
_LONE_SELECTOR = f"(?:(?<![^\x00-\x7f])(?!(?<=[0-9#*])\ufe0f\u20e3)|(?<=[{_SELECTOR}]))[{_SELECTOR}]"
_LONE_JOINER = "(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
_LONE_RETURN = "\r(?!\n)"

_IN_ASCII = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|{_LONE_RETURN}")
_IN_TEXT = re.compile(f"[{_CONTROL}{_NOT_A_CHARACTER}{_BIDIRECTIONAL}{_INVISIBLE}]|{_LONE_JOINER}|{_LONE_SELECTOR}|{_LONE_RETURN}")
_PLAIN_ASCII = bytes([*b"\t\n\r", *range(0x20, 0x7F)])
_HAS_NO_NAME = re.compile(f"[{_CONTROL}\t\n\r{_NOT_A_CHARACTER}]")
_IN_VALUE = re.compile(f"[{_CONTROL}{_NOT_A_CHARACTER}{_BIDIRECTIONAL}{_INVISIBLE}]|{_LONE_JOINER}|{_LONE_SELECTOR}")


def hidden_in_file(text: str, limit: int) -> list[re.Match[str]]:
    """The first hidden characters of a whole file. A carriage return counts unless a line feed follows it."""
    if text.isascii() and _is_plain_ascii(text):
        return []
    pattern = _IN_ASCII if text.isascii() else _IN_TEXT
    return list(islice(pattern.finditer(text), limit))


def hidden_in_value(value: str) -> re.Match[str] | None:
    """The first hidden character of a value whose escapes were resolved; line breaks and tabs may be written so."""
    return _IN_VALUE.search(value)


def without_hidden(text: str) -> str:
    """The same text with a stand-in for every hidden character, so that reading can go on: all places stay the same."""
    pattern = _IN_ASCII if text.isascii() else _IN_TEXT
    return pattern.sub("\ufffd", text)


def _is_plain_ascii(text: str) -> bool:
    """The same answer as _IN_ASCII gives, at a tenth of its time: nearly every profile is plain."""
    return not text.encode().translate(None, _PLAIN_ASCII) and text.count("\r") == text.count("\r\n")


def rule_of(character: str) -> str:
    """The rule that a hidden character breaks."""
    return "document.control_character" if _HAS_NO_NAME.match(character) else "document.hidden_character"


def named(character: str) -> str:
    """A hidden character as people can look it up: its code point, and its name where it has one."""
    name = "carriage return without line feed" if character == "\r" else unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")
