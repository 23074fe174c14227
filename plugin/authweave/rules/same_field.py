"""The same field twice in one list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from authweave.checking import Checked
from authweave.defaults import auth_paths
from authweave.values import Path, Problem


class SameField:
    """The same `in` and `key` twice: each needs `when`, and the first true one wins."""

    name: ClassVar[str] = "field.twice"

    def check(self, checked: Checked) -> Iterable[Problem]:
        """One problem per field without `when` that has a twin."""
        yield from self._list(checked, ("fields",), checked.data.get("fields"), "")
        for path, auth in auth_paths(checked.data):
            yield from self._list(checked, (*path, "fields"), auth.get("fields"), "")
            for request in ("token_request", "refresh_request"):
                if isinstance(auth.get(request), dict):
                    yield from self._list(checked, (*path, request, "fields"), auth[request].get("fields"), "payload")

    def _list(self, checked: Checked, path: Path, fields: Any, place: str) -> Iterable[Problem]:
        groups: dict[tuple[str, str], list[int]] = {}
        for index, field in enumerate(fields if isinstance(fields, list) else []):
            if isinstance(field, dict):
                where, key = str(field.get("in", place)), str(field.get("key"))
                groups.setdefault((where, key.lower() if where == "header" else key), []).append(index)
        for indexes in groups.values():
            for index in indexes if len(indexes) > 1 else ():
                if "when" not in fields[index]:
                    yield checked.problem(self.name, (*path, index), "the same `in` and `key` stand twice", "give each a `when` (the first true one wins), or remove one")
