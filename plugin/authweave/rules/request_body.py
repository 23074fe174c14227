"""A request whose body is said in two ways, or in none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from authweave.checking.document import Checked
from authweave.checking.parts import RequestPart
from authweave.values import Path, Problem


class RequestBody:
    """A body is made from payload fields or is `content`, in an encoding that has one."""

    name: ClassVar[str] = "request.body"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per contradiction."""
        for request in checked.requests:
            for key, why, fix in _contradictions(request):
                yield checked.problem(self.name, (*request.path, *key), why, fix, of_key=True)


def _contradictions(request: RequestPart) -> Iterable[tuple[Path, str, str]]:
    spec, encoding = request.spec, request.encoding
    if "content" in spec and encoding in ("none", "query", "multipart"):
        yield ("content",), f"encoding {encoding} has no text body", "write encoding: text, xml, json or form"
    elif (payload := _payload(request)) is not None and ("content" in spec or encoding in ("none", "text")):
        why = "`content` is the whole body" if "content" in spec else f"encoding {encoding} has no fields"
        yield ("fields", payload), f"a payload field has no place: {why}", "remove `content`, or choose form, json, multipart, xml or query"
    if "content_type" in spec and encoding in ("none", "query") and "content" not in spec:
        yield ("content_type",), f"encoding {encoding} sends no body that could have a type", "remove it, or choose an encoding with a body"


def _payload(request: RequestPart) -> int | None:
    default = "" if request.carrier == "test" else "payload"
    fields: list[Any] = request.spec.get("fields", [])
    return next((index for index, field in enumerate(fields) if field.get("in", default) == "payload"), None)
