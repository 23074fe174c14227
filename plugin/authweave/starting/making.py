"""From the content of a new profile to a text that is valid, or to everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from authweave.checking.document import Checked
from authweave.loading import check_text
from authweave.starting.page import USUAL_SCHEMA, written
from authweave.starting.start import Start
from authweave.values import Problem


@dataclass(frozen=True, slots=True)
class Made:
    """A text, and what was found in it. Only a valid one may be written."""

    text: str
    checked: Checked

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What keeps it from being a profile."""
        return tuple(problem for problem in self.checked.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What may still be missing."""
        return tuple(problem for problem in self.checked.problems if problem.severity != "error")


def made(start: Start, *, schema: str = USUAL_SCHEMA, folders: Iterable[Path] = ()) -> Made:
    """The text of a new profile. Never raises for what stands in it."""
    first = written(start, schema=schema)
    source = f"{start.name}.yaml"
    checked = check_text(first, source, folders=folders)
    if not checked.is_valid:
        return Made(first, checked)
    text = written(start, schema=schema, implied=_implied(checked))
    return Made(text, check_text(text, source, folders=folders))


def made_of_text(text: str, source: str, *, folders: Iterable[Path] = ()) -> Made:
    """A text that was made otherwise."""
    return Made(text, check_text(text, source, folders=folders))


def _implied(checked: Checked) -> list[str]:
    return [f"{name} (secret)" if said.get("secret") else name for name, said in checked.full["inputs"].items() if name not in checked.data.get("inputs", {})]
