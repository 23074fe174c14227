"""A header that the auth type writes itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from authweave.checking.document import Checked
from authweave.values import Problem

_TYPES: Final = ("digest", "ntlm", "negotiate")


class OwnHeader:
    """These types write `Authorization` themselves, anew for each request: a field of that name would never arrive."""

    name: ClassVar[str] = "field.own_header"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per field."""
        types = [str(auth.get("type")) for _, auth, _ in checked.variants]
        for field in checked.fields:
            if field.carrier not in ("task", "credential") or field.place != "header" or field.key.lower() != "authorization":
                continue
            of_variant = types[int(field.path[1])] if field.path[0] == "auth" and isinstance(field.path[1], int) else types[0] if field.path[0] == "auth" else ""
            own = [of_variant] if of_variant else types
            if found := next((kind for kind in own if kind in _TYPES), None):
                yield checked.problem(self.name, (*field.path, "key"), f"type {found} writes this header itself", "remove the field, or write another type")
