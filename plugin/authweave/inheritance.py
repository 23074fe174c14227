"""`extends`: a child over its parent, as RFC 7396 merges (format.md, Merge)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from authweave.values import Document, Mark, Path, Problem, dotted

LONGEST: Final = 4
NOT_INHERITED: Final = ("format", "name", "version", "abstract", "extends")
FindParent = Callable[[str, Document], Document | None]


@dataclass(frozen=True, slots=True)
class Merged:
    """A document and its parents as one: `data` without nulls, and for every part the document that wrote it."""

    document: Document
    data: Any
    parents: tuple[Document, ...] = ()
    problems: tuple[Problem, ...] = field(default=())

    def written_in(self, path: Path) -> Document:
        """The document that wrote the value at `path`: the child if it has it, else the nearest parent that does."""
        for document in (self.document, *self.parents):
            if _has(document.data, path):
                return document
        return self.document

    def is_written(self, path: Path) -> bool:
        """Did somebody write it, here or in a parent?"""
        return _has(self.data, path)

    def is_own(self, path: Path) -> bool:
        """Was it written in this file, not in a parent?"""
        return _has(self.document.data, path)

    def place(self, path: Path, *, of_key: bool = False) -> tuple[str, Mark | None]:
        """File and mark of the value at `path`, or of the nearest part that holds it."""
        document = self.written_in(path)
        mark = document.key_marks.get(path) if of_key else None
        return document.source, mark or document.mark(path)


def merged(document: Document, find_parent: FindParent) -> Merged:
    """The document over its parents. Problems name what is wrong with the chain."""
    chain: list[Document] = []
    problems: list[Problem] = []
    child = document
    while isinstance(child.data, dict) and isinstance(reference := child.data.get("extends"), str):
        parent, problem = _parent(child, reference, find_parent, [document, *chain])
        if problem:
            problems.append(problem)
        if parent is None:
            break
        chain.append(parent)
        child = parent
    data: Any = {}
    for parent in reversed(chain):
        data = _over(_without(data), parent.data)
    problems += _dropped_items(document, data) if chain else []
    data = _over(_without(data), document.data)
    return Merged(document, _written(data), tuple(chain), tuple(problems))


def _parent(
    child: Document, reference: str, find_parent: FindParent, seen: list[Document]
) -> tuple[Document | None, Problem | None]:
    name, _, wanted = reference.partition("@")
    if any(isinstance(document.data, dict) and document.data.get("name") == name for document in seen):
        return None, _problem(child, f"{name} extends itself, directly or over others", "take one `extends` out")
    if len(seen) > LONGEST:
        return None, _problem(child, f"a chain of more than {LONGEST} profiles", "extend a profile nearer to the root")
    parent = find_parent(name, child)
    if parent is None:
        return None, _problem(child, f"there is no profile {name} beside this file or in the catalogue", "check the name; one profile per file, named like it")
    if not isinstance(parent.data, dict) or any(problem.severity == "error" for problem in parent.problems):
        return None, _problem(child, f"the parent {parent.source} cannot be read", "mend the parent first")
    if wanted and not _is_version(str(parent.data.get("version", "0.0.0")), wanted):
        return parent, _problem(child, f"{name} is version {parent.data.get('version', '0.0.0')}, not {wanted}", "name the version that is there, or none")
    return parent, None


def _is_version(version: str, wanted: str) -> bool:
    return version == wanted or (re.fullmatch(r"\d+", wanted) is not None and version.partition(".")[0] == wanted)


def _problem(document: Document, message: str, fix: str) -> Problem:
    return Problem("extends", document.source, document.mark(("extends",)), "extends", message, fix)


def _without(data: Any) -> Any:
    return {key: value for key, value in data.items() if key not in NOT_INHERITED}


def _over(parent: Any, child: Any) -> Any:
    """RFC 7396, but `auth` is taken whole when it changes its type, its grant, or is a list."""
    if not isinstance(child, dict):
        return child
    result = dict(parent) if isinstance(parent, dict) else {}
    for key, value in child.items():
        if value is None:
            result.pop(key, None)
        elif key == "auth" and _is_other_auth(result.get("auth"), value):
            result[key] = value
        else:
            result[key] = _over(result.get(key), value) if isinstance(value, dict) else value
    return result


def _is_other_auth(parent: Any, child: Any) -> bool:
    if not (isinstance(parent, dict) and isinstance(child, dict)):
        return True
    return any(key in child and child[key] != parent.get(key) for key in ("type", "grant_type"))


def _written(data: Any) -> Any:
    """Without nulls: null means *not written*."""
    if isinstance(data, dict):
        return {key: _written(value) for key, value in data.items() if value is not None}
    return [_written(item) for item in data] if isinstance(data, list) else data


def _dropped_items(document: Document, parent: Any) -> list[Problem]:
    """A child's list replaces the parent's: say so where items are lost."""
    return [
        Problem("extends.dropped_items", document.source, document.mark(path), dotted(path),
                "this list replaces the parent's, and drops items of it", "repeat the parent's items if they are wanted", "warning")
        for path in _lists(document.data, ())
        if isinstance(theirs := _at(parent, path), list) and any(item not in _at(document.data, path) for item in theirs)
    ]  # fmt: skip


def _lists(data: Any, path: Path) -> list[Path]:
    if isinstance(data, list):
        return [path]
    if isinstance(data, dict):
        return [found for key, value in data.items() for found in _lists(value, (*path, key))]
    return []


def _at(data: Any, path: Path) -> Any:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data


def _has(data: Any, path: Path) -> bool:
    for part in path:
        if isinstance(data, dict) and part in data:
            data = data[part]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        else:
            return False
    return True
