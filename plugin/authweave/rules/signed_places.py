"""A field in the place that the signature of the type takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from authweave.checking.document import Checked
from authweave.values import Problem

_TYPES: Final = frozenset({"oauth1", "aws_sigv4"})


class SignedPlaces:
    """The signature replaces what stands in its place, so that such a field would never be sent."""

    name: ClassVar[str] = "signature.place"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per field."""
        for path, auth, full in checked.variants:
            if auth.get("type") in _TYPES and full.get("signature_in", "header") == "header":
                for where, fields in ((path, auth.get("fields")), ((), checked.data.get("fields"))):
                    for index in _of_authorization(fields):
                        yield checked.problem(
                            self.name, (*where, "fields", index, "key"), f"type {auth['type']} puts its signature there",
                            "remove the field, or write signature_in: query",
                        )  # fmt: skip


def _of_authorization(fields: Any) -> Iterable[int]:
    for index, field in enumerate(fields if isinstance(fields, list) else ()):
        if isinstance(field, Mapping) and field.get("in") == "header" and str(field.get("key", "")).lower() == "authorization":
            yield index
