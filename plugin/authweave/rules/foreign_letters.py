"""A host that is not what it looks like."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from authweave.checking.document import Checked
from authweave.urls import UrlTemplate
from authweave.urls.shown import other_letters
from authweave.values import Problem


class ForeignLetters:
    """A host in punycode is a host; it is shown with the letters that it stands for, and with their names: some only look like others."""

    name: ClassVar[str] = "url.letters"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One hint per URL."""
        for path, compiled in checked.compiled.items():
            if isinstance(compiled, UrlTemplate) and checked.merged.is_written(path) and (letters := other_letters(_with_stand_ins(compiled))):
                yield checked.problem(self.name, path, f"this host stands for other letters: {letters}", severity="info")


def _with_stand_ins(url: UrlTemplate) -> str:
    return "".join(part if isinstance(part, str) else "x" for part in url.template.parts)
