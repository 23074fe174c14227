"""The profile's name and the file's."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePath
from typing import ClassVar, Final

from authweave.checking.document import Checked
from authweave.frame import NAME
from authweave.values import Problem

_NAME: Final = re.compile(NAME)


class FileName:
    """One profile per file, named like it, so that a reference finds it."""

    name: ClassVar[str] = "name.file"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """A problem when the two differ. Texts that come from no file (`<…>`) have no name to differ from."""
        source = checked.document.source
        name = checked.data.get("name")
        stem, _, ending = PurePath(source).name.rpartition(".")
        if isinstance(name, str) and stem and not source.startswith("<") and name != stem:
            rename = f"rename the file to {name}.{ending}"
            fix = f"write name: {stem}, or {rename}" if _NAME.match(stem) else rename
            yield checked.problem(self.name, ("name",), f"the file is named {PurePath(source).name}", fix)
