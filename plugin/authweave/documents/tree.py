"""Plain data, built from what a reader of YAML or JSON meets, and the rules that hold for both.

A reader calls `open`, `close`, `text`, `bare` and `value` in the order of the file, each with a place that only it
can turn into a Mark. `Tree` builds the data and gives up at the first thing that is wrong; `MarkedTree` goes through
the same file again, tells every problem with its path, and notes where each part stands. So a good file pays for
neither paths nor marks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NoReturn

from authweave.documents.hidden_characters import hidden_in_value, named, rule_of
from authweave.documents.plain_scalars import RefusedScalar, is_plainly_text, is_text, resolve
from authweave.values import Mark, Path, Problem, dotted

MAX_DEPTH: Final = 32
MAX_PARTS: Final = 20_000
MAX_PROBLEMS: Final = 100

_DROPPED: Final = "?"
_LONGEST_NAME: Final = 64


class Stopped(Exception):  # not an error: reading ends here, what it found is in the tree
    """Reading need not go on."""


class Tree:
    """The data of one document. Not for threads; a reader fills it once."""

    __slots__ = ("_here", "_key", "_left", "_root", "_stack")

    def __init__(self) -> None:
        self._root: list[Any] = []
        self._here: Any = self._root
        self._key: str | None = None
        self._stack: list[tuple[Any, str | None]] = []
        self._left = MAX_PARTS

    @property
    def data(self) -> Any:
        """What was read so far; None if nothing was."""
        parts = [*self._root, *(held for held, _ in self._stack[1:]), self._here]
        return parts[0] if parts[0] is not self._root else None

    @property
    def expects_key(self) -> bool:
        """Is the next part the key of a map?"""
        return self._key is None and type(self._here) is dict

    def open(self, container: dict[str, Any] | list[Any], place: Any) -> None:
        """A map or list begins."""
        self._left -= 1
        if self._left < 0:
            self._refuse_more(place)
        if self._key is None and type(self._here) is dict:
            self.problem("document.key_not_text", place, "a key must be a text, not a list or map", "write a text")
        if len(self._stack) >= MAX_DEPTH:
            self.refuse_depth(place)
        self._stack.append((self._here, self._key))
        self._here = container
        self._key = None

    def close(self) -> None:
        """The map or list that was opened last is complete."""
        closed = self._here
        self._here, self._key = self._stack.pop()
        if self._key is None and type(self._here) is dict:
            self._key = _DROPPED
        else:
            self._put(closed)

    def text(self, text: str, place: Any, *, escaped: bool = False) -> None:
        """A text, as key or value. `escaped`: it was written with escapes, so it may hold what the file does not."""
        self._left -= 1
        if self._left < 0:
            self._refuse_more(place)
        here = self._here
        if self._key is None and type(here) is dict:
            self._take_key(text, place)
            return
        if escaped:
            self._refuse_hidden(text, place)
        if type(here) is list:
            here.append(text)
        else:
            here[self._key] = text
            self._key = None

    def bare(self, literal: str, place: Any) -> None:
        """An unquoted YAML scalar, as key or value."""
        if self._key is None and type(self._here) is dict:
            self._left -= 1
            if literal.isidentifier() and is_plainly_text(literal) and literal not in self._here and self._left >= 0:
                self._key = literal
            else:
                self._take_bare_key(literal, place)
        elif is_plainly_text(literal):
            self.text(literal, place)
        else:
            self.value(self._resolved(literal, place), literal, place)

    def value(self, value: Any, literal: str, place: Any) -> None:
        """A value that stands there as `literal`, without quotes."""
        self._left -= 1
        if self._left < 0:
            self._refuse_more(place)
        self._put(value)

    def skip(self, place: Any) -> None:
        """Something stands here that was refused; reading goes on behind it."""
        if self.expects_key:
            self._key = _DROPPED
        else:
            self._put(None)

    def problem(self, rule: str, place: Any, message: str, fix: str, path: Path | None = None) -> None:
        """Something is wrong at `place`: the quick way ends here."""
        raise Stopped

    def refuse_depth(self, place: Any) -> NoReturn:
        """Too many maps and lists stand in each other at `place`: reading ends."""
        self.problem("document.too_deep", place, f"is nested deeper than {MAX_DEPTH} levels", "flatten it")
        raise Stopped

    def path(self) -> Path:
        """The path of the part that is being read."""
        frames = [*self._stack, (self._here, self._key)][1:]
        return tuple(len(held) if type(held) is list else key or _DROPPED for held, key in frames)

    def first_line_of_key(self, key: str) -> int | None:
        """The line on which a key of the present map was written first, if the tree knows."""
        return None

    def _put(self, value: Any) -> None:
        here = self._here
        if type(here) is list:
            here.append(value)
        else:
            here[self._key] = value
            self._key = None

    def _take_key(self, key: str, place: Any) -> None:
        if key in self._here:
            line = self.first_line_of_key(key)
            first = f"; it first stands on line {line}" if line else ""
            self.problem(
                "document.duplicate_key", place, f"this key is written twice{first}", "keep one of them",
                path=(*self.path()[:-1], key),
            )  # fmt: skip
        if character := _hidden_in_key(key):
            self.problem(
                rule_of(character), place, f"the key holds the character {named(character)}", "remove it",
                path=(*self.path()[:-1], key),
            )  # fmt: skip
        self._key = key

    def _take_bare_key(self, literal: str, place: Any) -> None:
        if self._left < 0:
            self._refuse_more(place)
        if literal == "<<":
            self.problem("document.merge_key", place, "`<<` is not YAML 1.2", "write the keys out, or use `extends`")
        elif not is_text(literal):
            fix = "quote it" if literal else "write a key before the colon"
            self.problem("document.key_not_text", place, "a key must be a text", fix)
        else:
            self._take_key(literal, place)
            return
        self._key = _DROPPED

    def _refuse_hidden(self, text: str, place: Any) -> None:
        if found := hidden_in_value(text):
            character = found.group()
            self.problem(rule_of(character), place, f"holds the character {named(character)}", "remove it")

    def _resolved(self, literal: str, place: Any) -> Any:
        try:
            return resolve(literal)
        except RefusedScalar as refused:
            self.problem(refused.rule, place, refused.message, refused.fix)
            return literal

    def _refuse_more(self, place: Any) -> None:
        self.problem("document.too_large", place, f"holds more than {MAX_PARTS} keys and values", "split it")
        raise Stopped


class MarkedTree(Tree):
    """A tree that goes on behind a problem and notes where everything stands."""

    __slots__ = ("_mark_of", "_source", "key_marks", "literals", "marks", "problems")

    def __init__(self, source: str, mark_of: Callable[[Any], Mark | None]) -> None:
        super().__init__()
        self._source = source
        self._mark_of = mark_of
        self.marks: dict[Path, Mark] = {}
        self.key_marks: dict[Path, Mark] = {}
        self.literals: dict[Path, str] = {}
        self.problems: list[Problem] = []

    def open(self, container: dict[str, Any] | list[Any], place: Any) -> None:
        """A map or list begins, and stands at `place`."""
        self._note(self.marks, place)
        super().open(container, place)

    def text(self, text: str, place: Any, *, escaped: bool = False) -> None:
        """A text, as key or value, that stands at `place`."""
        if self.expects_key:
            super().text(text, place, escaped=escaped)
            self._note(self.key_marks, place)
        else:
            self._note(self.marks, place)
            super().text(text, place, escaped=escaped)

    def bare(self, literal: str, place: Any) -> None:
        """An unquoted YAML scalar that stands at `place`."""
        is_key = self.expects_key
        super().bare(literal, place)
        if is_key:
            self._note(self.key_marks, place)

    def value(self, value: Any, literal: str, place: Any) -> None:
        """A value without quotes, and how it was written."""
        self._note(self.marks, place)
        if not isinstance(value, str):
            self.literals.setdefault(self.path(), literal)
        super().value(value, literal, place)

    def problem(self, rule: str, place: Any, message: str, fix: str, path: Path | None = None) -> None:
        """Something is wrong at `place`; `path` says what, if it is not the part that is being read."""
        shown = dotted(shown_path(self._known_path() if path is None else path))
        self.problems.append(Problem(rule, self._source, self._mark_of(place), shown, message, fix))
        if len(self.problems) >= MAX_PROBLEMS:
            raise Stopped

    def first_line_of_key(self, key: str) -> int | None:
        """The line on which a key of the present map was written first."""
        first = self.key_marks.get((*self.path()[:-1], key))
        return first.line if first else None

    def _known_path(self) -> Path:
        """The path of the part that is being read, or of its map while its key is not known."""
        return self.path()[:-1] if self.expects_key else self.path()

    def _note(self, notes: dict[Path, Mark], place: Any) -> None:
        if mark := self._mark_of(place):
            notes.setdefault(self.path(), mark)


def _hidden_in_key(key: str) -> str:
    """The first character of a key that cannot be printed, or be seen; '' if there is none."""
    if key.isascii() and key.isprintable():
        return ""
    found = hidden_in_value(key)
    return next((part for part in key if not part.isprintable()), found.group() if found else "")


def shown_path(path: Path) -> Path:
    """A path that can be printed: a key that is long, or has characters that cannot be seen, is only described."""
    return tuple(part if isinstance(part, int) else _shown_name(part) for part in path)


def _shown_name(name: str) -> str:
    if len(name) > _LONGEST_NAME:
        return f"<a key of {len(name)} characters>"
    return name if name.isprintable() else "<a key that cannot be shown>"
