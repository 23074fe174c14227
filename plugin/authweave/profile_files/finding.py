"""The profiles of an engine's folders, found by what people write, and looked at again while they are used."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from authweave.errors import AuthweaveError, UsageError
from authweave.inheritance.references import Reference, is_name, shown
from authweave.loading import ENDINGS, files_in
from authweave.machine.forks import Lock
from authweave.profile import Profile
from authweave.profile_files.watched import BrokenProfile, Clocks, Watched

if TYPE_CHECKING:
    from authweave.extensions.catalog import Catalog
    from authweave.limits import Within

LOOK_EVERY: Final = 0.25
"""Seconds between two looks at the files of a profile that is used all the time: a look costs some microseconds a file."""
MOST: Final = 20_000
"""References and files remembered. Of more, those known longest are read anew when somebody asks for them."""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a file. `kind` is a kind of event, '' for one that is gone. `before` was served until now, `now` is from now on."""

    kind: str
    profile: str
    detail: str
    source: str
    before: Profile | None = None
    now: Profile | None = None


@dataclass(slots=True)
class _Served:
    """What a reference gave, from which file, and when (monotonic) that was looked at."""

    profile: Profile
    file: Watched
    looked_at: float


class ProfileFiles:
    """Profiles by `name`, `name@version` or path. Safe for threads and forks; starts no thread.

    Folders are searched in their order, then the `shipped` one. `tell` hears of every Change, outside of any lock. `allows_paths`:
    may a text be the path of a file? A `Path` always may: only a program makes one. `within` are the limits of those who ask: no
    file of a profile outside of them is looked at.
    """

    def __init__(
        self, folders: Iterable[Path], shipped: Path, catalog: Catalog, tell: Callable[[Change], None], *,
        allows_paths: bool = True, accepts: Callable[[Profile], Profile] | None = None,
        within: Within | None = None, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        self._own = tuple(dict.fromkeys(folders))
        self.folders = tuple(dict.fromkeys((*self._own, shipped)))
        self._catalog = catalog
        self._tell = tell
        self._allows_paths = allows_paths
        self._accepts = accepts
        self._within = within
        self._clocks = Clocks(monotonic, wall)
        self._served: dict[str | Path, _Served] = {}
        self._places: dict[str, tuple[str, ...]] = {}
        self._files: dict[str, Watched] = {}
        self._changes: list[Change] = []
        self._lock = Lock()

    def profile(self, reference: str | Path) -> Profile:
        """The profile: the last good version of its file. Raises ProfileError where there is none, UsageError."""
        served = self._served.get(reference) if isinstance(reference, str | Path) else None
        now = self._clocks.monotonic()
        if served is not None and 0 <= now - served.looked_at < LOOK_EVERY:
            return served.profile
        looking = _Looking(self)
        if served is not None:
            served.looked_at = now  # whoever else comes meanwhile need not look
            if not looking.is_begun_at_once():
                return served.profile  # a folder that hangs (NFS) holds up the one who looks, and nobody else
        with looking:
            try:
                file, profile = self._found(reference)
            except AuthweaveError:
                if isinstance(reference, str | Path):
                    self._served.pop(reference, None)
                raise
            self._served[reference] = _Served(profile, file, now)
            _shorten(self._served)
        return profile

    def as_read(self, reference: str | Path) -> Profile:
        """The same as it was last read, without a look at its file. Raises as `profile` does."""
        served = self._served.get(reference)
        return served.profile if served is not None else self.profile(reference)

    def read_anew(self) -> None:
        """Take every file as it stands at the next look: for who has just written one, and knows that it is whole."""
        with self._lock:
            self._served.clear()
            self._files.clear()

    def path_of(self, reference: str | Path) -> Path:
        """The file of a profile, be it valid or not. Raises UsageError."""
        if (path := self._path(reference)) is not None:
            return path
        wanted = Reference.of(str(reference))
        with _Looking(self):
            if wanted.version:
                return self._file(str(reference)).path
            for place in self._candidates(wanted.name):
                if self._is_there(place):
                    return Path(place)
        raise self._nobody(wanted, [])

    def names(self) -> list[str]:
        """The names that can be referred to, in the order they are found; the first of a name wins.

        A folder that cannot be read has none but those that are in use.
        """
        found = {path.stem: None for folder in self.folders for path in _files_of(folder) if is_name(path.stem)}
        with self._lock:
            missed = [file for file in self._files.values() if file.path.stem not in found and file.path.parent in self.folders and file.profile is not None]
            return [name for name in dict.fromkeys([*found, *(file.path.stem for file in missed if file.is_there)]) if self._may_be_used(name)]

    def knows(self, reference: object) -> bool:
        """Is there a profile of this name, valid or not, and whatever its version? A path is no name. Never raises."""
        if not isinstance(reference, str):
            return False
        served = self._served.get(reference)
        name = reference.partition("@")[0]
        if not is_name(name) or name.endswith(ENDINGS) or not self._may_be_used(name):
            return False
        looking = _Looking(self)
        if served is not None and (0 <= self._clocks.monotonic() - served.looked_at < LOOK_EVERY or not looking.is_begun_at_once()):
            return True
        with looking:
            return any(map(self._is_there, self._candidates(name)))

    def broken(self) -> list[BrokenProfile]:
        """Every profile asked for so far whose file cannot be used as it stands now."""
        for reference in list(self._served):
            try:
                self.profile(reference)
            except AuthweaveError:
                continue
        with _Looking(self):
            for file in list(self._files.values()):
                if not self._is_there(str(file.path)):
                    continue
                if (broken := file.broken) is not None and not broken.served:
                    file.look()
            return [broken for file in self._files.values() if (broken := file.broken) is not None]

    def _may_be_used(self, name: str) -> bool:
        return self._within is None or self._within.allows("profiles", name)

    def _refuse_outside(self, name: str) -> None:
        if self._within is not None:
            self._within.refuse_profile(name)

    def _found(self, reference: str | Path) -> tuple[Watched, Profile]:
        path = self._path(reference)
        file = self._at(path) if path is not None else self._file(str(reference))
        if file.profile is not None:
            return file, file.profile
        raise file.error.fresh() if file.error is not None else self._no_file(file.path)

    def _path(self, reference: str | Path) -> Path | None:
        """The path that a reference is; None for a name. Raises UsageError."""
        if isinstance(reference, Path):
            self._refuse_outside(reference.stem)
            return reference
        if not isinstance(reference, str):
            raise UsageError(f"a profile is named by a text or by a path, not by {type(reference).__name__}")
        if not ("/" in reference or (os.altsep and os.sep in reference) or reference.endswith(ENDINGS)):
            if self._within is not None:
                self._within.refuse_profile(Reference.of(reference).name)
            return None
        if not self._allows_paths:
            raise UsageError(f"{shown(reference)}: profiles are named here, not given by their files (profile_paths = false)")
        self._refuse_outside(Path(reference).stem)
        return Path(reference)

    def _at(self, path: Path) -> Watched:
        """The file of a path, looked at. Raises UsageError where there is none."""
        if not self._is_there(str(path)):
            raise self._no_file(path)
        file = self._files.get(str(path)) or self._watched(path)
        file.look()
        return file

    def _file(self, reference: str) -> Watched:
        """The first file whose version fits. Raises UsageError, which names every version there is."""
        wanted = Reference.of(reference)
        candidates, others = self._candidates(wanted.name), []
        for number, place in enumerate(candidates):
            if not self._is_there(place):
                continue
            file = self._files.get(place) or self._watched(Path(place))
            stand_in = self._stand_in(wanted, self._served.get(reference), candidates[number + 1 :]) if file.profile is None else None
            profile = file.look(stand_in)
            if profile is None and stand_in is not None:
                continue
            if wanted.fits(profile.version if profile is not None else file.written_version or wanted.version):
                return file
            others.append(file)
        raise self._nobody(wanted, others)

    def _stand_in(self, wanted: Reference, served: _Served | None, later: Iterable[str]) -> Profile | None:
        """What the reference gave until now, where that stands behind a file that is new."""
        if served is None or served.file.profile is None or str(served.file.path) not in later or not self._is_there(str(served.file.path)):
            return None
        return served.file.profile if wanted.fits(served.file.profile.version) else None

    def _candidates(self, name: str) -> tuple[str, ...]:
        known = self._places.get(name)
        if known is None:
            known = self._places[name] = tuple(str(folder / f"{name}{ending}") for folder in self.folders for ending in ENDINGS)
            _shorten(self._places)
        return known

    def _is_there(self, place: str) -> bool:
        known = self._files.get(place)
        if known is None:
            return os.path.isfile(place)
        if known.is_there:
            return True
        del self._files[place]
        if known.profile is not None:
            self._note(Change("", known.path.stem, "", place, known.profile))
        return False

    def _watched(self, path: Path) -> Watched:
        file = self._files[str(path)] = Watched(path, self._own, self._catalog, self._clocks, self._took, self._broke, self._accepts, self._within)
        _shorten(self._files)
        return file

    def _took(self, file: Watched, before: Profile | None, words: str) -> None:
        self._note(Change("profile_changed", file.path.stem, words, str(file.path), before, file.profile))

    def _broke(self, file: Watched, broken: BrokenProfile) -> None:
        self._note(Change("profile_broken", broken.name, str(broken), str(file.path)))

    def _note(self, change: Change) -> None:
        self._changes.append(change)
        for served in list(self._served.values()):
            if served.profile is change.before:
                served.looked_at = float("-inf")  # other references to it look at once

    def _no_file(self, path: Path) -> UsageError:
        return UsageError(f"{shown(str(path))}: no such file")

    def _nobody(self, wanted: Reference, others: list[Watched]) -> UsageError:
        if others:
            found = ", ".join(f"{file.profile.version if file.profile else file.written_version} ({file.path})" for file in others)
            return UsageError(f"{wanted.name}: there is no version {wanted.version}; there is {found}")
        searched = ", ".join(str(folder) for folder in self._own) or "no folder of yours (AUTHWEAVE_PROFILES=FOLDER names one)"
        return UsageError(f"there is no profile {shown(wanted.name)}: looked into {searched} and the shipped profiles")


class _Looking:
    """The lock around a look at the files; what changed meanwhile is told when it is free again."""

    __slots__ = ("_files", "_has_begun")

    def __init__(self, files: ProfileFiles) -> None:
        self._files = files
        self._has_begun = False

    def is_begun_at_once(self) -> bool:
        """Take the lock now, if nobody has it; `with` ends it."""
        self._has_begun = self._files._lock.is_taken_at_once()
        return self._has_begun

    def __enter__(self) -> None:
        if not self._has_begun:
            self._files._lock.__enter__()

    def __exit__(self, *_: object) -> None:
        files = self._files
        changes, files._changes = files._changes, []
        files._lock.__exit__()
        for change in changes:
            files._tell(change)


def _files_of(folder: Path) -> list[Path]:
    try:
        return list(files_in(folder))
    except OSError:
        return []


def _shorten(known: dict[Any, Any]) -> None:
    while len(known) > MOST:
        known.pop(next(iter(known)), None)
