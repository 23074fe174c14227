"""A part of the body that wants to know the finished body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from authweave.checking.document import Checked
from authweave.values import Problem

_LATE: Final = (("request", "body"), ("request", "headers"), ("signature",))


class FieldOrder:
    """What reads `request.body`, `request.headers` or `signature` is placed last, when the payload is encoded: it cannot be payload."""

    name: ClassVar[str] = "field.order"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per payload field."""
        for field in checked.fields:
            if field.place != "payload":
                continue
            for part in ("value", "when"):
                compiled = checked.compiled.get((*field.path, part))
                late = next((read for read in compiled.reads if read[:2] in _LATE or read[:1] in _LATE), None) if compiled else None
                if late is not None:
                    words = f"a payload field cannot read `{'.'.join(late[:2])}`: it is known only once the payload is encoded"
                    yield checked.problem(self.name, (*field.path, part), words, "write the field in: header or in: query")
