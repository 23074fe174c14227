"""A key that cannot stand in its place: a header name with a space, a reserved header."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from authweave.checking import Checked
from authweave.defaults import auth_paths
from authweave.values import Path, Problem


class WrongKey:
    """Each placement says what its keys may be."""

    name: ClassVar[str] = "field.key"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per key."""
        for path, field, place in _fields(checked):
            placement = checked.catalog.named("placements").get(place)
            key = field.get("key")
            if placement is not None and isinstance(key, str) and (why := placement().wrong_key(key)):
                yield checked.problem(self.name, (*path, "key"), why, f"choose another key for `in: {place}`")


def _fields(checked: Checked) -> Iterable[tuple[Path, dict[str, Any], str]]:
    groups: list[tuple[Path, Any, str]] = [(("fields",), checked.data.get("fields"), "")]
    for path, auth in auth_paths(checked.data):
        groups.append(((*path, "fields"), auth.get("fields"), ""))
        for request in ("token_request", "refresh_request"):
            if isinstance(auth.get(request), dict):
                groups.append(((*path, request, "fields"), auth[request].get("fields"), "payload"))
    for path, fields, place in groups:
        for index, field in enumerate(fields if isinstance(fields, list) else []):
            if isinstance(field, dict):
                yield (*path, index), field, str(field.get("in", place))
