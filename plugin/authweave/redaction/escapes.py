"""A text as it reads once line ends and escapes are taken for what they stand for."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final

_UNSEEN_SET: Final = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
_UNSEEN: Final = f"[{_UNSEEN_SET}]"
ESCAPE: Final = re.compile(
    rf"(?=[\\\r\n&%={_UNSEEN_SET}])(?:"  # no escape begins without these: all else is passed over ten times as fast
    rf"(?:\\[rn]|[\r\n])+[ \t]*|\x1b\[[0-9;]{{0,20}}[A-Za-z]|{_UNSEEN}+"
    r"|\\{1,8}u(?P<hex>[0-9A-Fa-f]{4})|\\{1,8}u\{0{0,4}(?P<braced>[0-9A-Fa-f]{1,5})\}|\\{1,8}x(?P<byte>[0-9A-Fa-f]{2})|\\{1,8}(?P<octal>[01][0-7]{2})"
    r"|&(?:amp;){0,4}#[xX]0{0,20}(?P<entity>[0-9A-Fa-f]{1,5});?|&(?:amp;){0,4}#0{0,20}(?P<number>[0-9]{1,6});?|%(?:25){0,4}(?P<percent>[2-7][0-9A-Fa-f])"
    r"|=(?P<quoted>[2-7][0-9A-F])(?:(?==[2-7][0-9A-F])|(?<==[2-7][0-9A-F]=[2-7][0-9A-F])))"
)
"""Line ends, where a text is wrapped; what nobody sees; and escapes of letters: of JSON, JavaScript, C, HTML, mail and URLs, once or several times over."""


class Written:
    """Which characters of a text the characters of its reading (see `ESCAPE`) were made from."""

    def __init__(self, text: str) -> None:
        self._read_at: list[int] = [0]
        self._shift: list[int] = [0]
        self._escapes: dict[int, tuple[int, int]] = {}
        read = done = 0
        for found in ESCAPE.finditer(text):
            read += found.start() - done
            done = found.end()
            if letter(found):
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


def letter(found: re.Match[str]) -> str:
    """What an escape stands for; '' for a line end."""
    hexadecimal = found["hex"] or found["braced"] or found["byte"] or found["entity"] or found["percent"] or found["quoted"]
    code = int(hexadecimal, 16) if hexadecimal else int(found["octal"], 8) if found["octal"] else int(found["number"] or 0)
    return chr(code) if 0 < code < 0x110000 and not re.match(_UNSEEN, chr(code)) else ""
