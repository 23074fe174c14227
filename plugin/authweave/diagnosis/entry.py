"""One row of the table of diagnoses: what is said, which keys may mend it, and whether trying again can help.

A newcomer adds a row to one of the family files beside this one, and a test that provokes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from authweave.diagnosis.case import Case

Words = str | Callable[[Case], str]
"""A sentence with `{name}` for a property of the Case, or a function that makes one."""

MOST_FIXES: Final = 3
NO: Final = "no"


def always(_: Case) -> bool:
    """A fix that is always offered."""
    return True


@dataclass(frozen=True, slots=True)
class Remedy:
    """A key that may mend it, and what to do there; offered if `when` holds. Rows list the likeliest first.

    `key` is a key of the profile with `auth` for the variant in force, `settings: <name>`, `host: <what>` for what
    is wrong with this machine, or `inputs.*` for the input that the case is about. A test looks each of them up in the schema.
    """

    key: str
    say: Words
    when: Callable[[Case], bool] = always


@dataclass(frozen=True, slots=True)
class Entry:
    """A row. `verdict` is what it says of the token or credential: refused, forbidden, inconclusive, not_tested (nothing
    was sent), or nothing for a warning."""

    code: str
    say: Words
    remedies: tuple[Remedy, ...] = ()
    retry: Words = NO
    verdict: str = "inconclusive"

    def sentence(self, case: Case) -> str:
        """What went wrong; with a capital, where it begins with an error's own words."""
        said = worded(self.say, case)
        return f"T{said[1:]}" if said.startswith("the ") else said

    def offered(self, case: Case) -> list[Remedy]:
        """The likeliest remedies for this case, each key once."""
        found: dict[str, Remedy] = {}
        for remedy in self.remedies:
            if remedy.when(case):
                found.setdefault(remedy.key, remedy)
        return list(found.values())[:MOST_FIXES]


class _Properties:
    """The facts and properties of a case by name, for `str.format_map`."""

    def __init__(self, case: Case) -> None:
        self._case = case

    def __getitem__(self, name: str) -> Any:
        return self._case.facts[name] if name in self._case.facts else getattr(self._case, name)


def worded(words: Words, case: Case) -> str:
    """The sentence for this case."""
    return words(case) if callable(words) else words.format_map(_Properties(case))


def table(*entries: Entry) -> dict[str, Entry]:
    """Rows by their code. A code twice is a mistake of ours."""
    rows = {entry.code: entry for entry in entries}
    if len(rows) != len(entries):
        raise ValueError("a diagnosis code is in the table twice")
    return rows
