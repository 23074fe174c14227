"""One thing in which a profile and its provider's metadata differ: a problem with where the metadata say otherwise."""

from __future__ import annotations

from dataclasses import dataclass

from authweave.values import Problem


@dataclass(frozen=True, slots=True)
class Finding(Problem):
    """A problem whose `rule` begins with `online.`, and whose `severity` may also be "info", a hint.

    `metadata_url` is what was read, `member` the name in it, `says` its value; empty where there was nothing to read.
    """

    metadata_url: str = ""
    member: str = ""
    says: tuple[str, ...] = ()

    def __str__(self) -> str:
        place = f"{self.source}:{self.mark.line}:{self.mark.column}" if self.mark else self.source
        severity = "" if self.severity == "error" else f"{self.severity}: "
        fix = f"; {self.fix}" if self.fix else ""
        read = f" ({self.metadata_url}{f' {self.member}' if self.member else ''})" if self.metadata_url else ""
        return f"{place}: {severity}{self.key}: {self.message}{fix}{read} [{self.rule}]"

    def as_dict(self) -> dict[str, object]:
        """The finding as plain data, for `--format json`."""
        return {**Problem.as_dict(self), "metadata_url": self.metadata_url, "member": self.member, "says": list(self.says)}
