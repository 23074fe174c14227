"""`extends`: a child over its parent, as RFC 7396 merges (format.md, Merge)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from authweave.documents.tree import shown_path
from authweave.inheritance.pruning import Pruned, pruned
from authweave.inheritance.references import is_version
from authweave.inheritance.text_places import mark_within
from authweave.values import Document, Mark, Path, Problem, dotted

LONGEST: Final = 4
NOT_INHERITED: Final = ("format", "name", "version", "abstract", "extends")
FindParent = Callable[[str, Document], Document | None]


@dataclass(frozen=True, slots=True)
class Merged:
    """A document and its parents as one: for every part, the document that wrote it, and where.

    `written` is what all of them say, without nulls and `x-…` keys; `sound` is that without the parts that are wrong. Paths given here
    are those of `data`, which is what is sound.
    """

    document: Document
    written: Any
    parents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = field(default=())
    sound: Pruned | None = None

    @property
    def data(self) -> Any:
        """What is written and has its right shape."""
        return self.written if self.sound is None else self.sound.data

    def without(self, wrong: Iterable[Path]) -> Merged:
        """The same, looked at without the parts at these paths (those of `data`)."""
        earlier = self.sound.cut if self.sound else ()
        return replace(self, sound=pruned(self.written, (*earlier, *map(self.original, wrong))))

    def is_written(self, path: Path) -> bool:
        """Did somebody write it, here or in a parent?"""
        return _has(self.data, path)

    def is_own(self, path: Path) -> bool:
        """Was it written in this file, not in a parent?"""
        return _has(self.document.data, self.original(path))

    def written_in(self, path: Path) -> Document:
        """The document that wrote the value at `path`: the nearest that has it, or has what holds it."""
        return self._writer(self.original(path))

    def place(self, path: Path, *, of_key: bool = False, offset: int = 0) -> tuple[str, Mark | None]:
        """File and mark of the value at `path`, of its key, or of a character of it; else of what holds it."""
        original = self.original(path)
        document = self._writer(original)
        if of_key and (mark := document.key_marks.get(original)):
            return document.source, mark
        return document.source, mark_within(document, original, offset) if offset else document.mark(original)

    def literal(self, path: Path) -> str | None:
        """How the number or truth value at `path` stands in its file (`1.10`)."""
        original = self.original(path)
        return self._writer(original).literals.get(original)

    def problem(
        self, rule: str, path: Path, message: str, fix: str = "", *, of_key: bool = False, offset: int = 0, severity: str = "error"
    ) -> Problem:  # fmt: skip
        """A problem at a path."""
        source, mark = self.place(path, of_key=of_key, offset=offset)
        return Problem(rule, source, mark, dotted(shown_path(self.original(path))), message, fix, severity)

    def original(self, path: Path) -> Path:
        """The path of a part of `data` in what is written."""
        return path if self.sound is None else self.sound.original(path)

    def _writer(self, path: Path) -> Document:
        if not self.parents:
            return self.document
        for depth in range(len(path), 0, -1):
            if _has(self.written, path[:depth]):
                chain = (self.document, *self.parents)
                return next((document for document in chain if _has(document.data, path[:depth])), self.document)
        return self.document


def merged(document: Document, find_parent: FindParent) -> Merged:
    """The document over its parents. Problems name what is wrong with the chain."""
    if not isinstance(document.data, dict) or document.data.get("extends") is None:
        return Merged(document, significant(document.data))
    chain: list[Document] = []
    problems: list[Problem] = []
    child = document
    while isinstance(reference := child.data.get("extends"), str):
        parent, problem = _parent(child, reference, find_parent, [document, *chain])
        if problem:
            problems.append(problem)
        if parent is None:
            break
        chain.append(parent)
        child = parent
    data: Any = {}
    for parent in reversed(chain):
        data = _over(_inherited(data), parent.data)
    data = _inherited(data)
    problems += _dropped_items(document, data)
    return Merged(document, significant(_over(data, document.data)), tuple(chain), tuple(problems))


def significant(data: Any) -> Any:
    """Without what says nothing: keys whose value is null (*not written*), and `x-…` keys, which are the author's own."""
    if isinstance(data, dict):
        return {
            key: value if type(value) is str else _without_nulls(value) if key in _CONTENT else significant(value)
            for key, value in data.items() if value is not None and not key.startswith("x-")
        }  # fmt: skip
    return [significant(item) for item in data] if isinstance(data, list) else data


