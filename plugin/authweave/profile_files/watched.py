"""One profile's file, with its parents: the last good version, whatever becomes of the files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from authweave.checking.document import Checked
from authweave.errors import AuthweaveError, ProfileError, UnexpectedFailure
from authweave.loading import LookedAt, check_file, profile_of
from authweave.profile import Profile
from authweave.profile_files.sight import Sight, Stamp, stamp_of
from authweave.values import Problem

if TYPE_CHECKING:
    from authweave.extensions.catalog import Catalog
    from authweave.limits import Within

STILL: Final = 0.4
"""Seconds that a changed file has to lie still before it is taken: whoever writes it may not be at its end."""
GONE: Final = 5.0
"""Seconds that a deleted file goes on being served: `git checkout` deletes and creates."""
SURELY_OLD: Final = 3.0
"""Seconds after which a file's own time says that nobody writes to it, however coarse or odd the file system's clock is."""


@dataclass(frozen=True, slots=True)
class BrokenProfile:
    """A profile whose file cannot be used as it stands now.

    `error` is what is wrong in words, `problems` each of it with its place. `since` is in Unix seconds. `served` is the
    version in use instead (`acme-crm@1.2.0`), '' if there is none: whoever asks for the profile gets the error.
    """

    name: str
    file: str
    problems: tuple[Problem, ...]
    since: float
    served: str
    error: str

    def __str__(self) -> str:
        """A line for people: the first problem with its place, how many more there are, and what is served."""
        errors = sorted((problem for problem in self.problems if problem.severity == "error"), key=lambda problem: problem.rule != "extends")
        first = str(errors[0]) if errors else self.error
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        return f"{first}{more}; {f'{self.served} is served instead' if self.served else 'nothing is served'}"


@dataclass(frozen=True, slots=True)
class Clocks:
    """`monotonic` measures what passes, `wall` is compared with the times of files. Both in seconds."""

    monotonic: Callable[[], float]
    wall: Callable[[], float]


@dataclass(frozen=True, slots=True)
class _Read:
    """How the files looked before they were read. Where they were young then they are read once more after `doubted_until`
    (monotonic): a second write in one tick of the file system's clock looks like the first."""

    sight: Sight
    doubted_until: float | None


@dataclass(frozen=True, slots=True)
class _Loaded(_Read):
    """What is served."""

    profile: Profile


