"""How people refer to a profile: `name`, `name@1`, `name@1.2`, `name@1.2.0`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

from authweave.errors import UsageError
from authweave.redaction import inert

FORMS: Final = "name, name@1, name@1.2 or name@1.2.0"
_NAME: Final = re.compile(r"(?![.])[^/\\:@\x00-\x1f\x7f]{1,200}")
_NUMBER: Final = "(0|[1-9][0-9]{0,17})"
_VERSION: Final = re.compile(rf"{_NUMBER}(\.{_NUMBER}(\.{_NUMBER}(-[0-9A-Za-z.-]{{1,100}})?(\+[0-9A-Za-z.-]{{1,100}})?)?)?")
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class Reference:
    """A profile's name, and the version that is asked for: whole, its beginning, or '' for any."""

    name: str
    version: str = ""

    @classmethod
    def of(cls, text: str) -> Self:
        """From what somebody wrote. Raises UsageError, also for what is a path in disguise (`../x`)."""
        name, at, version = text.partition("@")
        if not is_name(name):
            raise UsageError(f"{shown(text)} names no profile: write {FORMS}" if text else f"no profile is named: write {FORMS}")
        if at and not _VERSION.fullmatch(version):
            what = f"{shown(version)} is no version" if version else "no version stands behind the @"
            raise UsageError(f"{shown(text)}: {what}: write {name}, {name}@1, {name}@1.2 or {name}@1.2.0")
        return cls(name, version)

    def fits(self, version: str) -> bool:
        """Is it this version that is asked for?"""
        return not self.version or is_version(version, self.version)


def is_name(text: str) -> bool:
    """Can a file of a folder be found by it, and none elsewhere?"""
    return _NAME.fullmatch(text) is not None


def is_version(version: str, wanted: str) -> bool:
    """Is the version the one that is wanted, or does it begin with the numbers that are (`1`, `1.2`)?"""
    return version == wanted or (wanted.count(".") < 2 and version.startswith(f"{wanted}."))


def shown(text: str) -> str:
    """The text of somebody unknown as it may stand in a message."""
    return inert(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…")
