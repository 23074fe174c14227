"""What can be seen of files without reading them: enough to know that one was touched."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Self

Stamp = tuple[int, ...]
"""Device, inode, size, time of change of content and of status (ns); or the number of the error alone."""
_THERE: Final = 5


@dataclass(frozen=True, slots=True)
class Sight:
    """Places where files were looked for, with the stamp of what was there; None where nothing was."""

    stamps: Mapping[str, Stamp | None] = field(default_factory=dict)

    @classmethod
    def of(cls, places: Iterable[str]) -> Self:
        """These places, now. Never raises."""
        return cls({place: stamp_of(place) for place in places})

    def anew(self) -> Self:
        """The same places, now."""
        return self.of(self.stamps)

    def lost(self, now: Sight) -> bool:
        """Was something here that is not there any more?"""
        return any(stamp is not None and now.stamps[place] is None for place, stamp in self.stamps.items())

    def youngest(self, before: Sight | None = None) -> float:
        """When the content of what differs from `before` was last written, in Unix seconds by the file system's clock;
        infinity where that cannot be known."""
        differing = (stamp for place, stamp in self.stamps.items() if stamp is not None and (before is None or stamp != before.stamps.get(place)))
        return max((stamp[3] / 1e9 if len(stamp) == _THERE else float("inf") for stamp in differing), default=float("-inf"))


def stamp_of(place: str) -> Stamp | None:
    """What is seen at a place, links followed; None for nothing. Never raises."""
    try:
        found = os.stat(place)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    except OSError as error:
        return (error.errno or 0,)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
