"""The profiles of an engine as each tenant may see them: limits and the egress policy hold for every one that is given out."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from authweave.egress.profiles import problems_of
from authweave.errors import ProfileError
from authweave.limits import Within
from authweave.loading import refuse_outside
from authweave.machine.forks import Lock
from authweave.profile_files.finding import Change, ProfileFiles
from authweave.profile_files.watched import BrokenProfile
from authweave.resources import profiles_folder

if TYPE_CHECKING:
    from authweave.egress.guard import Guard
    from authweave.extensions.catalog import Catalog
    from authweave.limits.tenants import LimitsOf
    from authweave.profile import Profile

MOST_FILES: Final = 1_000
"""Limits that tell tenants apart for which profiles are remembered; of more, those of the least recently seen are read anew."""
MOST_SEEN: Final = 10_000
"""Profiles remembered as found to be good; of more, all are looked at anew."""


class FilesByTenant:
    """Safe for threads and forks. `tell` hears of every Change, and within which limits. `limits_of` says the limits of a tenant, if
    there are any; `sources` say what they would look at (see `Within`)."""

    def __init__(
        self, folders: Iterable[Path], catalog: Catalog, tell: Callable[[Change, Within | None], None], *, allows_paths: bool,
        guard: Guard | None, limits_of: LimitsOf | None, sources: Iterable[Any],
    ) -> None:  # fmt: skip
        self.folders = tuple(folders)
        self._catalog = catalog
        self._tell = tell
        self._allows_paths = allows_paths
        self._guard = guard
        self._limits_of = limits_of
        self._sources = tuple(sources)
        self._by_limits: OrderedDict[Within | None, ProfileFiles] = OrderedDict()
        self._seen: dict[tuple[int, Within | None], Profile] = {}
        self._lock = Lock()

    @property
    def are_limited(self) -> bool:
        """Are there limits, for whichever tenant?"""
        return self._limits_of is not None

    def within(self, tenant: str) -> Within | None:
        """The limits of a tenant's profiles; None where there are none. Raises SettingsError where a host's function fails."""
        return None if self._limits_of is None else Within.of(self._limits_of(tenant), tenant, self._sources)

    def files(self, within: Within | None) -> ProfileFiles:
        """The profiles within some limits."""
        with self._lock:
            found = self._by_limits.get(within)
            if found is None:
                found = self._by_limits[within] = ProfileFiles(
                    self.folders, profiles_folder(), self._catalog, lambda change: self._tell(change, within),
                    allows_paths=self._allows_paths, accepts=self.accepted, within=within,
                )  # fmt: skip
            self._by_limits.move_to_end(within)
            if len(self._by_limits) > MOST_FILES:
                self._by_limits.pop(next(each for each in self._by_limits if each is not None))
            return found

    def accepted(self, profile: Profile, within: Within | None = None) -> Profile:
        """The profile, if limits and egress policy find nothing in it. Raises ProfileError."""
        if (self._guard is None and within is None) or self._seen.get((id(profile), within)) is profile:
            return profile
        if within is not None:
            refuse_outside(profile, within, self._catalog)
        if self._guard is not None and (problems := [problem for problem in problems_of(profile, self._guard) if problem.severity == "error"]):
            raise ProfileError(problems)
        if len(self._seen) >= MOST_SEEN:
            self._seen.clear()
        self._seen[id(profile), within] = profile
        return profile

    def broken(self) -> list[BrokenProfile]:
        """What is wrong right now with the files of the profiles that were asked for, and what is served in their place."""
        with self._lock:
            files = list(self._by_limits.values())
        return list(dict.fromkeys(broken for each in files for broken in each.broken()))