@dataclass(frozen=True, slots=True)
class _Failure(_Read):
    """What was tried in vain. `version` is the one that is written there, '' if that cannot be read."""

    error: AuthweaveError
    since: float
    version: str


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A change that was seen, and since when (monotonic) it looks the same."""

    sight: Sight
    since: float


@dataclass(slots=True)
class Watched:
    """A file that is looked at now and then. `took(file, what was served before or None, words)` and `broke(file, how)` are called
    when something is to be told. `accepts` raises ProfileError for one that is valid and still not to be used here; `within` holds it to a tenant's limits. Not safe for threads: whoever has it has a lock, too."""

    path: Path
    folders: tuple[Path, ...]
    catalog: Catalog
    clocks: Clocks
    took: Callable[[Watched, Profile | None, str], None]
    broke: Callable[[Watched, BrokenProfile], None]
    accepts: Callable[[Profile], Profile] | None = None
    within: Within | None = None
    _loaded: _Loaded | None = None
    _failure: _Failure | None = None
    _waiting: _Waiting | None = None
    _gone_since: float | None = None
    _stand_in: Profile | None = None

    @property
    def profile(self) -> Profile | None:
        """The last good version, if there was one."""
        return self._loaded.profile if self._loaded else None

    @property
    def error(self) -> AuthweaveError | None:
        """Why what stands there now cannot be used."""
        return self._failure.error if self._failure else None

    @property
    def written_version(self) -> str:
        """The version that the broken file says it is; '' if that cannot be read."""
        return self._failure.version if self._failure else ""

    @property
    def is_there(self) -> bool:
        """Is there something, or was something served until a moment ago, so that it may come back?"""
        if stamp_of(str(self.path)) is not None:
            self._gone_since = None
            return True
        if self._loaded is None:
            return False
        now = self.clocks.monotonic()
        self._gone_since = now if self._gone_since is None else self._gone_since
        return now - self._gone_since < GONE

    @property
    def broken(self) -> BrokenProfile | None:
        """What is wrong now."""
        failure = self._failure
        if failure is None:
            return None
        problems = failure.error.problems if isinstance(failure.error, ProfileError) else ()
        served = self.profile or self._stand_in
        return BrokenProfile(self.path.stem, str(self.path), tuple(problems), failure.since, served.reference if served else "", str(failure.error))

    def look(self, stand_in: Profile | None = None) -> Profile | None:
        """The version that is to be used now; None if there is none, and then `error` says why.

        What is there for the first time is taken at once; where a `stand_in` was served until now it, too, has to lie still.
        """
        self._stand_in = stand_in
        known = self._failure or self._loaded
        if known is None:
            self._begin(Sight.of([str(self.path)]))
        elif self._gone_since is None:
            self._compare(known)
        return self.profile

    def _begin(self, now: Sight) -> None:
        if self._stand_in is None or self._is_still(now, Sight()):
            self._try()

    def _compare(self, known: _Read) -> None:
        now = known.sight.anew()
        if now == known.sight and not self._is_doubted(known):
            self._waiting = None
        elif (self._loaded is None and self._stand_in is None) or self._is_still(now, known.sight):
            self._try()

    def _is_doubted(self, known: _Read) -> bool:
        return known.doubted_until is not None and self.clocks.monotonic() >= known.doubted_until

    def _is_still(self, now: Sight, before: Sight) -> bool:
        """Has what changed been as it is for long enough?"""
        moment = self.clocks.monotonic()
        if self._waiting is None or self._waiting.sight != now:
            self._waiting = _Waiting(now, moment)
        if before.lost(now):
            return moment - self._waiting.since >= GONE
        return self.clocks.wall() - now.youngest(before) >= SURELY_OLD or moment - self._waiting.since >= STILL

    def _try(self) -> None:
        """Read what is there, and take it if it is good, and was not written to meanwhile."""
        self._waiting = None
        seen: dict[str, Stamp | None] = {}
        checked, profile, error = self._read(lambda path: seen.setdefault(str(path), stamp_of(str(path))))
        sight = Sight(seen)
        if (self._loaded or self._stand_in) and sight.anew() != sight:
            return
        if profile is not None:
            self._take(profile, sight)
        elif error is not None:
            self._refuse(error, sight, _version_of(checked))

    def _read(self, looked_at: LookedAt) -> tuple[Checked | None, Profile | None, AuthweaveError | None]:
        checked = None
        try:
            checked = check_file(self.path, catalog=self.catalog, folders=self.folders, looked_at=looked_at, within=self.within)
            profile = profile_of(checked)
            return checked, self.accepts(profile) if self.accepts else profile, None
        except AuthweaveError as error:
            return checked, None, error.fresh()
        except Exception as error:  # noqa: BLE001 - a stranger's rule may fail in any way; what is served goes on
            return checked, None, UnexpectedFailure.of(error)

    def _take(self, profile: Profile, sight: Sight) -> None:
        before, was_broken = self.profile, self._failure is not None
        is_same = before is not None and _texts(before) == _texts(profile)
        kept = before if before is not None and is_same else profile
        self._loaded, self._failure = _Loaded(sight, self._doubted_until(sight), kept), None
        if before is not None and not is_same:
            self.took(self, before, f"{kept.reference} was read from {self.path}; before it was {before.version}")
        elif before is not None and was_broken:
            self.took(self, None, f"{self.path} is again what is served: {kept.reference}")
        elif self._stand_in is not None:
            self.took(self, self._stand_in, f"{kept.reference} was read from {self.path}; before it was {self._stand_in.merged.document.source}")

    def _refuse(self, error: AuthweaveError, sight: Sight, version: str) -> None:
        earlier = self._failure
        since = earlier.since if earlier else self.clocks.wall()
        self._failure = _Failure(sight, self._doubted_until(sight), error, since, version)
        is_told = earlier is not None and str(earlier.error) == str(error)
        if (self._loaded or self._stand_in) and not is_told and (broken := self.broken) is not None:
            self.broke(self, broken)

    def _doubted_until(self, sight: Sight) -> float | None:
        """Once for each sight, so that a file from the future is not read for ever."""
        known = self._failure or self._loaded
        is_young = self.clocks.wall() - sight.youngest() < SURELY_OLD
        return self.clocks.monotonic() + SURELY_OLD if is_young and (known is None or known.sight != sight) else None


def _texts(profile: Profile) -> tuple[tuple[str, str], ...]:
    """What a profile was made from."""
    merged = profile.merged
    return tuple((document.source, document.text) for document in (merged.document, *merged.parents))


def _version_of(checked: Checked | None) -> str:
    """The version that a file says it is; '' where it is broken in a way that may hide it."""
    document = checked.document if checked is not None else None
    if document is None or not isinstance(document.data, dict):
        return ""
    is_whole = all(problem.severity != "error" for problem in document.problems)
    version = document.data.get("version", "0.0.0" if is_whole else "")
    return version if isinstance(version, str) else ""
