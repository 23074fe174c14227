"""Which profiles say something else than at a git revision: by what they resolve to, parents and all, not by their text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from authweave.documents import parse_document, read_document
from authweave.inheritance.merging import Merged, merged
from authweave.loading import ENDINGS, files_in, parents_in
from authweave.matrix.git import Revision, is_in_repository
from authweave.resources import profiles_folder
from authweave.values import Document


@dataclass(frozen=True, slots=True)
class Changed:
    """Of some profiles: those whose resolved content is another (new ones, too), those that are as they were, and what is gone."""

    changed: tuple[Path, ...]
    same: tuple[Path, ...]
    deleted: tuple[Path, ...] = ()


def changed_since(wanted: str, files: Iterable[Path], *, folders: Iterable[Path] = (), whole: Iterable[Path] = ()) -> Changed:
    """Sort profile files by whether they changed since a revision. `folders` are where parents are looked for besides.

    A change of a comment or of the layout is none; one of a parent, however far up, is one. Of the folders in `whole`
    every profile that is gone is named. Raises UsageError: no git, no repository, no such revision.
    """
    then = _Then(Revision(wanted), tuple(folders))
    changed: list[Path] = []
    same: list[Path] = []
    for file in files:
        (same if _resolved_now(file, then.folders) == then.resolved(file) else changed).append(file)
    deleted = [path for folder in whole for path in then.deleted(folder)]
    return Changed(tuple(changed), tuple(same), tuple(deleted))


def _resolved_now(file: Path, folders: tuple[Path, ...]) -> object:
    document = read_document(file)
    return _resolved(document, merged(document, parents_in((file.parent, *folders, profiles_folder()))))


def _resolved(document: Document, whole: Merged) -> object:
    """What stands for a profile: what it says with its parents; its very text where it cannot be read."""
    if not isinstance(document.data, dict) or document.problems:
        return document.text, tuple(problem.message for problem in document.problems)
    return json.dumps(whole.written, sort_keys=True), tuple(problem.message for problem in whole.problems)


class _Then:
    """The profiles as they were."""

    def __init__(self, revision: Revision, folders: tuple[Path, ...]) -> None:
        self.folders = folders
        self._revision = revision
        self._outside: dict[Path, bool] = {}

    def resolved(self, file: Path) -> object:
        """What a file resolved to; None if it was not there. Raises UsageError."""
        raw = self._revision.files(file.parent, ENDINGS).get(file.name)
        if raw is None:
            return None
        document = _document(raw, file)
        return _resolved(document, merged(document, lambda name, child: self._parent(name, file.parent)))

    def deleted(self, folder: Path) -> Iterator[Path]:
        """The profiles of a folder that are no more."""
        there = {path.name for path in files_in(folder)}
        yield from (folder / name for name in sorted(self._revision.files(folder, ENDINGS)) if name not in there and not name.startswith("."))

    def _parent(self, name: str, beside: Path) -> Document | None:
        for folder in (beside, *self.folders, profiles_folder()):
            for ending in ENDINGS:
                if (found := self._read(folder, f"{name}{ending}")) is not None:
                    return found
        return None

    def _read(self, folder: Path, name: str) -> Document | None:
        """A file as it was; what lies in no repository was as it is."""
        if self._is_outside(folder):
            return read_document(folder / name) if (folder / name).is_file() else None
        raw = self._revision.files(folder, ENDINGS).get(name)
        return None if raw is None else _document(raw, folder / name)

    def _is_outside(self, folder: Path) -> bool:
        if folder not in self._outside:
            is_shipped = folder == profiles_folder()  # which may lie, installed, in the midst of somebody's repository
            self._outside[folder] = not folder.is_dir() or not is_in_repository(folder) or (is_shipped and not self._revision.files(folder, ENDINGS))
        return self._outside[folder]


def _document(raw: bytes, path: Path) -> Document:
    return parse_document(raw, str(path), json=path.suffix.lower() == ".json")
