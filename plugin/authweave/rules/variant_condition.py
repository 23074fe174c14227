"""A variant chosen by what is not known yet when it is chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from authweave.checking.document import Checked
from authweave.values import Problem

_KNOWN: Final = ("method", "scheme", "host", "port", "path")


class VariantCondition:
    """The `when` of a variant reads of the request only method, scheme, host, port and path of the task URL."""

    name: ClassVar[str] = "variant.request"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per condition."""
        for path, _, _ in checked.variants:
            compiled = checked.compiled.get((*path, "when"))
            for read in sorted(compiled.reads) if compiled is not None else ():
                if read[0] == "request" and (len(read) < 2 or read[1] not in _KNOWN):
                    words = f"`{'.'.join(read[:2])}` is not known when the variant is chosen"
                    yield checked.problem(self.name, (*path, "when"), words, f"known then: {', '.join(f'request.{name}' for name in _KNOWN)}")