_CONTENT: Final = frozenset({"value", "default"})
"""Keys under which names are not the format's: `x-…` is a name like any other there."""


def _without_nulls(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without_nulls(value) for key, value in data.items() if value is not None}
    return [_without_nulls(item) for item in data] if isinstance(data, list) else data


def _parent(
    child: Document, reference: str, find_parent: FindParent, seen: list[Document]
) -> tuple[Document | None, Problem | None]:
    name, _, wanted = reference.partition("@")
    if any(document.data.get("name") == name for document in seen):
        return None, _problem(child, f"{name} extends itself, directly or over others", "take one `extends` out")
    if len(seen) > LONGEST:
        return None, _problem(child, f"has more than {LONGEST} parents, one above the other", "extend a profile nearer to the root")
    if not _IS_REFERENCE.fullmatch(reference):
        return None, None  # the schema says so
    parent = find_parent(name, child)
    if parent is None:
        return None, _problem(child, f"there is no profile {name} beside this file or in the catalogue", "check the name; one profile per file, named like it")
    if not isinstance(parent.data, dict) or any(problem.severity == "error" for problem in parent.problems):
        return None, _problem(child, f"the parent {parent.source} cannot be read", "mend the parent first")
    version = _version_of(parent)
    if wanted and not is_version(version, wanted):
        return parent, _problem(child, f"{name} is version {version}, not {wanted}", f"write extends: {name}@{version}, or no version")
    return parent, None


def may_be_meant(parent: Document, reference: str) -> bool:
    """Is it the version that `extends` asks for? One that cannot be read may be, and is then to be mended first."""
    wanted = reference.partition("@")[2]
    is_read = isinstance(parent.data, dict) and not any(problem.severity == "error" for problem in parent.problems)
    return not wanted or not is_read or is_version(_version_of(parent), wanted)


def _version_of(parent: Document) -> str:
    return str(parent.data.get("version") or "0.0.0")


_IS_REFERENCE: Final = re.compile(r"[a-z0-9-]+(@.*)?")


def _problem(document: Document, message: str, fix: str) -> Problem:
    return Problem("extends", document.source, document.mark(("extends",)), "extends", message, fix)


def _inherited(data: Any) -> Any:
    return {key: value for key, value in data.items() if key not in NOT_INHERITED}


def _over(parent: Any, child: Any) -> Any:
    """RFC 7396, but `auth` is taken whole when it changes its type, its grant, or is a list."""
    own = child.get("auth")
    base = parent if own is None or not _is_other_auth(parent.get("auth"), own) else {**parent, "auth": None}
    return _patched(base, child)


def _patched(parent: Any, child: Any) -> Any:
    """RFC 7396 §2."""
    if not isinstance(child, dict):
        return child
    result = dict(parent) if isinstance(parent, dict) else {}
    for key, value in child.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _patched(result.get(key), value)
    return result


def _is_other_auth(parent: Any, child: Any) -> bool:
    if not (isinstance(parent, dict) and isinstance(child, dict)):
        return True
    return any(key in child and child[key] != parent.get(key) for key in ("type", "grant_type"))


def _dropped_items(document: Document, parent: Any) -> list[Problem]:
    """A child's list replaces the parent's: say so where items are lost."""
    return [
        Problem("extends.dropped_items", document.source, document.mark(path), dotted(shown_path(path)),
                f"this list replaces the parent's, and drops {_count(lost)} of it", "repeat the parent's items if they are wanted", "warning")
        for path, own in _lists(document.data, ())
        if isinstance(theirs := _at(parent, path), list) and (lost := _lost(theirs, own))
    ]  # fmt: skip


def _lost(theirs: list[Any], own: list[Any]) -> int:
    kept = {json.dumps(item, sort_keys=True) for item in own}
    return sum(json.dumps(item, sort_keys=True) not in kept for item in theirs)


def _count(items: int) -> str:
    return "one item" if items == 1 else f"{items} items"


def _lists(data: Any, path: Path) -> Iterator[tuple[Path, list[Any]]]:
    if isinstance(data, list):
        yield path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _lists(value, (*path, key))


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _has(data: Any, path: Path) -> bool:
    for part in path:
        if not _holds(data, part):
            return False
        data = data[part]
    return True


def _holds(data: Any, part: str | int) -> bool:
    return part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int) and part < len(data)
