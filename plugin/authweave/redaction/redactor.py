"""Texts made fit to show: known secrets in any encoding become a mark, control characters become visible."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from authweave.machine.forks import Lock
from authweave.redaction.escapes import ESCAPE, Written, letter
from authweave.redaction.forms import LONG, SHORTEST, finds, parts
from authweave.redaction.marks import SALT, masked, plain, text_in
from authweave.redaction.shelves import TELLING_PART, Find, Shelf
from authweave.values import Secret

_AFTER_A_CUT: Final = re.compile(r"[* \n\r\t…'\",;:)\]}>.\\]")
_STRIDE: Final = TELLING_PART - SHORTEST + 1


class Redactor:
    """Replaces every occurrence of the secrets it has learned. Threads may share it and go on teaching it.

    Every text to find is filed under its first characters, and known by the blocks of four that it holds near its
    beginning: one look at every so-manieth place of the text is enough, however many secrets there are.
    """

    def __init__(self, secrets: Iterable[tuple[str, Secret | str | bytes]] = (), salt: bytes = SALT) -> None:
        self._salt = salt
        self._lock = Lock()
        self._filed: dict[str, Shelf] = {}
        self._blocks: dict[str, int] = {}
        self._stride = _STRIDE
        self.learn(secrets)

    def __repr__(self) -> str:
        return f"Redactor({len({find.mark for shelf in list(self._filed.values()) for find in list(shelf.finds.values())})} secrets)"

    def learn(self, secrets: Iterable[tuple[str, Secret | str | bytes]]) -> None:
        """Know more secrets, each with the name that its mark will bear. Do so before anything shows them."""
        for name, secret in secrets:
            mark = masked(secret, name, self._salt)
            is_long = len(text_in(secret)) > LONG
            for part in parts(plain(secret)):
                with self._lock:
                    self._file(finds(part, mark, of_long=is_long))

    def redact(self, text: str, *, whole: bool = False) -> str:
        """The text with a mark in the place of every known secret, wrapped over lines or written in escapes or not.

        The beginning of a secret is hidden, too, where a text ends in it; not in one that is `whole`, so that nothing of it was cut.
        """
        text = self._marked(text)
        if ESCAPE.search(text):
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
        spans = list(self._spans(ESCAPE.sub(letter, text)))
        if not spans:
            return text
        written = Written(text)
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
            elif cut and text[at:at + TELLING_PART] in shelf.beginnings:
                stop = stop if stop >= at + TELLING_PART else _next_stop(text, at + TELLING_PART)
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

    def _file(self, finds: Iterable[Find]) -> None:
        for find in finds:
            if self._filed.setdefault(find.text[:SHORTEST], Shelf()).put(find):
                for offset in range(min(_STRIDE, len(find.text) - SHORTEST + 1)):
                    block = find.text[offset:offset + SHORTEST]
                    self._blocks[block] = self._blocks.get(block, 0) | 1 << offset
                self._stride = min(self._stride, len(find.text) - SHORTEST + 1)


def _next_stop(text: str, at: int) -> int:
    """Where the text ends, or could have been cut, from there on."""
    found = _AFTER_A_CUT.search(text, at)
    return found.start() if found else len(text)


def _is_cut(text: str, end: int) -> bool:
    """Does a text that was cut end so?"""
    return end == len(text) or _AFTER_A_CUT.match(text, end) is not None
