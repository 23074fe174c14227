"""A profile that cannot be applied by itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.values import Problem


class Servers:
    """Without `servers` the host must say who may get the credential: a note, not an error."""

    name: ClassVar[str] = "servers.missing"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """The note."""
        if "servers" not in checked.merged.written and checked.data.get("abstract") is not True and "auth" in checked.data:
            fix = "add servers: ['https://…'], or name them when connecting; until then `test` is token_only"
            yield checked.problem(self.name, ("servers",), "no `servers`: nobody gets the credential", fix, severity="warning")
