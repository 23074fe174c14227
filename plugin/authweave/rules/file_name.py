"""The profile's name and the file's."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.values import Problem


class FileName:
    """One profile per file, named like it, so that a reference finds it."""

    name: ClassVar[str] = "name.file"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """A problem when the two differ. Texts that come from no file (`<…>`) have no name to differ from."""
        source = checked.document.source
        name = checked.data.get("name")
        stem = PurePath(source).name.rpartition(".")[0]
        if isinstance(name, str) and stem and not source.startswith("<") and name != stem:
            yield checked.problem(self.name, ("name",), f"the file is named {PurePath(source).name}", f"write name: {stem}, or rename the file to {name}.yaml")
