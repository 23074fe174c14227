"""A string to sign that the API cannot make again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, Final

from authweave.checking.document import Checked
from authweave.values import Path, Problem

_MADE_UP: Final = frozenset({"random", "uuid"})


class UnsentValue:
    """What the string to sign makes up (a nonce) is sent by a field, too: else the API cannot know it.

    A variable is computed once per attempt, so that string and field have the same value; `random()` written in both has not.
    """

    name: ClassVar[str] = "signature.unsent"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per variable or function."""
        for path, _, _ in checked.variants:
            string = checked.compiled.get((*path, "string_to_sign"))
            if string is None or checked.is_hurt("fields") or checked.is_hurt(*path, "fields"):
                continue
            for word in sorted(string.functions & _MADE_UP if hasattr(string, "functions") else ()):
                yield checked.problem(self.name, (*path, "string_to_sign"), f"what {word}() gives is in no field, so the API cannot know it", f"name it under vars (`nonce: '{{{{ {word}({16 if word == 'random' else ''}) }}}}'`), and read vars.nonce here and in a field")
            for name in sorted(_made_up(string.reads, checked) - set(_sent(path, checked))):
                yield checked.problem(self.name, (*path, "string_to_sign"), f"`vars.{name}` is made up for each request, and no field sends it, so the API cannot know it", f"add a field that reads vars.{name}")


def _made_up(reads: Any, checked: Checked) -> set[str]:
    """The variables among look-ups that a random value is made in."""
    return {read[1] for read in reads if read[0] == "vars" and len(read) > 1 and _functions(checked, read[1]) & _MADE_UP}


def _functions(checked: Checked, name: str) -> frozenset[str]:
    return getattr(checked.compiled.get(("vars", name)), "functions", frozenset())


def _sent(path: Path, checked: Checked) -> Iterator[str]:
    """The variables that fields read, through others too."""
    waiting = [read for at, read in checked.reads if at[:1] == ("fields",) or at[: len(path) + 1] == (*path, "fields")]
    seen: set[str] = set()
    while waiting:
        read = waiting.pop()
        if read[0] == "vars" and len(read) > 1 and read[1] not in seen:
            seen.add(read[1])
            waiting += getattr(checked.compiled.get(("vars", read[1])), "reads", ())
    yield from seen
