"""A constant that cannot be sent in its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from authweave.checking.document import Checked
from authweave.checking.parts import FieldPart, wrong_key_of
from authweave.drafts.texts import text_for
from authweave.errors import PlacementError
from authweave.templates import Template
from authweave.values import Problem

_SCALARS: Final = frozenset({"header", "cookie", "path"})
_UNSENDABLE: Final = re.compile(r"[^\t\x20-\x7e]")


class FieldValue:
    """A header holds printable ASCII and no white space at its ends, a cookie less, a path segment is not empty (RFC 9110 §5.5, 6265 §4.1.1, 3986 §3.3)."""

    name: ClassVar[str] = "field.value"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per value. The value is not repeated."""
        for field in checked.fields:
            if field.place not in _SCALARS or "value" not in field.spec:
                continue
            at = (*field.path, "value")
            compiled = checked.compiled.get(at)
            if compiled is None:
                continue
            why = _of_constant(checked, field) if compiled.constant else _of_template(compiled, field)
            if why:
                yield checked.problem(self.name, at, *why)


def _of_constant(checked: Checked, field: FieldPart) -> tuple[str, str] | None:
    placement = checked.catalog.named("placements").get(field.place)
    if placement is None or not field.key or wrong_key_of(placement, field.key) or field.carrier == "credential":
        return None
    from authweave.drafts.draft import Draft

    try:
        if field.place == "path":
            return _of_segment(text_for(field.spec["value"], f"path field {field.key}"))
        placement().place(Draft.new("POST", "https://example.com/", "json", None), field.key, field.spec["value"], "replace")
    except PlacementError as error:
        return str(error), "write a value that can be sent there"
    return None


def _of_segment(text: str) -> tuple[str, str] | None:
    return ("a segment of a path is not empty, `.` or `..`", "write a value that can be sent there") if text in ("", ".", "..") else None


def _of_template(compiled: Any, field: FieldPart) -> tuple[str, str] | None:
    if field.place != "header" or not isinstance(compiled, Template):
        return ("a list or map cannot be sent there", "write a text") if isinstance(field.spec["value"], list | Mapping) else None
    texts = [part for part in compiled.parts if isinstance(part, str)]
    if any(map(_UNSENDABLE.search, texts)):
        return "a header holds printable ASCII only (RFC 9110 §5.5)", "take line breaks and other characters out; write the text on one line, without | or >"
    first, last = compiled.parts[0], compiled.parts[-1]
    if (isinstance(first, str) and first[:1] in " \t") or (isinstance(last, str) and last[-1:] in " \t"):
        return "begins or ends with white space, which HTTP does not keep", "take it out"
    return None
