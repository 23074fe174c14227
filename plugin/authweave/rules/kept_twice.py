"""One name for two kept values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.checking.parts import keeps_of
from authweave.values import Path, Problem, dotted


class KeptTwice:
    """What the redirect, steps and answers keep has one owner for each name: else the last one would win, or the first."""

    name: ClassVar[str] = "kept.twice"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per name and further owner."""
        for path, auth, _ in checked.variants:
            owners: dict[str, Path] = {}
            for at, _ in keeps_of(path, auth):
                first = owners.setdefault(str(at[-1]), at)
                if first is not at:
                    yield checked.problem(self.name, at, f"{dotted(first)} keeps `{at[-1]}` already", "give one of them another name", of_key=True)
